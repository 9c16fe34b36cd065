/* factorization.c: factorization of a matrix under noise, by any solver: checks, graph and training. */
#include <cblas.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/common/advance.h"
#include "recipes/factorization/noise.h"
#include "recipes/factorization/optimum.h"
#include "recipes/factorization/state.h"

/* Stagnation is judged over so many reports of `explicit`. */
enum { WINDOW = 5, MOST_REPORTS = 100 };

dcl_factorize_options dcl_factorize_defaults(const dcl_matrix *data)
{
    int64_t width = data->rows < data->columns ? data->rows : data->columns;
    return (dcl_factorize_options){.solver = DCL_SOLVER_STOCHASTIC, .noise = DCL_NOISE_DROPOUT, .retain = 0.5,
                                   .lambda = -1, .width = width < 64 ? width : 64, .seed = 1};
}

/* ---- Checks and sizes ---- */

static dcl_status check_options(const dcl_matrix *data, const dcl_factorize_options *o, dcl_error *error)
{
    if (o->width < 1)
        return dcl__fail(error, DCL_EINVAL, "the rank is %" PRId64 ", it must be at least 1", o->width);
    if (data->rows < 1 || data->columns < 1)
        return dcl__fail(error, DCL_EINVAL, "the matrix is empty");
    if (data->rows > INT32_MAX || data->columns > INT32_MAX || o->width > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "a dimension is beyond 2^31 - 1, which LAPACK cannot take");
    if (o->steps < 0 || o->steps > DCL__MOST_STEPS || o->batch < 0 || !(o->rate >= 0) || !(o->tolerance >= 0))
        return dcl__fail(error, DCL_EINVAL, "steps, batch, rate and tolerance must not be negative, and steps at most "
                         "%lld", (long long)DCL__MOST_STEPS);
    if (o->solver < DCL_SOLVER_STOCHASTIC || o->solver > DCL_SOLVER_CLOSED_FORM ||
        o->optimizer < DCL_OPTIMIZER_DEFAULT || o->optimizer > DCL_OPTIMIZER_ADAM)
        return dcl__fail(error, DCL_EINVAL, "solver or optimizer is none of the constants of dropcl.h");
    if (o->solver == DCL_SOLVER_CLOSED_FORM && o->noise == DCL_NOISE_CORRELATED)
        return dcl__fail(error, DCL_EINVAL, "correlated noise has no closed form, only a lower bound: take the solver "
                         "explicit");
    if (o->batch > 0 && o->solver != DCL_SOLVER_STOCHASTIC)
        return dcl__fail(error, DCL_EINVAL, "a batch is for the solver stochastic only");
    return DCL_OK;
}

/* In double precision throughout: OpenBLAS adds up parts of cblas_dsdot in single precision, where squares of
 * large entries overflow. */
static double sum_of_squares_f32(const float *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sum;
}

static double frobenius_norm(const dcl_matrix *data)
{
    double sum = 0;
    for (int64_t i = 0; i < data->rows; i++) {
        int64_t at = i * data->columns;
        double norm = data->dtype == DCL_F64 ? cblas_dnrm2((int)data->columns, (const double *)data->data + at, 1)
                                             : sqrt(sum_of_squares_f32((const float *)data->data + at, data->columns));
        sum += norm * norm;
    }
    return sqrt(sum);
}

/* What is fed as "Y": the whitened data, or where samples are drawn the original beside "X". */
static const dcl_matrix *trained_data(const dcl_factorization *f)
{
    return f->white.x.data ? &f->data : &f->white.y;
}

/* How many steps each solver takes when nobody says. The gap of averaged stochastic steps falls like
 * (||Y||^2 / optimum) / steps, measured on dense, low-rank and badly scaled data; and where few units are kept, only
 * after each has been drawn some ten times. */
