/* optimum.c: the closed form of dropout factorization, from singular values alone. */
#include "recipes/factorization/optimum.h"

#include <float.h>
#include <math.h>

/* With A_q = s_1 + ... + s_q: tau = max over q <= r of lambda A_q / (r + lambda q), a maximum that needs no
 * search for the rank and is safe in any precision; then rank = #{i <= r: s_i > tau} and
 * minimum = sum_{i > rank} s_i^2 + lambda A_rank^2 / (r + lambda rank). Of this the second term is set here. */
static dcl_optimum shrink(const double *values, int64_t count, double lambda, int64_t width)
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
    optimum.minimum = lambda * kept * kept / ((double)width + lambda * (double)optimum.rank);
    return optimum;
}

dcl_optimum dcl_dropout_optimum(const double *values, int64_t count, double lambda, int64_t width)
{
    dcl_optimum optimum = shrink(values, count, lambda, width);
    double rest = 0;
    for (int64_t i = count; i-- > optimum.rank;)
        rest += values[i] * values[i];
    optimum.minimum += rest;
    return optimum;
}

double dcl__value_growth(const double *values, int64_t i, int64_t last, double residual)
{
    const double square = residual * residual, gap = values[i] - values[last];
    return 2 * square / (gap + sqrt(gap * gap + 4 * square));
}

/* How far h = ||Y||^2 - minimum may be above what the values say. With R = Y' U - V S, Y is Y0 + U R' where the
 * values are exact for Y0, and h(Y) <= h(Y0) + 2 <U R', X> for the minimiser X of Y; that of Y0 is orthogonal to
 * U R'. While the width cuts off no value, X is a proximal map of Y, which does not expand: the second term is at
 * most 2 ||R||^2. Else value i grows by at most its d_i of optimum.h, and h, convex with the gradient 2 (s_i - tau),
 * by 2 sum (s_i - tau + d_i) d_i. */
static double excess(const double *values, const dcl_optimum *optimum, double residual, int64_t width)
{
    double sum = 0;
    if (optimum->rank < width || residual == 0)
        return 2 * (residual * residual);
    for (int64_t i = 0; i < width; i++) {
        double d = dcl__value_growth(values, i, width - 1, residual);
        sum += 2 * (values[i] - optimum->tau + d) * d;
    }
    return sum;
}

dcl_optimum dcl_dropout_optimum_leading(const double *values, int64_t count, double energy, double residual,
                                        double lambda, int64_t width)
{
    dcl_optimum optimum = shrink(values, count, lambda, width);
    double rest = energy;
    for (int64_t i = 0; i < optimum.rank; i++)
        rest -= values[i] * values[i];
    optimum.minimum += fmax(rest, 0);
    optimum.error = fmin(excess(values, &optimum, residual, width), optimum.minimum);
    return optimum;
}

/* So near to the bound, relatively, trained blocks count as reaching it: training itself ends there in f64. */
static const double NEAR = 1e-8;

void dcl__prove_attained(double objective, double energy, dcl_optimum *optimum)
{
    const double bound = optimum->minimum - optimum->error, room = NEAR * bound + 64 * DBL_EPSILON * energy;
    if (optimum->attained == DCL_ATTAINMENT_OPEN && objective <= bound + room) {
        optimum->attained = DCL_ATTAINED;
        optimum->inexact = 0;
    }
}
