/* data.c: reads X or its second moment for `dropcl factorize`. */
#include "command/factorize/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "command/command.h"
#include "command/files.h"
#include "core/error.h"

static int check_noise(const dcl__data_request *q, const dcl__noise_request *noise, int solver, int optimizer)
{
    const int entries = (q->inputs || q->moment) && noise->side > DCL_SIDE_LEFT;
    if (entries && q->moment)
        return dcl__misuse("factorize", "entries of V are trained with X itself: take --data, or --side u");
    if (entries && (solver == DCL_SOLVER_CLOSED_FORM || (solver == DCL_SOLVER_EXPLICIT && !optimizer)))
        return dcl__misuse("factorize", "entries of V have neither closed form nor ridge rounds with --data: take "
                           "--solver stochastic, or explicit with --optimizer adam");
    if (q->moment && noise->mask == 2)
        return dcl__misuse("factorize", "--moment has no samples to draw a --mask for: take --mask step, which costs "
                           "the same, or --data");
    return DCL__GO_ON;
}

int dcl__check_data(const dcl__data_request *q, const dcl__noise_request *noise, int solver, int optimizer,
                    int64_t batch)
{
    if (q->inputs && q->moment)
        return dcl__misuse("factorize", "--data X and --moment X X' say the same, give one of them");
    if (q->samples && !q->inputs)
        return dcl__misuse("factorize", "--samples says how the samples of Y and X lie, it needs --data");
    if (q->moment && batch > 0)
        return dcl__misuse("factorize", "--moment has no samples to draw a --batch from, --data has");
    if (!isnan(q->energy) && !q->moment)
        return dcl__misuse("factorize", "--energy is ||Y||^2 where Y is not given, it needs --moment");
    return check_noise(q, noise, solver, optimizer);
}

/* Rows become columns. */
static dcl_status transpose(dcl__array *array, dcl_error *error)
{
    const int64_t rows = array->dim[0], columns = array->dim[1];
    dcl__array turned = {0};
    dcl_status status = dcl__array_allocate(&turned, array->dtype, 2, (int64_t[]){columns, rows}, error);
    if (status)
        return status;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            dcl__array_set(&turned, j * rows + i, dcl__array_get(array, i * columns + j));
    dcl__array_free(array);
    *array = turned;
    return DCL_OK;
}

static dcl_matrix view(const dcl__array *array)
{
    return (dcl_matrix){array->dim[0], array->dim[1], array->dtype, array->data};
}

/* As the files have it: numbers of samples, or of features. */
static dcl_status check_shapes(const dcl__data_request *q, const char *file, const dcl__data *d, dcl_error *error)
{
    const char *const lie = q->samples == 2 ? "rows" : "columns";
    if (q->inputs && d->beside.columns != d->data.columns)
        return dcl__fail(error, DCL_EFORMAT, "%s has %" PRId64 " %s and %s has %" PRId64 ": both must have one for "
                         "each sample (--samples says whether samples are columns or rows)", file, d->data.columns, lie,
                         q->inputs, d->beside.columns);
    if (q->moment && d->beside.rows != d->beside.columns)
        return dcl__fail(error, DCL_EFORMAT, "%s is %" PRId64 " x %" PRId64 ", but X X' is square", q->moment,
                         d->beside.rows, d->beside.columns);
    if (q->moment && d->beside.rows != d->data.columns)
        return dcl__fail(error, DCL_EFORMAT, "%s has %" PRId64 " columns and %s has %" PRId64 ": beside the moment X "
                         "X' the matrix is Y X', and both must have one column for each feature", file, d->data.columns,
                         q->moment, d->beside.columns);
    return DCL_OK;
}

/* Whether the file holds a matrix with missing entries; it was refused, and is read once more. */
static int has_holes(const char *file, uint32_t dtype)
{
    dcl__array array = {0};
    const int found = dcl__array_read(file, dtype, &array, NULL) == DCL_OK && array.rank == 2 && array.missing > 0;
    dcl__array_free(&array);
    return found;
}

/* Says after a complaint about Y who can do without what is missing there. */
static dcl_status point_elsewhere(dcl_error *error)
{
    char complaint[sizeof error->text];
    snprintf(complaint, sizeof complaint, "%s", error->text);
    return dcl__fail(error, DCL_EFORMAT, "%s, or leave NaN for what is missing: --solver grow fits the entries that "
                     "are known, and `dropcl complete` predicts the others", complaint);
}

dcl_status dcl__read_data(const dcl__data_request *q, const char *file, uint32_t dtype, double scale, dcl__data *d,
                          dcl_error *error)
{
    const char *beside = q->inputs ? q->inputs : q->moment;
    dcl_status status = dcl__read_scaled(file, dtype, scale, &d->y, error);
    if (status == DCL_EFORMAT && !beside && has_holes(file, dtype))
        return point_elsewhere(error);
    if (status == DCL_OK)
        dcl__hint_at_entries(file, &d->y);
    if (status == DCL_OK && beside)
        status = dcl__read_scaled(beside, DCL_F64, 1, &d->x, error);
    if (status == DCL_OK && q->samples == 2)
        status = transpose(&d->y, error);
    if (status == DCL_OK && q->samples == 2)
        status = transpose(&d->x, error);
    if (status)
        return status;
    d->data = view(&d->y);
    if (beside)
        d->beside = view(&d->x);
    return check_shapes(q, file, d, error);
}

void dcl__apply_data(const dcl__data_request *q, const dcl__data *d, double scale, dcl_factorize_options *options)
{
    if (q->inputs)
        options->inputs = &d->beside;
    if (q->moment)
        options->moment = &d->beside;
    if (!isnan(q->energy))
        options->energy = q->energy * scale * scale;
}

void dcl__data_free(dcl__data *data)
{
    dcl__array_free(&data->y);
    dcl__array_free(&data->x);
    *data = (dcl__data){0};
}
