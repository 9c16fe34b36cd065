/* completion.c: missing entries of a matrix: biases, then factors over a falling path of lambda, chosen by a holdout,
 * or trained under dropout. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/certificate/certificate.h"
#include "recipes/common/streams.h"
#include "recipes/completion/dropout.h"
#include "recipes/completion/unshrink.h"

enum { DEFAULT_PATH = 16, MOST_RISES = 2, MOST_STANDARD_ERRORS = 4 };
static const double DEFAULT_SHARE = 0.02;

struct dcl_completion {
    dcl_entries training;        /* values less the baseline; the other arrays are the caller's      */
    const dcl_entries *given, *holdout;
    dcl_completion_options options;
    dcl_baseline baseline;
    double *rest;                /* the values of training                                           */
    dcl_problem problem;
    dcl_growth *growth;          /* or, with noise,                                                  */
    dcl__dropout *dropout;
    dcl_completion_point *path;
    size_t path_count, path_capacity;
    int64_t chosen;
    double *u, *v;               /* of the chosen lambda                                             */
    int64_t width;
    double *now_u, *now_v;       /* of the present lambda, unshrunk where that is asked for          */
    double largest;
    dcl_growth_result last;
    int stopped;
};

/* ---- Checks ---- */

static dcl_status check_noise(const dcl_completion_options *o, dcl_error *error)
{
    if (o->noise != DCL_NOISE_NONE && o->noise != DCL_NOISE_DROPOUT)
        return dcl__fail(error, DCL_EINVAL, "known entries can be trained under dropout, or without noise");
    if (o->noise == DCL_NOISE_NONE)
        return DCL_OK;
    if (o->lambda < 0 && !(o->retain > 0 && o->retain <= 1 && isfinite(1 / o->retain)))
        return dcl__fail(error, DCL_EINVAL, "retain is %g, it must be above 0 and at most 1", o->retain);
    if (o->width < 1 || o->width > INT32_MAX || o->steps < 0 || o->steps > DCL__MOST_STEPS)
        return dcl__fail(error, DCL_EINVAL, "training takes a width of at least 1, and from 0 to %lld steps",
                         (long long)DCL__MOST_STEPS);
    if (o->loss != DCL_LOSS_SQUARED || o->unshrink)
        return dcl__fail(error, DCL_EINVAL, "what dropout costs is known for the squared loss, and units stay as "
                         "trained");
    return DCL_OK;
}

/* Entries of both parts must be such as the loss allows. */
static dcl_status check_entries(const dcl_entries *training, const dcl_entries *holdout, int loss, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (training->count == 0 || (holdout && holdout->count == 0))
        return dcl__fail(error, DCL_EINVAL, "there is no entry to %s with", training->count == 0 ? "train" : "measure");
    for (int i = 0; i < 2 && status == DCL_OK; i++) {
        const dcl_problem problem = {.entries = i ? holdout : training, .loss = loss, .penalty = DCL_PENALTY_NUCLEAR};
        if (problem.entries)
            status = dcl__problem_check(&problem, error);
    }
    return status;
}

static dcl_status check(const dcl_entries *training, const dcl_entries *holdout, const dcl_completion_options *o,
                        dcl_error *error)
{
    if (o->noise == DCL_NOISE_NONE && o->lambda < 0 && !holdout)
        return dcl__fail(error, DCL_EINVAL, "the best lambda is chosen by the error on a holdout: give one, or lambda");
    if (!isfinite(o->lambda) || !(o->tolerance >= 0) || !(o->share >= 0 && o->share < 1) || o->path < 0 ||
        o->width < 0)
        return dcl__fail(error, DCL_EINVAL, "lambda, tolerance, share, path and width must be numbers of at least 0, "
                         "and the share below 1");
    if (holdout && (holdout->rows != training->rows || holdout->columns != training->columns))
        return dcl__fail(error, DCL_EINVAL, "training entries are of a %" PRId64 " x %" PRId64 " matrix and those of "
                         "the holdout of %" PRId64 " x %" PRId64, training->rows, training->columns, holdout->rows,
                         holdout->columns);
    if (o->loss == DCL_LOSS_LOGISTIC && o->unshrink)
        return dcl__fail(error, DCL_EINVAL, "units are unshrunk by least squares, not with the logistic loss");
    if (o->loss == DCL_LOSS_LOGISTIC && o->bias > DCL_BIAS_NONE)
        return dcl__fail(error, DCL_EINVAL, "biases are fitted by least squares: the logistic loss goes without");
    return check_noise(o, error);
}

static int notice(void *user, const dcl_growth_round *round)
{
    dcl_completion *c = user;
    c->stopped |= c->options.progress && c->options.progress(c->options.user, round);
    return c->stopped;
}

/* ---- Setting up ---- */

static dcl_status subtract_baseline(dcl_completion *c, dcl_error *error)
{
    const dcl_entries *e = c->given;
    const dcl_predictor baseline = {.baseline = &c->baseline};
    c->rest = malloc((size_t)(e->count > 0 ? e->count : 1) * sizeof *c->rest);
    if (!c->rest)
        return dcl__no_memory(error, "the entries", e->count * (int64_t)sizeof *c->rest);
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++)
            c->rest[i] = e->value[i] - dcl_predict(&baseline, a, e->column[i]);
    c->training = *e;
    c->training.value = c->rest;
    return DCL_OK;
}

