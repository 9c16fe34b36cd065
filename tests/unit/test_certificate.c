/* test_certificate.c: no lower bound is above the optimum, and at the optimum it is there. */
#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "convex.h"
#include "recipes/certificate/certificate.h"
#include "recipes/common/assess.h"

Suite *certificate_suite(void);

enum { M = ROWS_OF_X, N = COLUMNS_OF_X, POINTS = 300 };

/* ---- Problems ---- */

/* A convex problem as the library takes it: whole in f64 or f32, or entries with weights. */
typedef struct fixture {
    convex c;
    float single[M * N];
    int64_t start[M + 1], column[M * N];
    double value[M * N], weight[M * N];
    dcl_matrix matrix;
    dcl_entries entries;
    dcl_problem problem;
} fixture;

static const int penalties[] = {DCL_PENALTY_NUCLEAR, DCL_PENALTY_L1_L2, DCL_PENALTY_L2_L1, DCL_PENALTY_L1_L1,
                                DCL_PENALTY_L1_NONNEGATIVE};
enum { WHOLE, WHOLE_F32, WEIGHTED, LOGISTIC, KINDS, CASES = KINDS * 5 };

/* A matrix of rank 3 with noise. */
static void draw_low_rank(uint64_t seed, double *y, int64_t rows, int64_t columns)
{
    double *numbers = malloc((size_t)(rows + columns) * 3 * sizeof *numbers);
    draw(seed, numbers, (rows + columns) * 3);
    draw(seed + 1, y, rows * columns);
    for (int64_t i = 0; i < rows * columns; i++)
        for (int k = 0; k < 3; k++)
            y[i] += 3 * numbers[i / columns * 3 + k] * numbers[(rows + i % columns) * 3 + k];
    free(numbers);
}

static void list_entries(fixture *f)
{
    int64_t count = 0;
    for (int i = 0; i < M * N; i++) {
        if (i % N == 0)
            f->start[i / N] = count;
        if (!(f->c.weight[i] > 0))
            continue;
        f->column[count] = i % N;
        f->weight[count] = f->c.weight[i];
        f->value[count++] = f->c.y[i];
    }
    f->start[M] = count;
    f->entries = (dcl_entries){M, N, count, f->start, f->column, f->value, f->weight};
}

static void make(fixture *f, int kind, int penalty, double lambda, uint64_t seed)
{
    double chance[M * N];
    *f = (fixture){.c = {.loss = kind == LOGISTIC ? DCL_LOSS_LOGISTIC : DCL_LOSS_SQUARED, .penalty = penalty,
                         .lambda = lambda}};
    draw_low_rank(seed, f->c.y, M, N);
    draw(seed + 9, chance, M * N);
    for (int i = 0; i < M * N; i++) {
        f->single[i] = (float)f->c.y[i];
        f->c.y[i] = kind == LOGISTIC ? (f->c.y[i] < 0 ? -1 : 1) : kind == WHOLE_F32 ? (double)f->single[i] : f->c.y[i];
        f->c.weight[i] = kind < WEIGHTED ? 1 : chance[i] < -0.2 ? 0 : 1 + chance[i];
    }
    list_entries(f);
    f->matrix = (dcl_matrix){M, N, kind == WHOLE_F32 ? DCL_F32 : DCL_F64,
                             kind == WHOLE_F32 ? (const void *)f->single : f->c.y};
    f->problem = (dcl_problem){.loss = f->c.loss, .penalty = penalty, .lambda = lambda, .mixture = 0.5, .block = 1};
    if (kind < WEIGHTED)
        f->problem.data = &f->matrix;
    else
        f->problem.entries = &f->entries;
}

static dcl_certificate certify(const dcl_problem *problem, const double *u, const double *v, int64_t width)
{
    dcl_error error;
    dcl_certificate found;
    ASSERT_OK(dcl_certify(problem, u, v, width, NULL, &found, &error));
    return found;
}

/* Factors of a random width and size, those of v not negative where the penalty wants it. */
static int64_t draw_factors(uint64_t seed, int nonnegative, double *u, double *v)
{
    double size[2];
    draw(seed, size, 2);
    const int64_t width = 1 + (int64_t)((size[0] + 1) * 7);
    draw(seed + 1, u, M * width);
    draw(seed + 2, v, N * width);
    for (int64_t i = 0; i < M * width; i++)
        u[i] *= pow(10, size[1]);
    for (int64_t i = 0; i < N * width && nonnegative; i++)
        v[i] = fabs(v[i]);
    return width;
}

