/* test_expectations.c: losses of every kind of noise have its explicit objective for a mean, and no other, and scatter
 * around it as independent draws do.
 *
 * Seeds are 1, 2, 3, ..., and bounds come from the statistics alone: a right program would fail one of the 50 checks
 * below for one choice of seeds in a hundred. The same seed gives all kinds the same words, so that kinds deviate
 * together; what looks unlikely twice may have happened once. */
#include <math.h>
#include <string.h>

#include "common.h"

Suite *expectations_suite(void);

enum { M = 12, N = 10, FEATURES = 8, R = 6, SEEDS = 50, DRAWS = 200 };

/* What chance exceeds with probability 1e-4: a standard normal number on either side, and the sum of SEEDS squares. */
static const double MOST = 3.72, LEAST_SQUARES = 21.0, MOST_SQUARES = 95.97;

static double y[M * N], x[FEATURES * N], factor[R * R];

static const dcl_factorize_options kinds[] = {
    {.noise = DCL_NOISE_DROPOUT},
    {.noise = DCL_NOISE_DROPOUT, .mask = DCL_MASK_SAMPLE},
    {.noise = DCL_NOISE_DROPOUT, .variable_rate = 1, .retain = 0.95},
    {.noise = DCL_NOISE_DROPBLOCK, .block = 2},
    {.noise = DCL_NOISE_DROPBLOCK, .block = 3, .mask = DCL_MASK_SAMPLE},
    {.noise = DCL_NOISE_DROPBLOCK, .block = 3, .variable_rate = 1, .retain = 0.9},
    {.noise = DCL_NOISE_DROPCONNECT, .side = DCL_SIDE_LEFT},
    {.noise = DCL_NOISE_DROPCONNECT, .side = DCL_SIDE_RIGHT},
    {.noise = DCL_NOISE_DROPCONNECT, .side = DCL_SIDE_BOTH, .retain_right = 0.8},
    {.noise = DCL_NOISE_CORRELATED, .mask_factor = factor, .mask_factor_columns = R},
    {.noise = DCL_NOISE_CORRELATED, .mask_factor = factor, .mask_factor_columns = R, .mask = DCL_MASK_SAMPLE},
};

static void set_up(void)
{
    open_device();
    draw(1, y, M * N);
    draw(2, x, FEATURES * N);
    draw(3, factor, R * R);
    for (int i = 0; i < R; i++)
        factor[i * R + i] += 1;
    for (int i = 0; i < FEATURES * N; i++)
        x[i] += 1;               /* rows far from orthogonal: XX' is not its diagonal */
}

/* A run at its 30th step: where it stands, and what it sees there. W = X'V, for V as it is trained: beside
 * orthonormal rows instead of X (then W = V), or for masks on V beside the rows of X with length 1. */
typedef struct view {
    dcl_noise noise;
    int scaled;                  /* beside rows of length 1 */
    double u[M * R], v[N * R], w[N * R];
    double mean, deviation, objective;   /* of the losses; explicit */
} view;

static double row_length(int row)
{
    double sum = 0;
    for (int sample = 0; sample < N; sample++)
        sum += x[row * N + sample] * x[row * N + sample];
    return sqrt(sum);
}

static void fetch_factors(dcl_factorization *made, int has_x, view *seen)
{
    seen->scaled = has_x && seen->noise.lambda_entry > 0;
    fetch(dcl_factorization_session(made), "U.iterate", seen->u);
    fetch(dcl_factorization_session(made), "V.iterate", seen->v);
    memcpy(seen->w, seen->v, sizeof seen->w);
    for (int at = 0; at < N * R && seen->scaled; at++) {
        seen->w[at] = 0;
        for (int k = 0; k < FEATURES; k++)
            seen->w[at] += x[k * N + at / R] / row_length(k) * seen->v[k * R + at % R];
    }
}

