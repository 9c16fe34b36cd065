/* test_session.c: behaviour of sessions: data in and out, steps, refusals before anything is allocated. */
#include <math.h>
#include <string.h>

#include "common.h"
#include "core/device.h"

Suite *session_suite(void);

static dcl_graph *graph;
static const dcl_initial zero, normal = {.deviation = 1};

static void setup(void)
{
    open_device();
    graph = new_graph(DCL_F32);
}

static void teardown(void)
{
    dcl_graph_free(graph);
    close_device();
}

static void start_over(uint32_t dtype)
{
    dcl_graph_free(graph);
    graph = new_graph(dtype);
}

static void add_result(const char *name, const char *op, dcl_value x)
{
    dcl_graph_result(graph, name, unary(graph, op, x));
}

/* ---- Feed and fetch ---- */

static void assert_squares(uint32_t graph_type, uint32_t feed_type)
{
    const float narrow[] = {1.5f, -2, 0.25f};
    const double wide[] = {1.5, -2, 0.25}, expected[] = {2.25, 4, 0.0625};
    float single[3];
    double twice[3];
    dcl_error error;
    start_over(graph_type);
    add_result("y", "square", vector_input(graph, "x", 3));
    dcl_session *session = new_session(graph);
    const void *data = feed_type == DCL_F32 ? (const void *)narrow : wide;
    ASSERT_OK(dcl_session_feed(session, "x", feed_type, data, &error));
    ASSERT_OK(dcl_session_fetch(session, "y", DCL_F32, single, &error));
    ASSERT_OK(dcl_session_fetch(session, "y", DCL_F64, twice, &error));
    for (int i = 0; i < 3; i++) {
        ck_assert_double_eq(twice[i], expected[i]);
        ck_assert_double_eq((double)single[i], expected[i]);
    }
    dcl_session_free(session);
}

START_TEST(real_data_converts_on_its_way_in_and_out)
{
    assert_squares(DCL_F32, DCL_F32);
    assert_squares(DCL_F32, DCL_F64);
    assert_squares(DCL_F64, DCL_F32);
    assert_squares(DCL_F64, DCL_F64);
}
END_TEST

/* More elements than are converted in one piece. */
START_TEST(large_data_converts_whole)
{
    enum { COUNT = 300001 };
    static double data[COUNT], back[COUNT];
    vector_parameter(graph, "x", COUNT, zero);
    dcl_session *session = new_session(graph);
    for (int i = 0; i < COUNT; i++)
        data[i] = i;
    feed(session, "x", data);
    fetch(session, "x", back);
    ck_assert_mem_eq(back, data, sizeof data);
    dcl_session_free(session);
}
END_TEST

START_TEST(indices_are_whole_numbers)
{
    const int64_t rows[] = {2, 0};
    const double wrong[] = {2, 0};
    double found[4];
    dcl_error error;
    dcl_value x = matrix_parameter(graph, "x", 3, 2, normal);
    dcl_value indices = dcl_graph_input(graph, "rows", DCL_I64, 1, (int64_t[]){2});
    dcl_graph_result(graph, "chosen", binary(graph, "gather", x, indices));
    dcl_session *session = new_session(graph);
    feed(session, "x", (double[]){1, 2, 3, 4, 5, 6});
    ASSERT_FAILS(dcl_session_feed(session, "rows", DCL_F64, wrong, &error), DCL_EINVAL, "feeding 'rows'");
    ASSERT_OK(dcl_session_feed(session, "rows", DCL_I64, rows, &error));
    fetch(session, "chosen", found);
    ck_assert_mem_eq(found, ((const double[]){5, 6, 1, 2}), sizeof found);
    dcl_session_free(session);
}
END_TEST

START_TEST(an_input_that_was_not_fed_is_named)
{
    double found[3];
    dcl_error error;
    dcl_value a = vector_input(graph, "first", 3), b = vector_input(graph, "second", 3);
    dcl_value sum = binary(graph, "add", a, b);
    dcl_graph_result(graph, "sum", sum);
    dcl_graph_assign(graph, vector_parameter(graph, "x", 3, zero), sum);
    dcl_session *session = new_session(graph);
    feed(session, "first", (double[]){1, 2, 3});
    ASSERT_FAILS(dcl_session_step(session, 1, &error), DCL_EINVAL, "input 'second'");
    ck_assert_int_eq(dcl_session_steps(session), 0);
    ASSERT_FAILS(dcl_session_fetch(session, "sum", DCL_F64, found, &error), DCL_EINVAL, "input 'second'");
    feed(session, "second", (double[]){10, 20, 30});
    step(session, 1);
    fetch(session, "sum", found);
    ck_assert_double_eq(found[2], 33);
    dcl_session_free(session);
}
END_TEST