/* ---- Bounds and the optimum ---- */

START_TEST(the_bound_is_never_above_the_optimum_and_is_there_at_the_optimum)
{
    fixture f;
    double x[M * N], u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH];
    for (int round = 0; round < 3; round++) {
        make(&f, _i / 5, penalties[_i % 5], 0.3 * pow(3, round), (uint64_t)(10 * _i + round));
        const double least = convex_minimise(&f.c, x);
        for (int point = 0; point < POINTS / 3; point++) {
            const int64_t width = draw_factors((uint64_t)(1000 * round + point), _i % 5 == 4, u, v);
            const dcl_certificate found = certify(&f.problem, u, v, width);
            ck_assert_double_le(found.lower_bound, least * (1 + 1e-13));
            ck_assert_double_ge(found.objective, least * (1 - 1e-13));
            ck_assert_int_eq(found.proof, DCL_PROOF_RIGOROUS);
        }
        const int64_t width = convex_factors(&f.c, x, u, v);
        const dcl_certificate best = certify(&f.problem, u, v, width);
        ck_assert_double_eq_tol(best.objective, least, 1e-12 * least);
        ck_assert_double_le(best.lower_bound, least * (1 + 1e-13));
        ck_assert_double_le(best.relative_gap, 1e-10);
        ck_assert_double_le(best.stationarity, 1e-10);
        ck_assert_double_le(best.polar, f.problem.lambda * (1 + 1e-9));
        ck_assert_int_eq(best.exact, 1);
    }
}
END_TEST

/* Beside the optimum the gap is at least the true distance, and not much more. */
START_TEST(the_gap_follows_the_distance)
{
    fixture f;
    double x[M * N], u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH], by[M * N];
    make(&f, WHOLE, DCL_PENALTY_NUCLEAR, 1, 5);
    const double least = convex_minimise(&f.c, x);
    const int64_t width = convex_factors(&f.c, x, u, v);
    double before = 2;
    draw(3, by, M * width);
    for (double size = 0.1; size > 1e-8; size /= 10) {
        double moved[M * N];
        for (int64_t i = 0; i < M * width; i++)
            moved[i] = u[i] + size * by[i];
        const dcl_certificate found = certify(&f.problem, moved, v, width);
        ck_assert_double_ge(found.relative_gap, (found.objective - least) / found.objective - 1e-15);
        ck_assert_double_lt(found.relative_gap, before / 2);
        before = found.relative_gap;
    }
}
END_TEST

/* With 1 / lambda of what power iteration finds, which is below the polar, the bound goes above the optimum. */
START_TEST(an_estimate_from_below_would_break_the_bound)
{
    fixture f;
    double x[M * N], u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH], w[N], z[M];
    dcl_error error;
    dcl__slope slope;
    make(&f, WHOLE, DCL_PENALTY_NUCLEAR, 6, 5);
    const double least = convex_minimise(&f.c, x);
    const int64_t width = convex_factors(&f.c, x, u, v);
    ASSERT_OK(dcl__slope_make(&f.problem, u, v, width, &slope, &error));
    double norm = 0, estimate = 0;
    draw(8, w, N);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(dcl__slope_multiply(&slope, 0, w, 1, z, &error));
        ASSERT_OK(dcl__slope_multiply(&slope, 1, z, 1, w, &error));
        norm = 0;
        for (int b = 0; b < N; b++)
            norm += w[b] * w[b];
        estimate = sqrt(sqrt(norm));
        for (int b = 0; b < N; b++)
            w[b] /= sqrt(norm);
    }
    const double t = f.problem.lambda / estimate, bound = t * slope.with_data - t * t * slope.square / 4;
    ck_assert_double_lt(estimate, f.problem.lambda);
    ck_assert_double_gt(bound, least * (1 + 1e-6));
    ck_assert_double_le(certify(&f.problem, u, v, width).lower_bound, least);
    dcl__slope_free(&slope);
}
END_TEST

