/* factorize_grow_data.c: reads Y for growth; a matrix with missing numbers becomes its known entries. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "command/factorize_grow.h"
#include "core/error.h"

static dcl_status check_shape(const char *file, const dcl__array *y, dcl_error *error)
{
    if (y->rank != 2 || y->dim[0] < 1 || y->dim[1] < 1)
        return dcl__fail(error, DCL_EFORMAT, "%s: it is no matrix with at least one row and one column", file);
    if (y->missing == y->dim[0] * y->dim[1])
        return dcl__fail(error, DCL_EFORMAT, "%s: all entries are missing", file);
    for (int64_t i = 0; i < y->dim[0] * y->dim[1]; i++)
        if (isinf(dcl__array_get(y, i)))
            return dcl__fail(error, DCL_EFORMAT, "%s: row %" PRId64 ", column %" PRId64 " is infinite", file,
                             i / y->dim[1] + 1, i % y->dim[1] + 1);
    return DCL_OK;
}

/* The entries of a matrix that are not NaN. */
static dcl_status collect(const dcl__array *y, dcl__grow_data *data, dcl_error *error)
{
    const int64_t rows = y->dim[0], columns = y->dim[1], count = rows * columns - y->missing;
    int64_t *start = data->index = calloc((size_t)(rows + 1 + count), sizeof *start), *column = start + rows + 1, at = 0;
    double *value = data->value = calloc((size_t)count, sizeof *value);
    if (!start || !value)
        return dcl__no_memory(error, "the entries", (rows + 1 + 2 * count) * (int64_t)sizeof *value);
    for (int64_t a = 0; a < rows; a++) {
        for (int64_t b = 0; b < columns; b++) {
            const double number = dcl__array_get(y, a * columns + b);
            if (isnan(number))
                continue;
            column[at] = b;
            value[at++] = number;
        }
        start[a + 1] = at;
    }
    data->entries = (dcl_entries){rows, columns, count, start, column, value, NULL};
    data->problem.entries = &data->entries;
    return DCL_OK;
}

dcl_status dcl__read_grow_data(const char *file, uint32_t dtype, double scale, int loss, dcl__grow_data *data,
                               dcl_error *error)
{
    dcl__array *y = &data->y;
    dcl_status status = dcl__array_read(file, dtype, y, error);
    if (status == DCL_OK)
        status = check_shape(file, y, error);
    if (status)
        return status;
    for (int64_t i = 0; scale != 1 && i < y->dim[0] * y->dim[1]; i++)
        dcl__array_set(y, i, dcl__array_get(y, i) * scale);
    if (y->missing > 0 || loss != DCL_LOSS_SQUARED)
        return collect(y, data, error);
    data->matrix = (dcl_matrix){y->dim[0], y->dim[1], dtype, y->data};
    data->problem.data = &data->matrix;
    return DCL_OK;
}

void dcl__grow_data_free(dcl__grow_data *data)
{
    dcl__array_free(&data->y);
    free(data->index);
    free(data->value);
    *data = (dcl__grow_data){0};
}
