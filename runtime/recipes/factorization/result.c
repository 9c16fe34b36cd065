/* result.c: what the factors of a factorization are worth, how many units they need, and the verdict. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/common/advance.h"
#include "recipes/factorization/noise.h"
#include "recipes/factorization/optimum.h"
#include "recipes/factorization/state.h"
#include "recipes/factorization/variable_width.h"

/* Units weigh the same up to what single precision leaves of it. */
static const double BALANCED = 1e-3;

/* ---- What factors are worth ---- */

static dcl_status allocate_result(dcl_factorization *f, dcl_error *error)
{
    size_t width = (size_t)f->task.width;
    f->u = calloc((size_t)f->task.rows * width, sizeof *f->u);
    f->v = calloc((size_t)f->white.features * width, sizeof *f->v);
    f->trained_v = f->white.back ? calloc((size_t)f->task.columns * width, sizeof *f->trained_v) : f->v;
    f->product_values = calloc(width, sizeof *f->product_values);
    f->products = calloc(width, sizeof *f->products);
    if (!f->u || !f->v || !f->trained_v || !f->product_values || !f->products)
        return dcl__no_memory(error, "the factors", (f->task.rows + f->white.features) * f->task.width *
                              (int64_t)sizeof(double));
    return DCL_OK;
}

/* Factors and what is said of them. */
typedef struct factors {
    int64_t width;
    const dcl_noise *noise;
    const double *u, *trained_v;
    double *v;                   /* for X, made of trained_v; without X the same                     */
    double *values, *products;
} factors;

/* Beside a moment there is nothing to hold factors against but the whitened data. */
static dcl_status weigh(const dcl_factorization *f, const factors *pair, dcl_assessment *assessment, dcl_error *error)
{
    if (f->white.back)
        dcl__whiten_back(&f->white, pair->trained_v, pair->width, pair->v);
    if (!f->options.moment)
        return dcl_noise_assess(&f->data, f->options.inputs, pair->u, pair->v, pair->width, pair->noise, assessment,
                                pair->values, pair->products, error);
    dcl_status status = dcl_noise_assess(&f->white.y, NULL, pair->u, pair->trained_v, pair->width, pair->noise,
                                         assessment, pair->values, pair->products, error);
    if (status == DCL_OK) {
        assessment->data_term += f->white.constant;
        assessment->objective += f->white.constant;
    }
    return status;
}

