/* test_support.c: the k-support norm, its proximal map, and the least objective of every kind of noise. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *support_suite(void);

enum { MOST = 60 };

#define ASSERT_NEAR(x, y, slack) ck_assert_double_le(fabs((x) - (y)), (slack))

/* Falling numbers of the `kind`: spread evenly, over eight orders of magnitude, tied, with zeros, one alone. */
static int64_t draw_values(uint32_t seed, double *values)
{
    const int64_t count = seed % 7 == 6 ? 1 : 2 + (int64_t)(seed * 13 % (MOST - 1));
    draw(seed + 1, values, count);
    for (int64_t i = 0; i < count; i++) {
        const double ratio = (values[i] + 1) / 2;
        values[i] = seed % 5 == 0 ? ratio : seed % 5 == 1 ? pow(10, 8 * ratio - 4) : seed % 5 == 2 ? ceil(3 * ratio)
                  : seed % 5 == 3 ? (ratio < 0.5 ? 0 : ratio) : 1;
    }
    for (int64_t i = 1; i < count; i++)
        for (int64_t j = i; j > 0 && values[j] > values[j - 1]; j--) {
            const double kept = values[j];
            values[j] = values[j - 1];
            values[j - 1] = kept;
        }
    return count;
}

/* The square of the dual norm of numbers in any order: the sum of the b largest squares. */
static double dual_norm(const double *z, int64_t count, int64_t block)
{
    double sum = 0, taken[MOST] = {0};
    for (int64_t t = 0; t < block && t < count; t++) {
        int64_t best = -1;
        for (int64_t i = 0; i < count; i++)
            if (!(taken[i] > 0) && (best < 0 || fabs(z[i]) > fabs(z[best])))
                best = i;
        taken[best] = 1;
        sum += z[best] * z[best];
    }
    return sum;
}

static double inner(const double *x, const double *y, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] * y[i];
    return sum;
}

START_TEST(the_norm_has_known_values)
{
    const double ones[] = {1, 1, 1}, falling[] = {4, 1, 1, 0};
    double weights[4];
    ASSERT_NEAR(dcl_support_norm(ones, 3, 1, NULL), 9, 1e-15);
    ASSERT_NEAR(dcl_support_norm(ones, 3, 2, NULL), 4.5, 1e-15);    /* the slides' rule says 5 */
    ASSERT_NEAR(dcl_support_norm(ones, 3, 3, NULL), 3, 1e-15);
    ASSERT_NEAR(dcl_support_norm(falling, 4, 2, weights), 16 + 4, 1e-15);
    ck_assert_double_eq(weights[0], 1);
    ck_assert_double_eq(weights[1], 0.5);
    ck_assert_double_eq(weights[3], 0);
    ck_assert_double_eq(dcl_support_norm(falling, 0, 2, NULL), 0);
}
END_TEST

/* z = s / w proves the value: it has dual norm ||s|| and <s, z> = ||s||^2. Any other weights cost more. */
START_TEST(the_norm_is_proved_by_its_dual)
{
    double s[MOST], weights[MOST], z[MOST];
    const int64_t count = draw_values((uint32_t)_i, s);
    for (int64_t block = 1; block <= count + 1; block += 1 + block / 3) {
        const double square = dcl_support_norm(s, count, block, weights);
        double sum = 0, cost = 0, level = INFINITY;
        for (int64_t i = 0; i < count; i++) {
            ck_assert(weights[i] >= 0 && weights[i] <= 1);
            sum += weights[i];
            cost += weights[i] > 0 ? s[i] * s[i] / weights[i] : 0;
            z[i] = weights[i] > 0 ? s[i] / weights[i] : 0;
            level = weights[i] > 0 ? fmin(level, z[i]) : level;
        }
        ck_assert_double_le(sum, (double)block + 1e-12);
        ASSERT_NEAR(cost, square, 1e-13 * square);
        ASSERT_NEAR(inner(s, z, count), square, 1e-13 * square);
        ASSERT_NEAR(dual_norm(z, count, block), square, 1e-12 * square);
    }
}
END_TEST

