/* state.h: a factorization under way: what running it and judging it share. */
#ifndef DCL__FACTORIZATION_STATE_H
#define DCL__FACTORIZATION_STATE_H

#include <stddef.h>

#include "recipes/factorization/data_spectrum.h"
#include "recipes/factorization/factorization.h"
#include "recipes/factorization/whiten.h"

struct dcl_factorization {
    const dcl_registry *registry;
    dcl_device *device;
    dcl_matrix data, inputs;
    dcl_factorize_options options;
    dcl__whitening white;
    dcl__task task;
    dcl_graph *graph;
    dcl_session *session;
    dcl_optimum optimum;
    dcl__data_spectrum spectrum;
    double *shrunk;              /* singular values of the best product                              */
    double *product_values, *products, *u, *v;
    double *trained_v;           /* of the whitened problem; v itself without X                      */
    dcl_progress *history;
    size_t history_count, history_capacity;
    double first_step;           /* seconds from the start to the end of the first step              */
    int stopped, stagnated;
    int64_t width;               /* of u and v as they are handed out, and                           */
    dcl_noise noise;             /* what noise their units have                                      */
};

/* How far an objective is above what none goes below, relative to itself. */
double dcl__factorization_gap(const dcl_factorization *f, double objective);

#endif
