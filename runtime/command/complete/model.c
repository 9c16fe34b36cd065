/* model.c: the files of a completion that `dropcl predict` needs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/complete/complete.h"
#include "command/files.h"
#include "core/error.h"
#include "formats/fields.h"
#include "formats/json.h"
#include "formats/output.h"
#include "formats/text.h"
#include "recipes/certificate/loss.h"

static const char format[] = "dropcl model 1";

/* ---- Writing ---- */

/* A name a line, within quotes. */
static dcl_status write_names(const char *folder, const char *name, const dcl__labels *labels, dcl_error *error)
{
    dcl__output output;
    if (labels->count == 0)
        return DCL_OK;
    dcl_status status = dcl__output_open(dcl__join(folder, name).text, &output, error);
    if (status)
        return status;
    fputs("name\n", output.stream);
    for (size_t i = 0; i < labels->count; i++) {
        dcl__write_field(output.stream, labels->items[i]->text);
        fputc('\n', output.stream);
    }
    return dcl__output_commit(&output, error);
}

static json_t *describe(const dcl__entry_table *table, const dcl__division *d, const dcl_predictor *p)
{
    const dcl_entries *e = &table->entries;
    double least = INFINITY, most = -INFINITY;
    for (int64_t i = 0; i < e->count; i++) {
        least = fmin(least, e->value[i]);
        most = fmax(most, e->value[i]);
    }
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:s, s:o, s:o, s:b, s:b, s:o, s:o, s:o}", "format", format, "rows",
                     (json_int_t)e->rows, "columns", (json_int_t)e->columns, "width", (json_int_t)p->width, "mean",
                     dcl__json_from_number(p->baseline->mean), "loss",
                     p->loss == DCL_LOSS_LOGISTIC ? "logistic" : "squared", "least", dcl__json_from_number(least),
                     "most", dcl__json_from_number(most), "row_names", table->row_label.count > 0, "column_names",
                     table->column_label.count > 0, "test_share", dcl__json_from_number(d->test), "holdout_share",
                     dcl__json_from_number(d->holdout), "seed", dcl__json_from_unsigned(d->seed));
}

