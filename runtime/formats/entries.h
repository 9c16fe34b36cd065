/* entries.h: the known entries of a matrix, read from a file of any format.
 *
 * Three layouts. Coordinates: Matrix Market `coordinate`; what it does not list is unknown. Triplets: a text table with
 * a row, a column and a value in each line, and a weight where wanted; rows and columns are names (of users and films,
 * say), whole numbers among them, numbered in the order of these numbers, or as they come. Matrix: any file of
 * array.h, where NaN and empty fields are unknown. Entries that are listed more than once become one, with the mean of
 * their values. Memory is in proportion to the entries. Messages begin with the path of the file.
 */
#ifndef DCL__ENTRIES_H
#define DCL__ENTRIES_H

#include "formats/labels.h"
#include "formats/text.h"

/* AUTOMATIC: Matrix Market says it itself; a text table of 3 columns (4 with weights) holds triplets, another a
 * matrix. */
enum { DCL__LAYOUT_AUTOMATIC = 0, DCL__LAYOUT_TRIPLETS = 1, DCL__LAYOUT_MATRIX = 2 };

typedef struct dcl__triple {
    int64_t row, column;
    double value, weight;        /* pairs without a value: NAN                                       */
} dcl__triple;

/* In the order of the file. */
typedef struct dcl__triples {
    dcl__triple *items;
    size_t count, capacity;
    int64_t rows, columns;
    dcl__labels unknown;         /* names that the matrix does not have: its row or column is -1 - index */
    char header[DCL__HEADER];    /* the first line, where it is one; "": it is not                   */
} dcl__triples;

/* Owns everything in it. */
typedef struct dcl__entry_table {
    dcl_entries entries;
    dcl__labels row_label, column_label;     /* count 0: rows and columns are positions, from 1      */
    int layout;                  /* DCL__LAYOUT_..., 0: coordinates                                  */
    int64_t duplicates;          /* lines whose entry had been listed before                         */
    int64_t empty_rows, empty_columns;
    char header[DCL__HEADER];    /* the first line, where it is one; "": it is not                   */
} dcl__entry_table;

/* Reads a file. DCL_EFORMAT where a value is text or infinite, where there is no entry at all, where a position is
 * outside of the matrix, and where weights are asked for but the file holds no triplets. To be freed also after a
 * failure. */
dcl_status dcl__entries_read(const char *file, int layout, int weights, dcl__entry_table *table, dcl_error *error);
void dcl__entries_free(dcl__entry_table *table);

/* Reads triplets (`values`, and `weights` where wanted) or pairs that belong to the matrix of a table: rows and columns
 * by its names, or by positions from 1 where it has none. A text table of row, column, value and weight, of which pairs
 * need no value, or Matrix Market coordinates, which have no weights; further fields are passed over. What the table
 * does not know is refused, with the line, unless `unknown`: then it is below 0 (dcl__triples). */
dcl_status dcl__triples_read(const char *file, const dcl__entry_table *table, int values, int weights, int unknown,
                             dcl__triples *triples, dcl_error *error);
void dcl__triples_free(dcl__triples *triples);

/* Makes entries of triples: sorts, merges what is listed more than once, counts what is empty. */
dcl_status dcl__entries_build(const dcl__triples *triples, int weights, dcl__entry_table *table, dcl_error *error);

/* Adds one triple. */
dcl_status dcl__triples_add(dcl__triples *triples, dcl__triple triple, dcl_error *error);

#endif
