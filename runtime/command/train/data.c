/* data.c: reads samples and their targets for `dropcl train`. */
#include "command/train/data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "command/files.h"
#include "core/error.h"
#include "recipes/factorization/factorization.h"

static const int64_t MOST_CLASSES = 100000;

dcl_matrix dcl__rows_of(const dcl__array *array, int64_t first, int64_t rows)
{
    const char *data = (const char *)array->data + first * array->dim[1] * dcl__dtype_size(array->dtype);
    return (dcl_matrix){rows, array->dim[1], array->dtype, data};
}

/* ---- Labels ---- */

static int64_t count_of(const dcl__array *array)
{
    return array->rank == 1 ? array->dim[0] : array->dim[0] * array->dim[1];
}

/* The largest number when all are whole and none is negative; else -1. */
static double largest_label(const dcl__array *array)
{
    double largest = 0;
    for (int64_t i = 0; i < count_of(array); i++) {
        const double label = dcl__array_get(array, i);
        if (!(label >= 0) || label != floor(label))
            return -1;
        largest = fmax(largest, label);
    }
    return largest;
}

/* Replaces labels by rows with a 1 in their place. */
static dcl_status spread(dcl__array *labels, int64_t classes, dcl_error *error)
{
    dcl__array spread = {0};
    const int64_t count = count_of(labels);
    dcl_status status = dcl__array_allocate(&spread, labels->dtype, 2, (int64_t[]){count, classes}, error);
    for (int64_t i = 0; i < count && status == DCL_OK; i++)
        dcl__array_set(&spread, i * classes + (int64_t)dcl__array_get(labels, i), 1);
    if (status == DCL_OK) {
        dcl__array_free(labels);
        *labels = spread;
    }
    return status;
}

static dcl_status check_numbers(const dcl__array *targets, dcl_error *error)
{
    if (targets->rank < 1 || targets->rank > 2 || count_of(targets) < 1)
        return dcl__fail(error, DCL_EFORMAT, "targets must be labels, numbers, or a matrix with a row for each sample");
    for (int64_t i = 0; i < count_of(targets); i++)
        if (!isfinite(dcl__array_get(targets, i)))
            return dcl__fail(error, DCL_EFORMAT, "target %" PRId64 " is not finite; replace it by a finite number",
                             i + 1);
    return DCL_OK;
}

/* A label that is far too large, such as a mistyped one, would ask for as many classes. */
static dcl_status check_classes(const dcl__array *labels, double largest, dcl_error *error)
{
    enum { ALWAYS_FINE = 1000, EMPTIEST = 10 };
    const int64_t classes = (int64_t)largest + 1;
    int64_t found = 0;
    if (largest >= (double)MOST_CLASSES)
        return dcl__fail(error, DCL_EFORMAT, "the label %.0f is too large: there are labels from 0 to %" PRId64 " at "
                         "most; numbers that are no labels go with --loss squared", largest, MOST_CLASSES - 1);
    char *occurs = calloc((size_t)classes, 1);
    if (!occurs)
        return dcl__no_memory(error, "the classes", classes);
    for (int64_t i = 0; i < count_of(labels); i++) {
        char *const one = &occurs[(int64_t)dcl__array_get(labels, i)];
        found += !*one;
        *one = 1;
    }
    free(occurs);
    if (classes <= ALWAYS_FINE || found >= classes / EMPTIEST)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "the largest label is %.0f, but only %" PRId64 " different ones occur: number "
                     "the classes from 0 on, without gaps", largest, found);
}

/* Makes a matrix of the targets: of labels where samples are classified, else of numbers. */
static dcl_status shape_targets(dcl__array *targets, int classifies, const dcl__samples *like, dcl_error *error)
{
    dcl_status status = check_numbers(targets, error);
    if (status || (targets->rank == 2 && !(classifies && targets->dim[1] == 1)))
        return status;
    if (!classifies) {
        targets->rank = 2;
        targets->dim[1] = 1;
        return DCL_OK;
    }
    const double largest = largest_label(targets);
    if (largest < 0)
        return dcl__fail(error, DCL_EFORMAT, "labels must be whole numbers from 0 on; give such, a row of "
                         "probabilities for each sample, or --loss squared");
    if (like && largest >= (double)like->targets.dim[1])
        return dcl__fail(error, DCL_EFORMAT, "the label %.0f is too large: there are labels from 0 to %" PRId64 " in "
                         "the training data", largest, like->targets.dim[1] - 1);
    status = like ? DCL_OK : check_classes(targets, largest, error);
    return status ? status : spread(targets, like ? like->targets.dim[1] : (int64_t)largest + 1, error);
}

/* ---- Samples ---- */

static dcl_status check_like(const char *inputs, const char *targets, const dcl__samples *samples,
                             const dcl__samples *like, dcl_error *error)
{
    const dcl__array *x = &samples->inputs, *t = &samples->targets;
    if (x->dim[0] != t->dim[0])
        return dcl__fail(error, DCL_EFORMAT, "%s has %" PRId64 " samples, its rows, but %s has targets of %" PRId64,
                         inputs, x->dim[0], targets, t->dim[0]);
    if (like && (x->dim[1] != like->inputs.dim[1] || t->dim[1] != like->targets.dim[1]))
        return dcl__fail(error, DCL_EFORMAT, "%s and %s have %" PRId64 " features and %" PRId64 " targets a sample, "
                         "the training data %" PRId64 " and %" PRId64, inputs, targets, x->dim[1], t->dim[1],
                         like->inputs.dim[1], like->targets.dim[1]);
    return DCL_OK;
}

dcl_status dcl__samples_read(const char *inputs, const char *targets, uint32_t dtype, double scale, int classifies,
                             const dcl__samples *like, dcl__samples *samples, dcl_error *error)
{
    dcl_status status = dcl__read_scaled(inputs, dtype, scale, &samples->inputs, error);
    if (status == DCL_OK)
        status = dcl__read_array(targets, dtype, &samples->targets, error);
    if (status)
        return status;
    status = shape_targets(&samples->targets, classifies, like, error);
    return status ? dcl__prefix(error, status, "%s", targets) : check_like(inputs, targets, samples, like, error);
}

void dcl__samples_free(dcl__samples *samples)
{
    dcl__array_free(&samples->inputs);
    dcl__array_free(&samples->targets);
}

static void swap_rows(dcl__array *array, int64_t a, int64_t b)
{
    for (int64_t j = 0; j < array->dim[1]; j++) {
        const double held = dcl__array_get(array, a * array->dim[1] + j);
        dcl__array_set(array, a * array->dim[1] + j, dcl__array_get(array, b * array->dim[1] + j));
        dcl__array_set(array, b * array->dim[1] + j, held);
    }
}

/* Fisher and Yates; the remainder of 64 random bits is as good as uniform. */
void dcl__samples_shuffle(dcl__samples *samples, uint64_t seed)
{
    for (int64_t i = samples->inputs.dim[0] - 1; i > 0; i--) {
        uint32_t words[4];
        dcl_random_words(seed, 0, DCL__STREAM_HOLDOUT, (uint64_t)i, words);
        const int64_t other = (int64_t)(((uint64_t)words[1] << 32 | words[0]) % ((uint64_t)i + 1));
        swap_rows(&samples->inputs, i, other);
        swap_rows(&samples->targets, i, other);
    }
}
