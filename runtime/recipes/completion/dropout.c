/* dropout.c: training on known entries: every step draws a mask of the units for each row, as stochastic.c
 * does for each column. */
#include "recipes/completion/dropout.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/common/advance.h"
#include "recipes/common/assess.h"
#include "recipes/common/entries_graph.h"
#include "recipes/common/sum.h"
#include "recipes/factorization/factorization.h"

enum { USUAL_STEPS = 2000, MOST_REPORTS = 40 };

struct dcl__dropout {
    const dcl_entries *entries;
    dcl__dropout_options options;
    dcl__task task;
    dcl_graph *graph;
    dcl_session *session;
    double *u, *v, *values;      /* as they were fetched last                                        */
    char *seen;                  /* 1 for columns with entries                                       */
    dcl_certificate found;
    dcl_growth_round *history;
    size_t history_count, history_capacity;
    double first_step;
    int stopped;
};

/* ---- Setting up ---- */

/* Sizes that factors of the whole matrix would have if it were all like the known entries. */
static void make_task(dcl__dropout *d)
{
    const dcl_entries *e = d->entries;
    const dcl__dropout_options *o = &d->options;
    const double whole = (double)e->rows * (double)e->columns;
    dcl__sum energy = {0};
    for (int64_t i = 0; i < e->count; i++)
        dcl__add(&energy, e->value[i] * e->value[i]);
    dcl__task *task = &d->task;
    *task = (dcl__task){.rows = e->rows, .columns = e->columns, .width = o->width, .dtype = o->dtype,
                        .lambda = o->lambda, .retain = 1 / (1 + o->lambda),
                        .norm = sqrt(dcl__total(&energy) / (double)e->count * whole),
                        .steps = o->steps > 0 ? o->steps : USUAL_STEPS};
    task->unit_u = sqrt(task->norm / ((double)e->rows * (double)o->width));
    task->unit_v = sqrt(task->norm / ((double)e->columns * (double)o->width));
}

/* Moves one factor, and keeps the mean of where it was as the answer. */
static void move(dcl__dropout *d, const char *answer, dcl_value iterate, dcl_value gradient, double unit)
{
    const dcl_tensor *shape = dcl_value_tensor(d->graph, iterate);
    const int64_t rows = shape ? shape->dim[0] : 1;
    dcl_value next = dcl__optimize(d->graph, &d->task, iterate, gradient, unit, dcl__averaging_schedule(&d->task));
    dcl_value mean = dcl__matrix_parameter(d->graph, answer, rows, d->task.width, 0, 0);
    dcl_graph_assign(d->graph, mean, dcl__average_iterates(d->graph, &d->task, mean, next));
}

static dcl_status build(dcl__dropout *d, const dcl_registry *registry, dcl_error *error)
{
    const dcl__task *task = &d->task;
    const int64_t shape[] = {task->rows, task->width};
    const dcl_setting draw[] = {{.name = "shape", .list = shape, .count = 2},
                                {.name = "retain", .number = task->retain},
                                {.name = "stream", .integer = DCL__STREAM_MASK}, {0}};
    dcl_status status = dcl_graph_create(registry, task->dtype, d->options.seed, &d->graph, error);
    if (status)
        return status;
    dcl_graph *graph = d->graph;
    dcl_value u = dcl__matrix_parameter(graph, "U.iterate", task->rows, task->width, 0.5 * task->unit_u,
                                        DCL__STREAM_U);
    dcl_value v = dcl__matrix_parameter(graph, "V.iterate", task->columns, task->width, 0.5 * task->unit_v,
                                        DCL__STREAM_V);
    dcl_value mask = dcl_graph_apply(graph, "mask", "mask", NULL, 0, draw);
    dcl_value loss = dcl__entries_loss(graph, d->entries, "squared", dcl__binary(graph, "multiply", u, mask), v);
    move(d, "U", u, dcl__binary(graph, "multiply", loss ? loss + 1 : 0, mask), task->unit_u);
    move(d, "V", v, loss ? loss + 2 : 0, task->unit_v);
    dcl_graph_result(graph, "loss", loss);
    return dcl_graph_status(graph, error);
}

