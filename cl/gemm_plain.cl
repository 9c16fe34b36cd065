/* gemm_plain.cl: the simple matrix product that must be right on every device.
 *
 * C = alpha op(A) op(B) + beta C. op(A)(i, p) is a[a_offset + i * a_row + p * a_column]: the strides express
 * transposition; C is row-major, with c_row elements from row to row. Each work-item computes ROWS x COLUMNS
 * elements of C, one vector register a row. Reads beyond an edge are clamped to the last row or column and
 * writes are checked, so any size works and nothing is read out of bounds.
 */
#if REAL_IS_DOUBLE
typedef double16 real16;
#else
typedef float16 real16;
#endif

/* COLUMNS elements of a row of op(B), of which `left` exist. */
real16 load_row(__global const real *b, const long stride, const long left)
{
    if (stride == 1 && left >= COLUMNS)
        return vload16(0, b);
    real part[COLUMNS];
    for (int j = 0; j < COLUMNS; j++)
        part[j] = b[min((long)j, left - 1) * stride];
    return vload16(0, part);
}

__kernel void gemm_plain(const long m, const long n, const long k, const real alpha,
                         __global const real *a, const long a_offset, const long a_row, const long a_column,
                         __global const real *b, const long b_offset, const long b_row, const long b_column,
                         const real beta, __global real *c, const long c_offset, const long c_row)
{
    const long row = get_global_id(1) * ROWS, column = get_global_id(0) * COLUMNS;
    if (row >= m || column >= n)
        return;
    real16 sum[ROWS];
    __global const real *a_at[ROWS];
    for (int i = 0; i < ROWS; i++) {
        a_at[i] = a + a_offset + min(row + i, m - 1) * a_row;
        sum[i] = (real16)(R(0.0));
    }
    b += b_offset + column * b_column;
    c += c_offset;
    for (long p = 0; p < k; p++) {
        const real16 right = load_row(b + p * b_row, b_column, n - column);
        for (int i = 0; i < ROWS; i++)
            sum[i] += a_at[i][p * a_column] * right;
    }
    for (int i = 0; i < ROWS && row + i < m; i++) {
        real out[COLUMNS];
        vstore16(alpha * sum[i], 0, out);
        for (int j = 0; j < COLUMNS && column + j < n; j++) {
            __global real *at = c + (row + i) * c_row + column + j;
            *at = out[j] + (beta == R(0.0) ? R(0.0) : beta * *at);
        }
    }
}
