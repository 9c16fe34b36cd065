/* test_completion.c: biases, holdouts and errors against numbers by hand; the path of lambda; dropout on known
 * entries. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "recipes/completion/dropout.h"
#include "recipes/completion/unshrink.h"

Suite *completion_suite(void);

/* ---- Entries ---- */

enum { M = 12, N = 9, ROOM = 60 * 40 };

typedef struct known {
    int64_t start[ROOM + 1], column[ROOM];
    double value[ROOM], weight[ROOM];
    dcl_entries entries;
} known;

/* Those of a matrix that are not NAN; `weights` of the same shape, or NULL. */
static void take(known *k, int64_t rows, int64_t columns, const double *matrix, const double *weights)
{
    int64_t count = 0;
    for (int64_t a = 0; a < rows; a++) {
        k->start[a] = count;
        for (int64_t b = 0; b < columns; b++)
            if (!isnan(matrix[a * columns + b])) {
                k->column[count] = b;
                k->weight[count] = weights ? weights[a * columns + b] : 1;
                k->value[count++] = matrix[a * columns + b];
            }
    }
    k->start[rows] = count;
    k->entries = (dcl_entries){rows, columns, count, k->start, k->column, k->value, weights ? k->weight : NULL};
}

/* Rank one and two, a constant and noise; a third is missing, row 2 and column 4 altogether. */
static void draw_entries(known *k, int64_t rows, int64_t columns, int weighted)
{
    double u[ROOM], v[ROOM], noise[ROOM], matrix[ROOM], weights[ROOM], holes[ROOM];
    draw(1, u, rows * 2);
    draw(2, v, columns * 2);
    draw(3, noise, rows * columns);
    draw(4, holes, rows * columns);
    draw(5, weights, rows * columns);
    for (int64_t at = 0; at < rows * columns; at++) {
        const int64_t a = at / columns, b = at % columns;
        weights[at] = 1.5 + weights[at];
        matrix[at] = 1 + 4 * u[2 * a] * v[2 * b] + 3 * u[2 * a + 1] * v[2 * b + 1] + 0.2 * noise[at];
        if (holes[at] < -0.33 || a == 2 || b == 4)
            matrix[at] = NAN;
    }
    take(k, rows, columns, matrix, weighted ? weights : NULL);
}

static double weight_of(const dcl_entries *e, int64_t i)
{
    return e->weight ? e->weight[i] : 1;
}

/* ---- The holdout ---- */

START_TEST(a_holdout_and_the_rest_are_all_entries)
{
    static known k;
    dcl_entries training, holdout;
    dcl_error error;
    draw_entries(&k, 60, 40, 1);
    ASSERT_OK(dcl_entries_split(&k.entries, 0.25, 7, 0, &training, &holdout, &error));
    ck_assert_int_eq(training.count + holdout.count, k.entries.count);
    ck_assert_double_eq_tol((double)holdout.count, 0.25 * (double)k.entries.count,
                            4 * sqrt(0.1875 * (double)k.entries.count));
    for (int64_t a = 0; a < k.entries.rows; a++) {
        int64_t t = training.start[a], h = holdout.start[a];
        for (int64_t e = k.start[a]; e < k.start[a + 1]; e++) {
            const int held = h < holdout.start[a + 1] && holdout.column[h] == k.column[e];
            const dcl_entries *part = held ? &holdout : &training;
            const int64_t at = held ? h++ : t++;
            ck_assert_int_eq(part->column[at], k.column[e]);
            ck_assert_double_eq(part->value[at], k.value[e]);
            ck_assert_double_eq(part->weight[at], k.weight[e]);
        }
        ck_assert_int_eq(t, training.start[a + 1]);
        ck_assert_int_eq(h, holdout.start[a + 1]);
    }
    dcl_entries_release(&training);
    dcl_entries_release(&holdout);
}
END_TEST

START_TEST(a_holdout_follows_from_the_seed_and_the_draw)
{
    static known k;
    dcl_entries part[4][2];
    dcl_error error;
    draw_entries(&k, 60, 40, 0);
    for (int i = 0; i < 4; i++)
        ASSERT_OK(dcl_entries_split(&k.entries, 0.5, i == 1 ? 8 : 7, i == 3, &part[i][0], &part[i][1], &error));
    const size_t size = (size_t)part[0][1].count * sizeof(double);
    ck_assert_int_eq(part[0][1].count, part[2][1].count);
    ck_assert_int_eq(memcmp(part[0][1].value, part[2][1].value, size), 0);
    for (int i = 1; i < 4; i += 2)
        ck_assert(part[i][1].count != part[0][1].count || memcmp(part[0][1].value, part[i][1].value, size) != 0);
    for (int i = 0; i < 8; i++)
        dcl_entries_release(&part[i / 2][i % 2]);
}
END_TEST

