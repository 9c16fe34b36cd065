/* test_residual.c: the fused low-rank residual against the plain graph of mask, product, difference and square,
 * by tiles and by slabs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *residual_suite(void);

typedef struct problem {
    int64_t m, n, width, block;
    double retain;
    int64_t row_masks;           /* 0: one mask for all; of every row of u (1) or v (2)               */
} problem;

/* Below and across the sizes of tiles and bands; widths that fill vectors and that do not. */
static const problem problems[] = {
    {1, 1, 1, 1, 1, 0},         {5, 7, 3, 1, 0.5, 0},      {97, 250, 16, 1, 0.5, 0},   {200, 331, 33, 1, 0.8, 0},
    {331, 64, 96, 1, 1, 0},     {250, 97, 40, 4, 0.6, 0},  {64, 300, 5, 1, 0.001, 0},  {13, 500, 129, 3, 0.9, 0},
    {1, 1, 1, 1, 0.5, 1},       {5, 7, 3, 1, 0.5, 2},      {97, 250, 16, 1, 0.5, 1},   {97, 250, 16, 1, 0.5, 2},
    {331, 64, 96, 1, 1, 1},     {250, 97, 40, 4, 0.6, 1},  {250, 97, 42, 4, 0.6, 2},   {64, 300, 5, 1, 0.001, 1},
    {200, 331, 257, 1, 0.5, 1}, {331, 200, 129, 3, 0.9, 2},
};

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

/* The oracle: loss and gradients by ordinary nodes. */
static void add_plain(dcl_graph *graph, const problem *p, const dcl_value values[3])
{
    const int64_t rows[] = {1, p->m, p->n}, shape[] = {rows[p->row_masks], p->width};
    const dcl_setting mask[] = {{.name = "shape", .list = shape, .count = 2}, {.name = "retain", .number = p->retain},
                                {.name = "block", .integer = p->block}, {.name = "stream", .integer = 3}, {0}};
    const dcl_setting across[] = {{.name = "transpose_b", .integer = 1}, {0}};
    dcl_value kept = dcl_graph_apply(graph, NULL, "mask", NULL, 0, mask), factors[] = {values[1], values[2]};
    const int masked = p->row_masks == 2;
    factors[masked] = binary(graph, "multiply", factors[masked], kept);
    dcl_value product = dcl_graph_apply(graph, NULL, "matmul", factors, 2, across);
    dcl_value loss = binary(graph, "squared_error", product, values[0]), gradients[2] = {0, 0};
    dcl_graph_gradient(graph, loss, &values[1], 2, gradients);
    dcl_graph_result(graph, "plain loss", loss);
    dcl_graph_result(graph, "plain u", gradients[0]);
    dcl_graph_result(graph, "plain v", gradients[1]);
}

static void add_fused(dcl_graph *graph, const problem *p, const dcl_value values[3])
{
    const dcl_setting settings[] = {{.name = "retain", .number = p->retain}, {.name = "block", .integer = p->block},
                                    {.name = "stream", .integer = 3},
                                    {.name = "row_masks", .integer = p->row_masks}, {0}};
    dcl_value fused = dcl_graph_apply(graph, NULL, "low_rank_residual", values, 3, settings);
    dcl_graph_result(graph, "fused loss", fused);
    dcl_graph_result(graph, "fused u", fused ? fused + 1 : 0);
    dcl_graph_result(graph, "fused v", fused ? fused + 2 : 0);
    dcl_graph_result(graph, "error loss", dcl_graph_apply(graph, NULL, "low_rank_error", values, 3, settings));
}

/* The largest difference, relative to the largest element. */
static double difference(dcl_session *session, const char *one, const char *two)
{
    const int64_t count = dcl_session_tensor(session, one)->count;
    double *first = calloc((size_t)count, sizeof *first), *second = calloc((size_t)count, sizeof *second);
    double most = 0, largest = 1e-300;
    fetch(session, one, first);
    fetch(session, two, second);
    for (int64_t i = 0; i < count; i++) {
        most = fmax(most, isnan(second[i]) ? INFINITY : fabs(first[i] - second[i]));
        largest = fmax(largest, fabs(first[i]));
    }
    free(first);
    free(second);
    return most / largest;
}

static void assert_same(const problem *p, uint32_t dtype)
{
    static const char *const pairs[][2] = {{"plain loss", "fused loss"}, {"plain loss", "error loss"},
                                           {"plain u", "fused u"}, {"plain v", "fused v"}};
    const double allowed = dtype == DCL_F64 ? 1e-13 : 1e-5;
    dcl_graph *graph = new_graph(dtype);
    const dcl_value values[] = {
        matrix_parameter(graph, "Y", p->m, p->n, (dcl_initial){.deviation = 1, .stream = 7}),
        matrix_parameter(graph, "U", p->m, p->width, (dcl_initial){.deviation = 1, .stream = 8}),
        matrix_parameter(graph, "V", p->n, p->width, (dcl_initial){.deviation = 1, .stream = 9})};
    add_plain(graph, p, values);
    add_fused(graph, p, values);
    dcl_session *session = new_session(graph);
    for (int at = 0; at < 3; at++) {     /* other masks: with other numbers of kept units */
        dcl_session_set_steps(session, at);
        for (int i = 0; i < ROWS(pairs); i++) {
            double found = difference(session, pairs[i][0], pairs[i][1]);
            ck_assert_msg(found <= allowed, "%ldx%ld width %ld, row masks %ld, step %d, %s: off by %.2e",
                          (long)p->m, (long)p->n, (long)p->width, (long)p->row_masks, at, pairs[i][1], found);
        }
    }
    dcl_session_free(session);
    dcl_graph_free(graph);
}

static void assert_all_same(const char *variant, uint32_t dtype)
{
    open_with(variant);
    if (dtype == DCL_F32 || dcl_device_describe(device)->fp64)
        for (int i = 0; i < ROWS(problems); i++)
            assert_same(&problems[i], dtype);
    close_device();
}

START_TEST(tiles_equal_the_plain_graph_in_single_precision)
{
    assert_all_same("packed", DCL_F32);
}
END_TEST

START_TEST(tiles_equal_the_plain_graph_in_double_precision)
{
    assert_all_same("packed", DCL_F64);
}
END_TEST

START_TEST(slabs_equal_the_plain_graph_in_single_precision)
{
    assert_all_same("plain", DCL_F32);
}
END_TEST

START_TEST(slabs_equal_the_plain_graph_in_double_precision)
{
    assert_all_same("plain", DCL_F64);
}
END_TEST

/* 2000 x 3000 residuals take more than the room of one slab. */
START_TEST(several_slabs_equal_the_plain_graph)
{
    open_with("plain");
    for (int row_masks = 0; row_masks <= 2; row_masks++)
        assert_same(&(problem){2000, 3000, 4, 1, 0.7, row_masks}, DCL_F32);
    close_device();
}
END_TEST

Suite *residual_suite(void)
{
    return make_suite("residual", setup, close_ops, (const TTest *[]){
        tiles_equal_the_plain_graph_in_single_precision, tiles_equal_the_plain_graph_in_double_precision,
        slabs_equal_the_plain_graph_in_single_precision, slabs_equal_the_plain_graph_in_double_precision,
        several_slabs_equal_the_plain_graph, NULL});
}
