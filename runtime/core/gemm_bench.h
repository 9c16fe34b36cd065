/* gemm_bench.h: how long products take on a device: one typical product for each class of shapes.
 *
 * One bench is used by one thread at a time; close it before its device.
 */
#ifndef DCL__GEMM_BENCH_H
#define DCL__GEMM_BENCH_H

#include "core/gemm_tuning.h"

/* Sizes of the typical product. GPUs get larger ones, which keep all their units busy. */
typedef struct dcl__sizes {
    int64_t m, n, k;
} dcl__sizes;
dcl__sizes dcl__typical_sizes(const dcl_device *device, int shape);

typedef struct dcl__gemm_bench dcl__gemm_bench;
dcl_status dcl__gemm_bench_open(dcl_device *device, uint32_t dtype, dcl__gemm_bench **bench, dcl_error *error);
void dcl__gemm_bench_close(dcl__gemm_bench *bench);

/* Whether a variant is right with the device's tuning, by the self-test. */
dcl_status dcl__gemm_bench_test(dcl__gemm_bench *bench, const char *variant, int *passed, dcl_error *error);

/* Seconds that the typical product of a class takes by a variant with the device's tuning, launch included: the
 * mean of a few milliseconds' worth of products in a row, after one that is not counted because it may build
 * kernels. `expected` is what it took before; 0: unknown. */
dcl_status dcl__gemm_bench_time(dcl__gemm_bench *bench, const char *variant, int shape, double expected,
                                double *seconds, dcl_error *error);

#endif
