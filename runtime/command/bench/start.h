/* start.h: how long `dropcl factorize` takes to its first step, with and without cached kernels. */
#ifndef DCL__BENCH_START_H
#define DCL__BENCH_START_H

#include "benchmark/benchmark.h"

/* Runs this program itself in a temporary folder, with caches of its own there; fills two records: with an empty
 * cache and with a warm one. */
dcl_status dcl__bench_start(const dcl__bench *bench, dcl__record records[2], dcl_error *error);

#endif
