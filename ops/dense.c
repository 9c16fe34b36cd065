/* dense.c: dense factorizations in double precision on the host, for the op plugins built on LAPACK. */
#include "dense.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SWEEPS = 60 };

/* ---- Arrays ---- */

double *dcl__numbers(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns)
{
    double *numbers = NULL;
    if ((uint64_t)rows <= SIZE_MAX / sizeof *numbers / (uint64_t)columns)
        numbers = calloc((size_t)(rows * columns), sizeof *numbers);
    if (!numbers)
        host->fail(call, DCL_ENOMEM, "there is not enough host memory for a dense factorization");
    return numbers;
}

/* Copies raw elements from host data or from the device. */
static dcl_status fetch_raw(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor, void *to)
{
    if (!tensor->data)
        return host->read(call, tensor, to);
    size_t element = tensor->dtype == DCL_F32 ? sizeof(float) : sizeof(double);
    memcpy(to, tensor->data, (size_t)tensor->count * element);
    return DCL_OK;
}

dcl_status dcl__fetch(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor, double *numbers)
{
    if (tensor->dtype == DCL_F64)
        return fetch_raw(host, call, tensor, numbers);
    float *narrow = malloc((size_t)tensor->count * sizeof *narrow);
    if (!narrow)
        return host->fail(call, DCL_ENOMEM, "there is not enough host memory to convert a matrix");
    dcl_status status = fetch_raw(host, call, tensor, narrow);
    for (int64_t i = 0; i < tensor->count && !status; i++)
        numbers[i] = narrow[i];
    free(narrow);
    return status;
}

dcl_status dcl__load(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor, double **numbers)
{
    for (uint32_t d = 0; d < tensor->rank; d++)
        if (tensor->dim[d] > INT32_MAX)
            return host->fail(call, DCL_EUNSUPPORTED, "a dimension is beyond the 2^31 that LAPACK counts to");
    double *made = dcl__numbers(host, call, 1, tensor->count);
    if (!made)
        return DCL_ENOMEM;
    dcl_status status = dcl__fetch(host, call, tensor, made);
    for (int64_t i = 0; i < tensor->count && !status; i++)
        if (!isfinite(made[i]))
            status = host->fail(call, DCL_ENUMERIC, "an input to be factorized holds NaN or infinity");
    if (status)
        free(made);
    else
        *numbers = made;
    return status;
}

dcl_status dcl__store(const dcl_host *host, dcl_call *call, const double *numbers, const dcl_tensor *tensor)
{
    if (tensor->data) {
        for (int64_t i = 0; i < tensor->count; i++)
            dcl__set(tensor, i, numbers[i]);
        return DCL_OK;
    }
    if (tensor->dtype == DCL_F64)
        return host->write(call, tensor, numbers);
    float *narrow = malloc((size_t)tensor->count * sizeof *narrow);
    if (!narrow)
        return host->fail(call, DCL_ENOMEM, "there is not enough host memory to convert a matrix");
    for (int64_t i = 0; i < tensor->count; i++)
        narrow[i] = (float)numbers[i];
    dcl_status status = host->write(call, tensor, narrow);
    free(narrow);
    return status;
}

void dcl__transpose(int64_t rows, int64_t columns, const double *from, double *to)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

dcl_status dcl__lapack_status(const dcl_host *host, dcl_call *call, const char *routine, int64_t info)
{
    char text[160];
    if (info == 0)
        return DCL_OK;
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return host->fail(call, DCL_ENOMEM, "there is not enough host memory for LAPACK's workspace");
    snprintf(text, sizeof text, "LAPACK's %s failed with info %lld: check the scale of the matrix", routine,
             (long long)info);
    return host->fail(call, DCL_ENUMERIC, text);
}

/* ---- Singular value decompositions ---- */

void dcl__svd_free(dcl__svd *svd)
{
    free(svd->left);
    free(svd->values);
    free(svd->right);
    memset(svd, 0, sizeof *svd);
}

/* Gets the arrays of a decomposition, with or without those of the vectors. */
static dcl_status new_svd(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns, int vectors,
                          dcl__svd *svd)
{
    dcl__svd made = {.rows = rows, .columns = columns, .count = rows < columns ? rows : columns};
    made.values = dcl__numbers(host, call, 1, made.count);
    if (made.values && vectors) {
        made.left = dcl__numbers(host, call, made.count, rows);
        made.right = made.left ? dcl__numbers(host, call, made.count, columns) : NULL;
    }
    if (!made.values || (vectors && !made.right)) {
        dcl__svd_free(&made);
        return DCL_ENOMEM;
    }
    *svd = made;
    return DCL_OK;
}

/* What is row-major here is the transpose for LAPACK: its left vectors are our right ones, and its third
 * factor, stored by columns, our left ones entry by entry. */
dcl_status dcl__svd_lapack(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns,
                           double *matrix, int vectors, dcl__svd *svd)
{
    dcl__svd made;
    if (rows > DCL__MOST_VALUES && columns > DCL__MOST_VALUES)
        return host->fail(call, DCL_EUNSUPPORTED, "more than 20000 singular values are too many for LAPACK");
    dcl_status status = new_svd(host, call, rows, columns, vectors, &made);
    if (status)
        return status;
    lapack_int m = (lapack_int)columns, n = (lapack_int)rows, count = (lapack_int)made.count;
    double *mixed = vectors ? dcl__numbers(host, call, rows, made.count) : NULL;
    if (vectors && !mixed)
        status = DCL_ENOMEM;
    else
        status = dcl__lapack_status(host, call, "dgesdd",
                                    LAPACKE_dgesdd(LAPACK_COL_MAJOR, vectors ? 'S' : 'N', m, n, matrix, m,
                                                   made.values, made.right, m, mixed, count));
    if (!status && vectors)
        dcl__transpose(rows, made.count, mixed, made.left);
    free(mixed);
    if (status)
        dcl__svd_free(&made);
    else
        *svd = made;
    return status;
}

