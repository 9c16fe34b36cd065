/* whiten.h: turns the problem Y ~ U V'X into the same problem without X, and its V back into the one for X.
 *
 * With X' = Q A for orthonormal Q, the rows of Xw = Q' are an orthonormal basis of the rows of X, and
 *     ||Y - U V'X||^2 = ||Yw - U Vw'||^2 + constant,  Yw = Y Xw',  V'X = Vw'Xw,  ||X'v|| = ||vw||,
 * so that dropout, DropBlock and correlated masks on units and DropConnect on U cost the same for both
 * (docs/theory.md, data). Q comes from QR factorizations in double precision, never from X X'.
 *
 * Masks on entries of V, whose penalty has v'diag(XX')v, do not allow rows of X to be mixed, only to be scaled: they
 * are trained with rows of length 1. Then v'v >= share ||X'v||^2, which bounds the objective from below.
 */
#ifndef DCL__WHITEN_H
#define DCL__WHITEN_H

#include "dropcl/dropcl.h"

/* Without inputs and moment: `y` is the caller's data, everything else as if X were the identity. */
typedef struct dcl__whitening {
    int64_t features, rank;      /* rows of X, and how many of them are independent                  */
    int64_t columns;             /* rows of Vw: rank, or features for masks on entries of V          */
    double *back;                /* features x columns, V = back Vw; NULL without X: V is Vw         */
    dcl_matrix y;                /* Yw, rows x rank, of the data's dtype                             */
    dcl_matrix x;                /* what stands beside the original Y, columns x samples, where samples have draws of
                                    their own, or entries of V; else data is NULL: Yw stands alone   */
    double share;                /* 1, or for masks on entries of V as above                         */
    double constant;             /* ||Y||^2 - ||Yw||^2, without cancellation where X is given        */
    double condition;            /* of X: its largest singular value over the least that counts      */
    void *rooms[2];              /* what y and x own                                                 */
} dcl__whitening;

/* Whitens what the options say: inputs, moment or nothing. Singular values of X below rounding count as 0, of a
 * moment those below 1e-12 of the largest. DCL_EINVAL for shapes that do not fit, X without anything but zeros, a
 * moment that is none, and options that ask for what X does not allow. Free what was made. [any-thread] */
dcl_status dcl__whiten(const dcl_matrix *data, const dcl_factorize_options *options, dcl__whitening *whitening,
                       dcl_error *error);

/* V = back Vw, where there is a back: `trained` is columns x width, `v` features x width, both row-major; they may not
 * overlap. */
void dcl__whiten_back(const dcl__whitening *whitening, const double *trained, int64_t width, double *v);

void dcl__whitening_free(dcl__whitening *whitening);

#endif
