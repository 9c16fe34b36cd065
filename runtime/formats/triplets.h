/* triplets.h: tables of rows, columns and values, one entry a line.
 *
 * Fields are separated as in csv.h. The first line is a header when its value, where values are read, does not begin as
 * a number does, row and column are not both numbers, and neither is a name of the others. Where its first field is
 * empty and enough others follow, the first column is an index and is left out. Further fields are passed over; where
 * values are read, all lines have as many. Names of rows and columns are any text; an empty value, NaN or NA is no entry.
 */
#ifndef DCL__TRIPLETS_H
#define DCL__TRIPLETS_H

#include "formats/entries.h"
#include "formats/source.h"

/* What a table may hold. */
typedef struct dcl__triplet_rules {
    dcl__labels *row, *column;   /* names that there are; none: positions, from 1, within triples->rows and columns */
    int adds;                    /* 1: names that are new are added                                  */
    int unknown;                 /* 1: unknown ones are kept as triples->unknown, else refused       */
    int values, weights;         /* 1: a third field is needed, which is a number; a fourth is       */
} dcl__triplet_rules;

/* Fields of the first line that is neither blank nor a comment; 0 for what is no text. */
int dcl__count_fields(const unsigned char *head, size_t size);

dcl_status dcl__read_triplets(dcl__source *source, const dcl__triplet_rules *rules, dcl__triples *triples,
                              dcl_error *error);

/* Orders names that are whole numbers by these, and the triples along; sets the sizes. */
dcl_status dcl__order_labels(const dcl__triplet_rules *rules, dcl__triples *triples, dcl_error *error);

#endif
