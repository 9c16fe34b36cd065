/* frame.h: the rotations and projections that make units, or blocks of units, weigh the same.
 *
 * Both start from values s_1 >= s_2 >= ... of a product U V' = Q S P'. Units: a chain of plane rotations R gives all
 * diagonal entries of R' S R their mean. Blocks: B = [B_1 ... B_k] with B B' = S makes U = Q B, V = P B factors of
 * the product, and B is sought so that all ||B_i B_i'||_F are the same and their squares sum to the least there is.
 * With B_i = D F_i / sqrt(k), F_i having orthonormal columns, that means projections F_i F_i' with a given mean.
 * All in double precision on the host. */
#ifndef DROPCL_OPS_FRAME_H
#define DROPCL_OPS_FRAME_H

#include "dense.h"

/* Rotation k takes columns i = plane[2k] and j = plane[2k + 1] to c i - t j and t i + c j with c = turn[2k],
 * t = turn[2k + 1]. */
typedef struct dcl__chain {
    int64_t count;
    int64_t *plane;
    double *turn;
} dcl__chain;

/* Room for the rotations of `width` columns; to be freed. [any-thread] */
dcl_status dcl__chain_new(const dcl_host *host, dcl_call *call, int64_t width, dcl__chain *plan);
void dcl__chain_free(dcl__chain *plan);

/* Plans the rotations that give all entries of the diagonal, falling and overwritten, their mean. [any-thread] */
void dcl__chain_plan(double *diagonal, int64_t width, dcl__chain *plan);

/* Columns i and j of a row-major matrix become c i - t j and t i + c j. [any-thread] */
void dcl__turn_columns(double *matrix, int64_t rows, int64_t columns, int64_t i, int64_t j, double c, double t);

/* Finds B, count x (blocks * block), row-major, zero before, for `count` values above 0. B B' = S holds to rounding
 * always. The blocks weigh the same where there are one or two of them, or projections with the mean that the norm of
 * DropBlock asks for exist and are found; else nearly. The same numbers give the same B. [any-thread] */
dcl_status dcl__blocks_find(const dcl_host *host, dcl_call *call, const double *s, int64_t count, int64_t block,
                            int64_t blocks, double *b);

#endif
