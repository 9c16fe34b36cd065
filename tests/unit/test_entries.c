/* test_entries.c: losses at known entries, where all entries are known: against the fused dense residual, with and
 * without vectors. What else a pattern can be is in the cases of ops/sparse.c. */
#include <math.h>
#include <stdlib.h>

#include "common.h"

Suite *entries_suite(void);

typedef struct problem {
    int64_t m, n, width;
} problem;

/* Rows shorter and longer than a vector and than a part; a width that fills no vector, and one that takes more vectors
 * than are held at once. */
static const problem problems[] = {{5, 7, 10}, {3, 1000, 10}, {1000, 3, 10}, {1, 2000, 10}, {40, 50, 131}};

static void setup(void)
{
    open_ops();
}

static void open_with(const char *variant)
{
    setenv("DROPCL_GEMM", variant, 1);
    close_ops();
    open_device();
}

/* ---- A full matrix as a pattern ---- */

static dcl_value add_entries(dcl_graph *graph, int64_t m, int64_t n, dcl_value u, dcl_value v)
{
    const int64_t count = m * n, starts = m + 1, across = n + 1, pairs[] = {count, 2};
    const dcl_value inputs[] = {
        u, v, dcl_graph_input(graph, "value", DCL_REAL, 1, &count),
        dcl_graph_input(graph, "start", DCL_I64, 1, &starts), dcl_graph_input(graph, "column", DCL_I64, 1, &count),
        dcl_graph_input(graph, "column_start", DCL_I64, 1, &across),
        dcl_graph_input(graph, "by_column", DCL_I64, 2, pairs)};
    return dcl_graph_apply(graph, NULL, "entries_residual", inputs, 7, NULL);
}

static void feed_indices(dcl_session *session, int64_t m, int64_t n)
{
    const int64_t count = m * n;
    int64_t *start = calloc((size_t)m + 1, sizeof *start), *column = calloc((size_t)count, sizeof *column);
    int64_t *across = calloc((size_t)n + 1, sizeof *across), *pairs = calloc((size_t)count, 2 * sizeof *pairs);
    for (int64_t i = 0; i <= m; i++)
        start[i] = i * n;
    for (int64_t j = 0; j <= n; j++)
        across[j] = j * m;
    for (int64_t e = 0; e < count; e++) {
        column[e] = e % n;
        pairs[2 * e] = e % m;
        pairs[2 * e + 1] = e % m * n + e / m;
    }
    ck_assert_int_eq(dcl_session_feed(session, "start", DCL_I64, start, NULL), DCL_OK);
    ck_assert_int_eq(dcl_session_feed(session, "column", DCL_I64, column, NULL), DCL_OK);
    ck_assert_int_eq(dcl_session_feed(session, "column_start", DCL_I64, across, NULL), DCL_OK);
    ck_assert_int_eq(dcl_session_feed(session, "by_column", DCL_I64, pairs, NULL), DCL_OK);
    free(start);
    free(column);
    free(across);
    free(pairs);
}

/* ---- Against the dense residual ---- */

static void add_both(dcl_graph *graph, const problem *p)
{
    static const char *const names[][2] = {{"dense loss", "loss"}, {"dense u", "u"}, {"dense v", "v"}};
    const dcl_value values[] = {
        matrix_parameter(graph, "Y", p->m, p->n, (dcl_initial){.deviation = 1, .stream = 7}),
        matrix_parameter(graph, "U", p->m, p->width, (dcl_initial){.deviation = 1, .stream = 8}),
        matrix_parameter(graph, "V", p->n, p->width, (dcl_initial){.deviation = 1, .stream = 9})};
    const dcl_value dense = dcl_graph_apply(graph, NULL, "low_rank_residual", values, 3, NULL);
    const dcl_value entries = add_entries(graph, p->m, p->n, values[1], values[2]);
    for (int i = 0; i < 3; i++) {
        dcl_graph_result(graph, names[i][0], dense ? dense + i : 0);
        dcl_graph_result(graph, names[i][1], entries ? entries + i : 0);
    }
}

static void assert_close(dcl_session *session, const char *wanted, const char *found, double allowed)
{
    const int64_t count = dcl_session_tensor(session, wanted)->count;
    double *one = calloc((size_t)count, sizeof *one), *two = calloc((size_t)count, sizeof *two), most = 0, largest = 0;
    fetch(session, wanted, one);
    fetch(session, found, two);
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, isnan(two[i]) ? INFINITY : fabs(one[i] - two[i]));
        largest = fmax(largest, fabs(one[i]));
    }
    free(one);
    free(two);
    ck_assert_msg(most <= allowed * largest, "%s: off by %.2e of %.2e", found, most, largest);
}

static void assert_same(const problem *p, uint32_t dtype)
{
    const double allowed = dtype == DCL_F64 ? 1e-13 : 1e-5;
    dcl_graph *graph = new_graph(dtype);
    add_both(graph, p);
    dcl_session *session = new_session(graph);
    double *y = calloc((size_t)(p->m * p->n), sizeof *y);
    fetch(session, "Y", y);
    feed(session, "value", y);
    feed_indices(session, p->m, p->n);
    assert_close(session, "dense loss", "loss", allowed);
    assert_close(session, "dense u", "u", allowed);
    assert_close(session, "dense v", "v", allowed);
    free(y);
    dcl_session_free(session);
    dcl_graph_free(graph);
}

static void assert_all_same(const char *variant)
{
    open_with(variant);
    for (int i = 0; i < ROWS(problems); i++) {
        assert_same(&problems[i], DCL_F32);
        if (dcl_device_describe(device)->fp64)
            assert_same(&problems[i], DCL_F64);
    }
    close_device();
}

START_TEST(with_vectors_all_entries_are_the_dense_residual)
{
    assert_all_same("packed");
}
END_TEST

START_TEST(without_vectors_all_entries_are_the_dense_residual)
{
    assert_all_same("plain");
}
END_TEST

/* A plain sum in single precision is 9865. */
START_TEST(the_loss_of_a_million_entries_keeps_six_digits)
{
    enum { SIDE = 1000 };
    open_with("packed");
    dcl_graph *graph = new_graph(DCL_F32);
    const dcl_value u = matrix_parameter(graph, "U", SIDE, 2, (dcl_initial){0});
    const dcl_value v = matrix_parameter(graph, "V", SIDE, 2, (dcl_initial){0});
    dcl_graph_result(graph, "loss", add_entries(graph, SIDE, SIDE, u, v));
    dcl_session *session = new_session(graph);
    double *values = calloc(SIDE * SIDE, sizeof *values), loss;
    for (int64_t i = 0; i < SIDE * SIDE; i++)
        values[i] = 0.1;
    feed(session, "value", values);
    feed_indices(session, SIDE, SIDE);
    fetch(session, "loss", &loss);
    ck_assert_double_eq_tol(loss, 10000, 10000 * 1e-6);
    free(values);
    dcl_session_free(session);
    dcl_graph_free(graph);
    close_device();
}
END_TEST

Suite *entries_suite(void)
{
    return make_suite("entries", setup, close_ops, (const TTest *[]){
        with_vectors_all_entries_are_the_dense_residual, without_vectors_all_entries_are_the_dense_residual,
        the_loss_of_a_million_entries_keeps_six_digits, NULL});
}
