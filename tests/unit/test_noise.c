/* test_noise.c: what noise costs in expectation, by graph, by host and by definition; its losses and gradients. */
#include <math.h>
#include <string.h>

#include "common.h"
#include "recipes/factorization/noise.h"

Suite *noise_suite(void);

enum { M = 5, N = 7, FEATURES = 4, R = 6, Q = 3, DRAWS = 2000 };

/* ---- Problems ---- */

static double factor_a[R * Q];

static const dcl_factorize_options kinds[] = {
    {.noise = DCL_NOISE_NONE, .retain = 0.4, .lambda = -1, .width = R},
    {.noise = DCL_NOISE_DROPOUT, .retain = 0.6, .lambda = -1, .width = R},
    {.noise = DCL_NOISE_DROPOUT, .retain = 0.6, .lambda = -1, .width = R, .mask = DCL_MASK_SAMPLE},
    {.noise = DCL_NOISE_DROPOUT, .retain = 0.9, .lambda = -1, .width = R, .variable_rate = 1},
    {.noise = DCL_NOISE_DROPBLOCK, .retain = 0.6, .lambda = -1, .width = R, .block = 2},
    {.noise = DCL_NOISE_DROPBLOCK, .retain = 0.7, .lambda = -1, .width = R, .block = 3, .mask = DCL_MASK_SAMPLE},
    {.noise = DCL_NOISE_DROPCONNECT, .retain = 0.6, .lambda = -1, .width = R},
    {.noise = DCL_NOISE_DROPCONNECT, .retain = 0.6, .lambda = -1, .width = R, .side = DCL_SIDE_RIGHT},
    {.noise = DCL_NOISE_DROPCONNECT, .retain = 0.6, .lambda = -1, .width = R, .side = DCL_SIDE_BOTH,
     .retain_right = 0.8},
    {.noise = DCL_NOISE_CORRELATED, .retain = 0.6, .lambda = -1, .width = R, .mask_factor = factor_a,
     .mask_factor_columns = Q},
    {.noise = DCL_NOISE_CORRELATED, .retain = 0.6, .lambda = -1, .width = R, .mask_factor = factor_a,
     .mask_factor_columns = Q, .mask = DCL_MASK_SAMPLE},
};

/* One kind of noise, with data X or without. */
typedef struct problem {
    int has_x;
    int64_t features;
    dcl_noise noise;
    double y[M * N], u[M * R], v[N * R], x[FEATURES * N], w[N * R];
} problem;

static problem make_problem(int kind, int has_x)
{
    problem p = {.has_x = has_x, .features = has_x ? FEATURES : N};
    dcl_error error;
    draw(1, p.y, M * N);
    draw(2, p.u, M * R);
    draw(3, p.v, N * R);
    draw(4, p.x, FEATURES * N);
    draw(5, factor_a, R * Q);
    ASSERT_OK(dcl_noise_resolve(&kinds[kind], &p.noise, &error));
    for (int s = 0; s < N; s++)
        for (int i = 0; i < R; i++) {
            p.w[s * R + i] = has_x ? 0 : p.v[s * R + i];
            for (int k = 0; k < FEATURES && has_x; k++)
                p.w[s * R + i] += p.x[k * N + s] * p.v[k * R + i];
        }
    return p;
}

/* ---- The penalty by definition: the variances of the entries of the product, added up ---- */

static double unit_covariance(const dcl_noise *n, int i, int j)
{
    double lambda = (1 - n->retain) / n->retain, sum = 0;
    if (n->kind != DCL_NOISE_CORRELATED)
        return i / n->block == j / n->block ? lambda : 0;
    for (int q = 0; q < Q; q++)
        sum += factor_a[i * Q + q] * factor_a[j * Q + q];
    return lambda * sum;
}

static double variance_by_units(const problem *p, int a, int s)
{
    double sum = 0;
    for (int i = 0; i < R; i++)
        for (int j = 0; j < R; j++)
            sum += unit_covariance(&p->noise, i, j) * p->u[a * R + i] * p->w[s * R + i] *
                   p->u[a * R + j] * p->w[s * R + j];
    return sum;
}

