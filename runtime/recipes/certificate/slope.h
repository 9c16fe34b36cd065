/* slope.h: Z = -gradient of the loss at U V', in double precision on the host, without a dense m x n array.
 *
 * Of data that is all there (squared loss) Z = 2 (Y - U V') is made in tiles of rows whenever it is needed; of entries
 * Z is a number for each entry, kept, and zero elsewhere. Sums are of f64 numbers, whatever the data are.
 */
#ifndef DCL__SLOPE_H
#define DCL__SLOPE_H

#include "dropcl/dropcl.h"
#include "recipes/certificate/loss.h"

/* The Gram matrix of data that are all there, times the square of the loss' curvature: made when it is first needed,
 * and then of use to every slope of the same data. Starts as zeros; to be freed by its owner. */
typedef struct dcl__data_gram {
    double *matrix;              /* side x side, the upper triangle; NULL: not made yet              */
} dcl__data_gram;

void dcl__data_gram_free(dcl__data_gram *gram);

typedef struct dcl__slope {
    const dcl_problem *problem;  /* borrowed, as u and v are                                         */
    const dcl__loss *loss;
    int64_t rows, columns, width;
    const double *u, *v;         /* rows x width, columns x width, row-major                         */
    double *entry;               /* of entries: z of each, in their order; NULL: all there           */
    int64_t *column_start;       /* of entries, while columns are read: where each one's begin in    */
    int64_t *by_column;          /* `by_column`, which holds the row and the number of each          */
    int positive;                /* 1: products, Gram matrix and lines are those of max(Z, 0); of a copy of the
                                    record, which is not to be freed                                 */
    double data_term;            /* loss(Y, U V')                                                    */
    double product;              /* <Z, U V'>                                                        */
    double square;               /* sum of z^2 / weight                                              */
    double with_data;            /* <Z, Y>                                                           */
    double energy;               /* loss(Y, 0)                                                       */
    dcl__data_gram *data_gram;   /* borrowed, to be set after dcl__slope_make; NULL: none is kept    */
    int (*stops)(void *user);    /* to be set as well: not 0 ends Lanczos' method early; NULL: nothing does */
    void *user;
    double data_size, factor_size;           /* with all there: the curvature times ||Y||_F and ||U||_F ||V||_F, of
                                    which Z is the difference                                        */
    double rounding;             /* Z made again may differ by this, in the Frobenius norm; of entries, which are
                                    kept: 0                                                          */
} dcl__slope;

/* Sums add so many products plainly and the results with compensation: their relative error is that of so many
 * roundings, whatever the size of the data. */
enum { DCL__SUM_CHUNK = 256 };

/* Width 0 stands for U V' = 0. DCL_ENUMERIC where factors or data are not finite. To be freed also after a failure. */
dcl_status dcl__slope_make(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                           dcl__slope *slope, dcl_error *error);
void dcl__slope_free(dcl__slope *slope);

/* out = Z x (rows x count from columns x count), or Z'x when `transpose`; row-major. */
dcl_status dcl__slope_multiply(const dcl__slope *slope, int transpose, const double *x, int64_t count, double *out,
                               dcl_error *error);

/* Z Z' or Z'Z, whichever is smaller (side = min(rows, columns)), row-major, both triangles. It is off by at most
 * `*rounding` in the 2-norm (Higham 2002, section 3.5). Where the slope keeps the Gram matrix of the data, and that
 * costs no more than `allowed`, it is made of that one, and not of Z. */
dcl_status dcl__slope_gram(const dcl__slope *slope, double allowed, double *gram, double *rounding, dcl_error *error);

/* Calls visit for every row of Z in order, or for every column when `transpose`: its numbers and their places in the
 * line, rising; places NULL: all there. Of entries only those that are known. */
typedef void (*dcl__slope_visit)(void *user, int64_t index, const double *numbers, const int64_t *places,
                                 int64_t count);
dcl_status dcl__slope_each(const dcl__slope *slope, int transpose, dcl__slope_visit visit, void *user,
                           dcl_error *error);

#endif
