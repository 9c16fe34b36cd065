/* sparse.cl: what is computed at the known entries of a matrix, which are stored row by row (CSR).
 *
 * The rows end, and the entries stand, in one sequence: the entries of row 0, its end, the entries of row 1, its end,
 * and so on. It is cut into parts of `share` members (merge path: Merrill, Garland 2016), so that neither a heavy row
 * nor many empty ones make one work-item slow. Where a part ends within a row, its sums of that row are a carry, which
 * a last kernel adds to the row: no atomics, and an order of every sum that the sizes alone fix.
 *
 * A vector has LANES elements; 1 on devices whose fast kernels have none. Indices out of range are taken for the
 * nearest one in range, so nothing is read out of bounds.
 *
 * Kernels whose rows are VECTORS vectors are one program for each such number; with VECTORS 0, all others are one.
 */
#include "compensated.cl"

#if LANES > 1
#include "tile.cl"
#else
typedef real vector;
#define LOAD(v, at) (at)[v]
#define STORE(value, v, at) (at)[v] = (value)
#define UNROLL
#define INLINE static inline
#define MULTIPLY_ADD mad
#endif

/* The elements of all vectors of a row. */
#define PADDED (LANES * VECTORS)

#if REAL_IS_DOUBLE
typedef double2 pair;
typedef double4 quad;
typedef double8 octet;
#else
typedef float2 pair;
typedef float4 quad;
typedef float8 octet;
#endif

/* The sum of the lanes of a vector. */
INLINE real sum_lanes(const vector x)
{
#if LANES == 16
    const octet eight = x.lo + x.hi;
#elif LANES == 8
    const vector eight = x;
#endif
#if LANES >= 8
    const quad four = eight.lo + eight.hi;
#elif LANES == 4
    const vector four = x;
#endif
#if LANES >= 4
    const pair two = four.lo + four.hi;
    return two.x + two.y;
#elif LANES == 2
    return x.x + x.y;
#else
    return x;
#endif
}

/* The loss of predictions x of y with the given weights, and in *slope its derivative by x. exp(-|yx|) never
 * overflows. */
#if LOGISTIC
#define LOSS(name, number)                                                                                     \
    INLINE number name(const number x, const number y, const number weight, number *slope)                     \
    {                                                                                                          \
        const number margin = y * x, power = exp(-fabs(margin));                                               \
        *slope = -weight * y * (margin >= R(0.0) ? power : (number)(R(1.0))) / (R(1.0) + power);               \
        return weight * (fmax(-margin, (number)(R(0.0))) + log1p(power));                                      \
    }
#else
#define LOSS(name, number)                                                                                     \
    INLINE number name(const number x, const number y, const number weight, number *slope)                     \
    {                                                                                                          \
        const number difference = x - y;                                                                       \
        *slope = R(2.0) * weight * difference;                                                                 \
        return weight * difference * difference;                                                               \
    }
#endif
LOSS(loss_of, real)

/* ---- Rows and parts ---- */

INLINE long nearest(const long index, const long count)
{
    return clamp(index, 0L, count - 1);
}

