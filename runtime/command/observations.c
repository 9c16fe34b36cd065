/* observations.c: what is known of a matrix, read from a file: all of it, or some entries. */
#include "command/observations.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/files.h"
#include "core/memory.h"
#include "recipes/certificate/loss.h"

static dcl_status check_shape(const dcl__array *array, dcl_error *error)
{
    char shape[DCL__SHAPE_TEXT];
    dcl__dimensions_text(array->rank, array->dim, shape);
    if (array->rank != 2)
        return dcl__fail(error, DCL_EFORMAT, "the file holds a %" PRIu32 "-D array (%s), but a matrix (2-D) is needed; "
                         "reshape it to rows and columns", array->rank, shape);
    if (array->dim[0] == 0 || array->dim[1] == 0 || array->missing == array->dim[0] * array->dim[1])
        return dcl__fail(error, DCL_EFORMAT, "the matrix is empty (%s%s); it needs at least one known entry", shape,
                         array->missing ? ", all missing" : "");
    return DCL_OK;
}

/* Multiplies what is there, and refuses infinity. */
static dcl_status rescale(dcl__array *array, double scale, dcl_error *error)
{
    double *numbers = array->data;
    const int64_t count = array->dim[0] * array->dim[1];
    for (int64_t i = 0; i < count; i++) {
        numbers[i] *= scale;
        if (isinf(numbers[i]))
            return dcl__fail(error, DCL_EFORMAT, "the entry at row %" PRId64 ", column %" PRId64 " is infinite; "
                             "replace it by a finite number, or by NaN where it is unknown", i / array->dim[1] + 1,
                             i % array->dim[1] + 1);
    }
    return DCL_OK;
}

/* The numbers of an array that are not NaN, row by row. */
static dcl_status gather(const dcl__array *array, dcl_entries *entries, dcl_error *error)
{
    const int64_t rows = array->dim[0], columns = array->dim[1], count = rows * columns - array->missing;
    const double *numbers = array->data;
    int64_t *start = malloc((size_t)(rows + 1) * sizeof *start), e = 0;
    int64_t *column = malloc((size_t)count * sizeof *column);
    double *value = malloc((size_t)count * sizeof *value);
    *entries = (dcl_entries){.rows = rows, .columns = columns, .count = count, .start = start, .column = column,
                             .value = value};
    if (!start || !column || !value)
        return dcl__no_memory(error, "the known entries", count * (int64_t)(sizeof *column + sizeof *value));
    for (int64_t a = 0; a < rows; a++) {
        start[a] = e;
        for (int64_t b = 0; b < columns; b++)
            if (!isnan(numbers[a * columns + b])) {
                column[e] = b;
                value[e++] = numbers[a * columns + b];
            }
    }
    start[rows] = e;
    return DCL_OK;
}

/* ---- Values that a loss allows ---- */

/* 0 becomes -1 where no value is -1. */
static void use_signs(dcl_entries *entries)
{
    double *value = (double *)entries->value;
    for (int64_t e = 0; e < entries->count; e++)
        if (value[e] == -1)
            return;
    for (int64_t e = 0; e < entries->count; e++)
        value[e] = value[e] == 0 ? -1 : value[e];
}

/* The name of a row or column, or its position from 1. */
static const char *name_of(const dcl__labels *labels, int64_t index, char text[DCL__EXCERPT])
{
    if (labels->count > 0)
        snprintf(text, DCL__EXCERPT, "\"%.*s\"", DCL__EXCERPT - 3, labels->items[index]->text);
    else
        snprintf(text, DCL__EXCERPT, "%" PRId64, index + 1);
    return text;
}

dcl_status dcl__use_loss(const char *file, int loss, const dcl__labels *rows, const dcl__labels *columns,
                         dcl_entries *entries, dcl_error *error)
{
    const dcl__loss *rule = dcl__loss_find(loss);
    char row[DCL__EXCERPT], column[DCL__EXCERPT];
    if (loss == DCL_LOSS_LOGISTIC)
        use_signs(entries);
    for (int64_t a = 0; a < entries->rows; a++)
        for (int64_t e = entries->start[a]; e < entries->start[a + 1]; e++)
            if (!rule->allows(entries->value[e]))
                return dcl__fail(error, DCL_EFORMAT, "%s: the entry in row %s, column %s is %g, but the %s loss is for "
                                 "%s%s", file, name_of(rows, a, row), name_of(columns, entries->column[e], column),
                                 entries->value[e], rule->name, rule->domain,
                                 loss == DCL_LOSS_LOGISTIC ? ", or 0 and 1 alone" : "");
    return DCL_OK;
}

static dcl_status use_loss(const char *file, int loss, dcl__observations *o, dcl_error *error)
{
    return dcl__use_loss(file, loss, &o->row_label, &o->column_label, &o->entries, error);
}

/* ---- Reading ---- */

dcl_status dcl__observations_read(const char *file, double scale, int loss, dcl__observations *observations,
                                  dcl_error *error)
{
    dcl__array *array = &observations->array;
    *observations = (dcl__observations){0};
    dcl_status status = dcl__read_array(file, DCL_F64, array, error);
    if (status)
        return status;
    status = check_shape(array, error);
    if (status == DCL_OK)
        status = rescale(array, scale, error);
    if (status)
        return dcl__prefix(error, status, "%s", file);
    observations->rows = array->dim[0];
    observations->columns = array->dim[1];
    observations->count = array->dim[0] * array->dim[1] - array->missing;
    if (array->missing == 0 && loss == DCL_LOSS_SQUARED) {
        observations->matrix = (dcl_matrix){array->dim[0], array->dim[1], DCL_F64, array->data};
        return DCL_OK;
    }
    status = gather(array, &observations->entries, error);
    dcl__array_free(array);
    return status ? status : use_loss(file, loss, observations, error);
}

dcl_status dcl__observations_read_entries(const char *file, int layout, int weights, int loss,
                                          dcl__observations *observations, dcl_error *error)
{
    dcl__entry_table table;
    *observations = (dcl__observations){0};
    dcl_status status = dcl__entries_read(file, layout, weights, &table, error);
    if (status == DCL_OK) {
        observations->entries = table.entries;
        observations->rows = table.entries.rows;
        observations->columns = table.entries.columns;
        observations->count = table.entries.count;
        observations->row_label = table.row_label;
        observations->column_label = table.column_label;
        memcpy(observations->header, table.header, sizeof table.header);
        table = (dcl__entry_table){0};
    }
    dcl__entries_free(&table);
    return status ? status : use_loss(file, loss, observations, error);
}

void dcl__observations_free(dcl__observations *observations)
{
    dcl__array_free(&observations->array);
    dcl_entries_release(&observations->entries);
    dcl__labels_free(&observations->row_label);
    dcl__labels_free(&observations->column_label);
    *observations = (dcl__observations){0};
}

void dcl__observations_use(const dcl__observations *observations, dcl_problem *problem)
{
    problem->data = observations->matrix.data ? &observations->matrix : NULL;
    problem->entries = observations->matrix.data ? NULL : &observations->entries;
}
