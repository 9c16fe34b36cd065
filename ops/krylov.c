/* krylov.c: a block Golub-Kahan factorization of a matrix that grows on the device. */
#include "krylov.h"

#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BASES = 0, PANEL = 1, ROTATION = 2, EXCHANGE = 3 };
enum { MOST_PASSES = 8, MOST_SCANS = 4096 };
enum { DRAW_STREAM = 0x4B72796C };

/* Directions below this many units of rounding of the norm are rounding errors. */
static const double NOISE = 8;

/* Eigenvalues of a scaled Gram matrix above CLEAR are more than rounding errors; where all are above ROUND, what is
 * made of them is orthonormal but for rounding. */
static const double CLEAR = 1e-3, ROUND = 0.5;

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- Memory ---- */

/* Scratch: the bases one below the other, the range's first; two panels; a matrix that turns bases; and what host
 * and device exchange: coefficients, below them a Gram matrix or the transformation made of it. */
dcl_status dcl__krylov_reserve(const dcl_host *host, dcl_call *call, const dcl_tensor *y, int64_t block,
                               int64_t capacity)
{
    const int64_t dim[4][2] = {{y->dim[0] + y->dim[1], capacity}, {2 * larger(y->dim[0], y->dim[1]), block},
                               {capacity, capacity}, {capacity + block, block}};
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 4 && !status; i++)
        status = host->set_scratch(call, i, y->dtype, 2, dim[i]);
    return status;
}

static const dcl_tensor *scratch(const dcl__krylov *k, uint32_t i)
{
    return k->host->scratch(k->call, i);
}

/* Columns of a basis. */
static dcl_view basis(const dcl__krylov *k, int side, int64_t first, int64_t columns)
{
    const int64_t row = side == DCL__LONG ? 0 : k->length[DCL__LONG];
    return (dcl_view){scratch(k, BASES), row * k->capacity + first, k->length[side], columns, k->capacity};
}

/* Columns of one of the two panels. */
static dcl_view panel(const dcl__krylov *k, int side, int which, int64_t first, int64_t columns)
{
    const int64_t offset = which * k->length[DCL__LONG] * k->block;
    return (dcl_view){scratch(k, PANEL), offset + first, k->length[side], columns, k->block};
}

/* Rows of what is exchanged, from `first` on. */
static dcl_view exchanged(const dcl__krylov *k, int64_t first, int64_t rows, int64_t columns)
{
    return (dcl_view){scratch(k, EXCHANGE), first * k->block, rows, columns, k->block};
}

static dcl_status multiply(const dcl__krylov *k, uint32_t transpose, double alpha, dcl_view a, dcl_view b, double beta,
                           dcl_view c)
{
    return k->host->gemm_view(k->call, transpose, alpha, &a, &b, beta, &c);
}

static dcl_status send_exchange(const dcl__krylov *k)
{
    return dcl__store(k->host, k->call, k->exchange, scratch(k, EXCHANGE));
}

static dcl_status allocate(dcl__krylov *k)
{
    k->b = dcl__numbers(k->host, k->call, k->capacity, k->capacity);
    k->r = k->b ? dcl__numbers(k->host, k->call, k->block, k->capacity) : NULL;
    k->rotation = k->r ? dcl__numbers(k->host, k->call, k->capacity, k->capacity) : NULL;
    k->exchange = k->rotation ? dcl__numbers(k->host, k->call, k->capacity + k->block, k->block) : NULL;
    return k->exchange ? DCL_OK : DCL_ENOMEM;
}

/* The largest power of two that is not above the largest entry. Items of a CPU take neighbours one after another,
 * those of a GPU side by side. */
