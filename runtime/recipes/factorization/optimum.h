/* optimum.h: how far bounds are off that come from approximate vectors, and what factors prove of them. */
#ifndef DCL__OPTIMUM_H
#define DCL__OPTIMUM_H

#include "dropcl/dropcl.h"

/* How far value i may be below the true one when only values[0..last] are known, with residual R:
 * 2 R^2 / (g + sqrt(g^2 + 4 R^2)) with g = values[i] - values[last] (Li and Li 2005). R is above 0. [any-thread] */
double dcl__value_growth(const double *values, int64_t i, int64_t last, double residual);

/* Factors that come down to the convex value show that it is attained: an open question is settled if the objective is
 * within 1e-8 of the value that no factors are below, and what rounding may change of sums as large as `energy`,
 * ||Y||^2. */
void dcl__prove_attained(double objective, double energy, dcl_optimum *optimum);

#endif
