/* complete_picture.c: the picture of a completion: errors, rank and gap over lambda, gap over time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/complete.h"
#include "command/files.h"
#include "core/error.h"
#include "formats/plot.h"

/* The curves, taken apart from the records. */
typedef struct curves {
    double *lambda, *rank, *gap, *training, *holdout;
    double *seconds, *objective, *bound, *gap_then;
} curves;

static dcl_status make_curves(const dcl_completion_result *r, curves *c, dcl_error *error)
{
    const int64_t points = r->path_count, rounds = r->history_count, count = 5 * points + 4 * rounds;
    double *room = calloc((size_t)count + 1, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the picture", count * (int64_t)sizeof *room);
    *c = (curves){room, room + points, room + 2 * points, room + 3 * points, room + 4 * points, room + 5 * points,
                  room + 5 * points + rounds, room + 5 * points + 2 * rounds, room + 5 * points + 3 * rounds};
    for (int64_t k = 0; k < points; k++) {
        c->lambda[k] = r->path[k].lambda;
        c->rank[k] = (double)r->path[k].rank;
        c->gap[k] = r->path[k].certificate.relative_gap;
        c->training[k] = r->path[k].training.rmse;
        c->holdout[k] = r->path[k].holdout.rmse;
    }
    for (int64_t i = 0; i < rounds; i++) {
        c->seconds[i] = r->history[i].seconds;
        c->objective[i] = r->history[i].objective;
        c->bound[i] = r->history[i].lower_bound;
        c->gap_then[i] = r->history[i].gap;
    }
    return DCL_OK;
}

static dcl_status draw(const dcl__complete_facts *f, const dcl_completion_result *r, const curves *c, dcl_error *error)
{
    char title[256], facts[256];
    const int64_t points = r->path_count, rounds = r->history_count;
    const dcl_completion_point *chosen = &r->path[r->chosen];
    const int style = points > 1 ? DCL__LINE : DCL__POINTS;
    const dcl__series errors[] = {{"holdout", points, c->lambda, c->holdout, style, DCL__VERMILION, 0, 0, 0},
                                  {"training", points, c->lambda, c->training, style, DCL__BLUE, 0, 0, 0}};
    const dcl__level baseline[] = {{"biases alone", r->baseline_holdout.rmse, DCL__BLACK}};
    const dcl__series rank[] = {{NULL, points, c->lambda, c->rank, style, DCL__BLUE, 0, 0, 0}};
    const dcl__series objective[] = {{"objective", rounds, c->seconds, c->objective, DCL__LINE, DCL__BLUE, 0, 0, 0},
                                     {"lower bound", rounds, c->seconds, c->bound, DCL__LINE, DCL__VERMILION, 0, 0, 0}};
    const dcl__series gap[] = {{NULL, rounds, c->seconds, c->gap_then, DCL__LINE, DCL__BLUE, 0, 0, 0}};
    const dcl__panel panels[] = {
        {.title = "Error of predictions", .x_label = "\xce\xbb", .y_label = "root mean square", .log_x = 1,
         .series = errors, .series_count = 2, .levels = baseline, .level_count = 1},
        {.title = "Rank", .x_label = "\xce\xbb", .y_label = "rank", .log_x = 1, .series = rank, .series_count = 1},
        {.title = "Objective and lower bound", .x_label = "seconds", .y_label = "objective", .series = objective,
         .series_count = 2},
        {.title = "Gap", .x_label = "seconds", .y_label = "(objective \xe2\x88\x92 bound) / objective", .log_y = 1,
         .series = gap, .series_count = 1}};
    snprintf(title, sizeof title, "Completion of %.200s", f->source);
    snprintf(facts, sizeof facts, "chosen \xce\xbb %.4g: rank %lld, holdout rmse %.4g (biases alone %.4g), gap %.1e",
             chosen->lambda, (long long)chosen->rank, chosen->holdout.rmse, r->baseline_holdout.rmse,
             chosen->certificate.relative_gap);
    const dcl__page page = {title, facts, panels, 4, 2};
    return dcl__plot_write(dcl__join(f->folder, "report.svg").text, dcl__join(f->folder, "report.png").text, &page,
                           error);
}

dcl_status dcl__draw_completion(const dcl__complete_facts *f, const dcl_completion_result *r, dcl_error *error)
{
    curves c = {0};
    dcl_status status = make_curves(r, &c, error);
    if (status == DCL_OK)
        status = draw(f, r, &c, error);
    free(c.lambda);
    return status;
}
