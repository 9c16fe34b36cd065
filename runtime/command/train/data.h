/* data.h: reads samples and their targets for `dropcl train`. */
#ifndef DCL__TRAIN_DATA_H
#define DCL__TRAIN_DATA_H

#include "formats/array.h"

/* Samples as rows, with a row of targets each. Zero it before reading; free it also after a failure. */
typedef struct dcl__samples {
    dcl__array inputs, targets;
} dcl__samples;

/* Reads both files; inputs are multiplied by `scale`. Targets that are a vector or a single column are labels of
 * classes when `classifies`, whole numbers from 0 on, each of which becomes a row with a 1 in the place of the label;
 * else they are numbers. `like` NULL: there are as many classes as the largest label says; else as many as its targets
 * have. Every message names its file. */
dcl_status dcl__samples_read(const char *inputs, const char *targets, uint32_t dtype, double scale, int classifies,
                             const dcl__samples *like, dcl__samples *samples, dcl_error *error);
void dcl__samples_free(dcl__samples *samples);

/* Puts the samples into a random order that the seed alone decides. */
void dcl__samples_shuffle(dcl__samples *samples, uint64_t seed);

/* Rows first .. first + rows - 1 of an array, as they lie in it. */
dcl_matrix dcl__rows_of(const dcl__array *array, int64_t first, int64_t rows);

#endif
