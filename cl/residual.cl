/* residual.cl: loss and gradients of ||Y - U V'||^2 in one pass over Y; R = U V' - Y is held in tiles only.
 *
 * Only the kept units are computed: `list` holds their numbers, and all narrow matrices below have their `kept`
 * columns side by side. Two ways share the first and last kernels: bands, for devices whose fast kernels have
 * explicit vectors (TILED = 1, see tile.cl), and slabs of rows whose products the host enqueues.
 */
#include "compensated.cl"

/* Writes the numbers of the kept units, in order, and behind them each unit's place in that order, -1 where it is
 * dropped. Unit i belongs to draw i / block, which is kept when its word is below threshold, as in mask.cl. One
 * work-item: there are few units. */
__kernel void residual_keep(__global int *list, const long units, const long block, const long threshold, uint4 key)
{
    if (get_global_id(0) > 0)
        return;
    int count = 0;
    list[0] = 0;                 /* when none is kept, the host counts unit 0, with weight 0 */
    for (long draw = 0; draw * block < units; draw += 4) {
        const uint4 four = dcl_philox(key, (ulong)(draw / 4));
        const uint word[4] = {four.x, four.y, four.z, four.w};
        for (long i = draw * block; i < min((draw + 4) * block, units); i++) {
            const int keep = (long)word[i / block - draw] < threshold;
            list[units + i] = keep ? count : -1;
            if (keep)
                list[count++] = (int)i;
        }
    }
}

/* to(i, q) = scale * from(first + i, list[q]) for `share` rows i a work-item; `width` units in from, rows of
 * `stride` in to. */
__kernel void residual_gather(__global const real *from, __global const int *list, __global real *to,
                              const long to_offset, const long rows, const long first, const long width,
                              const long kept, const long stride, const real scale, const long share)
{
    const long begin = get_global_id(0) * share, end = min(begin + share, rows);
    for (long row = begin; row < end; row++) {
        __global const real *in = from + (first + row) * width;
        __global real *out = to + to_offset + row * stride;
        for (long q = 0; q < kept; q++)
            out[q] = scale * in[list[q]];
    }
}

/* The number that belongs at unit i of a row whose kept numbers stand side by side. */
real spread_number(__global const real *row, __global const int *places, const long i)
{
    const real number = row[max(places[i], 0)];
    return places[i] < 0 ? R(0.0) : number;
}

/* In place: spreads the kept columns, side by side, to where they belong, with zeros between; `share` rows a
 * work-item, those of left before those of right. From the back, so that nothing is overwritten before it is read:
 * pieces of SPREAD units, which keep a processor busy, then one by one. */
#define SPREAD 8
__kernel void residual_spread(__global real *left, const long left_rows, __global real *right, const long right_rows,
                              __global const int *list, const long width, const long share)
{
    const long begin = get_global_id(0) * share, end = min(begin + share, left_rows + right_rows);
    __global const int *places = list + width;
    for (long row = begin; row < end; row++) {
        __global real *at = row < left_rows ? left + row * width : right + (row - left_rows) * width;
        long i = width;
        for (; i >= SPREAD; i -= SPREAD) {
            real piece[SPREAD];
            for (int k = 0; k < SPREAD; k++)
                piece[k] = spread_number(at, places, i - SPREAD + k);
            for (int k = 0; k < SPREAD; k++)
                at[i - SPREAD + k] = piece[k];
        }
        while (i-- > 0)
            at[i] = spread_number(at, places, i);
    }
}

/* R = 2 (R - Y) for `count` elements from y[first] on, and for each of `items` work-items the sum of its (R - Y)^2,
 * a pair of sum and what rounding lost, on top of what an earlier slab left unless `fresh`. */
__kernel void residual_subtract(__global real *residual, __global const real *y, const long first, const long count,
                                __global real *partial, const long items, const long fresh)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    real sum = fresh ? R(0.0) : partial[2 * item], lost = fresh ? R(0.0) : partial[2 * item + 1];
    for (long i = item; i < count; i += items) {
        const real difference = residual[i] - y[first + i];
        residual[i] = R(2.0) * difference;
        sum = add_compensated(sum, difference * difference, &lost);
    }
    partial[2 * item] = sum;
    partial[2 * item + 1] = lost;
}

/* Adds `count` pairs, `fan` by `fan`; the sums stand behind them. */
__kernel void residual_combine(__global real *partial, const long count, const long fan)
{
    const long item = get_global_id(0), first = item * fan;
    if (first >= count)
        return;
    real lost = R(0.0);
    partial[2 * (count + item)] = add_pairs(partial, first, min(first + fan, count), &lost);
    partial[2 * (count + item) + 1] = lost;
}

/* The loss itself, from the pairs first..last - 1; after an overflow there is no sense in what was lost. */
__kernel void residual_finish(__global const real *partial, const long first, const long last, __global real *loss)
{
    if (get_global_id(0) > 0)
        return;
    real lost = R(0.0), sum = add_pairs(partial, first, last, &lost);
    loss[0] = isfinite(sum) ? sum + lost : sum;
}

