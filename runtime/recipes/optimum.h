/* optimum.h: how far singular values may be off that were computed from approximate vectors. */
#ifndef DCL__OPTIMUM_H
#define DCL__OPTIMUM_H

#include "dropcl/dropcl.h"

/* How far value i may be below the true one when only values[0..last] are known, with residual R:
 * 2 R^2 / (g + sqrt(g^2 + 4 R^2)) with g = values[i] - values[last] (Li and Li 2005). R is above 0. [any-thread] */
double dcl__value_growth(const double *values, int64_t i, int64_t last, double residual);

#endif
