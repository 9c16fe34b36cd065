/* certificate.c: a lower bound of the least objective from any factors.
 *
 * For every t from 0 to lambda / polar(Z), t Z is feasible for the dual problem, whose value -loss*(-t Z) no objective
 * goes below. For the squared loss the best t is known; else a search finds it, where it is not the largest. */
#include "recipes/certificate/certificate.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "recipes/common/assess.h"
#include "recipes/common/norms.h"
#include "recipes/common/sum.h"

/* ---- What makes a problem ---- */

static dcl_status check_sizes(int64_t rows, int64_t columns, dcl_error *error)
{
    if (rows < 1 || columns < 1 || rows > INT32_MAX || columns > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "the matrix is %" PRId64 " x %" PRId64 ", but sizes are from 1 to 2^31 - 1",
                         rows, columns);
    return DCL_OK;
}

static dcl_status check_entry(const dcl_entries *entries, const dcl__loss *loss, int64_t row, int64_t e,
                              dcl_error *error)
{
    const int64_t column = entries->column[e];
    if (column < 0 || column >= entries->columns || (e > entries->start[row] && column <= entries->column[e - 1]))
        return dcl__fail(error, DCL_EINVAL, "row %" PRId64 " has an entry in column %" PRId64 ": columns are from 1 to "
                         "%" PRId64 " and rise within a row", row + 1, column + 1, entries->columns);
    if (!loss->allows(entries->value[e]))
        return dcl__fail(error, DCL_EINVAL, "the entry in row %" PRId64 ", column %" PRId64 " is %g, but the %s loss "
                         "is for %s", row + 1, column + 1, entries->value[e], loss->name, loss->domain);
    if (entries->weight && !(entries->weight[e] > 0 && entries->weight[e] < INFINITY))
        return dcl__fail(error, DCL_EINVAL, "the weight in row %" PRId64 ", column %" PRId64 " is %g: weights are "
                         "above 0", row + 1, column + 1, entries->weight[e]);
    return DCL_OK;
}

static dcl_status check_entries(const dcl_entries *entries, const dcl__loss *loss, dcl_error *error)
{
    dcl_status status = check_sizes(entries->rows, entries->columns, error);
    if (status)
        return status;
    if (entries->start[0] != 0 || entries->start[entries->rows] != entries->count)
        return dcl__fail(error, DCL_EINVAL, "the entries of the rows must begin at 0 and end at their number");
    for (int64_t row = 0; row < entries->rows; row++) {
        if (entries->start[row + 1] < entries->start[row] || entries->start[row + 1] > entries->count)
            return dcl__fail(error, DCL_EINVAL, "the entries of row %" PRId64 " end before they begin, or beyond the "
                             "last", row + 1);
        for (int64_t e = entries->start[row]; e < entries->start[row + 1] && status == DCL_OK; e++)
            status = check_entry(entries, loss, row, e, error);
        if (status)
            return status;
    }
    return DCL_OK;
}

dcl_status dcl__problem_check(const dcl_problem *problem, dcl_error *error)
{
    const dcl__loss *loss = dcl__loss_find(problem->loss);
    const dcl__penalty *penalty = dcl__penalty_find(problem->penalty);
    if (!loss || !penalty)
        return dcl__fail(error, DCL_EINVAL, "there is no %s of number %d", loss ? "penalty" : "loss",
                         loss ? problem->penalty : problem->loss);
    if (!(problem->lambda >= 0 && problem->lambda < INFINITY))
        return dcl__fail(error, DCL_EINVAL, "lambda is %g, it must be at least 0", problem->lambda);
    if (problem->penalty == DCL_PENALTY_ELASTIC && !(problem->mixture >= 0 && problem->mixture <= 1))
        return dcl__fail(error, DCL_EINVAL, "the mixture is %g, it must be from 0 to 1", problem->mixture);
    if (problem->penalty == DCL_PENALTY_DROPBLOCK && problem->block < 1)
        return dcl__fail(error, DCL_EINVAL, "the block is %" PRId64 ", it must be at least 1", problem->block);
    if (!problem->data == !problem->entries)
        return dcl__fail(error, DCL_EINVAL, "a problem has either a whole matrix or entries");
    if (problem->entries)
        return check_entries(problem->entries, loss, error);
    if (!loss->is_quadratic)
        return dcl__fail(error, DCL_EINVAL, "the %s loss works on entries: give those of the matrix", loss->name);
    if (problem->data->dtype != DCL_F32 && problem->data->dtype != DCL_F64)
        return dcl__fail(error, DCL_EINVAL, "the matrix must hold f32 or f64 numbers");
    return check_sizes(problem->data->rows, problem->data->columns, error);
}

/* ---- The dual value ---- */

/* What t may be, and what it costs: the value is that of the loss less t^2 cost. */
typedef struct dual {
    const dcl__slope *slope;
    double most, cost;
} dual;

/* How far rounding may have raised what `value` computes. Of the squared loss by the sums, in which |<Z, Y>| is at
 * most ||Z|| ||Y||, and by products below the normal numbers; of another loss by some roundings in every entry, each
 * relative to what the loss has at 0. */