static dcl_status allocate(dcl__dropout *d, dcl_error *error)
{
    const size_t rows = (size_t)d->task.rows, columns = (size_t)d->task.columns, width = (size_t)d->task.width;
    d->u = calloc(rows * width, sizeof *d->u);
    d->v = calloc(columns * width, sizeof *d->v);
    d->values = calloc(width, sizeof *d->values);
    d->seen = calloc(columns, 1);
    if (!d->u || !d->v || !d->values || !d->seen)
        return dcl__no_memory(error, "factors", (int64_t)((rows + columns) * width * sizeof(double)));
    for (int64_t i = 0; i < d->entries->count; i++)
        d->seen[d->entries->column[i]] = 1;
    return DCL_OK;
}

dcl_status dcl__dropout_create(const dcl_registry *registry, dcl_device *device, const dcl_entries *entries,
                               const dcl__dropout_options *options, dcl__dropout **dropout, dcl_error *error)
{
    dcl__dropout *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "training", sizeof *made);
    made->entries = entries;
    made->options = *options;
    make_task(made);
    dcl_status status = build(made, registry, error);
    if (status == DCL_OK)
        status = dcl_session_create(device, made->graph, &made->session, error);
    if (status == DCL_OK)
        status = dcl__entries_feed(made->session, entries, error);
    if (status == DCL_OK)
        status = allocate(made, error);
    if (status)
        dcl__dropout_free(made);
    else
        *dropout = made;
    return status;
}

void dcl__dropout_free(dcl__dropout *d)
{
    if (!d)
        return;
    dcl_session_free(d->session);
    dcl_graph_free(d->graph);
    free(d->u);
    free(d->v);
    free(d->values);
    free(d->seen);
    free(d->history);
    free(d);
}

/* ---- What factors are worth ---- */

/* Nothing ever moves a row or column without entries: without this it would keep the numbers that it started with. */
static void clear_unseen(dcl__dropout *d)
{
    const dcl_entries *e = d->entries;
    const int64_t width = d->task.width;
    for (int64_t a = 0; a < e->rows; a++)
        if (e->start[a] == e->start[a + 1])
            memset(d->u + a * width, 0, (size_t)width * sizeof *d->u);
    for (int64_t b = 0; b < e->columns; b++)
        if (!d->seen[b])
            memset(d->v + b * width, 0, (size_t)width * sizeof *d->v);
}

/* Sums over entries. */
typedef struct sums {
    dcl__sum data, squares, slope, energy;   /* slope: <Z, U V'> with Z = -gradient                  */
} sums;

static sums add_up(const dcl__dropout *d)
{
    const dcl_entries *e = d->entries;
    sums s = {0};
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            const double *u = d->u + a * d->task.width, *v = d->v + e->column[i] * d->task.width;
            const double weight = e->weight ? e->weight[i] : 1;
            double x = 0, squares = 0;
            for (int64_t q = 0; q < d->task.width; q++) {
                x += u[q] * v[q];
                squares += u[q] * v[q] * u[q] * v[q];
            }
            const double rest = e->value[i] - x;
            dcl__add(&s.data, weight * rest * rest);
            dcl__add(&s.squares, weight * squares);
            dcl__add(&s.slope, 2 * weight * rest * x);
            dcl__add(&s.energy, weight * e->value[i] * e->value[i]);
        }
    return s;
}

static double balance_of(const dcl__dropout *d)
{
    double worst = 0;
    for (int64_t q = 0; q < d->task.width; q++) {
        double u = 0, v = 0;
        for (int64_t a = 0; a < d->task.rows; a++)
            u = hypot(u, d->u[a * d->task.width + q]);
        for (int64_t b = 0; b < d->task.columns; b++)
            v = hypot(v, d->v[b * d->task.width + q]);
        if (u > 0 && v > 0)
            worst = fmax(worst, fabs(u - v) / sqrt(u * v));
    }
    return worst;
}

/* All but rank and balance, which cost more. */
static void weigh(dcl__dropout *d)
{
    const sums s = add_up(d);
    const double mu = d->task.lambda / (double)d->task.width, rounding = 16 * 0x1p-53;
    dcl_certificate *c = &d->found;
    *c = (dcl_certificate){.data_term = dcl__total(&s.data), .regularizer = d->task.lambda * dcl__total(&s.squares),
                           .polar = NAN, .polar_reached = NAN, .proof = DCL_PROOF_RIGOROUS};
    c->objective = c->data_term + c->regularizer;
    c->lower_bound = mu / (1 + mu) * dcl__total(&s.energy) * (1 - rounding);
    if (c->objective > 0) {
        c->relative_gap = fmax((c->objective - c->lower_bound) / c->objective, 0);
        c->stationarity = fabs(dcl__total(&s.slope) - 2 * c->regularizer) / c->objective;
    }
}

