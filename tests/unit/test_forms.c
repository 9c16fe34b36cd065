/* test_forms.c: closed forms and lower bounds against direct minimisation that knows none of them. */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "minimise.h"

Suite *forms_suite(void);

enum { PROBLEMS = 240, STARTS = 8, FEW = 2, STEPS = 20000 };
#define TOLERANCE 1e-6       /* of a form, relative */
#define ATTAINED 1e-7        /* what is less above the convex value attains it */
enum { SIDE = 9, SAMPLES = 12, WIDTH = 12, FACTORS = 2 * SIDE * WIDTH };

/* ---- Random numbers and matrices ---- */

static uint64_t seed, drawn;

static void start_drawing(uint64_t new_seed)
{
    seed = new_seed;
    drawn = 0;
}

/* From (0, 1). */
static double uniform(void)
{
    uint32_t words[4];
    dcl_random_words(seed, 0, 0, drawn++, words);
    return (words[0] + 0.5) * 0x1p-32;
}

static int64_t integer(int64_t least, int64_t most)
{
    return least + (int64_t)(uniform() * (double)(most - least + 1));
}

static double normal(void)
{
    const double radius = sqrt(-2 * log(uniform()));
    return radius * cos(2 * acos(-1) * uniform());
}

/* `rows` orthonormal rows of `columns` numbers, rows <= columns (Gram and Schmidt, twice for the digits). */
static void draw_orthonormal(double *q, int64_t rows, int64_t columns)
{
    for (int64_t i = 0; i < rows; i++) {
        double *row = q + i * columns, square = 0;
        for (int64_t c = 0; c < columns; c++)
            row[c] = normal();
        for (int64_t k = 0; k < 2 * i; k++) {
            const double *other = q + k % i * columns;
            double product = 0;
            for (int64_t c = 0; c < columns; c++)
                product += row[c] * other[c];
            for (int64_t c = 0; c < columns; c++)
                row[c] -= product * other[c];
        }
        for (int64_t c = 0; c < columns; c++)
            square += row[c] * row[c];
        for (int64_t c = 0; c < columns; c++)
            row[c] /= sqrt(square);
    }
}

/* c (m x n) += a (m x k) b (k x n). */
static void multiply(double *c, const double *a, const double *b, int64_t m, int64_t k, int64_t n)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++)
            for (int64_t j = 0; j < n; j++)
                c[i * n + j] += a[i * k + l] * b[l * n + j];
}

/* c (m x n) += a' b, a (k x m), b (k x n). */
static void multiply_left_transposed(double *c, const double *a, const double *b, int64_t m, int64_t k, int64_t n)
{
    for (int64_t l = 0; l < k; l++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                c[i * n + j] += a[l * m + i] * b[l * n + j];
}

/* c (m x n) += a b', a (m x k), b (n x k). */
static void multiply_right_transposed(double *c, const double *a, const double *b, int64_t m, int64_t k, int64_t n)
{
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t l = 0; l < k; l++)
                c[i * n + j] += a[i * k + l] * b[j * k + l];
}

/* ---- Problems: ||Y - U V' X||^2 + <C, U'U o V'XX'V> + e sum |u_i|^2 v_i' diag(XX') v_i ---- */

typedef struct problem {
    dcl_factorize_options options;           /* the noise, as a caller asks for it */
    int64_t rows, columns, samples, width, block;
    double unit, entry;                      /* weights of the penalties of units and of single entries */
    double y[SIDE * SAMPLES], x[SIDE * SAMPLES], diagonal[SIDE];     /* diagonal: of XX' */
    double covariance[WIDTH * WIDTH], factor[WIDTH * WIDTH];         /* C; A of correlated noise */
    double values[SIDE], constant, energy;   /* singular values of Y on the rows of X; the rest of ||Y||^2; all */
    int64_t count;
    int has_inputs;
    double least;                            /* objective seen while searching */
} problem;

