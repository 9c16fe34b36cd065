/* test_gradient.c: derivatives that are graph: against differences, and differentiated once more. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *gradient_suite(void);

static dcl_graph *graph;
static const dcl_initial normal = {.deviation = 0.7};

static void setup(void)
{
    open_device();
    graph = new_graph(DCL_F64);
}

static void teardown(void)
{
    dcl_graph_free(graph);
    close_device();
}

/* ---- Differences ---- */

static double value_of(dcl_session *session, const char *name)
{
    double value;
    fetch(session, name, &value);
    return value;
}

/* d(loss)/d(parameter[i]) by central differences. */
static double slope(dcl_session *session, const char *parameter, double *at, int i)
{
    const double kept = at[i], width = 1e-5;
    at[i] = kept + width;
    feed(session, parameter, at);
    double above = value_of(session, "loss");
    at[i] = kept - width;
    feed(session, parameter, at);
    double below = value_of(session, "loss");
    at[i] = kept;
    feed(session, parameter, at);
    return (above - below) / (2 * width);
}

/* The result `gradient` must be the derivative of the result "loss" by a parameter of `count` elements. */
static void assert_derivative(dcl_session *session, const char *parameter, const char *gradient, int count)
{
    double *at = malloc((size_t)count * sizeof *at), *found = malloc((size_t)count * sizeof *found);
    fetch(session, parameter, at);
    fetch(session, gradient, found);
    for (int i = 0; i < count; i++)
        ck_assert_double_eq_tol(found[i], slope(session, parameter, at, i), 1e-7 * (1 + fabs(found[i])));
    free(at);
    free(found);
}

/* Gradients of `loss` by parameters, as the results "d0", "d1", ... */
static dcl_session *differentiate(dcl_value loss, const dcl_value *parameters, uint32_t count)
{
    static const char *const names[] = {"d0", "d1", "d2", "d3"};
    dcl_value gradients[4] = {0};
    dcl_error error;
    dcl_graph_gradient(graph, loss, parameters, count, gradients);
    ASSERT_OK(dcl_graph_status(graph, &error));
    dcl_graph_result(graph, "loss", loss);
    for (uint32_t i = 0; i < count; i++)
        dcl_graph_result(graph, names[i], gradients[i]);
    return new_session(graph);
}

START_TEST(a_factorization_has_the_gradient_that_differences_say)
{
    dcl_value u = matrix_parameter(graph, "U", 5, 3, normal), v = matrix_parameter(graph, "V", 4, 3, normal);
    dcl_value y = matrix_parameter(graph, "Y", 5, 4, (dcl_initial){.deviation = 1, .stream = 9});
    dcl_value product = dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){u, v}, 2,
                                        (dcl_setting[]){{.name = "transpose_b", .integer = 1}, {0}});
    dcl_value loss = binary(graph, "squared_error", product, y);
    dcl_session *session = differentiate(loss, (dcl_value[]){u, v}, 2);
    assert_derivative(session, "U", "d0", 15);
    assert_derivative(session, "V", "d1", 12);
    dcl_session_free(session);
}
END_TEST

/* x is used three times, once by way of a broadcast: its gradients are summed. */
START_TEST(a_value_that_is_used_often_sums_its_gradients)
{
    dcl_value x = vector_parameter(graph, "x", 4, normal);
    dcl_value y = binary(graph, "multiply", unary(graph, "tanh", x), unary(graph, "exp", x));
    dcl_value z = binary(graph, "add", y, unary(graph, "sum", x));
    dcl_session *session = differentiate(unary(graph, "sum_squares", z), &x, 1);
    assert_derivative(session, "x", "d0", 4);
    dcl_session_free(session);
}
END_TEST

START_TEST(one_input_twice_counts_twice)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal);
    dcl_session *session = differentiate(unary(graph, "sum", binary(graph, "multiply", x, x)), &x, 1);
    double at[3], found[3];
    fetch(session, "x", at);
    fetch(session, "d0", found);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol(found[i], 2 * at[i], 1e-15);
    dcl_session_free(session);
}
END_TEST

START_TEST(a_value_can_be_differentiated_by_itself)
{
    dcl_value x = dcl_graph_parameter(graph, "x", 0, NULL, normal);
    dcl_session *session = differentiate(x, &x, 1);
    ck_assert_double_eq(value_of(session, "d0"), 1);
    dcl_session_free(session);
}
END_TEST