static double rounding_of(const dual *d, double t)
{
    const dcl__slope *s = d->slope;
    if (!s->loss->is_quadratic)
        return 128 * dcl__gamma(1) * s->energy;
    const double c = s->loss->curvature, numbers = (double)s->rows * (double)s->columns;
    return dcl__gamma(DCL__SUM_CHUNK + 8) * (t * sqrt(s->square) * sqrt(s->energy / (c / 2)) +
                                             t * t * s->square / (2 * c)) + (t + t * t) * numbers * DBL_MIN;
}

static double value_at(const dual *d, double t)
{
    const dcl__slope *s = d->slope;
    const double cost = d->cost > 0 ? t * t * d->cost : 0;
    if (s->loss->is_quadratic)
        return t * s->with_data - t * t * s->square / (2 * s->loss->curvature) - cost;
    const dcl_entries *entries = s->problem->entries;
    dcl__sum sum = {0};
    for (int64_t e = 0; e < entries->count; e++) {
        const double weight = entries->weight ? entries->weight[e] : 1;
        dcl__add(&sum, weight * s->loss->dual(entries->value[e], s->entry[e] / weight, t));
    }
    return dcl__total(&sum) - cost;
}

/* The value is concave in t: the golden section finds its top. Where it is not below at the right end, that is it. */
static double search(const dual *d, double right)
{
    const double golden = 0.6180339887498949;
    double left = 0, a = right * (1 - golden), b = right * golden, at_a = value_at(d, a), at_b = value_at(d, b);
    for (int i = 0; i < 40; i++) {
        if (at_a < at_b) {
            left = a;
            a = b;
            at_a = at_b;
            b = left + golden * (right - left);
            at_b = value_at(d, b);
        } else {
            right = b;
            b = a;
            at_b = at_a;
            a = left + (1 - golden) * (right - left);
            at_a = value_at(d, a);
        }
    }
    return (left + right) / 2;
}

/* At t = 1 the value rises by <Z, U V'> less twice the cost, so that a smaller end is the best where that is not
 * negative. Beyond 1 the loss may be infinite. */
static double best_t(const dual *d)
{
    const dcl__slope *s = d->slope;
    if (s->loss->is_quadratic) {
        const double bend = s->square / s->loss->curvature + 2 * d->cost, best = bend > 0 ? s->with_data / bend : 0;
        return fmin(fmax(best, 0), d->most);
    }
    const double end = fmin(d->most, 1);
    return s->product >= 2 * d->cost ? end : search(d, end);
}

/* All losses and penalties are at least 0. */
static double lower_bound(const dual *d)
{
    const double t = d->most > 0 && d->cost < INFINITY ? best_t(d) : 0;
    return t > 0 ? fmax(value_at(d, t) - rounding_of(d, t), 0) : 0;
}

/* ---- The certificate ---- */

/* sum_i ||u_i||_u ||v_i||_v; a unit with a factor 0 costs nothing. No number where a norm is none: entries do not show
 * what stands in a row without any. */
static double sum_of_norms(const dcl__slope *s, const dcl__penalty *penalty)
{
    dcl__sum sum = {0};
    for (int64_t i = 0; i < s->width; i++) {
        const double u = penalty->norm(s->problem, 0, s->u + i, s->rows, s->width);
        const double v = penalty->norm(s->problem, 1, s->v + i, s->columns, s->width);
        dcl__add(&sum, isnan(u + v) ? NAN : u > 0 && v > 0 ? u * v : 0);
    }
    return dcl__total(&sum);
}

/* Units of which a factor is 0 have no balance. */
static double balance_of(const dcl__slope *s)
{
    double worst = 0;
    for (int64_t i = 0; i < s->width; i++) {
        const double u = dcl__norm_l2(s->u + i, s->rows, s->width), v = dcl__norm_l2(s->v + i, s->columns, s->width);
        if (u > 0 && v > 0)
            worst = fmax(worst, fabs(u - v) / sqrt(u) / sqrt(v));
    }
    return worst;
}

/* The rank as it is reported, and the number of singular values that are more than rounding. Penalties of squares are
 * what noise comes to. */
static dcl_status find_ranks(const dcl__slope *s, int squares, int64_t *rank, int64_t *full_rank, dcl_error *error)
{
    const double rounding = fmax((double)s->rows, (double)s->columns) * DBL_EPSILON;
    double *values = malloc((size_t)s->width * sizeof *values);
    if (!values)
        return dcl__no_memory(error, "singular values", s->width * (int64_t)sizeof *values);
    dcl_status status = dcl__product_values(s->rows, s->columns, s->u, s->v, s->width, values, error);
    if (status == DCL_OK)
        *rank = (squares ? dcl__rank_under_noise : dcl__numerical_rank)(values, s->width);
    for (int64_t i = 0; i < s->width && status == DCL_OK; i++)
        *full_rank += values[i] > rounding * values[0];
    free(values);
    return status;
}

/* How far the polar may be overestimated, relative: near the optimum the bound loses that share of the regularizer, and
 * its square of the data term; of sums of squares, twice that share. */