static double inner_product(const double *x, const double *y, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}

static void turn(double *x, double *y, int64_t count, double cosine, double sine)
{
    for (int64_t i = 0; i < count; i++) {
        double low = x[i], high = y[i];
        x[i] = cosine * low - sine * high;
        y[i] = sine * low + cosine * high;
    }
}

/* Makes the vectors x and y orthogonal; the same rotation goes to the `count` entries of p and q. Returns 0
 * when they were orthogonal already, or one of them is what rounding left of zero in a matrix with entries of 1. */
static int orthogonalize(double *x, double *y, int64_t length, double *p, double *q, int64_t count)
{
    double xx = inner_product(x, x, length), yy = inner_product(y, y, length);
    double xy = inner_product(x, y, length);
    double nothing = DBL_EPSILON * (double)length;
    if (fabs(xy) <= nothing * sqrt(xx) * sqrt(yy) || fmin(xx, yy) <= nothing * nothing)
        return 0;
    double ratio = (yy - xx) / (2 * xy);
    double tangent = copysign(1, ratio) / (fabs(ratio) + hypot(1, ratio)), cosine = 1 / hypot(1, tangent);
    turn(x, y, length, cosine, cosine * tangent);
    turn(p, q, count, cosine, cosine * tangent);
    return 1;
}

static int orthogonalize_all(double *vectors, int64_t length, double *turns, int64_t count)
{
    for (int sweep = 0; sweep < MOST_SWEEPS; sweep++) {
        int turned = 0;
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = i + 1; j < count; j++)
                turned |= orthogonalize(vectors + i * length, vectors + j * length, length, turns + i * count,
                                        turns + j * count, count);
        if (!turned)
            return 1;
    }
    return 0;
}

static void swap(double *x, double *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        double kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

/* Splits the vectors into lengths and directions and sorts all by falling length. */
static void sort_by_length(double *vectors, int64_t length, double *turns, double *values, int64_t count)
{
    for (int64_t t = 0; t < count; t++) {
        values[t] = sqrt(inner_product(vectors + t * length, vectors + t * length, length));
        for (int64_t i = 0; i < length && values[t] > 0; i++)
            vectors[t * length + i] /= values[t];
    }
    for (int64_t t = 0; t < count; t++) {
        int64_t largest = t;
        for (int64_t s = t + 1; s < count; s++)
            if (values[s] > values[largest])
                largest = s;
        swap(values + t, values + largest, 1);
        swap(vectors + t * length, vectors + largest * length, largest == t ? 0 : length);
        swap(turns + t * count, turns + largest * count, largest == t ? 0 : count);
    }
}

/* Rotates the vectors of the longer side (columns of a tall matrix, rows of a wide one) until they are
 * orthogonal: their lengths are the singular values, the rotations the vectors of the shorter side. Scaling
 * by the largest entry keeps squares in range. */
dcl_status dcl__svd_jacobi(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns,
                           double *matrix, int vectors, dcl__svd *svd)
{
    dcl__svd made;
    (void)vectors;
    dcl_status status = new_svd(host, call, rows, columns, 1, &made);
    if (status)
        return status;
    int tall = rows >= columns;
    double *sides = tall ? made.left : made.right, *turns = tall ? made.right : made.left;
    int64_t length = tall ? rows : columns;
    if (tall)
        dcl__transpose(rows, columns, matrix, sides);
    else
        memcpy(sides, matrix, (size_t)(rows * columns) * sizeof *sides);
    double largest = 0;
    for (int64_t i = 0; i < rows * columns; i++)
        largest = fmax(largest, fabs(sides[i]));
    for (int64_t i = 0; i < rows * columns && largest > 0; i++)
        sides[i] /= largest;
    for (int64_t t = 0; t < made.count; t++)
        turns[t * made.count + t] = 1;
    if (!orthogonalize_all(sides, length, turns, made.count)) {
        dcl__svd_free(&made);
        return host->fail(call, DCL_ENUMERIC, "the Jacobi rotations of the reference did not converge");
    }
    sort_by_length(sides, length, turns, made.values, made.count);
    for (int64_t t = 0; t < made.count; t++)
        made.values[t] *= largest;
    *svd = made;
    return DCL_OK;
}

void dcl__svd_orient(dcl__svd *svd)
{
    for (int64_t t = 0; t < svd->count; t++) {
        double *left = svd->left + t * svd->rows, *right = svd->right + t * svd->columns, largest = 0;
        int64_t first = 0;
        for (int64_t i = 0; i < svd->rows; i++)
            largest = fmax(largest, fabs(left[i]));
        while (fabs(left[first]) < (1 - 1e-6) * largest)
            first++;
        if (left[first] >= 0)
            continue;
        for (int64_t i = 0; i < svd->rows; i++)
            left[i] = -left[i];
        for (int64_t i = 0; i < svd->columns; i++)
            right[i] = -right[i];
    }
}

void dcl__spread(const double *vectors, int64_t length, int64_t count, const double *weight, int64_t width,
                 double *matrix)
{
    for (int64_t i = 0; i < length; i++)
        for (int64_t t = 0; t < width; t++)
            matrix[i * width + t] = t < count ? vectors[t * length + i] * weight[t] : 0;
}

double dcl__svd_noise(const dcl__svd *svd)
{
    return svd->values[0] * DBL_EPSILON * (double)(svd->rows > svd->columns ? svd->rows : svd->columns);
}
