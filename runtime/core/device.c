/* device.c: opens and closes a device. */
#include "core/device.h"

#include <stdlib.h>

#include "core/blas.h"
#include "core/device_list.h"
#include "core/program.h"

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

dcl_device_counts dcl_device_statistics(const dcl_device *device)
{
    return device->counts;
}

const char *dcl_device_reason(const dcl_device *device)
{
    return device->reason;
}