static double slack_of(double tolerance, double objective, double regularizer)
{
    const double most = sqrt(0.1 * tolerance);
    return fmax(regularizer > 0 ? fmin(0.2 * tolerance * objective / regularizer, most) : most, 1e-12);
}

/* The regularizer, and what bounds the dual problem. */
static dcl_status weigh(const dcl__slope *s, const dcl__penalty *penalty, const dcl__proving *proving,
                        dcl_certificate *found, dcl__atoms *atoms, dual *d, dcl_error *error)
{
    const double lambda = s->problem->lambda;
    dcl__polar polar = {0};
    dcl_status status;
    if (penalty->squares) {
        status = penalty->squares(s, slack_of(proving->tolerance, 1, 2), proving->seed, &found->regularizer, &d->cost,
                                  &polar, error);
        found->polar = found->polar_reached = NAN;
        d->most = INFINITY;
    } else {
        const double sum = s->width > 0 ? sum_of_norms(s, penalty) : 0;
        if (!isfinite(sum))
            return dcl__fail(error, DCL_EINVAL, "the factors are outside of what the penalty '%s' allows: a number is "
                             "negative, or not finite", penalty->name);
        found->regularizer = lambda * sum;
        const double slack = slack_of(proving->tolerance, s->data_term + found->regularizer, found->regularizer);
        status = penalty->polar(s, slack, proving->seed, &polar, atoms, error);
        found->polar = polar.upper;
        found->polar_reached = polar.reached;
        d->most = polar.upper > 0 ? lambda / polar.upper * (1 - 0x1p-52) : INFINITY;
    }
    found->proof = polar.proof;
    found->failure = polar.failure;
    found->exact = penalty->is_certifiable || (polar.upper > 0 && polar.upper <= polar.reached * (1 + 1e-9));
    return status;
}

static dcl_status judge(const dcl__slope *s, const dcl__proving *proving, dcl_certificate *found, dcl__atoms *atoms,
                        dcl_error *error)
{
    const dcl__penalty *penalty = dcl__penalty_find(s->problem->penalty);
    dual d = {.slope = s};
    int64_t full_rank = 0;
    dcl_status status = weigh(s, penalty, proving, found, atoms, &d, error);
    if (status == DCL_OK && !isfinite(s->data_term + found->regularizer))
        status = dcl__fail(error, DCL_ENUMERIC, "the objective is no f64 number: the factors hold NaN or infinity, or "
                           "they or lambda are too large");
    if (status == DCL_OK && s->width > 0 && !atoms)
        status = find_ranks(s, penalty->squares != NULL, &found->rank, &full_rank, error);
    if (status)
        return status;
    const double scaling = (penalty->squares ? 2 : 1) * found->regularizer;
    const int64_t side = s->rows < s->columns ? s->rows : s->columns;
    if (penalty->squares)        /* the bound is that of any rank */
        found->exact = penalty->is_certifiable && (full_rank < s->width || s->width >= side);
    found->data_term = s->data_term;
    found->objective = found->data_term + found->regularizer;
    found->lower_bound = lower_bound(&d);
    if (found->objective > 0) {
        found->relative_gap = fmax((found->objective - found->lower_bound) / found->objective, 0);
        found->stationarity = fabs(s->product - scaling) / found->objective;
    }
    found->balance_error = balance_of(s);
    return DCL_OK;
}

dcl_status dcl__certify(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                        const dcl__proving *proving, dcl_certificate *certificate, dcl__atoms *atoms,
                        dcl_error *error)
{
    dcl__slope slope = {0};
    dcl_certificate found = {0};
    if (width < 0 || width > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "the width is %" PRId64 ", it must be from 0 to 2^31 - 1", width);
    if (atoms)
        atoms->above = problem->lambda;
    dcl_status status = dcl__slope_make(problem, u, v, width, &slope, error);
    slope.data_gram = problem->data ? proving->data_gram : NULL;
    slope.stops = proving->stops;
    slope.user = proving->user;
    if (status == DCL_OK)
        status = judge(&slope, proving, &found, atoms, error);
    dcl__slope_free(&slope);
    if (status == DCL_OK)
        *certificate = found;
    return status;
}

/* Far from the seeds that people choose, on which growth counts: factors that atoms made are to meet another start. */
static const uint64_t CERTIFY_SEED = UINT64_C(1) << 63;

dcl_status dcl_certify(const dcl_problem *problem, const double *u, const double *v, int64_t width,
                       const dcl_certify_options *options, dcl_certificate *certificate, dcl_error *error)
{
    const double tolerance = options ? options->tolerance : 0;
    const dcl__proving proving = {.tolerance = tolerance > 0 ? tolerance : 1e-4,
                                  .seed = CERTIFY_SEED ^ (options ? options->seed : 0)};
    dcl_status status = dcl__problem_check(problem, error);
    if (status == DCL_OK && !(tolerance >= 0))
        status = dcl__fail(error, DCL_EINVAL, "the tolerance is %g, it must not be negative", tolerance);
    return status ? status : dcl__certify(problem, u, v, width, &proving, certificate, NULL, error);
}
