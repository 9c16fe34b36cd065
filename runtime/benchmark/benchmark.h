/* benchmark.h: how fast a device computes, beside what one would use instead and beside its own limits.
 *
 * Every function compares by turns (compare.h) and fills one record. What a record does not have is NAN or
 * empty. When the watch ends a comparison early, the record has as many repeats as there were.
 */
#ifndef DCL__BENCHMARK_H
#define DCL__BENCHMARK_H

#include "benchmark/compare.h"
#include "benchmark/limits.h"

typedef struct dcl__record {
    const char *name;            /* "gemm", "step", "noise", "entries", "threshold", "start"         */
    char shape[64];              /* "2304x2304x96"                                                   */
    char detail[48];             /* "nt", "retain 0.5", "5 % survive"                                */
    uint32_t dtype;
    int repeats;
    dcl__spread seconds;         /* one call                                                         */
    char other[80];              /* what one would use instead: "OpenBLAS, 2 threads"                */
    dcl__spread other_seconds, ratio;    /* ratio below 1: faster than the other                     */
    double flops, bytes;         /* that one call needs at least                                     */
    double limit_fraction;       /* least possible time by the limits / seconds                      */
    const char *limit;           /* "arithmetic" or "bandwidth", whichever binds; NULL: none         */
    double launches;             /* kernels of one call                                              */
    double launch_seconds;       /* of as many empty kernels, enqueued and waited for                */
    dcl__spread compute_ratio;   /* the same without launching: of calls in a full queue, less that of empty
                                    kernels in a full queue                                          */
    double bytes_peak, bytes_budget;     /* device memory at most; Y + 4 (U + V)                     */
    double value_error, tau_error;       /* relative, of a threshold; value_error also of entries    */
} dcl__record;

/* What all benchmarks share. */
typedef struct dcl__bench {
    const dcl_registry *registry;
    const char *selector;        /* of the device, for those that open one of their own              */
    dcl_device *device;
    uint32_t dtype;
    int repeats, threads;        /* threads of OpenBLAS                                              */
    const dcl__limits *limits;
    dcl__watch watch;
} dcl__bench;

/* One product, C (m x n) = op(A) op(B) with inner dimension k, beside OpenBLAS; both results must agree. */
typedef struct dcl__gemm_size {
    int64_t m, n, k;
    uint32_t transpose;          /* DCL_TRANSPOSE_...                                                */
} dcl__gemm_size;
dcl_status dcl__bench_gemm(const dcl__bench *bench, const dcl__gemm_size *size, dcl__record *record,
                           dcl_error *error);

/* One step of the solver `stochastic` on a matrix m x n with `width` units, beside three products by OpenBLAS, a
 * pass for the loss and an update. */
typedef struct dcl__step_size {
    int64_t m, n, width;
    double retain;
    int noise;                   /* DCL_NOISE_..., of which DropConnect is that on U                 */
    int64_t block;               /* units that share a draw; 0: one                                  */
} dcl__step_size;
dcl_status dcl__bench_step(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record,
                           dcl_error *error);
/* A step with another noise beside the one with dropout that keeps as much. */
dcl_status dcl__bench_noise(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record,
                            dcl_error *error);
/* Steps of several problems by turns, at most DCL__MOST_SIDES, without the other: times, and the peak of device
 * memory of each. */
dcl_status dcl__bench_steps(const dcl__bench *bench, const char *what, const dcl__step_size *sizes, int count,
                            dcl__comparison *times, double *bytes_peak, dcl_error *error);

/* Loss and both gradients by factors with `width` columns at `count` entries of an m x n matrix, at most m n, beside
 * plain loops in C on as many threads. */
typedef struct dcl__entries_size {
    int64_t m, n, width, count;
} dcl__entries_size;
dcl_status dcl__bench_entries(const dcl__bench *bench, const dcl__entries_size *size, dcl__record *record,
                              dcl_error *error);

/* The closed form of an m x n matrix of known singular values, of which the fraction `surviving` is above the
 * threshold, beside LAPACK's gesdd. */
typedef struct dcl__threshold_size {
    int64_t m, n;
    double surviving;
} dcl__threshold_size;
dcl_status dcl__bench_threshold(const dcl__bench *bench, const dcl__threshold_size *size, dcl__record *record,
                                dcl_error *error);

/* An empty record, for those who measure something themselves. */
dcl__record dcl__record_empty(const char *name, uint32_t dtype);
/* Fills times and ratio from a comparison: side 0, and 1, the other. */
void dcl__record_fill(dcl__record *record, const dcl__comparison *comparison);
/* Fills the share of the limit, where the record says what a call needs at least. */
void dcl__record_limit(dcl__record *record, const dcl__limits *limits);

#endif
