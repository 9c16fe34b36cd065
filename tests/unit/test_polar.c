/* test_polar.c: polars are reached and never exceeded; the slope of the loss, Lanczos' bound, the maps that shrink. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "convex.h"
#include "recipes/certificate/lanczos.h"
#include "recipes/certificate/penalty.h"

Suite *polar_suite(void);

enum { M = 14, N = 10, PAIRS = 4000 };

/* ---- A slope: -2 (U V' - Y), whole or at entries ---- */

typedef struct fixture {
    double y[M * N], u[M * 2], v[N * 2], z[M * N];
    int64_t start[M + 1], column[M * N];
    double value[M * N];
    dcl_matrix matrix;
    dcl_entries entries;
    dcl_problem problem;
    dcl__slope slope;
} fixture;

/* `share` of the entries are known; 1: all, as a whole matrix. z becomes what the slope must be. */
static void make(fixture *f, int penalty, double share, uint64_t seed)
{
    dcl_error error;
    double chance[M * N];
    *f = (fixture){.problem = {.loss = DCL_LOSS_SQUARED, .penalty = penalty, .lambda = 1, .mixture = 0.4, .block = 2}};
    draw(seed, f->y, M * N);
    draw(seed + 1, f->u, M * 2);
    draw(seed + 2, f->v, N * 2);
    draw(seed + 3, chance, M * N);
    for (int i = 0; i < M * N; i++) {
        const int known = (chance[i] + 1) / 2 < share;
        if (i % N == 0)
            f->start[i / N] = f->entries.count;
        const double *u = f->u + i / N * 2, *v = f->v + i % N * 2;
        f->z[i] = known ? 2 * (f->y[i] - u[0] * v[0] - u[1] * v[1]) : 0;
        if (known) {
            f->column[f->entries.count] = i % N;
            f->value[f->entries.count++] = f->y[i];
        }
    }
    f->start[M] = f->entries.count;
    f->entries = (dcl_entries){M, N, f->entries.count, f->start, f->column, f->value, NULL};
    f->matrix = (dcl_matrix){M, N, DCL_F64, f->y};
    if (share < 1)
        f->problem.entries = &f->entries;
    else
        f->problem.data = &f->matrix;
    ASSERT_OK(dcl__slope_make(&f->problem, f->u, f->v, 2, &f->slope, &error));
}

static const double shares[] = {1, 0.7, 0.05};

/* u'Zv with factors that are columns of matrices of `count` columns. */
static double form(const double *z, const double *u, const double *v, int64_t count)
{
    double sum = 0;
    for (int i = 0; i < M * N; i++)
        sum += u[i / N * count] * z[i] * v[i % N * count];
    return sum;
}

static double largest_value(const double *z, int64_t rows, int64_t columns)
{
    double u[M * N], v[M * N], values[M];
    decompose(z, rows, columns, u, values, v);
    return values[0];
}

/* ---- The slope ---- */

/* out = Z x or Z'x in plain loops; z from here. */
static void multiply(const double *z, int transpose, const double *x, int64_t count, double *out)
{
    memset(out, 0, (size_t)((transpose ? N : M) * count) * sizeof *out);
    for (int i = 0; i < M * N; i++)
        for (int64_t k = 0; k < count; k++)
            out[(transpose ? i % N : i / N) * count + k] += z[i] * x[(transpose ? i / N : i % N) * count + k];
}

static void add_line(void *user, int64_t index, const double *numbers, const int64_t *places, int64_t count)
{
    double *sum = user;
    for (int64_t i = 0; i < count; i++)
        *sum += (double)(index + 1) * (double)((places ? places[i] : i) + 1) * numbers[i];
}