/* Entries are drawn independently: E(mask^2) is 1 / retain. */
static double variance_by_entries(const problem *p, int a, int s)
{
    const dcl_noise *n = &p->noise;
    const double square_u = n->side == DCL_SIDE_RIGHT ? 1 : 1 / n->retain;
    const double lambda_v = n->side == DCL_SIDE_LEFT ? 0 : 1 / n->retain_right - 1;
    double sum = 0;
    for (int i = 0; i < R; i++) {
        double u = p->u[a * R + i], w = p->w[s * R + i], square_w = w * w;
        for (int k = 0; k < p->features; k++) {
            double term = p->v[k * R + i] * (p->has_x ? p->x[k * N + s] : k == s);
            square_w += lambda_v * term * term;
        }
        sum += u * u * (square_u * square_w - w * w);
    }
    return sum;
}

static double penalty_by_definition(const problem *p)
{
    double sum = 0;
    for (int a = 0; a < M; a++)
        for (int s = 0; s < N; s++)
            sum += p->noise.kind == DCL_NOISE_DROPCONNECT ? variance_by_entries(p, a, s) : variance_by_units(p, a, s);
    return sum;
}

static dcl_assessment assess(const problem *p, double *values, double *products)
{
    const dcl_matrix y = {M, N, DCL_F64, p->y}, x = {FEATURES, N, DCL_F64, p->x};
    dcl_assessment found;
    dcl_error error;
    ASSERT_OK(dcl_noise_assess(&y, p->has_x ? &x : NULL, p->u, p->v, R, &p->noise, &found, values, products, &error));
    return found;
}

/* ---- Graphs ---- */

/* A session with the parameters and results that a test asks for. */
typedef struct bench {
    dcl_graph *graph;
    dcl_session *session;
} bench;

static bench open_bench(const problem *p, uint32_t dtype)
{
    const dcl__task task = {.rows = M, .columns = p->features, .width = R, .dtype = dtype, .lambda = p->noise.lambda,
                            .retain = 1 / (1 + p->noise.lambda), .noise = p->noise};
    bench b = {.graph = new_graph(dtype)};
    dcl_graph *g = b.graph;
    dcl_value u = matrix_parameter(g, "U", M, R, (dcl_initial){0});
    dcl_value v = matrix_parameter(g, "V", p->features, R, (dcl_initial){0});
    dcl_value y = dcl_graph_input(g, "Y", DCL_REAL, 2, (int64_t[]){M, N});
    dcl_value x = p->has_x ? dcl_graph_input(g, "X", DCL_REAL, 2, (int64_t[]){FEATURES, N}) : 0;
    dcl_value by_hand[2], by_graph[2];
    dcl_graph_result(g, "penalty", dcl__noise_regularizer(g, &task, u, v, x));
    dcl_graph_result(g, "objective", dcl__noise_objective(g, &task, y, u, v, x));
    dcl_value loss = dcl__noise_loss(g, &task, y, u, v, x, by_hand);
    dcl_graph_gradient(g, loss, (dcl_value[]){u, v}, 2, by_graph);
    dcl_graph_result(g, "loss", loss);
    dcl_graph_result(g, "hand u", by_hand[0]);
    dcl_graph_result(g, "hand v", by_hand[1]);
    dcl_graph_result(g, "graph u", by_graph[0]);
    dcl_graph_result(g, "graph v", by_graph[1]);
    b.session = new_session(g);
    feed(b.session, "U", p->u);
    feed(b.session, "V", p->v);
    feed(b.session, "Y", p->y);
    if (p->has_x)
        feed(b.session, "X", p->x);
    if (p->noise.kind == DCL_NOISE_CORRELATED)
        feed(b.session, "A", factor_a);
    return b;
}

static void close_bench(bench *b)
{
    dcl_session_free(b->session);
    dcl_graph_free(b->graph);
}

/* ---- Tests; the loop runs over kinds, first without X, then with it ---- */

