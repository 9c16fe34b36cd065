/* dense.h: dense factorizations in double precision on the host, for the op plugins built on LAPACK.
 *
 * Matrices are row-major unless said otherwise. Every function that can fail notes a sentence with
 * host->fail and returns its code. Arrays come from malloc and belong to the caller. What reads or writes
 * device memory is [queue-thread], for ops with DCL_OP_WAITS; all else is [any-thread].
 */
#ifndef DROPCL_OPS_DENSE_H
#define DROPCL_OPS_DENSE_H

#include "common.h"

/* ---- Arrays ------------------------------------------------------------------------------------ */

/* Room for rows x columns numbers, all zero. NULL when there is no memory, which has then been noted: the
 * caller returns DCL_ENOMEM. */
double *dcl__numbers(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns);

/* A new copy of a tensor's elements: from tensor->data in reference(), from the device in run(). Refuses NaN
 * and infinity with DCL_ENUMERIC, and dimensions beyond what LAPACK can count. */
dcl_status dcl__load(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor, double **numbers);

/* The elements of a tensor on the device or in reference(), as doubles; unlike dcl__load without judging them. */
dcl_status dcl__fetch(const dcl_host *host, dcl_call *call, const dcl_tensor *tensor, double *numbers);

/* The way back, rounded to the tensor's dtype. */
dcl_status dcl__store(const dcl_host *host, dcl_call *call, const double *numbers, const dcl_tensor *tensor);

/* Sets to[j * rows + i] = from[i * columns + j]. */
void dcl__transpose(int64_t rows, int64_t columns, const double *from, double *to);

/* DCL_OK for info == 0; else notes that the named LAPACK routine failed. */
dcl_status dcl__lapack_status(const dcl_host *host, dcl_call *call, const char *routine, int64_t info);

/* ---- Singular value decompositions ------------------------------------------------------------- */

/* Beyond this the size of LAPACK's workspace does not fit into its 32-bit integers. */
enum { DCL__MOST_VALUES = 20000 };

/* matrix = sum over t < count of values[t] left_t right_t', values falling, count = min(rows, columns).
 * left_t is left[t * rows ...], right_t is right[t * columns ...]. */
typedef struct dcl__svd {
    int64_t rows, columns, count;
    double *left, *values, *right;
} dcl__svd;

/* Decomposes a matrix, which is overwritten. `vectors` 0: only the values are asked for, left and right may
 * be NULL. On success free with dcl__svd_free; on failure nothing is held. */
typedef dcl_status dcl__decompose(const dcl_host *host, dcl_call *call, int64_t rows, int64_t columns,
                                  double *matrix, int vectors, dcl__svd *svd);

/* By LAPACK's divide and conquer (dgesdd) on the matrix itself, never its Gram matrix. */
dcl__decompose dcl__svd_lapack;

/* By one-sided Jacobi rotations (Hestenes, 1958) in plain C: slow, simple, independent; for references. */
dcl__decompose dcl__svd_jacobi;

void dcl__svd_free(dcl__svd *svd);

/* Fixes the signs: the entry of largest magnitude in every left vector becomes positive, the first of them
 * where several are equal but for rounding. */
void dcl__svd_orient(dcl__svd *svd);

/* Writes vector t times weight[t] to column t of a length x width matrix; further columns become 0. */
void dcl__spread(const double *vectors, int64_t length, int64_t count, const double *weight, int64_t width,
                 double *matrix);

/* Values at or below this are rounding errors of zero. */
double dcl__svd_noise(const dcl__svd *svd);

#endif
