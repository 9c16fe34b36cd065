/* growth_tables.h: the tables that certified growth leaves, of `factorize --solver grow` and of `complete`. */
#ifndef DCL__GROWTH_TABLES_H
#define DCL__GROWTH_TABLES_H

#include <stdio.h>

#include "dropcl/dropcl.h"

/* Writes history.csv: a row a round. */
dcl_status dcl__write_history(const char *folder, const dcl_growth_round *history, int64_t count, dcl_error *error);

/* How a path stood at the end of a lambda. */
typedef struct dcl__path_point {
    double lambda, objective, lower_bound, gap, seconds;
    int64_t width, rank;
    int status;
} dcl__path_point;

/* The columns of path.csv that every path has, and a row of them; the caller may add others, and ends the line. */
void dcl__write_path_columns(FILE *stream);
void dcl__write_path_point(FILE *stream, const dcl__path_point *point);

#endif
