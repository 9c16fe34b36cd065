/* variable_width.h: factors with as many units as their product has rank, where the rate varies with the width. */
#ifndef DCL__VARIABLE_WIDTH_H
#define DCL__VARIABLE_WIDTH_H

#include "recipes/factorization/factorization.h"

/* Balanced factors of U V' (u: rows x width, v: columns x width), `found` units wide: the leading singular values of
 * the product, shared out evenly. With lambda_r = r lambda_1 their penalty is lambda_1 ||U V'||_*^2, the least that any
 * width allows (Cavazza et al. 2018), so units beyond the rank are not needed. `narrow_u` and `narrow_v` have room for
 * found numbers a row. */
dcl_status dcl__narrow(const dcl_registry *registry, dcl_device *device, const dcl__task *task, const double *u,
                       const double *v, int64_t found, double *narrow_u, double *narrow_v, dcl_error *error);

#endif