/* Penalties that are only bounded: the bounds of no points are above the objective of any. */
START_TEST(bounds_without_a_formula_stay_below_what_is_reached)
{
    const int bounded[] = {DCL_PENALTY_NONNEGATIVE, DCL_PENALTY_ELASTIC};
    fixture f;
    double u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH], highest = 0, least = INFINITY;
    for (int kind = 0; kind < KINDS; kind++, highest = 0, least = INFINITY) {
        make(&f, kind, bounded[_i], 0.5, 40);
        for (int point = 0; point < POINTS / KINDS; point++) {
            const int64_t width = draw_factors((uint64_t)point, 1, u, v);
            for (int64_t i = 0; i < M * width; i++)
                u[i] = fabs(u[i]) * (point % 3 ? 0.3 : 1e-3);
            const dcl_certificate found = certify(&f.problem, u, v, width);
            highest = fmax(highest, found.lower_bound);
            least = fmin(least, found.objective);
            ck_assert_double_ge(found.polar, found.polar_reached * (1 - 1e-14));
        }
        ck_assert_double_le(highest, least);
        ck_assert_double_gt(highest, 0);
    }
}
END_TEST

/* ---- No slack ---- */

/* A problem that falls into parts: entries of l1-l1, rows of l1-l2, and the entries of a permuted diagonal for the
 * nuclear norm, which are the singular values. */
static void make_parts(fixture *f, int kind, int penalty, double scale, uint64_t seed)
{
    make(f, kind, penalty, 0, seed);
    for (int i = 0; i < M * N; i++) {
        const int kept = penalty != DCL_PENALTY_NUCLEAR || (i / N < N && i % N == (5 * (i / N) + 2) % N);
        f->single[i] = (float)(kept ? scale * f->c.y[i] : 0);
        f->c.y[i] = kind == WHOLE_F32 ? (double)f->single[i] : kept ? scale * f->c.y[i] : 0;
    }
    list_entries(f);
}

/* A part of length y and weight w costs w y^2 where that is short, else lambda y - lambda^2 / (4 w): in long doubles,
 * off by less than a rounding for each number. */
static long double parts_optimum(const fixture *f)
{
    const long double lambda = f->problem.lambda;
    long double sum = 0, square = 0;
    for (int i = 0; i < M * N; i++) {
        const long double weight = f->c.weight[i], y = f->c.y[i];
        square += y * y;
        if (f->problem.penalty == DCL_PENALTY_L1_L2 && i % N < N - 1)
            continue;
        const long double length = sqrtl(square);
        sum += 2 * weight * length > lambda ? lambda * length - lambda * lambda / (4 * weight) : weight * square;
        square = 0;
    }
    return sum * (1 + (long double)(M * N) * LDBL_EPSILON);
}

/* U = I and V' the minimiser in double precision, moved by `size` of itself. */
static void make_near(const fixture *f, double size, uint64_t seed, double *u, double *v)
{
    double by[M * N];
    draw(seed, by, M * N);
    memset(u, 0, M * M * sizeof *u);
    for (int a = 0; a < M; a++) {
        const double row = cblas_dnrm2(N, f->c.y + a * N, 1);
        u[a * M + a] = 1;
        for (int b = 0; b < N; b++) {
            const double y = f->c.y[a * N + b], length = f->problem.penalty == DCL_PENALTY_L1_L2 ? row : fabs(y);
            const double left = length - f->problem.lambda / (2 * f->c.weight[a * N + b]);
            v[b * M + a] = left > 0 ? y * (left / length) * (1 + size * by[a * N + b]) : 0;
        }
    }
}

/* No rounding is in the way: the bound is not above the optimum by the last bit, and near it. */
static const int part_cases[][2] = {{WHOLE, DCL_PENALTY_L1_L1}, {WHOLE, DCL_PENALTY_L1_L2},
                                    {WHOLE, DCL_PENALTY_NUCLEAR}, {WHOLE_F32, DCL_PENALTY_L1_L1},
                                    {WHOLE_F32, DCL_PENALTY_NUCLEAR}, {WEIGHTED, DCL_PENALTY_L1_L1},
                                    {WEIGHTED, DCL_PENALTY_NUCLEAR}};