static view look(const dcl_factorize_options *kind, int has_x, uint64_t seed)
{
    const dcl_matrix data = {M, N, DCL_F64, y}, inputs = {FEATURES, N, DCL_F64, x};
    dcl_factorize_options options = *kind;
    dcl_factorization *made = NULL;
    dcl_error error;
    view seen = {.scaled = 0};
    options.solver = DCL_SOLVER_STOCHASTIC;
    options.retain = kind->retain > 0 ? kind->retain : 0.6;
    options.lambda = -1;
    options.width = R;
    options.seed = seed;
    options.inputs = has_x ? &inputs : NULL;
    ASSERT_OK(dcl_noise_resolve(&options, &seen.noise, &error));
    ASSERT_OK(dcl_factorization_create(ops, device, &data, &options, &made, &error));
    step(dcl_factorization_session(made), 30);
    ASSERT_OK(dcl_factorization_expectation(made, DRAWS, &seen.mean, &seen.deviation, &seen.objective, &error));
    fetch_factors(made, has_x, &seen);
    dcl_factorization_free(made);
    return seen;
}

/* ---- Penalties, right and wrong ---- */

enum { RIGHT, SCALED, NORMS, ALONE, UNCOUPLED, UNWEIGHTED, FORMULAS };

static const char *const names[FORMULAS] = {
    "right", "1 - retain for (1 - retain) / retain", "the misprint |U_b|^2 |V_b|^2 for |U_b V_b'|^2",
    "lambda_v alone for lambda_v + lambda_u lambda_v", "the diagonal of C alone", "XX' for its diagonal",
};

static double product(const double *a, int rows, int i, int j)
{
    double sum = 0;
    for (int row = 0; row < rows; row++)
        sum += a[row * R + i] * a[row * R + j];
    return sum;
}

static double weight(const view *s, int formula, int i, int j)
{
    const dcl_noise *n = &s->noise;
    double sum = 0;
    if (n->kind != DCL_NOISE_CORRELATED)
        return i / n->block == j / n->block ? n->lambda_unit : 0;
    for (int q = 0; q < R; q++)
        sum += factor[i * R + q] * factor[j * R + q];
    return formula == UNCOUPLED && i != j ? 0 : sum * (1 - n->retain) / n->retain;
}

static double penalty(const view *s, int formula)
{
    const double entry = formula == ALONE ? 1 / s->noise.retain_right - 1 : s->noise.lambda_entry;
    double sum = 0;
    for (int i = 0; i < R; i++) {
        sum += entry * product(s->u, M, i, i) * product(formula == UNWEIGHTED ? s->w : s->v, N, i, i);
        for (int j = 0; j < R; j++)
            sum += weight(s, formula, i, j) * (formula == NORMS ? product(s->u, M, i, i) * product(s->w, N, j, j)
                                                                : product(s->u, M, i, j) * product(s->w, N, i, j));
    }
    return formula == SCALED ? sum * s->noise.retain : sum;
}

/* Whether a formula is another one for this kind. */
static int differs(const view *s, int formula)
{
    const int both = s->noise.side == DCL_SIDE_BOTH && s->noise.kind == DCL_NOISE_DROPCONNECT;
    return formula == SCALED || (formula == NORMS && s->noise.block > 1) || (formula == ALONE && both) ||
           (formula == UNCOUPLED && s->noise.kind == DCL_NOISE_CORRELATED) || (formula == UNWEIGHTED && s->scaled);
}

/* ---- The deviation, from all masks that there are ---- */

/* The loss of one column under one mask: bit i of the mask keeps draw i. */
static double column_loss(const view *s, int column, int mask)
{
    double sum = 0;
    for (int row = 0; row < M; row++) {
        double difference = -y[row * N + column];
        for (int i = 0; i < R; i++)
            if (mask >> i / s->noise.block & 1)
                difference += s->u[row * R + i] * s->w[column * R + i] / s->noise.retain;
        sum += difference * difference;
    }
    return sum;
}