/* The level by bisection, as slow and plain as can be. */
static double bisect(const double *sigma, int64_t count, int64_t block, double mu)
{
    double low = 0, high = sigma[0] / mu;
    for (int step = 0; step < 200; step++) {
        const double middle = (low + high) / 2;
        double sum = 0;
        for (int64_t i = count; i-- > 0;)
            sum += fmin(fmax(sigma[i] / middle - mu, 0), 1);
        *(sum > (double)block ? &low : &high) = middle;
    }
    return mu * high;
}

static double objective(const double *sigma, const double *s, int64_t count, int64_t block, double mu)
{
    double square = 0, sorted[MOST];
    for (int64_t i = 0; i < count; i++) {
        square += (sigma[i] - s[i]) * (sigma[i] - s[i]);
        int64_t at = i;
        for (; at > 0 && sorted[at - 1] < s[i]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = s[i];
    }
    return square + mu * dcl_support_norm(sorted, count, block, NULL);
}

/* s is optimal exactly if z = (sigma - s) / mu has the dual norm ||s|| and <z, s> = ||s||^2. */
START_TEST(the_proximal_map_is_optimal)
{
    double sigma[MOST], s[MOST], weights[MOST], z[MOST], tried[MOST], noise[MOST];
    const int64_t count = draw_values((uint32_t)_i, sigma);
    for (int64_t block = 1; block <= count + 1; block += 1 + block / 3)
        for (double mu = 1e-3; mu < 2000; mu *= 17) {
            double threshold, least = dcl_support_prox(sigma, count, block, mu, s, weights, &threshold);
            const double square = dcl_support_norm(s, count, block, NULL), energy = inner(sigma, sigma, count);
            for (int64_t i = 0; i < count; i++) {
                z[i] = (sigma[i] - s[i]) / mu;
                ASSERT_NEAR(s[i], weights[i] > 0 ? sigma[i] * weights[i] / (weights[i] + mu) : 0,
                                        1e-12 * (1 + mu) * sigma[i]);
            }
            const double slack = 1e-12 * square + 1e-15 * energy / mu;
            ASSERT_NEAR(objective(sigma, s, count, block, mu), least, 1e-13 * energy);
            ASSERT_NEAR(inner(z, s, count), square, slack);
            ck_assert_double_le(dual_norm(z, count, block), square + slack + 1e-15 * energy / (mu * mu));
            if (sigma[count - 1] > 0 && count > block && s[block] > 0)
                ASSERT_NEAR(threshold, bisect(sigma, count, block, mu), 1e-13 * (1 + mu) * sigma[0]);
            for (uint64_t trial = 0; trial < 20; trial++) {
                draw(1000 * (uint64_t)_i + trial, noise, count);
                for (int64_t i = 0; i < count; i++)
                    tried[i] = fmax(s[i] + 0.01 * noise[i] * sigma[0], 0);
                ck_assert_double_ge(objective(sigma, tried, count, block, mu), least - 1e-13 * energy);
            }
        }
}
END_TEST

static dcl_optimum optimum_of(int kind, int64_t block, double lambda, const double *values, int64_t count,
                              int64_t width, double *shrunk)
{
    const dcl_noise noise = {.kind = kind, .block = block, .lambda = lambda};
    return dcl_noise_optimum(&noise, values, count, -1, 0, width, shrunk);
}

/* One unit in a block is dropout, by both ways. */
START_TEST(blocks_of_one_are_dropout)
{
    double sigma[MOST], s[MOST], shrunk[MOST], threshold;
    const int64_t count = draw_values((uint32_t)_i, sigma);
    for (int64_t width = count; width < 3 * MOST; width += 29) {
        const double lambda = 0.7 * (double)(1 + _i % 5);
        const dcl_optimum plain = dcl_dropout_optimum(sigma, count, lambda, width);
        const dcl_optimum block = optimum_of(DCL_NOISE_DROPBLOCK, 1, lambda, sigma, count, width, shrunk);
        ck_assert_double_eq(block.minimum, plain.minimum);
        ck_assert_double_eq(block.tau, plain.tau);
        ck_assert_int_eq(block.rank, plain.rank);
        const double least = dcl_support_prox(sigma, count, 1, lambda / (double)width, s, NULL, &threshold);
        ASSERT_NEAR(least, plain.minimum, 1e-13 * inner(sigma, sigma, count));
        ASSERT_NEAR(threshold, plain.tau, 1e-13 * sigma[0]);
        for (int64_t i = 0; i < count; i++)
            ASSERT_NEAR(s[i], shrunk[i], 1e-13 * sigma[0]);
    }
}
END_TEST

/* The penalty of two blocks is lambda / 2 sum over pairs (s_i + s_j)^2 in place of lambda / 2 ||s||^2. */
START_TEST(two_blocks_pair_up)
{
    const double values[] = {3, 2.2, 1.5, 1}, equal[] = {2, 2, 2, 2};
    double shrunk[4];
    dcl_optimum found = optimum_of(DCL_NOISE_DROPBLOCK, 2, 0.6, values, 4, 4, shrunk);
    ASSERT_NEAR(found.minimum, 5.566875, 1e-12);
    ASSERT_NEAR(found.minimum - found.convex_gap, 5.558437, 1e-6);
    ck_assert_int_eq(found.attained, DCL_NOT_ATTAINED);
    ck_assert_int_eq(found.inexact, 0);
    ck_assert_int_eq(found.rank, 4);
    double direct = 0, penalty = pow(shrunk[0] + shrunk[3], 2) / 2 + pow(shrunk[1] + shrunk[2], 2) / 2;
    for (int i = 0; i < 4; i++)
        direct += (values[i] - shrunk[i]) * (values[i] - shrunk[i]);
    ASSERT_NEAR(direct + 0.6 * penalty, found.minimum, 1e-12);
    ASSERT_NEAR(2 * found.product * found.product, penalty, 1e-12);
    found = optimum_of(DCL_NOISE_DROPBLOCK, 2, 0.6, equal, 4, 4, shrunk);
    ck_assert_int_eq(found.attained, DCL_ATTAINED);
    ck_assert_double_eq(found.convex_gap, 0);
}
END_TEST

/* Where a construction or an inequality decides it, and where neither does. */
START_TEST(attainment_is_judged)
{
    static const struct {
        double values[6];
        int64_t count, block, blocks;
        int attained;
    } rows[] = {
        {{3, 2, 1}, 3, 4, 3, DCL_ATTAINED},                /* fits into one block                    */
        {{3, 2, 1, 1, 1}, 5, 2, 1, DCL_ATTAINED},          /* one block                              */
        {{1, 1, 1, 1}, 4, 3, 4, DCL_ATTAINED},             /* a complement of four lines             */
        {{1, 1, 1, 1}, 4, 3, 3, DCL_NOT_ATTAINED},         /* three complements leave one direction  */
        {{1, 1, 1, 1, 1, 1}, 6, 2, 3, DCL_ATTAINMENT_OPEN},
        {{100, 1, 1, 1}, 4, 2, 3, DCL_ATTAINED},           /* 100 is in every block, three lines      */
    };
    for (int i = 0; i < ROWS(rows); i++) {
        dcl_optimum found = optimum_of(DCL_NOISE_DROPBLOCK, rows[i].block, 0.5, rows[i].values, rows[i].count,
                                       rows[i].block * rows[i].blocks, NULL);
        ck_assert_msg(found.attained == rows[i].attained, "row %d: %d", i, found.attained);
        ck_assert_int_eq(found.inexact, found.attained != DCL_ATTAINED);
        ck_assert_double_eq(found.convex_gap, 0);
    }
}
END_TEST

/* The leading values of diag(sigma) as vectors give them that are turned by an angle into those left out: Y V has
 * orthogonal columns of length values[i], and the residual is ||Y'Y V S^-1 - V S||_F. */
static double turn(const double *sigma, int64_t count, int64_t width, double angle, double *values)
{
    double square = 0;
    for (int64_t i = 0; i < width; i++) {
        const int turned = i + width < count;
        const double first = sigma[i], other = turned ? sigma[i + width] : 0;
        const double c = turned ? cos(angle) : 1, s = turned ? sin(angle) : 0;
        values[i] = hypot(c * first, s * other);
        if (values[i] > 0)
            square += pow(c * (first * first / values[i] - values[i]), 2) +
                      pow(s * (other * other / values[i] - values[i]), 2);
    }
    return sqrt(square);
}

START_TEST(leading_values_suffice)
{
    double sigma[MOST], shrunk[MOST], values[MOST];
    const int64_t count = draw_values((uint32_t)_i, sigma);
    const double energy = inner(sigma, sigma, count);
    for (int64_t block = 1; block < 5; block++)
        for (int64_t width = block; width < count; width += 5 * block) {
            const dcl_noise noise = {.kind = DCL_NOISE_DROPBLOCK, .block = block, .lambda = 0.8};
            const dcl_optimum all = dcl_noise_optimum(&noise, sigma, count, -1, 0, width, shrunk);
            const dcl_optimum some = dcl_noise_optimum(&noise, sigma, width, energy, 0, width, NULL);
            const double residual = turn(sigma, count, width, 0.01, values);
            const dcl_optimum rough = dcl_noise_optimum(&noise, values, width, energy, residual, width, NULL);
            ASSERT_NEAR(some.minimum, all.minimum, 1e-14 * energy);
            ck_assert_int_eq(some.attained, all.attained);
            ck_assert_double_eq(some.product, all.product);
            ck_assert_double_eq(some.error, 0);
            ck_assert_double_ge(rough.minimum, all.minimum - all.convex_gap - 1e-14 * energy);
            ck_assert_double_le(rough.minimum - rough.error, all.minimum + 1e-14 * energy);
        }
}
END_TEST

START_TEST(other_noise_is_bounded_by_dropout)
{
    const double values[] = {3, 2, 1}, factor[] = {2, 0, 0, 1}, low[] = {1, 1};
    double shrunk[3];
    dcl_optimum none = optimum_of(DCL_NOISE_NONE, 1, 0, values, 3, 2, shrunk);
    ck_assert_double_eq(none.minimum, 1);
    ck_assert_double_eq(shrunk[1], 2);
    ck_assert_double_eq(shrunk[2], 0);
    dcl_optimum connect = optimum_of(DCL_NOISE_DROPCONNECT, 1, 0.8, values, 3, 2, NULL);
    ck_assert_double_eq(connect.minimum, dcl_dropout_optimum(values, 3, 0.8, 2).minimum);
    dcl_noise noise = {.kind = DCL_NOISE_CORRELATED, .block = 1, .lambda = 0.8, .factor = factor, .factor_columns = 2};
    dcl_optimum bound = dcl_noise_optimum(&noise, values, 3, -1, 0, 2, shrunk);
    ASSERT_NEAR(bound.minimum, connect.minimum, 1e-13);
    ck_assert_double_le(bound.minimum, connect.minimum);
    ck_assert_int_eq(bound.inexact, 1);
    noise.factor = low;
    noise.factor_columns = 1;
    ck_assert_double_eq(dcl_noise_optimum(&noise, values, 3, -1, 0, 2, NULL).minimum, 1);
}
END_TEST

/* The op on a diagonal matrix: s by the columns of its factors, and its threshold. */
static void shrink_on_device(uint32_t dtype, const double *sigma, int64_t count, int64_t block, double lambda,
                             int64_t width, double *s, double *tau)
{
    double *room = calloc((size_t)(count * (count + 2 * width)), sizeof *room), *left = room + count * count;
    double *right = left + count * width;
    dcl_graph *graph = new_graph(dtype);
    dcl_error error;
    const dcl_setting settings[] = {{.name = "lambda", .number = lambda}, {.name = "width", .integer = width},
                                    {.name = "block", .integer = block}, {0}};
    dcl_value y = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){count, count});
    dcl_value shrunk = dcl_graph_apply(graph, NULL, "singular_threshold", &y, 1, settings);
    dcl_graph_result(graph, "left", shrunk);
    dcl_graph_result(graph, "right", shrunk ? shrunk + 1 : 0);
    dcl_graph_result(graph, "tau", shrunk ? shrunk + 3 : 0);
    dcl_session *session = new_session(graph);
    for (int64_t i = 0; i < count; i++)
        room[i * count + i] = sigma[i];
    ASSERT_OK(dcl_session_feed(session, "Y", DCL_F64, room, &error));
    fetch(session, "left", left);
    fetch(session, "right", right);
    fetch(session, "tau", tau);
    for (int64_t i = 0; i < count; i++) {
        s[i] = 0;
        for (int64_t row = 0; row < count && i < width; row++)
            s[i] += left[row * width + i] * right[row * width + i];
    }
    dcl_session_free(session);
    dcl_graph_free(graph);
    free(room);
}

