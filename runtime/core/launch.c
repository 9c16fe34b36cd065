/* launch.c: kernels with their arguments, for launches that repeat from step to step. */
#include "core/launch.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* A node that launches more kernels in a step than this shares kernels for the rest. */
enum { MOST_LAUNCHES = 256 };

struct dcl__launch {
    char *name, *defines;
    cl_kernel kernel;
    dcl_argument *arguments;     /* as they were set; kind 0: not set                                */
    uint32_t count;
};

/* ---- Arguments ---- */

static cl_mem buffer_of(const dcl_argument *argument)
{
    return argument->as.tensor ? argument->as.tensor->buffer : NULL;
}

/* Sets one kernel argument; an OpenCL code. */
static int set_argument(cl_kernel kernel, cl_uint i, const dcl_argument *argument, uint32_t real)
{
    switch (argument->kind) {
    case DCL_ARG_TENSOR:
        return clSetKernelArg(kernel, i, sizeof(cl_mem), argument->as.tensor ? &argument->as.tensor->buffer : NULL);
    case DCL_ARG_REAL:
        return real == DCL_F64 ? clSetKernelArg(kernel, i, sizeof(double), &argument->as.number)
                               : clSetKernelArg(kernel, i, sizeof(float), &(float){(float)argument->as.number});
    case DCL_ARG_LONG:
        return clSetKernelArg(kernel, i, sizeof(cl_long), &argument->as.integer);
    case DCL_ARG_UINT4:
        return clSetKernelArg(kernel, i, sizeof(cl_uint4), argument->as.word);
    case DCL_ARG_LONG8:
        return clSetKernelArg(kernel, i, sizeof(cl_long8), argument->as.list);
    case DCL_ARG_LOCAL:
        return clSetKernelArg(kernel, i, (size_t)argument->as.integer, NULL);
    default:
        return CL_INVALID_ARG_VALUE;
    }
}

/* Whether an argument is what was set before. A remembered tensor is its buffer. */
static int is_same(const dcl_argument *now, const dcl_argument *before)
{
    if (now->kind != before->kind)
        return 0;
    switch (now->kind) {
    case DCL_ARG_TENSOR: return (const void *)buffer_of(now) == (const void *)before->as.tensor;
    case DCL_ARG_REAL: return now->as.number == before->as.number;
    case DCL_ARG_UINT4: return memcmp(now->as.word, before->as.word, sizeof now->as.word) == 0;
    case DCL_ARG_LONG8: return memcmp(now->as.list, before->as.list, sizeof now->as.list) == 0;
    default: return now->as.integer == before->as.integer;
    }
}

static void remember(const dcl_argument *now, dcl_argument *before)
{
    *before = *now;
    if (now->kind == DCL_ARG_TENSOR)
        before->as.tensor = (const dcl_tensor *)buffer_of(now);
}

/* Sets the arguments that differ from `before`, or all when that is NULL. */
static dcl_status set_arguments(cl_kernel kernel, const char *name, const dcl_argument *arguments, uint32_t count,
                                uint32_t real, dcl_argument *before, dcl_error *error)
{
    for (uint32_t i = 0; i < count; i++) {
        if (before && is_same(&arguments[i], &before[i]))
            continue;
        int code = set_argument(kernel, i, &arguments[i], real);
        if (code != CL_SUCCESS)
            return dcl__cl_check(error, code, "clSetKernelArg", "setting argument %" PRIu32 " of kernel '%s'", i, name);
        if (before)
            remember(&arguments[i], &before[i]);
    }
    return DCL_OK;
}

/* ---- Launches ---- */

static void clear(dcl__launch *launch)
{
    if (launch->kernel)
        clReleaseKernel(launch->kernel);
    free(launch->name);
    free(launch->defines);
    free(launch->arguments);
    *launch = (dcl__launch){0};
}

static int is_of(const dcl__launch *launch, const dcl__build *build, const char *name, uint32_t count)
{
    return launch->kernel && launch->count == count && strcmp(launch->name, name) == 0 &&
           strcmp(launch->defines, build->defines ? build->defines : "") == 0;
}

/* Another kernel object of the program that `shared` is of. */
static dcl_status make_kernel(cl_kernel shared, const char *name, cl_kernel *kernel, dcl_error *error)
{
    cl_program program = NULL;
    cl_int code = clGetKernelInfo(shared, CL_KERNEL_PROGRAM, sizeof program, &program, NULL);
    dcl_status status = dcl__cl_check(error, code, "clGetKernelInfo", "preparing kernel '%s'", name);
    if (status)
        return status;
    cl_kernel made = clCreateKernel(program, name, &code);
    status = dcl__cl_check(error, code, "clCreateKernel", "preparing kernel '%s'", name);
    if (status == DCL_OK)
        *kernel = made;
    return status;
}

static dcl_status make_launch(dcl__launch *launch, cl_kernel shared, const dcl__build *build, const char *name,
                              uint32_t count, dcl_error *error)
{
    clear(launch);
    launch->count = count;
    launch->name = dcl__copy_string(name, error);
    launch->defines = dcl__copy_string(build->defines ? build->defines : "", error);
    launch->arguments = calloc(count + 1, sizeof *launch->arguments);
    dcl_status status = DCL_OK;
    if (!launch->name || !launch->defines || !launch->arguments)
        status = dcl__no_memory(error, "a launch", (int64_t)(count * sizeof *launch->arguments));
    if (status == DCL_OK)
        status = make_kernel(shared, name, &launch->kernel, error);
    if (status)
        clear(launch);
    return status;
}

/* Room for the next launch; NULL where there shall be no more. */
static dcl_status next_launch(dcl__launches *launches, dcl__launch **next, dcl_error *error)
{
    *next = NULL;
    if (!launches || launches->next >= MOST_LAUNCHES)
        return DCL_OK;
    if (launches->next == launches->count) {
        dcl_status status = dcl__grow(&launches->list, sizeof *launches->list, launches->count, &launches->capacity,
                                      "the launches of a node", error);
        if (status)
            return status;
        launches->list[launches->count++] = (dcl__launch){0};
    }
    *next = &launches->list[launches->next++];
    return DCL_OK;
}

dcl_status dcl__launch_prepare(dcl_device *device, dcl__launches *launches, const dcl__build *build, const char *name,
                               const dcl_argument *arguments, uint32_t count, cl_kernel *kernel, dcl_error *error)
{
    dcl__launch *launch;
    dcl_status status = next_launch(launches, &launch, error);
    if (status == DCL_OK && !(launch && is_of(launch, build, name, count))) {
        status = dcl__kernel(device, build, name, kernel, error);
        if (status == DCL_OK && launch)
            status = make_launch(launch, *kernel, build, name, count, error);
    }
    if (status)
        return status;
    if (launch)
        *kernel = launch->kernel;
    return set_arguments(*kernel, name, arguments, count, build->real, launch ? launch->arguments : NULL, error);
}

void dcl__launches_free(dcl__launches *launches)
{
    for (size_t i = 0; i < launches->count; i++)
        clear(&launches->list[i]);
    free(launches->list);
    *launches = (dcl__launches){0};
}
