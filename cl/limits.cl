/* limits.cl: kernels that only multiply and add, only stream, or do nothing: what a device can do at most.
 *
 * LANES is the number of elements in a vector: 2, 4, 8 or 16; 1 for none.
 */
#define CONCATENATE(a, b) a##b
#define EXPAND(a, b) CONCATENATE(a, b)
#if LANES == 1
typedef real vector;
#elif REAL_IS_DOUBLE
typedef EXPAND(double, LANES) vector;
#else
typedef EXPAND(float, LANES) vector;
#endif

/* Twelve chains that do not wait for each other: more than any unit has steps, and their registers suffice. */
kernel void limit_arithmetic(const long rounds, const real factor, const real step, global vector *restrict sums)
{
    const vector a = (vector)(factor), b = (vector)(step), x = (vector)((real)(get_global_id(0) % 7));
    vector x0 = x, x1 = x + 1, x2 = x + 2, x3 = x + 3, x4 = x + 4, x5 = x + 5;
    vector x6 = x + 6, x7 = x + 7, x8 = x + 8, x9 = x + 9, xa = x + 10, xb = x + 11;
    for (long i = 0; i < rounds; i++) {
        x0 = x0 * a + b, x1 = x1 * a + b, x2 = x2 * a + b, x3 = x3 * a + b, x4 = x4 * a + b, x5 = x5 * a + b;
        x6 = x6 * a + b, x7 = x7 * a + b, x8 = x8 * a + b, x9 = x9 * a + b, xa = xa * a + b, xb = xb * a + b;
    }
    sums[get_global_id(0)] = x0 + x1 + x2 + x3 + x4 + x5 + x6 + x7 + x8 + x9 + xa + xb;
}

/* Work-item i reads `count` vectors, `stride` apart, from i * first on; count is a multiple of four. */
kernel void limit_read(const long count, const long stride, const long first, global const vector *restrict from,
                       global vector *restrict sums)
{
    global const vector *p = from + get_global_id(0) * first;
    vector x0 = (vector)(0), x1 = x0, x2 = x0, x3 = x0;
    for (long i = 0; i < count; i += 4, p += 4 * stride)
        x0 += p[0], x1 += p[stride], x2 += p[2 * stride], x3 += p[3 * stride];
    sums[get_global_id(0)] = x0 + x1 + x2 + x3;
}

/* The same, copying. */
kernel void limit_copy(const long count, const long stride, const long first, global const vector *restrict from,
                       global vector *restrict to)
{
    const long at = get_global_id(0) * first;
    for (long i = 0; i < count; i++)
        to[at + i * stride] = from[at + i * stride];
}

kernel void limit_nothing(const int unused)
{
}
