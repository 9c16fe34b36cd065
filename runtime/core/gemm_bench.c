/* gemm_bench.c: how long products take on a device: one typical product for each class of shapes. */
#include "core/gemm_bench.h"

#include <stdlib.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/gemm.h"
#include "core/program.h"
#include "core/random.h"
#include "core/tensor.h"

struct dcl__gemm_bench {
    dcl_device *device;
    uint32_t dtype;
    cl_mem a, b, c;              /* large enough for every class                                     */
};

dcl__sizes dcl__typical_sizes(const dcl_device *device, int shape)
{
    static const dcl__sizes on_cpu[DCL__SHAPES] = {
        [DCL__SMALL] = {96, 96, 96}, [DCL__EVEN] = {1024, 1024, 1024}, [DCL__OUTER] = {2048, 2048, 96},
        [DCL__INNER] = {256, 96, 16384}, [DCL__NARROW] = {2048, 96, 2048}};
    static const dcl__sizes on_gpu[DCL__SHAPES] = {
        [DCL__SMALL] = {128, 128, 128}, [DCL__EVEN] = {2048, 2048, 2048}, [DCL__OUTER] = {4096, 4096, 128},
        [DCL__INNER] = {512, 128, 32768}, [DCL__NARROW] = {4096, 128, 4096}};
    return device->info.type == DCL_TYPE_CPU ? on_cpu[shape] : on_gpu[shape];
}

/* ---- Buffers ---- */

/* Fills a buffer with normal numbers: zeros or subnormal numbers may take another time. */
static dcl_status fill(const dcl__gemm_bench *bench, int64_t count, cl_mem buffer, dcl_error *error)
{
    dcl_tensor tensor;
    double *numbers = malloc((size_t)count * sizeof *numbers);
    if (!numbers)
        return dcl__no_memory(error, "the operands of timed products", count * (int64_t)sizeof *numbers);
    dcl__random_normal(1, (dcl_initial){.deviation = 1}, DCL_F64, numbers, count);
    dcl_status status = dcl__tensor_init(&tensor, "operand", bench->dtype, 1, &count, error);
    if (status == DCL_OK)
        status = dcl__buffer_write(bench->device, buffer, &tensor, DCL_F64, numbers, error);
    free(numbers);
    return status;
}

static dcl_status make_buffers(dcl__gemm_bench *bench, dcl_error *error)
{
    int64_t most[3] = {0};
    for (int shape = 0; shape < DCL__SHAPES; shape++) {
        const dcl__sizes s = dcl__typical_sizes(bench->device, shape);
        const int64_t areas[] = {s.m * s.k, s.k * s.n, s.m * s.n};
        for (int i = 0; i < 3; i++)
            most[i] = areas[i] > most[i] ? areas[i] : most[i];
    }
    cl_mem *const buffers[] = {&bench->a, &bench->b, &bench->c};
    dcl_status status = DCL_OK;
    for (int i = 0; i < 3 && status == DCL_OK; i++) {
        status = dcl__buffer_create(bench->device, "timed products", most[i] * dcl__dtype_size(bench->dtype),
                                    buffers[i], error);
        if (status == DCL_OK)
            status = fill(bench, most[i], *buffers[i], error);
    }
    return status;
}

dcl_status dcl__gemm_bench_open(dcl_device *device, uint32_t dtype, dcl__gemm_bench **bench, dcl_error *error)
{
    dcl__gemm_bench *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dcl__no_memory(error, "timing products", sizeof *opened);
    opened->device = device;
    opened->dtype = dtype;
    dcl_status status = make_buffers(opened, error);
    if (status)
        dcl__gemm_bench_close(opened);
    else
        *bench = opened;
    return status;
}

void dcl__gemm_bench_close(dcl__gemm_bench *bench)
{
    if (!bench)
        return;
    dcl__buffer_release(bench->device, bench->a);
    dcl__buffer_release(bench->device, bench->b);
    dcl__buffer_release(bench->device, bench->c);
    dcl__programs_discard(bench->device);    /* most were tried once and lost */
    free(bench);
}

/* ---- Measuring ---- */

dcl_status dcl__gemm_bench_test(dcl__gemm_bench *bench, const char *variant, int *passed, dcl_error *error)
{
    *passed = 0;
    return dcl__gemm_test(bench->device, bench->dtype, dcl__gemm_variant_of(variant), passed, error);
}

/* Seconds for `count` products and the wait for them. */
static dcl_status time_products(dcl__gemm_bench *bench, const char *variant, const dcl__product *product, int count,
                                double *seconds, dcl_error *error)
{
    const dcl__gemm_variant *timed = dcl__gemm_variant_of(variant);
    const double start = dcl__now();
    dcl_status status = DCL_OK;
    for (int i = 0; i < count && status == DCL_OK; i++)
        status = timed->run(bench->device, product, error);
    if (status == DCL_OK)
        status = dcl__cl_check(error, clFinish(bench->device->queue), "clFinish", "timing products on device '%s'",
                               bench->device->info.name);
    *seconds = dcl__now() - start;
    return status;
}

dcl_status dcl__gemm_bench_time(dcl__gemm_bench *bench, const char *variant, int shape, double expected,
                                double *seconds, dcl_error *error)
{
    enum { MOST_COUNT = 64 };
    const double worth = 0.004;
    const dcl__sizes s = dcl__typical_sizes(bench->device, shape);
    const dcl__product product = {.dtype = bench->dtype, .m = s.m, .n = s.n, .k = s.k, .alpha = 1,
                                  .a = {bench->a, 0, s.k}, .b = {bench->b, 0, s.n}, .c = {bench->c, 0, s.n}};
    const double fitting = expected > 0 ? worth / expected : 1;
    const int count = fitting < 1 ? 1 : fitting > MOST_COUNT ? MOST_COUNT : (int)fitting;
    double taken;
    dcl_status status = time_products(bench, variant, &product, 1, &taken, error);
    if (status == DCL_OK)
        status = time_products(bench, variant, &product, count, &taken, error);
    *seconds = taken / count;
    return status;
}
