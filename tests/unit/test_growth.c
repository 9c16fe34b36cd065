/* test_growth.c: growth ends at the global optimum with a certificate, and says so honestly when it does not. */
#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "convex.h"

Suite *growth_suite(void);

/* ---- Problems ---- */

static double *numbers(int64_t count)
{
    double *made = calloc((size_t)count + 1, sizeof *made);
    ck_assert_ptr_nonnull(made);
    return made;
}

/* A number from [0, 1), the k-th of the case. */
static double share(uint64_t seed, uint64_t k)
{
    uint32_t words[4];
    dcl_random_words(seed, 0, 77, k, words);
    return words[0] / 4294967296.0;
}

/* A low-rank matrix with noise, all of it drawn: sizes from 3 to 40. */
typedef struct drawn {
    int64_t rows, columns, rank;
    double noise;
    double *y, *values;          /* values: singular values of y                                     */
    int64_t count;               /* of values                                                        */
    dcl_matrix data;
} drawn;

static void multiply_add(const double *a, const double *b, int64_t m, int64_t n, int64_t k, double *c)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)k, 1, c, (int)n);
}

static drawn draw_sized(uint64_t seed, int64_t rows, int64_t columns)
{
    drawn p = {.rows = rows, .columns = columns};
    p.count = p.rows < p.columns ? p.rows : p.columns;
    p.rank = 1 + (int64_t)((double)p.count * share(seed, 2));
    p.noise = share(seed, 3) < 0.2 ? 0 : pow(10, -3 * share(seed, 4));
    double *a = numbers(p.rows * p.rank), *b = numbers(p.columns * p.rank), *copy = numbers(p.rows * p.columns);
    p.y = numbers(p.rows * p.columns);
    p.values = numbers(p.count);
    draw(3 * seed, a, p.rows * p.rank);
    draw(3 * seed + 1, b, p.columns * p.rank);
    draw(3 * seed + 2, p.y, p.rows * p.columns);
    cblas_dscal((int)(p.rows * p.columns), p.noise, p.y, 1);
    multiply_add(a, b, p.rows, p.columns, p.rank, p.y);
    memcpy(copy, p.y, (size_t)(p.rows * p.columns) * sizeof *copy);
    ck_assert_int_eq(LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', (int)p.rows, (int)p.columns, copy, (int)p.columns, p.values,
                                    NULL, (int)p.rows, NULL, (int)p.columns), 0);
    p.data = (dcl_matrix){p.rows, p.columns, DCL_F64, p.y};
    free(a);
    free(b);
    free(copy);
    return p;
}

static drawn draw_problem(uint64_t seed)
{
    return draw_sized(seed, 3 + (int64_t)(38 * share(seed, 0)), 3 + (int64_t)(38 * share(seed, 1)));
}

static void free_drawn(drawn *p)
{
    free(p->y);
    free(p->values);
}

/* min ||Y - X||^2 + lambda ||X||_*, by singular value thresholding, and the rank of the minimiser. */
static double closed_form(const drawn *p, double lambda, int64_t *rank)
{
    double sum = 0;
    *rank = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const double s = p->values[i], left = s - lambda / 2;
        sum += left > 0 ? lambda * lambda / 4 + lambda * left : s * s;
        *rank += left > 0;
    }
    return sum;
}

