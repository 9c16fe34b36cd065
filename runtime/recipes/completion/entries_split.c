/* entries_split.c: divides known entries into those to train with and those set aside. */
#include <inttypes.h>
#include <stdlib.h>

#include "core/error.h"
#include "recipes/common/streams.h"

/* A part under way; its arrays are as long as all entries could need. */
typedef struct part {
    int64_t *start, *column;
    double *value, *weight;
    int64_t count;
} part;

void dcl_entries_release(dcl_entries *entries)
{
    free((void *)entries->start);
    free((void *)entries->column);
    free((void *)entries->value);
    free((void *)entries->weight);
    *entries = (dcl_entries){0};
}

/* Whether entry e is drawn: the words of Philox index e / 4, one for each entry. */
static int is_drawn(uint64_t seed, uint32_t draw, double share, int64_t e)
{
    uint32_t words[4];
    dcl_random_words(seed, draw, DCL__STREAM_HOLDOUT, (uint64_t)(e / 4), words);
    return words[e % 4] < share * 4294967296.0;
}

static int make_part(const dcl_entries *all, int64_t count, part *p)
{
    *p = (part){.start = calloc((size_t)all->rows + 1, sizeof *p->start),
                .column = malloc((size_t)count * sizeof *p->column), .value = malloc((size_t)count * sizeof *p->value),
                .weight = all->weight ? malloc((size_t)count * sizeof *p->weight) : NULL};
    return p->start && p->column && p->value && (!all->weight || p->weight);
}

static void add(part *p, const dcl_entries *all, int64_t row, int64_t e)
{
    p->column[p->count] = all->column[e];
    p->value[p->count] = all->value[e];
    if (p->weight)
        p->weight[p->count] = all->weight[e];
    p->start[row + 1] = ++p->count;
}

static dcl_entries as_entries(const dcl_entries *all, const part *p)
{
    for (int64_t a = 0; a < all->rows; a++)
        if (p->start[a + 1] < p->start[a])
            p->start[a + 1] = p->start[a];
    return (dcl_entries){all->rows, all->columns, p->count, p->start, p->column, p->value, p->weight};
}

dcl_status dcl_entries_split(const dcl_entries *all, double share, uint64_t seed, uint32_t draw,
                             dcl_entries *rest, dcl_entries *aside, dcl_error *error)
{
    int64_t drawn = 0;
    if (!(share > 0 && share < 1))
        return dcl__fail(error, DCL_EINVAL, "a share of %g of the entries is to be set aside, it must be above 0 and "
                         "below 1", share);
    for (int64_t e = 0; e < all->count; e++)
        drawn += is_drawn(seed, draw, share, e);
    if (drawn == 0 || drawn == all->count)
        return dcl__fail(error, DCL_EINVAL, "setting %g of %" PRId64 " entries aside leaves one part empty; choose "
                         "another share, or another seed", share, all->count);
    part parts[2] = {{0}, {0}};
    if (!make_part(all, all->count - drawn, &parts[0]) || !make_part(all, drawn, &parts[1])) {
        for (int i = 0; i < 2; i++) {
            dcl_entries made = {.start = parts[i].start, .column = parts[i].column, .value = parts[i].value,
                                .weight = parts[i].weight};
            dcl_entries_release(&made);
        }
        return dcl__no_memory(error, "the parts of the entries", all->count * (int64_t)(2 * sizeof(double)));
    }
    for (int64_t a = 0; a < all->rows; a++)
        for (int64_t e = all->start[a]; e < all->start[a + 1]; e++)
            add(&parts[is_drawn(seed, draw, share, e)], all, a, e);
    *rest = as_entries(all, &parts[0]);
    *aside = as_entries(all, &parts[1]);
    return DCL_OK;
}
