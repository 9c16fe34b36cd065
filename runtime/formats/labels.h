/* labels.h: names of rows and columns, numbered as they come. */
#ifndef DCL__LABELS_H
#define DCL__LABELS_H

#include <stddef.h>

#include "core/error.h"

typedef struct dcl__label {
    int64_t index;
    char text[];
} dcl__label;

/* All zeros is empty; labels count 0 also stands for "no names": rows are numbers then. */
typedef struct dcl__labels {
    dcl__label **items;          /* by index                                                         */
    size_t count, capacity;
    void *tree;                  /* of tsearch(3), by text                                           */
} dcl__labels;

/* The index of the label that the field from `begin` up to `end` spells, -1: there is none. Quotes that are doubled, as
 * they are within quotes, stand for one. */
int64_t dcl__labels_find(const dcl__labels *labels, const char *begin, const char *end);

/* The same, and a new label is added behind the others. DCL_EFORMAT when it has more than 4096 bytes. */
dcl_status dcl__labels_add(dcl__labels *labels, const char *begin, const char *end, int64_t *index, dcl_error *error);

/* Where all labels are whole numbers, orders them by these; else they stay in the order in which they came. position[i]
 * (room for count) becomes the new index of what was label i. */
void dcl__labels_order(dcl__labels *labels, int64_t *position);

void dcl__labels_free(dcl__labels *labels);

#endif
