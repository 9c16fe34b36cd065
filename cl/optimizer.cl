/* optimizer.cl: one fused update a kernel. Inputs and outputs may be the same buffers: every work-item reads its
 * elements of all of them before it writes. A work-item has eight elements, for the sake of CPU devices, whose
 * compilers seldom make vectors out of neighbouring work-items when there are so many buffers.
 */
#if REAL_IS_DOUBLE
typedef double8 real8;
#else
typedef float8 real8;
#endif

/* The eight elements from `first` on; zeros beyond the last. */
real8 read8(__global const real *from, const long first, const long count)
{
    if (first + 8 <= count)
        return vload8(0, from + first);
    real part[8];
    for (int k = 0; k < 8; k++)
        part[k] = first + k < count ? from[first + k] : R(0.0);
    return vload8(0, part);
}

void write8(const real8 value, __global real *to, const long first, const long count)
{
    if (first + 8 <= count) {
        vstore8(value, 0, to + first);
        return;
    }
    real part[8];
    vstore8(value, 0, part);
    for (int k = 0; first + k < count; k++)
        to[first + k] = part[k];
}

__kernel void sgd_update(__global const real *parameter, __global const real *velocity,
                         __global const real *gradient, __global real *new_parameter,
                         __global real *new_velocity, long count, real rate, real momentum, long nesterov)
{
    const long i = get_global_id(0) * 8;
    if (i >= count)
        return;
    const real8 slope = read8(gradient, i, count), speed = momentum * read8(velocity, i, count) + slope;
    const real8 direction = nesterov ? slope + momentum * speed : speed;
    write8(read8(parameter, i, count) - rate * direction, new_parameter, i, count);
    write8(speed, new_velocity, i, count);
}

/* `rate` and `spread` hold the corrections of the bias towards zero: spread = 1 / sqrt(1 - beta2^(t+1)).
 * other1 and other2 are 1 - beta1 and 1 - beta2, which the host rounds once. */
__kernel void adam_update(__global const real *parameter, __global const real *mean,
                          __global const real *variance, __global const real *gradient,
                          __global real *new_parameter, __global real *new_mean,
                          __global real *new_variance, long count, real rate, real spread, real beta1,
                          real other1, real beta2, real other2, real epsilon, real scale)
{
    const long i = get_global_id(0) * 8;
    if (i >= count)
        return;
    const real8 slope = scale * read8(gradient, i, count);
    const real8 first = beta1 * read8(mean, i, count) + other1 * slope;
    const real8 second = beta2 * read8(variance, i, count) + other2 * slope * slope;
    write8(read8(parameter, i, count) - rate * first / (sqrt(second) * spread + epsilon), new_parameter, i, count);
    write8(first, new_mean, i, count);
    write8(second, new_variance, i, count);
}

/* With weight 1 the mean is the value itself, whatever was there before. */
__kernel void average_update(__global const real *mean, __global const real *value,
                             __global real *new_mean, long count, real weight)
{
    const long i = get_global_id(0) * 8;
    if (i >= count)
        return;
    const real8 last = read8(value, i, count), old = read8(mean, i, count);
    write8(weight == R(1.0) ? last : old + weight * (last - old), new_mean, i, count);
}