static dcl_status find_scale(dcl__krylov *k)
{
    const int64_t room = scratch(k, EXCHANGE)->count, items = room < MOST_SCANS ? room : MOST_SCANS;
    const int64_t parts = (k->y->count / 8 + items - 1) / items, is_cpu = k->host->device(k->call, DCL_DEVICE_IS_CPU);
    const dcl_argument argument[] = {dcl_arg_tensor(k->y), dcl_arg_long(k->y->count), dcl_arg_long(is_cpu ? parts : 1),
                                     dcl_arg_long(is_cpu ? 1 : items), dcl_arg_long(parts), dcl_arg_long(items),
                                     dcl_arg_tensor(scratch(k, EXCHANGE))};
    dcl_status status = dcl__launch(k->host, k->call, "singular_scan", argument, 7, items);
    if (!status)
        status = dcl__fetch(k->host, k->call, scratch(k, EXCHANGE), k->exchange);
    double largest = 0;
    for (int64_t i = 0; i < items && !status; i++)
        if (isnan(k->exchange[i]))
            status = k->host->fail(k->call, DCL_ENUMERIC, "an input to be factorized holds NaN or infinity");
        else
            largest = fmax(largest, k->exchange[i]);
    k->scale = largest > 0 ? ldexp(1, ilogb(largest)) : 0;
    return status;
}

dcl_status dcl__krylov_open(const dcl_host *host, dcl_call *call, const dcl_tensor *y, int64_t block, int64_t capacity,
                            dcl__krylov *k)
{
    const int wide = y->dim[0] < y->dim[1];
    *k = (dcl__krylov){.host = host, .call = call, .y = y, .wide = wide, .block = block, .capacity = capacity,
                       .length = {y->dim[!wide], y->dim[wide]},
                       .epsilon = y->dtype == DCL_F32 ? FLT_EPSILON : DBL_EPSILON};
    dcl_status status = allocate(k);
    return status ? status : find_scale(k);
}

void dcl__krylov_close(dcl__krylov *k)
{
    free(k->b);
    free(k->r);
    free(k->rotation);
    free(k->exchange);
}

/* ---- Orthonormal blocks ---- */

/* Columns on their way into a basis. What came is basis x along + columns on their way x triangle, where the basis
 * has grown by the columns that have arrived. */
typedef struct coming {
    int side;                    /* whose basis                                                      */
    int64_t before, kept;        /* columns that came; those that have arrived                       */
    int which, later_which;      /* panels in which columns are under way, and wait                  */
    int64_t first, now;          /* columns under way: where in the panel, and how many              */
    int64_t later_first, later;  /* those that wait until the others have arrived                    */
    double *along, *triangle;    /* of `before` columns: count + kept rows; now + later rows         */
    double removed;              /* most that the last pass took from a column, relative to the rest */
    double least;                /* smallest eigenvalue of the last scaled Gram matrix; 1: orthogonal */
} coming;

/* Small matrices that a pass works with. */
typedef struct workspace {
    double *vectors, *next;      /* block x block                                                    */
    double *values, *length;     /* block                                                            */
} workspace;

/* c += a b for small matrices, rows x inner and inner x columns, with strides. */
static void add_product(int64_t rows, int64_t inner, int64_t columns, const double *a, int64_t a_row, const double *b,
                        int64_t b_row, double *c, int64_t c_row)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t p = 0; p < inner; p++)
            for (int64_t j = 0; j < columns; j++)
                c[i * c_row + j] += a[i * a_row + p] * b[p * b_row + j];
}

/* Takes the basis out of the columns and fetches the coefficients and the Gram matrix of what is left. */
static dcl_status project(dcl__krylov *k, const coming *p)
{
    const int64_t count = k->count[p->side] + p->kept;
    const dcl_view block = panel(k, p->side, p->which, p->first, p->now);
    dcl_status status = DCL_OK;
    if (count) {
        const dcl_view all = basis(k, p->side, 0, count), along = exchanged(k, 0, count, p->now);
        status = multiply(k, DCL_TRANSPOSE_A, 1, all, block, 0, along);
        if (!status)
            status = multiply(k, 0, -1, all, along, 1, block);
    }
    if (!status)
        status = multiply(k, DCL_TRANSPOSE_A, 1, block, block, 0, exchanged(k, k->capacity, p->now, p->now));
    return status ? status : dcl__fetch(k->host, k->call, scratch(k, EXCHANGE), k->exchange);
}

/* Lengths of the columns after projection; notes how much it took. No column of Y W, as it came or made shorter, is
 * longer than the norm of Y. */
