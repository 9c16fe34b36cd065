/* matmul.cl: brings the summand of a matrix product to where the product is accumulated. */

__kernel void matmul_copy(__global const real *from, __global real *to, long count)
{
    long i = get_global_id(0);
    if (i < count)
        to[i] = from[i];
}
