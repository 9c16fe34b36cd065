/* sum.h: long sums of f64 numbers that lose nothing: the error of each addition is kept and added in the end. */
#ifndef DCL__SUM_H
#define DCL__SUM_H

#include <math.h>

typedef struct dcl__sum {
    double high, low;
} dcl__sum;

/* Neumaier 1974 (Higham 2002, section 4.3): the result is right to 2 units of rounding, and one of second order times
 * the sum of the absolute values. */
static inline void dcl__add(dcl__sum *sum, double x)
{
    const double high = sum->high + x;
    sum->low += fabs(sum->high) >= fabs(x) ? (sum->high - high) + x : (x - high) + sum->high;
    sum->high = high;
}

static inline double dcl__total(const dcl__sum *sum)
{
    return sum->high + sum->low;
}

/* gamma_n of Higham 2002, section 3.1: the relative error of n roundings one after another is at most this. */
static inline double dcl__gamma(double n)
{
    const double unit = 0x1p-53;
    return n * unit / (1 - n * unit);
}

#endif
