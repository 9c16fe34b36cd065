/* grow.h: `dropcl factorize --solver grow`: units join until a certificate says that it is enough. */
#ifndef DCL__FACTORIZE_GROW_H
#define DCL__FACTORIZE_GROW_H

#include "command/growth_tables.h"

/* What grow asks beside the options of every solver, as it was typed; numbers that nobody gave are NAN or 0. */
typedef struct dcl__grow_request {
    const char *penalty;         /* a name of penalty.h; NULL: nuclear                               */
    int loss;                    /* 1 squared, 2 logistic; 0: nobody said                            */
    double share;                /* lambda as a share of the least that leaves nothing               */
    double mixture;              /* of the elastic penalty                                           */
    int64_t path;                /* how many lambda; 0: one                                          */
} dcl__grow_request;

/* And the options of every solver. */
typedef struct dcl__grow_run {
    const dcl__grow_request *grow;
    const char *matrix, *folder, *device, *plugins;
    uint32_t dtype;
    double lambda, tolerance, scale;         /* lambda NAN: nobody said                              */
    int64_t rank, steps;         /* rank 0: nobody said                                              */
    uint64_t seed;
    int quiet, json;
} dcl__grow_run;

/* Complains about what contradicts itself, or about grow's options for another solver; DCL__GO_ON or an exit status. */
int dcl__check_grow(const dcl__grow_request *request, int is_grow, double lambda);

/* Runs and returns the exit status. */
int dcl__factorize_grow(const dcl__grow_run *run);

typedef struct dcl__grow_facts {
    const dcl__grow_run *run;
    const dcl_device *device;
    const dcl_problem *problem;
    double largest_lambda;       /* NAN: not computed                                                */
    double ready;                /* seconds until the first round began                              */
    const dcl__path_point *points;
    int64_t point_count;
} dcl__grow_facts;

/* Writes U.npy, V.npy, history.csv, path.csv where there is a path, report.svg, report.png and report.json; prints. */
dcl_status dcl__report_grow(const dcl__grow_facts *facts, const dcl_growth_result *result, dcl_error *error);
dcl_status dcl__draw_grow(const char *svg_file, const char *png_file, const char *title, const dcl__grow_facts *facts,
                          const dcl_growth_result *result, dcl_error *error);

#endif
