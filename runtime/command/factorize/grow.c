/* grow.c: `dropcl factorize --solver grow`: one lambda or a falling path of them. */
#include "command/factorize/grow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/files.h"
#include "command/observations.h"
#include "core/error.h"
#include "recipes/certificate/certificate.h"

enum { MOST_PATH = 1000 };

/* Of the largest lambda, where nobody gives one. */
static const double DEFAULT_SHARE = 0.1;

/* A run under way. */
typedef struct state {
    const dcl__grow_run *run;
    dcl__tools tools;
    dcl__observations data;
    dcl_problem problem;
    dcl_growth *growth;
    dcl__results results;
    dcl__path_point *points;
    int64_t point_count;
    double ready, largest, shown;            /* seconds; lambda; when the progress line was last written */
    int64_t round;               /* shown                                                            */
} state;

static int loss_of(const dcl__grow_request *q)
{
    return q->loss == 2 ? DCL_LOSS_LOGISTIC : DCL_LOSS_SQUARED;
}

static const dcl__penalty *penalty_of(const dcl__grow_request *q)
{
    return q->penalty ? dcl__penalty_named(q->penalty) : dcl__penalty_find(DCL_PENALTY_NUCLEAR);
}

/* ---- Checks ---- */

static int refuse_penalty(const char *name)
{
    char names[256] = "";
    size_t length = 0;
    for (size_t i = 0; dcl__penalty_at(i); i++)
        if (dcl__penalty_at(i)->polar && length < sizeof names)
            length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", length ? ", " : "",
                                       dcl__penalty_at(i)->name);
    const dcl__penalty *known = dcl__penalty_named(name);
    if (known)
        return dcl__misuse("factorize", "--penalty %s is of a fixed number of units, which does not grow: take "
                           "--solver explicit; grow knows %s", name, names);
    return dcl__misuse("factorize", "there is no --penalty %s, only %s", name, names);
}

static int check_numbers(const dcl__grow_request *q, double lambda)
{
    if (!isnan(lambda) && !(lambda >= 0 && isfinite(lambda)))
        return dcl__misuse("factorize", "--lambda is %g, it must be a number of at least 0", lambda);
    if (!isnan(q->share) && !isnan(lambda))
        return dcl__misuse("factorize", "--lambda and --share say the same, give one of them");
    if (!isnan(q->share) && !(q->share > 0 && q->share <= 1))
        return dcl__misuse("factorize", "--share is %g, it must be above 0 and at most 1", q->share);
    if (q->path > MOST_PATH)
        return dcl__misuse("factorize", "--path is %lld, it must be from 1 to %d", (long long)q->path, MOST_PATH);
    if (q->path > 1 && lambda == 0)
        return dcl__misuse("factorize", "--path falls by equal factors and never reaches --lambda 0");
    if (!isnan(q->mixture) && !(q->mixture >= 0 && q->mixture <= 1))
        return dcl__misuse("factorize", "--mixture is %g, it must be from 0 to 1", q->mixture);
    return DCL__GO_ON;
}

int dcl__check_grow(const dcl__grow_request *q, int is_grow, double lambda)
{
    if (!is_grow && (q->penalty || q->loss || q->path || !isnan(q->share) || !isnan(q->mixture)))
        return dcl__misuse("factorize", "--penalty, --loss, --path, --share and --mixture are for --solver grow");
    if (!is_grow)
        return DCL__GO_ON;
    const dcl__penalty *penalty = penalty_of(q);
    if (!penalty || !penalty->polar)
        return refuse_penalty(q->penalty);
    if (!isnan(q->mixture) && penalty->id != DCL_PENALTY_ELASTIC)
        return dcl__misuse("factorize", "--mixture is for --penalty elastic");
    return check_numbers(q, lambda);
}

/* ---- Progress ---- */

static int on_round(void *user, const dcl_growth_round *round)
{
    state *s = user;
    const int is_new = round->round > 0 && (round->round != s->round || round->round == 1);
    if (dcl__shows_progress(s->run->quiet) && is_new && dcl__now() - s->shown > 0.05) {
        char line[200];
        snprintf(line, sizeof line, "lambda %.4g  round %lld  units %lld  objective %.6g  gap %.2e", round->lambda,
                 (long long)round->round, (long long)round->width, round->objective, round->gap);
        dcl__progress_line(line);
        s->shown = dcl__now();
        s->round = round->round;
    }
    return dcl__interrupted();
}

/* ---- The run ---- */

