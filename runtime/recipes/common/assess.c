/* assess.c: what a pair of factors is worth: objective, balance, rank; in double precision on the host. */
#include "recipes/common/assess.h"

#include <cblas.h>
#include <inttypes.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"

enum { TILE = 256 };             /* rows of the residual, or samples of X, held at a time            */

/* ---- The data term ---- */

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

/* ---- Data X ---- */

/* What the penalty sees of V: w = X'V, samples x width, and the lengths of X's rows. Without X it is V, and there are
 * no lengths. */
typedef struct responses {
    const double *w;
    double *made, *lengths;
} responses;

/* TILE samples of X at a time. */
static void multiply_tiles(const dcl_matrix *x, const double *v, int64_t width, double *tile, responses *r)
{
    const int64_t features = x->rows, samples = x->columns, size = dcl__dtype_size(x->dtype);
    for (int64_t first = 0; first < samples; first += TILE) {
        const int64_t count = samples - first < TILE ? samples - first : TILE;
        for (int64_t i = 0; i < features; i++) {
            double *row = tile + i * count;
            dcl__convert(DCL_F64, row, x->dtype, (const char *)x->data + (i * samples + first) * size, count);
            r->lengths[i] = hypot(r->lengths[i], cblas_dnrm2((int)count, row, 1));
        }
        cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)count, (int)width, (int)features, 1, tile, (int)count,
                    v, (int)width, 0, r->made + first * width, (int)width);
    }
}

static dcl_status respond(const dcl_matrix *x, const double *v, int64_t width, responses *r, dcl_error *error)
{
    *r = (responses){.w = v};
    if (!x)
        return DCL_OK;
    const int64_t numbers = x->rows * (x->columns < TILE ? x->columns : TILE);
    double *tile = malloc((size_t)numbers * sizeof *tile);
    r->w = r->made = malloc((size_t)(x->columns * width) * sizeof *r->made);
    r->lengths = calloc((size_t)x->rows, sizeof *r->lengths);
    const int failed = !tile || !r->made || !r->lengths;
    if (!failed)
        multiply_tiles(x, v, width, tile, r);
    free(tile);
    return failed ? dcl__no_memory(error, "X'V", (x->columns * width + numbers) * (int64_t)sizeof *tile) : DCL_OK;
}

static void free_responses(responses *r)
{
    free(r->made);
    free(r->lengths);
}

/* ---- Penalties ---- */

/* What is weighed: the factors and their sizes. */
typedef struct pair {
    int64_t rows, samples, features, width;
    const double *u, *v;
    responses w;
} pair;

/* ||u_i|| ||w_i|| of every unit. */
static void find_products(const pair *p, double *products)
{
    for (int64_t i = 0; i < p->width; i++)
        products[i] = cblas_dnrm2((int)p->rows, p->u + i, (int)p->width) *
                      cblas_dnrm2((int)p->samples, p->w.w + i, (int)p->width);
}

/* <u_i, u_j> <w_i, w_j> */
static double couple(const pair *p, int64_t i, int64_t j)
{
    return cblas_ddot((int)p->rows, p->u + i, (int)p->width, p->u + j, (int)p->width) *
           cblas_ddot((int)p->samples, p->w.w + i, (int)p->width, p->w.w + j, (int)p->width);
}

/* ||U_b W_b'||_F of every block. */
static void find_block_products(const pair *p, int64_t block, double *products)
{
    for (int64_t first = 0; first < p->width; first += block) {
        double square = 0;
        for (int64_t i = first; i < first + block; i++)
            for (int64_t j = first; j < first + block; j++)
                square += couple(p, i, j);
        products[first / block] = sqrt(fmax(square, 0));
    }
}

void dcl__unit_products(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width, int64_t block,
                        double *products)
{
    const pair p = {.rows = rows, .samples = columns, .features = columns, .width = width, .u = u, .v = v, .w.w = v};
    if (block > 1)
        find_block_products(&p, block, products);
    else
        find_products(&p, products);
}

