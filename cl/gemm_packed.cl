/* gemm_packed.cl: the matrix product for CPU devices, as in Goto and van de Geijn (Anatomy of high-performance
 * matrix multiplication, ACM TOMS 2008): packed panels, register tiles, blocks that stay in caches.
 *
 * A panel holds neighbouring columns of a matrix, row after row, zeros where columns are missing. Panels are cut
 * into blocks of DEPTH rows: block after block, and in a block panel after panel.
 */
#include "tile.cl"

/* Packs SLICE rows of a depth x count matrix, element (p, j) at from[offset + p * stride + j], into panels of
 * `width` columns, a constant. One work-item a slice; DEPTH is a multiple of SLICE. */
#define PACK(width)                                                                                                \
    const long first = get_global_id(0) * SLICE, last = min(first + SLICE, depth);                                 \
    const long panels = (count + (width) - 1) / (width), whole = count / (width);                                  \
    const long block = first / DEPTH * DEPTH, height = min((long)DEPTH, depth - block);                            \
    to += block * panels * (width) + (first - block) * (width);                                                    \
    from += offset + first * stride;                                                                               \
    for (long p = first; p < last; p++, from += stride, to += (width))                                             \
        for (long j = 0; j < panels; j++) {                                                                        \
            __global const real *in = from + j * (width);                                                          \
            __global real *out = to + j * height * (width);                                                        \
            if (j < whole)                                                                                         \
                UNROLL for (int i = 0; i < (width); i++)                                                           \
                    out[i] = in[i];                                                                                \
            else                                                                                                   \
                for (int i = 0; i < (width); i++)                                                                  \
                    out[i] = j * (width) + i < count ? in[i] : R(0.0);                                             \
        }

#define PACK_ARGUMENTS                                                                                             \
    const long depth, const long count, __global const real *from, const long offset, const long stride,           \
    __global real *to

/* The right operand: panels of COLUMNS. */
__kernel void pack_right(PACK_ARGUMENTS)
{
    PACK(COLUMNS)
}

/* The left operand, transposed: panels of ROWS. */
__kernel void pack_left(PACK_ARGUMENTS)
{
    PACK(ROWS)
}

/* The right operand, transposed: element (p, j) at from[offset + p + j * stride]. A work-item packs one panel of one
 * block, SLICE of each column at a time: it follows few rows of memory, a whole cache line of each, where rows that
 * are a power of two apart would push each other out of the cache. */
__kernel void pack_right_across(PACK_ARGUMENTS)
{
    const long j = get_global_id(0) * COLUMNS, block = get_global_id(1) * DEPTH;
    const long height = min((long)DEPTH, depth - block), width = min((long)COLUMNS, count - j);
    const long whole = width == COLUMNS ? height / SLICE * SLICE : 0;
    from += offset + block + j * stride;
    to += block * ((count + COLUMNS - 1) / COLUMNS * COLUMNS) + j * height;
    for (long first = 0; first < whole; first += SLICE)
        for (int i = 0; i < COLUMNS; i++)
            UNROLL for (int p = 0; p < SLICE; p++)
                to[(first + p) * COLUMNS + i] = from[i * stride + first + p];
    for (long p = whole; p < height; p++)
        for (int i = 0; i < COLUMNS; i++)
            to[p * COLUMNS + i] = i < width ? from[i * stride + p] : R(0.0);
}

/* c = part + beta * c for height x width numbers of a tile with rows of COLUMNS; with beta 0, c is not read. */
APART void store_part(const real *part, const real beta, __global real *c, const long row, const long height,
                const long width)
{
    for (long i = 0; i < height; i++)
        for (long j = 0; j < width; j++)
            c[i * row + j] = part[i * COLUMNS + j] + (beta == R(0.0) ? R(0.0) : beta * c[i * row + j]);
}

/* c = alpha * sum + beta * c for the part of a tile that exists. */
INLINE void store_tile(vector sum[ROWS][VECTORS], const real alpha, const real beta, __global real *c,
                       const long row, const long height, const long width)
{
    if (height >= ROWS && width >= COLUMNS) {
        UNROLL for (int i = 0; i < ROWS; i++)
            UNROLL for (int v = 0; v < VECTORS; v++) {
                vector value = alpha * sum[i][v];
                if (beta != R(0.0))
                    value += beta * LOAD(v, c + i * row);
                STORE(value, v, c + i * row);
            }
        return;
    }
    real part[ROWS * COLUMNS];
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int v = 0; v < VECTORS; v++)
            STORE(alpha * sum[i][v], v, part + i * COLUMNS);
    store_part(part, beta, c, row, min(height, (long)ROWS), min(width, (long)COLUMNS));
}

/* Packs rows of op(A), ROWS at a time, of which only the last `left` may be missing: they repeat the last one,
 * and nobody stores what comes of them. */
void pack_rows(__global const real *a, const long row, const long left, const long depth, __local real *to)
{
    __global const real *at[ROWS];
    UNROLL for (int i = 0; i < ROWS; i++)
        at[i] = a + min((long)i, left - 1) * row;
    for (long p = 0; p < depth; p++)
        UNROLL for (int i = 0; i < ROWS; i++)
            to[p * ROWS + i] = at[i][p];
}

/* C = alpha op(A) op(B) + beta C with op(B) (k x n) in panels of COLUMNS. A group takes `strips` strips of ROWS
 * rows times `panels` panels. The three kernels below differ in how they read the left operand. */