START_TEST(the_slope_is_what_its_definition_says)
{
    fixture f;
    dcl_error error;
    for (int positive = 0; positive < 2; positive++) {
        make(&f, DCL_PENALTY_NUCLEAR, shares[_i], 1);
        double x[M * 3], out[M * 3], expected[M * 3], gram[N * N], rounding, lines = 0, weighted = 0;
        dcl__slope part = f.slope;
        part.positive = positive;
        for (int i = 0; i < M * N; i++) {
            f.z[i] = positive ? fmax(f.z[i], 0) : f.z[i];
            weighted += (i / N + 1) * (i % N + 1) * f.z[i];
        }
        draw(7, x, M * 3);
        for (int transpose = 0; transpose < 2; transpose++, lines = 0) {
            for (int64_t count = 1; count < 4; count += 2) {
                ASSERT_OK(dcl__slope_multiply(&part, transpose, x, count, out, &error));
                multiply(f.z, transpose, x, count, expected);
                for (int i = 0; i < (transpose ? N : M) * count; i++)
                    ck_assert_double_eq_tol(out[i], expected[i], 1e-13);
            }
            ASSERT_OK(dcl__slope_each(&part, transpose, add_line, &lines, &error));
            ck_assert_double_eq_tol(lines, weighted, 1e-11);
        }
        ASSERT_OK(dcl__slope_gram(&part, 0, gram, &rounding, &error));
        for (int i = 0; i < N * N; i++) {
            double sum = 0;
            for (int a = 0; a < M; a++)
                sum += f.z[a * N + i / N] * f.z[a * N + i % N];
            ck_assert_double_eq_tol(gram[i], sum, 1e-13);
        }
        dcl__slope_free(&f.slope);
    }
}
END_TEST

/* The data's Gram matrix is made once; what factors take from it gives that of the slope, wide or tall. Where its
 * rounding is more than is allowed it is left alone. */
START_TEST(the_gram_matrix_of_the_data_serves_all_factors)
{
    const int64_t rows = _i ? N : M, columns = _i ? M : N;
    fixture f;
    dcl_error error;
    dcl__data_gram kept = {0};
    double direct[N * N], updated[N * N], rounding, direct_rounding;
    make(&f, DCL_PENALTY_NUCLEAR, 1, 11);
    f.matrix = (dcl_matrix){rows, columns, DCL_F64, f.y};
    for (int64_t width = 2; width >= 0; width--) {
        dcl__slope slope;
        ASSERT_OK(dcl__slope_make(&f.problem, _i ? f.v : f.u, _i ? f.u : f.v, width, &slope, &error));
        ASSERT_OK(dcl__slope_gram(&slope, 1e-9, direct, &direct_rounding, &error));
        slope.data_gram = &kept;
        ASSERT_OK(dcl__slope_gram(&slope, 1e-9, updated, &rounding, &error));
        ck_assert_ptr_nonnull(kept.matrix);
        for (int i = 0; i < N * N; i++)
            ck_assert_double_le(fabs(updated[i] - direct[i]), rounding + direct_rounding);
        ck_assert(direct_rounding > 0 && direct_rounding < 1e-10 && rounding > 0 && rounding < 1e-10);
        kept.matrix[0] += 1;
        ASSERT_OK(dcl__slope_gram(&slope, rounding / 2, updated, &rounding, &error));
        ck_assert_double_eq(updated[0], direct[0]);
        ck_assert_double_eq(rounding, direct_rounding);
        ASSERT_OK(dcl__slope_gram(&slope, 1e-9, updated, &rounding, &error));
        ck_assert_double_eq_tol(updated[0], direct[0] + 1, 1e-13);
        kept.matrix[0] -= 1;
        dcl__slope_free(&slope);
    }
    dcl__data_gram_free(&kept);
    dcl__slope_free(&f.slope);
}
END_TEST

/* Each eigenvalue of a Gram matrix that was updated may be too small by its rounding, and their sum by N times as much:
 * here all are, so that the sum is below 0, though Z has a singular value. */
START_TEST(what_rounding_takes_of_all_eigenvalues_is_given_back)
{
    fixture f;
    dcl_error error;
    dcl__slope slope;
    dcl__data_gram kept = {0};
    dcl__polar polar;
    double gram[N * N], rounding;
    make(&f, DCL_PENALTY_NUCLEAR, 1, 12);
    ASSERT_OK(dcl__slope_make(&f.problem, f.u, f.v, 2, &slope, &error));
    slope.data_gram = &kept;
    ASSERT_OK(dcl__slope_gram(&slope, 1, gram, &rounding, &error));
    dcl__slope_free(&slope);
    dcl__data_gram_free(&kept);
    const double value = sqrt(rounding * N / 2);
    for (int i = 0; i < M * N; i++)
        f.y[i] += value / 2 / sqrt(M * N) - f.z[i] / 2;
    ASSERT_OK(dcl__slope_make(&f.problem, f.u, f.v, 2, &slope, &error));
    slope.data_gram = &kept;
    ASSERT_OK(dcl__slope_gram(&slope, 1, gram, &rounding, &error));
    for (int i = 0; i < N; i++)
        kept.matrix[i * N + i] -= rounding;
    ASSERT_OK(dcl__spectral_polar_small(&slope, 0.01, 1, &polar, NULL, &error));
    ck_assert_double_ge(polar.upper, value);
    dcl__slope_free(&slope);
    dcl__data_gram_free(&kept);
    dcl__slope_free(&f.slope);
}
END_TEST