#if TILED
#include "tile.cl"

ADD_COMPENSATED(add_vectors, vector)

/* Adds a group's sums of squares, and what rounding lost of them, to its LANES pairs. */
APART void add_totals(const vector total, const vector lost, const long fresh, __global real *partial)
{
    real sums[LANES], rests[LANES];
    STORE(total, 0, sums);
    STORE(lost, 0, rests);
    for (int i = 0; i < LANES; i++) {
        real rest = rests[i] + (fresh ? R(0.0) : partial[2 * i + 1]);
        partial[2 * i] = add_compensated(fresh ? R(0.0) : partial[2 * i], sums[i], &rest);
        partial[2 * i + 1] = rest;
    }
}

#ifndef SPAN
/* out += part for height x width numbers of a tile with rows of COLUMNS, or out = part when fresh. */
APART void add_part(const real *part, const long fresh, __global real *out, const long row, const long height,
              const long width)
{
    for (long i = 0; i < height; i++)
        for (long j = 0; j < width; j++)
            out[i * row + j] = fresh ? part[i * COLUMNS + j] : out[i * row + j] + part[i * COLUMNS + j];
}

/* out += sum for the part of a tile that exists, or out = sum when fresh; `count` vectors a row. */
INLINE void add_tile(vector sum[ROWS][VECTORS], const int count, const long fresh, __global real *out,
                     const long row, const long height, const long width)
{
    if (height >= ROWS && width >= count * LANES) {
        UNROLL for (int i = 0; i < ROWS; i++)
            UNROLL for (int v = 0; v < count; v++)
                STORE(fresh ? sum[i][v] : LOAD(v, out + i * row) + sum[i][v], v, out + i * row);
        return;
    }
    real part[ROWS * COLUMNS];
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < count; v++)
            STORE(sum[i][v], v, part + i * COLUMNS);
    add_part(part, fresh, out, row, min(height, (long)ROWS), min(width, (long)count * LANES));
}

/* Doubles the differences of height x width numbers of a tile from Y into residual; the sum of their squares. */
APART real subtract_part(const real *part, __global const real *y, const long y_row, __global real *residual,
                   const long row, const long height, const long width)
{
    real squares = R(0.0);
    for (long i = 0; i < height; i++)
        for (long j = 0; j < width; j++) {
            const real difference = part[i * COLUMNS + j] - y[i * y_row + j];
            squares += difference * difference;
            residual[i * row + j] = difference + difference;
        }
    return squares;
}

/* Doubles the differences of a tile from Y, of which height x width exist, into residual, and adds their squares:
 * to several sums, for additions that wait for each other would take longer than the products. */
INLINE void subtract_tile(vector sum[ROWS][VECTORS], __global const real *y, const long y_row,
                          __global real *residual, const long row, const long height, const long width,
                          vector squares[VECTORS])
{
    if (height >= ROWS && width >= COLUMNS) {
        UNROLL for (int i = 0; i < ROWS; i++)
            UNROLL for (int v = 0; v < VECTORS; v++) {
                const vector difference = sum[i][v] - LOAD(v, y + i * y_row);
                squares[v] = MULTIPLY_ADD(difference, difference, squares[v]);
                STORE(difference + difference, v, residual + i * row);
            }
        return;
    }
    real part[ROWS * COLUMNS];
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < VECTORS; v++)
            STORE(sum[i][v], v, part + i * COLUMNS);
    part[0] = subtract_part(part, y, y_row, residual, row, min(height, (long)ROWS), min(width, (long)COLUMNS));
    for (int v = 1; v < LANES; v++)
        part[v] = R(0.0);
    squares[0] += LOAD(0, part);
}

/* For `height` rows i: out(i, q) += sum over p < depth of left[i * left_row + p * left_step] * right(p, q), for
 * `units` columns q, at most `count` vectors; left may so be a matrix or its transpose. A function apart, for it takes
 * the compiler long and is needed twice. */
#define MULTIPLY_UNITS(name, count)                                                                                \
    APART void name(const long height, const long depth, __global const real *left, const long left_row,           \
                    const long left_step, __global const real *right, const long stride, const long fresh,         \
                    __global real *out, const long out_row, const long units)                                      \
    {                                                                                                              \
        for (long strip = 0; strip < height; strip += ROWS) {                                                      \
            __global const real *numbers = left + strip * left_row;                                                \
            vector sum[ROWS][VECTORS];                                                                             \
            CLEAR_TILE(sum);                                                                                       \
            PREFETCH_TILE(out + strip * out_row, out_row);                                                         \
            ADD_TO_TILE(sum, count, depth, numbers[i * left_row + p * left_step], right, stride);                  \
            add_tile(sum, count, fresh, out + strip * out_row, out_row, height - strip, units);                    \
        }                                                                                                          \
    }