static dcl_problem nuclear(const drawn *p)
{
    return (dcl_problem){.data = &p->data, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
}

static dcl_growth *new_growth(const dcl_problem *problem, dcl_growth_options options)
{
    dcl_growth *growth;
    dcl_error error;
    options.dtype = options.dtype ? options.dtype : DCL_F64;
    ASSERT_OK(dcl_growth_create(ops, device, problem, &options, &growth, &error));
    return growth;
}

static dcl_growth_result grow(dcl_growth *growth, double lambda)
{
    dcl_growth_result result;
    dcl_error error;
    ASSERT_OK(dcl_growth_run(growth, lambda, &error));
    ASSERT_OK(dcl_growth_finish(growth, &result, &error));
    const dcl_growth_round *last = &result.history[result.history_count - 1]; /* of the factors that are left */
    ck_assert_int_eq(last->width, result.width);
    ck_assert_double_eq(last->objective, result.certificate.objective);
    ck_assert_double_eq(last->polar, result.certificate.polar);
    return result;
}

/* ---- All entries, the squared loss, the nuclear norm: the closed form ---- */

/* In every round the closed form lies between bound and objective, but for rounding of the data's energy. */
static void check_rounds(const dcl_growth_result *r, double lambda, double minimum, double energy)
{
    for (int64_t i = 0; i < r->history_count; i++) {
        const dcl_growth_round *h = &r->history[i];
        if (h->lambda != lambda)
            continue;
        ck_assert_double_le(h->lower_bound, minimum + 1e-13 * energy);
        ck_assert_double_ge(h->objective, minimum - 1e-13 * energy);
    }
}

static void check_closed_form(const drawn *p, const dcl_growth_result *r, double lambda)
{
    int64_t rank;
    double energy = cblas_ddot((int)(p->rows * p->columns), p->y, 1, p->y, 1);
    const double minimum = closed_form(p, lambda, &rank);
    ck_assert_msg(r->status == DCL_CERTIFIED, "gap %g after %d rounds: %s", r->certificate.relative_gap,
                  (int)r->history_count, r->reason);
    ck_assert_double_le(r->certificate.relative_gap, 1e-6);
    ck_assert_double_eq_tol(r->certificate.objective, minimum, 1e-6 * minimum);
    ck_assert_int_eq(r->width, rank);        /* no value that was drawn is so near lambda / 2 that the gap hides it */
    ck_assert_int_eq(r->certificate.rank, rank);
    check_rounds(r, lambda, minimum, energy);
}

/* lambda from the largest singular value's doings down to 1e-4 of it. */
START_TEST(growth_ends_at_the_closed_form)
{
    for (int k = 0; k < 20; k++) {
        const uint64_t seed = (uint64_t)(20 * _i + k + 1);
        drawn p = draw_problem(seed);
        const dcl_problem problem = nuclear(&p);
        const double lambda = 2 * p.values[0] * pow(10, -4 * share(seed, 5)) * 1.1;
        const int64_t add = share(seed, 6) < 0.5 ? 0 : 1 + (int64_t)(3 * share(seed, 7));
        dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6, .add = add, .seed = seed});
        dcl_growth_result result = grow(growth, lambda);
        check_closed_form(&p, &result, lambda);
        dcl_growth_free(growth);
        free_drawn(&p);
    }
}
END_TEST

START_TEST(warm_starts_follow_a_path)
{
    drawn p = draw_problem(5);
    const dcl_problem problem = nuclear(&p);
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6});
    double lambda;
    dcl_error error;
    ASSERT_OK(dcl_growth_largest_lambda(&problem, &lambda, &error));
    ck_assert_double_eq_tol(lambda, 2 * p.values[0], 1e-9 * lambda);
    for (int k = 0; k < 8; k++, lambda *= 0.5) {
        dcl_growth_result result = grow(growth, lambda);
        check_closed_form(&p, &result, lambda);
    }
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

/* Any start ends at the same value. */
START_TEST(other_factors_are_a_start)
{
    drawn p = draw_problem(8);
    const dcl_problem problem = nuclear(&p);
    const int64_t width = 2;
    double *u = numbers(p.rows * width), *v = numbers(p.columns * width);
    draw(91, u, p.rows * width);
    draw(92, v, p.columns * width);
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6, .add = 1});
    dcl_error error;
    ASSERT_OK(dcl_growth_start(growth, u, v, width, &error));
    dcl_growth_result result = grow(growth, 0.3 * p.values[0]);
    check_closed_form(&p, &result, 0.3 * p.values[0]);
    ASSERT_FAILS(dcl_growth_start(growth, u, v, 1000, &error), DCL_EINVAL, "room for");
    v[1] = NAN;                              /* what is refused leaves nothing behind */
    ASSERT_FAILS(dcl_growth_start(growth, u, v, width, &error), DCL_ENUMERIC, "V holds");
    result = grow(growth, 0.2 * p.values[0]);
    check_closed_form(&p, &result, 0.2 * p.values[0]);
    dcl_growth_free(growth);
    free(u);
    free(v);
    free_drawn(&p);
}
END_TEST

/* ---- Known entries ---- */

