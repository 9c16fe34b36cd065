/* assess.h: sizes of factors that objectives, certificates and reports share; f64, row-major, on the host. */
#ifndef DCL__ASSESS_H
#define DCL__ASSESS_H

#include "core/error.h"

/* Singular values of U V', `width` of them, the largest first; U V' is never formed. */
dcl_status dcl__product_values(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width,
                               double *values, dcl_error *error);

/* How many of the values are above 1e-6 of the largest; or 1e-3, since factors that are trained under noise keep some
 * that would be 0 at the optimum. */
int64_t dcl__numerical_rank(const double *values, int64_t count);
int64_t dcl__rank_under_noise(const double *values, int64_t count);

/* ||U_b V_b'||_F of every block of neighbouring units, ||u_i|| ||v_i|| for block 1; width / block of them. */
void dcl__unit_products(int64_t rows, int64_t columns, const double *u, const double *v, int64_t width, int64_t block,
                        double *products);

#endif
