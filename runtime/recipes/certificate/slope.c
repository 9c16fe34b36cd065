/* slope.c: Z = -gradient of the loss at U V', in double precision on the host. */
#include "recipes/certificate/slope.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "recipes/common/entries_order.h"
#include "recipes/common/sum.h"

enum { TILE_LINES = 256, TILE_NUMBERS = 1 << 19 };

/* ---- Lines: the rows of Z, or its columns ---- */

typedef struct lines {
    int64_t count, length;
    const double *factor, *other;        /* a line is that of factor times the other, transposed     */
} lines;

static lines lines_of(const dcl__slope *s, int transpose)
{
    return transpose ? (lines){s->columns, s->rows, s->v, s->u} : (lines){s->rows, s->columns, s->u, s->v};
}

static int64_t tile_lines(int64_t length)
{
    const int64_t fit = TILE_NUMBERS / (length > 0 ? length : 1);
    return fit < 1 ? 1 : fit < TILE_LINES ? fit : TILE_LINES;
}

static double number_at(const dcl_matrix *data, int64_t i)
{
    return data->dtype == DCL_F64 ? ((const double *)data->data)[i] : (double)((const float *)data->data)[i];
}

/* `count` rows of Y from `first` on, or columns, one behind the other. */
static void load_lines(const dcl_matrix *data, int transpose, int64_t first, int64_t count, double *y)
{
    const int64_t rows = data->rows, columns = data->columns;
    if (!transpose) {
        dcl__convert(DCL_F64, y, data->dtype,
                     (const char *)data->data + first * columns * dcl__dtype_size(data->dtype), count * columns);
        return;
    }
    for (int64_t a = 0; a < rows; a++)
        for (int64_t c = 0; c < count; c++)
            y[c * rows + a] = number_at(data, a * columns + first + c);
}

/* out = lines of U V' times `scale`, added to `keep` times what is there. */
static void multiply_factors(const lines *l, int64_t width, int64_t first, int64_t count, double scale, double keep,
                             double *out)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)count, (int)l->length, (int)width, scale,
                l->factor + first * width, (int)width, l->other, (int)width, keep, out, (int)l->length);
}

/* Of entries: where those of a line begin, which they are and where in the line they stand. */
static int64_t line_start(const dcl__slope *s, int transpose, int64_t line)
{
    return transpose ? s->column_start[line] : s->problem->entries->start[line];
}

static int64_t entry_of(const dcl__slope *s, int transpose, int64_t e)
{
    return transpose ? s->by_column[2 * e + 1] : e;
}

static int64_t place_of(const dcl__slope *s, int transpose, int64_t e)
{
    return transpose ? s->by_column[2 * e] : s->problem->entries->column[e];
}

/* What Z has at an entry. */
static double number_of(const dcl__slope *s, int64_t entry)
{
    return s->positive ? fmax(s->entry[entry], 0) : s->entry[entry];
}

/* `count` lines of Z from `first` on. */
static void make_tile(const dcl__slope *s, int transpose, int64_t first, int64_t count, double *z)
{
    const lines l = lines_of(s, transpose);
    const int64_t numbers = count * l.length;
    if (s->entry) {
        memset(z, 0, (size_t)numbers * sizeof *z);
        for (int64_t i = 0; i < count; i++)
            for (int64_t e = line_start(s, transpose, first + i); e < line_start(s, transpose, first + i + 1); e++)
                z[i * l.length + place_of(s, transpose, e)] = number_of(s, entry_of(s, transpose, e));
        return;
    }
    load_lines(s->problem->data, transpose, first, count, z);
    multiply_factors(&l, s->width, first, count, -1, 1, z);
    cblas_dscal((int)numbers, s->loss->curvature, z, 1);
    for (int64_t i = 0; i < numbers && s->positive; i++)
        z[i] = fmax(z[i], 0);
}

/* ---- Sums ---- */

typedef struct sums {
    dcl__sum data_term, product, square, with_data, energy;
} sums;

