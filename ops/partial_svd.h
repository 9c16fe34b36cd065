/* partial_svd.h: the singular triplets of a matrix above a threshold, and no more.
 *
 * A block Golub-Kahan factorization (krylov.h) grows and restarts until all values above the threshold that it
 * shows have converged; then it takes up a fresh random block and goes on for some steps, to see whether there
 * are more (values that are equal more often than a block has columns hide from it at first).
 *
 * What is certain, but for rounding: the triplets are exact for a matrix at most `error` away from y in the
 * Frobenius norm. So every value computed is within `error` of a singular value of y, each of its own, and never
 * above it; and y with its values reduced is within `error` of what was computed, since that is a proximal map
 * (for the values that there are, and while the width does not cut them off). `error` holds the norm of the
 * residuals and an estimate of rounding.
 * What is probable: that no value above the threshold is missing. Of a random block of b columns with entries
 * uniform in [-1, 1], all have a share below t in a given singular vector with a probability of (sqrt(2) t)^b at
 * most (Ball 1986). A fresh block grows by VERIFY blocks; by a Chebyshev polynomial of degree VERIFY - 1 they show a
 * value above twice tau with a probability of 1 - 1e-6, when the shorter side has 10000 entries and b is 32. That is
 * for what hides from the first block altogether; what shows there is followed until it has converged.
 */
#ifndef DROPCL_OPS_PARTIAL_SVD_H
#define DROPCL_OPS_PARTIAL_SVD_H

#include "krylov.h"

/* Which singular values are wanted: those above tau, `width` of them at most. */
typedef struct dcl__threshold {
    double tau, lambda;          /* tau -1: the optimal one for lambda and width                     */
    int64_t width;               /* at least 1                                                       */
} dcl__threshold;

/* The threshold, given the largest singular values: all that are above it. */
double dcl__threshold_at(const dcl__threshold *threshold, const double *values, int64_t count);

/* Columns of a block and of the bases for a matrix of these sizes; 0 when the whole decomposition by LAPACK is
 * quicker whatever the values are. */
int dcl__partial_plan(int64_t rows, int64_t columns, int64_t width, int64_t *block, int64_t *capacity);

/* The triplets are those of k, and k->scale is the unit of the values. */
typedef struct dcl__partial_svd {
    dcl__krylov k;
    dcl__svd triplets;
    int64_t count;               /* triplets above the threshold: the first ones                     */
    double tau, error;           /* in units of y                                                    */
} dcl__partial_svd;

/* Computes them. *found is 0 when there are too many: then the whole decomposition is quicker. To be freed also
 * after a failure. */
dcl_status dcl__partial_svd_run(const dcl_host *host, dcl_call *call, const dcl_tensor *y,
                                const dcl__threshold *threshold, int *found, dcl__partial_svd *svd);
void dcl__partial_svd_free(dcl__partial_svd *svd);

#endif
