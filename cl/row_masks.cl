/* row_masks.cl: loss and gradients of ||Y - (M o L) N'||^2 where every row of L has a mask of its own.
 *
 * What is dropped differs from row to row, so no columns can be left out of a product as a whole. But a row of
 * R = (M o L) N' - Y is a sum of few rows of N', and so are the rows of the gradients: with a piece of N' and one of
 * R in the first level cache, each kept number is multiplied with a stripe of SPAN vectors in registers, and
 * dropped ones cost nothing. Called left is the factor with the masks, U or V; Y may so be transposed.
 *
 * Lists, made once a step: for each row the places of its kept units, for each unit those of the rows that keep it.
 * A place is an offset in elements: units are STRIPE apart in a panel of N', rows in a tile of R. Panels are cut
 * into blocks of `units` units; in the list of a row each block starts at a multiple of UNITS_AT_ONCE, with places 0
 * before.
 */

/* Draws as in mask.cl, four to an index: a mask of `width` units in blocks that share a draw takes DRAWS of them. */
#define DRAWS(width, block) (((width) + (block) - 1) / (block))

/* Eight indices side by side, as vectors: one alone would wait for its own multiplications. */
enum { INDICES = 8, WORDS = 4 * INDICES };

typedef struct draws {
    uint4 key;
    long first;                  /* the draw of the first word, -1: none */
    uint word[WORDS];            /* draw first + 4 i + k at k * INDICES + i */
} draws;

void draw_words(draws *d)
{
    const ulong8 index = (ulong8)(0, 1, 2, 3, 4, 5, 6, 7) + (ulong8)(d->first / 4);
    uint8 c0 = convert_uint8(index), c1 = convert_uint8(index >> 32), c2 = (uint8)(d->key.z), c3 = (uint8)(d->key.w);
    uint8 k0 = (uint8)(d->key.x), k1 = (uint8)(d->key.y);
    DCL_PHILOX_ROUNDS(uint8, ulong8, c0, c1, c2, c3, k0, k1)
    vstore8(c0, 0, d->word);
    vstore8(c1, 1, d->word);
    vstore8(c2, 2, d->word);
    vstore8(c3, 3, d->word);
}

int is_kept(draws *d, const long draw, const long threshold)
{
    if (d->first < 0 || draw - d->first >= WORDS) {
        d->first = draw / WORDS * WORDS;
        draw_words(d);
    }
    const long at = draw - d->first;
    return (long)d->word[at % 4 * INDICES + at / 4] < threshold;
}

/* to(i, q) = factor * from(i, q), or 0 where the mask of row first + i drops unit q, for `share` rows i a work-item.
 * In place as well. */
__kernel void rows_mask(__global const real *from, const long from_offset, __global real *to, const long to_offset,
                        const long rows, const long first, const long width, const long block, const long threshold,
                        uint4 key, const real factor, const long share)
{
    const long begin = get_global_id(0) * share, end = min(begin + share, rows);
    draws d = {.key = key, .first = -1};
    for (long row = begin; row < end; row++) {
        __global const real *in = from + from_offset + row * width;
        __global real *out = to + to_offset + row * width;
        long draw = (first + row) * DRAWS(width, block);
        for (long i = 0; i < width; draw++) {
            const int keep = is_kept(&d, draw, threshold);
            for (const long last = min(i + block, width); i < last; i++)
                out[i] = keep ? factor * in[i] : R(0.0);
        }
    }
}

#ifdef SPAN
#define STRIPE (SPAN * LANES)
#define UNITS_AT_ONCE 6

/* Numbers of Y are asked for so many rows before they are subtracted, which is longer than they take to come. */
#define ROWS_AHEAD 4

#if REAL_IS_DOUBLE
typedef double4 quad;
typedef double8 octet;
#else
typedef float4 quad;
typedef float8 octet;
#endif

/* Where the lists lie in their two buffers. Those of units are cut by tiles of `high` rows. */
typedef struct lists {
    long stride, blocks;
    __global real *row_value, *unit_value;
    __global real *row_sum;                  /* gradients, as the values of a row lie; each in two parts     */
    __global int *row_end, *unit_count;
    __global ushort *row_place, *unit_place; /* short ones, for they take as long to read as numbers         */
} lists;

lists find_lists(__global real *numbers, __global int *places, const long rows, const long width, const long stride,
                 const long units, const long high)
{
    lists l;
    l.stride = stride;
    l.blocks = (width + units - 1) / units;
    l.row_value = numbers;
    l.row_sum = l.row_value + rows * stride;
    l.unit_value = l.row_sum + 2 * rows * stride;
    l.row_end = places;
    l.unit_count = l.row_end + rows * l.blocks;
    l.row_place = (__global ushort *)(l.unit_count + (rows + high - 1) / high * width);
    l.unit_place = l.row_place + rows * stride;
    return l;
}