/* A chunk at a time, so that rounding does not grow with the size. */
static void add_products(dcl__sum *sum, const double *a, const double *b, int64_t length)
{
    for (int64_t i = 0; i < length; i += DCL__SUM_CHUNK)
        dcl__add(sum, cblas_ddot((int)(length - i < DCL__SUM_CHUNK ? length - i : DCL__SUM_CHUNK), a + i, 1, b + i, 1));
}

/* `tile` has room for y, x and z of so many rows. */
static void add_rows(dcl__slope *s, int64_t first, int64_t count, double *tile, sums *found)
{
    const lines l = lines_of(s, 0);
    const int64_t numbers = count * l.length;
    double *y = tile, *x = tile + numbers, *z = tile + 2 * numbers;
    load_lines(s->problem->data, 0, first, count, y);
    memset(x, 0, (size_t)numbers * sizeof *x);
    multiply_factors(&l, s->width, first, count, 1, 0, x);
    for (int64_t i = 0; i < numbers; i++)
        z[i] = s->loss->curvature * (y[i] - x[i]);
    add_products(&found->product, z, x, numbers);
    add_products(&found->square, z, z, numbers);
    add_products(&found->with_data, z, y, numbers);
    add_products(&found->energy, y, y, numbers);
}

/* ||X||_F, whose square need not be an f64 number. */
static double norm_of(const double *x, int64_t rows, int64_t width)
{
    double norm = 0;
    for (int64_t i = 0; i < rows && width > 0; i++)
        norm = hypot(norm, cblas_dnrm2((int)width, x + i * width, 1));
    return norm;
}

static dcl_status measure_dense(dcl__slope *s, sums *found, dcl_error *error)
{
    const int64_t lines = tile_lines(3 * s->columns), bytes = 3 * lines * s->columns * (int64_t)sizeof(double);
    double *tile = malloc((size_t)bytes);
    if (!tile)
        return dcl__no_memory(error, "a tile of the residual", bytes);
    for (int64_t first = 0; first < s->rows; first += lines)
        add_rows(s, first, s->rows - first < lines ? s->rows - first : lines, tile, found);
    free(tile);
    /* The loss is curvature / 2 (y - x)^2, z its slope. */
    found->data_term.high = dcl__total(&found->square) / (2 * s->loss->curvature);
    found->data_term.low = 0;
    found->energy.high = dcl__total(&found->energy) * s->loss->curvature / 2;
    found->energy.low = 0;
    s->data_size = s->loss->curvature * sqrt(found->energy.high / (s->loss->curvature / 2));
    s->factor_size = s->loss->curvature * norm_of(s->u, s->rows, s->width) * norm_of(s->v, s->columns, s->width);
    /* Every entry of U V' is off by at most gamma_r |u| |v|, and y - x and its multiple by two roundings more. */
    s->rounding = dcl__gamma((double)s->width + 4) * (s->data_size + s->factor_size);
    return DCL_OK;
}

/* ---- Entries ---- */

static void add_entry(dcl__slope *s, int64_t row, int64_t e, sums *found)
{
    const dcl_entries *entries = s->problem->entries;
    const double y = entries->value[e], weight = entries->weight ? entries->weight[e] : 1;
    const double *u = s->u + row * s->width, *v = s->v + entries->column[e] * s->width;
    double x = 0;
    for (int64_t i = 0; i < s->width; i++)
        x += u[i] * v[i];
    const double z = weight * s->loss->slope(y, x);
    s->entry[e] = z;
    dcl__add(&found->data_term, weight * s->loss->value(y, x));
    dcl__add(&found->product, z * x);
    dcl__add(&found->square, z * z / weight);
    dcl__add(&found->with_data, z * y);
    dcl__add(&found->energy, weight * s->loss->value(y, 0));
}

