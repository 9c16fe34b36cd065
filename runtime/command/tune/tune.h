/* tune.h: the search of `dropcl tune` on one device, and what it prints. */
#ifndef DCL__TUNE_H
#define DCL__TUNE_H

#include "core/gemm_bench.h"
#include "formats/tuning.h"

/* One file of CLBlast's tuners that was given, and what became of it. */
typedef struct dcl__import {
    const char *file;
    dcl__clblast_results results;
    int tried, kept;
    double ratio;                /* its speed over that of the best parameters so far; 0: hopeless   */
} dcl__import;

/* A search over one dtype. */
typedef struct dcl__search {
    dcl_device *device;
    uint32_t dtype;
    int with_clblast;            /* also on CPU devices                                              */
    dcl__import *imports;
    int import_count;
    double deadline;             /* by dcl__now()                                                    */
    int progress;                /* whether the progress line is shown                               */
    dcl__tuning_results *results;        /* in: what an earlier search found; out: with this one's    */
    dcl_status (*save)(void *user, dcl_error *error);    /* called after every step                  */
    void *user;
} dcl__search;

/* Measures every variant, then tries parameters until the deadline, an interrupt, or the end of the search. */
dcl_status dcl__tune_search(const dcl__search *search, dcl_error *error);

/* The table of one dtype. */
void dcl__tune_print(const dcl_device *device, uint32_t dtype, const dcl__tuning_results *results);
void dcl__tune_print_imports(const dcl__import *imports, int count);

#endif
