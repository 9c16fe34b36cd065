/* spectrum.h: dense matrices of known singular values. */
#ifndef DCL__SPECTRUM_H
#define DCL__SPECTRUM_H

#include "core/error.h"

/* A spectrum of `count` values from 1 down: the first `surviving` fall to 0.4 like a signal, the others from 0.3
 * to 0 like noise; when all survive they fall to 0.5. Fills values and returns the lambda for which the closed
 * form of that many units has its threshold half way between the last that survives and the next. */
double dcl__spectrum_fill(double *values, int64_t count, int64_t surviving);

/* The m x n matrix Q diag(values) P' of min(m, n) values, f64, row-major, with Q and P products of random plane
 * rotations, enough of them to fill every entry. Free with free(); NULL and a message when memory is out. */
double *dcl__spectrum_matrix(int64_t m, int64_t n, const double *values, dcl_error *error);

#endif
