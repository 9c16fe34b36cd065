/* csv.c: reading tables of numbers as text. */
#include "formats/csv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "formats/fields.h"
#include "formats/text.h"

/* A table while it is read; array->dim holds its size so far. */
typedef struct table {
    dcl__array *array;
    dcl__lines lines;
    char separator;              /* '\0' until the first line is known                               */
    int64_t first_line;          /* number of the line that sets the width: header or first row      */
    int indexed;                 /* 1: the first column is left out                                  */
    int64_t blank_line;          /* number of the first blank line after it, 0: none                 */
    size_t count, capacity;      /* entries in array->data                                           */
} table;

/* What one line holds. */
typedef struct row {
    int64_t fields;
    int64_t numbers;             /* fields that are numbers, or begin as one                         */
    int unnamed;                 /* 1: the first field is empty                                      */
    int64_t counted;             /* fields from the second on that count them, from 0                */
    int64_t word;                /* first field that is not a number, from 1; 0: none                */
    char excerpt[DCL__EXCERPT];  /* of that field                                                    */
} row;

static dcl_status append_value(table *table, double value, dcl_error *error)
{
    dcl_status status = dcl__grow(&table->array->data, (size_t)dcl__dtype_size(table->array->dtype),
                                  table->count, &table->capacity, "a table", error);
    if (!status)
        dcl__array_set(table->array, (int64_t)table->count++, value);
    return status;
}

/* Appends the value of a field to the table; a word counts as a missing one. */
static dcl_status read_field(table *table, row *row, const char *begin, const char *end, dcl_error *error)
{
    double value = NAN;
    row->numbers += dcl__number_resembled(begin, end);
    if (begin < end && !dcl__number_parse(begin, end, &value) && !row->word) {
        row->word = row->fields;
        dcl__excerpt(begin, end, row->excerpt);
    }
    row->unnamed = row->unnamed || (row->fields == 1 && begin == end);
    row->counted += value == (double)(row->fields - 2);
    return append_value(table, value, error);
}

static dcl_status read_fields(table *table, row *row, dcl_error *error)
{
    const char *begin, *end, *at = dcl__skip_blanks(table->lines.text, table->separator);
    while (at) {
        at = dcl__find_field(at, table->separator, &begin, &end);
        row->fields++;
        if (!at)
            return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ", column %" PRId64 ": a quote is not "
                             "closed on its line, or text follows the closing quote; correct it",
                             table->lines.number, row->fields);
        dcl_status status = table->indexed && row->fields == 1 ? DCL_OK : read_field(table, row, begin, end, error);
        if (status)
            return status;
        at = dcl__next_field(at, table->separator);
    }
    return DCL_OK;
}

static dcl_status check_row(const table *table, const row *row, dcl_error *error)
{
    if (table->blank_line)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 " is blank in the middle of the table; remove "
                         "it, or write NaN where an entry is missing", table->blank_line);
    if (row->fields != table->array->dim[1])
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 " has %" PRId64 " fields, but line %" PRId64
                         " has %" PRId64 "; give every row equally many", table->lines.number, row->fields,
                         table->first_line, table->array->dim[1]);
    if (row->word)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ", column %" PRId64 ": \"%s\" is not a number; "
                         "write numbers with a decimal point, and nothing or NaN for a missing entry",
                         table->lines.number, row->word, row->excerpt);
    return DCL_OK;
}

static dcl_status keep_header(table *table, const row *row)
{
    table->count = 0;
    table->indexed = row->unnamed && row->fields > 1;
    dcl__keep_header(table->lines.text, table->indexed, table->array->header);
    return DCL_OK;
}

/* A first line of words is a header; one that has numbers too, or 4,5 among words, may be a row with a slip. */
static dcl_status pass_header(table *table, const row *row, dcl_error *error)
{
    if (row->numbers > 0)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ", column %" PRId64 ": \"%s\" is not a number; correct it, "
                         "or remove the line if it is a header, which may hold nothing that begins as a number",
                         table->first_line, row->word, row->excerpt);
    return keep_header(table, row);
}

static dcl_status read_line(table *table, dcl_error *error)
{
    row row = {0};
    int first = !table->separator;
    if (first)
        table->separator = dcl__find_separator(table->lines.text);
    dcl_status status = read_fields(table, &row, error);
    if (status)
        return status;
    if (first) {
        table->first_line = table->lines.number;
        table->array->dim[1] = row.fields;
    }
    if (first && row.unnamed && row.fields > 2 && row.counted == row.fields - 1)
        return keep_header(table, &row);
    if (first && row.word)
        return pass_header(table, &row, error);
    table->array->dim[0]++;
    return check_row(table, &row, error);
}

static dcl_status read_table(table *table, dcl_error *error)
{
    for (;;) {
        int more;
        dcl_status status = dcl__lines_next(&table->lines, &more, error);
        if (status || !more)
            return status;
        const char *text = dcl__skip_blanks(table->lines.text, table->separator);
        if (*text && *text != '#')
            status = read_line(table, error);
        else if (!*text && table->separator && !table->blank_line)
            table->blank_line = table->lines.number;
        if (status)
            return status;
    }
}

static dcl_status read_csv(dcl__source *source, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    table table = {.array = array};
    dcl_status status = dcl__lines_open(&table.lines, source, error);
    if (status)
        return status;
    array->dtype = dtype;
    array->rank = 2;
    status = read_table(&table, error);
    dcl__lines_close(&table.lines);
    if (status)
        return status;
    array->dim[1] -= table.indexed;
    if (array->dim[0] == 0)
        return dcl__fail(error, DCL_EFORMAT, "the table has no rows%s; it needs at least one row of numbers",
                         table.separator ? ", only a header" : "");
    /* Giving back what doubling took too much; if that fails, the larger block serves. */
    void *data = realloc(array->data, table.count * (size_t)dcl__dtype_size(dtype));
    if (data)
        array->data = data;
    return DCL_OK;
}

const dcl__reader dcl__csv_reader = {{".csv", ".tsv", ".txt", ".dat", NULL}, NULL, read_csv};