static int64_t default_steps(const dcl_factorize_options *o, const dcl__task *task, int64_t samples, double minimum)
{
    if (o->solver == DCL_SOLVER_CLOSED_FORM)
        return 1;
    if (o->solver == DCL_SOLVER_EXPLICIT)
        return o->optimizer == DCL_OPTIMIZER_DEFAULT ? 300 : 4000;
    const double wish = 250 * task->norm * task->norm / fmax(minimum, 1e-300), drawn = 75 / task->retain;
    const int64_t steps = (int64_t)ceil(fmax(fmin(fmax(wish, 1000), 4000), fmin(drawn, 20000)));
    const int64_t parts = o->batch > 0 ? (samples + o->batch - 1) / o->batch : 1;
    return steps > DCL__MOST_STEPS / parts ? DCL__MOST_STEPS : steps * parts;
}

static void make_task(dcl_factorization *f, const dcl_noise *noise)
{
    const dcl_factorize_options *o = &f->options;
    dcl__task *task = &f->task;
    const dcl_matrix *y = &f->white.y;
    *task = (dcl__task){.rows = y->rows, .columns = f->white.columns, .width = o->width, .dtype = y->dtype,
                        .lambda = noise->lambda, .norm = frobenius_norm(y),
                        .optimizer = o->optimizer, .rate = o->rate, .batch = o->batch, .noise = *noise,
                        .as_trained = o->as_trained};
    task->retain = 1 / (1 + task->lambda);
    task->unit_u = sqrt(task->norm / ((double)task->rows * (double)task->width));
    task->unit_v = sqrt(task->norm / ((double)task->columns * (double)task->width));
}

/* ---- The closed form ---- */

/* The noise whose closed form bounds the objective: masks on entries of V count only in part with X. */
static dcl_noise bounding_noise(const dcl_factorization *f)
{
    dcl_noise noise = f->task.noise;
    if (f->white.share < 1)
        noise.lambda = noise.lambda_unit + f->white.share * noise.lambda_entry;
    return noise;
}

/* What is fitted instead of Y when there is data X has the precision of the data, so it is off by some E. With d =
 * ||E||_F the least objective h of what it stands for is at least (sqrt(h' - d^2) - d)^2 of the h' that is found. */
static double rounded_away(const dcl_factorization *f)
{
    if (!f->white.back || f->white.y.dtype == DCL_F64)
        return 0;
    return 2 * (FLT_EPSILON / 2) * f->task.norm * sqrt(f->optimum.minimum);
}

static dcl_status find_optimum(dcl_factorization *f, dcl_error *error)
{
    const dcl_noise noise = bounding_noise(f);
    const int64_t all = f->white.y.rows < f->white.y.columns ? f->white.y.rows : f->white.y.columns;
    dcl_status status = dcl__data_optimum(f->registry, f->device, &f->white.y, &noise, f->task.width,
                                          f->options.variable_rate && f->task.width < all, &f->spectrum, &f->shrunk,
                                          &f->optimum, error);
    f->optimum.error = fmin(f->optimum.error + rounded_away(f), f->optimum.minimum);
    f->optimum.constant = f->white.constant;
    f->optimum.minimum += f->white.constant;
    f->optimum.inexact |= f->white.share < 1;
    return status;
}

/* ---- Graphs ---- */

static void build_solver(dcl_factorization *f, dcl_value y, dcl_value x)
{
    const dcl_factorize_options *o = &f->options;
    if (o->solver == DCL_SOLVER_CLOSED_FORM)
        dcl__build_closed_form(f->graph, &f->task, y);
    else if (o->solver == DCL_SOLVER_STOCHASTIC)
        dcl__build_stochastic(f->graph, &f->task, y, x);
    else if (o->optimizer == DCL_OPTIMIZER_DEFAULT)
        dcl__build_explicit(f->graph, &f->task, y);
    else
        dcl__build_descent(f->graph, &f->task, y, x);
}

/* Of the problem with X: where the whitened one is trained, the rest of Y is added to it. */
static void build_objective(dcl_factorization *f, dcl_value y, dcl_value x)
{
    dcl_value u = dcl_value_find(f->graph, "U"), v = dcl_value_find(f->graph, "V");
    dcl_value objective = dcl__noise_objective(f->graph, &f->task, y, u, v, x);
    if (!x && f->white.constant > 0)
        objective = dcl__binary(f->graph, "add", objective, dcl__scalar(f->graph, "constant", f->white.constant));
    dcl_graph_result(f->graph, "objective", objective);
}