/* Falling values of four kinds, scaled by something from 1e-2 to 1e2. */
static void draw_spectrum(problem *p)
{
    const int64_t kind = integer(0, 3), rank = integer(1, p->count);
    const double ratio = 0.3 + 0.65 * uniform(), scale = pow(10, 4 * uniform() - 2);
    double value = 1;
    for (int64_t i = 0; i < p->count; i++) {
        if (kind == 0 || (kind == 1 && i % 2 == 0) || kind == 2)
            value *= kind == 2 ? 1 - 0.1 * uniform() : ratio;
        p->values[i] = kind == 3 && i >= rank ? 0 : value * scale;
        value *= kind == 3 ? ratio : 1;
    }
}

/* Y = Q S P O + G O' and X = L O with orthonormal rows O, O' of a square matrix: then Y X' (XX')^-1/2 has the
 * singular values S whatever L is. Without X the rows are those of the identity. */
static void draw_data(problem *p)
{
    double q[SIDE * SIDE] = {0}, right[SIDE * SIDE] = {0}, mixed[SIDE * SIDE] = {0}, mixer[SIDE * SIDE] = {0};
    double left[SIDE * SIDE] = {0}, o[SAMPLES * SAMPLES] = {0}, rest[SIDE * SAMPLES] = {0};
    const int64_t m = p->rows, n = p->columns, samples = p->samples;
    draw_orthonormal(q, p->count, m);
    draw_orthonormal(right, p->count, n);
    for (int64_t i = 0; i < p->count; i++)
        for (int64_t j = 0; j < m; j++)
            left[i * m + j] = p->values[i] * q[i * m + j];
    multiply_left_transposed(mixed, left, right, m, p->count, n);
    if (p->has_inputs)
        draw_orthonormal(o, samples, samples);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            mixer[i * n + j] = p->has_inputs ? 0.5 * normal() + 2 * (i == j) : i == j;
    for (int64_t i = 0; i < samples && !p->has_inputs; i++)
        o[i * samples + i] = 1;
    multiply(p->x, mixer, o, n, n, samples);
    multiply(p->y, mixed, o, m, n, samples);
    for (int64_t i = 0; i < m * (samples - n); i++) {
        rest[i] = 0.3 * p->values[0] * normal();
        p->constant += rest[i] * rest[i];
    }
    multiply(p->y, rest, o + n * samples, m, samples - n, samples);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < samples; j++)
            p->diagonal[i] += p->x[i * samples + j] * p->x[i * samples + j];
    for (int64_t i = 0; i < p->count; i++)
        p->energy += p->values[i] * p->values[i];
    p->energy += p->constant;
}

static double weight(double retain)
{
    return (1 - retain) / retain;
}

static int on_entries_of_v(const problem *p)
{
    return p->options.noise == DCL_NOISE_DROPCONNECT && p->options.side != DCL_SIDE_LEFT;
}

/* The weights of the kind's penalty (docs/theory.md), in which a rate that varies grows with the blocks. */
static void draw_noise(problem *p)
{
    dcl_factorize_options *o = &p->options;
    const int both = on_entries_of_v(p) && o->side == DCL_SIDE_BOTH, correlated = o->noise == DCL_NOISE_CORRELATED;
    o->lambda = -1;
    o->retain = 0.1 + 0.85 * uniform();
    o->retain_right = both ? 0.1 + 0.85 * uniform() : 0;
    o->variable_rate = uniform() < 0.3 && !both && !correlated;
    const double lambda = weight(o->retain) * (o->variable_rate ? (double)(p->width / p->block) : 1);
    p->unit = on_entries_of_v(p) && !both ? 0 : lambda;
    p->entry = !on_entries_of_v(p) ? 0 : both ? weight(o->retain_right) * (1 + lambda) : lambda;
    for (int64_t i = 0; i < p->width; i++)
        for (int64_t j = 0; j < p->width; j++) {
            p->covariance[i * p->width + j] = i / p->block == j / p->block && !correlated ? p->unit : 0;
            p->factor[i * p->width + j] = normal() + (i == j);
        }
    if (!correlated)
        return;
    o->mask_factor = p->factor;
    o->mask_factor_columns = p->width;
    multiply_right_transposed(p->covariance, p->factor, p->factor, p->width, p->width, p->width);
    for (int64_t i = 0; i < p->width * p->width; i++)
        p->covariance[i] *= lambda;
}

