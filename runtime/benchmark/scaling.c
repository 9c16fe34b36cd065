/* scaling.c: how time and memory of a training step grow with each dimension. */
#include "benchmark/scaling.h"

#include <inttypes.h>
#include <stdio.h>

static const double factors[DCL__SCALING_POINTS] = {1, 2, 5, 10};
static const char *const names[] = {"m", "n", "r"};

static dcl__step_size grow(const dcl__step_size *base, int dimension, double factor)
{
    dcl__step_size size = *base;
    int64_t *const grown[] = {&size.m, &size.n, &size.width};
    *grown[dimension] = (int64_t)(factor * (double)*grown[dimension]);
    return size;
}

dcl_status dcl__bench_scaling(const dcl__bench *bench, const dcl__step_size *base, int dimension,
                              dcl__scaling *scaling, dcl_error *error)
{
    dcl__comparison times = {.repeats = bench->repeats};
    dcl__step_size sizes[DCL__SCALING_POINTS];
    char what[32];
    *scaling = (dcl__scaling){.dimension = names[dimension]};
    snprintf(scaling->base, sizeof scaling->base, "%" PRId64 "x%" PRId64 "x%" PRId64, base->m, base->n, base->width);
    snprintf(what, sizeof what, "scaling of %s", names[dimension]);
    for (int i = 0; i < DCL__SCALING_POINTS; i++) {
        scaling->factor[i] = factors[i];
        sizes[i] = grow(base, dimension, factors[i]);
    }
    dcl_status status = dcl__bench_steps(bench, what, sizes, DCL__SCALING_POINTS, &times, scaling->bytes, error);
    for (int i = 0; i < DCL__SCALING_POINTS; i++)
        scaling->seconds[i] = dcl__spread_of_side(&times, i).median;
    scaling->repeats = times.repeats;
    scaling->growth = dcl__spread_of_ratio(&times, DCL__SCALING_POINTS - 1, 0);
    scaling->time_exponent = dcl__exponent(scaling->factor, scaling->seconds, DCL__SCALING_POINTS);
    scaling->memory_exponent = dcl__exponent(scaling->factor, scaling->bytes, DCL__SCALING_POINTS);
    return status;
}
