/* test_whiten.c: the whitened problem is the problem with X: same values, same norms, V as it should be. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "recipes/factorization/whiten.h"

Suite *whiten_suite(void);

enum { WIDTH = 3 };

/* A problem of its own memory. `rank` of X: how many of its rows are drawn, the others are mixtures of them. */
typedef struct problem {
    int64_t rows, features, samples, rank;
    double *y, *x;
    dcl_matrix data, inputs;
    dcl_factorize_options options;
    dcl__whitening whitened;
} problem;

static double *numbers(int64_t count)
{
    double *made = calloc((size_t)count, sizeof *made);
    ck_assert_ptr_nonnull(made);
    return made;
}

/* c (m x n) += sign a (m x k) b (k x n); a and b by their strides. */
static void multiply(int64_t m, int64_t n, int64_t k, double sign, const double *a, int64_t a_row, int64_t a_column,
                     const double *b, int64_t b_row, int64_t b_column, double *c)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t t = 0; t < k; t++)
            for (int64_t j = 0; j < n; j++)
                c[i * n + j] += sign * a[i * a_row + t * a_column] * b[t * b_row + j * b_column];
}

static double energy(const double *x, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] * x[i];
    return sum;
}

static problem make_problem(int64_t rows, int64_t features, int64_t samples, int64_t rank)
{
    problem p = {.rows = rows, .features = features, .samples = samples, .rank = rank, .y = numbers(rows * samples),
                 .x = numbers(features * samples)};
    draw(1, p.y, rows * samples);
    draw(2, p.x, rank * samples);
    double *mix = numbers(features * rank);
    draw(3, mix, features * rank);
    multiply(features - rank, samples, rank, 1, mix, rank, 1, p.x, samples, 1, p.x + rank * samples);
    free(mix);
    p.data = (dcl_matrix){rows, samples, DCL_F64, p.y};
    p.inputs = (dcl_matrix){features, samples, DCL_F64, p.x};
    p.options = dcl_factorize_defaults(&p.data);
    return p;
}

static void whiten(problem *p)
{
    dcl_error error;
    p->options.inputs = &p->inputs;
    ASSERT_OK(dcl__whiten(&p->data, &p->options, &p->whitened, &error));
}

static void free_problem(problem *p)
{
    dcl__whitening_free(&p->whitened);
    free(p->x);
    free(p->y);
}

/* ||Y - U V'X||^2; the ||X'v_i||^2 go into `norms`. */
static double fit_error(const problem *p, const double *u, const double *v, double *norms)
{
    double *hidden = numbers(WIDTH * p->samples), *rest = numbers(p->rows * p->samples);
    multiply(WIDTH, p->samples, p->features, 1, v, 1, WIDTH, p->x, p->samples, 1, hidden);
    for (int i = 0; i < WIDTH; i++)
        norms[i] = energy(hidden + i * p->samples, p->samples);
    memcpy(rest, p->y, (size_t)(p->rows * p->samples) * sizeof *rest);
    multiply(p->rows, p->samples, WIDTH, -1, u, WIDTH, 1, hidden, p->samples, 1, rest);
    double sum = energy(rest, p->rows * p->samples);
    free(hidden);
    free(rest);
    return sum;
}

static double whitened_error(const problem *p, const double *u, const double *v)
{
    const int64_t m = p->rows, rank = p->whitened.rank;
    double *rest = numbers(m * rank);
    memcpy(rest, p->whitened.y.data, (size_t)(m * rank) * sizeof *rest);
    multiply(m, rank, WIDTH, -1, u, WIDTH, 1, v, 1, WIDTH, rest);
    double sum = energy(rest, m * rank);
    free(rest);
    return sum;
}

/* At factors drawn at random. */
static void check_values(const problem *p, double tolerance)
{
    const dcl__whitening *w = &p->whitened;
    double *u = numbers(p->rows * WIDTH), *trained = numbers(w->rank * WIDTH), *v = numbers(p->features * WIDTH);
    double norms[WIDTH], scale = energy(p->y, p->rows * p->samples);
    draw(4, u, p->rows * WIDTH);
    draw(5, trained, w->rank * WIDTH);
    dcl__whiten_back(w, trained, WIDTH, v);
    double direct = fit_error(p, u, v, norms);
    ck_assert_double_eq_tol(whitened_error(p, u, trained) + w->constant, direct, tolerance * (scale + direct));
    for (int i = 0; i < WIDTH; i++) {
        double norm = 0;
        for (int64_t j = 0; j < w->rank; j++)
            norm += trained[j * WIDTH + i] * trained[j * WIDTH + i];
        ck_assert_double_eq_tol(norms[i], norm, tolerance * norm);
    }
    free(u);
    free(v);
    free(trained);
}