/* <lambda A A', U'U o W'W> */
static double correlated_penalty(const pair *p, const dcl_noise *noise)
{
    const int q = (int)noise->factor_columns;
    double sum = 0;
    for (int64_t i = 0; i < p->width; i++)
        for (int64_t j = 0; j < p->width; j++)
            sum += cblas_ddot(q, noise->factor + i * q, 1, noise->factor + j * q, 1) * couple(p, i, j);
    return noise->lambda * sum;
}

/* sum_i ||u_i||^2 v_i' diag(XX') v_i */
static double entry_penalty(const pair *p)
{
    double sum = 0;
    for (int64_t i = 0; i < p->width; i++) {
        double norm = cblas_dnrm2((int)p->rows, p->u + i, (int)p->width), entries = 0;
        for (int64_t k = 0; k < p->features; k++) {
            const double entry = p->w.lengths[k] * p->v[k * p->width + i];
            entries += entry * entry;
        }
        sum += norm * norm * entries;
    }
    return sum;
}

static double penalty(const pair *p, const dcl_noise *noise, const double *products)
{
    if (noise->kind == DCL_NOISE_CORRELATED)
        return correlated_penalty(p, noise);
    const int entries = p->w.lengths && noise->lambda_entry > 0;
    const double lambda = entries ? noise->lambda_unit : noise->lambda;
    double sum = 0;
    for (int64_t i = 0; i < p->width / noise->block; i++)
        sum += lambda * products[i] * products[i];
    return entries ? sum + noise->lambda_entry * entry_penalty(p) : sum;
}

/* ---- Balance and rank ---- */

static double balance_error(const double *products, int64_t width)
{
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < width; i++) {
        sum += products[i];
        largest = products[i] > largest ? products[i] : largest;
    }
    return sum > 0 ? largest / (sum / (double)width) - 1 : 0;
}

/* The triangular factor of a QR factorization of a copy of x: rows = min(length, width), row-major; to be freed also
 * after a failure. */
static dcl_status find_triangle(const double *x, int64_t length, int64_t width, int64_t *rows, double **triangle,
                                dcl_error *error)
{
    *rows = length < width ? length : width;
    double *copy = *triangle = malloc((size_t)(length * width) * sizeof *copy);
    double *scales = malloc((size_t)*rows * sizeof *scales);
    dcl_status status = DCL_OK;
    if (!copy || !scales) {
        status = dcl__no_memory(error, "a copy of the factors", length * width * (int64_t)sizeof *copy);
    } else {
        memcpy(copy, x, (size_t)(length * width) * sizeof *copy);
        if (LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, (int)length, (int)width, copy, (int)width, scales))
            status = dcl__fail(error, DCL_ENUMERIC, "the factors hold NaN or infinity");
        for (int64_t i = 0; i < *rows; i++)
            memset(copy + i * width, 0, (size_t)i * sizeof *copy);
    }
    free(scales);
    return status;
}

/* U V' = Q_u (R_u R_v') Q_v' has the singular values of the small matrix in the middle. */
dcl_status dcl__product_values(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width,
                               double *values, dcl_error *error)
{
    int64_t a = 0, b = 0;
    double *left = NULL, *right = NULL, *core = malloc((size_t)(width * width) * sizeof *core), unused;
    dcl_status status = core ? DCL_OK : dcl__no_memory(error, "the singular values of the product",
                                                       width * width * (int64_t)sizeof *core);
    memset(values, 0, (size_t)width * sizeof *values);
    if (status == DCL_OK)
        status = find_triangle(u, rows, width, &a, &left, error);
    if (status == DCL_OK)
        status = find_triangle(v, columns, width, &b, &right, error);
    if (status == DCL_OK) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)a, (int)b, (int)width, 1, left, (int)width, right,
                    (int)width, 0, core, (int)b);
        /* A row-major a x b matrix is its transpose in column-major order: the same singular values. */
        if (LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (int)b, (int)a, core, (int)b, values, &unused, 1, &unused, 1))
            status = dcl__fail(error, DCL_ENUMERIC, "the singular values of U V' do not converge: it holds NaN or "
                               "infinity");
    }
    free(left);
    free(right);
    free(core);
    return status;
}