static void measure(dcl__krylov *k, coming *p, double *length)
{
    const double *along = k->exchange, *gram = k->exchange + k->capacity * k->block;
    p->removed = 0;
    for (int64_t j = 0; j < p->now; j++) {
        double square = 0, rest = fmax(gram[j * k->block + j], 0);
        for (int64_t i = 0; i < k->count[p->side] + p->kept; i++)
            square += along[i * k->block + j] * along[i * k->block + j];
        length[j] = sqrt(rest);
        p->removed = fmax(p->removed, square > 0 ? sqrt(square / fmax(rest, DBL_MIN)) : 0);
        if (p->side == DCL__LONG)
            k->norm = fmax(k->norm, sqrt(square + rest));
    }
}

/* Eigenvectors, by columns, and eigenvalues of the Gram matrix of the columns scaled to length 1. */
static dcl_status decompose_gram(dcl__krylov *k, coming *p, const workspace *w)
{
    const double *gram = k->exchange + k->capacity * k->block;
    const int64_t n = p->now;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double both = w->length[i] * w->length[j];
            w->vectors[j * n + i] = both > 0 ? (gram[i * k->block + j] + gram[j * k->block + i]) / (2 * both) : 0;
        }
    int64_t info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'L', (lapack_int)n, w->vectors, (lapack_int)n, w->values);
    p->least = w->values[0];
    return dcl__lapack_status(k->host, k->call, "dsyev", info);
}

/* row := root x vector' D x triangle, the share of a direction in what came; returns its length. */
static double share(const coming *p, const double *vector, const double *length, double root, double *row)
{
    double square = 0;
    memset(row, 0, (size_t)p->before * sizeof *row);
    for (int64_t i = 0; i < p->now; i++)
        for (int64_t j = 0; j < p->before; j++)
            row[j] += root * vector[i] * length[i] * p->triangle[i * p->before + j];
    for (int64_t j = 0; j < p->before; j++)
        square += row[j] * row[j];
    return sqrt(square);
}

/* Writes the transformation of the columns under way where the Gram matrix was, and takes it into the triangle.
 * With D their lengths and W L W' the scaled Gram matrix it is D^-1 W L^-1/2, which makes them orthonormal
 * (Stathopoulos and Wu 2002), for the directions that are clear. The others are small, or rounding errors of these:
 * they become D^-1 W and wait until the clear ones have arrived and been taken out of them. Only then can it be
 * seen what they are. Directions whose share of what came is below the floor are dropped. */
static void transform(dcl__krylov *k, coming *p, const workspace *w)
{
    const int64_t n = p->now, width = p->before, waiting = p->later;
    const double floor = NOISE * k->epsilon * k->norm, raised = 16 * k->epsilon * fmax(w->values[n - 1], 1);
    double *made = k->exchange + k->capacity * k->block;
    int64_t clear = 0, rest = 0;
    memset(made, 0, (size_t)(k->block * k->block) * sizeof *made);
    for (int64_t t = n; t-- > 0;) {
        const int is_clear = w->values[t] >= CLEAR || waiting;
        const double *vector = w->vectors + t * n, size = sqrt(fmax(w->values[t], raised)), root = is_clear ? size : 1;
        if (share(p, vector, w->length, root, w->next + (clear + rest) * width) * size / root <= floor)
            continue;
        for (int64_t i = 0; i < n; i++)
            made[i * k->block + clear + rest] = w->length[i] > 0 ? vector[i] / (root * w->length[i]) : 0;
        clear += is_clear;
        rest += !is_clear;
    }
    memcpy(w->next + (clear + rest) * width, p->triangle + n * width, (size_t)(waiting * width) * sizeof *w->next);
    memcpy(p->triangle, w->next, (size_t)((clear + rest + waiting) * width) * sizeof *w->next);
    p->now = clear;
    if (waiting == 0) {
        p->later = rest;
        p->later_first = clear;
        p->later_which = !p->which;
    }
}

/* The columns under way are behind the basis now. */
static void arrive(const dcl__krylov *k, coming *p)
{
    const int64_t width = p->before, behind = k->count[p->side] + p->kept;
    memcpy(p->along + behind * width, p->triangle, (size_t)(p->now * width) * sizeof *p->along);
    memmove(p->triangle, p->triangle + p->now * width, (size_t)(p->later * width) * sizeof *p->triangle);
    p->kept += p->now;
    p->now = 0;
}