/* Adds the variance of the loss of some columns under one mask, and the fourth cumulant. */
static void add_cumulants(const view *s, int first, int last, double *variance, double *fourth)
{
    const int draws = R / (int)s->noise.block;
    double chance[1 << R], loss[1 << R] = {0}, mean = 0, square = 0, biquadrate = 0;
    for (int mask = 0; mask < 1 << draws; mask++) {
        chance[mask] = 1;
        for (int i = 0; i < draws; i++)
            chance[mask] *= mask >> i & 1 ? s->noise.retain : 1 - s->noise.retain;
        for (int column = first; column < last; column++)
            loss[mask] += column_loss(s, column, mask);
        mean += chance[mask] * loss[mask];
    }
    for (int mask = 0; mask < 1 << draws; mask++) {
        const double off = (loss[mask] - mean) * (loss[mask] - mean);
        square += chance[mask] * off;
        biquadrate += chance[mask] * off * off;
    }
    *variance += square;
    *fourth += biquadrate - 3 * square * square;
}

static int has_unit_draws(const view *s)
{
    return s->noise.kind == DCL_NOISE_DROPOUT || s->noise.kind == DCL_NOISE_DROPBLOCK;
}

/* The variance of the losses over the true one, less 1, in standard deviations of that over all seeds. */
static double variance_score(const view *views)
{
    double sum = 0, spread = 0;
    for (const view *s = views; s < views + SEEDS; s++) {
        const int columns = s->noise.mask == DCL_MASK_SAMPLE ? 1 : N;    /* that share a mask */
        double variance = 0, fourth = 0;
        for (int first = 0; first < N; first += columns)
            add_cumulants(s, first, first + columns, &variance, &fourth);
        sum += s->deviation * s->deviation / variance - 1;
        spread += (2 + fourth / (variance * variance)) / DRAWS;
    }
    return sum / sqrt(spread);
}

/* ---- Tests; the loop runs over kinds, first without X, then with it ---- */

static double score(const view *s)
{
    return (s->mean - s->objective) / (s->deviation / sqrt(DRAWS));
}

/* Another formula is as many standard errors away as no chance is. */
static void check_others(const view *views)
{
    for (int formula = SCALED; formula < FORMULAS; formula++) {
        double off = 0, variance = 0;
        for (const view *s = views; s < views + SEEDS; s++) {
            off += s->mean - (s->objective - penalty(s, RIGHT) + penalty(s, formula));
            variance += s->deviation * s->deviation / DRAWS;
        }
        if (differs(views, formula))
            ck_assert_msg(fabs(off) > 10 * sqrt(variance), "not told apart: %s", names[formula]);
    }
}

START_TEST(losses_scatter_around_the_objective)
{
    static view views[SEEDS];
    double sum = 0, squares = 0;
    for (int i = 0; i < SEEDS; i++) {
        views[i] = look(&kinds[_i / 2], _i % 2, (uint64_t)i + 1);
        ck_assert_double_gt(views[i].objective, penalty(&views[i], RIGHT));
        sum += score(&views[i]);
        squares += score(&views[i]) * score(&views[i]);
    }
    ck_assert_msg(fabs(sum / sqrt(SEEDS)) <= MOST, "the mean is %.2f standard errors off", sum / sqrt(SEEDS));
    ck_assert_msg(squares >= LEAST_SQUARES && squares <= MOST_SQUARES, "mean square %.2f, not about 1",
                  squares / SEEDS);
    check_others(views);
    if (has_unit_draws(views) && _i % 2 == 0)
        ck_assert_msg(fabs(variance_score(views)) <= MOST, "the variance is %.2f standard errors off",
                      variance_score(views));
}
END_TEST

Suite *expectations_suite(void)
{
    Suite *suite = suite_create("expectations");
    TCase *cases = tcase_create("kinds");
    tcase_add_checked_fixture(cases, set_up, close_device);
    tcase_set_timeout(cases, 300);
    tcase_add_loop_test(cases, losses_scatter_around_the_objective, 0, 2 * ROWS(kinds));
    suite_add_tcase(suite, cases);
    return suite;
}
