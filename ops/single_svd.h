/* single_svd.h: the whole singular value decomposition of a large f32 matrix, in single precision on the host.
 *
 * Half the time and memory of dense.h, whose precision f32 data of that size does not have: errors are some
 * units of rounding of the largest value, like those of the data themselves.
 */
#ifndef DROPCL_OPS_SINGLE_SVD_H
#define DROPCL_OPS_SINGLE_SVD_H

#include "dense.h"

/* As dcl__svd, but the left vectors are the columns of a rows x count matrix; the right ones lie one by one. */
typedef struct dcl__single_svd {
    int64_t rows, columns, count;
    float *left, *right;
    double *values;
} dcl__single_svd;

/* Whether a matrix is of that kind. */
int dcl__is_large_single(const dcl_tensor *y);

/* By LAPACK's sgesdd. Refuses NaN and infinity. On success free with dcl__single_svd_free. [queue-thread] */
dcl_status dcl__single_svd_run(const dcl_host *host, dcl_call *call, const dcl_tensor *y, dcl__single_svd *svd);
void dcl__single_svd_free(dcl__single_svd *svd);

/* Stores vectors times weight as factors, signs fixed as by dcl__svd_orient. The vectors change. [queue-thread] */
dcl_status dcl__single_svd_store(const dcl_host *host, dcl_call *call, dcl__single_svd *svd, const double *weight,
                                 const dcl_tensor *left, const dcl_tensor *right);

#endif