/* Sizes beyond one tile: wide, tall, and columns so long that a tile has one. */
START_TEST(tiles_make_no_difference)
{
    const int64_t shapes[][2] = {{600, 3}, {3, 600}, {2, 300000}, {300000, 2}};
    const int64_t rows = shapes[_i][0], columns = shapes[_i][1];
    float *y = malloc((size_t)(rows * columns) * sizeof *y);
    double *numbers = malloc((size_t)(rows * columns) * sizeof *numbers), trace = 0, square = 0;
    dcl_error error;
    draw(3, numbers, rows * columns);
    for (int64_t i = 0; i < rows * columns; i++) {
        y[i] = (float)numbers[i];
        square += 4 * (double)y[i] * (double)y[i];
    }
    const dcl_matrix matrix = {rows, columns, DCL_F32, y};
    const dcl_problem problem = {.data = &matrix, .loss = DCL_LOSS_SQUARED, .lambda = 1,
                                 .penalty = DCL_PENALTY_NUCLEAR};
    dcl__slope slope;
    double gram[9], rounding;
    ASSERT_OK(dcl__slope_make(&problem, NULL, NULL, 0, &slope, &error));
    ASSERT_OK(dcl__slope_gram(&slope, 0, gram, &rounding, &error));
    const int64_t side = rows < columns ? rows : columns;
    for (int64_t i = 0; i < side; i++)
        trace += gram[i * side + i];
    ck_assert_double_eq_tol(trace, square, 1e-10 * square);
    ck_assert_double_eq_tol(slope.square, square, 1e-10 * square);
    dcl__slope_free(&slope);
    free(y);
    free(numbers);
}
END_TEST

/* ---- Polars ---- */

/* A vector of norm 1, often with few numbers, often without negative ones. */
static void draw_vector(const dcl_problem *problem, const dcl__penalty *penalty, int side, uint64_t seed, double *x,
                        int64_t length)
{
    double chance[M];
    draw(seed, x, length);
    draw(seed + 1000003, chance, length);
    const int64_t kept = (int64_t)((chance[0] + 1) / 2 * (double)length);
    for (int64_t i = 0; i < length; i++) {
        x[i] = seed % 3 && chance[i] > 0.3 && i != kept ? 0 : x[i];
        if (penalty->id == DCL_PENALTY_NONNEGATIVE || (penalty->id == DCL_PENALTY_L1_NONNEGATIVE && side))
            x[i] = fabs(x[i]);
    }
    const double norm = penalty->norm(problem, side, x, length, 1);
    for (int64_t i = 0; i < length; i++)
        x[i] /= norm;
}

/* Every atom has norm 1 and its level; levels fall and are above what was asked for. */
static void check_atoms(const fixture *f, const dcl__penalty *penalty, const dcl__atoms *atoms)
{
    ck_assert_int_le(atoms->count, atoms->most);
    for (int64_t i = 0; i < atoms->count; i++) {
        const double u = penalty->norm(&f->problem, 0, atoms->u + i, M, atoms->count);
        const double v = penalty->norm(&f->problem, 1, atoms->v + i, N, atoms->count);
        ck_assert_double_eq_tol(u, 1, 1e-14);
        ck_assert_double_eq_tol(v, 1, 1e-14);
        ck_assert_double_eq_tol(form(f->z, atoms->u + i, atoms->v + i, atoms->count), atoms->level[i], 1e-10);
        ck_assert_double_gt(atoms->level[i], atoms->above);
        ck_assert(i == 0 || atoms->level[i] <= atoms->level[i - 1]);
    }
}