static void draw_problem(problem *p, int number, int kind)
{
    const int blocks = kind == DCL_NOISE_DROPBLOCK, connect = kind == DCL_NOISE_DROPCONNECT;
    start_drawing((uint64_t)number);
    *p = (problem){.options = {.noise = kind}, .rows = integer(2, SIDE), .columns = integer(2, SIDE),
                   .block = !blocks || uniform() < 0.1 ? 1 : integer(2, 3), .least = INFINITY};
    p->width = p->block * integer(1, blocks ? 4 : WIDTH);
    p->options.width = p->width;
    p->options.block = blocks ? p->block : 0;
    p->options.side = connect ? (int)integer(DCL_SIDE_LEFT, DCL_SIDE_BOTH) : 0;
    p->has_inputs = uniform() < 0.4;
    p->samples = p->has_inputs ? integer(p->columns, SAMPLES) : p->columns;
    p->count = p->rows < p->columns ? p->rows : p->columns;
    draw_spectrum(p);
    draw_data(p);
    draw_noise(p);
}

/* Kinds in turn, most often the one whose form is the hardest. */
static void draw_any_problem(problem *p, int number)
{
    static const int kinds[] = {DCL_NOISE_DROPBLOCK, DCL_NOISE_DROPOUT, DCL_NOISE_DROPBLOCK, DCL_NOISE_DROPCONNECT,
                                DCL_NOISE_DROPBLOCK, DCL_NOISE_CORRELATED};
    draw_problem(p, number, kinds[number % ROWS(kinds)]);
}

/* ---- The objective and its least value ---- */

/* The factors are U (rows x width), then V (columns x width). With H = V'X, E = U H - Y and W = C o HH':
 * dU = 2 E H' + 2 U W, dV = 2 X (E'U + H'(C o U'U)), both with the part of single entries added. */
static double evaluate(const double *factors, double *gradient, void *user)
{
    problem *p = user;
    const int64_t m = p->rows, n = p->columns, samples = p->samples, r = p->width;
    const double *u = factors, *v = factors + m * r, entry = p->entry;
    double h[WIDTH * SAMPLES] = {0}, e[SIDE * SAMPLES], outer[WIDTH * WIDTH] = {0}, gram[WIDTH * WIDTH] = {0};
    double pulled[SAMPLES * WIDTH] = {0}, value = 0;
    multiply_left_transposed(h, v, p->x, r, n, samples);
    for (int64_t i = 0; i < m * samples; i++)
        e[i] = -p->y[i];
    multiply(e, u, h, m, r, samples);
    multiply_right_transposed(outer, h, h, r, samples, r);
    multiply_left_transposed(gram, u, u, r, m, r);
    for (int64_t i = 0; i < m * samples; i++)
        value += e[i] * e[i];
    memset(gradient, 0, (size_t)((m + n) * r) * sizeof *gradient);
    for (int64_t i = 0; i < r; i++) {
        double weighed = 0;
        for (int64_t a = 0; a < n; a++) {
            weighed += p->diagonal[a] * v[a * r + i] * v[a * r + i];
            gradient[(m + a) * r + i] = entry * p->diagonal[a] * v[a * r + i] * gram[i * r + i];
        }
        value += entry * gram[i * r + i] * weighed;
        for (int64_t a = 0; a < m; a++)
            gradient[a * r + i] = entry * u[a * r + i] * weighed;
    }
    for (int64_t i = 0; i < r * r; i++) {
        value += p->covariance[i] * gram[i] * outer[i];
        gram[i] *= p->covariance[i];
        outer[i] *= p->covariance[i];
    }
    multiply_right_transposed(gradient, e, h, m, samples, r);
    multiply(gradient, u, outer, m, r, r);
    multiply_left_transposed(pulled, e, u, samples, m, r);
    multiply_left_transposed(pulled, h, gram, samples, r, r);
    multiply(gradient + m * r, p->x, pulled, n, samples, r);
    for (int64_t i = 0; i < (m + n) * r; i++)
        gradient[i] *= 2;
    p->least = fmin(p->least, value);
    return value;
}