/* No node reads it: it is copied as it is. */
START_TEST(an_input_that_is_only_passed_on_must_be_fed_too)
{
    double found[3];
    dcl_error error;
    dcl_value input = vector_input(graph, "passed", 3);
    dcl_graph_assign(graph, vector_parameter(graph, "x", 3, zero), input);
    dcl_graph_result(graph, "same", input);
    dcl_session *session = new_session(graph);
    ASSERT_FAILS(dcl_session_step(session, 1, &error), DCL_EINVAL, "input 'passed'");
    ASSERT_FAILS(dcl_session_fetch(session, "same", DCL_F64, found, &error), DCL_EINVAL, "input 'passed'");
    feed(session, "passed", (double[]){1, 2, 3});
    step(session, 1);
    fetch(session, "x", found);
    ck_assert_double_eq(found[2], 3);
    fetch(session, "same", found);
    ck_assert_double_eq(found[2], 3);
    dcl_session_free(session);
}
END_TEST

START_TEST(parameters_can_be_read_before_inputs_are_fed)
{
    double found[3];
    dcl_value x = vector_input(graph, "x", 3), w = vector_parameter(graph, "w", 3, (dcl_initial){.fill = 4});
    dcl_graph_result(graph, "sum", binary(graph, "add", x, w));
    dcl_session *session = new_session(graph);
    fetch(session, "w", found);
    ck_assert_double_eq(found[2], 4);
    dcl_session_free(session);
}
END_TEST

START_TEST(unknown_names_are_refused)
{
    double data[3] = {0};
    dcl_error error;
    dcl_value x = vector_input(graph, "x", 3);
    dcl_value y = dcl_graph_apply(graph, "inner", "square", &x, 1, NULL);
    dcl_graph_result(graph, "y", y);
    dcl_session *session = new_session(graph);
    feed(session, "x", data);
    ASSERT_FAILS(dcl_session_feed(session, "z", DCL_F64, data, &error), DCL_EINVAL, "'z'");
    ASSERT_FAILS(dcl_session_feed(session, "inner", DCL_F64, data, &error), DCL_EINVAL, "'inner'");
    ASSERT_FAILS(dcl_session_fetch(session, "z", DCL_F64, data, &error), DCL_EINVAL, "'z'");
    ASSERT_FAILS(dcl_session_fetch(session, "inner", DCL_F64, data, &error), DCL_EINVAL, "'inner'");
    dcl_session_free(session);
}
END_TEST

START_TEST(parameters_start_as_they_were_asked_to)
{
    double found[1000], again[1000], sum = 0;
    vector_parameter(graph, "flat", 5, (dcl_initial){.fill = 2.5});
    vector_parameter(graph, "drawn", 1000, (dcl_initial){.deviation = 1, .stream = 1});
    vector_parameter(graph, "other", 1000, (dcl_initial){.deviation = 1, .stream = 2});
    dcl_graph_result(graph, "constant", dcl_graph_constant(graph, NULL, 1, (int64_t[]){4}, -7));
    dcl_session *session = new_session(graph);
    fetch(session, "flat", found);
    ck_assert_double_eq(found[4], 2.5);
    fetch(session, "constant", found);
    ck_assert_double_eq(found[3], -7);
    fetch(session, "drawn", found);
    fetch(session, "other", again);
    for (int i = 0; i < 1000; i++)
        sum += found[i];
    ck_assert_double_lt(fabs(sum / 1000), 0.2);
    ck_assert_double_ne(found[0], again[0]);
    dcl_session_free(session);
    session = new_session(graph);
    fetch(session, "drawn", again);
    ck_assert_mem_eq(found, again, sizeof found);
    dcl_session_free(session);
}
END_TEST

/* ---- Steps ---- */

START_TEST(steps_are_counted_and_can_be_set)
{
    dcl_value x = vector_parameter(graph, "x", 3, zero);
    dcl_value one = dcl_graph_constant(graph, NULL, 1, (int64_t[]){3}, 1);
    double found[3];
    dcl_error error;
    dcl_graph_assign(graph, x, binary(graph, "add", x, one));
    dcl_session *session = new_session(graph);
    step(session, 7);
    step(session, 0);
    step(session, 3);
    ck_assert_int_eq(dcl_session_steps(session), 10);
    fetch(session, "x", found);
    ck_assert_double_eq(found[0], 10);
    dcl_session_set_steps(session, 100);
    step(session, 1);
    ck_assert_int_eq(dcl_session_steps(session), 101);
    ASSERT_OK(dcl_session_wait(session, &error));
    dcl_session_free(session);
}
END_TEST

