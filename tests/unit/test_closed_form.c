/* test_closed_form.c: the closed form from the leading singular values, and how far it may be off. */
#include <math.h>
#include <stdlib.h>

#include "common.h"

Suite *closed_form_suite(void);

enum { COUNT = 40 };

static void draw_values(uint32_t seed, double *values)
{
    uint32_t words[4];
    values[COUNT - 1] = 0.1;
    for (int i = COUNT - 1; i-- > 0;) {
        dcl_random_words(seed, 0, 0, (uint64_t)i, words);
        values[i] = values[i + 1] + words[0] * 0x1p-32 * (words[1] % 4 ? 0.1 : 2);
    }
}

START_TEST(exact_leading_values_give_the_same_optimum)
{
    double values[COUNT], energy = 0;
    draw_values((uint32_t)_i, values);
    for (int i = 0; i < COUNT; i++)
        energy += values[i] * values[i];
    for (int64_t width = 1; width < 60; width += 7) {
        const double lambda = 0.01 * pow(3, _i % 10);
        dcl_optimum all = dcl_dropout_optimum(values, COUNT, lambda, width);
        dcl_optimum some = dcl_dropout_optimum_leading(values, all.rank, energy, 0, lambda, width);
        ck_assert_int_eq(some.rank, all.rank);
        ck_assert_double_eq(some.tau, all.tau);
        ck_assert_double_eq(some.product, all.product);
        ck_assert_double_eq_tol(some.minimum, all.minimum, 1e-14 * energy);
        ck_assert_double_eq(some.error, 0);
        ck_assert_double_eq(all.error, 0);
    }
}
END_TEST

/* The singular values of [[s, r], [0, t]]. */
static void decompose(double s, double r, double t, double *values)
{
    double plus = hypot(s + t, r), minus = hypot(s - t, r);
    values[0] = (plus + minus) / 2;
    values[1] = (plus - minus) / 2;
}

/* Of Y = [[s, r], [0, t]] the approximate triplet (1, s, 1) is known: Y' u - s v = (0, r). */
START_TEST(the_error_bounds_what_approximate_values_miss)
{
    const double rests[] = {0, 0.5, 0.99, 1}, residuals[] = {1e-9, 1e-4, 0.01, 0.1};
    const double t = rests[_i % 4], r = residuals[_i / 4], s = 1;
    double values[2];
    decompose(s, r, t, values);
    for (int64_t width = 1; width <= 2; width++)
        for (double lambda = 0; lambda < 20; lambda = 2 * lambda + 0.05) {
            dcl_optimum truth = dcl_dropout_optimum(values, 2, lambda, width);
            if (width == 2 && t > dcl_dropout_optimum(&s, 1, lambda, width).tau)
                continue;        /* the second value is above tau, it should have been computed */
            dcl_optimum found = dcl_dropout_optimum_leading(&s, 1, s * s + r * r + t * t, r, lambda, width);
            ck_assert_double_ge(found.minimum, truth.minimum - 1e-15);
            ck_assert_double_le(found.minimum - found.error, truth.minimum + 1e-15);
            ck_assert_double_le(found.error, (width == 1 ? 2 * (r + r * r) : 2 * r * r) + 1e-15);
        }
}
END_TEST

START_TEST(nothing_known_is_nothing_kept)
{
    dcl_optimum found = dcl_dropout_optimum_leading(NULL, 0, 7, 0, 2, 3);
    ck_assert_int_eq(found.rank, 0);
    ck_assert_double_eq(found.minimum, 7);
    ck_assert_double_eq(found.error, 0);
}
END_TEST

Suite *closed_form_suite(void)
{
    Suite *suite = suite_create("closed_form");
    TCase *cases = tcase_create("closed_form");
    tcase_add_loop_test(cases, exact_leading_values_give_the_same_optimum, 0, 20);
    tcase_add_loop_test(cases, the_error_bounds_what_approximate_values_miss, 0, 16);
    tcase_add_test(cases, nothing_known_is_nothing_kept);
    suite_add_tcase(suite, cases);
    return suite;
}
