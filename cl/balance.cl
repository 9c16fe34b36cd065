/* balance.cl: applies a chain of plane rotations, or the Hadamard transform, to the rows of a matrix. */

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

/* One work-item a row, in place: the fast Walsh-Hadamard transform times `scale`; columns is a power of 2. */
__kernel void balance_hadamard(__global real *matrix, long rows, long columns, real scale)
{
    long row = get_global_id(0);
    if (row >= rows)
        return;
    __global real *entry = matrix + row * columns;
    for (long reach = 1; reach < columns; reach *= 2)
        for (long i = 0; i < columns; i++)
            if (!(i & reach)) {
                real low = entry[i], high = entry[i + reach];
                entry[i] = low + high;
                entry[i + reach] = low - high;
            }
    for (long i = 0; i < columns; i++)
        entry[i] *= scale;
}

__kernel void balance_copy(__global const real *from, __global real *to, long count)
{
    long i = get_global_id(0);
    if (i < count)
        to[i] = from[i];
}
