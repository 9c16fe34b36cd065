/* limits.c: what a device can do at most, measured: arithmetic, memory traffic, and launching a kernel. */
#include "benchmark/limits.h"

#include <math.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/program.h"
#include "core/tensor.h"
#include "limits.cl.h"

/* One timing lasts about so long. */
static const double LEAST = 0.02;
enum { CHAINS = 12, MOST_LANES = 16 };

/* A kernel with its arguments, ready to be launched again and again. */
typedef struct probe {
    dcl_device *device;
    uint32_t dtype;
    int lanes;
    const char *name;
    cl_kernel kernel;
    uint64_t items, group;
    cl_mem from, to;
    int64_t vectors;             /* in `from`, which one launch streams through                      */
} probe;

static dcl_status enqueue_probe(const probe *p, dcl_error *error)
{
    return dcl__enqueue(p->device, p->kernel, p->name, 1, &p->items, &p->group, error);
}

static dcl_status wait(const dcl_device *device, dcl_error *error)
{
    return dcl__cl_check(error, clFinish(device->queue), "clFinish", "measuring the limits of the device");
}

static dcl_status run_probe(void *user, int64_t calls, dcl_error *error)
{
    const probe *p = user;
    dcl_status status = DCL_OK;
    for (int64_t i = 0; i < calls && status == DCL_OK; i++)
        status = enqueue_probe(p, error);
    return status ? status : wait(p->device, error);
}

static dcl_status make_kernel(dcl_device *device, uint32_t dtype, int lanes, const char *name, cl_kernel *kernel,
                              dcl_error *error)
{
    char defines[32];
    snprintf(defines, sizeof defines, "LANES=%d", lanes);
    const dcl__build build = {.owner = "limits", .source = limits_cl, .real = dtype, .defines = defines};
    return dcl__kernel(device, &build, name, kernel, error);
}

/* Seconds of one launch, the least of all repeats; INFINITY when it was stopped before the first. */
static dcl_status time_probe(probe *p, int repeats, const dcl__watch *watch, const char *what, double *seconds,
                             dcl_error *error)
{
    dcl__side side = {run_probe, p, .least = LEAST};
    dcl__comparison times = {.repeats = repeats};
    dcl_status status = dcl__compare(watch, what, &side, 1, &times, error);
    *seconds = fmin(dcl__spread_of_side(&times, 0).least, INFINITY);
    return status;
}

/* CPUs like few work-items that do much, GPUs many in large groups. */
static probe make_probe(dcl_device *device, uint32_t dtype, int lanes, const char *name)
{
    const dcl_device_info *info = &device->info;
    int cpu = info->type == DCL_TYPE_CPU;
    uint64_t group = cpu ? 1 : info->work_group < 256 ? (uint64_t)info->work_group : 256;
    uint64_t groups = (uint64_t)info->compute_units * (cpu ? 4 : 16);
    return (probe){.device = device, .dtype = dtype, .lanes = lanes, .name = name, .items = groups * group,
                   .group = group};
}

static void describe(char text[32], const char *what, const probe *p)
{
    snprintf(text, 32, "%s, %s x %d", what, dcl__dtype_name(p->dtype), p->lanes);
}

/* ---- Arithmetic ---- */

static dcl_status set_arithmetic(const probe *p, cl_long rounds, dcl_error *error)
{
    const double factor = 0.5, step = 1;         /* the chains come to rest at 2                     */
    const float factor_f32 = 0.5f, step_f32 = 1;
    const size_t real = (size_t)dcl__dtype_size(p->dtype);
    int code = clSetKernelArg(p->kernel, 0, sizeof rounds, &rounds);
    code = code ? code : clSetKernelArg(p->kernel, 1, real, p->dtype == DCL_F64 ? (const void *)&factor : &factor_f32);
    code = code ? code : clSetKernelArg(p->kernel, 2, real, p->dtype == DCL_F64 ? (const void *)&step : &step_f32);
    code = code ? code : clSetKernelArg(p->kernel, 3, sizeof p->to, &p->to);
    return dcl__cl_check(error, code, "clSetKernelArg", "preparing %s", p->name);
}

static dcl_status time_rounds(probe *p, cl_long rounds, double *seconds, dcl_error *error)
{
    dcl_status status = set_arithmetic(p, rounds, error);
    double start = dcl__now();
    if (status == DCL_OK)
        status = run_probe(p, 1, error);
    *seconds = dcl__now() - start;
    return status;
}