/* One pass over the columns under way. Orthonormal ones arrive behind the basis, others go to the other panel. */
static dcl_status pass(dcl__krylov *k, coming *p, const workspace *w)
{
    const dcl_view from = panel(k, p->side, p->which, p->first, p->now);
    const int64_t waiting = p->later, behind = k->count[p->side] + p->kept;
    dcl_status status = project(k, p);
    if (status)
        return status;
    measure(k, p, w->length);
    add_product(behind, p->now, p->before, k->exchange, k->block, p->triangle, p->before, p->along, p->before);
    status = decompose_gram(k, p, w);
    if (status)
        return status;
    transform(k, p, w);
    const int64_t made = p->now + (waiting ? 0 : p->later);
    const int arrives = p->least > ROUND && p->removed < 0.1;
    p->which = !p->which;
    p->first = 0;
    if (made)
        status = send_exchange(k);
    if (made && !status)
        status = multiply(k, 0, 1, from, exchanged(k, k->capacity, from.columns, made), 0,
                          arrives ? basis(k, p->side, behind, made) : panel(k, p->side, p->which, 0, made));
    if (arrives)
        arrive(k, p);
    return status;
}

/* Puts the columns in the first panel behind a basis, orthonormal, without changing its count. */
static dcl_status orthonormalize(dcl__krylov *k, coming *p)
{
    const int64_t area = k->block * k->block;
    double *room = dcl__numbers(k->host, k->call, 2 * k->block + 2, k->block);
    const workspace w = {room, room + area, room + 2 * area, room + 2 * area + k->block};
    dcl_status status = room ? DCL_OK : DCL_ENOMEM;
    p->now = p->before;
    for (int64_t i = 0; i < p->now; i++)
        p->triangle[i * p->now + i] = 1;
    for (int64_t passes = 0; !status && (p->now || p->later); passes++) {
        if (passes == MOST_PASSES * k->block)
            status = k->host->fail(k->call, DCL_ENUMERIC, "columns do not become orthogonal: the device multiplies "
                                   "wrongly");
        if (p->now == 0) {
            p->now = p->later;
            p->first = p->later_first;
            p->which = p->later_which;
            p->later = 0;
        }
        if (!status)
            status = pass(k, p, &w);
    }
    free(room);
    return status;
}

/* ---- Growing ---- */

/* The panel := Y times columns of the other side's basis, in units of scale. */
static dcl_status apply(dcl__krylov *k, int side, int64_t first, int64_t columns)
{
    const dcl_view y = dcl_view_of(k->y);
    k->products += columns;
    return multiply(k, (side == DCL__SHORT) != k->wide ? DCL_TRANSPOSE_A : 0, 1 / k->scale, y,
                    basis(k, !side, first, columns), 0, panel(k, side, 0, 0, columns));
}

/* Takes out of the panel what is known of it, columns of its basis times coefficients in the exchange. */
static dcl_status subtract(dcl__krylov *k, int side, int64_t first, int64_t rows, int64_t columns)
{
    dcl_status status = send_exchange(k);
    return status ? status : multiply(k, 0, -1, basis(k, side, first, rows), exchanged(k, 0, rows, columns), 1,
                                      panel(k, side, 0, 0, columns));
}

/* U grows by Y W: of its coefficients in U, R' is known. */
static dcl_status grow_long(dcl__krylov *k, double *along, double *triangle)
{
    const int64_t columns = k->pending, count = k->count[DCL__LONG], known = count - k->coupled, width = k->capacity;
    coming p = {.side = DCL__LONG, .before = columns, .along = along, .triangle = triangle};
    dcl_status status = apply(k, DCL__LONG, k->count[DCL__SHORT], columns);
    for (int64_t i = 0; i < known; i++)
        for (int64_t j = 0; j < columns; j++)
            k->exchange[i * k->block + j] = along[(k->coupled + i) * columns + j] = k->r[j * width + k->coupled + i];
    if (!status && known)
        status = subtract(k, DCL__LONG, k->coupled, known, columns);
    if (!status)
        status = orthonormalize(k, &p);
    for (int64_t i = count; i < count + p.kept; i++)
        memset(k->b + i * width, 0, (size_t)k->count[DCL__SHORT] * sizeof *k->b);
    for (int64_t i = 0; i < count + p.kept; i++)
        memcpy(k->b + i * width + k->count[DCL__SHORT], along + i * columns, (size_t)columns * sizeof *along);
    k->coupled = count;
    k->count[DCL__LONG] += p.kept;
    k->count[DCL__SHORT] += columns;
    return status;
}

