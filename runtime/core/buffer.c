/* buffer.c: device memory: allocated and counted, copied to and from the host. */
#include "core/buffer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/memory.h"
#include "core/tensor.h"

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