static dcl_status set_up_dropout(dcl_completion *c, const dcl_registry *registry, dcl_device *device, dcl_error *error)
{
    const dcl_completion_options *o = &c->options;
    const dcl__dropout_options dropout = {.dtype = o->dtype, .lambda = o->lambda, .width = o->width, .steps = o->steps,
                                          .seed = o->seed, .started = o->started, .progress = notice, .user = c};
    return dcl__dropout_create(registry, device, &c->training, &dropout, &c->dropout, error);
}

static dcl_status set_up(dcl_completion *c, const dcl_registry *registry, dcl_device *device, dcl_error *error)
{
    const dcl_completion_options *o = &c->options;
    dcl_status status = dcl_baseline_fit(c->given, o->bias, &c->baseline, error);
    if (status == DCL_OK)
        status = subtract_baseline(c, error);
    if (status)
        return status;
    if (o->noise == DCL_NOISE_DROPOUT)
        return set_up_dropout(c, registry, device, error);
    c->problem = (dcl_problem){.entries = &c->training, .loss = o->loss, .penalty = DCL_PENALTY_NUCLEAR};
    const dcl_growth_options growth = {.dtype = o->dtype, .tolerance = o->tolerance, .width = o->width, .seed = o->seed,
                                       .started = o->started, .progress = notice, .user = c};
    return dcl_growth_create(registry, device, &c->problem, &growth, &c->growth, error);
}

dcl_status dcl_completion_create(const dcl_registry *registry, dcl_device *device, const dcl_entries *training,
                                 const dcl_entries *holdout, const dcl_completion_options *options,
                                 dcl_completion **completion, dcl_error *error)
{
    dcl_completion_options o = *options;
    o.loss = o.loss ? o.loss : DCL_LOSS_SQUARED;
    o.noise = o.noise ? o.noise : DCL_NOISE_NONE;
    o.dtype = o.dtype ? o.dtype : DCL_F32;
    o.path = o.path ? o.path : DEFAULT_PATH;
    o.share = o.share == 0 ? DEFAULT_SHARE : o.share;
    o.started = o.started > 0 ? o.started : dcl__now();
    dcl_status status = check(training, holdout, &o, error);
    if (status == DCL_OK)
        status = check_entries(training, holdout, o.loss, error);
    if (status)
        return status;
    if (o.noise == DCL_NOISE_DROPOUT && o.lambda < 0)
        o.lambda = (1 - o.retain) / o.retain;
    if (!o.bias)
        o.bias = o.loss == DCL_LOSS_LOGISTIC ? DCL_BIAS_NONE : DCL_BIAS_BOTH;
    dcl_completion *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a completion", sizeof *made);
    made->given = training;
    made->holdout = holdout;
    made->options = o;
    made->largest = NAN;
    status = set_up(made, registry, device, error);
    if (status)
        dcl_completion_free(made);
    else
        *completion = made;
    return status;
}

void dcl_completion_free(dcl_completion *c)
{
    if (!c)
        return;
    dcl_growth_free(c->growth);
    dcl__dropout_free(c->dropout);
    dcl_baseline_free(&c->baseline);
    free(c->rest);
    free(c->path);
    free(c->u);
    free(c->v);
    free(c->now_u);
    free(c->now_v);
    free(c);
}

/* ---- The path ---- */

/* Takes a copy of the factors that a lambda has led to. */
static dcl_status take(dcl_completion *c, const dcl_growth_result *r, dcl_error *error)
{
    const size_t u_size = (size_t)(r->rows * r->width) * sizeof(double);
    const size_t v_size = (size_t)(r->columns * r->width) * sizeof(double);
    free(c->now_u);
    free(c->now_v);
    c->now_u = malloc(u_size + 1);
    c->now_v = malloc(v_size + 1);
    if (!c->now_u || !c->now_v)
        return dcl__no_memory(error, "factors", (int64_t)(u_size + v_size));
    if (r->width > 0) {
        memcpy(c->now_u, r->u, u_size);
        memcpy(c->now_v, r->v, v_size);
    }
    return c->options.unshrink ? dcl__unshrink(&c->training, c->now_u, c->now_v, r->width, error) : DCL_OK;
}

/* The present factors become those that are handed out. */
static void keep(dcl_completion *c, int64_t width)
{
    free(c->u);
    free(c->v);
    c->u = c->now_u;
    c->v = c->now_v;
    c->now_u = c->now_v = NULL;
    c->width = width;
    c->chosen = (int64_t)c->path_count - 1;
}

/* Better is what errs less on the holdout; without one, there is only one. */
static int is_best(const dcl_completion *c)
{
    const dcl_completion_point *last = &c->path[c->path_count - 1];
    return !c->u || !c->holdout || last->holdout.rmse < c->path[c->chosen].holdout.rmse;
}

