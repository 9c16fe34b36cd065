/* round_curves.c: the rounds of a growth as curves of a picture. */
#include "command/round_curves.h"

#include <math.h>
#include <stdlib.h>

#include "core/error.h"

enum { CURVES = 5 };

/* Of those who solve, where nobody gives one. */
static const double DEFAULT_TOLERANCE = 1e-4;

static void add(dcl__round_curves *c, double seconds, double objective, double bound, double gap, double units)
{
    c->seconds[c->count] = seconds;
    c->objective[c->count] = objective;
    c->bound[c->count] = bound;
    c->gap[c->count] = gap;
    c->units[c->count++] = units;
}

dcl_status dcl__round_curves_make(const dcl_growth_round *history, int64_t rounds, double tolerance,
                                  dcl__round_curves *c, dcl_error *error)
{
    const int64_t most = 2 * rounds + 1;
    double *room = malloc((size_t)(CURVES * most) * sizeof *room);
    *c = (dcl__round_curves){0};
    if (!room)
        return dcl__no_memory(error, "the picture", CURVES * most * (int64_t)sizeof *room);
    *c = (dcl__round_curves){.seconds = room, .objective = room + most, .bound = room + 2 * most,
                             .gap = room + 3 * most, .units = room + 4 * most};
    for (const dcl_growth_round *h = history; h < history + rounds; h++) {
        if (h > history && h->lambda != h[-1].lambda)
            add(c, NAN, NAN, NAN, NAN, NAN);
        add(c, h->seconds, h->objective, h->lower_bound, h->gap, (double)h->width);
    }
    c->descents[0] = (dcl__series){"objective", c->count, c->seconds, c->objective, DCL__MARKED, DCL__BLUE, 0, 0, 2.4};
    c->descents[1] = (dcl__series){"lower bound", c->count, c->seconds, c->bound, DCL__MARKED, DCL__VERMILION, 0, 0,
                                   2.4};
    c->gaps = (dcl__series){NULL, c->count, c->seconds, c->gap, DCL__MARKED, DCL__BLUE, 0, 0, 2.4};
    c->tolerance = (dcl__level){"tolerance", tolerance > 0 ? tolerance : DEFAULT_TOLERANCE, DCL__BLACK};
    return DCL_OK;
}

dcl__panel dcl__descent_panel(const dcl__round_curves *c)
{
    return (dcl__panel){.title = "Objective and lower bound", .x_label = "seconds", .y_label = "objective",
                        .series = c->descents, .series_count = 2, .zero_x = 1};
}

dcl__panel dcl__gap_panel(const dcl__round_curves *c)
{
    return (dcl__panel){.title = "Gap over time", .x_label = "seconds",
                        .y_label = "(objective \xe2\x88\x92 bound) / objective", .log_y = 1, .series = &c->gaps,
                        .series_count = 1, .levels = &c->tolerance, .level_count = 1, .zero_x = 1,
                        .least = dcl__least_gap(c)};
}

double dcl__least_gap(const dcl__round_curves *c)
{
    return c->tolerance.value / 1000;
}

void dcl__round_curves_free(dcl__round_curves *c)
{
    free(c->seconds);
    *c = (dcl__round_curves){0};
}
