/* ascent.h: good pairs for a polar that has no formula: each side in turn answers the other as well as it can.
 *
 * u'Zv rises with every answer and comes to rest at a local maximum: a value that is reached, never a bound. */
#ifndef DCL__ASCENT_H
#define DCL__ASCENT_H

#include "recipes/certificate/polar.h"

/* x becomes a maximiser of <x given, x> over the unit ball of a norm; returns that maximum. Where it is 0, x is 0. */
typedef double (*dcl__answer)(const dcl_problem *problem, double *x, int64_t length);

/* From `count` starts v (columns x count, row-major; overwritten; 0: nothing is reached): the largest u'Zv goes into
 * polar->reached, and pairs that differ from each other into atoms, where some are wanted. `answers` of u and of v. */
dcl_status dcl__ascend(const dcl__slope *slope, const dcl__answer answers[2], double *v, int64_t count,
                       dcl__polar *polar, dcl__atoms *atoms, dcl_error *error);

/* The answer in the Euclidean norm: the unit vector in the direction of x. */
double dcl__answer_l2(const dcl_problem *problem, double *x, int64_t length);

#endif
