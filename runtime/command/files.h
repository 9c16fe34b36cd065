/* files.h: reading matrices and writing results, as several subcommands do. */
#ifndef DCL__FILES_H
#define DCL__FILES_H

#include "dropcl/dropcl.h"
#include "formats/array.h"

/* "FOLDER/NAME" in a buffer of its own kind. */
typedef struct dcl__path {
    char text[4096];
} dcl__path;
dcl__path dcl__join(const char *folder, const char *name);

/* The folder for results. Start makes it where it is missing; end, with the command's status, takes away again
 * what start made when the command failed and nothing is in it. Zero it before; end is right also without start. */
typedef struct dcl__results {
    const char *folder;
    int made;
} dcl__results;
dcl_status dcl__results_start(dcl__results *results, const char *folder, dcl_error *error);
void dcl__results_end(const dcl__results *results, dcl_status status);

/* Reads a matrix, multiplied by `scale`. */
dcl_status dcl__read_scaled(const char *file, uint32_t dtype, double scale, dcl__array *array, dcl_error *error);

/* Writes an f64 matrix as .npy of `dtype`. */
dcl_status dcl__write_matrix(const char *folder, const char *name, uint32_t dtype, int64_t rows, int64_t columns,
                             const double *data, dcl_error *error);

/* Removes what an earlier run left in the folder about factors that have just been replaced there: its model, report,
 * tables and picture, so that nothing is taken for what belongs to the new ones. */
dcl_status dcl__forget_factors(const char *folder, dcl_error *error);

/* Fetches a value of a session into a new array, to be freed also after a failure; or writes it as a file. */
dcl_status dcl__fetch_value(dcl_session *session, const char *value, dcl__array *array, dcl_error *error);
dcl_status dcl__write_value(dcl_session *session, const char *value, const char *file, dcl_error *error);

#endif
