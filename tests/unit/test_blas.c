/* test_blas.c: matrix products of every variant against sums in double precision, through the op matmul. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *blas_suite(void);

static const struct {
    int64_t m, n, k;
    double alpha, beta;
} products[] = {
    {1, 1, 1, 1, 1},  {3, 5, 7, 2, -1},    {17, 33, 65, -0.5, 0.25}, {1, 70, 31, 1, 0},
    {70, 1, 9, 1, 1}, {129, 131, 4, 1, 2}, {48, 63, 70, 0, 1},
};

enum { LARGEST = 129 * 131 };

static double a[LARGEST], b[LARGEST], c[LARGEST], found[LARGEST];

static void setup(void)
{
    unsetenv("DROPCL_GEMM");
    open_ops();
}

static void open_with(const char *variant)
{
    setenv("DROPCL_GEMM", variant, 1);
    close_ops();
    open_device();
}

/* The sum of row i and column j, and the sum of magnitudes that rounding errors go with. */
static double element(int64_t m, int64_t n, int64_t k, int ta, int tb, int64_t i, int64_t j,
                      double *magnitude)
{
    double sum = 0;
    *magnitude = 0;
    for (int64_t q = 0; q < k; q++) {
        double term = (ta ? a[q * m + i] : a[i * k + q]) * (tb ? b[j * k + q] : b[q * n + j]);
        sum += term;
        *magnitude += fabs(term);
    }
    return sum;
}

static void assert_product(int p, int ta, int tb, double precision)
{
    const int64_t m = products[p].m, n = products[p].n, k = products[p].k;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double magnitude, sum = element(m, n, k, ta, tb, i, j, &magnitude);
            double added = products[p].beta * c[i * n + j];
            double wanted = products[p].alpha * sum + added;
            double allowed = precision * (fabs(products[p].alpha) * magnitude + fabs(added));
            ck_assert_msg(fabs(found[i * n + j] - wanted) <= allowed,
                          "%ldx%ldx%ld, transposed %d %d: [%ld, %ld] is %.17g, not %.17g",
                          (long)m, (long)n, (long)k, ta, tb, (long)i, (long)j, found[i * n + j], wanted);
        }
}

/* Products of numbers that single precision holds exactly, so that only the summation rounds. */
static void draw_exact(uint64_t seed, double *data)
{
    draw(seed, data, LARGEST);
    for (int i = 0; i < LARGEST; i++)
        data[i] = (float)data[i];
}

static void run_product(uint32_t dtype, int p, int ta, int tb)
{
    const int64_t m = products[p].m, n = products[p].n, k = products[p].k;
    dcl_graph *graph = new_graph(dtype);
    dcl_value inputs[] = {
        matrix_parameter(graph, "a", ta ? k : m, ta ? m : k, (dcl_initial){0}),
        matrix_parameter(graph, "b", tb ? n : k, tb ? k : n, (dcl_initial){0}),
        matrix_parameter(graph, "c", m, n, (dcl_initial){0}),
    };
    const dcl_setting settings[] = {
        {.name = "transpose_a", .integer = ta}, {.name = "transpose_b", .integer = tb},
        {.name = "alpha", .number = products[p].alpha}, {.name = "beta", .number = products[p].beta}, {0},
    };
    dcl_graph_result(graph, "product", dcl_graph_apply(graph, NULL, "matmul", inputs, 3, settings));
    dcl_session *session = new_session(graph);
    feed(session, "a", a);
    feed(session, "b", b);
    feed(session, "c", c);
    fetch(session, "product", found);
    dcl_session_free(session);
    dcl_graph_free(graph);
}

static void assert_variant(const char *variant, uint32_t dtype, double precision)
{
    const char *name = NULL, *note = NULL;
    dcl_error error;
    open_with(variant);
    ASSERT_OK(dcl_device_gemm(device, dtype, &name, &note, &error));
    ck_assert_str_eq(name, variant);
    ck_assert_str_eq(note, "DROPCL_GEMM; self-test passed");
    draw_exact(1, a);
    draw_exact(2, b);
    draw_exact(3, c);
    for (int p = 0; p < ROWS(products); p++)
        for (int transposes = 0; transposes < 4; transposes++) {
            run_product(dtype, p, transposes & 1, transposes >> 1);
            assert_product(p, transposes & 1, transposes >> 1, precision);
        }
    close_device();
}

START_TEST(plain_is_right_in_single_precision)
{
    assert_variant("plain", DCL_F32, 4e-6);
}
END_TEST

START_TEST(plain_is_right_in_double_precision)
{
    assert_variant("plain", DCL_F64, 1e-14);
}
END_TEST

START_TEST(packed_is_right_in_single_precision)
{
    assert_variant("packed", DCL_F32, 4e-6);
}
END_TEST

START_TEST(packed_is_right_in_double_precision)
{
    assert_variant("packed", DCL_F64, 1e-14);
}
END_TEST

