/* test_growth.c: growth ends at the global optimum with a certificate, and says so honestly when it does not. */
#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

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

static drawn draw_problem(uint64_t seed)
{
    drawn p = {.rows = 3 + (int64_t)(38 * share(seed, 0)), .columns = 3 + (int64_t)(38 * share(seed, 1))};
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
    int64_t rank, found = 0;
    double energy = cblas_ddot((int)(p->rows * p->columns), p->y, 1, p->y, 1);
    const double minimum = closed_form(p, lambda, &rank);
    if (r->status != DCL_CERTIFIED) for (int i = 0; i < r->history_count; i++) fprintf(stderr, "DBG %dx%d rank %d lam %g min %g: round %d w %d steps %d obj %.12g low %.12g gap %.3g polar %.12g\n", (int)p->rows,(int)p->columns,(int)p->rank,lambda,minimum,(int)r->history[i].round,(int)r->history[i].width,(int)r->history[i].steps,r->history[i].objective,r->history[i].lower_bound,r->history[i].gap,r->history[i].polar);
    ck_assert_msg(r->status == DCL_CERTIFIED, "gap %g after %d rounds: %s", r->certificate.relative_gap,
                  (int)r->history_count, r->reason);
    ck_assert_double_le(r->certificate.relative_gap, 1e-6);
    ck_assert_double_eq_tol(r->certificate.objective, minimum, 1e-6 * minimum);
    for (int64_t i = 0; i < r->width; i++)
        found += r->values[i] > 1e-3 * r->values[0];
    int64_t visible = 0;
    for (int64_t i = 0; i < rank; i++)
        visible += p->values[i] - lambda / 2 > 1e-3 * (p->values[0] - lambda / 2);
    ck_assert_int_eq(found, visible);
    ck_assert_int_eq(r->certificate.rank, visible);
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
    dcl_growth_free(growth);
    free(u);
    free(v);
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
    suite_add_tcase(suite, cases);
    return suite;
}