/* As many rounds as last for LEAST seconds, so that launching counts for nothing. The first launch does not
 * count: drivers compile in it. */
static dcl_status calibrate_arithmetic(probe *p, cl_long *rounds, dcl_error *error)
{
    double seconds = 0;
    *rounds = 1024;
    dcl_status status = time_rounds(p, *rounds, &seconds, error);
    for (seconds = 0; status == DCL_OK && seconds < LEAST; *rounds *= 2)
        status = time_rounds(p, *rounds * 2, &seconds, error);
    return status;
}

static dcl_status try_arithmetic(probe *p, int repeats, const dcl__watch *watch, dcl__limits *limits,
                                 dcl_error *error)
{
    cl_long rounds = 0;
    double seconds = INFINITY;
    dcl_status status = make_kernel(p->device, p->dtype, p->lanes, p->name, &p->kernel, error);
    if (status == DCL_OK)
        status = calibrate_arithmetic(p, &rounds, error);
    if (status == DCL_OK)
        status = time_probe(p, repeats, watch, "limit of arithmetic", &seconds, error);
    double flops = 2.0 * CHAINS * p->lanes * (double)rounds * (double)p->items / seconds;
    if (status == DCL_OK && flops > limits->flops) {
        limits->flops = flops;
        describe(limits->arithmetic, "12 chains", p);
    }
    return status;
}

static dcl_status measure_arithmetic(dcl_device *device, int repeats, const dcl__watch *watch, dcl__limits *limits,
                                     dcl_error *error)
{
    int cpu = device->info.type == DCL_TYPE_CPU, most = cpu ? MOST_LANES : 4;
    probe p = make_probe(device, limits->dtype, cpu ? 2 : 1, "limit_arithmetic");
    int64_t bytes = (int64_t)p.items * most * dcl__dtype_size(limits->dtype);
    dcl_status status = dcl__buffer_create(device, "limit of arithmetic", bytes, &p.to, error);
    for (; p.lanes <= most && status == DCL_OK; p.lanes *= 2)
        status = try_arithmetic(&p, repeats, watch, limits, error);
    dcl__buffer_release(device, p.to);
    return status;
}

/* ---- Memory ---- */

/* On a CPU every work-item has a stretch of its own; on others neighbours read neighbours. */
static dcl_status set_streaming(const probe *p, dcl_error *error)
{
    int cpu = p->device->info.type == DCL_TYPE_CPU;
    const cl_long count = p->vectors / (cl_long)p->items, stride = cpu ? 1 : (cl_long)p->items, first = cpu ? count : 1;
    int code = clSetKernelArg(p->kernel, 0, sizeof count, &count);
    code = code ? code : clSetKernelArg(p->kernel, 1, sizeof stride, &stride);
    code = code ? code : clSetKernelArg(p->kernel, 2, sizeof first, &first);
    code = code ? code : clSetKernelArg(p->kernel, 3, sizeof p->from, &p->from);
    code = code ? code : clSetKernelArg(p->kernel, 4, sizeof p->to, &p->to);
    return dcl__cl_check(error, code, "clSetKernelArg", "preparing %s", p->name);
}

static dcl_status try_streaming(probe *p, int copies, int repeats, const dcl__watch *watch, dcl__limits *limits,
                                dcl_error *error)
{
    double seconds = INFINITY;
    p->name = copies ? "limit_copy" : "limit_read";
    dcl_status status = make_kernel(p->device, p->dtype, p->lanes, p->name, &p->kernel, error);
    if (status == DCL_OK)
        status = set_streaming(p, error);
    if (status == DCL_OK)
        status = time_probe(p, repeats, watch, "limit of memory", &seconds, error);
    double size = (double)(p->vectors * p->lanes * dcl__dtype_size(p->dtype));
    double bytes = size * (copies ? 2 : 1) / seconds;
    if (status == DCL_OK && bytes > limits->bytes) {
        limits->bytes = bytes;
        describe(limits->streaming, copies ? "copying" : "reading", p);
    }
    return status;
}

/* Array of 256 MiB, or less where the device allows less: a multiple of what all work-items read at a time. */
static int64_t stream_vectors(const probe *p)
{
    int64_t most = p->device->info.allocation_bytes < 256 << 20 ? p->device->info.allocation_bytes : 256 << 20;
    int64_t at_once = 4 * (int64_t)p->items;
    int64_t rounds = most / (dcl__dtype_size(p->dtype) * p->lanes * at_once);
    return (rounds < 1 ? 1 : rounds) * at_once;
}

