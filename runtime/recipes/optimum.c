/* optimum.c: the closed form of dropout factorization, from singular values alone. */
#include "dropcl/dropcl.h"

/* With A_q = s_1 + ... + s_q: tau = max over q <= r of lambda A_q / (r + lambda q), a maximum that needs no
 * search for the rank and is safe in any precision; then rank = #{i <= r: s_i > tau} and
 * minimum = sum_{i > rank} s_i^2 + tau^2 (rank + r / lambda). */
dcl_optimum dcl_dropout_optimum(const double *values, int64_t count, double lambda, int64_t width)
{
    dcl_optimum optimum = {.lambda = lambda};
    int64_t most = width < count ? width : count;
    double sum = 0;
    for (int64_t q = 1; q <= most; q++) {
        sum += values[q - 1];
        double tau = lambda * sum / ((double)width + lambda * (double)q);
        optimum.tau = tau > optimum.tau ? tau : optimum.tau;
    }
    double kept = 0;
    while (optimum.rank < most && values[optimum.rank] > optimum.tau)
        kept += values[optimum.rank++];
    optimum.product = (kept - (double)optimum.rank * optimum.tau) / (double)width;
    for (int64_t i = count; i-- > optimum.rank;)
        optimum.minimum += values[i] * values[i];
    optimum.minimum += lambda * kept * kept / ((double)width + lambda * (double)optimum.rank);
    return optimum;
}
