/* triplets.c: tables of rows, columns and values, one entry a line. */
#include "formats/triplets.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "formats/fields.h"
#include "formats/text.h"

enum { ROW, COLUMN, VALUE, WEIGHT, MOST_FIELDS };

/* Fields of a line: the first ones, and how many there are. */
typedef struct line {
    const char *begin[MOST_FIELDS], *end[MOST_FIELDS];
    int count;
} line;

/* A table while it is read. */
typedef struct reading {
    dcl__lines lines;
    const dcl__triplet_rules *rules;
    dcl__triples *triples;
    char separator;              /* '\0' until the first line is known                               */
    int indexed;                 /* 1: the first field of each line is left out                      */
    int fields;                  /* of the first line                                                */
    char *header;                /* a copy of the first line, where it is one, and its fields        */
    line names;
    int64_t header_number;
} reading;

/* Copies the first line that is neither blank nor a comment, without a byte order mark of UTF-8 before it; 0 when the
 * bytes are no text. */
static int copy_first_line(const unsigned char *head, size_t size, char *text, size_t room)
{
    size_t length = 0;
    int comment = 0;
    const size_t first = size >= 3 && memcmp(head, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    for (size_t i = first; i < size && length < room - 1 && !(length > 0 && head[i] == '\n'); i++) {
        comment = head[i] != '\n' && (comment || (length == 0 && head[i] == '#'));
        if (head[i] == '\0')
            return 0;
        if (!comment && (length > 0 || !strchr("\r\n ", head[i])))
            text[length++] = (char)head[i];
    }
    while (length > 0 && text[length - 1] == '\r')
        length--;
    text[length] = '\0';
    return 1;
}

int dcl__count_fields(const unsigned char *head, size_t size)
{
    char text[4096];
    int count = 0;
    if (!copy_first_line(head, size, text, sizeof text))
        return 0;
    const char separator = dcl__find_separator(text), *begin, *end;
    for (const char *at = dcl__skip_blanks(text, separator); at; at = dcl__next_field(at, separator)) {
        at = dcl__find_field(at, separator, &begin, &end);
        if (!at)
            return 0;
        count++;
    }
    return count;
}

static dcl_status split(const reading *r, const char *text, line *line, dcl_error *error)
{
    const char *begin, *end;
    line->count = r->indexed ? -1 : 0;
    for (const char *at = dcl__skip_blanks(text, r->separator); at; at = dcl__next_field(at, r->separator)) {
        at = dcl__find_field(at, r->separator, &begin, &end);
        if (!at)
            return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": a quote is not closed on its line, or text follows "
                             "the closing quote; correct it", r->lines.number);
        if (line->count >= 0 && line->count < MOST_FIELDS) {
            line->begin[line->count] = begin;
            line->end[line->count] = end;
        }
        line->count++;
    }
    return DCL_OK;
}

/* Adds a name to labels. */
static dcl_status add_name(const reading *r, dcl__labels *labels, const line *line, int field, int64_t *index,
                           dcl_error *error)
{
    const dcl_status status = dcl__labels_add(labels, line->begin[field], line->end[field], index, error);
    return status == DCL_EFORMAT ? dcl__prefix(error, status, "line %" PRId64, r->lines.number) : status;
}

/* Keeps the name of a row or column that the matrix does not have. */
static dcl_status keep_unknown(const reading *r, const line *line, int field, int64_t *index, dcl_error *error)
{
    const dcl_status status = add_name(r, &r->triples->unknown, line, field, index, error);
    *index = -1 - *index;
    return status;
}

/* The index of a row or column. */
static dcl_status find_index(reading *r, const line *line, int field, int64_t *index, dcl_error *error)
{
    const int rows = field == ROW;
    dcl__labels *labels = rows ? r->rules->row : r->rules->column;
    const char *const begin = line->begin[field], *const end = line->end[field];
    const char *const what = rows ? "row" : "column";
    const int64_t most = rows ? r->triples->rows : r->triples->columns;
    char excerpt[DCL__EXCERPT];
    double number = NAN;
    if (begin == end)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the %s is empty", r->lines.number, what);
    if (r->rules->adds)
        return add_name(r, labels, line, field, index, error);
    *index = labels->count > 0 ? dcl__labels_find(labels, begin, end) : -1;
    if (labels->count == 0 && dcl__number_parse(begin, end, &number) && number == floor(number) && number >= 1 &&
        number <= (double)most)
        *index = (int64_t)number - 1;
    if (*index >= 0)
        return DCL_OK;
    if (r->rules->unknown)
        return keep_unknown(r, line, field, index, error);
    dcl__excerpt(begin, end, excerpt);
    if (labels->count > 0)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the %s \"%s\" is not among those of the matrix",
                         r->lines.number, what, excerpt);
    return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the %s \"%s\" is outside of the matrix, whose %ss are 1 "
                     "to %" PRId64, r->lines.number, what, excerpt, what, most);
}

/* A number that must be finite, or missing where `missing`. */
static dcl_status read_number(const reading *r, const line *line, int field, const char *what, double *number,
                              dcl_error *error)
{
    char excerpt[DCL__EXCERPT];
    *number = NAN;
    if (line->begin[field] == line->end[field])
        return DCL_OK;
    if (!dcl__number_parse(line->begin[field], line->end[field], number) || isinf(*number))
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the %s \"%s\" is not a finite number; write "
                         "it with a decimal point, and nothing where it is missing", r->lines.number, what,
                         dcl__excerpt(line->begin[field], line->end[field], excerpt));
    return DCL_OK;
}