START_TEST(a_polar_is_reached_and_not_exceeded)
{
    const dcl__penalty *penalty = dcl__penalty_at((size_t)_i);
    dcl_error error;
    for (int kind = 0; kind < ROWS(shares) && penalty->polar; kind++) {
        fixture f;
        double u[M], v[N];
        dcl__polar polar;
        make(&f, penalty->id, shares[kind], (uint64_t)(_i + 50 * kind));
        dcl__atoms atoms = {.most = 3, .above = 0.01};
        ASSERT_OK(penalty->polar(&f.slope, 1e-9, 1, &polar, &atoms, &error));
        for (int pair = 0; pair < PAIRS; pair++) {
            draw_vector(&f.problem, penalty, 0, (uint64_t)(2 * pair), u, M);
            draw_vector(&f.problem, penalty, 1, (uint64_t)(2 * pair + 1), v, N);
            ck_assert_double_le(fabs(form(f.z, u, v, 1)) * (penalty->id != DCL_PENALTY_NONNEGATIVE), polar.upper);
            ck_assert_double_le(form(f.z, u, v, 1), polar.reached * (1 + 1e-12));
        }
        ck_assert_double_le(polar.reached, polar.upper * (1 + 1e-14));
        if (penalty->is_certifiable)
            ck_assert_double_le(polar.upper, polar.reached * (1 + 1e-11));
        ck_assert_int_gt(atoms.count, 0);
        ck_assert_double_eq_tol(atoms.level[0], polar.reached, 1e-12);
        check_atoms(&f, penalty, &atoms);
        dcl__atoms_free(&atoms);
        atoms.above = polar.upper;
        ASSERT_OK(penalty->polar(&f.slope, 1e-9, 1, &polar, &atoms, &error));
        ck_assert_int_eq(atoms.count, 0);
        dcl__atoms_free(&atoms);
        dcl__slope_free(&f.slope);
    }
}
END_TEST

START_TEST(bounds_are_exact_where_theory_says_so)
{
    fixture f;
    dcl__polar polar;
    dcl_error error;
    make(&f, DCL_PENALTY_NONNEGATIVE, 1, 5);
    for (int i = 0; i < M * N; i++)
        f.y[i] = fabs(f.y[i]);
    ASSERT_OK(dcl__slope_make(&f.problem, NULL, NULL, 0, &f.slope, &error));
    ASSERT_OK(dcl__penalty_nonnegative.polar(&f.slope, 1e-9, 1, &polar, NULL, &error));
    ck_assert_double_le(polar.upper, polar.reached * (1 + 1e-10));   /* Z is nowhere negative */
    for (f.problem.mixture = 0; f.problem.mixture < 2; f.problem.mixture++) {
        ASSERT_OK(dcl__penalty_elastic.polar(&f.slope, 1e-9, 1, &polar, NULL, &error));
        ck_assert_double_le(polar.upper, polar.reached * (1 + 1e-10));
    }
    for (int i = 0; i < M * N; i++)
        f.y[i] = -f.y[i];
    ASSERT_OK(dcl__penalty_nonnegative.polar(&f.slope, 1e-9, 1, &polar, NULL, &error));
    ck_assert_double_le(polar.upper, 1e-12);
    ck_assert_double_eq(polar.reached, 0);
}
END_TEST

/* The polar in long doubles, of penalties with an l1 norm, and of the nuclear norm where Z is a permuted diagonal;
 * `rounding`: what that is off by. Where all is there, entries of Z are what is left of two units that nearly cancel;
 * of entries Z is what the slope keeps. */
static long double exact_polar(const fixture *f, long double *rounding)
{
    const int penalty = f->problem.penalty, by_column = penalty == DCL_PENALTY_L2_L1;
    long double most = 0, square[M] = {0};
    *rounding = 0;
    for (int i = 0; i < M * N; i++) {
        const double *u = f->u + i / N * 2, *v = f->v + i % N * 2;
        const long double parts[] = {f->y[i], (long double)u[0] * v[0], (long double)u[1] * v[1]};
        const long double z = f->slope.entry ? f->slope.entry[i] : 2 * (parts[0] - parts[1] - parts[2]);
        const int is_single = penalty == DCL_PENALTY_L1_L1 || penalty == DCL_PENALTY_NUCLEAR;
        square[by_column ? i % N : i / N] += is_single ? 0 : z * z;
        most = is_single && fabsl(z) > most ? fabsl(z) : most;
        *rounding += LDBL_EPSILON * (f->slope.entry ? fabsl(z) / N
                                                    : 8 * (fabsl(parts[0]) + fabsl(parts[1]) + fabsl(parts[2])));
    }
    for (int a = 0; a < M; a++)
        most = sqrtl(square[a]) > most ? sqrtl(square[a]) : most;
    return most;
}