START_TEST(graph_host_and_definition_agree)
{
    const problem p = make_problem(_i / 2, _i % 2);
    const double penalty = penalty_by_definition(&p);
    const dcl_assessment host = assess(&p, NULL, NULL);
    ck_assert_double_eq_tol(host.regularizer, penalty, 1e-13 * (penalty + 1));
    for (int single = 0; single < 2; single++) {
        bench b = open_bench(&p, single ? DCL_F32 : DCL_F64);
        const double room = (single ? 1e-5 : 1e-12) * host.objective;
        double found;
        fetch(b.session, "penalty", &found);
        ck_assert_double_eq_tol(found, penalty, room);
        fetch(b.session, "objective", &found);
        ck_assert_double_eq_tol(found, host.objective, room);
        close_bench(&b);
    }
}
END_TEST

START_TEST(gradients_are_those_of_the_loss)
{
    const problem p = make_problem(_i / 2, _i % 2);
    bench b = open_bench(&p, DCL_F64);
    double by_hand[N * R], by_graph[N * R];
    for (int at = 0; at < 3; at++) {
        dcl_session_set_steps(b.session, at);
        for (int side = 0; side < 2; side++) {
            fetch(b.session, side ? "hand v" : "hand u", by_hand);
            fetch(b.session, side ? "graph v" : "graph u", by_graph);
            for (int64_t i = 0; i < (side ? p.features : M) * R; i++)
                ck_assert_double_eq_tol(by_hand[i], by_graph[i], 1e-12 * (fabs(by_graph[i]) + 1));
        }
    }
    close_bench(&b);
}
END_TEST

START_TEST(losses_average_to_the_objective)
{
    const problem p = make_problem(_i / 2, _i % 2);
    const double objective = assess(&p, NULL, NULL).objective;
    bench b = open_bench(&p, DCL_F64);
    double sum = 0, squares = 0;
    for (int64_t at = 0; at < DRAWS; at++) {
        double loss;
        dcl_session_set_steps(b.session, at);
        fetch(b.session, "loss", &loss);
        sum += loss - objective;
        squares += (loss - objective) * (loss - objective);
    }
    const double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
    ck_assert_double_le(fabs(mean), 4 * deviation / sqrt(DRAWS) + 1e-12 * objective);
    if (p.noise.lambda > 0)      /* the penalty is seen at all */
        ck_assert_double_gt(objective - assess(&p, NULL, NULL).data_term, 10 * deviation / sqrt(DRAWS));
    close_bench(&b);
}
END_TEST

/* ||U_b W_b'||_F by forming the product. */
START_TEST(blocks_weigh_their_products)
{
    const problem p = make_problem(4, _i);
    double products[R / 2], values[R], largest = 0, mean = 0;
    const dcl_assessment found = assess(&p, values, products);
    for (int block = 0; block < R / 2; block++) {
        double square = 0;
        for (int a = 0; a < M; a++)
            for (int s = 0; s < N; s++) {
                double entry = 0;
                for (int i = 2 * block; i < 2 * block + 2; i++)
                    entry += p.u[a * R + i] * p.w[s * R + i];
                square += entry * entry;
            }
        ck_assert_double_eq_tol(products[block], sqrt(square), 1e-13);
        largest = fmax(largest, products[block]);
        mean += products[block] / (R / 2);
    }
    ck_assert_double_eq_tol(found.balance_error, largest / mean - 1, 1e-13);
}
END_TEST

START_TEST(rates_combine)
{
    dcl_noise n;
    dcl_error error;
    ASSERT_OK(dcl_noise_resolve(&kinds[3], &n, &error));
    ck_assert_double_eq_tol(n.lambda, R / 9.0, 1e-15);
    ck_assert_double_eq_tol(n.retain, 0.9 / (R - (R - 1) * 0.9), 1e-15);
    ASSERT_OK(dcl_noise_resolve(&kinds[8], &n, &error));
    ck_assert_double_eq_tol(n.lambda, (1 + 2 / 3.0) * 1.25 - 1, 1e-15);
    ck_assert_double_eq_tol(n.retain_right, 0.8, 1e-15);
    dcl_factorize_options blocks = kinds[4];
    blocks.variable_rate = 1;
    ASSERT_OK(dcl_noise_resolve(&blocks, &n, &error));
    ck_assert_double_eq_tol(n.lambda, R / 2 * (2 / 3.0), 1e-15);
}
END_TEST

