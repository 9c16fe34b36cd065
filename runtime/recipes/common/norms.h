/* norms.h: norms of factors that several penalties share, and the maps that shrink by them.
 *
 * x has `length` numbers, `stride` apart. Shrinking by a weight takes x to the minimiser of
 * ||x - given||^2 / 2 + weight ||x|| (Parikh, Boyd, Proximal algorithms, 2014, section 6.5).
 */
#ifndef DCL__NORMS_H
#define DCL__NORMS_H

#include <stdint.h>

double dcl__norm_l1(const double *x, int64_t length, int64_t stride);
double dcl__norm_l2(const double *x, int64_t length, int64_t stride);
/* Infinite where a number is negative. */
double dcl__norm_nonnegative(const double *x, int64_t length, int64_t stride);

void dcl__shrink_l1(double weight, double *x, int64_t length, int64_t stride);
void dcl__shrink_l2(double weight, double *x, int64_t length, int64_t stride);
void dcl__shrink_nonnegative(double weight, double *x, int64_t length, int64_t stride);

#endif