START_TEST(the_bound_counts_every_rounding)
{
    fixture f;
    double u[M * M], v[N * M];
    const int kind = part_cases[_i][0];
    const double huge = kind == WHOLE_F32 ? 1e30 : 1e120, scales[] = {1, 1 / huge, huge}, sizes[] = {0, 3e-16, 1e-14};
    for (int point = 0; point < 900; point++) {
        const double scale = scales[point % 3], size = sizes[point / 3 % 3];
        make_parts(&f, kind, part_cases[_i][1], scale, (uint64_t)point);
        f.problem.lambda = scale * pow(1.5, point / 9 % 8);
        make_near(&f, size, (uint64_t)(5000 + point), u, v);
        const long double least = parts_optimum(&f), bound = certify(&f.problem, u, v, M).lower_bound;
        ck_assert_msg(bound <= least, "point %d: above by %Lg of it", point, bound / least - 1);
        ck_assert_msg(bound >= least * (1 - 1e-11L), "point %d: below by %Lg of it", point, 1 - bound / least);
    }
}
END_TEST

/* ---- Sums of squares ---- */

static double optimum_of(const dcl_problem *problem, const double *y, int64_t width, double *shrunk, double *convex)
{
    double u[M * N], v[N * N], values[N];
    const dcl_noise noise = {.kind = problem->block > 1 ? DCL_NOISE_DROPBLOCK : DCL_NOISE_DROPOUT,
                             .block = problem->block, .lambda = problem->lambda, .lambda_unit = problem->lambda};
    decompose(y, M, N, u, values, v);
    const dcl_optimum optimum = dcl_noise_optimum(&noise, values, N, -1, 0, width, shrunk);
    *convex = optimum.minimum - optimum.convex_gap;
    return optimum.minimum;
}

/* Factors of the product that has the singular vectors of y and these values, `width` columns. */
static void make_product(const double *y, const double *shrunk, int64_t width, double *u, double *v)
{
    double left[M * N], right[N * N], values[N];
    decompose(y, M, N, left, values, right);
    for (int64_t i = 0; i < M * width; i++)
        u[i] = i % width < N ? left[i / width * N + i % width] * sqrt(shrunk[i % width]) : 0;
    for (int64_t i = 0; i < N * width; i++)
        v[i] = i % width < N ? right[i / width * N + i % width] * sqrt(shrunk[i % width]) : 0;
}

START_TEST(sums_of_squares_are_bounded_by_their_closed_forms)
{
    fixture f;
    double u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH], shrunk[N], convex;
    const int64_t block = _i + 1;
    int reached = 0;
    make(&f, WHOLE, block > 1 ? DCL_PENALTY_DROPBLOCK : DCL_PENALTY_DROPOUT, 1, 60);
    f.problem.block = block;
    for (int point = 0; point < POINTS; point++) {
        f.problem.lambda = 0.05 * pow(1.5, point % 14);
        int64_t width = draw_factors((uint64_t)point, 0, u, v);
        width = width < block ? block : width - width % block;
        if (width > N)
            width = block * (N / block);
        const double least = optimum_of(&f.problem, f.c.y, width, shrunk, &convex);
        ck_assert_double_le(certify(&f.problem, u, v, width).lower_bound, least * (1 + 1e-13));
        make_product(f.c.y, shrunk, width, u, v);
        const dcl_certificate best = certify(&f.problem, u, v, width);
        ck_assert_double_le(best.lower_bound, least * (1 + 1e-13));
        /* Where the width cuts off no value that the convex problem keeps, the bound is its optimum. */
        if (!(shrunk[width - 1] > 0) && least - convex < 1e-12 * least) {
            ck_assert_double_ge(best.lower_bound, convex * (1 - 1e-10));
            reached++;
        }
        ck_assert(isnan(best.polar));
    }
    ck_assert_int_gt(reached, POINTS / 10);
}
END_TEST