/* rows, features, samples, rank; the last goes in several tiles. */
static const int64_t shapes[][4] = {{4, 5, 20, 5}, {4, 20, 5, 5}, {7, 8, 8, 8}, {3, 4, 1, 1}, {1, 1, 1, 1},
                                    {1, 6, 30, 2}, {5, 12, 9, 3}, {5, 40, 90, 35}, {300, 20, 7000, 20},
                                    {20, 60, 16000, 50}};

START_TEST(values_and_norms_are_those_with_x)
{
    const int64_t *s = shapes[_i];
    problem p = make_problem(s[0], s[1], s[2], s[3]);
    whiten(&p);
    ck_assert_int_eq(p.whitened.features, s[1]);
    ck_assert_int_eq(p.whitened.rank, s[3]);
    ck_assert_int_eq(p.whitened.y.rows, s[0]);
    ck_assert_int_eq(p.whitened.y.columns, s[3]);
    ck_assert_ptr_null(p.whitened.x.data);
    check_values(&p, 1e-12);
    free_problem(&p);
}
END_TEST

START_TEST(rows_of_whitened_inputs_are_orthonormal_whatever_the_condition)
{
    const double spreads[] = {1, 1e-4, 1e-8, 1e-11};
    problem p = make_problem(4, 6, 50, 6);
    for (int64_t i = 0; i < p.features * p.samples; i++)     /* neighbouring rows differ by the spread */
        p.x[i] = p.x[i] * (i < p.samples ? 1 : spreads[_i]) + (i < p.samples ? 0 : p.x[i % p.samples]);
    p.options.batch = 10;
    whiten(&p);
    ck_assert_int_eq(p.whitened.rank, 6);
    ck_assert_double_ge(p.whitened.condition, 1 / spreads[_i]);
    ck_assert_double_le(p.whitened.condition, 100 / spreads[_i]);
    double gram[36] = {0}, yw[24] = {0};
    const double *x = p.whitened.x.data;
    multiply(6, 6, 50, 1, x, 50, 1, x, 1, 50, gram);
    for (int i = 0; i < 36; i++)
        ck_assert_double_eq_tol(gram[i], i % 7 == 0, 1e-14);
    multiply(4, 6, 50, -1, p.y, 50, 1, x, 1, 50, yw);
    for (int i = 0; i < 24; i++)
        ck_assert_double_eq_tol(-yw[i], ((const double *)p.whitened.y.data)[i], 1e-13);
    check_values(&p, 1e-14 / spreads[_i]);
    free_problem(&p);
}
END_TEST

/* Y = (W X, e) with X = (X, 0): what X leaves is e alone, 1e-9 of Y. */
START_TEST(the_constant_has_its_digits_where_it_is_small)
{
    problem p = make_problem(4, 6, 50, 6);
    double w[24], sum = 0;
    draw(6, w, 24);
    for (int64_t i = 0; i < p.features; i++)
        p.x[i * 50 + 49] = 0;
    memset(p.y, 0, (size_t)(4 * 50) * sizeof *p.y);
    multiply(4, 50, 6, 1, w, 6, 1, p.x, 50, 1, p.y);
    for (int64_t i = 0; i < 4; i++) {
        p.y[i * 50 + 49] = 1e-9 * (double)(i + 1);
        sum += p.y[i * 50 + 49] * p.y[i * 50 + 49];
    }
    whiten(&p);
    ck_assert_double_eq_tol(p.whitened.constant, sum, 1e-9 * sum);
    free_problem(&p);
}
END_TEST