/* Gives both arrays pages of their own: those that nobody wrote may all be the same one. */
static dcl_status fill(const probe *p, int64_t bytes, dcl_error *error)
{
    const cl_double zero = 0;
    cl_command_queue queue = p->device->queue;
    int code = clEnqueueFillBuffer(queue, p->from, &zero, sizeof zero, 0, (size_t)bytes, 0, NULL, NULL);
    code = code ? code : clEnqueueFillBuffer(queue, p->to, &zero, sizeof zero, 0, (size_t)bytes, 0, NULL, NULL);
    return dcl__cl_check(error, code, "clEnqueueFillBuffer", "preparing the limit of memory");
}

static dcl_status measure_memory(dcl_device *device, int repeats, const dcl__watch *watch, dcl__limits *limits,
                                 dcl_error *error)
{
    int lanes = (device->info.type == DCL_TYPE_CPU ? 64 : 16) / (int)dcl__dtype_size(limits->dtype);
    probe p = make_probe(device, limits->dtype, lanes, "limit_copy");
    p.vectors = stream_vectors(&p);
    int64_t bytes = p.vectors * lanes * dcl__dtype_size(limits->dtype);
    dcl_status status = dcl__buffer_create(device, "limit of memory", bytes, &p.from, error);
    if (status == DCL_OK)
        status = dcl__buffer_create(device, "limit of memory", bytes, &p.to, error);
    if (status == DCL_OK)
        status = fill(&p, bytes, error);
    for (int copies = 0; copies < 2 && status == DCL_OK; copies++)
        status = try_streaming(&p, copies, repeats, watch, limits, error);
    dcl__buffer_release(device, p.from);
    dcl__buffer_release(device, p.to);
    return status;
}

/* ---- Launching ---- */

dcl_status dcl__enqueue_nothing(dcl_device *device, uint32_t dtype, int64_t launches, dcl_error *error)
{
    const cl_int unused = 0;
    probe p = make_probe(device, dtype, 1, "limit_nothing");
    p.items = (uint64_t)device->info.compute_units * p.group;
    dcl_status status = make_kernel(device, dtype, 1, p.name, &p.kernel, error);
    if (status == DCL_OK)
        status = dcl__cl_check(error, clSetKernelArg(p.kernel, 0, sizeof unused, &unused), "clSetKernelArg",
                               "preparing %s", p.name);
    for (int64_t i = 0; i < launches && status == DCL_OK; i++)
        status = enqueue_probe(&p, error);
    return status;
}

typedef struct launches {
    dcl_device *device;
    uint32_t dtype;
} launches;

static dcl_status run_launches(void *user, int64_t calls, dcl_error *error)
{
    const launches *l = user;
    dcl_status status = DCL_OK;
    for (int64_t i = 0; i < calls && status == DCL_OK; i++) {
        status = dcl__enqueue_nothing(l->device, l->dtype, 1, error);
        if (status == DCL_OK)
            status = wait(l->device, error);
    }
    return status;
}

static dcl_status measure_launch(dcl_device *device, int repeats, const dcl__watch *watch, dcl__limits *limits,
                                 dcl_error *error)
{
    launches l = {device, limits->dtype};
    dcl__side side = {run_launches, &l, .least = LEAST};
    dcl__comparison times = {.repeats = repeats};
    dcl_status status = dcl__compare(watch, "launching", &side, 1, &times, error);
    double median = dcl__spread_of_side(&times, 0).median;
    limits->launch = limits->launch > 0 ? fmin(limits->launch, median) : median;
    return status;
}

dcl_status dcl__limits_measure(dcl_device *device, uint32_t dtype, int repeats, const dcl__watch *watch,
                               dcl__limits *limits, dcl_error *error)
{
    limits->dtype = dtype;
    dcl_status status = measure_arithmetic(device, repeats, watch, limits, error);
    if (status == DCL_OK)
        status = measure_memory(device, repeats, watch, limits, error);
    if (status == DCL_OK)
        status = measure_launch(device, repeats, watch, limits, error);
    return status;
}

double dcl__limits_seconds(const dcl__limits *limits, double flops, double bytes, const char **binding)
{
    double arithmetic = flops / limits->flops, bandwidth = bytes / limits->bytes;
    *binding = arithmetic >= bandwidth ? "arithmetic" : "bandwidth";
    return fmax(arithmetic, bandwidth);
}
