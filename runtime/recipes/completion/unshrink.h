/* unshrink.h: gives the units of a fit under a penalty the weights that least squares would give them. */
#ifndef DCL__UNSHRINK_H
#define DCL__UNSHRINK_H

#include "dropcl/dropcl.h"

/* Rescales every pair (u_i, v_i) so that sum over entries of weight (y - sum_i s_i u_ai v_bi)^2 is least over all s, of
 * which those that come out negative then become 0; where the entries do not tell units apart, everything stays. u is
 * rows x width, v is columns x width, row-major. Takes width^2 operations an entry. */
dcl_status dcl__unshrink(const dcl_entries *entries, double *u, double *v, int64_t width, dcl_error *error);

#endif
