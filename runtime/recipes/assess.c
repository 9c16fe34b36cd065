/* assess.c: what a pair of factors is worth: objective, balance, rank; in double precision on the host. */
#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"

enum { TILE = 256 };             /* rows of the residual held at a time                              */

/* ||Y - U V'||^2 of `rows` rows; `tile` has room for them. */
static double tile_error(const dcl_matrix *data, int64_t first, int64_t rows, const double *u, const double *v,
                         int64_t width, double *tile)
{
    int64_t columns = data->columns;
    const char *from = (const char *)data->data + first * columns * dcl__dtype_size(data->dtype);
    dcl__convert(DCL_F64, tile, data->dtype, from, rows * columns);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)columns, (int)width, -1, u + first * width,
                (int)width, v, (int)width, 1, tile, (int)columns);
    double sum = 0;
    for (int64_t i = 0; i < rows; i++)
        sum += cblas_ddot((int)columns, tile + i * columns, 1, tile + i * columns, 1);
    return sum;
}

static dcl_status data_term(const dcl_matrix *data, const double *u, const double *v, int64_t width, double *sum,
                            dcl_error *error)
{
    int64_t rows = data->rows < TILE ? data->rows : TILE, bytes = rows * data->columns * (int64_t)sizeof(double);
    double *tile = malloc((size_t)bytes);
    if (!tile)
        return dcl__no_memory(error, "a tile of the residual", bytes);
    *sum = 0;
    for (int64_t first = 0; first < data->rows; first += rows) {
        int64_t left = data->rows - first;
        *sum += tile_error(data, first, left < rows ? left : rows, u, v, width, tile);
    }
    free(tile);
    return DCL_OK;
}

/* ||u_i|| ||v_i|| of every unit. */
static void find_products(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width,
                          double *products)
{
    for (int64_t i = 0; i < width; i++)
        products[i] = cblas_dnrm2((int)rows, u + i, (int)width) * cblas_dnrm2((int)columns, v + i, (int)width);
}

static double balance_error(const double *products, int64_t width)
{
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < width; i++) {
        sum += products[i];
        largest = products[i] > largest ? products[i] : largest;
    }
    return sum > 0 ? largest / (sum / (double)width) - 1 : 0;
}

/* The triangular factor of a QR factorization of a copy of x: rows = min(length, width), row-major. */
static double *triangle(const double *x, int64_t length, int64_t width, int64_t *rows)
{
    *rows = length < width ? length : width;
    double *copy = malloc((size_t)(length * width) * sizeof *copy);
    double *scales = malloc((size_t)*rows * sizeof *scales);
    int failed = !copy || !scales;
    if (!failed) {
        memcpy(copy, x, (size_t)(length * width) * sizeof *copy);
        failed = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int)length, (int)width, copy, (int)width, scales) != 0;
    }
    free(scales);
    if (failed) {
        free(copy);
        return NULL;
    }
    for (int64_t i = 0; i < *rows; i++)
        memset(copy + i * width, 0, (size_t)i * sizeof *copy);
    return copy;
}

/* Singular values of U V' = Q_u (R_u R_v') Q_v' from the small matrix in the middle: U V' is never formed. */
static dcl_status product_values(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width,
                                 double *values, dcl_error *error)
{
    int64_t a = 0, b = 0;
    double *left = triangle(u, rows, width, &a), *right = triangle(v, columns, width, &b);
    double *core = malloc((size_t)(width * width) * sizeof *core), unused;
    dcl_status status = DCL_OK;
    memset(values, 0, (size_t)width * sizeof *values);
    if (!left || !right || !core) {
        status = dcl__no_memory(error, "the singular values of the product", width * width * (int64_t)sizeof *core);
    } else {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)a, (int)b, (int)width, 1, left, (int)width, right,
                    (int)width, 0, core, (int)b);
        /* A row-major a x b matrix is its transpose in column-major order: the same singular values. */
        if (LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (int)b, (int)a, core, (int)b, values, &unused, 1, &unused, 1))
            status = dcl__fail(error, DCL_ENUMERIC, "the singular values of U V' cannot be computed: the factors hold "
                               "NaN or infinity");
    }
    free(left);
    free(right);
    free(core);
    return status;
}

static int64_t numerical_rank(const double *values, int64_t count)
{
    int64_t rank = 0;
    while (rank < count && values[rank] > 1e-3 * values[0])
        rank++;
    return rank;
}

dcl_status dcl_dropout_assess(const dcl_matrix *data, const double *u, const double *v, int64_t width,
                              double lambda, dcl_assessment *assessment, double *values, double *products,
                              dcl_error *error)
{
    if (width < 1 || width > INT32_MAX || data->rows > INT32_MAX || data->columns > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "the sizes of factors and data must be from 1 to 2^31 - 1");
    double *room = malloc((size_t)(2 * width) * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "an assessment", 2 * width * (int64_t)sizeof *room);
    double *spectrum = values ? values : room, *norms = products ? products : room + width;
    dcl_assessment found = {0};
    dcl_status status = data_term(data, u, v, width, &found.data_term, error);
    if (status == DCL_OK && !isfinite(found.data_term))
        status = dcl__fail(error, DCL_ENUMERIC, "the factors or the data hold NaN or infinity");
    if (status == DCL_OK)
        status = product_values(data->rows, data->columns, u, v, width, spectrum, error);
    if (status == DCL_OK) {
        find_products(data->rows, data->columns, u, v, width, norms);
        for (int64_t i = 0; i < width; i++)
            found.regularizer += lambda * norms[i] * norms[i];
        found.objective = found.data_term + found.regularizer;
        found.balance_error = balance_error(norms, width);
        found.rank = numerical_rank(spectrum, width);
        *assessment = found;
    }
    free(room);
    return status;
}
