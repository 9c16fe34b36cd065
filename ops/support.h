/* support.h: the weights of DropBlock's norm: min sum s_i^2 / w_i over 0 <= w <= 1, sum w <= block, and its proximal
 * map. The same as the library's dcl_support_norm and dcl_support_prox (dropcl.h), which plugins cannot call; a unit
 * test holds them together. All numbers fall and are at least 0. [any-thread] */
#ifndef DROPCL_OPS_SUPPORT_H
#define DROPCL_OPS_SUPPORT_H

#include <math.h>
#include <stdint.h>

/* T of the weights w_i = min(1, s_i / T) for n > block values above 0; *whole of them are 1. With
 * T_q = (s_q + ... + s_n) / (block - q + 1), it is T_q of the first q that has T_q >= s_q. */
static inline double dcl__support_level(const double *s, int64_t n, int64_t block, int64_t *whole)
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

/* How many values v have sum_i clip(sigma_i divisor / v - mu, 0, 1) <= block: the sum grows as v falls. */
static inline int64_t dcl__support_above(const double *sigma, int64_t n, int64_t block, double mu, double divisor)
{
    int64_t low = 0, high = n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const double level = sigma[middle] / divisor;
        double sum = 0;
        for (int64_t i = n; i-- > 0;)
            sum += fmin(fmax((sigma[i] - mu * level) / level, 0), 1);
        if (sum <= (double)block)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The threshold mu T of min ||sigma - s||^2 + mu ||s||^2, for n values above 0: s_i is
 * min(sigma_i / (1 + mu), max(sigma_i - mu T, 0)), and with T the weights clip(sigma_i / T - mu, 0, 1) sum to block. */
static inline double dcl__support_threshold(const double *sigma, int64_t n, int64_t block, double mu)
{
    if (n < block)
        return 0;
    const int64_t whole = n > block ? dcl__support_above(sigma, n, block, mu, 1 + mu) : n;
    if (whole >= block)
        return mu * (sigma[block - 1] / (1 + mu));
    int64_t kept = mu > 0 ? dcl__support_above(sigma, n, block, mu, mu) : n;
    kept = kept > block ? kept : block;
    double sum = 0;
    for (int64_t i = kept; i-- > whole;)
        sum += sigma[i];
    return mu * (sum / ((double)(block - whole) + mu * (double)(kept - whole)));
}

#endif