static const int exact_penalties[] = {DCL_PENALTY_L1_L1, DCL_PENALTY_L1_L2, DCL_PENALTY_L2_L1, DCL_PENALTY_NUCLEAR};

START_TEST(a_polar_counts_every_rounding)
{
    const dcl__penalty *penalty = dcl__penalty_find(exact_penalties[_i]);
    const double sizes[] = {0, 1, 1e3};
    for (int point = 0; point < 300; point++) {
        const double size = penalty->id == DCL_PENALTY_NUCLEAR ? 0 : sizes[point % 3];
        fixture f;
        dcl_error error;
        dcl__polar polar;
        long double rounding;
        make(&f, penalty->id, point % 2 ? 0.99999 : 1, (uint64_t)(1000 * _i + point));
        ck_assert_int_eq(f.entries.count, M * N);
        dcl__slope_free(&f.slope);
        for (int i = 0; i < M * N && penalty->id == DCL_PENALTY_NUCLEAR; i++)
            f.value[i] = f.y[i] *= i / N < N && i % N == (3 * (i / N) + 1) % N;
        for (int i = 0; i < 2 * M; i++)
            f.u[i] = i % 2 ? -f.u[i - 1] : size * f.u[i];
        for (int i = 0; i < 2 * N; i++)
            f.v[i] = i % 2 ? f.v[i - 1] * (1 + 1e-9 * f.v[i]) : size * f.v[i];
        ASSERT_OK(dcl__slope_make(&f.problem, f.u, f.v, 2, &f.slope, &error));
        ASSERT_OK(penalty->polar(&f.slope, 1e-9, 1, &polar, NULL, &error));
        const long double exact = exact_polar(&f, &rounding);
        ck_assert_msg(polar.upper >= exact - rounding, "point %d: below by %Lg", point, exact - polar.upper);
        ck_assert_double_le(polar.upper, (double)exact * (1 + 1e-11) + 1e-13 * size * size);
        dcl__slope_free(&f.slope);
    }
}
END_TEST

/* ---- The largest singular value ---- */

START_TEST(both_ways_to_the_largest_singular_value_agree)
{
    for (int kind = 0; kind < ROWS(shares); kind++) {
        fixture f;
        dcl_error error;
        dcl__polar small, large;
        make(&f, DCL_PENALTY_NUCLEAR, shares[kind], (uint64_t)(_i * 3 + kind));
        const double truth = largest_value(f.z, M, N);
        ASSERT_OK(dcl__spectral_polar_small(&f.slope, 1e-9, 1, &small, NULL, &error));
        ASSERT_OK(dcl__spectral_polar_large(&f.slope, 1e-9, 1e-10, (uint64_t)_i, &large, NULL, &error));
        ck_assert_double_ge(small.upper, truth * (1 - 1e-15));
        ck_assert_double_ge(large.upper, truth * (1 - 1e-15));
        ck_assert_double_le(small.upper, truth * (1 + 1e-12));
        ck_assert_double_le(large.upper, truth * (1 + 2e-9));
        ck_assert_double_eq_tol(small.reached, truth, 1e-13);
        ck_assert_double_eq_tol(large.reached, truth, 1e-8);
        ck_assert_int_eq(small.proof, DCL_PROOF_RIGOROUS);
        ck_assert_int_eq(large.proof, DCL_PROOF_PROBABLE);
        ck_assert_double_eq(large.failure, 1e-10);
        dcl__slope_free(&f.slope);
    }
}
END_TEST

/* side, entries in each row, what is proven: a Gram matrix has at most 16 numbers for each entry, or is small. */
static const int64_t patterns[][3] = {{512, 1, DCL_PROOF_RIGOROUS}, {640, 40, DCL_PROOF_RIGOROUS},
                                      {640, 39, DCL_PROOF_PROBABLE}, {2049, 200, DCL_PROOF_PROBABLE}};