#define PRODUCT_ARGUMENTS                                                                                          \
    const long m, const long n, const long k, const real alpha, __global const real *a, const long a_offset,       \
    const long a_row, __global const real *b, const real beta, __global real *c, const long c_offset,              \
    const long c_row, const long strips, const long panels, __local real *block

/* For a group's tiles: declares what BEFORE and LEFT may use, and stores the sums. BEFORE runs once for each
 * DEPTH of k, BEGIN before each tile; LEFT is the left number of row i at depth p. */
#define MULTIPLY(BEFORE, BEGIN, LEFT)                                                                              \
    const long all_strips = (m + ROWS - 1) / ROWS, all_panels = (n + COLUMNS - 1) / COLUMNS;                       \
    const long first = get_global_id(0) * strips, last = min(first + strips, all_strips);                          \
    const long begin = get_global_id(1) * panels, end = min(begin + panels, all_panels);                           \
    for (long from = 0; from < k; from += DEPTH) {                                                                 \
        const long depth = min((long)DEPTH, k - from);                                                             \
        const real keep = from == 0 ? beta : R(1.0);                                                               \
        BEFORE;                                                                                                    \
        for (long j = begin; j < end; j++) {                                                                       \
            __global const real *right = b + (from * all_panels + j * depth) * COLUMNS;                            \
            for (long s = first; s < last; s++) {                                                                  \
                vector sum[ROWS][VECTORS];                                                                         \
                __global real *at = c + c_offset + s * ROWS * c_row + j * COLUMNS;                                 \
                PREFETCH_TILE(at, c_row);                                                                          \
                CLEAR_TILE(sum);                                                                                   \
                BEGIN;                                                                                             \
                ADD_TO_TILE(sum, VECTORS, depth, LEFT, right, COLUMNS);                                            \
                store_tile(sum, alpha, keep, at, c_row, m - s * ROWS, n - j * COLUMNS);                            \
            }                                                                                                      \
        }                                                                                                          \
    }

/* Row-major A, read where it is: for few panels, or short rows. */
__kernel void multiply_direct(PRODUCT_ARGUMENTS)
{
    __global const real *left[ROWS];
    MULTIPLY((void)block,
             UNROLL for (int i = 0; i < ROWS; i++) left[i] = a + a_offset + min(s * ROWS + i, m - 1) * a_row + from,
             left[i][p])
}

/* Row-major A; a group first packs its rows into `block`. */
__kernel void multiply_block(PRODUCT_ARGUMENTS)
{
    __local const real *left;
    MULTIPLY(for (long s = first; s < last; s++)
                 pack_rows(a + a_offset + s * ROWS * a_row + from, a_row, m - s * ROWS, depth,
                           block + (s - first) * ROWS * depth),
             left = block + (s - first) * ROWS * depth, left[p * ROWS + i])
}

/* A in panels of ROWS. */
__kernel void multiply_panels(PRODUCT_ARGUMENTS)
{
    __global const real *left;
    MULTIPLY((void)block, left = a + (from * all_strips + s * depth) * ROWS, left[p * ROWS + i])
}

/* A tile of a small product: the first `count` vectors of each row. */
#define SMALL_TILE(count, right, step)                                                                             \
    for (long s = first; s < last; s++) {                                                                          \
        __global const real *left[ROWS];                                                                           \
        vector sum[ROWS][VECTORS];                                                                                 \
        UNROLL for (int i = 0; i < ROWS; i++)                                                                      \
            left[i] = a + a_offset + min(s * ROWS + i, m - 1) * a_row;                                             \
        CLEAR_TILE(sum);                                                                                           \
        ADD_TO_TILE(sum, count, k, left[i][p], right, step);                                                       \
        store_tile(sum, alpha, beta, c + c_offset + s * ROWS * c_row + j * COLUMNS, c_row, m - s * ROWS,           \
                   n - j * COLUMNS);                                                                               \
    }

/* A small product of row-major A and B, both read where they are: packing B would take as long. Only columns that do
 * not fill a panel are copied into `block`, k rows of COLUMNS, with zeros beside them. */
__kernel void multiply_small(const long m, const long n, const long k, const real alpha, __global const real *a,
                             const long a_offset, const long a_row, __global const real *b, const long b_offset,
                             const long b_row, const real beta, __global real *c, const long c_offset,
                             const long c_row, const long strips, const long panels, __local real *block)
{
    const long first = get_global_id(0) * strips, last = min(first + strips, (m + ROWS - 1) / ROWS);
    const long begin = get_global_id(1) * panels, end = min(begin + panels, (n + COLUMNS - 1) / COLUMNS);
    for (long j = begin; j < end; j++) {
        __global const real *right = b + b_offset + j * COLUMNS;
        const long width = n - j * COLUMNS;
        if (width >= COLUMNS) {
            SMALL_TILE(VECTORS, right, b_row)
            continue;
        }
        for (long p = 0; p < k; p++)
            for (long i = 0; i < COLUMNS; i++)
                block[p * COLUMNS + i] = i < width ? right[p * b_row + i] : R(0.0);
        if (width > LANES) {
            SMALL_TILE(VECTORS, block, COLUMNS)
        } else {
            SMALL_TILE(1, block, COLUMNS)
        }
    }
}