START_TEST(a_holdout_is_neither_empty_nor_everything)
{
    static known k;
    dcl_entries training, holdout;
    dcl_error error;
    take(&k, 1, 2, (double[]){1, 2}, NULL);
    ASSERT_FAILS(dcl_entries_split(&k.entries, 1e-9, 1, 0, &training, &holdout, &error), DCL_EINVAL,
                 "leaves one part empty");
    ASSERT_FAILS(dcl_entries_split(&k.entries, 1 - 1e-9, 1, 0, &training, &holdout, &error), DCL_EINVAL,
                 "one part empty");
    ASSERT_FAILS(dcl_entries_split(&k.entries, 1, 1, 0, &training, &holdout, &error), DCL_EINVAL, "below 1");
    ASSERT_FAILS(dcl_entries_split(&k.entries, NAN, 1, 0, &training, &holdout, &error), DCL_EINVAL, "above 0");
}
END_TEST

/* ---- Biases ---- */

static dcl_baseline fit(const dcl_entries *entries, int bias)
{
    dcl_baseline baseline;
    dcl_error error;
    ASSERT_OK(dcl_baseline_fit(entries, bias, &baseline, &error));
    return baseline;
}

START_TEST(the_mean_is_weighted)
{
    static known k;
    take(&k, 2, 2, (double[]){1, NAN, 4, 10}, (double[]){1, 1, 2, 3});
    dcl_baseline none = fit(&k.entries, DCL_BIAS_NONE), mean = fit(&k.entries, DCL_BIAS_MEAN);
    ck_assert_double_eq(none.mean, 0);
    ck_assert_double_eq(mean.mean, 39.0 / 6);
    ck_assert_double_eq(mean.row[0], 0);
    ck_assert(isinf(mean.damping_row));
    dcl_baseline_free(&none);
    dcl_baseline_free(&mean);
}
END_TEST

/* Means of rows and columns tell everything, without noise. */
START_TEST(biases_of_a_sum_come_back)
{
    static known k;
    take(&k, 3, 4, (double[]){11, 12, 13, 14, 21, 22, 23, 24, 61, 62, 63, 64}, NULL);
    dcl_baseline b = fit(&k.entries, DCL_BIAS_BOTH);
    const double row[] = {-20, -10, 30};
    ck_assert_double_eq_tol(b.mean, 32.5, 1e-2);
    for (int a = 0; a < 3; a++)
        ck_assert_double_eq_tol(b.row[a], row[a], 1e-2);
    for (int c = 0; c < 4; c++)
        ck_assert_double_eq_tol(b.column[c], c - 1.5, 1e-2);
    dcl_baseline_free(&b);
}
END_TEST

/* At the least damped squares, weighted remainders add up to kappa times the bias in every row and column (some units
 * here; kappa comes to rest within a thousandth), and to 0 altogether. */
START_TEST(damped_biases_solve_their_equations)
{
    static known k;
    double row[60] = {0}, column[40] = {0}, all = 0, biases[100];
    draw_entries(&k, 60, 40, 1);
    draw(6, biases, 100);
    const dcl_entries *e = &k.entries;
    for (int64_t a = 0; a < 60; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++)
            k.value[i] += 2 * biases[a] + 3 * biases[60 + k.column[i]];
    dcl_baseline b = fit(e, DCL_BIAS_BOTH);
    for (int64_t a = 0; a < 60; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            const double rest = k.weight[i] * (k.value[i] - b.mean - b.row[a] - b.column[k.column[i]]);
            row[a] += rest;
            column[k.column[i]] += rest;
            all += rest;
        }
    ck_assert_double_gt(b.damping_row, 0);
    ck_assert_double_eq_tol(all, 0, 1e-9);
    for (int a = 0; a < 60; a++)
        ck_assert_double_eq_tol(row[a], b.damping_row * b.row[a], 1e-2);
    for (int c = 0; c < 40; c++)
        ck_assert_double_eq_tol(column[c], b.damping_column * b.column[c], 1e-2);
    ck_assert_double_eq(b.row[2], 0);
    ck_assert_double_eq(b.column[4], 0);
    dcl_baseline_free(&b);
}
END_TEST