/* x += x^2 and y := x: y gets the x of before the step. */
START_TEST(a_step_reads_old_values_everywhere)
{
    dcl_value x = vector_parameter(graph, "x", 1, (dcl_initial){.fill = 3});
    dcl_value y = vector_parameter(graph, "y", 1, zero);
    double found;
    dcl_graph_assign(graph, x, binary(graph, "add", x, unary(graph, "square", x)));
    dcl_graph_assign(graph, y, x);
    dcl_session *session = new_session(graph);
    step(session, 1);
    fetch(session, "x", &found);
    ck_assert_double_eq(found, 12);
    fetch(session, "y", &found);
    ck_assert_double_eq(found, 3);
    dcl_session_free(session);
}
END_TEST

START_TEST(swapped_parameters_get_the_old_values)
{
    dcl_value a = vector_parameter(graph, "a", 2, (dcl_initial){.fill = 1});
    dcl_value b = vector_parameter(graph, "b", 2, (dcl_initial){.fill = 2});
    dcl_value c = vector_parameter(graph, "c", 2, (dcl_initial){.fill = 3});
    double found[2];
    dcl_graph_assign(graph, a, b);
    dcl_graph_assign(graph, b, c);
    dcl_graph_assign(graph, c, a);
    dcl_session *session = new_session(graph);
    const double expected[][3] = {{2, 3, 1}, {3, 1, 2}, {1, 2, 3}};
    for (int i = 0; i < 3; i++) {
        step(session, 1);
        for (int j = 0; j < 3; j++) {
            fetch(session, (const char *[]){"a", "b", "c"}[j], found);
            ck_assert_double_eq(found[1], expected[i][j]);
        }
    }
    dcl_session_free(session);
}
END_TEST

/* Ten steps of x -= rate * 2 (x - target), in place, against the formula. */
START_TEST(training_descends)
{
    double found[4];
    dcl_value x = vector_parameter(graph, "x", 4, zero), gradient;
    dcl_value target = dcl_graph_constant(graph, "target", 1, (int64_t[]){4}, 5);
    dcl_graph_gradient(graph, binary(graph, "squared_error", x, target), &x, 1, &gradient);
    descend(graph, x, gradient, 0.1);
    dcl_session *session = new_session(graph);
    step(session, 10);
    fetch(session, "x", found);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq_tol(found[i], 5 * (1 - pow(0.8, 10)), 1e-5);
    dcl_session_free(session);
}
END_TEST

/* Evaluating in the middle of training changes nothing, though both share buffers. */
START_TEST(fetching_does_not_disturb_training)
{
    double once[6], often[6], loss;
    dcl_value x = vector_parameter(graph, "x", 6, normal), gradient;
    dcl_value objective = unary(graph, "sum_squares", unary(graph, "tanh", x));
    dcl_graph_gradient(graph, objective, &x, 1, &gradient);
    dcl_graph_result(graph, "loss", objective);
    descend(graph, x, gradient, 0.1);
    dcl_session *session = new_session(graph);
    step(session, 5);
    fetch(session, "x", once);
    dcl_session_free(session);
    session = new_session(graph);
    for (int i = 0; i < 5; i++) {
        step(session, 1);
        fetch(session, "loss", &loss);
    }
    fetch(session, "x", often);
    ck_assert_mem_eq(once, often, sizeof once);
    dcl_session_free(session);
}
END_TEST

START_TEST(random_ops_follow_the_step_number)
{
    double first[64], same[64], next[64];
    dcl_value x = vector_parameter(graph, "x", 1, zero);
    dcl_graph_assign(graph, x, unary(graph, "square", x));
    dcl_graph_result(graph, "mask", dcl_graph_apply(graph, NULL, "mask", NULL, 0, (dcl_setting[]){
        {.name = "shape", .list = (int64_t[]){64}, .count = 1}, {0}}));
    dcl_session *session = new_session(graph);
    fetch(session, "mask", first);
    fetch(session, "mask", same);
    ck_assert_mem_eq(first, same, sizeof first);
    step(session, 1);
    fetch(session, "mask", next);
    ck_assert_mem_ne(first, next, sizeof first);
    dcl_session_set_steps(session, 0);
    fetch(session, "mask", same);
    ck_assert_mem_eq(first, same, sizeof first);
    dcl_session_free(session);
}
END_TEST

START_TEST(two_sessions_of_one_graph_do_not_mix)
{
    double found[2];
    dcl_value x = vector_parameter(graph, "x", 2, (dcl_initial){.fill = 3});
    dcl_graph_assign(graph, x, unary(graph, "square", x));
    dcl_session *one = new_session(graph), *two = new_session(graph);
    feed(two, "x", (double[]){2, 2});
    for (int i = 0; i < 2; i++) {
        step(one, 1);
        step(two, 1);
    }
    fetch(one, "x", found);
    ck_assert_double_eq(found[0], 81);
    fetch(two, "x", found);
    ck_assert_double_eq(found[0], 16);
    dcl_session_free(one);
    dcl_session_free(two);
}
END_TEST

