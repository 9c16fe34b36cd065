/* noise.h: what `dropcl factorize` lets its user say about noise, and whether it makes sense. */
#ifndef DCL__FACTORIZE_NOISE_H
#define DCL__FACTORIZE_NOISE_H

#include "dropcl/dropcl.h"
#include "formats/array.h"

/* The options as they were typed: numbers that nobody gave are NAN or 0, words count from 1. */
typedef struct dcl__noise_request {
    int kind;                    /* 1 dropout, 2 none, then as DCL_NOISE_...                         */
    int side, mask;              /* as DCL_SIDE_...; 1 step, 2 sample                                */
    int variable_rate;
    int64_t block;
    double retain, lambda, retain_right;
    const char *factor;          /* the file with A                                                  */
} dcl__noise_request;

/* Complains about what contradicts itself; DCL__GO_ON or an exit status. `rank` 0: not given. */
int dcl__check_noise(const dcl__noise_request *request, int solver, int64_t rank);

/* Copies the request into the options, whose width is the default if `rank` is 0 and then fitted to the noise.
 * Reads A into `factor`, to be freed also after a failure. */
dcl_status dcl__apply_noise(const dcl__noise_request *request, int64_t rank, dcl_factorize_options *options,
                            dcl__array *factor, dcl_error *error);

/* "dropconnect", ... */
const char *dcl__noise_name(int kind);

#endif