START_TEST(constant_entries_have_no_biases)
{
    static known k;
    take(&k, 2, 3, (double[]){5, 5, NAN, NAN, 5, 5}, NULL);
    dcl_baseline b = fit(&k.entries, DCL_BIAS_BOTH);
    ck_assert_double_eq(b.mean, 5);
    for (int c = 0; c < 3; c++)
        ck_assert_double_eq(b.column[c], 0);
    dcl_baseline_free(&b);
}
END_TEST

START_TEST(without_entries_there_is_no_mean)
{
    static known k;
    dcl_baseline b;
    dcl_error error;
    take(&k, 1, 2, (double[]){NAN, NAN}, NULL);
    ASSERT_FAILS(dcl_baseline_fit(&k.entries, DCL_BIAS_MEAN, &b, &error), DCL_EINVAL, "no mean");
    dcl_baseline_free(&b);
    b = fit(&k.entries, DCL_BIAS_NONE);
    ck_assert_double_eq(b.mean, 0);
    dcl_baseline_free(&b);
}
END_TEST

/* ---- Predictions ---- */

START_TEST(errors_are_weighted)
{
    static known k;
    double row[] = {1, 0}, column[] = {0, 2};
    const dcl_baseline baseline = {.mean = 10, .row = row, .column = column};
    const double u[] = {1, 2, 3, 4}, v[] = {1, 1, 0, -1};
    const dcl_predictor p = {.baseline = &baseline, .u = u, .v = v, .width = 2};
    ck_assert_double_eq(dcl_predict(&p, 0, 0), 14);
    ck_assert_double_eq(dcl_predict(&p, 1, 1), 8);
    take(&k, 2, 2, (double[]){15, NAN, NAN, 5}, (double[]){1, 1, 1, 3});
    const dcl_prediction_error e = dcl_predictor_assess(&p, &k.entries);
    ck_assert_double_eq_tol(e.rmse, sqrt((1.0 + 3 * 9) / 4), 1e-15);
    ck_assert_double_eq_tol(e.mae, (1.0 + 3 * 3) / 4, 1e-15);
    const dcl_predictor signs = {.baseline = &baseline, .loss = DCL_LOSS_LOGISTIC};
    ck_assert_double_eq_tol(dcl_predict(&signs, 1, 0), 2 / (1 + exp(-10.0)) - 1, 1e-15);
}
END_TEST

/* ---- The path ---- */

static dcl_completion_result run(const dcl_entries *training, const dcl_entries *holdout,
                                 dcl_completion_options options, dcl_completion **completion)
{
    dcl_completion_result result;
    dcl_error error;
    options.dtype = DCL_F64;
    ASSERT_OK(dcl_completion_create(ops, device, training, holdout, &options, completion, &error));
    ASSERT_OK(dcl_completion_run(*completion, &error));
    dcl_completion_finish(*completion, &result);
    return result;
}

START_TEST(the_path_falls_and_ends_where_the_holdout_is_worse)
{
    static known k;
    dcl_entries training, holdout;
    dcl_completion *completion;
    dcl_error error;
    draw_entries(&k, 60, 40, 0);
    ASSERT_OK(dcl_entries_split(&k.entries, 0.2, 1, 0, &training, &holdout, &error));
    const dcl_completion_options options = {.lambda = -1, .path = 20, .share = 1e-3};
    const dcl_completion_result r = run(&training, &holdout, options, &completion);
    const dcl_completion_point *last = &r.path[r.path_count - 1];
    ck_assert_double_eq(r.path[0].lambda, r.largest_lambda);
    ck_assert_int_eq(r.path[0].rank, 0);
    ck_assert_double_eq_tol(r.path[0].holdout.rmse, r.baseline_holdout.rmse, 1e-9);
    ck_assert_int_lt(r.path_count, 20);
    ck_assert_double_gt(last[0].holdout.rmse, last[-1].holdout.rmse);
    ck_assert_double_gt(last[-1].holdout.rmse, last[-2].holdout.rmse);
    for (int64_t i = 0; i < r.path_count; i++) {
        ck_assert_int_eq(r.path[i].status, DCL_CERTIFIED);
        ck_assert_double_le(r.path[r.chosen].holdout.rmse, r.path[i].holdout.rmse);
        if (i > 0)
            ck_assert_double_eq_tol(r.path[i].lambda / r.path[i - 1].lambda, pow(1e-3, 1.0 / 19), 1e-12);
    }
    const dcl_prediction_error again = dcl_predictor_assess(&r.predictor, &holdout);
    ck_assert_double_eq(again.rmse, r.path[r.chosen].holdout.rmse);
    ck_assert_double_lt(again.rmse, 0.5 * r.baseline_holdout.rmse);
    dcl_completion_free(completion);
    dcl_entries_release(&training);
    dcl_entries_release(&holdout);
}
END_TEST

