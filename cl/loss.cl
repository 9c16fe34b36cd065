/* loss.cl: sums of losses, hierarchical and compensated, in an order that the shape alone fixes.
 * A partial is a pair of compensated.cl. */
#include "compensated.cl"

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

/* Combines `count` partials into count / fan, rounded up. */
__kernel void loss_combine(__global const real *from, __global real *to, long count, long fan)
{
    long item = get_global_id(0), first = item * fan;
    if (first >= count)
        return;
    real lost = R(0.0);
    to[2 * item] = add_pairs(from, first, min(first + fan, count), &lost);
    to[2 * item + 1] = lost;
}

/* The loss itself; after an overflow there is no sense in what was lost. */
__kernel void loss_finish(__global const real *partial, __global real *loss, long count)
{
    if (get_global_id(0) > 0)
        return;
    real lost = R(0.0), sum = add_pairs(partial, 0, count, &lost);
    loss[0] = isfinite(sum) ? sum + lost : sum;
}

/* ---- Losses of classifiers: a row of x, `width` numbers, holds the scores of one sample ------------------- */

/* The largest number of a row. */
real row_largest(__global const real *x, const long width)
{
    real largest = x[0];
    for (long j = 1; j < width; j++)
        largest = fmax(largest, x[j]);
    return largest;
}

/* The sum of exp(x_j - largest) over a row. */
real row_powers(__global const real *x, const long width, const real largest)
{
    real sum = R(0.0);
    for (long j = 0; j < width; j++)
        sum += exp(x[j] - largest);
    return sum;
}

/* largest - sum_j t_j x_j, in differences from the largest. */
real row_along(__global const real *x, __global const real *t, const long width, const real largest)
{
    real sum = R(0.0), targets = R(0.0);
    for (long j = 0; j < width; j++) {
        sum += t[j] * (largest - x[j]);
        targets += t[j];
    }
    return sum + (R(1.0) - targets) * largest;
}

/* For each row a partial: log sum_j exp(x_j) - sum_j t_j x_j, shifted so that nothing overflows. */
__kernel void cross_entropy_rows(__global const real *x, __global const real *t, __global real *partial,
                                 const long rows, const long width)
{
    const long row = get_global_id(0);
    if (row >= rows)
        return;
    const real largest = row_largest(x + row * width, width);
    partial[2 * row] = log(row_powers(x + row * width, width, largest)) +
                       row_along(x + row * width, t + row * width, width, largest);
    partial[2 * row + 1] = R(0.0);
}

__kernel void softmax_rows(__global const real *x, __global real *out, const long rows, const long width)
{
    const long row = get_global_id(0);
    if (row >= rows)
        return;
    const real largest = row_largest(x + row * width, width), sum = row_powers(x + row * width, width, largest);
    for (long j = 0; j < width; j++)
        out[row * width + j] = exp(x[row * width + j] - largest) / sum;
}

/* The place of the first of the largest numbers of a row. */
long row_choice(__global const real *x, const long width)
{
    long choice = 0;
    for (long j = 1; j < width; j++)
        choice = x[j] > x[choice] ? j : choice;
    return choice;
}

/* For each row a partial: 1 where x and t have their largest numbers in different places. */
__kernel void misclassified_rows(__global const real *x, __global const real *t, __global real *partial,
                                 const long rows, const long width)
{
    const long row = get_global_id(0);
    if (row >= rows)
        return;
    partial[2 * row] = row_choice(x + row * width, width) == row_choice(t + row * width, width) ? R(0.0) : R(1.0);
    partial[2 * row + 1] = R(0.0);
}
