/* report.h: everything that `dropcl factorize` leaves in its folder and on the screen. */
#ifndef DCL__FACTORIZE_REPORT_H
#define DCL__FACTORIZE_REPORT_H

#include "dropcl/dropcl.h"

typedef struct dcl__report_facts {
    const dcl_device *device;
    const char *folder;
    uint64_t seed;
    uint32_t dtype;
    int solver;                  /* DCL_SOLVER_...                                                   */
    int rate_of_one;             /* 1: the rate was given for one unit and varies with the width     */
    int json;                    /* print the report itself instead of a summary                     */
} dcl__report_facts;

/* Writes U.npy, V.npy, history.csv, report.svg, report.png and, last, report.json; then prints. */
dcl_status dcl__report_factorization(const dcl__report_facts *facts, const dcl_factorize_result *result,
                                     dcl_error *error);

#endif