/* The least of what descents from `starts` places reach. */
static double search(problem *p, int starts)
{
    double factors[FACTORS] = {0}, least = INFINITY;
    const int64_t numbers = (p->rows + p->columns) * p->width;
    for (int start = 0; start < starts; start++) {
        const double size = sqrt(sqrt(p->energy)) * (0.1 + 0.5 * uniform());
        for (int64_t i = 0; i < numbers; i++)
            factors[i] = size * normal();
        least = fmin(least, minimise(evaluate, p, factors, numbers, STEPS));
    }
    return least;
}

START_TEST(the_gradient_is_that_of_the_objective)
{
    problem p;
    double factors[FACTORS] = {0}, gradient[FACTORS], unused[FACTORS];
    draw_any_problem(&p, _i);
    const int64_t numbers = (p.rows + p.columns) * p.width;
    for (int64_t i = 0; i < numbers; i++)
        factors[i] = normal();
    double value = evaluate(factors, gradient, &p), step = 1e-5;
    for (int64_t i = 0; i < numbers; i++) {
        const double kept = factors[i];
        factors[i] = kept + step;
        double above = evaluate(factors, unused, &p);
        factors[i] = kept - step;
        double below = evaluate(factors, unused, &p);
        factors[i] = kept;
        ck_assert_double_eq_tol((above - below) / (2 * step), gradient[i], 1e-7 * (value + 1));
    }
}
END_TEST

/* ---- Forms against searches ---- */

