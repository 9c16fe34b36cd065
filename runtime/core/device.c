/* device.c: opens and closes a device; its buffers and its log. */
#include "core/device.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/blas.h"
#include "core/device_list.h"
#include "core/memory.h"
#include "core/program.h"
#include "core/tensor.h"

static dcl_status open_queue(dcl_device *device, dcl_error *error)
{
    cl_int code;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)device->platform, 0};
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &code);
    dcl_status status = dcl__cl_check(error, code, "clCreateContext", "opening device '%s'", device->info.name);
    if (status)
        return status;
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &code);
    return dcl__cl_check(error, code, "clCreateCommandQueue", "opening device '%s'", device->info.name);
}

/* Finds the device that the selector means and notes its handles. */
static dcl_status select_device(dcl_device *device, const char *selector, dcl_error *error)
{
    dcl__listed *list = calloc(DCL__MOST_LISTED, sizeof *list);
    dcl_device_info *infos = calloc(DCL__MOST_LISTED, sizeof *infos);
    size_t count = 0, chosen = 0;
    dcl_status status = list && infos ? dcl__list_devices(list, &count, error)
                                      : dcl__no_memory(error, "the list of devices", DCL__MOST_LISTED);
    for (size_t i = 0; status == DCL_OK && i < count; i++)
        infos[i] = list[i].info;
    if (status == DCL_OK)
        status = dcl_device_choose(infos, count, selector, &chosen, device->reason, error);
    if (status == DCL_OK) {
        device->platform = list[chosen].platform;
        device->id = list[chosen].id;
        device->info = list[chosen].info;
    }
    free(infos);
    free(list);
    return status;
}

dcl_status dcl_device_open(const char *selector, dcl_device **device, dcl_error *error)
{
    dcl_device *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dcl__no_memory(error, "a device", sizeof *opened);
    dcl_status status = select_device(opened, selector, error);
    if (status == DCL_OK)
        status = open_queue(opened, error);
    if (status)
        dcl_device_close(opened);
    else
        *device = opened;
    return status;
}

/* The order matters: queue idle, kernels and programs, CLBlast's cache, then the context under them. */
void dcl_device_close(dcl_device *device)
{
    if (!device)
        return;
    dcl_error error;
    if (device->queue && dcl__cl_check(&error, clFinish(device->queue), "clFinish", "closing device '%s'",
                                       device->info.name))
        dcl__log(device, DCL_LOG_WARNING, "warning: %s", error.text);
    dcl__programs_release(device);
    dcl__gemm_release(device);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context)
        clReleaseContext(device->context);
    free(device);
}

const dcl_device_info *dcl_device_describe(const dcl_device *device)
{
    return &device->info;
}

dcl_device_counts dcl_device_count(const dcl_device *device)
{
    return device->counts;
}

const char *dcl_device_reason(const dcl_device *device)
{
    return device->reason;
}

void dcl_device_log(dcl_device *device, dcl_log_function log, void *user)
{
    device->log = log;
    device->log_user = user;
}

void dcl__log(const dcl_device *device, uint32_t level, const char *format, ...)
{
    if (!device->log)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->log(device->log_user, level, text);
}

/* ---- Buffers ---- */

dcl_status dcl__buffer_check(const dcl_device *device, const char *name, int64_t bytes, dcl_error *error)
{
    if (bytes <= device->info.allocation_bytes)
        return DCL_OK;
    return dcl__fail(error, DCL_EDEVICE, "'%s' takes %.1f MiB, but device '%s' allows at most %.1f MiB in one buffer "
                     "(use a smaller problem, f32, or another device)", name, dcl__mebibytes(bytes), device->info.name,
                     dcl__mebibytes(device->info.allocation_bytes));
}