static dcl_status measure_entries(dcl__slope *s, sums *found, dcl_error *error)
{
    const dcl_entries *entries = s->problem->entries;
    const size_t count = (size_t)(entries->count > 0 ? entries->count : 1);
    s->entry = malloc(count * sizeof *s->entry);
    if (!s->entry)
        return dcl__no_memory(error, "the slope of the loss at the entries", (int64_t)(count * sizeof *s->entry));
    for (int64_t row = 0; row < s->rows; row++)
        for (int64_t e = entries->start[row]; e < entries->start[row + 1]; e++)
            add_entry(s, row, e, found);
    return DCL_OK;
}

/* A copy of the record for reading lines: where these are columns of entries, with their order, to be released. */
static dcl_status order_lines(const dcl__slope *s, int transpose, dcl__slope *ordered, dcl_error *error)
{
    *ordered = *s;
    if (!s->entry || !transpose)
        return DCL_OK;
    const int64_t count = s->problem->entries->count, numbers = s->columns + 1 + 2 * count;
    ordered->column_start = calloc((size_t)numbers, sizeof *ordered->column_start);
    if (!ordered->column_start)
        return dcl__no_memory(error, "the order of entries", numbers * (int64_t)sizeof *ordered->column_start);
    ordered->by_column = ordered->column_start + s->columns + 1;
    dcl__entries_order(s->problem->entries, ordered->column_start, ordered->by_column);
    return DCL_OK;
}

static void release_order(dcl__slope *ordered)
{
    free(ordered->column_start);
}

/* ---- The interface ---- */

dcl_status dcl__slope_make(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                           dcl__slope *slope, dcl_error *error)
{
    const dcl_entries *entries = problem->entries;
    *slope = (dcl__slope){.problem = problem, .loss = dcl__loss_find(problem->loss), .width = width, .u = u, .v = v,
                          .rows = entries ? entries->rows : problem->data->rows,
                          .columns = entries ? entries->columns : problem->data->columns};
    sums found = {0};
    dcl_status status = entries ? measure_entries(slope, &found, error) : measure_dense(slope, &found, error);
    if (status)
        return status;
    slope->data_term = dcl__total(&found.data_term);
    slope->product = dcl__total(&found.product);
    slope->square = dcl__total(&found.square);
    slope->with_data = dcl__total(&found.with_data);
    slope->energy = dcl__total(&found.energy);
    if (!isfinite(slope->data_term) || !isfinite(slope->product) || !isfinite(slope->square) ||
        !isfinite(slope->energy))
        return dcl__fail(error, DCL_ENUMERIC, "the factors or the data hold NaN or infinity, or numbers whose squares "
                         "are no f64 numbers");
    return DCL_OK;
}

void dcl__slope_free(dcl__slope *slope)
{
    free(slope->entry);
    *slope = (dcl__slope){0};
}

/* ---- Products ---- */

/* out += Z'x of entries for a single x, or out = Z x: row by row, so that the entries are read in their order. */
static void multiply_vector(const dcl__slope *s, int transpose, const double *x, double *out)
{
    const dcl_entries *entries = s->problem->entries;
    for (int64_t row = 0; row < s->rows; row++) {
        double sum = 0;
        for (int64_t e = entries->start[row]; e < entries->start[row + 1]; e++) {
            const double z = number_of(s, e);
            if (transpose)
                out[entries->column[e]] += z * x[row];
            else
                sum += z * x[entries->column[e]];
        }
        if (!transpose)
            out[row] = sum;
    }
}

/* out += Z x of entries, or Z'x, for several. */
static void multiply_entries(const dcl__slope *s, int transpose, const double *x, int64_t count, double *out)
{
    const dcl_entries *entries = s->problem->entries;
    for (int64_t row = 0; row < s->rows; row++)
        for (int64_t e = entries->start[row]; e < entries->start[row + 1]; e++) {
            const int64_t column = entries->column[e];
            const double z = number_of(s, e), *from = x + (transpose ? row : column) * count;
            double *to = out + (transpose ? column : row) * count;
            for (int64_t i = 0; i < count; i++)
                to[i] += z * from[i];
        }
}