long list_start(__global const int *row_end, const long b)
{
    return b == 0 ? 0 : (row_end[b - 1] + UNITS_AT_ONCE - 1) / UNITS_AT_ONCE * UNITS_AT_ONCE;
}

/* Makes the lists of one tile of rows, with sums of 0. Values are scaled. */
__kernel void rows_list(__global const real *left, __global real *numbers, __global int *places, const long rows,
                        const long width, const long stride, const long units, const long high, const long block,
                        const long threshold, uint4 key, const real scale)
{
    const lists l = find_lists(numbers, places, rows, width, stride, units, high);
    const long tile = get_global_id(0), first = tile * high, last = min(first + high, rows);
    __global int *unit_count = l.unit_count + tile * width;
    __global ushort *unit_place = l.unit_place + first * width;
    __global real *unit_value = l.unit_value + first * width;
    if (first >= rows)
        return;
    for (long i = 0; i < width; i++)
        unit_count[i] = 0;
    draws d = {.key = key, .first = -1};
    for (long row = first; row < last; row++) {
        __global ushort *row_place = l.row_place + row * stride;
        __global real *row_value = l.row_value + row * stride, *row_sum = l.row_sum + 2 * row * stride;
        for (long p = 0; p < 2 * stride; p++)
            row_sum[p] = R(0.0);
        long draw = row * DRAWS(width, block), end_of_draw = 0, count = 0;
        int keep = 0;
        for (long b = 0; b < l.blocks; b++) {
            for (long i = b * units; i < min((b + 1) * units, width); i++) {
                if (i == end_of_draw) {
                    keep = is_kept(&d, draw++, threshold);
                    end_of_draw += block;
                }
                const real value = scale * left[row * width + i];
                const long place = i * high + unit_count[i];
                row_place[count] = (ushort)((i - b * units) * STRIPE);
                row_value[count] = value;
                unit_place[place] = (ushort)((row - first) * STRIPE);
                unit_value[place] = value;
                unit_count[i] += keep;
                count += keep;
            }
            l.row_end[row * l.blocks + b] = (int)count;
            for (; count % UNITS_AT_ONCE; count++)
                row_place[count] = 0;
        }
    }
}

/* Columns first.. of N', of which `columns` exist, in panels of STRIPE with a row for each unit. */
void pack_stripes(__global const real *right, const long width, const long columns, const long stripes,
                  __global real *panels)
{
    for (long j = 0; j < stripes * STRIPE; j++) {
        __global real *panel = panels + j / STRIPE * STRIPE * width + j % STRIPE;
        for (long q = 0; q < width; q++)
            panel[q * STRIPE] = j < columns ? right[j * width + q] : R(0.0);
    }
}

/* sum += over p < count: value[p] * the stripe at from[place[p]]. */
#define ADD_STRIPES(sum, count, value, place, from)                                                \
    for (long p = 0; p < (count); p++) {                                                           \
        const vector number_ = (vector)((value)[p]);                                               \
        __global const real *stripe_ = (from) + (place)[p];                                        \
        UNROLL for (int v_ = 0; v_ < SPAN; v_++)                                                   \
            sum[v_] = MULTIPLY_ADD(number_, LOAD(v_, stripe_), sum[v_]);                           \
    }

/* Doubles the differences of a row of R from Y, and returns the sum of their squares. */
INLINE vector subtract_row(vector sum[SPAN], __global const real *y)
{
    vector squares = (vector)(R(0.0));
    UNROLL for (int v = 0; v < SPAN; v++) {
        const vector difference = sum[v] - LOAD(v, y);
        squares = MULTIPLY_ADD(difference, difference, squares);
        sum[v] = difference + difference;
    }
    return squares;
}