START_TEST(more_features_than_lapack_counts_are_refused)
{
    const dcl_matrix y = {M, N, DCL_F64, NULL}, x = {(int64_t)1 << 31, N, DCL_F64, NULL};
    const dcl_noise noise = {.kind = DCL_NOISE_DROPOUT, .block = 1};
    dcl_assessment found;
    dcl_error error;
    ASSERT_FAILS(dcl_noise_assess(&y, &x, NULL, NULL, R, &noise, &found, NULL, NULL, &error), DCL_EINVAL, "rows");
}
END_TEST

START_TEST(contradictions_are_named)
{
    const struct { dcl_factorize_options options; const char *part; } faults[] = {
        {{.noise = DCL_NOISE_DROPBLOCK, .retain = 0.5, .width = 6, .block = 4}, "multiple of the block"},
        {{.noise = DCL_NOISE_DROPOUT, .retain = 0.5, .width = 6, .block = 2}, "only DropBlock"},
        {{.noise = DCL_NOISE_DROPCONNECT, .retain = 0.5, .width = 6, .mask = DCL_MASK_SAMPLE}, "noise on units"},
        {{.noise = DCL_NOISE_CORRELATED, .retain = 0.5, .width = 6}, "needs a factor"},
        {{.noise = DCL_NOISE_DROPOUT, .retain = 0, .width = 6}, "retain is 0"},
        {{.noise = DCL_NOISE_DROPOUT, .retain = 0.5, .retain_right = 0.5, .width = 6}, "both sides"},
        {{.noise = DCL_NOISE_DROPCONNECT, .side = DCL_SIDE_BOTH, .retain = 0.5, .width = 6, .variable_rate = 1},
         "varies"},
        {{.noise = 9, .retain = 0.5, .width = 6}, "constants of dropcl.h"},
    };
    dcl_noise noise;
    dcl_error error;
    for (int i = 0; i < ROWS(faults); i++)
        ASSERT_FAILS(dcl_noise_resolve(&faults[i].options, &noise, &error), DCL_EINVAL, faults[i].part);
}
END_TEST

/* ---- A run, asked for its expectation on the way ---- */

static dcl_factorization *start(const problem *p, const dcl_factorize_options *kind)
{
    const dcl_matrix y = {M, N, DCL_F64, p->y};
    dcl_factorize_options options = *kind;
    dcl_factorization *made = NULL;
    dcl_error error;
    options.solver = DCL_SOLVER_STOCHASTIC;
    options.steps = 40;
    options.seed = 3;
    ASSERT_OK(dcl_factorization_create(ops, device, &y, &options, &made, &error));
    return made;
}

START_TEST(an_expectation_changes_nothing)
{
    const problem p = make_problem(_i, 0);
    dcl_factorization *asked = start(&p, &kinds[_i]), *plain = start(&p, &kinds[_i]);
    dcl_factorize_result one, other;
    dcl_error error;
    double mean, deviation, objective;
    step(dcl_factorization_session(asked), 20);
    ASSERT_OK(dcl_factorization_expectation(asked, 500, &mean, &deviation, &objective, &error));
    ck_assert_double_le(fabs(mean - objective), 4 * deviation / sqrt(500) + 1e-12 * objective);
    ck_assert_int_eq(dcl_session_steps(dcl_factorization_session(asked)), 20);
    ASSERT_OK(dcl_factorization_run(asked, &error));
    ASSERT_OK(dcl_factorization_run(plain, &error));
    ASSERT_OK(dcl_factorization_finish(asked, &one, &error));
    ASSERT_OK(dcl_factorization_finish(plain, &other, &error));
    ck_assert_int_eq(memcmp(one.u, other.u, sizeof(double) * M * R), 0);
    ck_assert_int_eq(memcmp(one.v, other.v, sizeof(double) * N * R), 0);
    ASSERT_FAILS(dcl_factorization_expectation(asked, 1, &mean, &deviation, &objective, &error), DCL_EINVAL,
                 "2 to 2^30");
    dcl_factorization_free(asked);
    dcl_factorization_free(plain);
}
END_TEST

