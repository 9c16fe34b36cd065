/* files.c: reading matrices and writing results, as several subcommands do. */
#include "command/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "core/error.h"
#include "core/tensor.h"
#include "formats/npy.h"
#include "formats/output.h"

dcl__path dcl__join(const char *folder, const char *name)
{
    dcl__path path;
    snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

dcl_status dcl__results_start(dcl__results *results, const char *folder, dcl_error *error)
{
    *results = (dcl__results){.folder = folder, .made = access(folder, F_OK) != 0};
    if (results->made)
        dcl__take_away(folder);
    return dcl__folder_create(folder, error);
}

void dcl__results_end(const dcl__results *results, dcl_status status)
{
    if (status && results->made)
        rmdir(results->folder);
}

dcl_status dcl__read_scaled(const char *file, uint32_t dtype, double scale, dcl__array *array, dcl_error *error)
{
    dcl_status status = dcl__matrix_read(file, dtype, array, error);
    if (status || scale == 1)
        return status;
    int64_t count = array->dim[0] * array->dim[1];
    for (int64_t i = 0; i < count; i++)
        dcl__array_set(array, i, dcl__array_get(array, i) * scale);
    return DCL_OK;
}

dcl_status dcl__write_matrix(const char *folder, const char *name, uint32_t dtype, int64_t rows, int64_t columns,
                             const double *data, dcl_error *error)
{
    dcl__array array = {0};
    dcl__path path = dcl__join(folder, name);
    dcl_status status = dcl__array_allocate(&array, dtype, 2, (int64_t[]){rows, columns}, error);
    if (status)
        return status;
    dcl__convert(dtype, array.data, DCL_F64, data, rows * columns);
    status = dcl__npy_write(path.text, &array, error);
    dcl__array_free(&array);
    return status;
}

dcl_status dcl__forget_factors(const char *folder, dcl_error *error)
{
    static const char *const names[] = {"model.json", "row_bias.npy", "column_bias.npy", "rows.csv", "columns.csv",
                                        "report.json", "path.csv", "history.csv", "report.svg", "report.png",
                                        "singular_values.npy"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const dcl__path path = dcl__join(folder, names[i]);
        if (unlink(path.text) && errno != ENOENT)
            return dcl__fail(error, DCL_EIO, "%s: it belongs to factors that were here before, and cannot be removed "
                             "(%s)", path.text, strerror(errno));
    }
    return DCL_OK;
}

dcl_status dcl__fetch_value(dcl_session *session, const char *value, dcl__array *array, dcl_error *error)
{
    const dcl_tensor *shape = dcl_session_tensor(session, value);
    uint32_t dtype = shape && (shape->dtype & DCL_REAL) ? shape->dtype : DCL_F64;
    dcl_status status = shape ? dcl__array_allocate(array, dtype, shape->rank, shape->dim, error) : DCL_OK;
    return status ? status : dcl_session_fetch(session, value, dtype, array->data, error);
}

dcl_status dcl__write_value(dcl_session *session, const char *value, const char *file, dcl_error *error)
{
    dcl__array array = {0};
    dcl_status status = dcl__fetch_value(session, value, &array, error);
    if (status == DCL_OK)
        status = dcl__npy_write(file, &array, error);
    dcl__array_free(&array);
    return status;
}