/* Fetches a pair of parameters and weighs it. */
static dcl_status assess(dcl_factorization *f, const char *u, const char *v, dcl_assessment *assessment,
                         dcl_error *error)
{
    dcl_status status = f->u ? DCL_OK : allocate_result(f, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(f->session, u, DCL_F64, f->u, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(f->session, v, DCL_F64, f->trained_v, error);
    const factors pair = {f->task.width, &f->task.noise, f->u, f->trained_v, f->v, f->product_values, f->products};
    return status ? status : weigh(f, &pair, assessment, error);
}

/* ---- What training sees on average ---- */

/* Masks come from steps that no run reaches. By updates that lose no digits (Welford 1962). */
dcl_status dcl__average_losses(dcl_session *session, int64_t draws, double *mean, double *deviation, dcl_error *error)
{
    const int64_t steps = dcl_session_steps(session);
    double sum = 0;
    dcl_status status = DCL_OK;
    *mean = 0;
    for (int64_t i = 0; i < draws && status == DCL_OK; i++) {
        double loss = 0;
        dcl_session_set_steps(session, DCL__MOST_STEPS + i);
        status = dcl_session_fetch(session, "loss", DCL_F64, &loss, error);
        const double off = loss - *mean;
        *mean += off / (double)(i + 1);
        sum += off * (loss - *mean);
    }
    *deviation = sqrt(sum / (double)(draws - 1));
    dcl_session_set_steps(session, steps);
    return status;
}

dcl_status dcl_factorization_expectation(dcl_factorization *f, int64_t draws, double *mean, double *deviation,
                                         double *objective, dcl_error *error)
{
    if (f->options.solver != DCL_SOLVER_STOCHASTIC || f->options.batch > 0)
        return dcl__fail(error, DCL_EINVAL, "losses vary under masks alone for the solver stochastic without a batch");
    if (draws < 2 || draws > DCL__MOST_STEPS)
        return dcl__fail(error, DCL_EINVAL, "a deviation takes from 2 to 2^30 losses, not %" PRId64, draws);
    dcl_assessment assessment;
    dcl_status status = dcl__average_losses(f->session, draws, mean, deviation, error);
    if (status == DCL_OK)
        status = assess(f, "U.iterate", "V.iterate", &assessment, error);
    if (status == DCL_OK) {
        *objective = assessment.objective;
        *mean += f->white.x.data ? 0 : f->white.constant;
    }
    return status;
}

/* ---- The end ---- */

/* The closed form takes one step, and another one would find the same. */
static int is_at_rest(const dcl_factorization *f)
{
    if (f->stagnated || f->history_count == 0)
        return f->stagnated;
    return f->options.solver == DCL_SOLVER_CLOSED_FORM ||
           dcl__is_at_rest(&f->history->objective, sizeof *f->history, f->history_count);
}

static double tolerance_of(const dcl_factorization *f)
{
    return f->options.tolerance > 0 ? f->options.tolerance : 1e-4;
}

static int verdict(const dcl_factorization *f, double gap)
{
    return gap <= tolerance_of(f) ? DCL_CERTIFIED : !f->stopped && is_at_rest(f) ? DCL_CONVERGED : DCL_STOPPED;
}

/* ---- Variable width ---- */

/* With a rate that varies more units lower the objective exactly if values beyond the width are above the threshold, or
 * if blocks cannot reach the convex value, which enough of them do. What rounding makes of 0 is none. */
static int is_cut_off(const dcl_factorization *f)
{
    const dcl__data_spectrum *y = &f->spectrum;
    const int64_t width = f->task.width;
    const double rounding = (f->data.dtype == DCL_F64 ? 1e-14 : 1e-7) * f->task.norm;
    if (!f->options.variable_rate || (f->optimum.inexact && f->optimum.attained == DCL_ATTAINED))
        return 0;
    return f->optimum.attained == DCL_NOT_ATTAINED ||
           (y->count > width && y->values[width] > f->optimum.tau + rounding);
}

/* So many units suffice: as many as the optimum has rank, or what training came to where it is not known. */
static int64_t units_needed(const dcl_factorization *f, const dcl_assessment *assessment)
{
    const int64_t rank = f->optimum.inexact ? assessment->rank : f->optimum.rank;
    const int narrows = f->options.variable_rate && f->task.noise.block == 1;
    return narrows && rank > 0 && rank < f->task.width ? rank : f->task.width;
}

/* The noise of so many units. */
static dcl_noise noise_of_width(const dcl_factorization *f, int64_t width)
{
    dcl_factorize_options options = f->options;
    dcl_noise noise = f->task.noise;
    options.width = width;
    dcl_noise_resolve(&options, &noise, NULL);
    return noise;
}

/* Whether narrower factors are as good: no tolerance is left that was met. */
static int is_as_good(const dcl_factorization *f, double narrower, double wider)
{
    const double tolerance = tolerance_of(f);
    return narrower <= wider * (1 + 1e-4) &&
           (dcl__factorization_gap(f, narrower) <= tolerance || dcl__factorization_gap(f, wider) > tolerance);
}

/* The same optimum in fewer units, a share of what there were: lambda falls with them, and each weighs more. */
static void narrow_optimum(double share, dcl_optimum *optimum)
{
    optimum->lambda *= share;
    optimum->product /= share;
}

/* Replaces the factors by `rank` units wide ones, unless those are worse. */
static dcl_status narrow(dcl_factorization *f, int64_t rank, dcl_assessment *assessment, dcl_error *error)
{
    const int64_t u_count = f->task.rows * rank, v_count = f->white.features * rank;
    const int64_t trained_count = f->white.back ? f->task.columns * rank : 0;
    const dcl_noise noise = noise_of_width(f, rank);
    dcl_assessment found;
    double *u = calloc((size_t)(u_count + v_count + trained_count + 2 * rank), sizeof *u);
    if (!u)
        return dcl__no_memory(error, "narrower factors", (u_count + v_count + trained_count) * (int64_t)sizeof *u);
    double *v = u + u_count, *trained = trained_count ? v + v_count : v;
    double *values = v + v_count + trained_count, *products = values + rank;
    dcl_status status = dcl__narrow(f->registry, f->device, &f->task, f->u, f->trained_v, rank, u, trained, error);
    if (status == DCL_OK)
        status = weigh(f, &(factors){rank, &noise, u, trained, v, values, products}, &found, error);
    if (status == DCL_OK && is_as_good(f, found.objective, assessment->objective)) {
        memcpy(f->u, u, (size_t)u_count * sizeof *u);
        memcpy(f->v, v, (size_t)v_count * sizeof *v);
        memcpy(f->product_values, values, (size_t)rank * sizeof *values);
        memcpy(f->products, products, (size_t)rank * sizeof *products);
        *assessment = found;
        f->width = rank;
        f->noise = noise;
    }
    free(u);
    return status;
}

/* ---- The result ---- */

/* What the last step did: it hands blocks on that would weigh more, and for some it finds no equal weights. */
static int is_balanced_last(const dcl_factorization *f, const dcl_assessment *assessment)
{
    return f->options.solver == DCL_SOLVER_STOCHASTIC && dcl_session_steps(f->session) >= f->task.steps &&
           dcl__balances_last(&f->task, f->white.x.data != NULL) && assessment->balance_error <= BALANCED;
}

static void describe(const dcl_factorization *f, const dcl_assessment *assessment, dcl_factorize_result *result)
{
    *result = (dcl_factorize_result){
        .rows = f->data.rows, .columns = f->data.columns, .width = f->width, .spectrum = f->spectrum.all,
        .u = f->u, .v = f->v, .optimum = f->optimum, .assessment = *assessment,
        .relative_gap = dcl__factorization_gap(f, assessment->objective), .data_values = f->spectrum.values,
        .data_count = f->spectrum.count,
        .product_values = f->product_values, .products = f->products, .history = f->history,
        .history_count = (int64_t)f->history_count, .steps = dcl_session_steps(f->session),
        .seconds = dcl__now() - f->options.started, .seconds_to_first_step = f->first_step, .noise = f->noise,
        .features = f->white.features, .data_rank = f->white.back ? f->white.rank : 0,
        .data_condition = f->white.condition, .blocks = f->width / f->noise.block, .shrunk = f->shrunk,
        .width_found = units_needed(f, assessment), .width_trained = f->task.width, .cut_off = is_cut_off(f),
        .balanced_last = is_balanced_last(f, assessment)};
    narrow_optimum((double)f->width / (double)f->task.width, &result->optimum);
    dcl__prove_attained(assessment->objective, f->task.norm * f->task.norm + f->white.constant, &result->optimum);
    result->status = result->cut_off ? DCL_STOPPED : verdict(f, result->relative_gap);
}

dcl_status dcl_factorization_finish(dcl_factorization *f, dcl_factorize_result *result, dcl_error *error)
{
    dcl_assessment assessment;
    f->width = f->task.width;
    f->noise = f->task.noise;
    dcl_status status = assess(f, "U", "V", &assessment, error);
    const int64_t needed = status == DCL_OK ? units_needed(f, &assessment) : f->width;
    if (needed < f->width)
        status = narrow(f, needed, &assessment, error);
    if (status == DCL_OK)
        describe(f, &assessment, result);
    return status;
}