START_TEST(single_precision_is_rounded_once)
{
    problem p = make_problem(3, 5, 30, 5);
    float narrow[90];
    for (int i = 0; i < 90; i++)
        p.y[i] = narrow[i] = (float)p.y[i];
    whiten(&p);
    const dcl_matrix rounded = {3, 30, DCL_F32, narrow};
    dcl__whitening w;
    dcl_error error;
    ASSERT_OK(dcl__whiten(&rounded, &p.options, &w, &error));
    ck_assert_int_eq(w.y.dtype, DCL_F32);
    ck_assert_double_eq(w.constant, p.whitened.constant);
    for (int i = 0; i < 15; i++)
        ck_assert_float_eq(((const float *)w.y.data)[i], (float)((const double *)p.whitened.y.data)[i]);
    dcl__whitening_free(&w);
    free_problem(&p);
}
END_TEST

/* Rows of X keep their directions, and the share is the largest with v'v >= share |X'v|^2. */
START_TEST(for_masks_on_entries_rows_are_scaled)
{
    problem p = make_problem(4, 6, 50, 6);
    for (int64_t i = 0; i < 6 * 50; i++)
        p.x[i] *= _i ? i / 50 == i % 6 : (double)(1 + i / 50);   /* disjoint rows are orthogonal */
    p.options.noise = DCL_NOISE_DROPCONNECT;
    p.options.side = DCL_SIDE_BOTH;
    whiten(&p);
    const dcl__whitening *w = &p.whitened;
    const double *x = w->x.data;
    double v[6] = {1, 1, 1, 1, 1, 1}, found = 0;
    ck_assert_int_eq(w->columns, 6);
    for (int64_t k = 0; k < 6; k++) {
        double length = sqrt(energy(p.x + k * 50, 50));
        for (int64_t i = 0; i < 6; i++)
            ck_assert_double_eq_tol(w->back[k * 6 + i], i == k ? 1 / length : 0, 1e-14);
        for (int64_t i = 0; i < 50; i++)
            ck_assert_double_eq_tol(x[k * 50 + i], p.x[k * 50 + i] / length, 1e-14);
    }
    for (int step = 0; step < 3000; step++) {        /* the power method */
        double z[50] = {0}, next[6] = {0};
        multiply(50, 1, 6, 1, x, 1, 50, v, 1, 1, z);
        multiply(6, 1, 50, 1, x, 50, 1, z, 1, 1, next);
        found = sqrt(energy(next, 6));
        for (int k = 0; k < 6; k++)
            v[k] = next[k] / found;
    }
    ck_assert_double_eq_tol(w->share, 1 / found, 1e-9);
    free_problem(&p);
}
END_TEST

/* ---- Moments ---- */

/* X X' and Y X', to be freed. */
static void find_moments(const problem *p, double **xx, double **yx)
{
    const int64_t n = p->features;
    *xx = numbers(n * n);
    *yx = numbers(p->rows * n);
    multiply(n, n, p->samples, 1, p->x, p->samples, 1, p->x, 1, p->samples, *xx);
    multiply(p->rows, n, p->samples, 1, p->y, p->samples, 1, p->x, 1, p->samples, *yx);
}

START_TEST(moments_give_the_problem_of_the_samples)
{
    problem p = make_problem(4, 7, 40, _i ? 5 : 7);
    double *xx, *yx, values[WIDTH];
    find_moments(&p, &xx, &yx);
    const dcl_matrix moment = {7, 7, DCL_F64, xx}, cross = {4, 7, DCL_F64, yx};
    p.options.moment = &moment;
    p.options.energy = energy(p.y, 4 * 40);
    dcl_error error;
    ASSERT_OK(dcl__whiten(&cross, &p.options, &p.whitened, &error));
    ck_assert_int_eq(p.whitened.features, 7);
    ck_assert_int_eq(p.whitened.rank, p.rank);
    check_values(&p, 1e-9);
    double known = p.whitened.constant, u[4 * WIDTH] = {0}, v[7 * WIDTH] = {0};
    ck_assert_double_ge(known, 0);
    dcl__whitening_free(&p.whitened);
    p.options.energy = 0;
    ASSERT_OK(dcl__whiten(&cross, &p.options, &p.whitened, &error));
    ck_assert_double_eq(p.whitened.constant, 0);
    double whole = whitened_error(&p, u, v) + known;
    ck_assert_double_eq_tol(whole, fit_error(&p, u, v, values), 1e-10 * whole);
    free(xx);
    free(yx);
    free_problem(&p);
}
END_TEST

