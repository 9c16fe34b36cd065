/* factorization.h: what the solvers of dropout factorization share.
 *
 * Every solver is a graph with the input "Y", the parameters "U" and "V" that hold the answer, and a result
 * "objective" of that answer; one session step is one step of the solver. So all of them run, are saved,
 * resumed and drawn alike.
 */
#ifndef DCL__FACTORIZATION_H
#define DCL__FACTORIZATION_H

#include "recipes/common/build.h"
#include "recipes/common/streams.h"

/* What a solver needs to know to build its graph. */
typedef struct dcl__task {
    int64_t rows, columns, width;
    uint32_t dtype;
    double lambda, retain, norm; /* lambda: of the noise; retain: 1 / (1 + lambda); norm: ||Y||_F     */
    double unit_u, unit_v;       /* natural size of an entry: sqrt(norm / (m r)), sqrt(norm / (n r)) */
    int optimizer;
    double rate;                 /* 0: the solver's default                                          */
    int64_t steps, batch;        /* steps: resolved; batch 0: all columns                            */
    int as_trained;              /* 1: the last step of `stochastic` does not balance the units      */
    dcl_noise noise;
} dcl__task;

/* Adds parameters "U" and "V" and everything that moves them. Failures stay in the graph. `x` is the data,
 * features x samples, or 0: then Y is all there is. */
void dcl__build_closed_form(dcl_graph *graph, const dcl__task *task, dcl_value y);
void dcl__build_explicit(dcl_graph *graph, const dcl__task *task, dcl_value y);
void dcl__build_descent(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value x);
void dcl__build_stochastic(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value x);

/* Whether the last step of `stochastic` balances the units: where the penalty of a product is least then. */
int dcl__balances_last(const dcl__task *task, int has_x);

/* One optimizer update of a parameter: adds the optimizer's state and assigns the new parameter, which is
 * returned. `unit` is the parameter's natural size. */
typedef struct dcl__schedule_setting {
    const char *word;            /* "inverse", "cosine", ...                                         */
    int64_t horizon;
    double rate;                 /* relative to the natural size                                     */
} dcl__schedule_setting;
dcl_value dcl__optimize(dcl_graph *graph, const dcl__task *task, dcl_value parameter, dcl_value gradient,
                        double unit, dcl__schedule_setting schedule);

/* For training under noise: rates that fall like 1 / step, and the running mean of a parameter from 30 % of the steps
 * on. */
dcl__schedule_setting dcl__averaging_schedule(const dcl__task *task);
dcl_value dcl__average_iterates(dcl_graph *graph, const dcl__task *task, dcl_value mean, dcl_value iterate);

/* Mean and standard deviation of the result "loss" under `draws` masks that no step draws. */
dcl_status dcl__average_losses(dcl_session *session, int64_t draws, double *mean, double *deviation, dcl_error *error);

#endif