/* Of noise alone the first factors are worse than none, and one rise shows it. */
START_TEST(the_path_ends_at_a_rise_that_is_no_chance)
{
    static known k;
    double noise[ROOM];
    dcl_entries training, holdout;
    dcl_completion *completion;
    dcl_error error;
    draw(3, noise, 60 * 40);
    take(&k, 60, 40, noise, NULL);
    ASSERT_OK(dcl_entries_split(&k.entries, 0.3, 1, 0, &training, &holdout, &error));
    const dcl_completion_options options = {.lambda = -1, .path = 5, .share = 1e-4};
    const dcl_completion_result r = run(&training, &holdout, options, &completion);
    ck_assert_int_eq(r.path_count, 2);
    ck_assert_int_eq(r.chosen, 0);
    dcl_completion_free(completion);
    dcl_entries_release(&training);
    dcl_entries_release(&holdout);
}
END_TEST

START_TEST(a_given_lambda_is_the_only_one)
{
    static known k;
    dcl_completion *completion;
    draw_entries(&k, M, N, 0);
    const dcl_completion_result r = run(&k.entries, NULL, (dcl_completion_options){.lambda = 2}, &completion);
    ck_assert_int_eq(r.path_count, 1);
    ck_assert_double_eq(r.path[0].lambda, 2);
    ck_assert_int_eq(r.path[0].status, DCL_CERTIFIED);
    ck_assert(isnan(r.path[0].holdout.rmse) && isnan(r.largest_lambda));
    dcl_completion_free(completion);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    static known k, other, wrong, empty;
    dcl_completion *completion;
    dcl_error error;
    draw_entries(&k, M, N, 0);
    take(&other, 1, 2, (double[]){1, 2}, NULL);
    draw_entries(&wrong, M, N, 0);
    wrong.value[3] = INFINITY;
    empty.entries = (dcl_entries){M, N, 0, empty.start, empty.column, empty.value, NULL};
    const struct { const dcl_entries *holdout; dcl_completion_options options; const char *message; } cases[] = {
        {NULL, {.lambda = -1}, "a holdout"},
        {&other.entries, {.lambda = 1}, "of the holdout of 1 x 2"},
        {&wrong.entries, {.lambda = 1}, "is inf, but the squared loss is for finite numbers"},
        {&k.entries, {.lambda = 1, .loss = DCL_LOSS_LOGISTIC}, "is for -1 or 1"},
        {&empty.entries, {.lambda = 1}, "no entry to measure with"},
        {NULL, {.lambda = NAN}, "must be numbers"},
        {&k.entries, {.lambda = -1, .share = -0.1}, "must be numbers"},
        {NULL, {.lambda = 1, .loss = DCL_LOSS_LOGISTIC, .bias = DCL_BIAS_BOTH}, "goes without"},
        {NULL, {.lambda = -1, .noise = DCL_NOISE_DROPOUT, .width = 2}, "retain is 0"},
        {NULL, {.lambda = -1, .noise = DCL_NOISE_DROPOUT, .width = 2, .retain = 1e-310}, "retain is 1e-310"},
        {NULL, {.lambda = 1, .noise = DCL_NOISE_DROPOUT}, "a width of at least 1"},
        {NULL, {.lambda = 1, .noise = DCL_NOISE_DROPOUT, .width = 2, .unshrink = 1}, "stay as trained"},
        {NULL, {.lambda = 1, .noise = DCL_NOISE_DROPBLOCK, .width = 2}, "under dropout, or without"},
    };
    for (int i = 0; i < ROWS(cases); i++)
        ASSERT_FAILS(dcl_completion_create(ops, device, &k.entries, cases[i].holdout, &cases[i].options, &completion,
                                           &error), DCL_EINVAL, cases[i].message);
    ASSERT_FAILS(dcl_completion_create(ops, device, &empty.entries, NULL, &(dcl_completion_options){.lambda = 1},
                                       &completion, &error), DCL_EINVAL, "no entry to train with");
}
END_TEST

/* ---- Units by least squares ---- */

enum { UNITS = 5 };

