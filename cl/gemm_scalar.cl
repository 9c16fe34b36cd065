/* gemm_scalar.cl: the product of gemm_plain.cl for devices whose compilers make vectors of neighbouring work-items.
 *
 * Each work-item computes ROWS x COLUMNS elements of C, its columns as far apart as a group is wide: neighbours read
 * neighbours. Only the loop over k is left to run; the host gives it no more of k than every device's loops can take.
 */
#define UNROLL _Pragma("unroll")

__kernel void gemm_scalar(const long m, const long n, const long k, const real alpha,
                          __global const real *a, const long a_offset, const long a_row, const long a_column,
                          __global const real *b, const long b_offset, const long b_row, const long b_column,
                          const real beta, __global real *c, const long c_offset, const long c_row)
{
    const long wide = get_local_size(0), row = get_global_id(1) * ROWS;
    const long column = get_group_id(0) * wide * COLUMNS + get_local_id(0);
    const int fresh = beta == R(0.0);        /* then C is not read: it may hold anything                */
    real sum[ROWS][COLUMNS];
    long left[ROWS], right[COLUMNS];
    if (row >= m || column >= n)
        return;
    UNROLL for (int i = 0; i < ROWS; i++) {
        left[i] = a_offset + min(row + i, m - 1) * a_row;
        UNROLL for (int j = 0; j < COLUMNS; j++)
            sum[i][j] = R(0.0);
    }
    UNROLL for (int j = 0; j < COLUMNS; j++)
        right[j] = b_offset + min(column + j * wide, n - 1) * b_column;
    for (long p = 0; p < k; p++) {
        real x[ROWS], y[COLUMNS];
        UNROLL for (int i = 0; i < ROWS; i++)
            x[i] = a[left[i] + p * a_column];
        UNROLL for (int j = 0; j < COLUMNS; j++)
            y[j] = b[right[j] + p * b_row];
        UNROLL for (int i = 0; i < ROWS; i++)
            UNROLL for (int j = 0; j < COLUMNS; j++)
                sum[i][j] += x[i] * y[j];
    }
    UNROLL for (int i = 0; i < ROWS; i++)
        UNROLL for (int j = 0; j < COLUMNS; j++)
            if (row + i < m && column + j * wide < n) {
                __global real *at = c + c_offset + (row + i) * c_row + column + j * wide;
                const real before = fresh ? R(0.0) : *at;
                *at = alpha * sum[i][j] + beta * before;
            }
}