static dcl_status prepare(state *s, dcl_error *error)
{
    const dcl__grow_run *r = s->run;
    const dcl__grow_request *q = r->grow;
    dcl_status status = dcl__observations_read(r->matrix, r->scale, loss_of(q), &s->data, error);
    if (status == DCL_OK)
        dcl__hint_at_entries(r->matrix, &s->data.array);
    if (status == DCL_OK)
        status = dcl__results_start(&s->results, r->folder, &(dcl__texts){{r->matrix}, 1}, NULL, error);
    if (status == DCL_OK)
        status = dcl__tools_open(&s->tools, r->device, r->plugins, error);
    if (status)
        return status;
    dcl_problem *problem = &s->problem;
    dcl__observations_use(&s->data, problem);
    problem->loss = loss_of(q);
    problem->penalty = penalty_of(q)->id;
    problem->mixture = isnan(q->mixture) ? 0.5 : q->mixture;
    status = dcl__problem_check(problem, error);
    if (status)
        return dcl__prefix(error, DCL_EFORMAT, "%s", r->matrix);
    const dcl_growth_options options = {.dtype = r->dtype, .tolerance = r->tolerance, .width = r->rank,
                                        .steps = r->steps, .seed = r->seed, .started = dcl__started(),
                                        .progress = on_round, .user = s};
    status = dcl_growth_create(s->tools.registry, s->tools.device, problem, &options, &s->growth, error);
    s->ready = dcl__now() - dcl__started();
    return status;
}

/* The largest lambda where it is needed: it takes a polar. */
static dcl_status choose_lambda(state *s, double *lambda, dcl_error *error)
{
    const dcl__grow_request *q = s->run->grow;
    *lambda = s->run->lambda;
    s->largest = NAN;
    if (!isnan(*lambda) && q->path <= 1)
        return DCL_OK;
    dcl_status status = dcl_growth_largest_lambda(&s->problem, &s->largest, error);
    if (isnan(*lambda))
        *lambda = s->largest * (isnan(q->share) ? DEFAULT_SHARE : q->share);
    return status;
}

/* The k-th of a path that falls by equal factors; the largest has the optimum zero. */
static double path_lambda(const state *s, double last, int64_t k)
{
    const int64_t count = s->run->grow->path;
    if (k + 1 >= count)
        return last;
    return last * pow(fmax(s->largest / last, 1), (double)(count - 1 - k) / (double)(count - 1));
}

static dcl_status run_path(state *s, dcl_growth_result *result, dcl_error *error)
{
    double last;
    const int64_t count = s->run->grow->path > 0 ? s->run->grow->path : 1;
    dcl_status status = choose_lambda(s, &last, error);
    s->points = calloc((size_t)count, sizeof *s->points);
    if (status == DCL_OK && !s->points)
        status = dcl__no_memory(error, "the path", count * (int64_t)sizeof *s->points);
    for (int64_t k = 0; k < count && status == DCL_OK && !dcl__interrupted(); k++) {
        const double lambda = path_lambda(s, last, k);
        status = dcl_growth_run(s->growth, lambda, error);
        if (status == DCL_OK)
            status = dcl_growth_finish(s->growth, result, error);
        if (status)
            return status;
        const dcl_certificate *c = &result->certificate;
        s->points[s->point_count++] = (dcl__path_point){lambda, c->objective, c->lower_bound, c->relative_gap,
                                                        result->seconds, result->width, c->rank, result->status};
        s->problem.lambda = lambda;
    }
    dcl__progress_line(NULL);
    if (status == DCL_OK && s->point_count == 0)         /* interrupted before anything was reached */
        status = dcl__fail(error, DCL_EINVAL, "interrupted before the first round");
    return status;
}

static int exit_status(const state *s, const dcl_growth_result *result)
{
    if (dcl__interrupted()) {
        dcl__complain("interrupted at lambda %.6g; what was reached is in %s", s->problem.lambda, s->run->folder);
        return DCL__EXIT_INTERRUPTED;
    }
    for (int64_t k = 0; k < s->point_count; k++)
        if (s->points[k].status != DCL_CERTIFIED) {
            dcl__complain("the gap is %.2e at lambda %.6g, the tolerance was not reached%s%s", s->points[k].gap,
                          s->points[k].lambda, k + 1 == s->point_count ? ": " : "",
                          k + 1 == s->point_count ? result->reason : "");
            return DCL__EXIT_TOLERANCE;
        }
    return DCL__EXIT_DONE;
}

static void clean_up(state *s)
{
    dcl_growth_free(s->growth);
    dcl__tools_close(&s->tools);
    dcl__observations_free(&s->data);
    free(s->points);
}

int dcl__factorize_grow(const dcl__grow_run *run)
{
    state s = {.run = run};
    dcl_growth_result result;
    dcl_error error;
    dcl_status status = prepare(&s, &error);
    dcl__catch_interrupts();
    if (status == DCL_OK)
        status = run_path(&s, &result, &error);
    const dcl__grow_facts facts = {run, s.tools.device, &s.problem, s.largest, s.ready, s.points, s.point_count};
    if (status == DCL_OK)
        status = dcl__report_grow(&facts, &result, &error);
    int over = status ? dcl__exit(status, &error) : exit_status(&s, &result);
    if (status && dcl__interrupted())
        over = DCL__EXIT_INTERRUPTED;
    clean_up(&s);
    dcl__results_end(&s.results, status);
    return over;
}
