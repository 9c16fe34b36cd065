/* choose.cl: takes each element from one of two tensors. */

/* `every` is 1 when the condition has an element for each of x, 0 when it has only one. */
__kernel void choose_elements(__global const real *condition, __global const real *x, __global const real *y,
                              __global real *out, const long count, const long every)
{
    const long i = get_global_id(0);
    if (i < count)
        out[i] = condition[i * every] > R(0.0) ? x[i] : y[i];
}
