/* certificate.h: a lower bound of the least objective from any factors, and what there is to do next.
 *
 * dcl_certify (dropcl.h) is this without atoms.
 */
#ifndef DCL__CERTIFICATE_H
#define DCL__CERTIFICATE_H

#include "recipes/certificate/penalty.h"

/* Refuses what makes no problem: sizes, entries out of order or range, values that the loss does not allow, a
 * negative lambda. */
dcl_status dcl__problem_check(const dcl_problem *problem, dcl_error *error);

/* How a certificate is made. */
typedef struct dcl__proving {
    double tolerance;            /* the relative gap that is asked for                               */
    uint64_t seed;               /* of random starts                                                 */
    dcl__data_gram *data_gram;   /* kept from one certificate of the same data to the next, or NULL  */
    int (*stops)(void *user);    /* asked between steps; not 0: what is proven by then is enough; NULL: nothing asks */
    void *user;
} dcl__proving;

/* The certificate of factors; atoms (NULL: none wanted) receives what lowers the objective when added, their `above`
 * set to lambda. With atoms, which make other factors, the rank is not looked for, and is 0. */
dcl_status dcl__certify(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                        const dcl__proving *proving, dcl_certificate *certificate, dcl__atoms *atoms,
                        dcl_error *error);

#endif
