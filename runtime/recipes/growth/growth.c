/* growth.c: certified growth: descend, certify, add the atoms of the polar, until the gap is within the tolerance. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/common/assess.h"
#include "recipes/growth/growth.h"

/* Rounds at most when nobody says, and rounds without progress after which there is none to come. */
enum { MOST_ROUNDS = 1000, MOST_IDLE = 3, FEWEST_ATOMS = 8 };
static const int64_t MOST_EVALUATIONS = 1000000;

/* A descent falls by less than this share of the last gap before it ends, and of its square: the polar is off by about
 * the root of what the objective is. The finest that doubles can tell. */
static const double SHARE_OF_GAP = 0.01, SQUARE_OF_GAP = 0.1, FINEST = 1e-16;

/* By this share the distance from objective to bound must fall in a round that counts as progress. */
static const double LEAST_PROGRESS = 1e-4;

/* A lambda below the last one by so much is far, and is approached in stages, none of them as small as the least. */
static const double FAR = 0.01, STAGE = 0.2, LEAST_STAGE = 1e-10;

struct dcl_growth {
    dcl_problem problem;
    dcl_growth_options options;
    dcl__device_loss loss;
    const dcl__penalty *penalty;
    dcl__factors now, best;
    dcl__data_gram data_gram;
    dcl_certificate certificate; /* of best                                                          */
    double bound;                /* the largest lower bound of the run                               */
    double reached;              /* the lambda that the factors belong to; INFINITY: there are none  */
    int64_t rounds, most_rounds; /* of the run, at all lambdas; at most, up to the present one       */
    double precision;            /* of the next descent                                              */
    int polishes;                /* refits alone did not do: descend by gradients as well            */
    int idle;                    /* rounds without progress, one after the other                     */
    uint64_t proofs;             /* certificates of all runs, each with a random start of its own    */
    double *values;
    dcl_growth_round *history;
    size_t history_count, history_capacity;
    double first_step;
    int status;
    const char *reason;
};

/* ---- The beginning ---- */