static int least_count(const reading *r)
{
    return r->rules->weights ? 4 : r->rules->values ? 3 : 2;
}

static dcl_status check_count(const reading *r, const line *line, dcl_error *error)
{
    const int least = least_count(r);
    static const char *const need[] = {"row, column", "row, column, value", "row, column, value, weight"};
    if (r->rules->values && line->count > least && line->count != r->fields)    /* an unquoted comma, say */
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 " has %d fields, but the first has %d: correct it, or "
                         "quote names that hold the separator", r->lines.number, line->count, r->fields);
    if (line->count >= least)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 " has %d fields, but %d are needed: %s", r->lines.number,
                     line->count, least, need[least - 2]);
}

static dcl_status read_entry(reading *r, const line *line, dcl_error *error)
{
    dcl__triple triple = {.value = NAN, .weight = 1};
    dcl_status status = check_count(r, line, error);
    if (status == DCL_OK && r->rules->values)
        status = read_number(r, line, VALUE, "value", &triple.value, error);
    if (status == DCL_OK && r->rules->weights)
        status = read_number(r, line, WEIGHT, "weight", &triple.weight, error);
    if (status || (r->rules->values && isnan(triple.value)))
        return status;
    if (!(triple.weight > 0))
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the weight must be above 0", r->lines.number);
    status = find_index(r, line, ROW, &triple.row, error);
    if (status == DCL_OK)
        status = find_index(r, line, COLUMN, &triple.column, error);
    return status ? status : dcl__triples_add(r->triples, triple, error);
}

static int is_number(const line *line, int field)
{
    double number;
    return dcl__number_parse(line->begin[field], line->end[field], &number);
}

/* Whether the row or the column of a line is one that is known. */
static int has_known_name(const reading *r, const line *line)
{
    return dcl__labels_find(r->rules->row, line->begin[ROW], line->end[ROW]) >= 0 ||
           dcl__labels_find(r->rules->column, line->begin[COLUMN], line->end[COLUMN]) >= 0;
}

/* Whether the first line names the columns of the table, as far as it can be told without the others. */
static int is_header(const reading *r, const line *line)
{
    if (line->count < (r->rules->values ? 3 : 2) || (is_number(line, ROW) && is_number(line, COLUMN)))
        return 0;
    if (r->rules->values && (line->begin[VALUE] == line->end[VALUE] ||
                             dcl__number_resembled(line->begin[VALUE], line->end[VALUE])))
        return 0;
    if (r->rules->adds || r->rules->row->count > 0)
        return !has_known_name(r, line);
    return !is_number(line, ROW);
}

/* An unnamed column before those that are needed is an index, as pandas writes it. */
static dcl_status keep_header(reading *r, const line *line, dcl_error *error)
{
    r->indexed = line->begin[ROW] == line->end[ROW] && line->count > least_count(r);
    r->header_number = r->lines.number;
    r->header = dcl__copy_string(r->lines.text, error);
    if (!r->header)
        return DCL_ENOMEM;
    dcl__keep_header(r->header, r->indexed, r->triples->header);
    return split(r, r->header, &r->names, error);
}

/* What is named again by the others is no header, but an entry whose value is mistyped. */
static dcl_status check_header(const reading *r, dcl_error *error)
{
    char excerpt[DCL__EXCERPT];
    if (!r->header || !r->rules->adds || !has_known_name(r, &r->names))
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the value \"%s\" is not a finite number, and the line is "
                     "no header, since its row or column is named again", r->header_number,
                     dcl__excerpt(r->names.begin[VALUE], r->names.end[VALUE], excerpt));
}

static dcl_status read_line(reading *r, dcl_error *error)
{
    line line;
    const int first = !r->separator;
    if (first)
        r->separator = dcl__find_separator(r->lines.text);
    dcl_status status = split(r, r->lines.text, &line, error);
    if (status)
        return status;
    if (first && is_header(r, &line))
        status = keep_header(r, &line, error);
    r->fields = first ? line.count - r->indexed : r->fields;
    return r->lines.number == r->header_number ? status : read_entry(r, &line, error);
}

dcl_status dcl__read_triplets(dcl__source *source, const dcl__triplet_rules *rules, dcl__triples *triples,
                              dcl_error *error)
{
    reading r = {.rules = rules, .triples = triples};
    int more = 1;
    dcl_status status = dcl__lines_open(&r.lines, source, error);
    if (status)
        return status;
    while (status == DCL_OK) {
        status = dcl__lines_next(&r.lines, &more, error);
        if (status || !more)
            break;
        const char *text = dcl__skip_blanks(r.lines.text, ' ');
        if (*text && *text != '#')
            status = read_line(&r, error);
    }
    if (status == DCL_OK)
        status = check_header(&r, error);
    free(r.header);
    dcl__lines_close(&r.lines);
    return status;
}

dcl_status dcl__order_labels(const dcl__triplet_rules *rules, dcl__triples *triples, dcl_error *error)
{
    const size_t rows = rules->row->count, columns = rules->column->count;
    int64_t *position = malloc((rows + columns + 1) * sizeof *position);
    if (!position)
        return dcl__no_memory(error, "ordering rows and columns", (int64_t)((rows + columns) * sizeof *position));
    dcl__labels_order(rules->row, position);
    dcl__labels_order(rules->column, position + rows);
    for (size_t i = 0; i < triples->count; i++) {
        triples->items[i].row = position[triples->items[i].row];
        triples->items[i].column = position[rows + (size_t)triples->items[i].column];
    }
    triples->rows = (int64_t)rows;
    triples->columns = (int64_t)columns;
    free(position);
    return DCL_OK;
}
