/* threshold.cl: the element-wise soft threshold. */

/* A NaN fails the comparison and stays NaN. */
__kernel void soft_threshold_apply(__global const real *x, __global real *y, long count, real tau)
{
    long i = get_global_id(0);
    if (i < count)
        y[i] = fabs(x[i]) <= tau ? R(0.0) : x[i] - copysign(tau, x[i]);
}
