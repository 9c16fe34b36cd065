/* entries_order.c: the known entries of a matrix, column by column: a counting sort. */
#include "recipes/common/entries_order.h"

#include <string.h>

void dcl__entries_order(const dcl_entries *e, int64_t *column_start, int64_t *by_column)
{
    for (int64_t i = 0; i < e->count; i++)
        column_start[e->column[i] + 1]++;
    for (int64_t b = 0; b < e->columns; b++)
        column_start[b + 1] += column_start[b];
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            int64_t *to = by_column + 2 * column_start[e->column[i]]++;
            to[0] = a;
            to[1] = i;
        }
    memmove(column_start + 1, column_start, (size_t)e->columns * sizeof *column_start);
    column_start[0] = 0;
}