static dcl_status fit(dcl_completion *c, double lambda, dcl_error *error)
{
    dcl_status status = c->dropout ? dcl__dropout_run(c->dropout, error) : dcl_growth_run(c->growth, lambda, error);
    if (status)
        return status;
    return c->dropout ? dcl__dropout_finish(c->dropout, &c->last, error)
                      : dcl_growth_finish(c->growth, &c->last, error);
}

static dcl_status solve(dcl_completion *c, double lambda, dcl_error *error)
{
    const dcl_growth_result *r = &c->last;
    dcl_status status = fit(c, lambda, error);
    if (status == DCL_OK)
        status = take(c, r, error);
    if (status == DCL_OK)
        status = dcl__grow(&c->path, sizeof *c->path, c->path_count, &c->path_capacity, "the path", error);
    if (status)
        return status;
    const dcl_predictor predictor = {&c->baseline, c->now_u, c->now_v, r->width, c->options.loss};
    dcl_completion_point *point = &c->path[c->path_count++];
    *point = (dcl_completion_point){
        .lambda = lambda, .seconds = dcl__now() - c->options.started, .width = r->width, .rank = r->certificate.rank,
        .certificate = r->certificate, .status = r->status, .reason = r->reason,
        .training = dcl_predictor_assess(&predictor, c->given), .holdout = {NAN, NAN}};
    if (c->holdout)
        point->holdout = dcl_predictor_assess(&predictor, c->holdout);
    if (is_best(c))
        keep(c, r->width);
    return DCL_OK;
}

/* How far the mean square error on the holdout is above that of the chosen lambda, in standard errors of the mean of the
 * differences entry by entry: most of what makes either large is common to both. */
static double standard_errors_above(const dcl_completion *c, const dcl_predictor *now, const dcl_predictor *chosen)
{
    const dcl_entries *e = c->holdout;
    double weight = 0, sum = 0, square = 0, weights = 0, products = 0;
    for (int64_t row = 0; row < e->rows; row++)
        for (int64_t i = e->start[row]; i < e->start[row + 1]; i++) {
            const double w = e->weight ? e->weight[i] : 1;
            const double a = e->value[i] - dcl_predict(now, row, e->column[i]);
            const double b = e->value[i] - dcl_predict(chosen, row, e->column[i]), difference = a * a - b * b;
            weight += w;
            weights += w * w;
            sum += w * difference;
            products += w * w * difference;
            square += w * w * difference * difference;
        }
    const double mean = sum / weight, variance = square - 2 * mean * products + mean * mean * weights;
    return variance > 0 ? sum / sqrt(variance) : 0;
}

static int is_clearly_worse(const dcl_completion *c)
{
    const dcl_predictor now = {&c->baseline, c->now_u, c->now_v, c->last.width, c->options.loss};
    const dcl_predictor chosen = {&c->baseline, c->u, c->v, c->width, c->options.loss};
    return c->holdout && c->now_u && standard_errors_above(c, &now, &chosen) > MOST_STANDARD_ERRORS;
}

/* Whether a smaller lambda will hardly help: the error on the holdout has risen some times in a row, or by more than
 * chance explains. Below that lambda are the factors that cost most, since they are those of the noise. */
static int has_risen(const dcl_completion *c)
{
    size_t rises = 0;
    while (rises + 1 < c->path_count && c->path[c->path_count - 1 - rises].holdout.rmse >
                                            c->path[c->path_count - 2 - rises].holdout.rmse)
        rises++;
    return rises >= MOST_RISES || is_clearly_worse(c);
}

/* The k-th falls by equal factors from the largest, of which the last is the given share. */
static double path_lambda(const dcl_completion *c, int64_t k)
{
    const int64_t falls = c->options.path - 1;
    return c->largest * pow(c->options.share, falls > 0 ? (double)k / (double)falls : 1);
}

dcl_status dcl_completion_run(dcl_completion *c, dcl_error *error)
{
    const dcl_completion_options *o = &c->options;
    if (o->lambda >= 0)
        return solve(c, o->lambda, error);
    dcl_status status = dcl_growth_largest_lambda(&c->problem, &c->largest, error);
    for (int64_t k = 0; k < o->path && status == DCL_OK && !c->stopped && !has_risen(c); k++)
        status = solve(c, path_lambda(c, k), error);
    return status;
}

void dcl_completion_finish(dcl_completion *c, dcl_completion_result *result)
{
    const dcl_predictor baseline = {.baseline = &c->baseline, .loss = c->options.loss};
    *result = (dcl_completion_result){
        .predictor = {&c->baseline, c->u, c->v, c->width, c->options.loss},
        .baseline_training = dcl_predictor_assess(&baseline, c->given),
        .baseline_holdout = {NAN, NAN}, .path = c->path, .path_count = (int64_t)c->path_count, .chosen = c->chosen,
        .history = c->last.history, .history_count = c->last.history_count, .largest_lambda = c->largest,
        .stopped = c->stopped};
    if (c->holdout)
        result->baseline_holdout = dcl_predictor_assess(&baseline, c->holdout);
}
