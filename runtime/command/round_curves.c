/* round_curves.c: the rounds of a growth as curves of a picture. */
#include "command/round_curves.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"

enum { CURVES = 5 };

static void add(dcl__round_curves *c, double seconds, double objective, double bound, double gap, double units)
{
    c->seconds[c->count] = seconds;
    c->objective[c->count] = objective;
    c->bound[c->count] = bound;
    c->gap[c->count] = gap;
    c->units[c->count++] = units;
}

dcl_status dcl__round_curves_make(const dcl_growth_round *history, int64_t rounds, dcl__round_curves *c,
                                  dcl_error *error)
{
    const int64_t most = 2 * rounds + 1;
    double *room = malloc((size_t)(CURVES * most) * sizeof *room);
    *c = (dcl__round_curves){0};
    if (!room)
        return dcl__no_memory(error, "the picture", CURVES * most * (int64_t)sizeof *room);
    *c = (dcl__round_curves){0, room, room + most, room + 2 * most, room + 3 * most, room + 4 * most};
    for (const dcl_growth_round *h = history; h < history + rounds; h++) {
        if (h > history && h->lambda != h[-1].lambda)
            add(c, NAN, NAN, NAN, NAN, NAN);
        add(c, h->seconds, h->objective, h->lower_bound, h->gap, (double)h->width);
    }
    return DCL_OK;
}

void dcl__round_curves_free(dcl__round_curves *c)
{
    free(c->seconds);
    *c = (dcl__round_curves){0};
}