/* Rows of R = (M o L) N', for the units of block b; after the last, Y is subtracted and the squares are added. */
APART void multiply_rows(const lists *l, const long first, const long height, const long b,
                         __global const real *panel, __global const real *y, const long y_row,
                         __global real *residual, vector *total, vector *lost)
{
    vector squares = (vector)(R(0.0));
    for (long i = 0; i < height; i++) {
        __global const int *row_end = l->row_end + (first + i) * l->blocks;
        const long start = list_start(row_end, b), at = (first + i) * l->stride + start, count = row_end[b] - start;
        __global real *out = residual + i * STRIPE;
        vector sum[SPAN];
        UNROLL for (int v = 0; v < SPAN; v++) {
            PREFETCH(y + (i + ROWS_AHEAD) * y_row + v * LANES);
            sum[v] = b == 0 ? (vector)(R(0.0)) : LOAD(v, out);
        }
        ADD_STRIPES(sum, count, l->row_value + at, l->row_place + at, panel);
        if (b == l->blocks - 1)
            squares += subtract_row(sum, y + i * y_row);
        UNROLL for (int v = 0; v < SPAN; v++)
            STORE(sum[v], v, out);
    }
    *total = add_vectors(*total, squares, lost);
}

/* The numbers of Y that belong to a tile, of which `width` columns exist, with zeros beside them. */
APART void copy_stripe(__global const real *y, const long y_row, const long y_column, const long height,
                       const long width, __global real *to)
{
    for (long j = 0; j < STRIPE; j++)
        for (long i = 0; i < height; i++)
            to[i * STRIPE + j] = j < width ? y[i * y_row + j * y_column] : R(0.0);
}

/* The sums of vectors, each as two numbers whose sum it is. */
#if LANES == 2
#define FOLD_PAIR(a, b) ((quad)(a, b))
#elif LANES == 4
#define FOLD_PAIR(a, b) ((quad)((a).lo, (b).hi) + (quad)((a).hi, (b).lo))
#else
#if LANES == 16
#define FOLD(x) ((x).lo + (x).hi)
#else
#define FOLD(x) x
#endif
INLINE octet add_halves(const octet a, const octet b)
{
    return (octet)(a.lo, b.hi) + (octet)(a.hi, b.lo);
}

INLINE quad fold_pair(const octet a, const octet b)
{
    const octet sum = add_halves(a, b);
    return (quad)(sum.s01, sum.s45) + (quad)(sum.s23, sum.s67);
}

INLINE octet fold_four(const octet a, const octet b, const octet c, const octet d)
{
    const octet even = add_halves(a, c), odd = add_halves(b, d);
    return (octet)(even.s01, odd.s01, even.s45, odd.s45) + (octet)(even.s23, odd.s23, even.s67, odd.s67);
}
#define FOLD_PAIR(a, b) fold_pair(FOLD(a), FOLD(b))
#define FOLD_FOUR(a, b, c, d) fold_four(FOLD(a), FOLD(b), FOLD(c), FOLD(d))
#endif
#if LANES < 8
#define FOLD_FOUR(a, b, c, d) ((octet)(FOLD_PAIR(a, b), FOLD_PAIR(c, d)))
#endif

/* For the kept units of block b of each row: sum += <row of R, stripe of the unit>. Six at a time: fewer would wait
 * for their own additions, and more do not fit into registers. */
APART void multiply_by_right(const lists *l, const long first, const long height, const long b,
                             __global const real *panel, __global const real *residual)
{
    for (long i = 0; i < height; i++) {
        __global const int *row_end = l->row_end + (first + i) * l->blocks;
        const long start = list_start(row_end, b), at = (first + i) * l->stride + start, count = row_end[b] - start;
        __global const ushort *place = l->row_place + at;
        __global real *out = l->row_sum + 2 * at;
        vector row[SPAN];
        UNROLL for (int v = 0; v < SPAN; v++)
            row[v] = LOAD(v, residual + i * STRIPE);
        for (long p = 0; p < count; p += UNITS_AT_ONCE, out += 2 * UNITS_AT_ONCE) {
            vector sum[UNITS_AT_ONCE];
            UNROLL for (int k = 0; k < UNITS_AT_ONCE; k++)
                sum[k] = row[0] * LOAD(0, panel + place[p + k]);
            UNROLL for (int v = 1; v < SPAN; v++)
                UNROLL for (int k = 0; k < UNITS_AT_ONCE; k++)
                    sum[k] = MULTIPLY_ADD(row[v], LOAD(v, panel + place[p + k]), sum[k]);
            vstore8(vload8(0, out) + FOLD_FOUR(sum[0], sum[1], sum[2], sum[3]), 0, out);
            vstore4(vload4(2, out) + FOLD_PAIR(sum[4], sum[5]), 2, out);
        }
    }
}

/* For each unit: its stripe of R' (M o L) += over the rows that keep it. */
APART void multiply_by_left(const lists *l, const long tile, const long high, const long width,
                            __global const real *residual, __global real *gradient)
{
    for (long q = 0; q < width; q++) {
        const long at = (tile * width + q) * high;
        __global real *out = gradient + q * STRIPE;
        vector sum[SPAN];
        UNROLL for (int v = 0; v < SPAN; v++)
            sum[v] = LOAD(v, out);
        ADD_STRIPES(sum, l->unit_count[tile * width + q], l->unit_value + at, l->unit_place + at, residual);
        UNROLL for (int v = 0; v < SPAN; v++)
            STORE(sum[v], v, out);
    }
}