static dcl_status fetch(dcl__dropout *d, const char *u, const char *v, dcl_error *error)
{
    dcl_status status = dcl_session_fetch(d->session, u, DCL_F64, d->u, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(d->session, v, DCL_F64, d->v, error);
    if (status)
        return status;
    clear_unseen(d);
    weigh(d);
    return DCL_OK;
}

/* ---- Training ---- */

/* Whether somebody wants the run to end, asked with the last report. */
static int is_interrupted(void *user)
{
    const dcl__dropout *d = user;
    const dcl__dropout_options *o = &d->options;
    return d->history_count > 0 && o->progress && o->progress(o->user, &d->history[d->history_count - 1]);
}

static dcl_status report(dcl__dropout *d, dcl_error *error)
{
    dcl_status status = fetch(d, "U", "V", error);
    if (status == DCL_OK)
        status = dcl__grow(&d->history, sizeof *d->history, d->history_count, &d->history_capacity, "the history",
                           error);
    if (status)
        return status;
    dcl_growth_round *round = &d->history[d->history_count++];
    *round = (dcl_growth_round){.round = (int64_t)d->history_count, .width = d->task.width,
                                .steps = dcl_session_steps(d->session), .seconds = dcl__now() - d->options.started,
                                .lambda = d->task.lambda, .objective = d->found.objective,
                                .lower_bound = d->found.lower_bound, .gap = d->found.relative_gap, .polar = NAN};
    if (!isfinite(round->objective))
        return dcl__fail(error, DCL_ENUMERIC, "the objective is no longer finite at step %" PRId64 " (choose f64, or "
                         "scale the data)", round->steps);
    d->stopped = is_interrupted(d);
    return DCL_OK;
}

dcl_status dcl__dropout_run(dcl__dropout *d, dcl_error *error)
{
    const int64_t interval = (d->task.steps + MOST_REPORTS - 1) / MOST_REPORTS;
    dcl_status status = DCL_OK;
    while (status == DCL_OK && !d->stopped && dcl_session_steps(d->session) < d->task.steps) {
        const int64_t left = d->task.steps - dcl_session_steps(d->session);
        status = dcl__advance(d->session, d->history_count == 0 ? 1 : left < interval ? left : interval,
                              is_interrupted, d, &d->stopped, error);
        if (d->first_step == 0)
            d->first_step = dcl__now() - d->options.started;
        if (status == DCL_OK)
            status = report(d, error);
    }
    return status;
}

/* ---- The end ---- */

dcl_status dcl__dropout_finish(dcl__dropout *d, dcl_growth_result *result, dcl_error *error)
{
    dcl_status status = fetch(d, "U", "V", error);
    if (status == DCL_OK)
        status = dcl__product_values(d->task.rows, d->task.columns, d->u, d->v, d->task.width, d->values, error);
    if (status)
        return status;
    d->found.rank = dcl__rank_under_noise(d->values, d->task.width);
    d->found.balance_error = balance_of(d);
    const int rests = !d->stopped && d->history_count > 0 &&
                      dcl__is_at_rest(&d->history->objective, sizeof *d->history, d->history_count);
    *result = (dcl_growth_result){
        .rows = d->task.rows, .columns = d->task.columns, .width = d->task.width, .u = d->u, .v = d->v,
        .certificate = d->found, .values = d->values, .history = d->history, .history_count = (int64_t)d->history_count,
        .steps = dcl_session_steps(d->session), .seconds = dcl__now() - d->options.started,
        .seconds_to_first_step = d->first_step, .status = rests ? DCL_CONVERGED : DCL_STOPPED,
        .reason = rests ? "no certificate is known for dropout on known entries" : "the steps came to an end"};
    return DCL_OK;
}

dcl_status dcl__dropout_expectation(dcl__dropout *d, int64_t draws, double *mean, double *deviation, double *objective,
                                    dcl_error *error)
{
    dcl_status status = dcl__average_losses(d->session, draws, mean, deviation, error);
    if (status == DCL_OK)
        status = fetch(d, "U.iterate", "V.iterate", error);
    *objective = d->found.objective;
    return status;
}