START_TEST(memory_is_in_proportion_to_the_entries)
{
    const int64_t side = patterns[_i][0], row = patterns[_i][1], count = side * row;
    int64_t *start = malloc((size_t)(side + 1 + count) * sizeof *start), *column = start + side + 1;
    double *value = malloc((size_t)count * sizeof *value);
    dcl__slope slope;
    dcl__polar polar;
    dcl_error error;
    ck_assert(start && value);
    draw(6, value, count);
    for (int64_t a = 0; a <= side; a++)
        start[a] = a * row;
    for (int64_t e = 0; e < count; e++)
        column[e] = e % row + (e / row < side - row ? e / row : side - row);
    const dcl_entries entries = {side, side, count, start, column, value, NULL};
    const dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .lambda = 1,
                                 .penalty = DCL_PENALTY_NUCLEAR};
    ASSERT_OK(dcl__slope_make(&problem, NULL, NULL, 0, &slope, &error));
    ASSERT_OK(dcl__spectral_polar(&slope, 0.01, 1, &polar, NULL, &error));
    ck_assert_int_eq(polar.proof, patterns[_i][2]);
    dcl__slope_free(&slope);
    free(start);
    free(value);
}
END_TEST

START_TEST(the_leading_squares_are_bounded_closely)
{
    for (int64_t block = 1; block < N + 3; block++)
        for (int kind = 0; kind < ROWS(shares); kind++) {
            fixture f;
            dcl_error error;
            dcl__polar polar;
            double u[M * N], v[N * N], values[N], sum = 0;
            make(&f, DCL_PENALTY_NUCLEAR, shares[kind], (uint64_t)block);
            decompose(f.z, M, N, u, values, v);
            for (int64_t i = 0; i < block && i < N; i++)
                sum += values[i] * values[i];
            ASSERT_OK(dcl__spectral_squares(&f.slope, block, 1e-9, 1, &polar, &error));
            ck_assert_double_ge(polar.upper, sqrt(sum) * (1 - 1e-15));
            ck_assert_double_le(polar.upper, sqrt(sum) * (1 + 1e-11));
            dcl__slope_free(&f.slope);
        }
}
END_TEST

/* ---- Lanczos ---- */

enum { MOST = 200 };

typedef struct diagonal {
    double values[MOST];
    int64_t size;
} diagonal;

static dcl_status apply(const void *user, const double *x, double *y, dcl_error *error)
{
    const diagonal *d = user;
    (void)error;
    for (int64_t i = 0; i < d->size; i++)
        y[i] = d->values[i] * x[i];
    return DCL_OK;
}

/* The largest is 1; the others lie close below it, spread out, alone, or as the zeros of a Chebyshev polynomial, which
 * are the worst for the power method. */
static void draw_diagonal(int seed, diagonal *d)
{
    d->size = 5 + seed * 7 % (MOST - 5);
    draw((uint64_t)seed, d->values, d->size);
    for (int64_t i = 0; i < d->size; i++) {
        const double ratio = (d->values[i] + 1) / 2;
        d->values[i] = seed % 4 == 0 ? 1 - 0.01 * ratio : seed % 4 == 1 ? ratio : seed % 4 == 2 ? 0.1 * ratio
                     : pow(cos(acos(-1) * ((double)i + 0.5) / (2 * (double)d->size)), 2) * 0.999;
    }
    d->values[seed % d->size] = 1;
}

static dcl__lanczos run(const diagonal *d, double failure, int64_t steps, uint64_t seed)
{
    const dcl__operator a = {d->size, apply, d};
    const dcl__lanczos_options options = {.slack = 1e-9, .failure = failure, .seed = seed, .steps = steps};
    dcl__lanczos found;
    dcl_error error;
    ASSERT_OK(dcl__lanczos_run(&a, &options, &found, &error));
    return found;
}

/* 800 spectra after some steps each: the Ritz value is below 1, the bound never is. */
START_TEST(the_bound_of_lanczos_is_never_below_the_truth)
{
    int below = 0;
    diagonal d;
    for (int seed = 0; seed < 800; seed++) {
        draw_diagonal(seed, &d);
        const dcl__lanczos found = run(&d, 1e-10, 2 + seed % 23, (uint64_t)seed + 1);
        ck_assert_double_ge(found.upper, 1 - 1e-15);
        ck_assert_double_le(found.value, 1 + 1e-14);
        below += found.value < 1 - 1e-6;
    }
    ck_assert_int_gt(below, 400);        /* an estimate without a bound would have been false */
}
END_TEST

