/* report.h: what `dropcl bench` prints: tables that Markdown takes, or JSON. */
#ifndef DCL__BENCH_REPORT_H
#define DCL__BENCH_REPORT_H

#include "benchmark/benchmark.h"
#include "benchmark/scaling.h"

typedef struct dcl__bench_results {
    const dcl_device_info *device;
    const dcl__limits *limits;   /* NULL: not measured                                               */
    int threads;                 /* of OpenBLAS                                                      */
    const dcl__record *records;
    int record_count;
    const dcl__scaling *scalings;
    int scaling_count;
} dcl__bench_results;

/* One table for each benchmark that has records. */
void dcl__bench_print(const dcl__bench_results *results);

/* One object: device, limits, records, scaling. */
dcl_status dcl__bench_print_json(const dcl__bench_results *results, dcl_error *error);

#endif