/* Factors that all weigh the same, made by a Hadamard matrix: the closed form, and the certificate agrees. */
START_TEST(balanced_factors_of_dropout_are_certified)
{
    enum { WIDTH = 8 };
    fixture f;
    double u[M * WIDTH], v[N * WIDTH], even_u[M * WIDTH] = {0}, even_v[N * WIDTH] = {0}, shrunk[N], convex;
    make(&f, WHOLE, DCL_PENALTY_DROPOUT, 0.7, 61);
    const double least = optimum_of(&f.problem, f.c.y, WIDTH, shrunk, &convex);
    make_product(f.c.y, shrunk, WIDTH, u, v);
    for (int i = 0; i < WIDTH; i++)
        for (int j = 0; j < WIDTH; j++) {
            const double entry = (__builtin_popcount((unsigned)(i & j)) % 2 ? -1 : 1) / sqrt(WIDTH);
            for (int a = 0; a < M; a++)
                even_u[a * WIDTH + j] += u[a * WIDTH + i] * entry;
            for (int b = 0; b < N; b++)
                even_v[b * WIDTH + j] += v[b * WIDTH + i] * entry;
        }
    const dcl_certificate found = certify(&f.problem, even_u, even_v, WIDTH);
    ck_assert_double_eq_tol(found.objective, least, 1e-12 * least);
    ck_assert_double_le(found.relative_gap, 1e-11);
    ck_assert_double_le(found.stationarity, 1e-12);
    ck_assert_double_le(found.balance_error, 1e-12);
    ck_assert_int_eq(found.exact, 1);
    ck_assert_double_gt(certify(&f.problem, u, v, WIDTH).relative_gap, 0.01);
}
END_TEST

/* Units of small singular values use up the width too, and then nothing says that the gap closes. */
START_TEST(small_units_count_for_the_rank_of_dropout)
{
    const double y[9] = {1, 0, 0, 0, 9e-4, 0, 0, 0, 8e-4};
    const dcl_matrix matrix = {3, 3, DCL_F64, y};
    const dcl_problem problem = {.data = &matrix, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_DROPOUT,
                                 .lambda = 1e-8, .block = 1};
    double factor[6] = {0};
    for (int i = 0; i < 4; i++)                  /* balanced: Y without its last value is U U', columns of one length */
        factor[i] = sqrt(y[4 * (i / 2)] / 2) * (i == 3 ? -1 : 1);
    const dcl_certificate full = certify(&problem, factor, factor, 2);
    ck_assert_double_gt(full.relative_gap, 0.9);
    ck_assert_int_eq(full.rank, 1);
    ck_assert_int_eq(full.exact, 0);
    factor[2] = factor[3] = 0;
    ck_assert_int_eq(certify(&problem, factor, factor, 2).exact, 1);
}
END_TEST

/* ---- Corners ---- */

START_TEST(zero_is_certified_at_once_where_lambda_is_large)
{
    fixture f;
    double values[N], left[M * N], right[N * N];
    make(&f, WHOLE, DCL_PENALTY_NUCLEAR, 0, 70);
    decompose(f.c.y, M, N, left, values, right);
    f.problem.lambda = 2 * values[0] * (1 + 1e-12);
    dcl_certificate found = certify(&f.problem, NULL, NULL, 0);
    ck_assert_double_le(found.relative_gap, 1e-12);
    ck_assert_int_eq(found.rank, 0);
    f.problem.lambda = 2 * values[0] * 0.9;
    found = certify(&f.problem, NULL, NULL, 0);
    ck_assert_double_gt(found.relative_gap, 1e-4);
    ck_assert_double_gt(found.polar_reached, f.problem.lambda);
}
END_TEST

START_TEST(without_a_penalty_the_bound_is_zero)
{
    fixture f;
    double u[M * FACTOR_WIDTH], v[N * FACTOR_WIDTH], x[M * N];
    for (int kind = 0; kind < KINDS; kind++) {
        make(&f, kind, DCL_PENALTY_NUCLEAR, 0, 71);
        draw(2, u, M * N);
        draw(3, v, N * N);
        ck_assert_double_eq(certify(&f.problem, u, v, N).lower_bound, 0);
    }
    make(&f, WHOLE, DCL_PENALTY_NUCLEAR, 0, 71);
    memcpy(x, f.c.y, sizeof x);
    const int64_t width = convex_factors(&f.c, x, u, v);
    ck_assert_double_le(certify(&f.problem, u, v, width).objective, 1e-25);
}
END_TEST

