/* scaling.h: how time and memory of a training step grow with each dimension. */
#ifndef DCL__SCALING_H
#define DCL__SCALING_H

#include "benchmark/benchmark.h"

enum { DCL__SCALING_POINTS = DCL__MOST_SIDES };

/* One dimension: the sizes, and what was measured at each. */
typedef struct dcl__scaling {
    const char *dimension;       /* "m", "n" or "r"                                                  */
    char base[64];               /* the smallest problem                                             */
    double factor[DCL__SCALING_POINTS];      /* how many times the base's dimension                  */
    double seconds[DCL__SCALING_POINTS], bytes[DCL__SCALING_POINTS];     /* median; peak             */
    dcl__spread growth;          /* time of the largest / time of the base                           */
    double time_exponent, memory_exponent;   /* of the fitted power laws                             */
    int repeats;
} dcl__scaling;

/* Grows dimension 0, 1 or 2 (m, n, width) of the base up to ten times. */
dcl_status dcl__bench_scaling(const dcl__bench *bench, const dcl__step_size *base, int dimension,
                              dcl__scaling *scaling, dcl_error *error);

#endif
