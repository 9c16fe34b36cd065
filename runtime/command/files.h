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

/* Reads a matrix, multiplied by `scale`. */
dcl_status dcl__read_scaled(const char *file, uint32_t dtype, double scale, dcl__array *array, dcl_error *error);

/* Writes an f64 matrix as .npy of `dtype`. */
dcl_status dcl__write_matrix(const char *folder, const char *name, uint32_t dtype, int64_t rows, int64_t columns,
                             const double *data, dcl_error *error);

/* Fetches a value of a session and writes it as FOLDER/NAME. */
dcl_status dcl__write_value(dcl_session *session, const dcl_graph *graph, const char *value, const char *file,
                            dcl_error *error);

#endif
