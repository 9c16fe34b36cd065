/* data.h: what `dropcl factorize` lets its user say about data X beside Y, and reading both. */
#ifndef DCL__FACTORIZE_DATA_H
#define DCL__FACTORIZE_DATA_H

#include "command/factorize/noise.h"

/* The options as they were typed. */
typedef struct dcl__data_request {
    const char *inputs, *moment; /* files with X, or with X X'; NULL: none                           */
    int samples;                 /* how they lie: 0 nobody said, 1 columns, 2 rows                   */
    double energy;               /* ||Y||^2 of the file beside a moment; NAN: nobody said            */
} dcl__data_request;

/* Zero it before dcl__read_data; free it also after a failure. */
typedef struct dcl__data {
    dcl__array y, x;             /* x: X or the moment, in double precision                          */
    dcl_matrix data, beside;     /* the same for the recipe; beside.data NULL: there is neither      */
} dcl__data;

/* Complains about what contradicts itself; DCL__GO_ON or an exit status. `optimizer` 0: the solver's own. */
int dcl__check_data(const dcl__data_request *request, const dcl__noise_request *noise, int solver, int optimizer,
                    int64_t batch);

/* Reads Y as `dtype`, scaled, and what lies beside it; samples become columns. A message about shapes that do not
 * fit names both files. */
dcl_status dcl__read_data(const dcl__data_request *request, const char *file, uint32_t dtype, double scale,
                          dcl__data *data, dcl_error *error);

/* Copies the request into the options, which borrow from `data`. */
void dcl__apply_data(const dcl__data_request *request, const dcl__data *data, double scale,
                     dcl_factorize_options *options);

void dcl__data_free(dcl__data *data);

#endif
