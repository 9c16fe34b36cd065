/* picture.c: the picture of a completion: errors, rank and gap over lambda, gap over time. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/complete/complete.h"
#include "command/files.h"
#include "command/round_curves.h"
#include "core/error.h"
#include "formats/plot.h"

/* In points: the dot at the chosen lambda. */
static const double CHOSEN = 6;

/* Of the least error on the holdout: what is near it. */
static const double NEAR = 1.1;

/* The curves, taken apart from the records. */
typedef struct curves {
    double *lambda, *rank, *training, *holdout;
    double *near;                /* the holdout where it is near its least, else NAN                 */
    dcl__round_curves rounds;
} curves;

static dcl_status make_curves(const dcl__complete_facts *f, const dcl_completion_result *r, curves *c, dcl_error *error)
{
    const int64_t points = r->path_count, count = 5 * points;
    const double most = NEAR * r->path[r->chosen].holdout.rmse;
    double *room = malloc((size_t)count * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the picture", count * (int64_t)sizeof *room);
    *c = (curves){.lambda = room, .rank = room + points, .training = room + 2 * points, .holdout = room + 3 * points,
                  .near = room + 4 * points};
    for (int64_t k = 0; k < points; k++) {
        c->lambda[k] = r->path[k].lambda;
        c->rank[k] = (double)r->path[k].rank;
        c->training[k] = r->path[k].training.rmse;
        c->holdout[k] = r->path[k].holdout.rmse;
        c->near[k] = c->holdout[k] <= most ? c->holdout[k] : NAN;
    }
    return dcl__round_curves_make(r->history, r->history_count, f->options->tolerance, &c->rounds, error);
}

/* The errors on the test and the holdout, or in training where there is none. */
static void describe(const dcl__complete_facts *f, const dcl_completion_result *r, char text[256])
{
    const dcl_completion_point *chosen = &r->path[r->chosen];
    const dcl_prediction_error *biases = f->holdout ? &r->baseline_holdout : &r->baseline_training;
    char test[40] = "";
    if (f->test)
        snprintf(test, sizeof test, "test rmse %.4g, ", dcl_predictor_assess(&r->predictor, &f->test->entries).rmse);
    snprintf(text, 256, "%s\xce\xbb %.4g: rank %lld, %s%s rmse %.4g (%s %.4g), gap %.1e",
             r->path_count > 1 ? "chosen " : "", chosen->lambda, (long long)chosen->rank, test,
             f->holdout ? "holdout" : "training", (f->holdout ? &chosen->holdout : &chosen->training)->rmse,
             dcl__baseline_name(f->options), biases->rmse, chosen->certificate.relative_gap);
}

/* Of a path: how the error on the holdout runs near its least, which the whole path would flatten. */
static dcl__panel minimum_panel(const dcl__series *near)
{
    return (dcl__panel){.title = "Holdout near its minimum", .note = "the \xce\xbb within 10 % of the least error",
                        .x_label = "\xce\xbb", .y_label = "root mean square", .log_x = 1, .series = near,
                        .series_count = 2};
}

/* Under dropout no tolerance is asked for. */
static dcl__panel gap_panel(const dcl__complete_facts *f, const dcl__round_curves *rounds)
{
    dcl__panel panel = dcl__gap_panel(rounds);
    panel.level_count = f->options->noise != DCL_NOISE_DROPOUT;
    return panel;
}

static dcl_status draw(const dcl__complete_facts *f, const dcl_completion_result *r, const curves *c, dcl_error *error)
{
    char title[256], facts[256];
    const int64_t points = r->path_count;
    const double *at = c->lambda + r->chosen, *holdout = c->holdout + r->chosen;
    const int has_minimum = f->holdout && points > 1;
    const dcl__series errors[] = {{"training", points, c->lambda, c->training, DCL__MARKED, DCL__BLUE, 0, 0, 0},
                                  {"holdout", points, c->lambda, c->holdout, DCL__MARKED, DCL__VERMILION, 0, 0, 0},
                                  {"chosen", 1, at, holdout, DCL__POINTS, DCL__BLACK, 0, 0, CHOSEN}};
    const dcl__series near[] = {{"holdout", points, c->lambda, c->near, DCL__MARKED, DCL__VERMILION, 0, 0, 0},
                                {"chosen", 1, at, holdout, DCL__POINTS, DCL__BLACK, 0, 0, CHOSEN}};
    const dcl__series rank[] = {{NULL, points, c->lambda, c->rank, DCL__MARKED, DCL__BLUE, 0, 0, 0},
                                {"chosen", 1, at, c->rank + r->chosen, DCL__POINTS, DCL__BLACK, 0, 0, CHOSEN}};
    const dcl__level baseline[] = {
        {dcl__baseline_name(f->options), (f->holdout ? &r->baseline_holdout : &r->baseline_training)->rmse,
         DCL__BLACK}};
    const dcl__panel panels[] = {
        {.title = "Error of predictions", .x_label = "\xce\xbb", .y_label = "root mean square", .log_x = 1,
         .series = errors, .series_count = has_minimum ? 3 : f->holdout ? 2 : 1, .levels = baseline, .level_count = 1},
        has_minimum ? minimum_panel(near) : dcl__descent_panel(&c->rounds),
        {.title = "Rank", .x_label = "\xce\xbb", .y_label = "rank", .log_x = 1, .series = rank,
         .series_count = has_minimum ? 2 : 1, .zero_y = 1},
        gap_panel(f, &c->rounds)};
    snprintf(title, sizeof title, "Completion of %.200s", f->source);
    describe(f, r, facts);
    const dcl__page page = {title, facts, panels, 4, 2};
    return dcl__plot_write(dcl__join(f->folder, "report.svg").text, dcl__join(f->folder, "report.png").text, &page,
                           error);
}

dcl_status dcl__draw_completion(const dcl__complete_facts *f, const dcl_completion_result *r, dcl_error *error)
{
    curves c = {0};
    dcl_status status = make_curves(f, r, &c, error);
    if (status == DCL_OK)
        status = draw(f, r, &c, error);
    dcl__round_curves_free(&c.rounds);
    free(c.lambda);
    return status;
}