/* The spectrum that is the worst for some steps: all but the largest lie where the polynomial of the proof is +-1. */
static void make_worst(diagonal *d, int64_t steps, double c)
{
    const double growth = pow(sinh(asinh(1 / c) / (double)(2 * steps - 1)), 2);
    d->size = 100;
    for (int64_t i = 0; i < d->size; i++)
        d->values[i] = (1 - pow(cos((double)(i % (2 * steps)) * acos(-1) / (double)(2 * steps - 1)), 2)) / (1 + growth);
    d->values[0] = 1;
}

/* There a probability of 1/2 is nearly used up, and never more. Half of what the start has is set aside for rounding,
 * which here would make it 1/4. */
START_TEST(the_bound_fails_as_often_as_it_may_and_no_more)
{
    enum { RUNS = 2000 };
    for (int64_t steps = 3; steps < 6; steps++) {
        int failures = 0;
        diagonal d;
        make_worst(&d, steps, 0.5 / sqrt(200 / acos(-1)));
        for (int seed = 0; seed < RUNS; seed++)
            failures += run(&d, 1, steps, (uint64_t)seed + 1).upper < 1;
        ck_assert_int_le(failures, RUNS / 2);
        ck_assert_int_ge(failures, RUNS / 4);
    }
}
END_TEST

/* Five values are above the level; where fewer vectors are wanted than that, it says so. The smallest of the five may
 * also lie on the level but for rounding. */
START_TEST(a_level_ends_with_the_vectors_of_all_values_above_it)
{
    diagonal d = {.size = MOST};
    dcl__lanczos found;
    dcl_error error;
    for (int64_t i = 0; i < MOST; i++)
        d.values[i] = i < 5 ? 1 - 0.1 * (double)i : 0.3 * (double)i / MOST;
    const dcl__operator a = {MOST, apply, &d};
    for (int64_t wanted = 3; wanted < 9; wanted++)
        for (int margin = -1; margin < 2; margin++) {
            const double level = margin < 0 ? 0.5 : 0.6 * (1 + (2 * margin - 1) * 1e-15);
            const dcl__lanczos_options options = {.slack = 1e-12, .failure = 1e-10, .seed = 1, .vectors = wanted,
                                                  .level = level};
            ASSERT_OK(dcl__lanczos_run(&a, &options, &found, &error));
            ck_assert(margin >= 0 || found.has_all_above == (wanted >= 5));
            for (int64_t k = 0; k < 5 && k < found.count && found.has_all_above; k++)
                ck_assert_double_eq_tol(fabs(found.vectors[k * found.count + k]), 1, 1e-8);
            dcl__lanczos_free(&found);
        }
}
END_TEST

/* The smallest bound that is true is that of the steps: more of them come closer, until the slack. */
START_TEST(more_steps_come_closer)
{
    diagonal d;
    double before = INFINITY;
    draw_diagonal(1, &d);
    d.size = MOST;
    draw(9, d.values, MOST);
    for (int64_t i = 0; i < MOST; i++)
        d.values[i] = (d.values[i] + 1) / 2;
    for (int64_t steps = 10; steps <= 80; steps += 10) {
        const double upper = run(&d, 1e-10, steps, 1).upper;
        ck_assert_double_le(upper, before * (1 + 1e-14));
        before = upper;
    }
    ck_assert_double_le(run(&d, 1e-10, 0, 1).upper / run(&d, 1e-10, 0, 1).value, 1 + 1e-9);
}
END_TEST

/* ---- Shrinking ---- */

static double proximal_value(const dcl_problem *problem, const dcl__penalty *penalty, int side, double weight,
                             const double *x, const double *given)
{
    double sum = 0;
    for (int64_t i = 0; i < N; i++)
        sum += (x[i] - given[i]) * (x[i] - given[i]) / 2;
    return sum + weight * penalty->norm(problem, side, x, N, 1);
}

START_TEST(shrinking_is_the_minimum_that_it_says)
{
    const dcl__penalty *penalty = dcl__penalty_at((size_t)_i);
    const dcl_problem problem = {.mixture = 0.4};
    double given[N], strided[N * 3], x[N], other[N];
    for (int trial = 0; trial < 200; trial++) {
        const double weight = 0.05 * (1 + trial % 40);
        draw((uint64_t)trial, given, N);
        for (int i = 0; i < N; i++)
            strided[3 * i] = given[i];
        penalty->shrink(&problem, trial % 2, weight, strided, N, 3);
        for (int i = 0; i < N; i++)
            x[i] = strided[3 * i];
        const double least = proximal_value(&problem, penalty, trial % 2, weight, x, given);
        for (int move = 0; move < 60; move++) {
            draw((uint64_t)(1000 + 60 * trial + move), other, N);
            for (int i = 0; i < N; i++)
                other[i] = move % 3 ? x[i] + other[i] * pow(10, -move % 6) : x[i] * (1 + 0.1 * other[0]);
            ck_assert_double_le(least, proximal_value(&problem, penalty, trial % 2, weight, other, given) + 1e-14);
        }
    }
}
END_TEST

