/* grow_picture.c: the picture of a growth: objective and bound, gap, units or rank, singular values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/factorize/grow.h"
#include "command/factorize/picture.h"
#include "command/round_curves.h"
#include "core/error.h"
#include "formats/plot.h"

/* The curves, taken apart from the records. */
typedef struct curves {
    dcl__round_curves rounds;
    int64_t points;
    double *lambda, *rank, *path_gap;
} curves;

static dcl_status make_curves(const dcl__grow_facts *f, const dcl_growth_result *r, curves *c, dcl_error *error)
{
    const int64_t count = 3 * f->point_count;
    dcl_status status = dcl__round_curves_make(r->history, r->history_count, f->run->tolerance, &c->rounds, error);
    if (status)
        return status;
    double *room = calloc((size_t)count + 1, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the picture", count * (int64_t)sizeof *room);
    c->points = f->point_count;
    c->lambda = room;
    c->rank = room + c->points;
    c->path_gap = room + 2 * c->points;
    for (int64_t k = 0; k < c->points; k++) {
        c->lambda[k] = f->points[k].lambda;
        c->rank[k] = (double)f->points[k].rank;
        c->path_gap[k] = f->points[k].gap;
    }
    return DCL_OK;
}

static dcl__panel singular_values(const char *title, const dcl__series *values)
{
    return (dcl__panel){.title = title, .x_label = "index", .y_label = "value", .log_y = 1, .series = values,
                        .series_count = 1, .zero_x = 1, .least = values->count ? DCL__LEAST_VALUE * values->y[0] : 0,
                        .empty = "no units"};
}

/* How a single lambda came about. */
static dcl_status draw_rounds(const char *svg, const char *png, const char *title, const char *facts, const curves *c,
                              const dcl_growth_result *r, dcl_error *error)
{
    const dcl__round_curves *w = &c->rounds;
    const dcl__series units[] = {{NULL, w->count, NULL, w->units, DCL__MARKED, DCL__BLUE, 0, 0, 0}};
    const dcl__series values[] = {{NULL, r->width, NULL, r->values, DCL__POINTS, DCL__BLUE, 0, 0, 0}};
    const dcl__panel panels[] = {
        dcl__descent_panel(w), dcl__gap_panel(w),
        {.title = "Units", .x_label = "round", .y_label = "units", .series = units, .series_count = 1, .zero_x = 1,
         .zero_y = 1},
        singular_values("Singular values of U V\xe1\xb5\x80", values)};
    const dcl__page page = {title, facts, panels, 4, 2};
    return dcl__plot_write(svg, png, &page, error);
}

static dcl_status draw_path(const char *svg, const char *png, const char *title, const char *facts, const curves *c,
                            const dcl_growth_result *r, dcl_error *error)
{
    const dcl__round_curves *w = &c->rounds;
    const dcl__series rank[] = {{NULL, c->points, c->lambda, c->rank, DCL__MARKED, DCL__BLUE, 0, 0, 0}};
    const dcl__series gap[] = {{NULL, c->points, c->lambda, c->path_gap, DCL__MARKED, DCL__BLUE, 0, 0, 0}};
    const dcl__series values[] = {{NULL, r->width, NULL, r->values, DCL__POINTS, DCL__BLUE, 0, 0, 0}};
    const dcl__panel panels[] = {
        {.title = "Rank along the path", .x_label = "\xce\xbb", .y_label = "rank", .log_x = 1, .series = rank,
         .series_count = 1, .zero_y = 1},
        {.title = "Gap along the path", .x_label = "\xce\xbb", .y_label = "(objective \xe2\x88\x92 bound) / objective",
         .log_x = 1, .log_y = 1, .series = gap, .series_count = 1, .levels = &w->tolerance, .level_count = 1,
         .least = dcl__least_gap(w)},
        dcl__gap_panel(w), singular_values("Singular values at the last \xce\xbb", values)};
    const dcl__page page = {title, facts, panels, 4, 2};
    return dcl__plot_write(svg, png, &page, error);
}

dcl_status dcl__draw_grow(const char *svg_file, const char *png_file, const char *title, const dcl__grow_facts *f,
                          const dcl_growth_result *r, dcl_error *error)
{
    curves c = {0};
    char facts[200];
    const dcl_certificate *k = &r->certificate;
    snprintf(facts, sizeof facts, "objective %.6g, lower bound %.6g, gap %.1e, rank %lld, polar %.6g (\xce\xbb %.6g)",
             k->objective, k->lower_bound, k->relative_gap, (long long)k->rank, k->polar, f->problem->lambda);
    dcl_status status = make_curves(f, r, &c, error);
    if (status == DCL_OK)
        status = f->point_count > 1 ? draw_path(svg_file, png_file, title, facts, &c, r, error)
                                    : draw_rounds(svg_file, png_file, title, facts, &c, r, error);
    dcl__round_curves_free(&c.rounds);
    free(c.lambda);
    return status;
}
