/* optimizer.cl: one fused update a kernel. Inputs and outputs may be the same buffers: every work-item reads its
 * elements of all of them before it writes. A work-item has 32 bytes of each, PIECE elements, for the sake of CPU
 * devices, whose compilers seldom make vectors out of neighbouring work-items when there are so many buffers.
 */
#if REAL_IS_DOUBLE
#define PIECE 4
#define LOAD vload4
#define STORE vstore4
typedef double4 piece;
#else
#define PIECE 8
#define LOAD vload8
#define STORE vstore8
typedef float8 piece;
#endif

/* The elements from `first` on; zeros beyond the last. */
piece read_piece(__global const real *from, const long first, const long count)
{
    if (first + PIECE <= count)
        return LOAD(0, from + first);
    real part[PIECE];
    for (int k = 0; k < PIECE; k++)
        part[k] = first + k < count ? from[first + k] : R(0.0);
    return LOAD(0, part);
}

void write_piece(const piece value, __global real *to, const long first, const long count)
{
    if (first + PIECE <= count) {
        STORE(value, 0, to + first);
        return;
    }
    real part[PIECE];
    STORE(value, 0, part);
    for (int k = 0; first + k < count; k++)
        to[first + k] = part[k];
}

__kernel void sgd_update(__global const real *parameter, __global const real *velocity,
                         __global const real *gradient, __global real *new_parameter,
                         __global real *new_velocity, long count, real rate, real momentum, long nesterov)
{
    const long i = get_global_id(0) * PIECE;
    if (i >= count)
        return;
    const piece slope = read_piece(gradient, i, count), speed = momentum * read_piece(velocity, i, count) + slope;
    const piece direction = nesterov ? slope + momentum * speed : speed;
    write_piece(read_piece(parameter, i, count) - rate * direction, new_parameter, i, count);
    write_piece(speed, new_velocity, i, count);
}

/* `rate` and `spread` hold the corrections of the bias towards zero: spread = 1 / sqrt(1 - beta2^(t+1)).
 * other1 and other2 are 1 - beta1 and 1 - beta2, which the host rounds once. */
__kernel void adam_update(__global const real *parameter, __global const real *mean,
                          __global const real *variance, __global const real *gradient,
                          __global real *new_parameter, __global real *new_mean,
                          __global real *new_variance, long count, real rate, real spread, real beta1,
                          real other1, real beta2, real other2, real epsilon, real scale)
{
    const long i = get_global_id(0) * PIECE;
    if (i >= count)
        return;
    const piece slope = scale * read_piece(gradient, i, count);
    const piece first = beta1 * read_piece(mean, i, count) + other1 * slope;
    const piece second = beta2 * read_piece(variance, i, count) + other2 * slope * slope;
    write_piece(read_piece(parameter, i, count) - rate * first / (sqrt(second) * spread + epsilon), new_parameter, i,
                count);
    write_piece(first, new_mean, i, count);
    write_piece(second, new_variance, i, count);
}

/* With weight 1 the mean is the value itself, whatever was there before. */
__kernel void average_update(__global const real *mean, __global const real *value,
                             __global real *new_mean, long count, real weight)
{
    const long i = get_global_id(0) * PIECE;
    if (i >= count)
        return;
    const piece last = read_piece(value, i, count), old = read_piece(mean, i, count);
    write_piece(weight == R(1.0) ? last : old + weight * (last - old), new_mean, i, count);
}