dcl_status dcl__model_write(const char *folder, const dcl__entry_table *table, const dcl__division *division,
                            const dcl_predictor *p, dcl_error *error)
{
    const dcl_entries *e = &table->entries;
    dcl_status status = dcl__write_matrix(folder, "U.npy", DCL_F64, e->rows, p->width, p->u, error);
    if (status == DCL_OK)
        status = dcl__results_replace(folder, "complete", &(dcl__texts){{"U.npy"}, 1}, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(folder, "V.npy", DCL_F64, e->columns, p->width, p->v, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(folder, "row_bias.npy", DCL_F64, e->rows, 1, p->baseline->row, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(folder, "column_bias.npy", DCL_F64, e->columns, 1, p->baseline->column, error);
    if (status == DCL_OK)
        status = write_names(folder, "rows.csv", &table->row_label, error);
    if (status == DCL_OK)
        status = write_names(folder, "columns.csv", &table->column_label, error);
    if (status)
        return status;
    json_t *model = describe(table, division, p);
    status = dcl__json_write(dcl__join(folder, "model.json").text, model, error);
    json_decref(model);
    return status;
}

/* ---- Reading ---- */

static dcl_status read_lines(dcl__lines *lines, int64_t count, dcl__labels *labels, dcl_error *error)
{
    int more = 1;
    int64_t index;
    const char *begin, *end;
    dcl_status status = dcl__lines_next(lines, &more, error);
    for (int64_t i = 0; i < count && status == DCL_OK; i++) {
        status = dcl__lines_next(lines, &more, error);
        if (status == DCL_OK && (!more || !dcl__find_field(lines->text, ',', &begin, &end)))
            status = dcl__fail(error, DCL_EFORMAT, "%" PRId64 " names are needed, line %" PRId64 " is none", count,
                               lines->number);
        if (status == DCL_OK)
            status = dcl__labels_add(labels, begin, end, &index, error);
    }
    return status;
}

static dcl_status read_names(const char *folder, const char *name, int64_t count, dcl__labels *labels, dcl_error *error)
{
    const dcl__path path = dcl__join(folder, name);
    dcl__source *source;
    dcl__lines lines;
    dcl_status status = dcl__source_open(path.text, &source, error);
    if (status)
        return dcl__prefix(error, status, "%s", path.text);
    status = dcl__lines_open(&lines, source, error);
    if (status == DCL_OK) {
        status = read_lines(&lines, count, labels, error);
        dcl__lines_close(&lines);
    }
    dcl__source_close(source);
    return status ? dcl__prefix(error, status, "%s", path.text) : status;
}

/* A matrix of this shape, as f64; a width of 0 has no columns. */
static dcl_status read_matrix(const char *folder, const char *name, int64_t rows, int64_t columns, double **numbers,
                              dcl_error *error)
{
    const dcl__path path = dcl__join(folder, name);
    dcl__array array = {0};
    dcl_status status = dcl__array_read(path.text, DCL_F64, &array, error);
    if (status)
        return status;
    if (array.rank != 2 || array.dim[0] != rows || array.dim[1] != columns || array.missing > 0) {
        dcl__array_free(&array);
        return dcl__fail(error, DCL_EFORMAT, "%s: it must hold %" PRId64 " x %" PRId64 " numbers, as model.json says",
                         path.text, rows, columns);
    }
    *numbers = array.data;
    return DCL_OK;
}

/* What model.json says. */
typedef struct head {
    int64_t rows, columns, width;
    const dcl__loss *loss;
    const json_t *row_names, *column_names;
} head;

/* Models of earlier versions do not have it. */
static dcl_status read_division(const json_t *object, dcl__division *division, dcl_error *error)
{
    dcl_status status = dcl__json_get_number(object, "test_share", &division->test, error);
    if (status == DCL_OK)
        status = dcl__json_get_number(object, "holdout_share", &division->holdout, error);
    return status ? status : dcl__json_get_unsigned(object, "seed", &division->seed, error);
}

static dcl_status read_head(const json_t *object, dcl__model *model, head *h, dcl_error *error)
{
    *h = (head){.rows = -1, .columns = -1, .width = -1};
    const char *loss = "";
    dcl_status status = dcl__json_get_integer(object, "rows", 1, INT32_MAX, &h->rows, error);
    if (status == DCL_OK)
        status = dcl__json_get_integer(object, "columns", 1, INT32_MAX, &h->columns, error);
    if (status == DCL_OK)
        status = dcl__json_get_integer(object, "width", 0, INT32_MAX, &h->width, error);
    if (status == DCL_OK)
        status = dcl__json_get_number(object, "mean", &model->baseline.mean, error);
    if (status == DCL_OK)
        status = dcl__json_get_number(object, "least", &model->least, error);
    if (status == DCL_OK)
        status = dcl__json_get_number(object, "most", &model->most, error);
    if (status == DCL_OK)
        status = dcl__json_get_string(object, "loss", &loss, error);
    if (status == DCL_OK)
        status = read_division(object, &model->division, error);
    h->loss = dcl__loss_named(loss);
    if (status == DCL_OK && !h->loss)
        status = dcl__fail(error, DCL_EFORMAT, "there is no loss %s", loss);
    if (status == DCL_OK && (h->rows < 0 || h->columns < 0 || h->width < 0))
        status = dcl__fail(error, DCL_EFORMAT, "rows, columns and width are needed");
    h->row_names = json_object_get(object, "row_names");
    h->column_names = json_object_get(object, "column_names");
    return status;
}

static dcl_status read_parts(const char *folder, const head *h, dcl__model *model, dcl_error *error)
{
    model->table.entries.rows = h->rows;
    model->table.entries.columns = h->columns;
    dcl_status status = read_matrix(folder, "U.npy", h->rows, h->width, &model->u, error);
    if (status == DCL_OK)
        status = read_matrix(folder, "V.npy", h->columns, h->width, &model->v, error);
    if (status == DCL_OK)
        status = read_matrix(folder, "row_bias.npy", h->rows, 1, &model->baseline.row, error);
    if (status == DCL_OK)
        status = read_matrix(folder, "column_bias.npy", h->columns, 1, &model->baseline.column, error);
    if (status == DCL_OK && json_is_true(h->row_names))
        status = read_names(folder, "rows.csv", h->rows, &model->table.row_label, error);
    if (status == DCL_OK && json_is_true(h->column_names))
        status = read_names(folder, "columns.csv", h->columns, &model->table.column_label, error);
    return status;
}

dcl_status dcl__model_read(const char *folder, dcl__model *model, dcl_error *error)
{
    const dcl__path path = dcl__join(folder, "model.json");
    json_t *object = NULL;
    head h;
    *model = (dcl__model){.least = -INFINITY, .most = INFINITY};
    if (access(path.text, F_OK) != 0)
        return dcl__fail(error, DCL_EIO, "%s: there is no model of `dropcl complete` in this folder", path.text);
    dcl_status status = dcl__json_read(path.text, format, &object, error);
    if (status)
        return status;
    status = read_head(object, model, &h, error);
    if (status)
        status = dcl__prefix(error, status, "%s", path.text);
    else
        status = read_parts(folder, &h, model, error);
    if (status == DCL_OK)
        model->predictor = (dcl_predictor){&model->baseline, model->u, model->v, h.width, h.loss->id};
    json_decref(object);
    return status;
}

void dcl__model_free(dcl__model *model)
{
    dcl__entries_free(&model->table);
    dcl_baseline_free(&model->baseline);
    free(model->u);
    free(model->v);
    *model = (dcl__model){0};
}