/* Entries of a drawn matrix, some left out; with signs instead of numbers for the logistic loss. */
typedef struct masked {
    drawn whole;
    int64_t *start, *column;
    double *value, *weight;
    dcl_entries entries;
} masked;

static masked draw_masked(drawn whole, uint64_t seed, double known, int signs, int weighted)
{
    masked p = {.whole = whole};
    const int64_t m = p.whole.rows, n = p.whole.columns;
    int64_t count = 0;
    p.start = calloc((size_t)(m + 1 + m * n), sizeof *p.start);
    ck_assert_ptr_nonnull(p.start);
    p.column = p.start + m + 1;
    p.value = numbers(2 * m * n);
    p.weight = p.value + m * n;
    for (int64_t a = 0; a < m; a++) {
        for (int64_t b = 0; b < n; b++) {
            if (share(seed + 1000, (uint64_t)(a * n + b)) >= known)
                continue;
            const double y = p.whole.y[a * n + b];
            p.column[count] = b;
            p.weight[count] = weighted ? 0.5 + share(seed + 2000, (uint64_t)(a * n + b)) : 1;
            p.value[count++] = signs ? (y > 0 ? 1 : -1) : y;
        }
        p.start[a + 1] = count;
    }
    p.entries = (dcl_entries){m, n, count, p.start, p.column, p.value, weighted ? p.weight : NULL};
    return p;
}

static void free_masked(masked *p)
{
    free(p->start);
    free(p->value);
    free_drawn(&p->whole);
}

/* The least value of loss + lambda ||X||_* by a solver that knows nothing of factors. */
static double convex_minimum(const dcl_entries *e, int loss, double lambda)
{
    convex c = {.loss = loss, .penalty = DCL_PENALTY_NUCLEAR, .lambda = lambda};
    double x[NUMBERS_OF_X];
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            c.y[a * e->columns + e->column[i]] = e->value[i];
            c.weight[a * e->columns + e->column[i]] = e->weight ? e->weight[i] : 1;
        }
    return convex_minimise(&c, x);
}

static void check_minimum(const dcl_growth_result *r, double lambda, double minimum)
{
    ck_assert_msg(r->status == DCL_CERTIFIED, "gap %g after %d rounds: %s", r->certificate.relative_gap,
                  (int)r->history_count, r->reason);
    ck_assert_double_eq_tol(r->certificate.objective, minimum, 1e-6 * minimum);
    check_rounds(r, lambda, minimum, minimum);
}

/* loss, whether weighted */
static const int masked_cases[][2] = {{DCL_LOSS_SQUARED, 0}, {DCL_LOSS_SQUARED, 1}, {DCL_LOSS_LOGISTIC, 0},
                                      {DCL_LOSS_LOGISTIC, 1}};

START_TEST(known_entries_end_at_the_convex_minimum)
{
    const int loss = masked_cases[_i][0];
    for (uint64_t seed = 301; seed < 306; seed++) {
        masked p = draw_masked(draw_sized(seed, ROWS_OF_X, COLUMNS_OF_X), seed, 0.6, loss == DCL_LOSS_LOGISTIC,
                               masked_cases[_i][1]);
        const dcl_problem problem = {.entries = &p.entries, .loss = loss, .penalty = DCL_PENALTY_NUCLEAR};
        double largest;
        dcl_error error;
        ASSERT_OK(dcl_growth_largest_lambda(&problem, &largest, &error));
        const double lambda = 0.2 * largest;
        dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6});
        dcl_growth_result result = grow(growth, lambda);
        check_minimum(&result, lambda, convex_minimum(&p.entries, loss, lambda));
        dcl_growth_free(growth);
        free_masked(&p);
    }
}
END_TEST

/* What a part of Y of some length costs at best: it comes out shorter by lambda / 2. */
static double part_minimum(double norm, double lambda)
{
    return norm > lambda / 2 ? lambda * norm - lambda * lambda / 4 : norm * norm;
}