START_TEST(inner_values_can_be_differentiated_by)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal), squared = unary(graph, "square", x);
    dcl_session *session = differentiate(unary(graph, "sum", unary(graph, "scale", squared)), &squared, 1);
    double found[3];
    fetch(session, "d0", found);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(found[i], 1);
    dcl_session_free(session);
}
END_TEST

/* ---- Zero and none ---- */

START_TEST(what_does_not_depend_has_gradient_zero)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal);
    dcl_value other = matrix_parameter(graph, "other", 2, 2, normal);
    dcl_session *session = differentiate(unary(graph, "sum", x), (dcl_value[]){x, other}, 2);
    double found[4];
    fetch(session, "d1", found);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(found[i], 0);
    dcl_session_free(session);
}
END_TEST

START_TEST(constant_ports_let_nothing_through)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal);
    dcl_session *session = differentiate(unary(graph, "sum", unary(graph, "positive", x)), &x, 1);
    double found[3];
    fetch(session, "d0", found);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(found[i], 0);
    dcl_session_free(session);
}
END_TEST

/* The update of an optimizer stands for any op without a gradient. */
static dcl_value updated(dcl_value parameter)
{
    return dcl_graph_apply(graph, "the_update", "sgd", (dcl_value[]){parameter, parameter, parameter}, 3,
                           (dcl_setting[]){{.name = "rate", .number = 0.1}, {0}});
}

START_TEST(an_op_without_gradient_is_named_with_the_path_that_needs_it)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal), gradient = 0;
    dcl_value squared = dcl_graph_apply(graph, "after", "square", (dcl_value[]){updated(x)}, 1, NULL);
    dcl_value loss = dcl_graph_apply(graph, "loss", "sum", &squared, 1, NULL);
    dcl_error error;
    ck_assert_int_eq(dcl_graph_gradient(graph, loss, &x, 1, &gradient), DCL_EGRAPH);
    ASSERT_FAILS(dcl_graph_status(graph, &error), DCL_EGRAPH, "op 'sgd'");
    ck_assert_ptr_nonnull(strstr(error.text, "'the_update' -> 'after' -> 'loss'"));
    ck_assert_int_eq(gradient, 0);
}
END_TEST

START_TEST(an_op_without_gradient_does_no_harm_beside_the_path)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal), y = vector_parameter(graph, "y", 3, normal);
    dcl_value loss = unary(graph, "sum", binary(graph, "multiply", x, updated(y)));
    dcl_session *session = differentiate(loss, &x, 1);
    assert_derivative(session, "x", "d0", 3);
    dcl_session_free(session);
}
END_TEST

START_TEST(only_single_elements_can_be_differentiated)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal), gradient;
    dcl_error error;
    dcl_graph_gradient(graph, x, &x, 1, &gradient);
    ASSERT_FAILS(dcl_graph_status(graph, &error), DCL_EGRAPH, "not x");
}
END_TEST

START_TEST(a_failed_graph_stays_failed)
{
    dcl_value x = vector_parameter(graph, "x", 3, normal), gradient;
    dcl_error error;
    ck_assert_int_eq(dcl_graph_gradient(graph, unary(graph, "no_such_op", x), &x, 1, &gradient), DCL_EGRAPH);
    ASSERT_FAILS(dcl_graph_status(graph, &error), DCL_EGRAPH, "there is no op 'no_such_op'");
}
END_TEST

/* ---- Second derivatives ---- */

enum { SAMPLES = 6, INPUTS = 4, HIDDEN = 5, OUTPUTS = 3, FIRST = INPUTS * HIDDEN, SECOND = HIDDEN * OUTPUTS };

/* loss = |tanh(X W1) W2 - Y|^2 */
static dcl_value two_layers(dcl_value weights[2])
{
    weights[0] = matrix_parameter(graph, "W1", INPUTS, HIDDEN, (dcl_initial){.deviation = 0.6, .stream = 1});
    weights[1] = matrix_parameter(graph, "W2", HIDDEN, OUTPUTS, (dcl_initial){.deviation = 0.6, .stream = 2});
    dcl_value x = matrix_parameter(graph, "X", SAMPLES, INPUTS, (dcl_initial){.deviation = 1, .stream = 3});
    dcl_value y = matrix_parameter(graph, "Y", SAMPLES, OUTPUTS, (dcl_initial){.deviation = 1, .stream = 4});
    dcl_value hidden = unary(graph, "tanh", binary(graph, "matmul", x, weights[0]));
    return binary(graph, "squared_error", binary(graph, "matmul", hidden, weights[1]), y);
}

