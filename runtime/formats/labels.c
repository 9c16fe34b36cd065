/* labels.c: names of rows and columns, numbered as they come. */
#include "formats/labels.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

/* Longer texts are no labels. */
enum { MOST_TEXT = 4096 };

static int compare_texts(const void *a, const void *b)
{
    return strcmp(((const dcl__label *)a)->text, ((const dcl__label *)b)->text);
}

/* A label of the text; NULL when memory is out. */
static dcl__label *make_label(const char *begin, const char *end, int64_t index)
{
    dcl__label *label = malloc(sizeof *label + (size_t)(end - begin) + 1);
    if (!label)
        return NULL;
    label->index = index;
    char *to = label->text;
    for (const char *at = begin; at < end; at++) {
        *to++ = *at;
        at += *at == '"' && at + 1 < end && at[1] == '"';
    }
    *to = '\0';
    return label;
}

int64_t dcl__labels_find(const dcl__labels *labels, const char *begin, const char *end)
{
    dcl__label *label = end - begin > MOST_TEXT ? NULL : make_label(begin, end, 0);
    void *const *found = label ? tfind(label, &labels->tree, compare_texts) : NULL;
    free(label);
    return found ? ((const dcl__label *)*found)->index : -1;
}

dcl_status dcl__labels_add(dcl__labels *labels, const char *begin, const char *end, int64_t *index, dcl_error *error)
{
    if (end - begin > MOST_TEXT)
        return dcl__fail(error, DCL_EFORMAT, "a name of a row or column has %td bytes, more than %d", end - begin,
                         (int)MOST_TEXT);
    dcl_status status = dcl__grow(&labels->items, sizeof *labels->items, labels->count, &labels->capacity,
                                  "names of rows or columns", error);
    if (status)
        return status;
    dcl__label *label = make_label(begin, end, (int64_t)labels->count);
    dcl__label *const *found = label ? tsearch(label, &labels->tree, compare_texts) : NULL;
    if (!found) {
        free(label);
        return dcl__no_memory(error, "names of rows or columns", end - begin);
    }
    if (*found == label)
        labels->items[labels->count++] = label;
    else
        free(label);
    *index = (*found)->index;
    return DCL_OK;
}

/* ---- Order ---- */

static int is_whole(const char *text)
{
    char *end;
    errno = 0;
    strtoll(text, &end, 10);
    return end > text && *end == '\0' && errno == 0;
}

static int compare_numbers(const void *a, const void *b)
{
    const long long x = strtoll((*(dcl__label *const *)a)->text, NULL, 10);
    const long long y = strtoll((*(dcl__label *const *)b)->text, NULL, 10);
    return x < y ? -1 : x > y;
}

void dcl__labels_order(dcl__labels *labels, int64_t *position)
{
    int numbers = 1;
    for (size_t i = 0; i < labels->count; i++)
        numbers = numbers && is_whole(labels->items[i]->text);
    if (numbers && labels->count > 0)
        qsort(labels->items, labels->count, sizeof *labels->items, compare_numbers);
    for (size_t i = 0; i < labels->count; i++) {
        position[labels->items[i]->index] = (int64_t)i;
        labels->items[i]->index = (int64_t)i;
    }
}

void dcl__labels_free(dcl__labels *labels)
{
    while (labels->tree) {
        void *label = *(void **)labels->tree;
        tdelete(label, &labels->tree, compare_texts);
        free(label);
    }
    free(labels->items);
    *labels = (dcl__labels){0};
}
