/* entries.c: known entries of a matrix: choosing the reader for a file, and sorting what it read. */
#include "formats/entries.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "formats/array.h"
#include "formats/matrix_market.h"
#include "formats/triplets.h"

/* Up to so many rows and columns may have few entries; more, which a tiny file can ask for, need at least one in
 * EMPTIEST. */
enum { ALWAYS_FINE = 1 << 24, EMPTIEST = 1024 };

dcl_status dcl__triples_add(dcl__triples *triples, dcl__triple triple, dcl_error *error)
{
    dcl_status status = dcl__grow(&triples->items, sizeof *triples->items, triples->count, &triples->capacity,
                                  "the entries", error);
    if (status == DCL_OK)
        triples->items[triples->count++] = triple;
    return status;
}

void dcl__triples_free(dcl__triples *triples)
{
    free(triples->items);
    dcl__labels_free(&triples->unknown);
    *triples = (dcl__triples){0};
}

void dcl__entries_free(dcl__entry_table *table)
{
    free((void *)table->entries.start);
    free((void *)table->entries.column);
    free((void *)table->entries.value);
    free((void *)table->entries.weight);
    dcl__labels_free(&table->row_label);
    dcl__labels_free(&table->column_label);
    *table = (dcl__entry_table){0};
}

/* ---- Sorting ---- */

static int64_t key_of(const dcl__triple *triple, int by_row)
{
    return by_row ? triple->row : triple->column;
}

/* Sorts by rows or columns, keeping the order of equals; position[k] becomes where those of k end. */
static void sort_by(int by_row, const dcl__triple *from, size_t count, int64_t keys, int64_t *position,
                    dcl__triple *to)
{
    memset(position, 0, (size_t)(keys + 1) * sizeof *position);
    for (size_t i = 0; i < count; i++)
        position[key_of(&from[i], by_row) + 1]++;
    for (int64_t k = 0; k < keys; k++)
        position[k + 1] += position[k];
    for (size_t i = 0; i < count; i++)
        to[position[key_of(&from[i], by_row)]++] = from[i];
}

/* The triples from `first` on that are of one place; returns where they end. */
static size_t end_of_place(const dcl__triple *items, size_t count, size_t first)
{
    size_t end = first + 1;
    while (end < count && items[end].row == items[first].row && items[end].column == items[first].column)
        end++;
    return end;
}

/* Entries of one place become one: the mean by weight, and the sum of the weights; what is alone stays as it is, since
 * a product and its quotient are rounded. Returns how many are left. */
static size_t merge(dcl__triple *items, size_t count, int weights)
{
    size_t kept = 0;
    for (size_t i = 0, next; i < count; i = next) {
        double sum = 0, weight = 0;
        next = end_of_place(items, count, i);
        for (size_t k = i; k < next; k++) {
            sum += items[k].weight * items[k].value;
            weight += items[k].weight;
        }
        items[kept++] = (dcl__triple){items[i].row, items[i].column, next > i + 1 ? sum / weight : items[i].value,
                                      weights ? weight : 1};
    }
    return kept;
}

static dcl_status fill(const dcl__triple *items, size_t count, const dcl__triples *shape, int weights,
                       dcl__entry_table *table, dcl_error *error)
{
    int64_t *start = calloc((size_t)shape->rows + 1, sizeof *start), *column = malloc(count * sizeof *column);
    double *value = malloc(count * sizeof *value), *weight = weights ? malloc(count * sizeof *weight) : NULL;
    table->entries = (dcl_entries){shape->rows, shape->columns, (int64_t)count, start, column, value, weight};
    if (!start || !column || !value || (weights && !weight))
        return dcl__no_memory(error, "the entries", (int64_t)(count * (2 * sizeof *value + sizeof *column)));
    for (size_t e = 0; e < count; e++) {
        start[items[e].row + 1]++;
        column[e] = items[e].column;
        value[e] = items[e].value;
        if (weight)
            weight[e] = items[e].weight;
    }
    for (int64_t a = 0; a < shape->rows; a++) {
        table->empty_rows += start[a + 1] == 0;
        start[a + 1] += start[a];
    }
    return DCL_OK;
}

dcl_status dcl__entries_build(const dcl__triples *triples, int weights, dcl__entry_table *table, dcl_error *error)
{
    const int64_t rows = triples->rows, columns = triples->columns, keys = rows > columns ? rows : columns;
    if (triples->count == 0)
        return dcl__fail(error, DCL_EFORMAT, "there is no entry; at least one must be known");
    if (rows + columns > ALWAYS_FINE && (rows + columns) / EMPTIEST > (int64_t)triples->count)
        return dcl__fail(error, DCL_EFORMAT, "only %zu entries of a %" PRId64 " x %" PRId64 " matrix are known; "
                         "correct the sizes, or number only rows and columns that have entries", triples->count, rows,
                         columns);
    dcl__triple *items = malloc(triples->count * sizeof *items), *room = malloc(triples->count * sizeof *room);
    int64_t *position = malloc((size_t)(keys + 1) * sizeof *position);
    dcl_status status = DCL_OK;
    if (!items || !room || !position) {
        status = dcl__no_memory(error, "sorting the entries", (int64_t)(2 * triples->count * sizeof *items));
    } else {
        sort_by(0, triples->items, triples->count, columns, position, room);
        table->empty_columns = 0;
        for (int64_t k = 0; k < columns; k++)
            table->empty_columns += position[k] == (k > 0 ? position[k - 1] : 0);
        sort_by(1, room, triples->count, rows, position, items);
        const size_t kept = merge(items, triples->count, weights);
        table->duplicates = (int64_t)(triples->count - kept);
        memcpy(table->header, triples->header, sizeof table->header);
        status = fill(items, kept, triples, weights, table, error);
    }
    free(items);
    free(room);
    free(position);
    return status;
}