static dcl_value add_input(dcl_factorization *f, const char *name, const dcl_matrix *matrix)
{
    return dcl_graph_input(f->graph, name, DCL_REAL, 2, (int64_t[]){matrix->rows, matrix->columns});
}

static dcl_status build_graph(dcl_factorization *f, dcl_error *error)
{
    dcl_status status = dcl_graph_create(f->registry, f->data.dtype, f->options.seed, &f->graph, error);
    if (status)
        return status;
    dcl_value y = add_input(f, "Y", trained_data(f)), x = f->white.x.data ? add_input(f, "X", &f->white.x) : 0;
    build_solver(f, y, x);
    build_objective(f, y, x);
    return dcl_graph_status(f->graph, error);
}

static dcl_status feed(dcl_factorization *f, dcl_error *error)
{
    const dcl_matrix *y = trained_data(f), *x = &f->white.x;
    dcl_status status = dcl_session_feed(f->session, "Y", y->dtype, y->data, error);
    if (status == DCL_OK && x->data)
        status = dcl_session_feed(f->session, "X", x->dtype, x->data, error);
    if (status == DCL_OK && f->task.noise.kind == DCL_NOISE_CORRELATED)
        status = dcl_session_feed(f->session, "A", DCL_F64, f->task.noise.factor, error);
    return status;
}

static dcl_status set_up(dcl_factorization *f, dcl_error *error)
{
    dcl_noise noise;
    dcl_status status = dcl_noise_resolve(&f->options, &noise, error);
    if (status == DCL_OK)
        status = dcl__whiten(&f->data, &f->options, &f->white, error);
    if (status)
        return status;
    make_task(f, &noise);
    status = find_optimum(f, error);
    if (status)
        return status;
    int asked = f->options.steps > 0 && f->options.solver != DCL_SOLVER_CLOSED_FORM;
    f->task.steps = asked ? f->options.steps
                          : default_steps(&f->options, &f->task, trained_data(f)->columns, f->optimum.minimum);
    status = build_graph(f, error);
    if (status == DCL_OK)
        status = dcl_session_create(f->device, f->graph, &f->session, error);
    return status ? status : feed(f, error);
}

dcl_status dcl_factorization_create(const dcl_registry *registry, dcl_device *device, const dcl_matrix *data,
                                    const dcl_factorize_options *options, dcl_factorization **factorization,
                                    dcl_error *error)
{
    dcl_status status = check_options(data, options, error);
    if (status)
        return status;
    dcl_factorization *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a factorization", sizeof *made);
    made->registry = registry;
    made->device = device;
    made->data = *data;
    made->options = *options;
    if (options->inputs) {
        made->inputs = *options->inputs;
        made->options.inputs = &made->inputs;
    }
    if (made->options.started == 0)
        made->options.started = dcl__now();
    status = set_up(made, error);
    if (status)
        dcl_factorization_free(made);
    else
        *factorization = made;
    return status;
}

void dcl_factorization_free(dcl_factorization *f)
{
    if (!f)
        return;
    dcl_session_free(f->session);
    dcl_graph_free(f->graph);
    free(f->spectrum.values);
    free(f->shrunk);
    free(f->product_values);
    free(f->products);
    free(f->u);
    if (f->trained_v != f->v)
        free(f->trained_v);
    free(f->v);
    free(f->history);
    dcl__whitening_free(&f->white);
    free(f);
}

const dcl_graph *dcl_factorization_graph(const dcl_factorization *f)
{
    return f->graph;
}

dcl_session *dcl_factorization_session(dcl_factorization *f)
{
    return f->session;
}

dcl_optimum dcl_factorization_optimum(const dcl_factorization *f)
{
    return f->optimum;
}

/* ---- Training ---- */