START_TEST(names_and_numbers_find_the_same_penalty)
{
    for (size_t i = 0; dcl__penalty_at(i); i++) {
        const dcl__penalty *penalty = dcl__penalty_at(i);
        ck_assert_ptr_eq(dcl__penalty_find(penalty->id), penalty);
        ck_assert_ptr_eq(dcl__penalty_named(penalty->name), penalty);
        ck_assert_int_eq(!penalty->polar, penalty->squares != NULL);
    }
    ck_assert_ptr_null(dcl__penalty_named("sponge"));
    ck_assert_ptr_eq(dcl__loss_named("logistic"), &dcl__loss_logistic);
    ck_assert_ptr_null(dcl__loss_named("sponge"));
}
END_TEST

START_TEST(losses_agree_with_their_slopes_and_duals)
{
    const dcl__loss *losses[] = {&dcl__loss_squared, &dcl__loss_logistic};
    const double h = 1e-6;
    for (int i = 0; i < 2; i++)
        for (double x = -30; x <= 30; x += 0.7)
            for (double y = -1; y <= 1; y += 2) {
                const dcl__loss *loss = losses[i];
                const double z = loss->slope(y, x);
                ck_assert_double_eq_tol((loss->value(y, x - h) - loss->value(y, x + h)) / (2 * h), z, 1e-6);
                /* At t = 1 the dual value is loss + z x, and a smaller t is a bound for every x. */
                ck_assert_double_eq_tol(loss->dual(y, z, 1), loss->value(y, x) + z * x, 1e-12 * (1 + x * x));
                for (double other = -5; other <= 5; other += 2.5)
                    ck_assert_double_le(loss->dual(y, z, 0.7) - 0.7 * z * other, loss->value(y, other) + 1e-13);
            }
    ck_assert_double_eq(dcl__loss_logistic.value(1, -2000), 2000);
    ck_assert_double_eq(dcl__loss_logistic.slope(1, -2000), 1);
    ck_assert_double_eq(dcl__loss_logistic.slope(-1, -2000), 0);
    ck_assert(isinf(dcl__loss_logistic.dual(1, 1, 1.5)));
}
END_TEST

Suite *polar_suite(void)
{
    const TTest *const tests[] = {what_rounding_takes_of_all_eigenvalues_is_given_back,
                                  bounds_are_exact_where_theory_says_so, the_leading_squares_are_bounded_closely,
                                  the_bound_of_lanczos_is_never_below_the_truth,
                                  the_bound_fails_as_often_as_it_may_and_no_more,
                                  a_level_ends_with_the_vectors_of_all_values_above_it, more_steps_come_closer,
                                  names_and_numbers_find_the_same_penalty,
                                  losses_agree_with_their_slopes_and_duals, NULL};
    Suite *suite = make_suite("polar", NULL, NULL, tests);
    TCase *loops = tcase_create("loops");
    tcase_set_timeout(loops, 60);
    tcase_add_loop_test(loops, the_slope_is_what_its_definition_says, 0, ROWS(shares));
    tcase_add_loop_test(loops, the_gram_matrix_of_the_data_serves_all_factors, 0, 2);
    tcase_add_loop_test(loops, tiles_make_no_difference, 0, 4);
    tcase_add_loop_test(loops, a_polar_is_reached_and_not_exceeded, 0, 9);
    tcase_add_loop_test(loops, a_polar_counts_every_rounding, 0, ROWS(exact_penalties));
    tcase_add_loop_test(loops, both_ways_to_the_largest_singular_value_agree, 0, 100);
    tcase_add_loop_test(loops, memory_is_in_proportion_to_the_entries, 0, ROWS(patterns));
    tcase_add_loop_test(loops, shrinking_is_the_minimum_that_it_says, 0, 9);
    suite_add_tcase(suite, loops);
    return suite;
}
