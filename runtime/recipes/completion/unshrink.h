/* unshrink.h: gives the units of a fit under a penalty the weights that least squares would give them. */
#ifndef DCL__UNSHRINK_H
#define DCL__UNSHRINK_H

#include "dropcl/dropcl.h"

/* Rescales every pair (u_i, v_i) so that sum over entries of weight (y - sum_i s_i u_ai v_bi)^2 is least over all s
 * that are not negative; where the entries do not tell units apart, they stay near 1. u is rows x width, v is columns x
 * width, row-major. Takes width^2 operations an entry. DCL_ENUMERIC where squares of products are no f64 numbers; then
 * everything stays. */
dcl_status dcl__unshrink(const dcl_entries *entries, double *u, double *v, int64_t width, dcl_error *error);

#endif