/* An objective that rounding of U V' alone could leave, entry by entry, counts as no gap. */
double dcl__factorization_gap(const dcl_factorization *f, double objective)
{
    const double epsilon = f->data.dtype == DCL_F64 ? 1e-15 : 1e-13, energy = f->task.norm * f->task.norm;
    return objective > epsilon * energy ? (objective - (f->optimum.minimum - f->optimum.error)) / objective : 0;
}

/* Whether somebody wants the run to end, asked with the last report. */
static int is_interrupted(void *user)
{
    const dcl_factorization *f = user;
    const dcl_factorize_options *o = &f->options;
    return f->history_count > 0 && o->progress && o->progress(o->user, &f->history[f->history_count - 1]);
}

/* Notes how the run stands and asks the progress function whether to go on. */
static dcl_status report(dcl_factorization *f, dcl_error *error)
{
    dcl_progress row = {.step = dcl_session_steps(f->session), .steps = f->task.steps};
    dcl_status status = dcl_session_fetch(f->session, "objective", DCL_F64, &row.objective, error);
    if (status == DCL_OK)
        status = dcl__grow(&f->history, sizeof *f->history, f->history_count, &f->history_capacity, "the history",
                           error);
    if (status)
        return status;
    row.seconds = dcl__now() - f->options.started;
    row.gap = dcl__factorization_gap(f, row.objective);
    f->history[f->history_count++] = row;
    if (!isfinite(row.objective))
        return dcl__fail(error, DCL_ENUMERIC, "the objective is no longer finite at step %" PRId64 " (choose a smaller "
                         "--rate, or f64)", row.step);
    if (is_interrupted(f))
        f->stopped = 1;
    return DCL_OK;
}

static int takes_ridge_rounds(const dcl_factorization *f)
{
    return f->options.solver == DCL_SOLVER_EXPLICIT && f->options.optimizer == DCL_OPTIMIZER_DEFAULT;
}

/* Whether ridge rounds have come to rest: no decrease beyond rounding over the last reports. */
static int has_stagnated(const dcl_factorization *f)
{
    if (!takes_ridge_rounds(f) || f->history_count <= WINDOW)
        return 0;
    double last = f->history[f->history_count - 1].objective, old = f->history[f->history_count - 1 - WINDOW].objective;
    double energy = f->task.norm * f->task.norm;
    double relative = f->data.dtype == DCL_F64 ? 1e-10 : 1e-7, absolute = f->data.dtype == DCL_F64 ? 1e-15 : 3e-8;
    return old - last <= relative * last + absolute * energy;
}

static int is_done(const dcl_factorization *f)
{
    const dcl_progress *last = &f->history[f->history_count - 1];
    return f->stopped || f->stagnated || last->step >= f->task.steps ||
           (f->options.tolerance > 0 && last->gap <= f->options.tolerance);
}

/* Ridge rounds are reported one by one, other steps in about MOST_REPORTS parts. */
static int64_t report_interval(const dcl_factorization *f)
{
    return takes_ridge_rounds(f) ? 1 : (f->task.steps + MOST_REPORTS - 1) / MOST_REPORTS;
}

dcl_status dcl_factorization_run(dcl_factorization *f, dcl_error *error)
{
    int64_t interval = report_interval(f);
    dcl_status status = DCL_OK;
    f->stopped = 0;
    if (dcl_session_steps(f->session) >= f->task.steps)
        return dcl__fail(error, DCL_EINVAL, "the run is at step %" PRId64 " already, of %" PRId64 " (ask for more "
                         "steps)", dcl_session_steps(f->session), f->task.steps);
    do {
        int64_t left = f->task.steps - dcl_session_steps(f->session);
        status = dcl__advance(f->session, f->history_count == 0 ? 1 : left < interval ? left : interval, is_interrupted,
                              f, &f->stopped, error);
        if (f->first_step == 0)
            f->first_step = dcl__now() - f->options.started;
        if (status == DCL_OK)
            status = report(f, error);
        f->stagnated = status == DCL_OK && has_stagnated(f);
    } while (status == DCL_OK && !is_done(f));
    return status;
}
