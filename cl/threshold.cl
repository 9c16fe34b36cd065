/* threshold.cl: the soft threshold of entries; the few steps of singular_threshold that are not products. */

/* A NaN fails the comparison and stays NaN. */
__kernel void soft_threshold_apply(__global const real *x, __global real *y, long count, real tau)
{
    long i = get_global_id(0);
    if (i < count)
        y[i] = fabs(x[i]) <= tau ? R(0.0) : x[i] - copysign(tau, x[i]);
}

/* The largest magnitude of a part of y, or NaN when something there is not finite, for 0 times that is NaN. An
 * item takes `parts` groups of 8 neighbours at most, from group item * first on, `step` groups apart; item 0 takes
 * the last few elements, too. */
__kernel void singular_scan(__global const real *y, long count, long first, long step, long parts, long items,
                            __global real *largest)
{
    const long item = get_global_id(0);
    real found[8] = {R(0.0)}, spoilt[8] = {R(0.0)};
    if (item >= items)
        return;
    for (long k = 0, at = item * first * 8; k < parts && at + 8 <= count; k++, at += step * 8)
        for (int e = 0; e < 8; e++) {
            found[e] = fmax(found[e], fabs(y[at + e]));
            spoilt[e] += y[at + e] * R(0.0);
        }
    for (long i = item == 0 ? count / 8 * 8 : count; i < count; i++) {
        found[0] = fmax(found[0], fabs(y[i]));
        spoilt[0] += y[i] * R(0.0);
    }
    for (int e = 1; e < 8; e++) {
        found[0] = fmax(found[0], found[e]);
        spoilt[0] += spoilt[e];
    }
    largest[item] = found[0] + spoilt[0];
}

/* Uniform numbers in [-1, 1) of 24 random bits, four to a work-item: exact, so the same on every device. */
__kernel void singular_draw(__global real *block, long count, uint4 key)
{
    long index = get_global_id(0);
    if (index * 4 >= count)
        return;
    uint4 word = dcl_philox(key, (ulong)index);
    uint words[4] = {word.x, word.y, word.z, word.w};
    for (int k = 0; k < 4 && index * 4 + k < count; k++)
        block[index * 4 + k] = (real)((int)(words[k] >> 8) - 8388608) * R(1.1920928955078125e-7);
}

/* Copies a compact matrix to a place in a wider one. */
__kernel void singular_move(__global const real *from, __global real *to, long offset, long stride, long rows,
                            long columns)
{
    long i = get_global_id(0);
    if (i < rows * columns)
        to[offset + i / columns * stride + i % columns] = from[i];
}

/* Sets a part of a matrix to 0. */
__kernel void singular_clear(__global real *matrix, long stride, long first, long rows, long columns)
{
    long i = get_global_id(0);
    if (i < rows * columns)
        matrix[i / columns * stride + first + i % columns] = R(0.0);
}

/* Column t of both factors gets the sign that makes the entry of largest magnitude on the left positive, the
 * first of them where several are equal but for rounding. */
__kernel void singular_orient(__global real *left, __global real *right, long rows, long columns, long width,
                              long count)
{
    long t = get_global_id(0);
    if (t >= count)
        return;
    real largest = R(0.0), sign = R(0.0);
    for (long i = 0; i < rows; i++)
        largest = fmax(largest, fabs(left[i * width + t]));
    for (long i = 0; i < rows && sign == R(0.0); i++)
        if (fabs(left[i * width + t]) >= (R(1.0) - R(1e-6)) * largest)
            sign = left[i * width + t] < R(0.0) ? R(-1.0) : R(1.0);
    for (long i = 0; i < rows && sign < R(0.0); i++)
        left[i * width + t] = -left[i * width + t];
    for (long i = 0; i < columns && sign < R(0.0); i++)
        right[i * width + t] = -right[i * width + t];
}