/* The next W: Y' times the new columns of U, of which V B' is known. */
static dcl_status grow_short(dcl__krylov *k, double *along, double *triangle)
{
    const int64_t columns = k->count[DCL__LONG] - k->coupled, known = k->pending, width = k->capacity;
    const int64_t count = k->count[DCL__SHORT], first = count - known;
    coming p = {.side = DCL__SHORT, .before = columns, .along = along, .triangle = triangle};
    k->pending = 0;
    if (columns == 0)
        return DCL_OK;
    dcl_status status = apply(k, DCL__SHORT, k->coupled, columns);
    for (int64_t i = 0; i < known; i++)
        for (int64_t j = 0; j < columns; j++)
            k->exchange[i * k->block + j] = k->b[(k->coupled + j) * width + first + i];
    if (!status)
        status = subtract(k, DCL__SHORT, first, known, columns);
    if (!status)
        status = orthonormalize(k, &p);
    memset(k->r, 0, (size_t)(k->block * width) * sizeof *k->r);
    for (int64_t i = 0; i < p.kept; i++)
        memcpy(k->r + i * width + k->coupled, along + (count + i) * columns, (size_t)columns * sizeof *along);
    k->pending = p.kept;
    return status;
}

/* Calls `grow` with room for its coefficients. */
static dcl_status with_room(dcl__krylov *k, dcl_status (*grow)(dcl__krylov *, double *, double *))
{
    double *along = dcl__numbers(k->host, k->call, k->capacity + 2 * k->block, k->block);
    dcl_status status = along ? grow(k, along, along + (k->capacity + k->block) * k->block) : DCL_ENOMEM;
    free(along);
    return status;
}

dcl_status dcl__krylov_grow(dcl__krylov *k)
{
    dcl_status status = with_room(k, grow_long);
    return status ? status : with_room(k, grow_short);
}

static dcl_status draw(dcl__krylov *k, double *along, double *triangle)
{
    const uint32_t key[4] = {0, 0, k->draws++, DRAW_STREAM};
    const int64_t count = k->length[DCL__SHORT] * k->block;
    const dcl_argument argument[] = {dcl_arg_tensor(scratch(k, PANEL)), dcl_arg_long(count), dcl_arg_key(key)};
    coming p = {.side = DCL__SHORT, .before = k->block, .along = along, .triangle = triangle};
    dcl_status status = dcl__launch(k->host, k->call, "singular_draw", argument, 3, (count + 3) / 4);
    if (!status)
        status = orthonormalize(k, &p);
    k->pending = p.kept;
    k->coupled = k->count[DCL__LONG];
    return status;
}

dcl_status dcl__krylov_draw(dcl__krylov *k)
{
    return with_room(k, draw);
}

/* ---- Turning the bases ---- */

/* Sends [vectors weight] to the device, with an identity of `extra` rows and columns in the lower right corner. */
static dcl_status send_rotation(dcl__krylov *k, const double *vectors, const double *weight, int64_t rows,
                                int64_t columns, int64_t extra)
{
    const int64_t width = columns + extra;
    memset(k->rotation, 0, (size_t)(k->capacity * k->capacity) * sizeof *k->rotation);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t t = 0; t < columns; t++)
            k->rotation[i * width + t] = vectors[t * rows + i] * (weight ? weight[t] : 1);
    for (int64_t e = 0; e < extra; e++)
        k->rotation[(rows + e) * width + columns + e] = 1;
    return dcl__store(k->host, k->call, k->rotation, scratch(k, ROTATION));
}

static dcl_view rotation(const dcl__krylov *k, int64_t rows, int64_t columns)
{
    return (dcl_view){scratch(k, ROTATION), 0, rows, columns, columns};
}