/* out(j, q) (+)= the numbers of the panels, for the columns j that exist. */
void unpack_stripes(__global const real *panels, const long width, const long columns, const long fresh,
                    __global real *out)
{
    for (long j = 0; j < columns; j++) {
        __global const real *panel = panels + j / STRIPE * STRIPE * width + j % STRIPE;
        for (long q = 0; q < width; q++)
            out[j * width + q] = panel[q * STRIPE] + (fresh ? R(0.0) : out[j * width + q]);
    }
}

/* One round over bands, as in residual_bands: group g works where band g of rows meets band (g + round) mod groups
 * of columns; element (i, j) of Y is at i * y_row + j * y_column. A group's work are a tile of R, one of Y, and
 * `stripes` panels of N' and of its gradient. */
__kernel void rows_bands(const long rows, const long columns, __global const real *y, const long y_row,
                         const long y_column, __global const real *right, const long width, __global real *numbers,
                         __global int *places, const long stride, const long units, const long high,
                         const long stripes, const long band_rows, const long band_columns, const long slopes,
                         const long round, __global real *work, const long work_size, __global real *gradient_right,
                         __global real *partial)
{
    const lists l = find_lists(numbers, places, rows, width, stride, units, high);
    const long group = get_global_id(0), groups = get_global_size(0);
    const long top = group * band_rows, bottom = min(top + band_rows, rows);
    const long begin = (group + round) % groups * band_columns, end = min(begin + band_columns, columns);
    __global real *residual = work + group * work_size, *copy = residual + high * STRIPE;
    __global real *panels = copy + high * STRIPE, *gradient = panels + stripes * STRIPE * width;
    vector total = (vector)(R(0.0)), lost = total;
    for (long first = begin; first < end; first += stripes * STRIPE) {
        const long wide = min(stripes * STRIPE, end - first), used = (wide + STRIPE - 1) / STRIPE;
        pack_stripes(right + first * width, width, wide, used, panels);
        for (long i = 0; slopes && i < used * STRIPE * width; i++)
            gradient[i] = R(0.0);
        for (long from = top; from < bottom; from += high) {
            const long height = min(high, bottom - from);
            for (long s = 0; s < used; s++) {
                __global const real *panel = panels + s * STRIPE * width;
                __global const real *data = y + from * y_row + (first + s * STRIPE) * y_column;
                const int direct = y_column == 1 && wide - s * STRIPE >= STRIPE;
                if (!direct)
                    copy_stripe(data, y_row, y_column, height, wide - s * STRIPE, copy);
                for (long b = 0; b < l.blocks; b++)
                    multiply_rows(&l, from, height, b, panel + b * units * STRIPE, direct ? data : copy,
                                  direct ? y_row : STRIPE, residual, &total, &lost);
                if (!slopes)
                    continue;
                for (long b = 0; b < l.blocks; b++)
                    multiply_by_right(&l, from, height, b, panel + b * units * STRIPE, residual);
                multiply_by_left(&l, from / high, high, width, residual, gradient + s * STRIPE * width);
            }
        }
        if (slopes)
            unpack_stripes(gradient, width, wide, round == 0, gradient_right + first * width);
    }
    add_totals(total, lost, round == 0, partial + group * 2 * LANES);
}

/* The gradient of the left factor from the sums of its rows, with zeros where units are dropped. */
__kernel void rows_spread(__global real *numbers, __global int *places, const long rows, const long width,
                          const long stride, const long units, const long high, const real scale,
                          __global real *gradient, const long share)
{
    const lists l = find_lists(numbers, places, rows, width, stride, units, high);
    const long begin = get_global_id(0) * share, end = min(begin + share, rows);
    for (long row = begin; row < end; row++) {
        __global const int *row_end = l.row_end + row * l.blocks;
        __global const ushort *place = l.row_place + row * stride;
        __global const real *sum = l.row_sum + 2 * row * stride;
        __global real *out = gradient + row * width;
        for (long i = 0; i < width; i++)
            out[i] = R(0.0);
        for (long b = 0; b < l.blocks; b++)
            for (long p = list_start(row_end, b); p < row_end[b]; p++)
                out[b * units + place[p] / STRIPE] = scale * (sum[2 * p] + sum[2 * p + 1]);
    }
}
#endif
