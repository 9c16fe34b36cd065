/* activation.cl: bias, activation and dropout mask of a layer in one pass, and the way back.
 *
 * The host defines FUNCTION (0 linear, 1 relu, 2 tanh), BIAS (0 or 1) and MASK (0 none, 1 a draw for every
 * element, 2 draws for blocks or for all rows together). A work-item has the four elements of one Philox index.
 */
#define PIECE 4
#if REAL_IS_DOUBLE
typedef double4 real4;
#else
typedef float4 real4;
#endif

/* Writes for elements first .. first + 3 the factor that the mask has for them, 0 where it drops. Element (i, j) of
 * rows of `width` belongs to draw i * row_blocks + j / block, or when `shared`, to that of row 0. */
static void draw_mask(real factor[PIECE], const long first, const long width, const long row_blocks,
                      const long block, const long shared, const long threshold, const real kept, const uint4 key)
{
#if MASK == 1
    const uint4 word = dcl_philox(key, (ulong)first / PIECE);
    const uint words[PIECE] = {word.x, word.y, word.z, word.w};
    for (int k = 0; k < PIECE; k++)
        factor[k] = (long)words[k] < threshold ? kept : R(0.0);
#elif MASK == 2
    for (int k = 0; k < PIECE; k++) {
        const long i = first + k, row = shared ? 0 : i / width, draw = row * row_blocks + i % width / block;
        const uint4 word = dcl_philox(key, (ulong)draw / 4);
        const uint words[4] = {word.x, word.y, word.z, word.w};
        factor[k] = (long)words[draw % 4] < threshold ? kept : R(0.0);
    }
#else
    for (int k = 0; k < PIECE; k++)
        factor[k] = R(1.0);
#endif
}

/* Elements first .. first + 3 of `count`, and zeros beyond the last. */
static real4 read_piece(__global const real *from, const long first, const long count)
{
    if (first + PIECE <= count)
        return vload4(0, from + first);
    real part[PIECE];
    for (int k = 0; k < PIECE; k++)
        part[k] = first + k < count ? from[first + k] : R(0.0);
    return vload4(0, part);
}

static void write_piece(const real4 value, __global real *to, const long first, const long count)
{
    if (first + PIECE <= count) {
        vstore4(value, 0, to + first);
        return;
    }
    real part[PIECE];
    vstore4(value, 0, part);
    for (int k = 0; first + k < count; k++)
        to[first + k] = part[k];
}

/* The bias of elements first .. first + 3 of rows of `width`; one division, for that of long integers is slow. */
static real4 bias_of(__global const real *bias, const long first, const long width)
{
    const long unit = first % width;
    if (unit + PIECE <= width)
        return vload4(0, bias + unit);
    real part[PIECE];
    for (int k = 0; k < PIECE; k++)
        part[k] = bias[(unit + k) % width];
    return vload4(0, part);
}

__kernel void activate(__global const real *x, __global const real *bias, __global real *out, const long count,
                       const long width, const long row_blocks, const long block, const long shared,
                       const long threshold, const real kept, const uint4 key)
{
    const long first = get_global_id(0) * PIECE;
    if (first >= count)
        return;
    real factor[PIECE];
    draw_mask(factor, first, width, row_blocks, block, shared, threshold, kept, key);
    real4 value = read_piece(x, first, count);
#if BIAS
    value += bias_of(bias, first, width);
#endif
#if FUNCTION == 1
    value = value <= R(0.0) ? (real4)(R(0.0)) : value; /* so that NaN stays NaN */
#elif FUNCTION == 2
    value = tanh(value);
#endif
    const real4 factors = vload4(0, factor);
    write_piece(factors > R(0.0) ? factors * value : (real4)(R(0.0)), out, first, count);
}

/* The slope by x. A result above 0 tells by itself that relu let its element through and that it was kept. */
__kernel void activate_gradient(__global const real *slope, __global const real *result, __global real *out,
                                const long count, const long width, const long row_blocks, const long block,
                                const long shared, const long threshold, const real kept, const uint4 key)
{
    const long first = get_global_id(0) * PIECE;
    if (first >= count)
        return;
    const int here = (int)min((long)PIECE, count - first);
#if FUNCTION == 1
    for (int k = 0; k < here; k++)
        out[first + k] = result[first + k] > R(0.0) ? kept * slope[first + k] : R(0.0);
#else
    real factor[PIECE];
    draw_mask(factor, first, width, row_blocks, block, shared, threshold, kept, key);
    for (int k = 0; k < here; k++) {
#if FUNCTION == 2
        const real value = result[first + k] / kept;
        const real steepness = R(1.0) - value * value;
#else
        const real steepness = R(1.0);
#endif
        out[first + k] = factor[k] > R(0.0) ? factor[k] * steepness * slope[first + k] : R(0.0);
    }
#endif
}
