/* elementwise.cl: one formula applied to every element of one tensor, or of two with broadcasting.
 *
 * The host defines the name of exactly one formula. The unary formulas ignore y, which then is x. Each
 * work-item reads and writes one element, and reads before it writes, so out may be x. */

static real formula(real x, real y, real parameter)
{
#if defined(ADD)
    return x + y;
#elif defined(SUBTRACT)
    return x - y;
#elif defined(MULTIPLY)
    return x * y;
#elif defined(DIVIDE)
    return parameter != R(0.0) && y == R(0.0) ? R(0.0) : x / y;
#elif defined(SCALE)
    return parameter * x;
#elif defined(SQUARE)
    return x * x;
#elif defined(SQRT)
    return sqrt(x);
#elif defined(EXP)
    return exp(x);
#elif defined(LOG)
    return log(x);
#elif defined(RELU)
    return x <= R(0.0) ? R(0.0) : x; /* so that NaN stays NaN */
#elif defined(POSITIVE)
    return x > R(0.0) ? R(1.0) : R(0.0);
#elif defined(SIGMOID)
    /* The exponent is never positive, so nothing overflows and small values keep their digits. */
    const real decay = exp(-fabs(x));
    return (x < R(0.0) ? decay : R(1.0)) / (R(1.0) + decay);
#elif defined(TANH)
    return tanh(x);
#endif
}

/* One dimension; a step of 0 repeats a single element, otherwise it is 1. */
__kernel void elementwise_flat(__global const real *x, __global const real *y, __global real *out,
                               real parameter, long count, long x_step, long y_step)
{
    const long i = get_global_id(0);
    if (i < count)
        out[i] = formula(x[i * x_step], y[i * y_step], parameter);
}

/* Two dimensions: rows first_row, first_row + 1, ... of a matrix; strides of 0 repeat rows or columns. */
__kernel void elementwise_matrix(__global const real *x, __global const real *y, __global real *out,
                                 real parameter, long rows, long columns, long first_row, long x_row,
                                 long x_column, long y_row, long y_column)
{
    const long column = get_global_id(0), row = first_row + get_global_id(1);
    if (row < rows && column < columns)
        out[row * columns + column] =
            formula(x[row * x_row + column * x_column], y[row * y_row + column * y_column], parameter);
}

/* Any number of dimensions. */
__kernel void elementwise_strided(__global const real *x, __global const real *y, __global real *out,
                                  real parameter, long count, long rank, long8 dims, long8 x_strides,
                                  long8 y_strides)
{
    const long i = get_global_id(0);
    if (i >= count)
        return;
    long dim[8], x_stride[8], y_stride[8];
    vstore8(dims, 0, dim);
    vstore8(x_strides, 0, x_stride);
    vstore8(y_strides, 0, y_stride);
    ulong rest = i;
    long x_position = 0, y_position = 0;
    for (long d = rank - 1; d > 0; d--) {
        const long along = rest % (ulong)dim[d];
        rest /= (ulong)dim[d];
        x_position += along * x_stride[d];
        y_position += along * y_stride[d];
    }
    x_position += (long)rest * x_stride[0];
    y_position += (long)rest * y_stride[0];
    out[i] = formula(x[x_position], y[y_position], parameter);
}