START_TEST(what_is_no_moment_is_refused)
{
    const double odd[] = {1, 0.1, 0.2, 1}, negative[] = {1, 2, 2, 1}, zero[] = {0, 0, 0, 0}, unit[] = {1, 0, 0, 1};
    const double cross[] = {3, 4};
    const struct { const double *moment; double energy; const char *part; } cases[] = {
        {odd, 0, "not symmetric"}, {negative, 0, "eigenvalues go from -1 to 3"},
        {zero, 0, "eigenvalues go from 0 to 0"}, {unit, 24, "X alone explains 25"},
        {unit, -1, "must be a positive number"}};
    dcl_matrix data = {1, 2, DCL_F64, cross}, moment = {2, 2, DCL_F64, cases[_i].moment};
    dcl_factorize_options options = dcl_factorize_defaults(&data);
    options.moment = &moment;
    options.energy = cases[_i].energy;
    dcl__whitening w;
    dcl_error error;
    ASSERT_FAILS(dcl__whiten(&data, &options, &w, &error), DCL_EINVAL, cases[_i].part);
}
END_TEST

/* ---- Without X, and with what does not fit ---- */

START_TEST(without_x_nothing_is_copied)
{
    problem p = make_problem(3, 2, 5, 2);
    dcl_error error;
    ASSERT_OK(dcl__whiten(&p.data, &p.options, &p.whitened, &error));
    ck_assert_ptr_eq(p.whitened.y.data, p.y);
    ck_assert_ptr_null(p.whitened.back);
    ck_assert_double_eq(p.whitened.constant, 0);
    ck_assert_int_eq(p.whitened.features, 5);
    free_problem(&p);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    problem p = make_problem(3, 2, 5, 2);
    dcl_matrix narrow = {2, 4, DCL_F64, p.x}, square = {2, 2, DCL_F64, p.x};
    dcl_error error;
    p.options.inputs = &narrow;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "Y has 5 columns and X has 4");
    p.options.inputs = NULL;
    p.options.moment = &square;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "has 5 columns and X X' is 2 x 2");
    p.options.batch = 1;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "no samples to draw a batch from");
    p.options.inputs = &p.inputs;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "not both");
    p.options.inputs = NULL;
    p.options.batch = 0;
    p.options.noise = DCL_NOISE_DROPCONNECT;
    p.options.side = DCL_SIDE_RIGHT;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "not with its moment");
    p.options.inputs = &p.inputs;
    p.options.moment = NULL;
    p.options.solver = DCL_SOLVER_CLOSED_FORM;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "no closed form");
    p.options.solver = DCL_SOLVER_EXPLICIT;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "no ridge rounds");
    p.options.noise = DCL_NOISE_DROPOUT;
    p.x[3] = NAN;
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_ENUMERIC, "NaN");
    memset(p.x, 0, (size_t)(2 * 5) * sizeof *p.x);
    ASSERT_FAILS(dcl__whiten(&p.data, &p.options, &p.whitened, &error), DCL_EINVAL, "nothing but zeros");
    free_problem(&p);
}
END_TEST

Suite *whiten_suite(void)
{
    Suite *suite = suite_create("whiten");
    TCase *cases = tcase_create("whiten");
    tcase_set_timeout(cases, 60);
    tcase_add_loop_test(cases, values_and_norms_are_those_with_x, 0, ROWS(shapes));
    tcase_add_loop_test(cases, rows_of_whitened_inputs_are_orthonormal_whatever_the_condition, 0, 4);
    tcase_add_test(cases, the_constant_has_its_digits_where_it_is_small);
    tcase_add_test(cases, single_precision_is_rounded_once);
    tcase_add_loop_test(cases, for_masks_on_entries_rows_are_scaled, 0, 2);
    tcase_add_loop_test(cases, moments_give_the_problem_of_the_samples, 0, 2);
    tcase_add_loop_test(cases, what_is_no_moment_is_refused, 0, 5);
    tcase_add_test(cases, without_x_nothing_is_copied);
    tcase_add_test(cases, what_does_not_fit_is_refused);
    suite_add_tcase(suite, cases);
    return suite;
}
