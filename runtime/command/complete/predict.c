/* predict.c: `dropcl predict`: values for given rows and columns by a model that `dropcl complete` left. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "command/command.h"
#include "command/complete/complete.h"
#include "command/files.h"
#include "core/error.h"
#include "formats/fields.h"
#include "formats/output.h"

enum { UNKNOWN_REFUSED = 1, UNKNOWN_MEAN = 2 };

typedef struct request {
    const char *folder, *pairs, *file;
    int clip, unknown;
} request;

/* By what is known of it: the mean, and the bias of the row or column that there is. */
static double predict(const dcl__model *m, const dcl__triple *pair)
{
    const int row = pair->row >= 0, column = pair->column >= 0;
    if (row && column)
        return dcl_predict(&m->predictor, pair->row, pair->column);
    return m->baseline.mean + (row ? m->baseline.row[pair->row] : 0) + (column ? m->baseline.column[pair->column] : 0);
}

/* Names that the model does not have are among `unknown`. */
static void write_name(FILE *stream, const dcl__labels *labels, const dcl__labels *unknown, int64_t index)
{
    if (index < 0)
        dcl__write_field(stream, unknown->items[-1 - index]->text);
    else if (labels->count > 0)
        dcl__write_field(stream, labels->items[index]->text);
    else
        fprintf(stream, "%" PRId64, index + 1);
}

static void write_table(const request *q, const dcl__model *m, const dcl__triples *pairs, FILE *stream)
{
    fputs("row,column,prediction\n", stream);
    for (size_t i = 0; i < pairs->count; i++) {
        double value = predict(m, &pairs->items[i]);
        value = q->clip ? fmin(fmax(value, m->least), m->most) : value;
        write_name(stream, &m->table.row_label, &pairs->unknown, pairs->items[i].row);
        fputc(',', stream);
        write_name(stream, &m->table.column_label, &pairs->unknown, pairs->items[i].column);
        fprintf(stream, ",%.9g\n", value);
    }
}

static dcl_status write_predictions(const request *q, const dcl__model *m, const dcl__triples *pairs, dcl_error *error)
{
    dcl__output output;
    if (!q->file) {
        write_table(q, m, pairs, stdout);
        return DCL_OK;
    }
    dcl_status status = dcl__output_open(q->file, &output, error);
    if (status)
        return status;
    write_table(q, m, pairs, output.stream);
    return dcl__output_commit(&output, error);
}

static int run(const request *q)
{
    dcl__model model = {0};
    dcl__triples pairs = {0};
    dcl_error error;
    dcl_status status = dcl__check_output(q->file, &(dcl__texts){{q->pairs}, 1}, &error);
    if (status == DCL_OK)
        status = dcl__model_read(q->folder, &model, &error);
    if (status == DCL_OK)
        status = dcl__triples_read(q->pairs, &model.table, 0, 0, q->unknown == UNKNOWN_MEAN, &pairs, &error);
    if (status == DCL_OK && pairs.count == 0)
        status = dcl__fail(&error, DCL_EFORMAT, "%s: there is no pair of a row and a column", q->pairs);
    if (status == DCL_OK)
        dcl__say_header(q->pairs, pairs.header);
    if (status == DCL_OK)
        status = write_predictions(q, &model, &pairs, &error);
    dcl__triples_free(&pairs);
    dcl__model_free(&model);
    return dcl__exit(status, &error);
}

int dcl__command_predict(int argc, char **argv)
{
    request q = {.unknown = UNKNOWN_REFUSED};
    const dcl__option options[] = {
        {"-o", "FILE", "where the CSV row,column,prediction goes (default: standard output)", DCL__OPTION_TEXT,
         &q.file},
        {"--clip", NULL, "keep predictions within the range of the known values", DCL__OPTION_FLAG, &q.clip},
        {"--unknown", "refuse|mean", "rows and columns that were not in the data: an error (default), or by what is known: "
         "mean and the other bias", DCL__OPTION_WORD, &q.unknown},
        {0}};
    const dcl__usage usage = {
        "predict", "DIR PAIRS [options]",
        "Predicts the values of pairs of a row and a column by the model that `dropcl complete` left in DIR.\n"
        "PAIRS is a table with a row and a column in each line, by the names of the data, or as positions from 1\n"
        "where the data had none; further fields are passed over, and a first line that holds neither names of\n"
        "the data nor two numbers as a header, which is said. With --loss logistic the expected\n"
        "sign is predicted, from -1 to 1.",
        "  dropcl predict fit pairs.csv -o predictions.csv --clip\n", options, 2, 2};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    q.folder = positional[0];
    q.pairs = positional[1];
    return run(&q);
}
