/* host.h: what a user without dropcl would call: OpenBLAS and LAPACK, in single or double precision.
 *
 * Matrices are row-major without gaps; dtype is DCL_F32 or DCL_F64. Counts must be below 2^31.
 */
#ifndef DCL__BENCHMARK_HOST_H
#define DCL__BENCHMARK_HOST_H

#include "core/error.h"

/* Makes OpenBLAS use as many threads as a CPU device has compute units, or all processors beside another
 * device or where there are fewer; returns how many. */
int dcl__host_threads(const dcl_device_info *device);

/* Room for numbers: zeros, or uniform in [-1, 1]; free with free(). NULL and a message when memory is out. */
void *dcl__host_zeros(uint32_t dtype, int64_t count, dcl_error *error);
void *dcl__host_random(uint32_t dtype, int64_t count, uint64_t seed, dcl_error *error);

double dcl__host_get(uint32_t dtype, const void *numbers, int64_t i);

/* c = alpha op(a) op(b) + beta c; m x n with inner dimension k. */
void dcl__host_product(uint32_t dtype, uint32_t transpose, int64_t m, int64_t n, int64_t k, double alpha, const void *a,
                       const void *b, double beta, void *c);
/* sum of squares; y += alpha x. */
double dcl__host_squares(uint32_t dtype, int64_t count, const void *x);
void dcl__host_add(uint32_t dtype, int64_t count, double alpha, const void *x, void *y);

/* Singular values and vectors (the thin ones) of an m x n matrix, which is overwritten, by LAPACK's gesdd. Room:
 * values min(m, n), left m x min(m, n), right min(m, n) x n. */
dcl_status dcl__host_svd(uint32_t dtype, int64_t m, int64_t n, void *matrix, void *values, void *left, void *right,
                         dcl_error *error);

#endif