/* The least gamma with V' diag(XX') V >= gamma V'XX'V: 1 / the largest eigenvalue of XX' scaled to a diagonal of 1. */
static double entry_ratio(const problem *p)
{
    double scaled[SIDE * SIDE] = {0}, values[SIDE];
    const int64_t n = p->columns;
    multiply_right_transposed(scaled, p->x, p->x, n, p->samples, n);
    for (int64_t i = 0; i < n * n; i++)
        scaled[i] /= sqrt(p->diagonal[i / n] * p->diagonal[i % n]);
    ck_assert_int_eq(LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', (lapack_int)n, scaled, (lapack_int)n, values), 0);
    return 1 / values[n - 1];
}

/* Noise on single entries of V sees XX' by its diagonal alone, and correlated noise has no closed form. */
static int has_form(const problem *p)
{
    return p->options.noise != DCL_NOISE_CORRELATED && !(p->has_inputs && p->entry > 0);
}

static dcl_optimum form(const problem *p, double *shrunk)
{
    dcl_noise noise;
    dcl_error error;
    ASSERT_OK(dcl_noise_resolve(&p->options, &noise, &error));
    if (p->has_inputs && p->entry > 0)
        noise.lambda = noise.lambda_unit + entry_ratio(p) * noise.lambda_entry;
    return dcl_noise_optimum(&noise, p->values, p->count, -1, 0, p->width, shrunk);
}

/* Squared-homogeneous penalties leave at the best product Z of every width: minimum = ||Y||^2 - <Y, Z>. */
static void check_shrunk(const problem *p, const dcl_optimum *optimum, const double *shrunk)
{
    double minimum = p->energy - p->constant;
    for (int64_t i = 0; i < p->count; i++)
        minimum -= p->values[i] * shrunk[i];
    ck_assert_double_eq_tol(minimum, optimum->minimum, 1e-13 * p->energy);
}

START_TEST(closed_forms_are_the_least_objectives)
{
    int forms = 0, missed = 0;
    for (int number = 0; number < PROBLEMS; number++) {
        problem p;
        double shrunk[SIDE];
        draw_any_problem(&p, number);
        const dcl_optimum optimum = form(&p, shrunk);
        const double minimum = optimum.minimum + p.constant, found = search(&p, has_form(&p) ? STARTS : FEW);
        check_shrunk(&p, &optimum, shrunk);
        ck_assert_msg(p.least >= minimum - 1e-12 * p.energy, "problem %d: %.17g is below the bound %.17g", number,
                      p.least, minimum);
        if (has_form(&p) && !optimum.inexact) {
            ck_assert_msg(found <= minimum * (1 + TOLERANCE), "problem %d: found %.17g, not %.17g", number, found,
                          minimum);
            forms++;
        }
        if (optimum.attained == DCL_NOT_ATTAINED) {
            ck_assert_msg(found > (minimum - optimum.convex_gap) * (1 + ATTAINED), "problem %d attains %.17g", number,
                          minimum - optimum.convex_gap);
            missed++;
        }
    }
    ck_assert_int_ge(forms, 150);
    ck_assert_int_ge(missed, 10);
}
END_TEST

/* ---- Training on a device against forms ---- */

/* Everything that a solver reports, but for what belongs to the factorization. */
static dcl_factorize_result train(const problem *p, int solver)
{
    const dcl_matrix y = {p->rows, p->samples, DCL_F64, p->y}, x = {p->columns, p->samples, DCL_F64, p->x};
    dcl_factorize_options options = p->options;
    dcl_factorization *made = NULL;
    dcl_factorize_result result;
    dcl_error error;
    options.solver = solver;
    options.seed = 1;
    options.inputs = p->has_inputs ? &x : NULL;
    ASSERT_OK(dcl_factorization_create(ops, device, &y, &options, &made, &error));
    ASSERT_OK(dcl_factorization_run(made, &error));
    ASSERT_OK(dcl_factorization_finish(made, &result, &error));
    dcl_factorization_free(made);
    return result;
}

START_TEST(explicit_training_reaches_the_forms)
{
    int trained = 0;
    for (int number = 4 * _i; number < 4 * (_i + 1); number++) {
        problem p;
        draw_any_problem(&p, number);
        if (!has_form(&p))
            continue;
        const dcl_factorize_result result = train(&p, DCL_SOLVER_EXPLICIT);
        const dcl_optimum *optimum = &result.optimum;
        ck_assert_double_ge(result.assessment.objective, optimum->minimum * (1 - 1e-12));
        if (optimum->inexact)
            continue;
        ck_assert_msg(result.assessment.objective <= optimum->minimum * (1 + TOLERANCE), "problem %d: %.17g, not %.17g",
                      number, result.assessment.objective, optimum->minimum);
        trained++;
    }
    ck_assert_int_ge(trained, 1);
}
END_TEST

START_TEST(blocks_attain_the_convex_value_exactly_when_reported)
{
    for (int number = 20 * _i; number < 20 * (_i + 1); number++) {
        problem p;
        draw_any_problem(&p, number);
        if (p.options.noise != DCL_NOISE_DROPBLOCK || p.block == 1)
            continue;
        const dcl_factorize_result result = train(&p, DCL_SOLVER_CLOSED_FORM);
        const dcl_optimum *optimum = &result.optimum;
        const double convex = optimum->minimum - optimum->convex_gap, found = search(&p, STARTS);
        const int attained = found <= convex * (1 + ATTAINED);
        ck_assert_msg(attained == (optimum->attained == DCL_ATTAINED), "problem %d: found %.17g, convex value %.17g, "
                      "reported %d", number, found, convex, optimum->attained);
        if (!optimum->inexact)
            ck_assert_double_le(result.assessment.objective, optimum->minimum * (1 + TOLERANCE));
        ck_assert_int_eq(optimum->inexact, optimum->attained != DCL_ATTAINED && p.width != 2 * p.block);
    }
}
END_TEST

Suite *forms_suite(void)
{
    Suite *suite = suite_create("forms");
    TCase *cases = tcase_create("forms");
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, the_gradient_is_that_of_the_objective, 0, 24);
    tcase_add_test(cases, closed_forms_are_the_least_objectives);
    suite_add_tcase(suite, cases);
    TCase *trained = tcase_create("trained");
    tcase_add_checked_fixture(trained, open_device, close_device);
    tcase_set_timeout(trained, 300);
    tcase_add_loop_test(trained, explicit_training_reaches_the_forms, 0, 20);
    tcase_add_loop_test(trained, blocks_attain_the_convex_value_exactly_when_reported, 0, 12);
    suite_add_tcase(suite, trained);
    return suite;
}
