/* lanczos.h: the largest eigenvalue of a symmetric matrix without negative ones, bounded from above, and Ritz vectors.
 *
 * The start is uniform on the sphere, so that its component along the leading eigenvector is at least c in size but for
 * the probability sqrt(2 n / pi) c. Given that, two bounds hold after every number of steps k, at once:
 *
 *   the Lanczos polynomial. The next basis vector is p(A) times the start, p(x) = prod (x - theta_j) / prod beta_j, and
 *     has norm 1: p(lambda) c <= 1. Above the Ritz values theta_j p rises, so lambda is at most where p = 1 / c.
 *     (van Dorsselaer, Hochstenbach, van der Vorst 2000.)
 *   the worst case. lambda <= theta_1 cosh(asinh(1 / c) / (2 k - 1))^2, whatever the matrix, which is the theorem of
 *     Kuczynski and Wozniakowski 1992 in a sharper form: with theta_1 < lambda, p a polynomial of degree k - 1,
 *     sum b_i^2 p(lambda_i)^2 (lambda_i - theta_1) <= 0; take p(x) y = T_{2k-1}(y) for x = theta_1 (1 - y^2). The
 *     polynomial is at most 1 where x is from 0 to theta_1, and |T_{2k-1}(i s)| = sinh((2 k - 1) asinh s) at lambda =
 *     theta_1 (1 + s^2).
 *
 * The basis is kept orthonormal to rounding; half of c is set aside for what rounding does to the recurrence.
 */
#ifndef DCL__LANCZOS_H
#define DCL__LANCZOS_H

#include "core/error.h"

typedef struct dcl__operator {
    int64_t size;
    /* y = A x */
    dcl_status (*apply)(const void *user, const double *x, double *y, dcl_error *error);
    const void *user;
} dcl__operator;

typedef struct dcl__lanczos_options {
    double slack;                /* stop when the bound is at most 1 + slack times the largest Ritz value */
    double failure;              /* probability that the bound is not true                           */
    uint64_t seed;
    int64_t vectors;             /* Ritz vectors wanted, at most                                     */
    double level;                /* above 0: goes on until those of all Ritz values above it are exact but for
                                    rounding, or more than are wanted, whatever the slack            */
    int64_t steps;               /* at most; 0: as many as the size                                  */
    int (*stops)(void *user);    /* asked after every step (NULL: never); not 0: no more of them, and the bound is
                                    that of those that there are                                     */
    void *user;
} dcl__lanczos_options;

typedef struct dcl__lanczos {
    double value, upper;         /* the largest Ritz value, never above the largest eigenvalue; the bound */
    int64_t steps;
    int64_t count;               /* of Ritz vectors                                                  */
    int has_all_above;           /* 1: those are all above the level                                 */
    double *vectors;             /* size x count, row-major, orthonormal, the largest value first    */
} dcl__lanczos;

/* To be freed also after a failure. */
dcl_status dcl__lanczos_run(const dcl__operator *a, const dcl__lanczos_options *options, dcl__lanczos *found,
                            dcl_error *error);
void dcl__lanczos_free(dcl__lanczos *found);

#endif