/* The gradient of the squares by each weight, and the largest that a term of it may be. */
static double weight_gradients(const dcl_entries *e, const double *u, const double *v, const double *weight,
                               double *gradient)
{
    double size = 0;
    memset(gradient, 0, UNITS * sizeof *gradient);
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            double x[UNITS], left = e->value[i];
            for (int k = 0; k < UNITS; k++) {
                x[k] = u[a * UNITS + k] * v[e->column[i] * UNITS + k];
                left -= weight[k] * x[k];
            }
            for (int k = 0; k < UNITS; k++) {
                gradient[k] += weight_of(e, i) * left * x[k];
                size += weight_of(e, i) * x[k] * x[k];
            }
        }
    return size;
}

/* The conditions of an optimum: no weight is negative, none that is above 0 can gain, and none at 0 by rising. */
START_TEST(weights_are_the_least_squares_that_are_not_negative)
{
    int zeros = 0;
    for (uint64_t seed = 1; seed < 60; seed++) {
        known k;
        double u[M * UNITS], v[N * UNITS], before[M * UNITS], other[N * UNITS], weight[UNITS], gradient[UNITS];
        dcl_error error;
        draw_entries(&k, M, N, seed % 2 == 0);
        draw(seed, u, M * UNITS);
        draw(seed + 100, v, N * UNITS);
        memcpy(before, u, sizeof u);
        memcpy(other, v, sizeof v);
        ASSERT_OK(dcl__unshrink(&k.entries, u, v, UNITS, &error));
        for (int i = 0; i < UNITS; i++) {
            weight[i] = pow(u[i] / before[i], 2);
            ck_assert_double_eq_tol(v[i], other[i] * sqrt(weight[i]), 1e-14);
            zeros += weight[i] == 0;
        }
        const double size = weight_gradients(&k.entries, before, other, weight, gradient);
        for (int i = 0; i < UNITS; i++) {
            ck_assert_double_le(gradient[i], 1e-8 * size);
            ck_assert(weight[i] == 0 || gradient[i] >= -1e-8 * size);
        }
    }
    ck_assert_int_gt(zeros, 60);             /* many would be negative */
}
END_TEST

START_TEST(what_cannot_be_weighed_is_not_said_to_be)
{
    known k;
    double u[M], v[N];
    dcl_error error;
    draw_entries(&k, M, N, 0);
    draw(1, u, M);
    draw(2, v, N);
    u[0] = 1e200;
    v[0] = 1;
    ASSERT_FAILS(dcl__unshrink(&k.entries, u, v, 1, &error), DCL_ENUMERIC, "no f64 numbers");
    ck_assert_double_eq(u[0], 1e200);
}
END_TEST

/* ---- Dropout ---- */

enum { R = 4 };

static dcl__dropout *new_dropout(const dcl_entries *entries, double lambda, int64_t width, int64_t steps, uint64_t seed)
{
    const dcl__dropout_options options = {.dtype = DCL_F64, .lambda = lambda, .width = width, .steps = steps,
                                          .seed = seed};
    dcl__dropout *dropout;
    dcl_error error;
    ASSERT_OK(dcl__dropout_create(ops, device, entries, &options, &dropout, &error));
    ASSERT_OK(dcl__dropout_run(dropout, &error));
    return dropout;
}

static dcl_growth_result finish(dcl__dropout *dropout)
{
    dcl_growth_result result;
    dcl_error error;
    ASSERT_OK(dcl__dropout_finish(dropout, &result, &error));
    return result;
}

/* sum of weight (y - u'v)^2 + lambda sum_i weight u_i^2 v_i^2 over entries; or with all entries in the penalty, as if
 * none were missing. */
static double explicit_objective(const dcl_entries *e, const double *u, const double *v, double lambda)
{
    double sum = 0;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            double x = 0, squares = 0;
            for (int q = 0; q < R; q++) {
                const double term = u[a * R + q] * v[e->column[i] * R + q];
                x += term;
                squares += term * term;
            }
            sum += weight_of(e, i) * ((e->value[i] - x) * (e->value[i] - x) + lambda * squares);
        }
    return sum;
}