/* Replaces the first `from` columns of a basis by `to` combinations of them, some rows at a time. */
static dcl_status rotate(dcl__krylov *k, int side, int64_t from, int64_t to)
{
    const dcl_tensor *room = scratch(k, PANEL);
    const int64_t tile = to ? room->count / to : 0;
    dcl_status status = DCL_OK;
    for (int64_t first = 0; to && first < k->length[side] && !status; first += tile) {
        const int64_t left = k->length[side] - first, rows = left < tile ? left : tile;
        dcl_view part = basis(k, side, 0, from);
        part.offset += first * part.stride;
        part.rows = rows;
        status = multiply(k, 0, 1, part, rotation(k, from, to), 0, (dcl_view){room, 0, rows, to, to});
        const dcl_argument argument[] = {dcl_arg_tensor(room), dcl_arg_tensor(part.tensor), dcl_arg_long(part.offset),
                                         dcl_arg_long(part.stride), dcl_arg_long(rows), dcl_arg_long(to)};
        if (!status)
            status = dcl__launch(k->host, k->call, "singular_move", argument, 6, rows * to);
    }
    return status;
}

/* R [p_1 p_2 ...]. */
static dcl_status turn_coupling(dcl__krylov *k, const dcl__svd *triplets, int64_t keep)
{
    double *turned = dcl__numbers(k->host, k->call, k->block, k->capacity);
    if (!turned)
        return DCL_ENOMEM;
    for (int64_t w = 0; w < k->pending; w++)
        for (int64_t t = 0; t < keep; t++)
            for (int64_t i = k->coupled; i < triplets->rows; i++)
                turned[w * k->capacity + t] += k->r[w * k->capacity + i] * triplets->left[t * triplets->rows + i];
    free(k->r);
    k->r = turned;
    return DCL_OK;
}

dcl_status dcl__krylov_restart(dcl__krylov *k, const dcl__svd *triplets, int64_t keep)
{
    const int64_t rows = triplets->rows, columns = triplets->columns;
    dcl_status status = turn_coupling(k, triplets, keep);
    if (!status)
        status = send_rotation(k, triplets->left, NULL, rows, keep, 0);
    if (!status)
        status = rotate(k, DCL__LONG, rows, keep);
    if (!status)
        status = send_rotation(k, triplets->right, NULL, columns, keep, k->pending);
    if (!status)
        status = rotate(k, DCL__SHORT, columns + k->pending, keep + k->pending);
    memset(k->b, 0, (size_t)(k->capacity * k->capacity) * sizeof *k->b);
    for (int64_t t = 0; t < keep; t++)
        k->b[t * k->capacity + t] = triplets->values[t];
    k->count[DCL__SHORT] = k->count[DCL__LONG] = keep;
    k->coupled = 0;
    return status;
}

/* ---- The end ---- */

/* Combines the vectors to the first columns of a factor, and clears the others. */
static dcl_status store_side(dcl__krylov *k, int side, const double *vectors, const double *weight, int64_t keep,
                             const dcl_tensor *factor)
{
    const int64_t count = k->count[side], rows = factor->dim[0], width = factor->dim[1];
    const dcl_argument argument[] = {dcl_arg_tensor(factor), dcl_arg_long(width), dcl_arg_long(keep),
                                     dcl_arg_long(rows), dcl_arg_long(width - keep)};
    dcl_status status = dcl__launch(k->host, k->call, "singular_clear", argument, 5, rows * (width - keep));
    if (status || keep == 0)
        return status;
    status = send_rotation(k, vectors, weight, count, keep, 0);
    return status ? status : multiply(k, 0, 1, basis(k, side, 0, count), rotation(k, count, keep), 0,
                                      (dcl_view){factor, 0, rows, keep, width});
}

dcl_status dcl__krylov_store(dcl__krylov *k, const dcl__svd *triplets, const double *weight, int64_t keep,
                             const dcl_tensor *left, const dcl_tensor *right)
{
    const dcl_tensor *factor[2] = {k->wide ? left : right, k->wide ? right : left};
    dcl_status status = store_side(k, DCL__LONG, triplets->left, weight, keep, factor[DCL__LONG]);
    if (!status)
        status = store_side(k, DCL__SHORT, triplets->right, weight, keep, factor[DCL__SHORT]);
    const dcl_argument argument[] = {dcl_arg_tensor(left), dcl_arg_tensor(right), dcl_arg_long(left->dim[0]),
                                     dcl_arg_long(right->dim[0]), dcl_arg_long(left->dim[1]), dcl_arg_long(keep)};
    return status ? status : dcl__launch(k->host, k->call, "singular_orient", argument, 6, keep);
}
