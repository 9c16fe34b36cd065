/* build.h: short names for what recipes add to graphs again and again. */
#ifndef DCL__BUILD_H
#define DCL__BUILD_H

#include "dropcl/dropcl.h"

/* Each adds one node and returns its output; 0 passes a failure on. */
dcl_value dcl__unary(dcl_graph *graph, const char *op, dcl_value x);
dcl_value dcl__binary(dcl_graph *graph, const char *op, dcl_value x, dcl_value y);
dcl_value dcl__scaled(dcl_graph *graph, dcl_value x, double by);
/* op(a) op(b), transposed as DCL_TRANSPOSE_A and DCL_TRANSPOSE_B say. */
dcl_value dcl__matmul(dcl_graph *graph, uint32_t transpose, dcl_value a, dcl_value b);
/* A reduction ("sum_squares", "norm") over the rows of a matrix: one number a column, r or 1 x r. */
dcl_value dcl__over_rows(dcl_graph *graph, const char *op, dcl_value x, int keep);
dcl_value dcl__scalar(dcl_graph *graph, const char *name, double value);
/* A scalar parameter that starts at `value`. */
dcl_value dcl__scalar_parameter(dcl_graph *graph, const char *name, double value);
/* A rows x columns parameter of normal numbers. */
dcl_value dcl__matrix_parameter(dcl_graph *graph, const char *name, int64_t rows, int64_t columns,
                                double deviation, uint32_t stream);
/* A zero parameter of the shape of another, named "PARAMETER.SUFFIX": what an optimizer keeps. */
dcl_value dcl__state_of(dcl_graph *graph, dcl_value parameter, const char *suffix);

#endif
