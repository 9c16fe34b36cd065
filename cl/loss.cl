/* loss.cl: sums of squared differences, hierarchical and compensated, in an order that the shape alone fixes.
 * A partial is a pair: a sum, and what rounding has lost from it. */
#pragma OPENCL FP_CONTRACT OFF

/* sum + term; adds to *lost what the rounding of this addition loses (two-sum, Knuth 1969). */
real add_compensated(real sum, real term, real *lost)
{
    real next = sum + term;
    real part = next - sum;
    *lost += (sum - (next - part)) + (term - part);
    return next;
}

/* Every `lanes` work-items share lanes * rounds neighbouring elements, of which each takes every lanes-th:
 * neighbours read neighbours, and together they stay within a CPU's cache. All make the same number of
 * rounds, so that the loop vectorises across them. */
__kernel void squared_error_partials(__global const real *x, __global const real *y, __global real *partial,
                                     long count, long partials, long rounds, long lanes)
{
    long item = get_global_id(0);
    long first = item / lanes * lanes * rounds + item % lanes;
    real sum = R(0.0), lost = R(0.0);
    for (long k = 0; k < rounds; k++) {
        long i = first + k * lanes;
        real difference = i < count ? x[i] - y[i] : R(0.0);
        sum = add_compensated(sum, difference * difference, &lost);
    }
    if (item < partials) {
        partial[2 * item] = sum;
        partial[2 * item + 1] = lost;
    }
}

/* Adds the partials first..last - 1. */
real add_partials(__global const real *partial, long first, long last, real *lost)
{
    real sum = R(0.0);
    for (long i = first; i < last; i++) {
        sum = add_compensated(sum, partial[2 * i], lost);
        *lost += partial[2 * i + 1];
    }
    return sum;
}

/* Combines `count` partials into count / fan, rounded up. */
__kernel void squared_error_combine(__global const real *from, __global real *to, long count, long fan)
{
    long item = get_global_id(0), first = item * fan;
    if (first >= count)
        return;
    real lost = R(0.0);
    to[2 * item] = add_partials(from, first, min(first + fan, count), &lost);
    to[2 * item + 1] = lost;
}

/* The loss itself; after an overflow there is no sense in what was lost. */
__kernel void squared_error_finish(__global const real *partial, __global real *loss, long count)
{
    if (get_global_id(0) > 0)
        return;
    real lost = R(0.0), sum = add_partials(partial, 0, count, &lost);
    loss[0] = isfinite(sum) ? sum + lost : sum;
}