START_TEST(no_entries_and_no_numbers_make_a_gap_of_zero)
{
    const int64_t start[] = {0, 0, 0};
    const double zeros[6] = {0};
    const dcl_entries entries = {2, 3, 0, start, NULL, NULL, NULL};
    const dcl_matrix matrix = {2, 3, DCL_F64, zeros};
    for (int loss = DCL_LOSS_SQUARED; loss <= DCL_LOSS_LOGISTIC; loss += DCL_LOSS_LOGISTIC - DCL_LOSS_SQUARED) {
        const dcl_certificate found = certify(&(dcl_problem){.entries = &entries, .loss = loss, .lambda = 1,
                                                             .penalty = DCL_PENALTY_NUCLEAR}, zeros, zeros, 1);
        ck_assert_double_eq(found.objective, 0);
        ck_assert_double_eq(found.relative_gap, 0);
    }
    const dcl_certificate found = certify(&(dcl_problem){.data = &matrix, .loss = DCL_LOSS_SQUARED, .lambda = 1,
                                                         .penalty = DCL_PENALTY_NUCLEAR}, zeros, zeros, 1);
    ck_assert_double_eq(found.relative_gap, 0);
}
END_TEST

START_TEST(units_are_weighed_as_they_are)
{
    const double y[] = {0, 0, 0, 0}, u[] = {3, 0, 4, 0}, v[] = {1, 0, 0, 7};
    const dcl_matrix matrix = {2, 2, DCL_F64, y};
    const dcl_certificate found = certify(&(dcl_problem){.data = &matrix, .loss = DCL_LOSS_SQUARED, .lambda = 2,
                                                         .penalty = DCL_PENALTY_NUCLEAR}, u, v, 2);
    ck_assert_double_eq(found.data_term, 25);
    ck_assert_double_eq(found.regularizer, 10);
    ck_assert_double_eq_tol(found.stationarity, 60.0 / 35, 1e-15);   /* <Z, U V'> = -50 */
    ck_assert_double_eq_tol(found.balance_error, 4 / sqrt(5), 1e-15);  /* of 5 and 1; the other unit is 0 */
    ck_assert_int_eq(found.rank, 1);
}
END_TEST

/* On a diagonal the spectral norm is the largest number, and both sides are too large for a proof: the bound is as near
 * as the tolerance asks, by a start that follows the seed. */
START_TEST(a_probable_bound_is_as_near_as_it_is_asked_to_be)
{
    enum { SIDE = 2100, WIDTH = 20 };
    static int64_t start[SIDE + 1], column[SIDE];
    static double value[SIDE], u[SIDE * WIDTH], v[SIDE * WIDTH];
    const dcl_entries entries = {SIDE, SIDE, SIDE, start, column, value, NULL};
    const dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .penalty = DCL_PENALTY_NUCLEAR,
                                 .lambda = 2};
    dcl_certificate found, other;
    dcl_error error;
    draw(4, value, SIDE);
    for (int64_t a = 0; a < SIDE; a++) {
        column[a] = a;
        start[a + 1] = a + 1;
        value[a] = a < WIDTH ? 1.2 + value[a] / 10 : value[a];
        for (int64_t i = 0; i < WIDTH; i++)
            u[a * WIDTH + i] = v[a * WIDTH + i] = a == i ? sqrt(value[a] - 1) : 0;
    }
    for (double tolerance = 1e-2; tolerance > 1e-9; tolerance /= 100) {
        ASSERT_OK(dcl_certify(&problem, u, v, WIDTH, &(dcl_certify_options){tolerance, 1}, &found, &error));
        ASSERT_OK(dcl_certify(&problem, u, v, WIDTH, &(dcl_certify_options){tolerance, 2}, &other, &error));
        ck_assert_int_eq(found.proof, DCL_PROOF_PROBABLE);
        ck_assert_double_ge(found.polar, 2);
        ck_assert_double_le(found.relative_gap, tolerance);
        ck_assert_double_ne(found.polar, other.polar);
    }
    ASSERT_FAILS(dcl_certify(&problem, u, v, WIDTH, &(dcl_certify_options){-1, 1}, &found, &error), DCL_EINVAL,
                 "tolerance is -1");
}
END_TEST

/* ---- Refusals ---- */

