/* record.c: records of benchmarks: empty ones, and what a comparison puts into them. */
#include <math.h>

#include "benchmark/benchmark.h"

dcl__record dcl__record_empty(const char *name, uint32_t dtype)
{
    const dcl__spread none = {NAN, NAN, NAN};
    return (dcl__record){.name = name, .dtype = dtype, .seconds = none, .other_seconds = none, .ratio = none,
                         .flops = NAN, .bytes = NAN, .limit_fraction = NAN, .launches = NAN, .launch_seconds = NAN,
                         .compute_ratio = none, .bytes_peak = NAN, .bytes_budget = NAN, .value_error = NAN,
                         .tau_error = NAN};
}

void dcl__record_fill(dcl__record *record, const dcl__comparison *comparison)
{
    record->repeats = comparison->repeats;
    record->seconds = dcl__spread_of_side(comparison, 0);
    record->other_seconds = dcl__spread_of_side(comparison, 1);
    record->ratio = dcl__spread_of_ratio(comparison, 0, 1);
}

void dcl__record_limit(dcl__record *record, const dcl__limits *limits)
{
    if (isnan(record->flops))
        return;
    double least = dcl__limits_seconds(limits, record->flops, record->bytes, &record->limit);
    record->limit_fraction = least / record->seconds.median;
}
