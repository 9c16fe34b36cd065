/* single_svd.c: the whole singular value decomposition of a large f32 matrix, in single precision on the host. */
#include "single_svd.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 512 };            /* singular values from which on it is worth while                  */

int dcl__is_large_single(const dcl_tensor *y)
{
    return y->dtype == DCL_F32 && y->dim[0] >= LARGE && y->dim[1] >= LARGE;
}

void dcl__single_svd_free(dcl__single_svd *svd)
{
    free(svd->left);
    free(svd->right);
    free(svd->values);
    memset(svd, 0, sizeof *svd);
}

/* Room for rows x columns numbers; NULL when there is none, which has then been noted. */
static float *room(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns)
{
    float *made = NULL;
    if ((uint64_t)rows <= SIZE_MAX / sizeof *made / (uint64_t)columns)
        made = malloc((size_t)(rows * columns) * sizeof *made);
    if (!made)
        host->fail(call, DCL_ENOMEM, "there is not enough host memory for a singular value decomposition");
    return made;
}

static dcl_status load(const dcl_host *host, dcl_call *call, const dcl_tensor *y, float *matrix)
{
    dcl_status status = host->read(call, y, matrix);
    for (int64_t i = 0; i < y->count && !status; i++)
        if (!isfinite(matrix[i]))
            status = host->fail(call, DCL_ENUMERIC, "an input to be factorized holds NaN or infinity");
    return status;
}

/* LAPACK sees the transpose of a row-major matrix: its left vectors are our right ones, and its third factor,
 * stored by columns, is our left one, stored by rows. */
static dcl_status decompose(const dcl_host *host, dcl_call *call, const dcl_tensor *y, float *matrix, float *values,
                            dcl__single_svd *svd)
{
    lapack_int m = (lapack_int)svd->columns, n = (lapack_int)svd->rows, count = (lapack_int)svd->count;
    dcl_status status = load(host, call, y, matrix);
    if (!status)
        status = dcl__lapack_status(host, call, "sgesdd",
                                    LAPACKE_sgesdd(LAPACK_COL_MAJOR, 'S', m, n, matrix, m, values, svd->right, m,
                                                   svd->left, count));
    for (int64_t t = 0; t < svd->count && !status; t++)
        svd->values[t] = values[t];
    return status;
}

dcl_status dcl__single_svd_run(const dcl_host *host, dcl_call *call, const dcl_tensor *y, dcl__single_svd *svd)
{
    const int64_t rows = y->dim[0], columns = y->dim[1], count = rows < columns ? rows : columns;
    if (rows > INT32_MAX || columns > INT32_MAX || count > DCL__MOST_VALUES)
        return host->fail(call, DCL_EUNSUPPORTED, "the matrix is too large for a singular value decomposition by "
                          "LAPACK");
    dcl__single_svd made = {.rows = rows, .columns = columns, .count = count};
    float *matrix = room(host, call, rows, columns), *values = matrix ? room(host, call, 1, count) : NULL;
    made.left = values ? room(host, call, rows, count) : NULL;
    made.right = made.left ? room(host, call, columns, count) : NULL;
    made.values = made.right ? dcl__numbers(host, call, 1, count) : NULL;
    dcl_status status = made.values ? decompose(host, call, y, matrix, values, &made) : DCL_ENOMEM;
    free(matrix);
    free(values);
    if (status)
        dcl__single_svd_free(&made);
    else
        *svd = made;
    return status;
}

/* Turns the sign of a weight where the entry of largest magnitude of the left vector is negative. */
static void orient(const dcl__single_svd *svd, float *largest, float *weight)
{
    const int64_t count = svd->count;
    memset(largest, 0, (size_t)count * sizeof *largest);
    for (int64_t i = 0; i < svd->rows; i++)
        for (int64_t t = 0; t < count; t++)
            largest[t] = fmaxf(largest[t], fabsf(svd->left[i * count + t]));
    for (int64_t i = 0; i < svd->rows; i++)
        for (int64_t t = 0; t < count; t++) {
            const float entry = svd->left[i * count + t];
            if (fabsf(entry) < (1 - 1e-6f) * largest[t])
                continue;
            weight[t] = entry < 0 ? -weight[t] : weight[t];
            largest[t] = INFINITY;
        }
}

static dcl_status store_left(const dcl_host *host, dcl_call *call, const dcl__single_svd *svd, const float *weight,
                             const dcl_tensor *factor)
{
    const int64_t width = factor->dim[1];
    float *matrix = room(host, call, svd->rows, width);
    if (!matrix)
        return DCL_ENOMEM;
    for (int64_t i = 0; i < svd->rows; i++)
        for (int64_t t = 0; t < width; t++)
            matrix[i * width + t] = t < svd->count ? svd->left[i * svd->count + t] * weight[t] : 0;
    dcl_status status = host->write(call, factor, matrix);
    free(matrix);
    return status;
}

static dcl_status store_right(const dcl_host *host, dcl_call *call, const dcl__single_svd *svd, const float *weight,
                              const dcl_tensor *factor)
{
    const int64_t width = factor->dim[1];
    float *matrix = room(host, call, svd->columns, width);
    if (!matrix)
        return DCL_ENOMEM;
    for (int64_t i = 0; i < svd->columns; i++)
        for (int64_t t = 0; t < width; t++)
            matrix[i * width + t] = t < svd->count ? svd->right[t * svd->columns + i] * weight[t] : 0;
    dcl_status status = host->write(call, factor, matrix);
    free(matrix);
    return status;
}

dcl_status dcl__single_svd_store(const dcl_host *host, dcl_call *call, dcl__single_svd *svd, const double *weight,
                                 const dcl_tensor *left, const dcl_tensor *right)
{
    float *signs = room(host, call, 2, svd->count);
    if (!signs)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < svd->count; t++)
        signs[t] = (float)weight[t];
    orient(svd, signs + svd->count, signs);
    dcl_status status = store_left(host, call, svd, signs, left);
    free(svd->left);
    svd->left = NULL;
    if (!status)
        status = store_right(host, call, svd, signs, right);
    free(signs);
    return status;
}