/* Under an l1 norm the parts of Y are apart: rows, columns, entries, or positive and negative numbers of rows. */
static double parts_minimum(const dcl_entries *e, int penalty, double lambda)
{
    const int64_t parts = penalty == DCL_PENALTY_L1_L1 ? e->count : 2 * (e->rows + e->columns);
    double *square = numbers(parts), sum = 0;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            const int64_t part = penalty == DCL_PENALTY_L1_L1 ? i : penalty == DCL_PENALTY_L1_L2 ? a
                                 : penalty == DCL_PENALTY_L2_L1 ? e->column[i] : 2 * a + (e->value[i] < 0);
            square[part] += e->value[i] * e->value[i];
        }
    for (int64_t k = 0; k < parts; k++)
        sum += part_minimum(sqrt(square[k]), lambda);
    free(square);
    return sum;
}

/* penalty, whether entries are missing */
static const int corner_cases[][2] = {{DCL_PENALTY_L1_L2, 0}, {DCL_PENALTY_L1_L2, 1}, {DCL_PENALTY_L2_L1, 0},
                                      {DCL_PENALTY_L2_L1, 1}, {DCL_PENALTY_L1_L1, 0}, {DCL_PENALTY_L1_NONNEGATIVE, 0}};

START_TEST(an_l1_norm_picks_parts)
{
    const int penalty = corner_cases[_i][0], is_masked = corner_cases[_i][1];
    for (uint64_t seed = 401; seed < 405; seed++) {
        masked p = draw_masked(draw_problem(seed), seed, is_masked ? 0.5 : 1, 0, 0);
        dcl_problem problem = {.data = is_masked ? NULL : &p.whole.data, .entries = is_masked ? &p.entries : NULL,
                               .loss = DCL_LOSS_SQUARED, .penalty = penalty};
        double largest;
        dcl_error error;
        ASSERT_OK(dcl_growth_largest_lambda(&problem, &largest, &error));
        const double lambda = largest * share(seed, 9);
        dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6});
        dcl_growth_result result = grow(growth, lambda);
        check_minimum(&result, lambda, parts_minimum(&p.entries, penalty, lambda));
        dcl_growth_free(growth);
        free_masked(&p);
    }
}
END_TEST

/* Where the polar is only bounded there is an answer, a bound below it, and no claim. */
static const int bounded_penalties[] = {DCL_PENALTY_NONNEGATIVE, DCL_PENALTY_ELASTIC};

START_TEST(a_polar_that_is_only_bounded_is_said_to_be)
{
    drawn p = draw_problem(31);
    dcl_problem problem = nuclear(&p);
    problem.penalty = bounded_penalties[_i];
    problem.mixture = 0.5;
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-6});
    dcl_growth_result result = grow(growth, 0.2 * p.values[0]);
    ck_assert_int_eq(result.status, DCL_CONVERGED);
    ck_assert_msg(strstr(result.reason, "only bounded") != NULL, "%s", result.reason);
    ck_assert_double_lt(result.certificate.lower_bound, result.certificate.objective);
    for (int64_t i = 0; i < result.rows * result.width && _i == 0; i++)
        ck_assert_double_ge(result.u[i], 0);
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

/* ---- Ends ---- */

START_TEST(nothing_is_certified_at_once_where_lambda_is_large)
{
    drawn p = draw_problem(11);
    const dcl_problem problem = nuclear(&p);
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){0});
    dcl_growth_result result = grow(growth, _i ? 1e300 : 2.001 * p.values[0]);
    ck_assert_int_eq(result.status, DCL_CERTIFIED);
    ck_assert_int_eq(result.history_count, 1);
    ck_assert_int_eq(result.width, 0);
    ck_assert_int_eq(result.steps, 0);
    ck_assert_double_le(result.certificate.relative_gap, 1e-12);
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

/* Whatever lambda and data are, a run ends soon, with a bound below the objective, and says why. */
static const double hard_lambdas[] = {0, 1e-300, 1e-14, 1e-9, 1e-4};