/* out += scale op(A) x for a row-major A; a vector has a routine of its own. */
static void add_product(int transpose, int64_t rows, int64_t columns, double scale, const double *a, const double *x,
                        int64_t count, double *out)
{
    if (count == 1)
        cblas_dgemv(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans, (int)rows, (int)columns, scale, a,
                    (int)columns, x, 1, 1, out, 1);
    else
        cblas_dgemm(CblasRowMajor, transpose ? CblasTrans : CblasNoTrans, CblasNoTrans,
                    (int)(transpose ? columns : rows), (int)count, (int)(transpose ? rows : columns), scale, a,
                    (int)columns, x, (int)count, 1, out, (int)count);
}

/* Z x = curvature (Y x - U (V'x)); Y a tile of rows at a time. `room` holds a tile and the product in the middle. */
static void multiply_dense(const dcl__slope *s, int transpose, const double *x, int64_t count, double *out,
                           double *room)
{
    const dcl_matrix *data = s->problem->data;
    const int64_t lines = tile_lines(s->columns);
    const double scale = s->loss->curvature;
    double *middle = room + lines * s->columns;
    memset(middle, 0, (size_t)(s->width * count) * sizeof *middle);
    if (s->width > 0 && !transpose) {
        add_product(1, s->columns, s->width, 1, s->v, x, count, middle);
        add_product(0, s->rows, s->width, -scale, s->u, middle, count, out);
    } else if (s->width > 0) {
        add_product(1, s->rows, s->width, 1, s->u, x, count, middle);
        add_product(0, s->columns, s->width, -scale, s->v, middle, count, out);
    }
    for (int64_t first = 0; first < s->rows; first += lines) {
        const int64_t rows = s->rows - first < lines ? s->rows - first : lines;
        const double *y = room;
        if (data->dtype == DCL_F64)
            y = (const double *)data->data + first * s->columns;
        else
            load_lines(data, 0, first, rows, room);
        add_product(transpose, rows, s->columns, scale, y, x + (transpose ? first * count : 0), count,
                    out + (transpose ? 0 : first * count));
    }
}

/* The positive part has no factors: it is made tile by tile. */
static void multiply_tiles(const dcl__slope *s, int transpose, const double *x, int64_t count, double *out,
                           double *room)
{
    const int64_t lines = tile_lines(s->columns);
    for (int64_t first = 0; first < s->rows; first += lines) {
        const int64_t rows = s->rows - first < lines ? s->rows - first : lines;
        make_tile(s, 0, first, rows, room);
        add_product(transpose, rows, s->columns, 1, room, x + (transpose ? first * count : 0), count,
                    out + (transpose ? 0 : first * count));
    }
}

dcl_status dcl__slope_multiply(const dcl__slope *slope, int transpose, const double *x, int64_t count, double *out,
                               dcl_error *error)
{
    memset(out, 0, (size_t)((transpose ? slope->columns : slope->rows) * count) * sizeof *out);
    if (slope->entry) {
        if (count == 1)
            multiply_vector(slope, transpose, x, out);
        else
            multiply_entries(slope, transpose, x, count, out);
        return DCL_OK;
    }
    const int64_t numbers = tile_lines(slope->columns) * slope->columns + slope->width * count;
    double *room = malloc((size_t)numbers * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "a tile of the data", numbers * (int64_t)sizeof *room);
    (slope->positive ? multiply_tiles : multiply_dense)(slope, transpose, x, count, out, room);
    free(room);
    return DCL_OK;
}

/* ---- The Gram matrix ---- */

/* Adds the products of the entries of every line with each other. */
static void gram_of_entries(const dcl__slope *s, int transpose, int64_t side, double *gram)
{
    const int64_t count = lines_of(s, transpose).count;
    for (int64_t line = 0; line < count; line++) {
        const int64_t end = line_start(s, transpose, line + 1);
        for (int64_t e = line_start(s, transpose, line); e < end; e++) {
            const double z = number_of(s, entry_of(s, transpose, e));
            double *row = gram + place_of(s, transpose, e) * side;
            for (int64_t f = e; f < end; f++)
                row[place_of(s, transpose, f)] += z * number_of(s, entry_of(s, transpose, f));
        }
    }
}

