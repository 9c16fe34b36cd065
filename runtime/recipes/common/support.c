/* support.c: the squared k-support norm of numbers and its proximal map, in double precision.
 *
 * With block size b, ||s||^2 = min sum s_i^2 / w_i over 0 <= w <= 1, sum w <= b (Argyriou, Foygel, Srebro, NeurIPS
 * 2012; McDonald, Pontil, Stamos, NeurIPS 2014): the squared sum for b = 1, the sum of squares where b is at least
 * the number of values. DropBlock on k blocks of b units penalises a product by lambda ||s||^2 / k at least. */
#include <math.h>

#include "dropcl/dropcl.h"

static int64_t nonzero(const double *values, int64_t count)
{
    while (count > 0 && !(values[count - 1] > 0))
        count--;
    return count;
}

/* The optimal weights are min(1, s_i / T) with T = T_q for the first q that has T_q >= s_q, where
 * T_q = (s_q + ... + s_n) / (b - q + 1). Those q are all from some on, so the search starts at q = b, and every sum
 * grows from its small end. Returns T; *whole becomes the number of values with weight 1. */
static double find_norm(const double *s, int64_t n, int64_t block, int64_t *whole)
{
    double tail = 0;
    for (int64_t i = n; i-- >= block;)
        tail += s[i];
    int64_t q = block;
    while (q > 1 && tail + s[q - 2] >= s[q - 2] * (double)(block - q + 2)) {
        tail += s[q - 2];
        q--;
    }
    *whole = q - 1;
    return tail / (double)(block - q + 1);
}

double dcl_support_norm(const double *s, int64_t count, int64_t block, double *weights)
{
    const int64_t n = nonzero(s, count);
    int64_t whole = n;
    double square = 0;
    const double top = n > block ? find_norm(s, n, block, &whole) : 0;
    for (int64_t i = whole; i-- > 0;)
        square += s[i] * s[i];
    for (int64_t i = 0; i < count && weights; i++)
        weights[i] = i < whole ? 1 : i < n ? fmin(1, s[i] / top) : 0;
    return square + (n > block ? (double)(block - whole) * top * top : 0);
}

/* Weight of a value in the proximal map at level T. */
static double weight_at(double sigma, double mu, double level)
{
    return fmin(fmax((sigma - mu * level) / level, 0), 1);
}

/* How many of the falling values v have sum_i weight(sigma_i, v / divisor) at most b: the sum falls in the level. */
static int64_t count_above(const double *sigma, int64_t n, int64_t block, double mu, double divisor)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        double sum = 0;
        for (int64_t i = n; i-- > 0;)
            sum += weight_at(sigma[i], mu, sigma[middle] / divisor);
        if (sum <= (double)block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The level T at which the weights clip(sigma_i / T - mu, 0, 1) sum to b, for more than b values above 0: the first
 * `whole` have weight 1, those from `kept` on weight 0. Where whole = kept = b every T of an interval does, and its
 * largest is taken. */
static double find_level(const double *sigma, int64_t n, int64_t block, double mu)
{
    int64_t whole = count_above(sigma, n, block, mu, 1 + mu);
    if (whole >= block)
        return sigma[block - 1] / (1 + mu);
    int64_t kept = mu > 0 ? count_above(sigma, n, block, mu, mu) : n;
    kept = kept > block ? kept : block;
    double sum = 0;
    for (int64_t i = kept; i-- > whole;)
        sum += sigma[i];
    return sum / ((double)(block - whole) + mu * (double)(kept - whole));
}

double dcl_support_prox(const double *sigma, int64_t count, int64_t block, double mu, double *shrunk, double *weights,
                        double *threshold)
{
    const int64_t n = nonzero(sigma, count);
    const double level = n > block ? find_level(sigma, n, block, mu) : n == block ? sigma[n - 1] / (1 + mu) : 0;
    double minimum = 0;
    for (int64_t i = count; i-- > 0;) {
        const double whole = sigma[i] / (1 + mu), part = fmax(sigma[i] - mu * level, 0);
        const double s = i < n ? fmin(whole, part) : 0;
        minimum += s == whole ? mu * sigma[i] * whole : s > 0 ? mu * sigma[i] * level : sigma[i] * sigma[i];
        if (weights)
            weights[i] = i >= n ? 0 : n <= block ? 1 : weight_at(sigma[i], mu, level);
        if (shrunk)
            shrunk[i] = s;
    }
    if (threshold)
        *threshold = mu * level;
    return minimum;
}
