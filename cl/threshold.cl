/* threshold.cl: the soft threshold of entries; the few steps of singular_threshold that are not products. */

/* A NaN fails the comparison and stays NaN. */
__kernel void soft_threshold_apply(__global const real *x, __global real *y, long count, real tau)
{
    long i = get_global_id(0);
    if (i < count)
        y[i] = fabs(x[i]) <= tau ? R(0.0) : x[i] - copysign(tau, x[i]);
}

/* Work-item i looks at the elements i, i + items, ...: their largest magnitude, or infinity when one of them is
 * not finite. */
__kernel void singular_scan(__global const real *y, long count, long items, __global real *largest)
{
    long item = get_global_id(0);
    if (item >= items)
        return;
    real found = R(0.0);
    for (long i = item; i < count; i += items) {
        real size = fabs(y[i]);
        found = size <= found ? found : isfinite(size) ? size : (real)INFINITY;
    }
    largest[item] = found;
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
__kernel void singular_move(__global const real *from, __global real *to, long offset, long stride, long rows, long columns)
{
    long column = get_global_id(0), row = get_global_id(1);
    if (row < rows && column < columns)
        to[offset + row * stride + column] = from[row * columns + column];
}

/* Column t of both factors: behind the last one zero; else its sign such that the entry of largest magnitude on
 * the left is positive, the first of them where several are equal but for rounding. */
__kernel void singular_finish(__global real *left, __global real *right, long rows, long columns, long width, long count)
{
    long t = get_global_id(0);
    if (t >= width)
        return;
    real largest = R(0.0), sign = R(0.0);
    for (long i = 0; t < count && i < rows; i++)
        largest = fmax(largest, fabs(left[i * width + t]));
    for (long i = 0; t < count && i < rows && sign == R(0.0); i++)
        if (fabs(left[i * width + t]) >= (R(1.0) - R(1e-6)) * largest)
            sign = left[i * width + t] < R(0.0) ? R(-1.0) : R(1.0);
    for (long i = 0; i < rows && sign != R(1.0); i++)
        left[i * width + t] = t < count ? -left[i * width + t] : R(0.0);
    for (long i = 0; i < columns && sign != R(1.0); i++)
        right[i * width + t] = t < count ? -right[i * width + t] : R(0.0);
}