START_TEST(the_report_has_the_explicit_objective)
{
    static known k;
    draw_entries(&k, M, N, 1);
    dcl__dropout *dropout = new_dropout(&k.entries, 0.5, R, 50, 1);
    const dcl_growth_result r = finish(dropout);
    const double objective = explicit_objective(&k.entries, r.u, r.v, 0.5);
    ck_assert_double_eq_tol(r.certificate.objective, objective, 1e-12 * objective);
    ck_assert_double_eq_tol(r.history[r.history_count - 1].objective, objective, 1e-12 * objective);
    ck_assert_double_lt(r.certificate.lower_bound, objective);
    for (int q = 0; q < R; q++) {
        ck_assert_double_eq(r.u[2 * R + q], 0);         /* nothing is known of row 2 and column 4 */
        ck_assert_double_eq(r.v[4 * R + q], 0);
    }
    dcl__dropout_free(dropout);
}
END_TEST

/* Deviations from the objective in units of the standard error are normal numbers: with 20 seeds a right program fails
 * once in 10^4 times. The penalty of other masks, 1 - retain for (1 - retain) / retain, is far off. */
START_TEST(losses_under_masks_have_the_explicit_objective_for_a_mean)
{
    static known k;
    enum { SEEDS = 20, DRAWS = 400 };
    double sum = 0, squares = 0;
    draw_entries(&k, M, N, 1);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double mean, deviation, objective;
        dcl_error error;
        dcl__dropout *dropout = new_dropout(&k.entries, 0.5, R, 40, seed);
        ASSERT_OK(dcl__dropout_expectation(dropout, DRAWS, &mean, &deviation, &objective, &error));
        const double off = (mean - objective) / (deviation / sqrt(DRAWS));
        ck_assert_double_gt(deviation, 0);
        sum += off;
        squares += off * off;
        dcl__dropout_free(dropout);
    }
    ck_assert_double_lt(fabs(sum) / sqrt(SEEDS), 4.1);
    ck_assert_double_lt(squares, 54);
    ck_assert_double_gt(squares, 4);
}
END_TEST

/* An entry of u'v costs least when all units have the same share in it, which all entries of a matrix of rank one can
 * have: the bound of each entry alone is reached then. */
START_TEST(the_bound_is_nearly_reached_by_rank_one)
{
    static known k;
    double u[M], v[N], matrix[M * N];
    draw(1, u, M);
    draw(2, v, N);
    for (int at = 0; at < M * N; at++)
        matrix[at] = at % 7 == 3 ? NAN : (2 + u[at / N]) * (2 + v[at % N]);
    take(&k, M, N, matrix, NULL);
    dcl__dropout *dropout = new_dropout(&k.entries, 0.25, 3, 2000, 1);
    const dcl_growth_result r = finish(dropout);
    ck_assert_double_le(r.certificate.lower_bound, r.certificate.objective);
    ck_assert_double_lt(r.certificate.relative_gap, 0.01);       /* as near as training with random masks comes */
    ck_assert_int_eq(r.status, DCL_CONVERGED);
    dcl__dropout_free(dropout);
}
END_TEST

/* Without noise the units fit all there is. */
START_TEST(without_noise_the_units_fit_the_entries)
{
    static known k;
    dcl_completion *completion;
    draw_entries(&k, M, N, 0);
    const dcl_completion_options options = {.lambda = -1, .noise = DCL_NOISE_DROPOUT, .retain = 1, .width = R,
                                            .seed = 1};
    const dcl_completion_result r = run(&k.entries, NULL, options, &completion);
    ck_assert_int_eq(r.path_count, 1);
    ck_assert_double_eq(r.path[0].lambda, 0);
    ck_assert_double_lt(r.path[0].training.rmse, 0.1 * r.baseline_training.rmse);
    dcl_completion_free(completion);
}
END_TEST

Suite *completion_suite(void)
{
    const TTest *const tests[] = {
        a_holdout_and_the_rest_are_all_entries, a_holdout_follows_from_the_seed_and_the_draw,
        a_holdout_is_neither_empty_nor_everything, the_mean_is_weighted, biases_of_a_sum_come_back,
        damped_biases_solve_their_equations, constant_entries_have_no_biases,
        without_entries_there_is_no_mean, errors_are_weighted, the_path_falls_and_ends_where_the_holdout_is_worse,
        the_path_ends_at_a_rise_that_is_no_chance,
        a_given_lambda_is_the_only_one, what_cannot_be_is_refused, weights_are_the_least_squares_that_are_not_negative,
        what_cannot_be_weighed_is_not_said_to_be, the_report_has_the_explicit_objective,
        losses_under_masks_have_the_explicit_objective_for_a_mean, the_bound_is_nearly_reached_by_rank_one,
        without_noise_the_units_fit_the_entries, NULL};
    return make_suite("completion", open_device, close_device, tests);
}