/* ---- Reading ---- */

/* The entries of a whole matrix that are not NaN. */
static dcl_status read_matrix(const char *file, dcl__triples *triples, dcl_error *error)
{
    dcl__array array;
    dcl_status status = dcl__array_read(file, DCL_F64, &array, error);
    if (status)
        return status;
    if (array.rank != 2)
        status = dcl__fail(error, DCL_EFORMAT, "%s: the file holds a %" PRIu32 "-D array, but a matrix is needed", file,
                           array.rank);
    triples->rows = array.dim[0];
    triples->columns = array.dim[1];
    memcpy(triples->header, array.header, sizeof array.header);
    for (int64_t i = 0; status == DCL_OK && i < triples->rows * triples->columns; i++) {
        const double value = dcl__array_get(&array, i);
        const int64_t row = i / triples->columns, column = i % triples->columns;
        if (isinf(value))
            status = dcl__fail(error, DCL_EFORMAT, "%s: the entry at row %" PRId64 ", column %" PRId64 " is infinite; "
                               "write NaN where an entry is missing", file, row + 1, column + 1);
        else if (!isnan(value))
            status = dcl__triples_add(triples, (dcl__triple){row, column, value, 1}, error);
    }
    dcl__array_free(&array);
    return status;
}

static dcl_status refuse_weights(dcl_error *error)
{
    return dcl__fail(error, DCL_EFORMAT, "weights are the fourth field of a table of row, column, value and weight, "
                     "which this file is not");
}

/* What the first bytes of a file say: DCL__LAYOUT_..., or COORDINATE. */
enum { COORDINATE = 3 };

static dcl_status find_layout(const char *file, dcl__source *source, int layout, int weights, int *found,
                              dcl_error *error)
{
    const unsigned char *head;
    size_t size;
    dcl_status status = dcl__source_view(source, &head, &size, error);
    if (status)
        return status;
    if (dcl__is_coordinate(head, size))
        *found = COORDINATE;
    else if (layout != DCL__LAYOUT_AUTOMATIC)
        *found = layout;
    else
        *found = dcl__is_table(file, head, size) && dcl__count_fields(head, size) == (weights ? 4 : 3)
                     ? DCL__LAYOUT_TRIPLETS : DCL__LAYOUT_MATRIX;
    return weights && *found != DCL__LAYOUT_TRIPLETS ? refuse_weights(error) : DCL_OK;
}

static dcl_status read_triples(const char *file, dcl__source *source, int layout, const dcl__triplet_rules *rules,
                               dcl__triples *triples, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (layout == DCL__LAYOUT_MATRIX)
        return read_matrix(file, triples, error);
    status = layout == COORDINATE ? dcl__read_coordinates(source, triples, error)
                                  : dcl__read_triplets(source, rules, triples, error);
    return status ? dcl__prefix(error, status, "%s", file) : status;
}

dcl_status dcl__entries_read(const char *file, int layout, int weights, dcl__entry_table *table, dcl_error *error)
{
    dcl__source *source;
    dcl__triples triples = {0};
    *table = (dcl__entry_table){0};
    dcl_status status = dcl__source_open(file, &source, error);
    if (status)
        return dcl__prefix(error, status, "%s", file);
    status = find_layout(file, source, layout, weights, &layout, error);
    if (status)
        status = dcl__prefix(error, status, "%s", file);
    table->layout = layout == COORDINATE ? DCL__LAYOUT_AUTOMATIC : layout;
    const dcl__triplet_rules rules = {.row = &table->row_label, .column = &table->column_label, .adds = 1,
                                      .weights = weights, .values = 1};
    if (status == DCL_OK)
        status = read_triples(file, source, layout, &rules, &triples, error);
    dcl__source_close(source);
    if (status == DCL_OK && layout == DCL__LAYOUT_TRIPLETS)
        status = dcl__order_labels(&rules, &triples, error);
    if (status == DCL_OK) {
        status = dcl__entries_build(&triples, weights, table, error);
        status = status ? dcl__prefix(error, status, "%s", file) : status;
    }
    dcl__triples_free(&triples);
    return status;
}

/* Coordinates, or a text table by the rules. */
static dcl_status read_known(dcl__source *source, const dcl__triplet_rules *rules, dcl__triples *triples,
                             dcl_error *error)
{
    const unsigned char *head;
    size_t size;
    dcl_status status = dcl__source_view(source, &head, &size, error);
    if (status)
        return status;
    if (!dcl__is_coordinate(head, size))
        return dcl__read_triplets(source, rules, triples, error);
    return rules->weights ? refuse_weights(error) : dcl__read_coordinates(source, triples, error);
}

dcl_status dcl__triples_read(const char *file, const dcl__entry_table *table, int values, int weights, int unknown,
                             dcl__triples *triples, dcl_error *error)
{
    dcl__source *source;
    *triples = (dcl__triples){.rows = table->entries.rows, .columns = table->entries.columns};
    dcl_status status = dcl__source_open(file, &source, error);
    if (status)
        return dcl__prefix(error, status, "%s", file);
    const dcl__triplet_rules rules = {.row = (dcl__labels *)&table->row_label, .values = values, .weights = weights,
                                      .column = (dcl__labels *)&table->column_label, .unknown = unknown};
    status = read_known(source, &rules, triples, error);
    dcl__source_close(source);
    return status ? dcl__prefix(error, status, "%s", file) : status;
}
