/* scaling.c: how time and memory of a training step grow with each dimension. */
#include "benchmark/scaling.h"

#include <math.h>
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
    dcl_status status = DCL_OK;
    *scaling = (dcl__scaling){.dimension = names[dimension]};
    for (int i = 0; i < DCL__SCALING_POINTS && status == DCL_OK; i++) {
        dcl__record record;
        const dcl__step_size size = grow(base, dimension, factors[i]);
        status = dcl__bench_step_alone(bench, &size, &record, error);
        if (status || record.repeats < bench->repeats)
            return status;
        if (i == 0)
            snprintf(scaling->base, sizeof scaling->base, "%s", record.shape);
        scaling->factor[i] = factors[i];
        scaling->seconds[i] = record.seconds.median;
        scaling->bytes[i] = record.bytes_peak;
        scaling->points = i + 1;
    }
    scaling->time_exponent = dcl__exponent(scaling->factor, scaling->seconds, scaling->points);
    scaling->memory_exponent = dcl__exponent(scaling->factor, scaling->bytes, scaling->points);
    return status;
}
