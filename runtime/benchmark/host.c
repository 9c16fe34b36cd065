/* host.c: what a user without dropcl would call: OpenBLAS and LAPACK, in single or double precision. */
#include "benchmark/host.h"

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>

#include "core/tensor.h"

int dcl__host_threads(const dcl_device_info *device)
{
    int threads = openblas_get_num_procs();
    if (device->type == DCL_TYPE_CPU && device->compute_units < threads)
        threads = (int)device->compute_units;
    openblas_set_num_threads(threads);
    return openblas_get_num_threads();
}

void *dcl__host_zeros(uint32_t dtype, int64_t count, dcl_error *error)
{
    void *numbers = calloc((size_t)count, (size_t)dcl__dtype_size(dtype));
    if (!numbers)
        dcl__no_memory(error, "the matrices of a benchmark", count * dcl__dtype_size(dtype));
    return numbers;
}

double dcl__host_get(uint32_t dtype, const void *numbers, int64_t i)
{
    return dtype == DCL_F64 ? ((const double *)numbers)[i] : (double)((const float *)numbers)[i];
}

static void set(uint32_t dtype, void *numbers, int64_t i, double value)
{
    if (dtype == DCL_F64)
        ((double *)numbers)[i] = value;
    else
        ((float *)numbers)[i] = (float)value;
}

/* By a xorshift generator (Marsaglia, 2003): good enough for numbers that only need to be different. */
void *dcl__host_random(uint32_t dtype, int64_t count, uint64_t seed, dcl_error *error)
{
    void *numbers = dcl__host_zeros(dtype, count, error);
    uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (int64_t i = 0; numbers && i < count; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        set(dtype, numbers, i, (double)(int64_t)state / 9223372036854775808.0);
    }
    return numbers;
}

void dcl__host_product(uint32_t dtype, uint32_t transpose, int64_t m, int64_t n, int64_t k, double alpha, const void *a,
                       const void *b, double beta, void *c)
{
    const int ta = (transpose & DCL_TRANSPOSE_A) != 0, tb = (transpose & DCL_TRANSPOSE_B) != 0;
    const CBLAS_TRANSPOSE op_a = ta ? CblasTrans : CblasNoTrans, op_b = tb ? CblasTrans : CblasNoTrans;
    const int lda = (int)(ta ? m : k), ldb = (int)(tb ? k : n);
    if (dtype == DCL_F64)
        cblas_dgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, alpha, a, lda, b, ldb, beta, c, (int)n);
    else
        cblas_sgemm(CblasRowMajor, op_a, op_b, (int)m, (int)n, (int)k, (float)alpha, a, lda, b, ldb, (float)beta, c,
                    (int)n);
}

double dcl__host_squares(uint32_t dtype, int64_t count, const void *x)
{
    return dtype == DCL_F64 ? cblas_ddot((int)count, x, 1, x, 1) : (double)cblas_sdot((int)count, x, 1, x, 1);
}

void dcl__host_add(uint32_t dtype, int64_t count, double alpha, const void *x, void *y)
{
    if (dtype == DCL_F64)
        cblas_daxpy((int)count, alpha, x, 1, y, 1);
    else
        cblas_saxpy((int)count, (float)alpha, x, 1, y, 1);
}

/* LAPACK counts columns first and so sees the transpose, whose left vectors are our right ones. */
dcl_status dcl__host_svd(uint32_t dtype, int64_t m, int64_t n, void *matrix, void *values, void *left, void *right,
                         dcl_error *error)
{
    const int rows = (int)n, columns = (int)m, count = rows < columns ? rows : columns;
    int info = dtype == DCL_F64 ? LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'S', rows, columns, matrix, rows, values, right,
                                                 rows, left, count)
                                : LAPACKE_sgesdd(LAPACK_COL_MAJOR, 'S', rows, columns, matrix, rows, values, right,
                                                 rows, left, count);
    return info ? dcl__fail(error, DCL_ENUMERIC, "LAPACK's gesdd failed with info %d", info) : DCL_OK;
}