START_TEST(what_makes_no_problem_is_refused)
{
    const int64_t start[] = {0, 2, 3}, column[] = {0, 2, 1}, falling[] = {2, 0, 1}, outside[] = {0, 3, 1};
    const int64_t early[] = {0, 2, 2};
    const double value[] = {1, -1, 1}, half[] = {1, 0.5, 1}, wrong[] = {1, NAN, 1}, weight[] = {1, 0, 1};
    const dcl_entries right = {2, 3, 3, start, column, value, NULL};
    const dcl_matrix matrix = {2, 3, DCL_F64, half}, empty = {0, 3, DCL_F64, half};
    dcl_entries entries = right;
    const dcl_problem base = {.entries = &entries, .loss = DCL_LOSS_LOGISTIC, .lambda = 1,
                              .penalty = DCL_PENALTY_NUCLEAR};
    dcl_problem problem = base;
    dcl_error error;
    ASSERT_OK(dcl__problem_check(&problem, &error));
#define REFUSED(change, restore, part)                              \
    do {                                                            \
        change;                                                     \
        ASSERT_FAILS(dcl__problem_check(&problem, &error), DCL_EINVAL, part); \
        restore;                                                    \
    } while (0)
    REFUSED(problem.loss = 2, problem = base, "no loss of number 2");
    REFUSED(problem.penalty = 17, problem = base, "no penalty of number 17");
    REFUSED(problem.lambda = -1, problem = base, "lambda is -1");
    REFUSED(problem.lambda = NAN, problem = base, "lambda is nan");
    REFUSED((problem.penalty = DCL_PENALTY_ELASTIC, problem.mixture = 2), problem = base, "mixture is 2");
    REFUSED(problem.penalty = DCL_PENALTY_DROPBLOCK, problem = base, "block is 0");
    REFUSED(problem.entries = NULL, problem = base, "either a whole matrix or entries");
    REFUSED(problem.data = &matrix, problem = base, "either a whole matrix or entries");
    REFUSED((problem.data = &matrix, problem.entries = NULL), problem = base, "logistic loss works on entries");
    REFUSED((problem.data = &empty, problem.entries = NULL, problem.loss = DCL_LOSS_SQUARED), problem = base, "0 x 3");
    REFUSED(entries.column = falling, entries = right, "row 1 has an entry in column 1");
    REFUSED(entries.column = outside, entries = right, "row 1 has an entry in column 4");
    REFUSED(entries.start = early, entries = right, "begin at 0 and end at their number");
    REFUSED(entries.value = half, entries = right, "is 0.5, but the logistic loss is for -1 or 1");
    REFUSED((entries.value = wrong, problem.loss = DCL_LOSS_SQUARED), (entries = right, problem = base),
            "finite numbers");
    REFUSED(entries.weight = weight, entries = right, "the weight in row 1, column 3 is 0");
#undef REFUSED
}
END_TEST

START_TEST(factors_that_are_no_numbers_or_not_allowed_are_refused)
{
    fixture f;
    double u[M * N], v[N * N], values[N];
    dcl_certificate found = {.rank = 77};
    dcl_error error;
    make(&f, WEIGHTED, DCL_PENALTY_NUCLEAR, 1, 80);
    draw(1, u, M * N);
    draw(2, v, N * N);
    u[4] = NAN;
    ASSERT_FAILS(dcl_certify(&f.problem, u, v, N, NULL, &found, &error), DCL_ENUMERIC, "NaN or infinity");
    ASSERT_FAILS(dcl__product_values(M, N, u, v, N, values, &error), DCL_ENUMERIC, "NaN or infinity");
    u[4] = 1e200;
    ASSERT_FAILS(dcl_certify(&f.problem, u, v, N, NULL, &found, &error), DCL_ENUMERIC, "squares");
    u[4] = 1;
    ASSERT_FAILS(dcl_certify(&f.problem, u, v, -1, NULL, &found, &error), DCL_EINVAL, "width is -1");
    f.problem.penalty = DCL_PENALTY_NONNEGATIVE;
    ASSERT_FAILS(dcl_certify(&f.problem, u, v, N, NULL, &found, &error), DCL_EINVAL, "'nonnegative'");
    f.problem.penalty = DCL_PENALTY_DROPBLOCK;
    f.problem.block = 2;
    ASSERT_FAILS(dcl_certify(&f.problem, u, v, N, NULL, &found, &error), DCL_EINVAL, "no multiple of the block");
    ck_assert_int_eq(found.rank, 77);
}
END_TEST

