/* observations.h: what is known of a matrix, read from a file: all of it, or some entries. */
#ifndef DCL__OBSERVATIONS_H
#define DCL__OBSERVATIONS_H

#include "dropcl/dropcl.h"
#include "formats/array.h"
#include "formats/entries.h"

typedef struct dcl__observations {
    int64_t rows, columns, count;        /* count: of known entries                                  */
    dcl__array array;            /* the whole matrix, f64; or empty, and                             */
    dcl_matrix matrix;
    dcl_entries entries;         /* the entries, which own their arrays                              */
    dcl__labels row_label, column_label;     /* names of entries that were read with names           */
    char header[DCL__HEADER];   /* of entries: the first line, where it is one                      */
} dcl__observations;

/* Reads a matrix, multiplied by `scale`. Entries that are NaN or left out are missing; where there are some, or the
 * loss works on entries alone, the others become entries, by dcl__use_loss. Free also after a failure. */
dcl_status dcl__observations_read(const char *file, double scale, int loss, dcl__observations *observations,
                                  dcl_error *error);
/* Reads entries as `dropcl complete` does, by dcl__entries_read, for a loss; rows and columns are in the order of the
 * names that it writes. Free also after a failure. */
dcl_status dcl__observations_read_entries(const char *file, int layout, int weights, int loss,
                                          dcl__observations *observations, dcl_error *error);
void dcl__observations_free(dcl__observations *observations);

/* Makes them the data of a problem, which borrows them. */
void dcl__observations_use(const dcl__observations *observations, dcl_problem *problem);

/* Makes a loss of the entries of a file ready: for the logistic loss, 0 becomes -1 where no value is -1. What
 * the loss does not allow is refused, with the file and the names of row and column, or with their positions. */
dcl_status dcl__use_loss(const char *file, int loss, const dcl__labels *rows, const dcl__labels *columns,
                         dcl_entries *entries, dcl_error *error);

#endif
