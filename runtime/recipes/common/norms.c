/* norms.c: norms of factors that several penalties share, and the maps that shrink by them. */
#include "recipes/common/norms.h"

#include <cblas.h>
#include <math.h>

#include "recipes/common/sum.h"

double dcl__norm_l1(const double *x, int64_t length, int64_t stride)
{
    dcl__sum sum = {0};
    for (int64_t i = 0; i < length; i++)
        dcl__add(&sum, fabs(x[i * stride]));
    return dcl__total(&sum);
}

double dcl__norm_l2(const double *x, int64_t length, int64_t stride)
{
    return cblas_dnrm2((int)length, x, (int)stride);
}

double dcl__norm_nonnegative(const double *x, int64_t length, int64_t stride)
{
    for (int64_t i = 0; i < length; i++)
        if (x[i * stride] < 0)
            return INFINITY;
    return dcl__norm_l2(x, length, stride);
}

void dcl__shrink_l1(double weight, double *x, int64_t length, int64_t stride)
{
    for (int64_t i = 0; i < length; i++)
        x[i * stride] = copysign(fmax(fabs(x[i * stride]) - weight, 0), x[i * stride]);
}

void dcl__shrink_l2(double weight, double *x, int64_t length, int64_t stride)
{
    const double norm = dcl__norm_l2(x, length, stride), scale = norm > weight ? 1 - weight / norm : 0;
    for (int64_t i = 0; i < length; i++)
        x[i * stride] *= scale;
}

/* The positive part first: the norm is Euclidean on the numbers that are left. */
void dcl__shrink_nonnegative(double weight, double *x, int64_t length, int64_t stride)
{
    for (int64_t i = 0; i < length; i++)
        x[i * stride] = fmax(x[i * stride], 0);
    dcl__shrink_l2(weight, x, length, stride);
}
