/* krylov.h: a block Golub-Kahan factorization of a matrix that grows on the device.
 *
 *     Y V = U B,    Y' U = V B' + W R
 *
 * The columns of [V W] and of U are orthonormal, B and R are small and lie on the host. W is the block by which V
 * grows next. V belongs to the shorter side of Y and U to the longer one: for a wide Y, read Y' for Y. The
 * singular values of B are approximations from below of those of Y, and for a singular triplet (p, s, q) of B
 * the vectors U p and V q have Y V q = s U p exactly and Y' U p - s V q = W R p: that is the error.
 *
 * Products run on the device, through host->gemm_view; what is small is done in double precision on the host.
 * All entries are in units of `scale`, a power of two near the largest entry of Y, so that no square overflows.
 * Sources: Golub, Luk, Overton (1981) for blocks; Baglama, Reichel (2005) for the restart.
 * All functions are [queue-thread] and note what went wrong with host->fail.
 */
#ifndef DROPCL_OPS_KRYLOV_H
#define DROPCL_OPS_KRYLOV_H

#include "dense.h"

enum { DCL__SHORT = 0, DCL__LONG = 1 };

typedef struct dcl__krylov {
    const dcl_host *host;
    dcl_call *call;
    const dcl_tensor *y;
    int wide;                    /* y has more columns than rows                                     */
    int64_t block, capacity;     /* columns of W at most, of [V W] and of U at most                  */
    int64_t length[2];           /* rows of V and of U                                               */
    int64_t count[2];            /* columns of V and of U                                            */
    int64_t pending;             /* columns of W                                                     */
    int64_t coupled;             /* columns of R before this one are 0                               */
    int64_t products;            /* columns that Y or Y' was multiplied with                         */
    uint32_t draws;              /* random blocks drawn                                              */
    double scale, norm, epsilon; /* norm: a lower bound of the largest singular value, in the end it */
    double *b, *r;               /* capacity entries a row: count[1] x count[0], pending x count[1]  */
    double *exchange, *rotation; /* host copies of two scratch tensors                               */
} dcl__krylov;

/* For infer: asks for the device memory, 2 (m + n) block + (m + n) capacity + capacity^2 elements at most. */
dcl_status dcl__krylov_reserve(const dcl_host *host, dcl_call *call, const dcl_tensor *y, int64_t block,
                               int64_t capacity);

/* An empty factorization of y. Refuses NaN and infinity. scale is 0 when y is 0: then nothing can grow. To be
 * closed also after a failure. */
dcl_status dcl__krylov_open(const dcl_host *host, dcl_call *call, const dcl_tensor *y, int64_t block, int64_t capacity,
                            dcl__krylov *k);
void dcl__krylov_close(dcl__krylov *k);

/* W becomes a random block, orthogonal to V: the same one in every run. What was W before is forgotten. */
dcl_status dcl__krylov_draw(dcl__krylov *k);

/* V grows by W; [V W] must have room for another block. pending is 0 in the end when Y' U lies in V, but for
 * rounding. */
dcl_status dcl__krylov_grow(dcl__krylov *k);

/* Keeps only the first `keep` triplets of B: V becomes V [q_1 q_2 ...], U alike, B diagonal, W stays. */
dcl_status dcl__krylov_restart(dcl__krylov *k, const dcl__svd *triplets, int64_t keep);

/* Factors of y, with their signs fixed as dcl__svd_orient does: column t of `left` and `right` is the t-th vector
 * times weight[t], further columns are 0. */
dcl_status dcl__krylov_store(dcl__krylov *k, const dcl__svd *triplets, const double *weight, int64_t keep,
                             const dcl_tensor *left, const dcl_tensor *right);

#endif