/* Two values are not 0, so that two units are left of R. */
START_TEST(the_optimum_is_that_of_the_units_that_are_left)
{
    double values[M * N] = {[0] = 5, [N + 1] = 4};
    const dcl_matrix y = {M, N, DCL_F64, values};
    dcl_factorize_options options = kinds[3];
    dcl_factorization *made = NULL;
    dcl_factorize_result result;
    dcl_error error;
    options.solver = DCL_SOLVER_CLOSED_FORM;
    ASSERT_OK(dcl_factorization_create(ops, device, &y, &options, &made, &error));
    ASSERT_OK(dcl_factorization_run(made, &error));
    ASSERT_OK(dcl_factorization_finish(made, &result, &error));
    ck_assert_int_eq(result.width, 2);
    ck_assert_double_eq_tol(result.optimum.lambda, result.noise.lambda, 1e-14);
    ck_assert_double_eq_tol(result.optimum.product, result.optimum.tau / result.noise.lambda, 1e-12);
    for (int i = 0; i < 2; i++)
        ck_assert_double_eq_tol(result.products[i], result.optimum.product, 1e-9);
    dcl_factorization_free(made);
}
END_TEST

static int end_once(void *user, const dcl_progress *progress)
{
    int *left = user;
    return progress->step > 3 && (*left)-- > 0;
}

START_TEST(a_run_that_was_ended_goes_on)
{
    const problem p = make_problem(0, 0);
    int left = 1;
    dcl_factorize_options options = kinds[0];
    options.progress = end_once;
    options.user = &left;
    dcl_factorization *made = start(&p, &options);
    dcl_error error;
    ASSERT_OK(dcl_factorization_run(made, &error));
    ck_assert_int_lt(dcl_session_steps(dcl_factorization_session(made)), 40);
    ASSERT_OK(dcl_factorization_run(made, &error));
    ck_assert_int_eq(dcl_session_steps(dcl_factorization_session(made)), 40);
    dcl_factorization_free(made);
}
END_TEST

START_TEST(steps_end_where_masks_would_come_again)
{
    const problem p = make_problem(0, 0);
    const dcl_matrix y = {M, N, DCL_F64, p.y};
    dcl_factorize_options options = kinds[0];
    dcl_factorization *made = NULL;
    dcl_error error;
    options.solver = DCL_SOLVER_STOCHASTIC;
    options.steps = ((int64_t)1 << 30) + 1;
    ASSERT_FAILS(dcl_factorization_create(ops, device, &y, &options, &made, &error), DCL_EINVAL, "at most 1073741824");
}
END_TEST

Suite *noise_suite(void)
{
    Suite *suite = suite_create("noise");
    TCase *cases = tcase_create("noise");
    tcase_add_checked_fixture(cases, open_device, close_device);
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, graph_host_and_definition_agree, 0, 2 * ROWS(kinds));
    tcase_add_loop_test(cases, gradients_are_those_of_the_loss, 0, 2 * ROWS(kinds));
    tcase_add_loop_test(cases, losses_average_to_the_objective, 0, 2 * ROWS(kinds));
    tcase_add_loop_test(cases, blocks_weigh_their_products, 0, 2);
    tcase_add_test(cases, rates_combine);
    tcase_add_test(cases, more_features_than_lapack_counts_are_refused);
    tcase_add_test(cases, contradictions_are_named);
    tcase_add_loop_test(cases, an_expectation_changes_nothing, 0, ROWS(kinds));
    tcase_add_test(cases, the_optimum_is_that_of_the_units_that_are_left);
    tcase_add_test(cases, a_run_that_was_ended_goes_on);
    tcase_add_test(cases, steps_end_where_masks_would_come_again);
    suite_add_tcase(suite, cases);
    return suite;
}