/* How many of the rows have an end before `place` of the sequence. */
long rows_before(__global const long *start, const long rows, const long place)
{
    long low = 0, high = rows;
    while (low < high) {
        const long middle = low + (high - low) / 2;
        if (start[middle + 1] + middle < place)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where a part begins: its first row, and its first entry. */
typedef struct border {
    long row, entry;
} border;

border find_border(__global const long *start, const long rows, const long count, const long share, const long part)
{
    const long place = min(part * share, rows + count);
    border found;
    found.row = rows_before(start, rows, place);
    found.entry = clamp(place - found.row, 0L, count);
    return found;
}

/* The row of an entry: the first one that ends behind it. */
long row_of(__global const long *start, const long rows, const long entry)
{
    long low = 0, high = rows - 1;
    while (low < high) {
        const long middle = low + (high - low) / 2;
        if (start[middle + 1] <= entry)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#if VECTORS == 0
/* ---- Products, but for rows of vectors ---- */

/* out(row, .) = x(row, .) with zeros up to `stride`; one work-item a row. */
__kernel void sparse_pad(__global const real *x, __global real *out, const long rows, const long width,
                         const long stride)
{
    const long row = get_global_id(0);
    if (row >= rows)
        return;
    for (long q = 0; q < width; q++)
        out[row * stride + q] = x[row * width + q];
    for (long q = width; q < stride; q++)
        out[row * stride + q] = R(0.0);
}

/* Adds the carries of the parts before to the first row that ends in a part; a work-item does so for `span` columns. */
__kernel void sparse_carry(__global const long *start, const long rows, const long count, const long share,
                           const long parts, const long width, const long span, __global const real *carry,
                           __global real *out)
{
    const long pieces = (width + span - 1) / span;
    const long part = get_global_id(0) / pieces, first = get_global_id(0) % pieces * span;
    if (part >= parts)
        return;
    const long row = find_border(start, rows, count, share, part).row;
    if (find_border(start, rows, count, share, part + 1).row == row)
        return;
    long before = part;          /* the first part that carries into the row                        */
    while (before > 0 && find_border(start, rows, count, share, before).row == row)
        before--;
    for (long q = first; q < min(first + span, width); q++) {
        real sum = R(0.0);
        for (long h = part - 1; h >= before; h--)
            sum += carry[h * width + q];
        out[row * width + q] += sum;
    }
}

INLINE real dot(__global const real *u, __global const real *v, const long width)
{
    vector sum = (vector)(R(0.0));
    long q = 0;
    for (; q + LANES <= width; q += LANES)
        sum = MULTIPLY_ADD(LOAD(0, u + q), LOAD(0, v + q), sum);
    real rest = sum_lanes(sum);
    for (; q < width; q++)
        rest = MULTIPLY_ADD(u[q], v[q], rest);
    return rest;
}

/* out[p] = <u_row, v_column> for entry p; `share` neighbouring entries a work-item. */
__kernel void sparse_sample(__global const real *u, __global const real *v, __global const long *start,
                            __global const long *column, const long rows, const long columns, const long count,
                            const long share, const long width, __global real *out)
{
    long p = get_global_id(0) * share;
    if (p >= count)
        return;
    const long last = min(p + share, count);
    for (long row = row_of(start, rows, p); p < last; p++) {
        while (row < rows - 1 && start[row + 1] <= p)
            row++;
        out[p] = dot(u + row * width, v + nearest(column[p], columns) * width, width);
    }
}

/* ---- Losses ---- */

/* slopes[p], in place of the predictions there, and for each work-item a pair: the sum of its losses, and what
 * rounding lost. */
__kernel void entries_slopes(__global real *slopes, __global const real *value, __global const real *weight,
                             const long count, const long share, __global real *partial)
{
    const long item = get_global_id(0), first = item * share, last = min(first + share, count);
    if (first >= count)
        return;
    real sum = R(0.0), lost = R(0.0);
    for (long p = first; p < last; p++) {
        real slope;
        sum = add_compensated(sum, loss_of(slopes[p], value[p], WEIGHTED ? weight[p] : R(1.0), &slope), &lost);
        slopes[p] = slope;
    }
    partial[2 * item] = sum;
    partial[2 * item + 1] = lost;
}

/* Adds `count` pairs from `first` on, `fan` by `fan`; the sums stand behind them. */
__kernel void entries_combine(__global real *partial, const long first, const long count, const long fan)
{
    const long item = get_global_id(0), from = item * fan;
    if (from >= count)
        return;
    real lost = R(0.0);
    partial[2 * (first + count + item)] = add_pairs(partial, first + from, first + min(from + fan, count), &lost);
    partial[2 * (first + count + item) + 1] = lost;
}

/* The loss itself, from the pairs first..last - 1; after an overflow there is no sense in what was lost. */
__kernel void entries_finish(__global const real *partial, const long first, const long last, __global real *loss)
{
    if (get_global_id(0) > 0)
        return;
    real lost = R(0.0), sum = add_pairs(partial, first, last, &lost);
    loss[0] = isfinite(sum) ? sum + lost : sum;
}

#else
/* ---- Rows of vectors ---- */

/* The first `count` numbers of vectors side by side. */
INLINE void store_vectors(const vector sum[VECTORS], __global real *out, const long count)
{
    real rest[LANES];
    UNROLL for (int k = 0; k < VECTORS; k++) {
        if ((k + 1) * LANES <= count) {
            STORE(sum[k], k, out);
            continue;
        }
        STORE(sum[k], 0, rest);
        for (long q = k * LANES; q < count; q++)
            out[q] = rest[q - k * LANES];
    }
}

/* out(i, .) = sum over the entries p of row i of values[p] * x(index[p], .); with PAIRS, index[p] is a pair: the row of
 * x, and the position in values. x has `height` rows, `stride` elements apart, and `width` columns; a work-item makes
 * one of `pieces` pieces of the rows of one part. */
__kernel void sparse_gather(__global const real *values, __global const long *start, __global const long *index,
                            __global const real *x, const long rows, const long height, const long count,
                            const long share, const long parts, const long pieces, const long stride, const long width,
                            __global real *out, __global real *carry)
{
    const long part = get_global_id(0) / pieces, first = get_global_id(0) % pieces * PADDED;
    if (part >= parts)
        return;
    const border begin = find_border(start, rows, count, share, part);
    const border end = find_border(start, rows, count, share, part + 1);
    long p = begin.entry;
    for (long row = begin.row; row <= min(end.row, rows - 1); row++) {
        const long last = row < end.row ? min(start[row + 1], count) : end.entry;
        vector sum[VECTORS];
        UNROLL for (int k = 0; k < VECTORS; k++)
            sum[k] = (vector)(R(0.0));
        for (; p < last; p++) {
#if PAIRS
            __global const real *from = x + nearest(index[2 * p], height) * stride + first;
            const vector value = (vector)(values[nearest(index[2 * p + 1], count)]);
#else
            __global const real *from = x + nearest(index[p], height) * stride + first;
            const vector value = (vector)(values[p]);
#endif
            UNROLL for (int k = 0; k < VECTORS; k++)
                sum[k] = MULTIPLY_ADD(value, LOAD(k, from), sum[k]);
        }
        store_vectors(sum, (row < end.row ? out + row * width : carry + part * width) + first, width - first);
    }
}

#if FUSED
ADD_COMPENSATED(add_vectors, vector)
LOSS(losses_of, vector)

/* What the entries of one row add to. */
typedef struct totals {
    vector loss, lost;
    vector gradient[VECTORS];
} totals;

/* The first `present` of LANES numbers, zeros behind them. */
INLINE vector load_part(__global const real *from, const int present)
{
    real part[LANES];
    if (present == LANES)
        return LOAD(0, from);
    for (int k = 0; k < LANES; k++)
        part[k] = k < present ? from[k] : R(0.0);
    return LOAD(0, part);
}

INLINE void store_part(const vector numbers, const int present, __global real *to)
{
    real part[LANES];
    if (present == LANES) {
        STORE(numbers, 0, to);
        return;
    }
    STORE(numbers, 0, part);
    for (int k = 0; k < present; k++)
        to[k] = part[k];
}

/* 1 for the first `present` lanes, 0 for the others. */
INLINE vector presence(const int present)
{
    real part[LANES];
    UNROLL for (int k = 0; k < LANES; k++)
        part[k] = k < present ? R(1.0) : R(0.0);
    return LOAD(0, part);
}

/* Entries p, p + 1, ...: at most LANES, of one row, whose numbers are u. */
INLINE void add_entries(const vector u[VECTORS], __global const real *v, __global const real *value,
                        __global const real *weight, __global const long *column, const long columns, const long p,
                        const int present, __global real *slopes, totals *sums)
{
    real number[LANES];
    STORE((vector)(R(0.0)), 0, number);
    for (int j = 0; j < present; j++) {
        __global const real *from = v + nearest(column[p + j], columns) * PADDED;
        vector sum = u[0] * LOAD(0, from);
        UNROLL for (int k = 1; k < VECTORS; k++)
            sum = MULTIPLY_ADD(u[k], LOAD(k, from), sum);
        number[j] = sum_lanes(sum);
    }
    vector slope;
    const vector weights = WEIGHTED ? load_part(weight + p, present) : presence(present);
    const vector loss = losses_of(LOAD(0, number), load_part(value + p, present), weights, &slope);
    sums->loss = add_vectors(sums->loss, loss, &sums->lost);
#if SLOPES
    store_part(slope, present, slopes + p);
    STORE(slope, 0, number);
    for (int j = 0; j < present; j++) {
        __global const real *from = v + nearest(column[p + j], columns) * PADDED;
        UNROLL for (int k = 0; k < VECTORS; k++)
            sums->gradient[k] = MULTIPLY_ADD((vector)(number[j]), LOAD(k, from), sums->gradient[k]);
    }
#endif
}

/* The numbers of a row of u, with zeros behind them. */
INLINE void load_row(__global const real *row, const long width, vector u[VECTORS])
{
    real part[LANES];
    UNROLL for (int k = 0; k < VECTORS; k++) {
        if ((k + 1) * LANES <= width) {
            u[k] = LOAD(k, row);
            continue;
        }
        for (int q = 0; q < LANES; q++)
            part[q] = k * LANES + q < width ? row[k * LANES + q] : R(0.0);
        u[k] = LOAD(0, part);
    }
}

/* Loss, slopes and gradient by u of one part in one pass; v has rows of PADDED elements. */
__kernel void entries_rows(__global const real *u, __global const real *v, __global const real *value,
                           __global const real *weight, __global const long *start, __global const long *column,
                           const long rows, const long columns, const long count, const long share, const long width,
                           __global real *slopes, __global real *gradient, __global real *carry,
                           __global real *partial)
{
    const long part = get_global_id(0);
    const border begin = find_border(start, rows, count, share, part);
    const border end = find_border(start, rows, count, share, part + 1);
    totals sums;
    sums.loss = sums.lost = (vector)(R(0.0));
    long p = begin.entry;
    for (long row = begin.row; row <= min(end.row, rows - 1); row++) {
        const long last = row < end.row ? clamp(start[row + 1], p, count) : max(p, end.entry);
        vector numbers[VECTORS];
        load_row(u + row * width, width, numbers);
        UNROLL for (int k = 0; k < VECTORS; k++)
            sums.gradient[k] = (vector)(R(0.0));
        for (; p < last; p += LANES)
            add_entries(numbers, v, value, weight, column, columns, p, (int)min(last - p, (long)LANES), slopes, &sums);
        p = last;
#if SLOPES
        store_vectors(sums.gradient, row < end.row ? gradient + row * width : carry + part * width, width);
#endif
    }
    real sum[LANES], lost[LANES], rest = R(0.0), total = R(0.0);
    STORE(sums.loss, 0, sum);
    STORE(sums.lost, 0, lost);
    for (int k = 0; k < LANES; k++) {
        total = add_compensated(total, sum[k], &rest);
        rest += lost[k];
    }
    partial[2 * part] = total;
    partial[2 * part + 1] = rest;
}
#endif
#endif
