/* dropout.h: factors of known entries, trained under dropout.
 *
 * Dropout on units costs in expectation, over known entries (a, b) with weights w,
 *
 *     sum w (y_ab - u_a'v_b)^2 + lambda sum_i sum w u_ai^2 v_bi^2,      lambda = (1 - retain) / retain
 *
 * (Arora, Bartlett, Mianjy, Srebro 2020). No certificate is known for that penalty: which entries are known decides how
 * units are best shared out. There is a lower bound for each entry alone: squares of `width` numbers with the sum x
 * add up to x^2 / width at least, so that an entry costs mu / (1 + mu) w y^2 at least, mu = lambda / width.
 */
#ifndef DCL__COMPLETION_DROPOUT_H
#define DCL__COMPLETION_DROPOUT_H

#include "dropcl/dropcl.h"

typedef struct dcl__dropout_options {
    uint32_t dtype;
    double lambda;
    int64_t width, steps;        /* steps 0: enough for most data                                    */
    uint64_t seed;
    double started;
    int (*progress)(void *user, const dcl_growth_round *round); /* not 0 ends the run; bounds are NAN    */
    void *user;
} dcl__dropout_options;

typedef struct dcl__dropout dcl__dropout;

/* The entries must stay until the training is freed. */
dcl_status dcl__dropout_create(const dcl_registry *registry, dcl_device *device, const dcl_entries *entries,
                               const dcl__dropout_options *options, dcl__dropout **dropout, dcl_error *error);
void dcl__dropout_free(dcl__dropout *dropout);

dcl_status dcl__dropout_run(dcl__dropout *dropout, dcl_error *error);

/* The averaged factors; rows and columns without entries have zeros. A `round` of the history is a report. */
dcl_status dcl__dropout_finish(dcl__dropout *dropout, dcl_growth_result *result, dcl_error *error);

/* What training sees at its present iterates: mean and deviation of losses under unseen masks, and the objective.
 * Only tests ask for it: the two must agree. */
dcl_status dcl__dropout_expectation(dcl__dropout *dropout, int64_t draws, double *mean, double *deviation,
                                    double *objective, dcl_error *error);

#endif