MULTIPLY_UNITS(multiply_vector, 1)
MULTIPLY_UNITS(multiply_pair, 2)
#if VECTORS == 3
MULTIPLY_UNITS(multiply_triple, 3)
#elif VECTORS != 2
#error "a row of a tile has 2 or 3 vectors"
#endif

/* The same for the units that are left, up to a whole tile. */
void multiply_units(const long height, const long depth, __global const real *left, const long left_row,
                    const long left_step, __global const real *right, const long stride, const long fresh,
                    __global real *out, const long out_row, const long units)
{
    if (units <= LANES)
        multiply_vector(height, depth, left, left_row, left_step, right, stride, fresh, out, out_row, units);
#if VECTORS == 3
    else if (units > 2 * LANES)
        multiply_triple(height, depth, left, left_row, left_step, right, stride, fresh, out, out_row, units);
#endif
    else
        multiply_pair(height, depth, left, left_row, left_step, right, stride, fresh, out, out_row, units);
}

/* The kept columns of V for columns first.. of Y: row by row, scaled, in `rows`, and in panels of COLUMNS. */
void gather_right(__global const real *v, __global const int *list, const long width, const long kept,
                  const long stride, const long columns, const real scale, __global real *rows, __global real *panels)
{
    for (long j = 0; j < columns; j++) {
        __global real *panel = panels + j / COLUMNS * COLUMNS * kept + j % COLUMNS;
        for (long q = 0; q < kept; q++) {
            const real number = v[j * width + list[q]];
            rows[j * stride + q] = scale * number;
            panel[q * COLUMNS] = number;
        }
    }
}

/* One round over bands. Y is cut into as many bands of rows as of columns; in round k, group g works where band g
 * of rows meets band (g + k) mod groups of columns. So no two groups of a round share rows of gradient_u or of
 * gradient_v, nothing needs atomics, and the order of every sum is fixed. `left` holds the kept columns of U,
 * scaled, in rows of `stride` elements, a multiple of LANES, up to a multiple of ROWS rows. `high` x `wide` is the
 * largest tile of R, `row` the distance of its rows; without `slopes` only the loss is computed. `work` has work_size
 * elements for each group's tile of R and columns of V, `partial` LANES pairs for each group. */
__kernel void residual_bands(const long m, const long n, __global const real *y, __global const real *left,
                             __global const real *v, __global const int *list, const long width, const long kept,
                             const long slopes, const long stride, const real scale, const long band_rows,
                             const long band_columns, const long high, const long wide, const long row,
                             const long round, __global real *work, const long work_size, __global real *gradient_u,
                             __global real *gradient_v, __global real *partial)
{
    const long group = get_global_id(0), groups = get_global_size(0);
    const long top = group * band_rows, bottom = min(top + band_rows, m);
    const long begin = (group + round) % groups * band_columns, end = min(begin + band_columns, n);
    __global real *residual = work + group * work_size, *rows = residual + high * row;
    __global real *panels = rows + wide * stride;
    vector total = (vector)(R(0.0)), lost = total;
    for (long first = begin; first < end; first += wide) {
        const long columns = min(wide, end - first);
        gather_right(v + first * width, list, width, kept, stride, columns, scale, rows, panels);
        for (long from = top; from < bottom; from += high) {
            const long height = min(high, bottom - from);
            for (long j = 0; j < columns; j += COLUMNS) {
                vector squares[VECTORS];
                UNROLL for (int k = 0; k < VECTORS; k++)
                    squares[k] = (vector)(R(0.0));
                for (long strip = 0; strip < height; strip += ROWS) {
                    __global const real *numbers = left + (from + strip) * stride, *right = panels + j * kept;
                    __global const real *data = y + (from + strip) * n + first + j;
                    vector sum[ROWS][VECTORS];
                    CLEAR_TILE(sum);
                    PREFETCH_TILE(data + ROWS * n, n);
                    ADD_TO_TILE(sum, VECTORS, kept, numbers[i * stride + p], right, COLUMNS);
                    subtract_tile(sum, data, n, residual + strip * row + j, row, height - strip, columns - j, squares);
                }
                UNROLL for (int k = 0; k < VECTORS; k++)
                    total = add_vectors(total, squares[k], &lost);
            }
            for (long q = 0; slopes && q < kept; q += COLUMNS) {
                const long units = kept - q;
                multiply_units(height, columns, residual, row, 1, rows + q, stride, round == 0 && first == begin,
                               gradient_u + from * width + q, width, units);
                multiply_units(columns, height, residual, 1, row, left + from * stride + q, stride,
                               round == 0 && from == top, gradient_v + first * width + q, width, units);
            }
        }
    }
    add_totals(total, lost, round == 0, partial + group * 2 * LANES);
}
#endif
#endif

#include "row_masks.cl"
