/* certificate.h: a lower bound of the least objective from any factors, and what there is to do next.
 *
 * dcl_certify (dropcl.h) is this without atoms.
 */
#ifndef DCL__CERTIFICATE_H
#define DCL__CERTIFICATE_H

#include "recipes/penalty.h"

/* Refuses what makes no problem: sizes, entries out of order or range, values that the loss does not allow, a
 * negative lambda. */
dcl_status dcl__problem_check(const dcl_problem *problem, dcl_error *error);

/* The certificate of factors; atoms (NULL: none wanted) receives what lowers the objective when added, their `above`
 * set to lambda. `slack` is how far the polar may be overestimated, relative. The slope is handed out when `slope` is
 * not NULL, to be freed by the caller also after a failure. */
dcl_status dcl__certify(const dcl_problem *problem, const double *u, const double *v, int64_t width, double slack,
                        uint64_t seed, dcl_certificate *certificate, dcl__atoms *atoms, dcl__slope *slope,
                        dcl_error *error);

#endif
