/* array.c: arrays of numbers on the host, and choosing the reader for a file. */
#include "formats/array.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/csv.h"
#include "formats/idx.h"
#include "formats/matrix_market.h"
#include "formats/npy.h"

static const dcl__reader *const readers[] = {
    &dcl__npy_reader, &dcl__matrix_market_reader, &dcl__idx_reader, &dcl__csv_reader
};
enum { READER_COUNT = sizeof readers / sizeof readers[0] };

dcl_status dcl__array_allocate(dcl__array *array, uint32_t dtype, uint32_t rank, const int64_t *dim,
                               dcl_error *error)
{
    char shape[DCL__SHAPE_TEXT];
    int64_t count;
    dcl__dimensions_text(rank, dim, shape);
    if (!dcl__shape_count(rank, dim, &count))
        return dcl__fail(error, DCL_EFORMAT, "the shape %s is too large for any memory", shape);
    size_t bytes = (size_t)(count * dcl__dtype_size(dtype));
    void *data = calloc(bytes ? bytes : 1, 1);
    if (!data) {
        char what[DCL__SHAPE_TEXT + 16];
        snprintf(what, sizeof what, "an array %s", shape);
        return dcl__no_memory(error, what, (int64_t)bytes);
    }
    *array = (dcl__array){.dtype = dtype, .rank = rank, .data = data};
    memcpy(array->dim, dim, rank * sizeof *dim);
    return DCL_OK;
}

void dcl__array_free(dcl__array *array)
{
    free(array->data);
    *array = (dcl__array){0};
}

static int ends_with(const char *file, size_t length, const char *ending)
{
    size_t size = strlen(ending);
    return length >= size && strncasecmp(file + length - size, ending, size) == 0;
}

static int has_ending(const char *file, const dcl__reader *reader)
{
    size_t length = strlen(file);
    if (ends_with(file, length, ".gz"))
        length -= 3;
    for (const char *const *ending = reader->endings; *ending; ending++)
        if (ends_with(file, length, *ending))
            return 1;
    return 0;
}

/* Whether no byte is a control character other than those of plain text. */
static int is_text(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((head[i] < 32 && !strchr("\t\n\r\f", head[i])) || head[i] == 0 || head[i] == 127)
            return 0;
    return 1;
}

/* NULL when the format is unknown. */
static const dcl__reader *find_reader(const char *file, const unsigned char *head, size_t size)
{
    for (int i = 0; i < READER_COUNT; i++)
        if (readers[i]->recognises && readers[i]->recognises(head, size))
            return readers[i];
    for (int i = 0; i < READER_COUNT; i++)
        if (has_ending(file, readers[i]))
            return readers[i];
    return is_text(head, size) ? &dcl__csv_reader : NULL;
}

int dcl__is_table(const char *file, const unsigned char *head, size_t size)
{
    return find_reader(file, head, size) == &dcl__csv_reader;
}

static dcl_status read_source(const char *file, dcl__source *source, uint32_t dtype, dcl__array *array,
                              dcl_error *error)
{
    const unsigned char *head;
    size_t size;
    dcl_status status = dcl__source_view(source, &head, &size, error);
    if (status)
        return status;
    const dcl__reader *reader = find_reader(file, head, size);
    if (!reader)
        return dcl__fail(error, DCL_EFORMAT, "the format of this file is unknown; "
                         "give .npy, Matrix Market (.mtx), CSV or IDX, plain or compressed with gzip");
    return reader->read(source, dtype, array, error);
}

static int64_t element_count(const dcl__array *array)
{
    int64_t count = 0;
    dcl__shape_count(array->rank, array->dim, &count);
    return count;
}

static int64_t count_missing(const dcl__array *array)
{
    int64_t count = element_count(array), missing = 0;
    for (int64_t i = 0; i < count; i++)
        missing += isnan(dcl__array_get(array, i)) != 0;
    return missing;
}

dcl_status dcl__array_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    if (dtype != DCL_F32 && dtype != DCL_F64)
        return dcl__fail(error, DCL_EINVAL, "%s: arrays are read as f32 or f64 only", file);
    dcl__source *source;
    dcl__array result = {0};
    dcl_status status = dcl__source_open(file, &source, error);
    if (!status) {
        status = read_source(file, source, dtype, &result, error);
        dcl__source_close(source);
    }
    if (status) {
        dcl__array_free(&result);
        return dcl__prefix(error, status, "%s", file);
    }
    result.missing = count_missing(&result);
    *array = result;
    return DCL_OK;
}

static dcl_status check_finite(const dcl__array *array, dcl_error *error)
{
    int64_t count = element_count(array), bad = 0, first = 0;
    for (int64_t i = count - 1; i >= 0; i--) {
        if (!isfinite(dcl__array_get(array, i))) {
            bad++;
            first = i;
        }
    }
    if (!bad)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "%" PRId64 " of %" PRId64 " entries are not finite (NaN, infinite, "
                     "missing, or too large for %s), the first at row %" PRId64 ", column %" PRId64
                     "; replace them by finite numbers", bad, count,
                     array->dtype == DCL_F32 ? "f32" : "f64", first / array->dim[1] + 1,
                     first % array->dim[1] + 1);
}

static dcl_status check_matrix(const dcl__array *array, int64_t least_columns, dcl_error *error)
{
    char shape[DCL__SHAPE_TEXT];
    dcl__dimensions_text(array->rank, array->dim, shape);
    if (array->rank != 2)
        return dcl__fail(error, DCL_EFORMAT, "the file holds a %" PRIu32 "-D array (%s), but a matrix (2-D) "
                         "is needed; reshape it to rows and columns", array->rank, shape);
    if (array->dim[0] == 0 || array->dim[1] < least_columns)
        return dcl__fail(error, DCL_EFORMAT, "the matrix is empty (%s); it needs at least one row and one "
                         "column", shape);
    return check_finite(array, error);
}

static dcl_status read_matrix(const char *file, uint32_t dtype, int64_t least_columns, dcl__array *array,
                              dcl_error *error)
{
    dcl__array result;
    dcl_status status = dcl__array_read(file, dtype, &result, error);
    if (status)
        return status;
    status = check_matrix(&result, least_columns, error);
    if (status) {
        dcl__array_free(&result);
        return dcl__prefix(error, status, "%s", file);
    }
    *array = result;
    return DCL_OK;
}

dcl_status dcl__matrix_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    return read_matrix(file, dtype, 1, array, error);
}

dcl_status dcl__factor_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    return read_matrix(file, dtype, 0, array, error);
}