dcl_status dcl__buffer_create(dcl_device *device, const char *name, int64_t bytes, cl_mem *buffer,
                              dcl_error *error)
{
    dcl_status status = dcl__buffer_check(device, name, bytes, error);
    if (status)
        return status;
    cl_int code;
    cl_mem made = clCreateBuffer(device->context, CL_MEM_READ_WRITE, (size_t)bytes, NULL, &code);
    if (code != CL_SUCCESS)
        return dcl__cl_check(error, code, "clCreateBuffer", "allocating %.1f MiB for '%s' on device '%s', which holds "
                             "%.1f MiB already", dcl__mebibytes(bytes), name, device->info.name,
                             dcl__mebibytes(device->counts.bytes_allocated));
    *buffer = made;
    device->counts.bytes_allocated += bytes;
    if (device->counts.bytes_peak < device->counts.bytes_allocated)
        device->counts.bytes_peak = device->counts.bytes_allocated;
    return DCL_OK;
}

void dcl__buffer_release(dcl_device *device, cl_mem buffer)
{
    if (!buffer)
        return;
    size_t bytes = 0;
    if (clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof bytes, &bytes, NULL) == CL_SUCCESS)
        device->counts.bytes_allocated -= (int64_t)bytes;
    clReleaseMemObject(buffer);
}

enum { PIECE = 1 << 17 };   /* elements converted at a time: 1 MiB of f64 */

/* Reads or writes a part of a buffer and waits. */
static dcl_status transfer(dcl_device *device, cl_mem buffer, int write, int64_t offset, int64_t bytes, void *data,
                           dcl_error *error)
{
    size_t from = (size_t)offset, size = (size_t)bytes;
    int code = write ? clEnqueueWriteBuffer(device->queue, buffer, CL_TRUE, from, size, data, 0, NULL, NULL)
                     : clEnqueueReadBuffer(device->queue, buffer, CL_TRUE, from, size, data, 0, NULL, NULL);
    return dcl__cl_check(error, code, write ? "clEnqueueWriteBuffer" : "clEnqueueReadBuffer",
                         "copying %" PRId64 " bytes %s device '%s'", bytes, write ? "to" : "from",
                         device->info.name);
}

/* Copies with conversion, a piece at a time, so that no second copy of the whole tensor is held. */
static dcl_status transfer_converted(dcl_device *device, cl_mem buffer, int write, const dcl_tensor *tensor,
                                     uint32_t dtype, char *data, dcl_error *error)
{
    int64_t inside = dcl__dtype_size(tensor->dtype), outside = dcl__dtype_size(dtype);
    void *piece = malloc((size_t)(PIECE * inside));
    if (!piece)
        return dcl__no_memory(error, "a conversion buffer", PIECE * inside);
    dcl_status status = DCL_OK;
    for (int64_t i = 0; status == DCL_OK && i < tensor->count; i += PIECE) {
        int64_t count = tensor->count - i < PIECE ? tensor->count - i : PIECE;
        if (write)
            dcl__convert(tensor->dtype, piece, dtype, data + i * outside, count);
        status = transfer(device, buffer, write, i * inside, count * inside, piece, error);
        if (status == DCL_OK && !write)
            dcl__convert(dtype, data + i * outside, tensor->dtype, piece, count);
    }
    free(piece);
    return status;
}

static dcl_status copy_tensor(dcl_device *device, cl_mem buffer, int write, const dcl_tensor *tensor,
                              uint32_t dtype, void *data, dcl_error *error)
{
    if (dtype == tensor->dtype)
        return transfer(device, buffer, write, 0, dcl__tensor_bytes(tensor), data, error);
    if ((dtype & DCL_REAL) && (tensor->dtype & DCL_REAL))
        return transfer_converted(device, buffer, write, tensor, dtype, data, error);
    return dcl__fail(error, DCL_EINVAL, "the tensor holds %s, which does not convert to or from %s",
                     dcl__dtype_name(tensor->dtype), dcl__dtype_name(dtype));
}

dcl_status dcl__buffer_write(dcl_device *device, cl_mem buffer, const dcl_tensor *tensor, uint32_t dtype,
                             const void *data, dcl_error *error)
{
    return copy_tensor(device, buffer, 1, tensor, dtype, (void *)data, error);
}

dcl_status dcl__buffer_read(dcl_device *device, cl_mem buffer, const dcl_tensor *tensor, uint32_t dtype,
                            void *data, dcl_error *error)
{
    return copy_tensor(device, buffer, 0, tensor, dtype, data, error);
}
