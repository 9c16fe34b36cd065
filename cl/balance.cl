/* balance.cl: applies a chain of plane rotations to the columns of a matrix. */

/* One work-item a row, in place. Rotation k takes columns i = plane[2k] and j = plane[2k + 1] to
 * (c i - t j, t i + c j) with c = turn[2k], t = turn[2k + 1]; the chain is applied in order. */
__kernel void balance_rotate(__global real *matrix, __global const long *plane, __global const real *turn,
                             long rows, long columns, long rotations)
{
    long row = get_global_id(0);
    if (row >= rows)
        return;
    __global real *entry = matrix + row * columns;
    for (long k = 0; k < rotations; k++) {
        long i = plane[2 * k], j = plane[2 * k + 1];
        real c = turn[2 * k], t = turn[2 * k + 1], low = entry[i], high = entry[j];
        entry[i] = c * low - t * high;
        entry[j] = t * low + c * high;
    }
}