static dcl_status check_options(const dcl_problem *p, const dcl_growth_options *o, dcl_error *error)
{
    const dcl__penalty *penalty = dcl__penalty_find(p->penalty);
    if (!penalty)
        return dcl__fail(error, DCL_EINVAL, "the penalty is none of the constants of dropcl.h");
    if (!penalty->polar)
        return dcl__fail(error, DCL_EUNSUPPORTED, "the penalty %s is of a fixed number of units, so nothing can grow "
                         "under it (take another solver, and dcl_certify)", penalty->name);
    if (o->dtype != 0 && o->dtype != DCL_F32 && o->dtype != DCL_F64)
        return dcl__fail(error, DCL_EINVAL, "the dtype of a growth is f32 or f64");
    if (!(o->tolerance >= 0) || o->width < 0 || o->add < 0 || o->rounds < 0 || o->steps < 0)
        return dcl__fail(error, DCL_EINVAL, "tolerance, width, add, rounds and steps must not be negative");
    return DCL_OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* As many units as an optimum can need: a row or a column each where an l1 norm picks them, with both signs where the
 * other factor may have only one; orthogonal ones for the nuclear norm. Of the other penalties no such number is known,
 * and this one is a guess. */
static int64_t enough_units(const dcl_growth *g)
{
    const int64_t rows = g->now.rows, columns = g->now.columns;
    switch (g->penalty->id) {
    case DCL_PENALTY_NUCLEAR: return least(rows, columns);
    case DCL_PENALTY_L1_L2: case DCL_PENALTY_L1_L1: return rows;
    case DCL_PENALTY_L2_L1: return columns;
    case DCL_PENALTY_L1_NONNEGATIVE: return 2 * rows;
    default: return rows + columns;
    }
}

/* LAPACK counts with 32 bits. */
static int64_t most_units(const dcl_growth *g)
{
    const int64_t most = INT32_MAX / (g->now.rows + g->now.columns + 1);
    return most > 0 ? most : 1;
}

/* What was left to defaults. */
static void complete(dcl_growth *g)
{
    dcl_growth_options *o = &g->options;
    o->dtype = o->dtype ? o->dtype : DCL_F32;
    o->tolerance = o->tolerance > 0 ? o->tolerance : 1e-4;
    o->width = least(o->width > 0 ? o->width : enough_units(g), most_units(g));
    o->rounds = o->rounds > 0 ? o->rounds : MOST_ROUNDS;
    o->started = o->started > 0 ? o->started : dcl__now();
}

/* Once is enough. */
static int is_asked_to_stop(void *user)
{
    dcl_growth *g = user;
    const dcl_growth_options *o = &g->options;
    const dcl_growth_round none = {.lambda = g->problem.lambda, .objective = INFINITY, .gap = 1};
    const dcl_growth_round *last = g->history_count > 0 ? &g->history[g->history_count - 1] : &none;
    g->loss.stopped = g->loss.stopped || (o->progress && o->progress(o->user, last));
    return g->loss.stopped;
}

static dcl_status set_up(dcl_growth *g, const dcl_registry *registry, dcl_device *device, dcl_error *error)
{
    const dcl_problem *p = &g->problem;
    g->penalty = dcl__penalty_find(p->penalty);
    g->now.rows = g->best.rows = p->data ? p->data->rows : p->entries->rows;
    g->now.columns = g->best.columns = p->data ? p->data->columns : p->entries->columns;
    complete(g);
    g->loss = (dcl__device_loss){.registry = registry, .device = device, .problem = p, .dtype = g->options.dtype,
                                 .stops = is_asked_to_stop, .user = g};
    dcl_status status = dcl__device_loss_start(&g->loss, error);
    if (status == DCL_OK && g->options.dtype == DCL_F64 && !dcl_device_describe(device)->fp64)
        status = dcl__fail(error, DCL_EUNSUPPORTED, "the device has no double precision (choose f32, or another "
                           "device)");
    return status;
}

dcl_status dcl_growth_create(const dcl_registry *registry, dcl_device *device, const dcl_problem *problem,
                             const dcl_growth_options *options, dcl_growth **growth, dcl_error *error)
{
    dcl_status status = dcl__problem_check(problem, error);
    if (status == DCL_OK)
        status = check_options(problem, options, error);
    if (status)
        return status;
    dcl_growth *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a growth", sizeof *made);
    made->problem = *problem;
    made->options = *options;
    made->reached = INFINITY;
    status = set_up(made, registry, device, error);
    if (status)
        dcl_growth_free(made);
    else
        *growth = made;
    return status;
}

void dcl_growth_free(dcl_growth *g)
{
    if (!g)
        return;
    dcl__device_loss_free(&g->loss);
    dcl__factors_free(&g->now);
    dcl__factors_free(&g->best);
    dcl__data_gram_free(&g->data_gram);
    free(g->values);
    free(g->history);
    free(g);
}

dcl_status dcl_growth_start(dcl_growth *g, const double *u, const double *v, int64_t width, dcl_error *error)
{
    if (width < 0 || width > g->options.width)
        return dcl__fail(error, DCL_EINVAL, "the factors have %" PRId64 " units, and the growth has room for 0 to %"
                         PRId64, width, g->options.width);
    for (int64_t i = 0; i < g->now.rows * width; i++)
        if (!isfinite(u[i]))
            return dcl__fail(error, DCL_ENUMERIC, "U holds a number that is not finite");
    for (int64_t i = 0; i < g->now.columns * width; i++)
        if (!isfinite(v[i]))
            return dcl__fail(error, DCL_ENUMERIC, "V holds a number that is not finite");
    dcl_status status = dcl__factors_copy(&g->now, u, v, width, error);
    if (status)
        return status;
    g->polishes = 1;
    g->reached = 0;
    return DCL_OK;
}

/* ---- A round ---- */

/* With all entries and the squared loss a refit is the minimum within spaces that the polar chooses best, so that
 * gradients are needed only where it chose badly. */
static dcl_status descend(dcl_growth *g, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (g->penalty->id == DCL_PENALTY_NUCLEAR) {
        if (!g->problem.data || g->polishes)
            status = dcl__descend_smooth(&g->loss, &g->now, g->precision, error);
        return status ? status : dcl__refit(&g->problem, &g->now, g->loss.curvature, error);
    }
    status = dcl__descend_proximal(&g->loss, &g->now, g->precision, error);
    return status ? status : dcl__tidy_units(&g->problem, &g->now, g->options.width, error);
}

/* Atoms that are wanted next. Of all entries with an exact polar they do not disturb each other: all of them at first,
 * and few later, where only what they missed is left. Else about as many as there are units. */
static int64_t atoms_wanted(const dcl_growth *g, int64_t round)
{
    const int64_t room = g->options.width - g->now.width, width = g->now.width;
    if (g->options.add > 0)
        return least(room, g->options.add);
    if (g->problem.data && g->penalty->is_certifiable)
        return least(room, round == 1 ? room : FEWEST_ATOMS * round);
    return least(room, width > FEWEST_ATOMS ? width : FEWEST_ATOMS);
}

/* Keeps the better factors, with the bound that all rounds together give: the best of them, which may be false where
 * one of them is. */
static dcl_status keep_best(dcl_growth *g, const dcl_certificate *c, dcl_error *error)
{
    const double failure = g->certificate.failure + c->failure;
    dcl_status status = DCL_OK;
    g->bound = fmax(g->bound, c->lower_bound);
    if (!(c->objective > g->certificate.objective)) {
        status = dcl__factors_copy(&g->best, g->now.u, g->now.v, g->now.width, error);
        g->certificate = *c;
    }
    g->certificate.lower_bound = g->bound;
    g->certificate.failure = failure;
    const double above = g->certificate.objective - g->bound;
    g->certificate.relative_gap = above > 0 ? above / g->certificate.objective : 0;
    return status;
}

static dcl_status record(dcl_growth *g, int64_t round, dcl_error *error)
{
    dcl_status status = dcl__grow(&g->history, sizeof *g->history, g->history_count, &g->history_capacity,
                                  "the history", error);
    if (status)
        return status;
    g->history[g->history_count++] = (dcl_growth_round){
        .round = round, .width = g->best.width, .steps = g->loss.evaluations,
        .seconds = dcl__now() - g->options.started, .lambda = g->problem.lambda,
        .objective = g->certificate.objective, .lower_bound = g->bound, .gap = g->certificate.relative_gap,
        .polar = g->certificate.polar};
    return DCL_OK;
}

/* What the next round is to do differently: `old` is the distance from objective to bound before this one. Where it
 * fell little, gradients and finer descents are called for; all the more where it did not, or nothing can join. */
static void judge(dcl_growth *g, double old, int has_atoms)
{
    const double now = g->certificate.objective - g->bound;
    const int falls = now < (1 - LEAST_PROGRESS) * old;
    g->idle = falls ? 0 : g->idle + 1;
    g->polishes = g->now.width > 0 && (!has_atoms || !(now < 0.9 * old));
    const double gap = g->certificate.relative_gap, wanted = fmin(SHARE_OF_GAP, SQUARE_OF_GAP * gap) * gap;
    const double finer = !has_atoms || !falls ? 0.1 : now < 0.8 * old ? 1 : 0.3;
    const double finest = g->penalty->is_certifiable ? FINEST : SHARE_OF_GAP * g->options.tolerance;
    g->precision = fmax(finest, fmin(wanted, finer * g->precision));
}

/* ---- The end ---- */

static void end(dcl_growth *g, int status, const char *reason)
{
    g->status = status;
    g->reason = reason;
}

/* Why it came to rest with a gap. */
static const char *explain_rest(const dcl_growth *g)
{
    if (!g->penalty->is_certifiable)
        return "the polar of this penalty is only bounded, so that the gap does not close at the optimum";
    if (g->problem.lambda == 0)
        return "without a penalty (lambda 0) no lower bound but 0 is known";
    const int is_full = g->best.width >= g->options.width && g->certificate.polar > g->problem.lambda;
    if (is_full && g->options.width == most_units(g))
        return "the polar asks for more units than LAPACK counts with (2^31 - 1 numbers in U and V)";
    if (is_full && g->options.width < enough_units(g))
        return "the polar asks for more units than --rank allows";
    if (g->options.dtype == DCL_F32 && g->loss.evaluations > 0)
        return "descents in single precision do not come closer (choose f64)";
    return "neither descents nor new units lower the objective any further";
}

/* Sets the verdict where the run is over. */
static int is_over(dcl_growth *g)
{
    if (g->certificate.relative_gap <= g->options.tolerance)
        end(g, DCL_CERTIFIED, "");
    else if (g->loss.stopped)
        end(g, DCL_STOPPED, "it was asked to stop");
    else if (g->loss.evaluations >= g->loss.most)
        end(g, DCL_STOPPED, "all steps are used up");
    else if (g->rounds >= g->most_rounds)
        end(g, DCL_STOPPED, "all rounds are used up");
    else if (g->idle >= MOST_IDLE)
        end(g, DCL_CONVERGED, explain_rest(g));
    else
        return 0;
    return 1;
}

/* One round; *over when there is to be no other. */
static dcl_status go_round(dcl_growth *g, int64_t round, int *over, dcl_error *error)
{
    const double old = g->certificate.objective - g->bound;
    dcl_certificate c;
    dcl_status status = descend(g, error);
    dcl__atoms atoms = {.most = atoms_wanted(g, round)};
    const dcl__proving proving = {g->options.tolerance, g->options.seed + ++g->proofs, &g->data_gram,
                                  is_asked_to_stop, g};
    if (status == DCL_OK)
        status = dcl__certify(&g->problem, g->now.u, g->now.v, g->now.width, &proving, &c, &atoms, error);
    if (status == DCL_OK)
        status = keep_best(g, &c, error);
    if (status == DCL_OK)
        status = record(g, round, error);
    if (g->first_step == 0)
        g->first_step = dcl__now() - g->options.started;
    if (status == DCL_OK) {
        judge(g, old, atoms.count > 0);
        is_asked_to_stop(g);
        g->rounds++;
        *over = is_over(g);
    }
    if (status == DCL_OK && !*over && atoms.count > 0)
        status = dcl__add_atoms(&g->problem, &g->now, &atoms, g->loss.curvature, error);
    dcl__atoms_free(&atoms);
    return status;
}

/* Rounds at one lambda, until the gap is within the tolerance. */
static dcl_status run_at(dcl_growth *g, double lambda, dcl_error *error)
{
    dcl_status status = DCL_OK;
    int over = 0;
    g->problem.lambda = lambda;
    g->certificate = (dcl_certificate){.objective = INFINITY, .relative_gap = 1};
    g->bound = -INFINITY;
    g->precision = SHARE_OF_GAP;
    g->idle = 0;
    g->status = 0;
    for (int64_t round = 1; status == DCL_OK && !over; round++)
        status = go_round(g, round, &over, error);
    if (status == DCL_OK)
        status = dcl__factors_copy(&g->now, g->best.u, g->best.v, g->best.width, error);
    if (status == DCL_OK && g->status != DCL_STOPPED)
        g->reached = lambda;
    return status;
}

/* Where descents are needed, a lambda far below the last one is approached in stages: the smaller it is, the more
 * slowly they come from afar. Without factors the last one is the largest that has some. The last round is left to
 * lambda itself. */
static dcl_status approach(dcl_growth *g, double lambda, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (g->problem.data && g->penalty->id == DCL_PENALTY_NUCLEAR)
        return DCL_OK;
    if (isinf(g->reached))
        status = dcl_growth_largest_lambda(&g->problem, &g->reached, error);
    if (status || lambda >= FAR * g->reached)
        return status;
    const double from = g->reached, least = fmax(lambda, LEAST_STAGE * from);
    g->most_rounds = g->options.rounds - 1;
    for (double stage = STAGE * from; status == DCL_OK && stage > least; stage *= STAGE) {
        if (g->rounds >= g->most_rounds || dcl__device_loss_ends(&g->loss))
            break;
        status = run_at(g, stage, error);
    }
    return status;
}

dcl_status dcl_growth_run(dcl_growth *g, double lambda, dcl_error *error)
{
    g->status = 0;
    g->rounds = 0;
    if (!(lambda >= 0) || !isfinite(lambda))
        return dcl__fail(error, DCL_EINVAL, "lambda is %g, it must be a number of at least 0", lambda);
    g->loss.stopped = 0;
    g->loss.most = g->loss.evaluations + (g->options.steps > 0 ? g->options.steps : MOST_EVALUATIONS);
    dcl_status status = approach(g, lambda, error);
    g->most_rounds = g->options.rounds;
    return status ? status : run_at(g, lambda, error);
}

static dcl_status find_values(dcl_growth *g, dcl_error *error)
{
    free(g->values);
    g->values = calloc((size_t)g->best.width + 1, sizeof *g->values);
    if (!g->values)
        return dcl__no_memory(error, "singular values", g->best.width * (int64_t)sizeof *g->values);
    return g->best.width > 0 ? dcl__product_values(g->best.rows, g->best.columns, g->best.u, g->best.v, g->best.width,
                                                   g->values, error)
                             : DCL_OK;
}

dcl_status dcl_growth_finish(dcl_growth *g, dcl_growth_result *result, dcl_error *error)
{
    if (g->status == 0)
        return dcl__fail(error, DCL_EINVAL, "the growth has not run yet, or its last run failed");
    dcl_status status = find_values(g, error);
    if (status)
        return status;
    g->certificate.rank = dcl__numerical_rank(g->values, g->best.width);
    *result = (dcl_growth_result){
        .rows = g->best.rows, .columns = g->best.columns, .width = g->best.width, .u = g->best.u, .v = g->best.v,
        .certificate = g->certificate, .values = g->values, .history = g->history,
        .history_count = (int64_t)g->history_count, .steps = g->loss.evaluations,
        .seconds = dcl__now() - g->options.started, .seconds_to_first_step = g->first_step, .status = g->status,
        .reason = g->reason};
    return DCL_OK;
}

dcl_status dcl_growth_largest_lambda(const dcl_problem *problem, double *lambda, dcl_error *error)
{
    const dcl__penalty *penalty = dcl__penalty_find(problem->penalty);
    dcl_certificate c;
    if (penalty && !penalty->polar)
        return dcl__fail(error, DCL_EUNSUPPORTED, "the penalty %s is a sum of squares: no lambda of it makes the best "
                         "factors 0, so there is no largest one", penalty->name);
    dcl_status status = dcl_certify(problem, NULL, NULL, 0, &(dcl_certify_options){.tolerance = 1e-9}, &c, error);
    if (status == DCL_OK)
        *lambda = c.polar;
    return status;
}