static int64_t count_above(const double *values, int64_t count, double share)
{
    double largest = 0;
    int64_t rank = 0;
    for (int64_t i = 0; i < count; i++)
        largest = fmax(largest, values[i]);
    for (int64_t i = 0; i < count; i++)
        rank += values[i] > share * largest;
    return rank;
}

int64_t dcl__numerical_rank(const double *values, int64_t count)
{
    return count_above(values, count, 1e-6);
}

int64_t dcl__rank_under_noise(const double *values, int64_t count)
{
    return count_above(values, count, 1e-3);
}

static dcl_status assess(const dcl_matrix *data, const pair *p, const dcl_noise *noise, dcl_assessment *assessment,
                         double *values, double *products, dcl_error *error)
{
    const int64_t blocks = p->width / noise->block;
    dcl_assessment found = {0};
    dcl_status status = data_term(data, p->u, p->w.w, p->width, &found.data_term, error);
    if (status == DCL_OK && !isfinite(found.data_term))
        status = dcl__fail(error, DCL_ENUMERIC, "the factors or the data hold NaN or infinity");
    if (status == DCL_OK)
        status = dcl__product_values(p->rows, p->samples, p->u, p->w.w, p->width, values, error);
    if (status)
        return status;
    dcl__unit_products(p->rows, p->samples, p->u, p->w.w, p->width, noise->block, products);
    found.regularizer = penalty(p, noise, products);
    found.objective = found.data_term + found.regularizer;
    found.balance_error = balance_error(products, blocks);
    found.rank = dcl__rank_under_noise(values, p->width);
    *assessment = found;
    return DCL_OK;
}

dcl_status dcl_noise_assess(const dcl_matrix *data, const dcl_matrix *inputs, const double *u, const double *v,
                            int64_t width, const dcl_noise *noise, dcl_assessment *assessment, double *values,
                            double *products, dcl_error *error)
{
    if (width < 1 || width > INT32_MAX || data->rows > INT32_MAX || data->columns > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "the sizes of factors and data must be from 1 to 2^31 - 1");
    if (inputs && (inputs->rows < 1 || inputs->rows > INT32_MAX))
        return dcl__fail(error, DCL_EINVAL, "X has %" PRId64 " rows, but sizes are from 1 to 2^31 - 1", inputs->rows);
    if (inputs && inputs->columns != data->columns)
        return dcl__fail(error, DCL_EINVAL, "X has %" PRId64 " columns, Y has %" PRId64 ": they must be as many",
                         inputs->columns, data->columns);
    if (noise->block < 1 || width % noise->block != 0)
        return dcl__fail(error, DCL_EINVAL, "the width must be a multiple of the block");
    double *room = malloc((size_t)(2 * width) * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "an assessment", 2 * width * (int64_t)sizeof *room);
    pair p = {.rows = data->rows, .samples = data->columns, .features = inputs ? inputs->rows : data->columns,
              .width = width, .u = u, .v = v};
    dcl_status status = respond(inputs, v, width, &p.w, error);
    if (status == DCL_OK)
        status = assess(data, &p, noise, assessment, values ? values : room, products ? products : room + width, error);
    free_responses(&p.w);
    free(room);
    return status;
}

dcl_status dcl_dropout_assess(const dcl_matrix *data, const double *u, const double *v, int64_t width,
                              double lambda, dcl_assessment *assessment, double *values, double *products,
                              dcl_error *error)
{
    const dcl_noise noise = {.kind = DCL_NOISE_DROPOUT, .block = 1, .lambda = lambda, .lambda_unit = lambda};
    return dcl_noise_assess(data, NULL, u, v, width, &noise, assessment, values, products, error);
}