static dcl_status gram_by_tiles(const dcl__slope *s, int transpose, int64_t side, double *gram, dcl_error *error)
{
    const lines l = lines_of(s, transpose);
    const int64_t most = tile_lines(side);
    double *tile = malloc((size_t)(most * side) * sizeof *tile);
    if (!tile)
        return dcl__no_memory(error, "a tile of the residual", most * side * (int64_t)sizeof *tile);
    for (int64_t first = 0; first < l.count; first += most) {
        const int64_t count = l.count - first < most ? l.count - first : most;
        make_tile(s, transpose, first, count, tile);
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)side, (int)count, 1, tile, (int)side, 1, gram,
                    (int)side);
    }
    free(tile);
    return DCL_OK;
}

/* Long lines, so that the matrix is as small as it can be. Few entries are multiplied one by one. */
static dcl_status gram_of_slope(const dcl__slope *slope, int transpose, int64_t side, double *gram, dcl_error *error)
{
    const int64_t lines = lines_of(slope, transpose).count;
    dcl__slope ordered;
    dcl_status status = order_lines(slope, transpose, &ordered, error);
    memset(gram, 0, (size_t)(side * side) * sizeof *gram);
    if (status == DCL_OK && slope->entry && (double)slope->problem->entries->count < (double)lines * (double)side / 8)
        gram_of_entries(&ordered, transpose, side, gram);
    else if (status == DCL_OK)
        status = gram_by_tiles(&ordered, transpose, side, gram, error);
    release_order(&ordered);
    return status;
}

/* Every entry is off by at most this times the entry of |Z|'|Z|. */
static double relative_rounding(const dcl__slope *slope, int transpose)
{
    const lines l = lines_of(slope, transpose);
    return dcl__gamma((double)(slope->entry ? l.count + 2 : TILE_LINES + 2 + l.count / tile_lines(l.length)));
}

static double trace_of(const double *gram, int64_t side)
{
    double trace = 0;
    for (int64_t i = 0; i < side; i++)
        trace += gram[i * side + i];
    return trace;
}

/* With N the factor on the side of the Gram matrix and F the other one, Z = c (Y - F N') or its transpose has
 * Z'Z = c^2 Y'Y - W N' - N W' with W = c^2 (Y'F - N (F'F) / 2). */
static dcl_status subtract_factors(const dcl__slope *s, int transpose, int64_t side, double *gram, dcl_error *error)
{
    const lines l = lines_of(s, transpose);
    const double *near = l.other, *far = l.factor, c = s->loss->curvature;
    const int width = (int)s->width;
    dcl__slope data = *s;
    double *w = malloc((size_t)(side * width) * sizeof *w), *inner = calloc((size_t)width, (size_t)width * sizeof *w);
    dcl_status status = DCL_OK;
    data.width = 0;
    if (!w || !inner)
        status = dcl__no_memory(error, "products of data and factors", (side + width) * width * (int64_t)sizeof *w);
    else
        status = dcl__slope_multiply(&data, !transpose, far, width, w, error);
    if (status == DCL_OK) {
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, width, (int)l.count, 1, far, width, 0, inner, width);
        cblas_dsymm(CblasRowMajor, CblasRight, CblasUpper, (int)side, width, -c * c / 2, inner, width, near, width, c,
                    w, width);
        cblas_dsyr2k(CblasRowMajor, CblasUpper, CblasNoTrans, (int)side, width, -1, w, width, near, width, 1, gram,
                     (int)side);
    }
    free(w);
    free(inner);
    return status;
}

/* Every entry of the products is a sum of at most so many terms, and of so many roundings, one after the other; with
 * the sizes y of the data and f of the factors the terms are at most y^2 + 2 y f + f^2 in norm. */
static double rounding_of_update(const dcl__slope *s, int transpose)
{
    const double size = s->data_size + s->factor_size;
    return dcl__gamma((double)(lines_of(s, transpose).count + 3 * s->width + 16)) * size * size * 1.01;
}

