/* test_benchmark.c: comparisons by turns, their statistics, limits, and matrices of known singular values. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark/compare.h"
#include "benchmark/limits.h"
#include "benchmark/spectrum.h"
#include "common.h"

Suite *benchmark_suite(void);

/* ---- Comparisons ---- */

/* A side whose calls take a known time; the order of the calls of all sides. */
typedef struct fake {
    char name, *order;
    double each, part;
} fake;

static dcl_status run_fake(void *user, int64_t calls, dcl_error *error)
{
    fake *f = user;
    (void)error;
    f->order[strlen(f->order)] = f->name;
    f->part = f->each * (double)calls;
    return DCL_OK;
}

static int stop_after_two(void *user, const char *what, int repeat, int repeats)
{
    (void)user, (void)what, (void)repeats;
    return repeat == 2;
}

START_TEST(sides_take_turns_in_changing_order)
{
    dcl_error error;
    char order[64] = "";
    fake a = {.name = 'a', .order = order, .each = 0.5}, b = {.name = 'b', .order = order, .each = 2};
    dcl__side sides[] = {{run_fake, &a, .least = 1, .part = &a.part}, {run_fake, &b, .least = 1, .part = &b.part}};
    dcl__comparison times = {.repeats = 3};
    const dcl__watch watch = {0};
    ASSERT_OK(dcl__compare(&watch, "fakes", sides, 2, &times, &error));
    ck_assert_str_eq(order, "aabb" "ab" "ba" "ab");      /* first twice each, to find how many calls a timing takes */
    ck_assert_int_eq(sides[0].calls, 2);
    ck_assert_int_eq(sides[1].calls, 1);
    ck_assert_double_eq(dcl__spread_of_side(&times, 0).median, 0.5);
    ck_assert_double_eq(dcl__spread_of_ratio(&times, 0, 1).most, 0.25);
}
END_TEST

START_TEST(a_watch_ends_a_comparison)
{
    dcl_error error;
    char order[64] = "";
    fake a = {.name = 'a', .order = order, .each = 1};
    dcl__side side = {run_fake, &a, .least = 1, .part = &a.part};
    dcl__comparison times = {.repeats = 5};
    const dcl__watch watch = {stop_after_two, NULL};
    ASSERT_OK(dcl__compare(&watch, "fake", &side, 1, &times, &error));
    ck_assert_int_eq(times.repeats, 2);
}
END_TEST

START_TEST(a_spread_is_median_least_and_most)
{
    dcl__spread odd = dcl__spread_of((double[]){5, 1, 3}, 3), even = dcl__spread_of((double[]){4, 1, 2, 8}, 4);
    ck_assert(odd.median == 3 && odd.least == 1 && odd.most == 5);
    ck_assert(even.median == 3 && even.least == 1 && even.most == 8);
    ck_assert(isnan(dcl__spread_of(NULL, 0).median));
}
END_TEST

START_TEST(an_exponent_is_that_of_the_power_law)
{
    const double x[] = {1, 2, 5, 10};
    double y[4];
    for (int i = 0; i < 4; i++)
        y[i] = 7 * pow(x[i], 1.5);
    ck_assert_double_eq_tol(dcl__exponent(x, y, 4), 1.5, 1e-12);
}
END_TEST

START_TEST(the_slower_limit_binds)
{
    const dcl__limits limits = {.flops = 100, .bytes = 10};
    const char *binding;
    ck_assert_double_eq(dcl__limits_seconds(&limits, 1000, 50, &binding), 10);
    ck_assert_str_eq(binding, "arithmetic");
    ck_assert_double_eq(dcl__limits_seconds(&limits, 100, 50, &binding), 5);
    ck_assert_str_eq(binding, "bandwidth");
}
END_TEST

/* ---- Spectra ---- */

START_TEST(a_matrix_has_the_singular_values_it_was_made_of)
{
    enum { M = 37, N = 23 };
    dcl_error error;
    double values[N], found[N];
    dcl__spectrum_fill(values, N, 5);
    double *matrix = dcl__spectrum_matrix(M, N, values, &error);
    ck_assert_ptr_nonnull(matrix);
    int zeros = 0;
    for (int i = 0; i < M * N; i++)
        zeros += matrix[i] == 0;
    ck_assert_int_eq(zeros, 0);
    ck_assert_int_eq(LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', M, N, matrix, N, found, NULL, M, NULL, N), 0);
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol(found[i], values[i], 1e-13);
    free(matrix);
}
END_TEST

START_TEST(as_many_values_survive_as_were_asked_for)
{
    double values[100];
    for (int surviving = 1; surviving <= 100; surviving += 33) {
        double lambda = dcl__spectrum_fill(values, 100, surviving);
        dcl_optimum optimum = dcl_dropout_optimum(values, 100, lambda, 100);
        double next = surviving < 100 ? values[surviving] : 0;
        ck_assert_int_eq(optimum.rank, surviving);
        ck_assert_double_eq_tol(optimum.tau, (values[surviving - 1] + next) / 2, 1e-12);
    }
}
END_TEST

Suite *benchmark_suite(void)
{
    return make_suite("benchmark", NULL, NULL, (const TTest *[]){
        sides_take_turns_in_changing_order, a_watch_ends_a_comparison, a_spread_is_median_least_and_most,
        an_exponent_is_that_of_the_power_law, the_slower_limit_binds, a_matrix_has_the_singular_values_it_was_made_of,
        as_many_values_survive_as_were_asked_for, NULL});
}