/* The Hessian times a direction: the gradient of <gradient, direction>. */
static void hessian_vector(const dcl_value weights[2], const dcl_value gradients[2], dcl_value product[2])
{
    dcl_value v1 = matrix_parameter(graph, "v1", INPUTS, HIDDEN, (dcl_initial){.deviation = 1, .stream = 5});
    dcl_value v2 = matrix_parameter(graph, "v2", HIDDEN, OUTPUTS, (dcl_initial){.deviation = 1, .stream = 6});
    dcl_value one = unary(graph, "sum", binary(graph, "multiply", gradients[0], v1));
    dcl_value two = unary(graph, "sum", binary(graph, "multiply", gradients[1], v2));
    dcl_graph_gradient(graph, binary(graph, "add", one, two), weights, 2, product);
}

/* Both gradients, in a row, at the weights plus `distance` times the direction. */
static void gradient_at(dcl_session *session, double distance, const double *weights, const double *direction,
                        double gradient[FIRST + SECOND])
{
    double moved[FIRST + SECOND];
    for (int i = 0; i < FIRST + SECOND; i++)
        moved[i] = weights[i] + distance * direction[i];
    feed(session, "W1", moved);
    feed(session, "W2", moved + FIRST);
    fetch(session, "g1", gradient);
    fetch(session, "g2", gradient + FIRST);
}

START_TEST(a_hessian_vector_product_agrees_with_differences_of_the_gradient)
{
    dcl_value weights[2], gradients[2] = {0}, product[2] = {0};
    dcl_graph_gradient(graph, two_layers(weights), weights, 2, gradients);
    hessian_vector(weights, gradients, product);
    const char *const names[] = {"g1", "g2", "h1", "h2"};
    for (int i = 0; i < 4; i++)
        dcl_graph_result(graph, names[i], i < 2 ? gradients[i] : product[i - 2]);
    dcl_session *session = new_session(graph);

    double at[FIRST + SECOND], direction[FIRST + SECOND], found[FIRST + SECOND], largest = 0;
    double above[FIRST + SECOND], below[FIRST + SECOND];
    const char *const parts[] = {"W1", "W2", "v1", "v2", "h1", "h2"};
    double *const to[] = {at, at + FIRST, direction, direction + FIRST, found, found + FIRST};
    for (int i = 0; i < 6; i++)
        fetch(session, parts[i], to[i]);
    const double width = 1e-5;
    gradient_at(session, width, at, direction, above);
    gradient_at(session, -width, at, direction, below);
    for (int i = 0; i < FIRST + SECOND; i++)
        largest = fmax(largest, fabs(found[i]));
    ck_assert_double_gt(largest, 1);
    for (int i = 0; i < FIRST + SECOND; i++)
        ck_assert_double_eq_tol(found[i], (above[i] - below[i]) / (2 * width), 1e-6 * largest);
    dcl_session_free(session);
}
END_TEST

START_TEST(a_third_derivative_is_a_derivative_too)
{
    dcl_value x = dcl_graph_parameter(graph, "x", 0, NULL, (dcl_initial){.fill = 0.3});
    dcl_value d = unary(graph, "exp", x);
    d = binary(graph, "multiply", d, unary(graph, "square", x));
    for (int i = 0; i < 3; i++)
        dcl_graph_gradient(graph, d, &x, 1, &d);
    dcl_graph_result(graph, "third", d);
    dcl_session *session = new_session(graph);
    ck_assert_double_eq_tol(value_of(session, "third"), exp(0.3) * (0.3 * 0.3 + 6 * 0.3 + 6), 1e-13);
    dcl_session_free(session);
}
END_TEST

Suite *gradient_suite(void)
{
    return make_suite("gradient", setup, teardown, (const TTest *[]){
        a_factorization_has_the_gradient_that_differences_say, a_value_that_is_used_often_sums_its_gradients,
        one_input_twice_counts_twice, a_value_can_be_differentiated_by_itself,
        inner_values_can_be_differentiated_by, what_does_not_depend_has_gradient_zero,
        constant_ports_let_nothing_through, an_op_without_gradient_is_named_with_the_path_that_needs_it,
        an_op_without_gradient_does_no_harm_beside_the_path, only_single_elements_can_be_differentiated,
        a_failed_graph_stays_failed, a_hessian_vector_product_agrees_with_differences_of_the_gradient,
        a_third_derivative_is_a_derivative_too, NULL});
}
