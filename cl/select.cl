/* select.cl: takes parts of a tensor along one axis, puts them back, and draws minibatches.
 *
 * Tensors are seen as outer x length x inner around the axis; a line are the `inner` elements that lie
 * together. Each line is shared by `pieces` work-items. */

/* slice (offset = start) and pad (offset = -start): out[.][j][.] = x[.][j + offset][.], zero outside. Here a
 * line is all that belongs to one entry of the outer dimensions; x_line and out_line are its lengths. */
__kernel void select_shift(__global const real *x, __global real *out, long items, long pieces, long x_line,
                           long out_line, long offset)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long line = item / pieces;
    for (long column = item % pieces; column < out_line; column += pieces) {
        const long place = column + offset;
        out[line * out_line + column] = place >= 0 && place < x_line ? x[line * x_line + place] : R(0.0);
    }
}

/* out[.][k][.] = x[.][indices[k]][.], zero where the index is out of range. */
__kernel void select_gather(__global const real *x, __global const long *indices, __global real *out,
                            long items, long pieces, long length, long index_count, long inner)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long line = item / pieces, index = indices[line % index_count];
    const int known = index >= 0 && index < length;
    __global const real *source = x + (known ? (line / index_count * length + index) * inner : 0);
    for (long column = item % pieces; column < inner; column += pieces)
        out[line * inner + column] = known ? source[column] : R(0.0);
}

/* ---- scatter: sort the positions by index, then each output element sums its run ------------------
 * Sorting is stable and free of atomics, so equal indices are added in the order of their positions. */

/* The first place in order[begin..end), sorted by index, whose index is not below `index`, or with
 * `after` set, is above it. */
static long bound(__global const long *indices, __global const long *order, long begin, long end, long index,
                  int after)
{
    while (begin < end) {
        const long middle = begin + (end - begin) / 2, found = indices[order[middle]];
        if (found < index || (after && found == index))
            begin = middle + 1;
        else
            end = middle;
    }
    return begin;
}

/* Sorts the positions of each block: a position's place is the number of those that come before it. */
__kernel void scatter_sort(__global const long *indices, __global long *order, long count, long block)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    const long begin = i / block * block, end = min(begin + block, count), index = indices[i];
    long place = begin;
    for (long other = begin; other < end; other++)
        place += indices[other] < index || (indices[other] == index && other < i);
    order[place] = i;
}

/* Merges neighbouring sorted runs of `run` positions. */
__kernel void scatter_merge(__global const long *indices, __global const long *order, __global long *merged,
                            long count, long run)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    const long begin = i / (2 * run) * (2 * run);
    const long middle = min(begin + run, count), end = min(middle + run, count);
    const long index = indices[order[i]];
    const long place = i < middle ? i + bound(indices, order, middle, end, index, 0) - middle
                                  : i - middle + bound(indices, order, begin, middle, index, 1);
    merged[place] = order[i];
}

/* bounds[j], bounds[j + 1]: where in the order the positions with index j begin and end; j = 0 ... length. */
__kernel void scatter_bounds(__global const long *indices, __global const long *order, __global long *bounds,
                             long index_count, long length)
{
    const long j = get_global_id(0);
    if (j <= length)
        bounds[j] = bound(indices, order, 0, index_count, j, 0);
}

/* out[.][j][.] = the sum of x[.][k][.] over all k with indices[k] == j. */
__kernel void scatter_sum(__global const real *x, __global const long *order, __global const long *bounds,
                          __global real *out, long items, long pieces, long length, long index_count,
                          long inner)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    const long line = item / pieces, begin = bounds[line % length], end = bounds[line % length + 1];
    __global const real *source = x + line / length * index_count * inner;
    for (long column = item % pieces; column < inner; column += pieces) {
        real sum = R(0.0);
        for (long k = begin; k < end; k++)
            sum += source[order[k] * inner + column];
        out[line * inner + column] = sum;
    }
}

/* ---- batch --------------------------------------------------------------------------------------- */

/* The place of `position` in a permutation of [0, population): a Feistel network over 2 * half_bits bits
 * (Luby, Rackoff 1988), walked until the value falls into the range (Black, Rogaway 2002). The top bit of
 * the counter keeps these draws apart from those of other ops on the same stream. */
static ulong permuted(uint4 key, ulong position, ulong population, uint half_bits, uint rounds)
{
    const ulong mask = (1UL << half_bits) - 1;
    ulong value = position;
    do {
        ulong left = value >> half_bits, right = value & mask;
        for (uint round = 0; round < rounds; round++) {
            const ulong mixed = left ^ (dcl_philox(key, 1UL << 63 | (ulong)round << 32 | right).x & mask);
            left = right;
            right = mixed;
        }
        value = left << half_bits | right;
    } while (value >= population);
    return value;
}

/* Indices number first, first + 1, ... of the endless sequence of permutations, one for every epoch. */
__kernel void batch_indices(uint4 key, __global long *out, long count, long first, long population,
                            long half_bits, long rounds)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    const ulong position = (ulong)first + (ulong)i, all = (ulong)population;
    key.z = (uint)(position / all);
    out[i] = (long)permuted(key, position % all, all, (uint)half_bits, (uint)rounds);
}
