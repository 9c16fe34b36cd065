/* long_loop.cl: a loop of many rounds, to see whether a device runs all of them. */
__kernel void long_loop(const long rounds, __global real *out)
{
    uint x = 1;
    for (long i = 0; i < rounds; i++)
        x = x * 1664525u + 1013904223u;
    out[0] = (real)(x >> 8);
}