START_TEST(hard_cases_come_to_an_end)
{
    enum { ROWS_ = 7, COLUMNS_ = 5 };
    double y[ROWS_ * COLUMNS_] = {0};
    const int64_t shapes[][2] = {{ROWS_, COLUMNS_}, {1, 1}, {1, COLUMNS_}, {ROWS_, 1}};
    for (int kind = 0; kind < 4; kind++) {                   /* zero, constant, drawn, drawn and huge */
        draw(5, y, ROWS_ * COLUMNS_);
        for (int i = 0; i < ROWS_ * COLUMNS_; i++)
            y[i] = kind == 0 ? 0 : kind == 1 ? 3 : kind == 2 ? y[i] : 1e100 * y[i];
        for (int k = 0; k < 4; k++) {
            const dcl_matrix data = {shapes[k][0], shapes[k][1], DCL_F64, y};
            const dcl_problem problem = {.data = &data, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
            dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-8});
            dcl_growth_result r = grow(growth, hard_lambdas[_i]);
            ck_assert_int_le(r.history_count, 60);
            ck_assert(r.certificate.lower_bound <= r.certificate.objective * (1 + 1e-12));
            ck_assert(r.status == DCL_CERTIFIED || r.reason[0] != '\0');
            dcl_growth_free(growth);
        }
    }
}
END_TEST

/* From afar the descents would need a hundred times as many steps, or come to rest too early. */
static const int approached[] = {DCL_PENALTY_NUCLEAR, DCL_PENALTY_L1_L2, DCL_PENALTY_L1_NONNEGATIVE};

START_TEST(a_tiny_lambda_is_approached)
{
    masked p = draw_masked(draw_problem(3), 3, 0.7, 0, 0);
    dcl_problem problem = {.entries = &p.entries, .loss = DCL_LOSS_SQUARED, .penalty = approached[_i]};
    double largest;
    dcl_error error;
    ASSERT_OK(dcl_growth_largest_lambda(&problem, &largest, &error));
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.tolerance = 1e-4, .steps = 20000});
    const dcl_growth_result r = grow(growth, 1e-6 * largest);
    ck_assert_msg(r.status == DCL_CERTIFIED, "gap %g after %d steps", r.certificate.relative_gap, (int)r.steps);
    ck_assert_double_eq(r.history[r.history_count - 1].lambda, 1e-6 * largest);
    dcl_growth_free(growth);
    for (int64_t rounds = 1; rounds < 5; rounds++) {         /* the last is at lambda itself */
        growth = new_growth(&problem, (dcl_growth_options){.rounds = rounds});
        const dcl_growth_result short_run = grow(growth, 1e-6 * largest);
        ck_assert_int_eq(short_run.history_count, rounds);
        ck_assert_double_eq(short_run.history[rounds - 1].lambda, 1e-6 * largest);
        dcl_growth_free(growth);
    }
    free_masked(&p);
}
END_TEST

/* Squares of the data are f64 numbers, their products need not be. Scales are powers of 4, so that factors of scaled
 * data are the same but for a power of 2, and so are all steps. */
static const double data_scales[] = {0x1p-460, 0x1p-330, 0x1p330, 0x1p460};

START_TEST(data_of_any_size_are_certified)
{
    masked p = draw_masked(draw_problem(41), 41, 0.6, 0, 0);
    const dcl_problem problems[] = {
        {.data = &p.whole.data, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR},
        {.entries = &p.entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR},
        {.entries = &p.entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_L1_L2}};
    int64_t steps[2 * ROWS(problems)];
    for (int k = 0; k < 2 * ROWS(problems); k++) {
        const dcl_problem *problem = &problems[k % ROWS(problems)];
        if (k == ROWS(problems)) {
            cblas_dscal((int)(p.whole.rows * p.whole.columns), data_scales[_i], p.whole.y, 1);
            cblas_dscal((int)p.entries.count, data_scales[_i], p.value, 1);
        }
        dcl_growth *growth = new_growth(problem, (dcl_growth_options){.tolerance = 1e-6});
        double largest;
        dcl_error error;
        ASSERT_OK(dcl_growth_largest_lambda(problem, &largest, &error));
        const dcl_growth_result r = grow(growth, 0.2 * largest);
        ck_assert_msg(r.status == DCL_CERTIFIED, "problem %d: gap %g: %s", k, r.certificate.relative_gap, r.reason);
        ck_assert_int_gt(r.width, 0);
        steps[k] = r.steps;
        ck_assert_int_eq(steps[k], steps[k % ROWS(problems)]);
        dcl_growth_free(growth);
    }
    free_masked(&p);
}
END_TEST