static dcl_status keep_data_gram(const dcl__slope *s, int transpose, int64_t side, dcl_error *error)
{
    dcl__slope data = *s;
    double *made = malloc((size_t)(side * side) * sizeof *made);
    if (!made)
        return dcl__no_memory(error, "the Gram matrix of the data", side * side * (int64_t)sizeof *made);
    data.width = 0;
    dcl_status status = gram_of_slope(&data, transpose, side, made, error);
    if (status)
        free(made);
    else
        s->data_gram->matrix = made;
    return status;
}

static dcl_status gram_by_update(const dcl__slope *s, int transpose, int64_t side, double *gram, dcl_error *error)
{
    dcl_status status = s->data_gram->matrix ? DCL_OK : keep_data_gram(s, transpose, side, error);
    if (status)
        return status;
    memcpy(gram, s->data_gram->matrix, (size_t)(side * side) * sizeof *gram);
    return s->width > 0 ? subtract_factors(s, transpose, side, gram, error) : DCL_OK;
}

dcl_status dcl__slope_gram(const dcl__slope *slope, double allowed, double *gram, double *rounding, dcl_error *error)
{
    const int transpose = slope->rows < slope->columns, can_update = slope->data_gram && !slope->positive;
    const int64_t side = transpose ? slope->rows : slope->columns;
    const double of_update = can_update ? rounding_of_update(slope, transpose) : 0;
    const int updates = can_update && of_update <= allowed;
    dcl_status status = updates ? gram_by_update(slope, transpose, side, gram, error)
                                : gram_of_slope(slope, transpose, side, gram, error);
    *rounding = updates ? of_update : relative_rounding(slope, transpose) * trace_of(gram, side) * 1.01;
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < i; j++)
            gram[i * side + j] = gram[j * side + i];
    return status;
}

void dcl__data_gram_free(dcl__data_gram *gram)
{
    free(gram->matrix);
    gram->matrix = NULL;
}

/* ---- Line by line ---- */

static dcl_status each_of_entries(const dcl__slope *slope, int transpose, dcl__slope_visit visit, void *user,
                                  dcl_error *error)
{
    dcl__slope ordered, *s = &ordered;
    dcl_status status = order_lines(slope, transpose, s, error);
    if (status)
        return status;
    const lines l = lines_of(s, transpose);
    double *numbers = malloc((size_t)l.length * sizeof *numbers);
    int64_t *places = malloc((size_t)l.length * sizeof *places);
    for (int64_t line = 0; line < l.count && numbers && places; line++) {
        const int64_t first = line_start(s, transpose, line), count = line_start(s, transpose, line + 1) - first;
        for (int64_t i = 0; i < count; i++) {
            numbers[i] = number_of(s, entry_of(s, transpose, first + i));
            places[i] = place_of(s, transpose, first + i);
        }
        visit(user, line, numbers, places, count);
    }
    const int failed = !numbers || !places;
    free(numbers);
    free(places);
    release_order(s);
    return failed ? dcl__no_memory(error, "a line of entries", l.length * 16) : DCL_OK;
}

dcl_status dcl__slope_each(const dcl__slope *slope, int transpose, dcl__slope_visit visit, void *user,
                           dcl_error *error)
{
    const lines l = lines_of(slope, transpose);
    const int64_t most = tile_lines(l.length);
    if (slope->entry)
        return each_of_entries(slope, transpose, visit, user, error);
    double *tile = malloc((size_t)(most * l.length) * sizeof *tile);
    if (!tile)
        return dcl__no_memory(error, "a tile of the residual", most * l.length * (int64_t)sizeof *tile);
    for (int64_t first = 0; first < l.count; first += most) {
        const int64_t count = l.count - first < most ? l.count - first : most;
        make_tile(slope, transpose, first, count, tile);
        for (int64_t i = 0; i < count; i++)
            visit(user, first + i, tile + i * l.length, NULL, l.length);
    }
    free(tile);
    return DCL_OK;
}
