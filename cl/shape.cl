/* shape.cl: copies a tensor in another order of its elements. */

#if REAL_IS_DOUBLE
typedef double4 real4;
#else
typedef float4 real4;
#endif

/* out is dense with `rank` dimensions; x is read with a stride for each of them (0 repeats it). A line
 * along the last dimension is shared by `pieces` work-items. */
__kernel void shape_copy(__global const real *x, __global real *out, long items, long pieces, long rank,
                         long8 dims, long8 strides)
{
    const long item = get_global_id(0);
    if (item >= items)
        return;
    long dim[8], stride[8];
    vstore8(dims, 0, dim);
    vstore8(strides, 0, stride);
    const long line = item / pieces, length = dim[rank - 1], step = stride[rank - 1];
    ulong rest = line;
    long position = 0;
    for (long d = rank - 2; d >= 0; d--) {
        position += (long)(rest % (ulong)dim[d]) * stride[d];
        rest /= (ulong)dim[d];
    }
    for (long column = item % pieces; column < length; column += pieces)
        out[line * length + column] = x[position + column * step];
}

/* A matrix: each work-item turns a tile of 4 x 4 elements, so that memory is read and written in pieces
 * of four. */
__kernel void transpose_tiles(__global const real *x, __global real *out, long rows, long columns)
{
    const long tile = get_global_id(0), tile_rows = (rows + 3) / 4;
    const long row = tile % tile_rows * 4, column = tile / tile_rows * 4;
    if (column >= columns)
        return;
    __global const real *source = x + row * columns + column;
    __global real *target = out + column * rows + row;
    if (row + 4 <= rows && column + 4 <= columns) {
        const real4 a = vload4(0, source), b = vload4(0, source + columns);
        const real4 c = vload4(0, source + 2 * columns), d = vload4(0, source + 3 * columns);
        vstore4((real4)(a.x, b.x, c.x, d.x), 0, target);
        vstore4((real4)(a.y, b.y, c.y, d.y), 0, target + rows);
        vstore4((real4)(a.z, b.z, c.z, d.z), 0, target + 2 * rows);
        vstore4((real4)(a.w, b.w, c.w, d.w), 0, target + 3 * rows);
        return;
    }
    for (long i = 0; i < min(4L, rows - row); i++)
        for (long j = 0; j < min(4L, columns - column); j++)
            target[j * rows + i] = source[i * columns + j];
}
