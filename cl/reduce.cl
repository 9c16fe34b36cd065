/* reduce.cl: one pass of a reduction: compensated sums of the columns of ragged matrices.
 *
 * The input is a row of slabs, each read as a matrix of `span` columns whose last row may be short. The
 * rows are cut into chunks; a work-item sums four neighbouring columns of one chunk, so that neighbouring
 * work-items read neighbouring memory. Sums are compensated by the error of every addition (TwoSum:
 * Knuth 1969; summation: Ogita, Rump, Oishi 2005), which makes them about as good as sums in twice the
 * precision, rounded. The order of additions follows from the arguments alone. */

/* The compiler must not fuse products into the sums: the errors below would not be theirs any more. */
#pragma OPENCL FP_CONTRACT OFF

#if REAL_IS_DOUBLE
typedef double4 real4;
#else
typedef float4 real4;
#endif

static void add(real4 *sum, real4 *error, real4 x)
{
    const real4 total = *sum + x;
    const real4 part = total - *sum;
    *error += (*sum - (total - part)) + (x - part);
    *sum = total;
}

/* The next four elements, zero past the end. */
static real4 load(__global const real *x, long available)
{
    if (available >= 4)
        return vload4(0, x);
    const real4 none = R(0.0);
    return (real4)(available > 0 ? x[0] : none.x, available > 1 ? x[1] : none.y,
                   available > 2 ? x[2] : none.z, none.w);
}

/* The four compensated sums as one, in component 0. */
static void fold_columns(real4 *sum, real4 *error)
{
    const real4 other_error = error->zwxy;
    add(sum, error, sum->zwxy);
    *error += other_error;
    const real4 last_error = error->yxwz;
    add(sum, error, sum->yxwz);
    *error += last_error;
}

/* The first `count` of four elements. */
static void store(__global real *out, real4 values, long count)
{
    if (count >= 4) {
        vstore4(values, 0, out);
        return;
    }
    out[0] = values.x;
    if (count > 1)
        out[1] = values.y;
    if (count > 2)
        out[2] = values.z;
}

/* slab, span: as above. chunk_rows, chunks: rows of a chunk, chunks of a slab. fold: each work-item adds
 * its four columns up and writes one number; otherwise it writes four. square: sums squares. root: takes
 * the square root of the result. items: number of work-items = slabs * chunks * ceil(span / 4).
 * Between passes the errors are handed on, behind the sums: x_errors and out_errors say how far behind, and
 * 0 says that there are none: numbers come in, results go out. */
__kernel void reduce_pass(__global const real *x, __global real *out, long items, long slab, long span,
                          long chunk_rows, long chunks, long fold, long square, long root, long x_errors,
                          long out_errors)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long groups = (span + 3) / 4, whole = item / groups;
    const long column = item % groups * 4, first = whole % chunks * chunk_rows * span + column;
    const long end = min(slab, first + chunk_rows * span);
    __global const real *source = x + whole / chunks * slab;
    real4 sum = R(0.0), error = R(0.0);
    for (long i = first; i < end; i += span) {
        const long available = min(span - column, slab - i);
        const real4 values = load(source + i, available);
        add(&sum, &error, square ? values * values : values);
        if (x_errors)
            error += load(source + x_errors + i, available);
    }
    if (fold)
        fold_columns(&sum, &error);
    const long count = fold ? 1 : span - column;
    out += fold ? item : whole * span + column;
    if (out_errors) {
        store(out, sum, count);
        store(out + out_errors, error, count);
        return;
    }
    /* Where the sum overflowed, the error is not a number and the sum says what happened. */
    const real4 result = select(sum, sum + error, isfinite(error));
    store(out, root ? sqrt(result) : result, count);
}
