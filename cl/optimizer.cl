/* optimizer.cl: one fused update a kernel. Inputs and outputs may be the same buffers: every work-item reads
 * its element of all of them before it writes. */

__kernel void sgd_update(__global const real *parameter, __global const real *velocity,
                         __global const real *gradient, __global real *new_parameter,
                         __global real *new_velocity, long count, real rate, real momentum, long nesterov)
{
    long i = get_global_id(0);
    if (i >= count)
        return;
    real slope = gradient[i], speed = momentum * velocity[i] + slope;
    real direction = nesterov ? slope + momentum * speed : speed;
    new_parameter[i] = parameter[i] - rate * direction;
    new_velocity[i] = speed;
}

/* `rate` and `spread` hold the corrections of the bias towards zero: spread = 1 / sqrt(1 - beta2^(t+1)).
 * other1 and other2 are 1 - beta1 and 1 - beta2, which the host rounds once. */
__kernel void adam_update(__global const real *parameter, __global const real *mean,
                          __global const real *variance, __global const real *gradient,
                          __global real *new_parameter, __global real *new_mean,
                          __global real *new_variance, long count, real rate, real spread, real beta1,
                          real other1, real beta2, real other2, real epsilon)
{
    long i = get_global_id(0);
    if (i >= count)
        return;
    real slope = gradient[i];
    real first = beta1 * mean[i] + other1 * slope;
    real second = beta2 * variance[i] + other2 * slope * slope;
    new_parameter[i] = parameter[i] - rate * first / (sqrt(second) * spread + epsilon);
    new_mean[i] = first;
    new_variance[i] = second;
}

/* With weight 1 the mean is the value itself, whatever was there before. */
__kernel void average_update(__global const real *mean, __global const real *value,
                             __global real *new_mean, long count, real weight)
{
    long i = get_global_id(0);
    if (i < count)
        new_mean[i] = weight == R(1.0) ? value[i] : mean[i] + weight * (value[i] - mean[i]);
}