/* Entries on two diagonals of a matrix whose sides are both too large for an exact polar. */
static dcl_entries large_entries(void)
{
    enum { SIDE = 2100, COUNT = 2 * SIDE };
    static int64_t start[SIDE + 1], column[COUNT];
    static double value[COUNT];
    draw(17, value, COUNT);
    for (int64_t a = 0; a < SIDE; a++) {
        start[a + 1] = 2 * (a + 1);
        column[2 * a] = a < SIDE - 1 ? a : 0;
        column[2 * a + 1] = column[2 * a] + 1;
    }
    return (dcl_entries){SIDE, SIDE, COUNT, start, column, value, NULL};
}

/* Each bound there may fail with a probability of 1e-10, by a random start of its own, and the best of them with what
 * they have together. */
START_TEST(bounds_of_all_rounds_may_fail)
{
    const dcl_entries entries = large_entries();
    const dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.rounds = 3, .tolerance = 1e-12});
    const dcl_growth_result result = grow(growth, 2.5);
    ck_assert_int_eq(result.history_count, 3);
    ck_assert_int_eq(result.certificate.proof, DCL_PROOF_PROBABLE);
    ck_assert_double_eq_tol(result.certificate.failure, 3e-10, 1e-22);
    dcl_growth_free(growth);
}
END_TEST

/* Of the same factors, none here, each run makes another bound: by another start. */
START_TEST(no_two_runs_have_the_same_random_start)
{
    const dcl_entries entries = large_entries();
    const dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.rounds = 1});
    const double first = grow(growth, 100).certificate.polar, second = grow(growth, 100).certificate.polar;
    ck_assert_double_ne(first, second);
    ck_assert_double_eq_tol(first, second, 0.02 * first);
    dcl_growth_free(growth);
}
END_TEST

static int stop_now(void *user, const dcl_growth_round *round)
{
    *(int64_t *)user = 1 + round->round;
    return 1;
}

/* Asked within the first certificate already, after a step of Lanczos' method, whose bound is true then too. */
START_TEST(a_certificate_can_be_stopped)
{
    const dcl_entries entries = large_entries();
    const dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
    int64_t seen = 0;
    double largest;
    dcl_error error;
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){.progress = stop_now, .user = &seen});
    const dcl_growth_result result = grow(growth, 0.5);
    ck_assert_int_eq(result.status, DCL_STOPPED);
    ck_assert_int_eq(result.history_count, 1);
    ck_assert_int_eq(seen, 1);
    ASSERT_OK(dcl_growth_largest_lambda(&problem, &largest, &error));
    ck_assert_double_gt(result.certificate.polar, 2 * largest);
    ck_assert_double_lt(result.certificate.lower_bound, result.certificate.objective);
    dcl_growth_free(growth);
}
END_TEST