START_TEST(all_memory_comes_back)
{
    add_result("y", "square", vector_parameter(graph, "x", 1000, normal));
    dcl_session *session = new_session(graph);
    ck_assert_int_eq(dcl_device_statistics(device).bytes_allocated, 8000);
    dcl_session_free(session);
    ck_assert_int_eq(dcl_device_statistics(device).bytes_allocated, 0);
    ck_assert_int_eq(dcl_device_statistics(device).bytes_peak, 8000);
    dcl_session_free(NULL);
}
END_TEST

/* ---- Refusals ---- */

START_TEST(double_precision_is_refused_in_words_where_there_is_none)
{
    dcl_session *session = NULL;
    dcl_error error;
    start_over(DCL_F64);
    add_result("y", "square", vector_parameter(graph, "x", 3, normal));
    device->info.fp64 = 0;
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EUNSUPPORTED,
                 "has no double precision");
    ck_assert_ptr_nonnull(strstr(error.text, device->info.name));
    ck_assert_ptr_null(session);
}
END_TEST

START_TEST(a_buffer_that_cannot_exist_is_refused_with_both_sizes)
{
    dcl_session *session = NULL;
    dcl_error error;
    add_result("y", "square", vector_parameter(graph, "large", INT64_C(1) << 20, zero));
    device->info.allocation_bytes = INT64_C(3) << 20;
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EDEVICE, "'large' takes 4.0 MiB");
    ck_assert_ptr_nonnull(strstr(error.text, "at most 3.0 MiB"));
    ck_assert_int_eq(dcl_device_statistics(device).bytes_peak, 0);
}
END_TEST

START_TEST(a_graph_that_does_not_fit_is_refused_with_all_sizes)
{
    dcl_session *session = NULL;
    dcl_error error;
    dcl_value a = matrix_parameter(graph, "a", 1024, 512, zero);
    dcl_value b = matrix_parameter(graph, "b", 512, 1024, zero);
    dcl_graph_result(graph, "product", binary(graph, "matmul", a, b));
    device->info.memory_bytes = INT64_C(7) << 20;
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EDEVICE, "takes 4.0 MiB for data");
    ck_assert_ptr_nonnull(strstr(error.text, "4.0 MiB for intermediate values"));
    ck_assert_ptr_nonnull(strstr(error.text, "has 7.0 MiB"));
    ck_assert_int_eq(dcl_device_statistics(device).bytes_peak, 0);
}
END_TEST

/* A petabyte: known to be impossible without asking for any of it. */
START_TEST(an_absurd_size_is_refused_at_once)
{
    dcl_session *session = NULL;
    dcl_error error;
    vector_parameter(graph, "absurd", INT64_C(1) << 48, normal);
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EDEVICE,
                 "'absurd' takes 1073741824.0 MiB");
    ck_assert_int_eq(dcl_device_statistics(device).bytes_peak, 0);
}
END_TEST

START_TEST(sizes_of_a_graph_do_not_overflow)
{
    dcl_session *session = NULL;
    dcl_error error;
    for (int i = 0; i < 8; i++)
        vector_parameter(graph, NULL, INT64_C(1) << 59, zero);
    device->info.allocation_bytes = INT64_MAX;
    ck_assert_int_eq(dcl_session_create(device, graph, &session, &error), DCL_EDEVICE);
    ck_assert_int_eq(dcl_device_statistics(device).bytes_peak, 0);
}
END_TEST

START_TEST(a_failed_graph_gets_no_session)
{
    dcl_session *session = NULL;
    dcl_error error;
    unary(graph, "no_such_op", vector_parameter(graph, "x", 3, normal));
    ASSERT_FAILS(dcl_session_create(device, graph, &session, &error), DCL_EGRAPH, "no_such_op");
}
END_TEST

Suite *session_suite(void)
{
    return make_suite("session", setup, teardown, (const TTest *[]){
        real_data_converts_on_its_way_in_and_out, large_data_converts_whole, indices_are_whole_numbers,
        an_input_that_was_not_fed_is_named, an_input_that_is_only_passed_on_must_be_fed_too,
        parameters_can_be_read_before_inputs_are_fed,
        unknown_names_are_refused, parameters_start_as_they_were_asked_to,
        steps_are_counted_and_can_be_set, a_step_reads_old_values_everywhere,
        swapped_parameters_get_the_old_values, training_descends, fetching_does_not_disturb_training,
        random_ops_follow_the_step_number, two_sessions_of_one_graph_do_not_mix, all_memory_comes_back,
        double_precision_is_refused_in_words_where_there_is_none,
        a_buffer_that_cannot_exist_is_refused_with_both_sizes,
        a_graph_that_does_not_fit_is_refused_with_all_sizes, an_absurd_size_is_refused_at_once,
        sizes_of_a_graph_do_not_overflow, a_failed_graph_gets_no_session, NULL});
}