/* Small whole numbers, so that sums are exact in any order. */
static void fill_whole(int64_t rows, int64_t columns, int64_t by_row, int64_t by_column, double *matrix)
{
    for (int64_t i = 0; i < rows * columns; i++)
        matrix[i] = (double)((i / columns * by_row + i % columns * by_column) % 5 - 2);
}

/* m x n x k with op(a) transposed or not, against sums on the host. */
static void assert_whole_product(int64_t m, int64_t n, int64_t k, int ta)
{
    double *left = calloc((size_t)(m * k), sizeof *left), *right = calloc((size_t)(k * n), sizeof *right);
    double *product = calloc((size_t)(m * n), sizeof *product);
    fill_whole(ta ? k : m, ta ? m : k, 7, 3, left);
    fill_whole(k, n, 1, 4, right);
    dcl_graph *graph = new_graph(DCL_F32);
    dcl_value inputs[] = {matrix_parameter(graph, "a", ta ? k : m, ta ? m : k, (dcl_initial){0}),
                          matrix_parameter(graph, "b", k, n, (dcl_initial){0})};
    const dcl_setting settings[] = {{.name = "transpose_a", .integer = ta}, {0}};
    dcl_graph_result(graph, "product", dcl_graph_apply(graph, NULL, "matmul", inputs, 2, settings));
    dcl_session *session = new_session(graph);
    feed(session, "a", left);
    feed(session, "b", right);
    fetch(session, "product", product);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t q = 0; q < k; q++)
                sum += left[ta ? q * m + i : i * k + q] * right[q * n + j];
            ck_assert_msg(product[i * n + j] == sum, "%ldx%ldx%ld: [%ld, %ld] is %g, not %g", (long)m, (long)n, (long)k,
                          (long)i, (long)j, product[i * n + j], sum);
        }
    dcl_session_free(session);
    dcl_graph_free(graph);
    free(left);
    free(right);
    free(product);
}

/* Operands that do not fit into the panels are taken in pieces, along each of the three dimensions. */
START_TEST(packed_takes_large_operands_in_pieces)
{
    open_with("packed");
    assert_whole_product(7, 5, 150000, 0);
    assert_whole_product(7, 5, 150000, 1);
    assert_whole_product(9001, 3, 301, 1);
    assert_whole_product(2, 9001, 301, 0);
    assert_whole_product(50, 333, 700, 0);
    close_device();
}
END_TEST

START_TEST(clblast_is_right_in_single_precision)
{
    assert_variant("clblast", DCL_F32, 4e-6);
}
END_TEST

START_TEST(clblast_is_right_in_double_precision)
{
    assert_variant("clblast", DCL_F64, 1e-14);
}
END_TEST

START_TEST(the_variant_is_chosen_by_the_kind_of_device)
{
    const char *name = NULL, *note = NULL;
    dcl_error error;
    open_with("");
    const dcl_device_info *info = dcl_device_describe(device);
    const int is_cpu = info->type == DCL_TYPE_CPU;
    ASSERT_OK(dcl_device_gemm(device, DCL_F32, &name, &note, &error));
    ck_assert_str_eq(name, !is_cpu ? "clblast" : info->lanes_f32 > 1 ? "packed" : "plain");
    ck_assert_ptr_nonnull(strstr(note, is_cpu ? "CPU device" : "GPU device"));
    close_device();
}
END_TEST

START_TEST(an_unknown_variant_is_refused)
{
    const char *name = NULL;
    dcl_error error;
    open_with("fastest");
    ASSERT_FAILS(dcl_device_gemm(device, DCL_F32, &name, NULL, &error), DCL_EINVAL,
                 "DROPCL_GEMM is 'fastest', it must be clblast, packed or plain");
    ck_assert_ptr_null(name);
    close_device();
}
END_TEST

/* The second device finds the result of the first one's self-test in the cache, and compiles nothing. */
START_TEST(the_self_test_is_remembered)
{
    char folder[64];
    const char *name = NULL;
    dcl_error error;
    make_folder(folder);
    setenv("XDG_CACHE_HOME", folder, 1);
    open_with("plain");
    ASSERT_OK(dcl_device_gemm(device, DCL_F32, &name, NULL, &error));
    ck_assert_int_gt(dcl_device_statistics(device).kernels_launched, 0);
    close_device();
    open_device();
    ASSERT_OK(dcl_device_gemm(device, DCL_F32, &name, NULL, &error));
    ck_assert_int_eq(dcl_device_statistics(device).kernels_launched, 0);
    close_device();
    remove_folder(folder);
}
END_TEST

Suite *blas_suite(void)
{
    return make_suite("blas", setup, close_ops, (const TTest *[]){
        plain_is_right_in_single_precision, plain_is_right_in_double_precision,
        packed_is_right_in_single_precision, packed_is_right_in_double_precision, packed_takes_large_operands_in_pieces,
        clblast_is_right_in_single_precision, clblast_is_right_in_double_precision,
        the_variant_is_chosen_by_the_kind_of_device, an_unknown_variant_is_refused,
        the_self_test_is_remembered, NULL});
}