START_TEST(a_run_can_be_stopped_and_limited)
{
    drawn p = draw_problem(12);
    const dcl_problem problem = nuclear(&p);
    int64_t seen = 0;
    const dcl_growth_options options[] = {{.progress = stop_now, .user = &seen}, {.rounds = 1}, {.width = 1}};
    const char *const reasons[] = {"asked to stop", "rounds", "more units"};
    const int statuses[] = {DCL_STOPPED, DCL_STOPPED, DCL_CONVERGED};
    dcl_growth *growth = new_growth(&problem, options[_i]);
    dcl_growth_result result = grow(growth, 1e-3 * p.values[0]);
    ck_assert_int_eq(result.status, statuses[_i]);
    ck_assert_msg(strstr(result.reason, reasons[_i]) != NULL, "%s", result.reason);
    ck_assert_int_eq(seen > 0, _i == 0);
    ck_assert_int_le(result.width, _i == 2 ? 1 : p.count);
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

START_TEST(equal_seeds_give_equal_factors)
{
    masked p = draw_masked(draw_problem(21), 21, 0.5, 0, 0);
    const dcl_problem problem = {.entries = &p.entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR};
    dcl_growth *growths[2];
    dcl_growth_result results[2];
    for (int k = 0; k < 2; k++) {
        growths[k] = new_growth(&problem, (dcl_growth_options){.seed = 3, .dtype = DCL_F32});
        results[k] = grow(growths[k], 0.05 * p.whole.values[0]);
    }
    ck_assert_int_eq(results[0].width, results[1].width);
    ck_assert_mem_eq(results[0].u, results[1].u, (size_t)(results[0].rows * results[0].width) * sizeof(double));
    for (int k = 0; k < 2; k++)
        dcl_growth_free(growths[k]);
    free_masked(&p);
}
END_TEST

START_TEST(what_cannot_grow_is_refused)
{
    drawn p = draw_problem(13);
    dcl_problem problem = nuclear(&p);
    dcl_growth_options options = {.dtype = DCL_F64};
    dcl_growth *growth;
    dcl_error error;
    options.tolerance = -1;
    ASSERT_FAILS(dcl_growth_create(ops, device, &problem, &options, &growth, &error), DCL_EINVAL, "tolerance");
    options.tolerance = 0;
    problem.penalty = DCL_PENALTY_DROPOUT;
    ASSERT_FAILS(dcl_growth_create(ops, device, &problem, &options, &growth, &error), DCL_EUNSUPPORTED, "fixed number");
    double lambda;
    ASSERT_FAILS(dcl_growth_largest_lambda(&problem, &lambda, &error), DCL_EUNSUPPORTED, "sum of squares");
    problem.penalty = DCL_PENALTY_NUCLEAR;
    ASSERT_OK(dcl_growth_create(ops, device, &problem, &options, &growth, &error));
    dcl_growth_result result;
    ASSERT_FAILS(dcl_growth_finish(growth, &result, &error), DCL_EINVAL, "not run");
    ASSERT_FAILS(dcl_growth_run(growth, -1, &error), DCL_EINVAL, "lambda");
    ASSERT_FAILS(dcl_growth_run(growth, NAN, &error), DCL_EINVAL, "lambda");
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

START_TEST(a_failed_run_has_no_result)
{
    drawn p = draw_problem(14);
    const dcl_problem problem = nuclear(&p);
    dcl_growth *growth = new_growth(&problem, (dcl_growth_options){0});
    dcl_growth_result result = grow(growth, 0.5 * p.values[0]);
    dcl_error error;
    ck_assert_int_eq(result.status, DCL_CERTIFIED);
    p.y[0] = NAN;
    ASSERT_FAILS(dcl_growth_run(growth, 0.25 * p.values[0], &error), DCL_ENUMERIC, "NaN");
    ASSERT_FAILS(dcl_growth_finish(growth, &result, &error), DCL_EINVAL, "last run failed");
    dcl_growth_free(growth);
    free_drawn(&p);
}
END_TEST

Suite *growth_suite(void)
{
    Suite *suite = suite_create("growth");
    TCase *cases = tcase_create("growth");
    tcase_add_checked_fixture(cases, open_device, close_device);
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, growth_ends_at_the_closed_form, 0, 10);
    tcase_add_test(cases, warm_starts_follow_a_path);
    tcase_add_test(cases, other_factors_are_a_start);
    tcase_add_loop_test(cases, known_entries_end_at_the_convex_minimum, 0, ROWS(masked_cases));
    tcase_add_loop_test(cases, an_l1_norm_picks_parts, 0, ROWS(corner_cases));
    tcase_add_loop_test(cases, a_polar_that_is_only_bounded_is_said_to_be, 0, ROWS(bounded_penalties));
    tcase_add_loop_test(cases, nothing_is_certified_at_once_where_lambda_is_large, 0, 2);
    tcase_add_loop_test(cases, hard_cases_come_to_an_end, 0, ROWS(hard_lambdas));
    tcase_add_loop_test(cases, a_tiny_lambda_is_approached, 0, ROWS(approached));
    tcase_add_loop_test(cases, data_of_any_size_are_certified, 0, ROWS(data_scales));
    tcase_add_test(cases, bounds_of_all_rounds_may_fail);
    tcase_add_test(cases, no_two_runs_have_the_same_random_start);
    tcase_add_test(cases, a_certificate_can_be_stopped);
    tcase_add_loop_test(cases, a_run_can_be_stopped_and_limited, 0, 3);
    tcase_add_test(cases, equal_seeds_give_equal_factors);
    tcase_add_test(cases, what_cannot_grow_is_refused);
    tcase_add_test(cases, a_failed_run_has_no_result);
    suite_add_tcase(suite, cases);
    return suite;
}