/* The op agrees with the library, whose code it cannot share: in single precision to what rounding the results costs,
 * half an epsilon for tau, and for a value, the product of two rounded factors, twice that; on spectra over eight
 * orders of magnitude, tied, with zeros, and of one value. */
static void compare(uint32_t seed, uint32_t dtype, double values_off, double tau_off)
{
    double sigma[MOST], s[MOST], expected[MOST], tau;
    const int64_t count = draw_values(seed, sigma), block = 1 + seed % 4, width = block * (2 + seed % 3);
    for (int64_t i = 0; i < count; i++)
        sigma[i] = (float)sigma[i];
    for (double lambda = 0.02; lambda < 200; lambda *= 60) {
        shrink_on_device(dtype, sigma, count, block, lambda, width, s, &tau);
        const dcl_optimum found = optimum_of(DCL_NOISE_DROPBLOCK, block, lambda, sigma, count, width, expected);
        ASSERT_NEAR(tau, found.tau, tau_off * found.tau);
        for (int64_t i = 0; i < count; i++)
            ASSERT_NEAR(s[i], expected[i], values_off * sigma[0]);
    }
}

START_TEST(the_op_thresholds_the_same)
{
    for (uint32_t seed = (uint32_t)_i * 12; seed < (uint32_t)_i * 12 + 12; seed++) {
        compare(seed, DCL_F32, FLT_EPSILON * (1 + FLT_EPSILON), FLT_EPSILON / 2);
        compare(seed, DCL_F64, 1e-14, 1e-13);
    }
}
END_TEST

Suite *support_suite(void)
{
    Suite *suite = suite_create("support");
    TCase *cases = tcase_create("support");
    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, the_norm_has_known_values);
    tcase_add_loop_test(cases, the_norm_is_proved_by_its_dual, 0, 70);
    tcase_add_loop_test(cases, the_proximal_map_is_optimal, 0, 70);
    tcase_add_loop_test(cases, blocks_of_one_are_dropout, 0, 35);
    tcase_add_test(cases, two_blocks_pair_up);
    tcase_add_test(cases, attainment_is_judged);
    tcase_add_loop_test(cases, leading_values_suffice, 0, 35);
    tcase_add_test(cases, other_noise_is_bounded_by_dropout);
    suite_add_tcase(suite, cases);
    TCase *on_device = tcase_create("on a device");
    tcase_set_timeout(on_device, 120);
    tcase_add_checked_fixture(on_device, open_device, close_device);
    tcase_add_loop_test(on_device, the_op_thresholds_the_same, 0, 5);
    suite_add_tcase(suite, on_device);
    return suite;
}