/* Nothing is known of row 2, so that no residual tells of what stands there. */
START_TEST(rows_without_entries_hold_numbers_too)
{
    const int64_t start[] = {0, 1, 1}, column[] = {0};
    const double value[] = {1}, u[] = {1, NAN}, v[] = {1, 1};
    const dcl_entries entries = {2, 2, 1, start, column, value, NULL};
    dcl_problem problem = {.entries = &entries, .loss = DCL_LOSS_SQUARED, .lambda = 1, .block = 1};
    dcl_certificate found;
    dcl_error error;
    for (problem.penalty = DCL_PENALTY_NUCLEAR; problem.penalty < DCL_PENALTY_DROPOUT; problem.penalty++)
        ASSERT_FAILS(dcl_certify(&problem, u, v, 1, NULL, &found, &error), DCL_EINVAL, "not finite");
    for (; problem.penalty <= DCL_PENALTY_DROPBLOCK; problem.penalty++)
        ASSERT_FAILS(dcl_certify(&problem, u, v, 1, NULL, &found, &error), DCL_ENUMERIC, "NaN or infinity");
}
END_TEST

/* Neither lambda times anything nor its square needs to be a number. */
START_TEST(a_huge_lambda_is_certified)
{
    const double y[] = {1, 2};
    const dcl_matrix matrix = {1, 2, DCL_F64, y};
    dcl_problem problem = {.data = &matrix, .loss = DCL_LOSS_SQUARED, .lambda = 1e300, .penalty = DCL_PENALTY_NUCLEAR};
    ck_assert_double_le(certify(&problem, NULL, NULL, 0).relative_gap, 1e-12);
}
END_TEST

/* An objective of infinity has any bound beside it. */
START_TEST(an_objective_that_is_no_number_is_not_certified)
{
    const double y[] = {1, 2}, u[] = {10}, v[] = {10, 10};
    const dcl_matrix matrix = {1, 2, DCL_F64, y};
    dcl_problem problem = {.data = &matrix, .loss = DCL_LOSS_SQUARED, .lambda = 1e307, .block = 1};
    dcl_certificate found;
    dcl_error error;
    for (problem.penalty = DCL_PENALTY_NUCLEAR; problem.penalty <= DCL_PENALTY_DROPBLOCK; problem.penalty++)
        ASSERT_FAILS(dcl_certify(&problem, u, v, 1, NULL, &found, &error), DCL_ENUMERIC, "lambda are too large");
}
END_TEST

Suite *certificate_suite(void)
{
    const TTest *const tests[] = {
        the_gap_follows_the_distance, an_estimate_from_below_would_break_the_bound,
        balanced_factors_of_dropout_are_certified, small_units_count_for_the_rank_of_dropout,
        zero_is_certified_at_once_where_lambda_is_large,
        without_a_penalty_the_bound_is_zero, no_entries_and_no_numbers_make_a_gap_of_zero,
        units_are_weighed_as_they_are, a_probable_bound_is_as_near_as_it_is_asked_to_be,
        what_makes_no_problem_is_refused,
        factors_that_are_no_numbers_or_not_allowed_are_refused, rows_without_entries_hold_numbers_too,
        a_huge_lambda_is_certified, an_objective_that_is_no_number_is_not_certified, NULL};
    Suite *suite = make_suite("certificate", NULL, NULL, tests);
    TCase *loops = tcase_create("loops");
    tcase_set_timeout(loops, 60);
    tcase_add_loop_test(loops, the_bound_is_never_above_the_optimum_and_is_there_at_the_optimum, 0, CASES);
    tcase_add_loop_test(loops, the_bound_counts_every_rounding, 0, ROWS(part_cases));
    tcase_add_loop_test(loops, bounds_without_a_formula_stay_below_what_is_reached, 0, 2);
    tcase_add_loop_test(loops, sums_of_squares_are_bounded_by_their_closed_forms, 0, 4);
    suite_add_tcase(suite, loops);
    return suite;
}
