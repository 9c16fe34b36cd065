/* entries_order.h: the known entries of a matrix, column by column. */
#ifndef DCL__ENTRIES_ORDER_H
#define DCL__ENTRIES_ORDER_H

#include "dropcl/dropcl.h"

/* Where the entries of each column begin (columns + 1 numbers, which must be 0), and the row and the number of each
 * (2 count numbers), rows rising within a column. */
void dcl__entries_order(const dcl_entries *entries, int64_t *column_start, int64_t *by_column);

#endif
