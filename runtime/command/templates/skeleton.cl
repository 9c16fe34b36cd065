/* @NAME@.cl: the kernel of @ID@.
 *
 * OpenCL C 1.2. The host puts a prelude before this text: `real` is float or double, and R(0.5) is a literal
 * of that type (0.5 alone would be a double). It rounds the number of work-items up: check the bounds. */
__kernel void @NAME@_forward(__global const real *x, __global real *y, long count, real sharpness)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    /* exp() of a number that is never positive: nothing overflows. */
    const real scaled = sharpness * x[i];
    y[i] = (fmax(scaled, R(0.0)) + log1p(exp(-fabs(scaled)))) / sharpness;
}
