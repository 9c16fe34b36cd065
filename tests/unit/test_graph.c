/* test_graph.c: behaviour of graph building: names, checks when a node is added, the first failure. */
#include <stdio.h>
#include <string.h>

#include "common.h"

Suite *graph_suite(void);

static dcl_graph *graph;
static const dcl_initial zero;

static void setup(void)
{
    open_ops();
    graph = new_graph(DCL_F32);
}

static void teardown(void)
{
    dcl_graph_free(graph);
    close_ops();
}

/* The sentence of the graph's first failure has these parts. An op's own refusal keeps the op's code. */
static void assert_says(const char *one, const char *two)
{
    dcl_error error;
    ck_assert_int_lt(dcl_graph_status(graph, &error), 0);
    ck_assert_msg(strstr(error.text, one) != NULL, "'%s' lacks '%s'", error.text, one);
    ck_assert_msg(strstr(error.text, two) != NULL, "'%s' lacks '%s'", error.text, two);
}

static dcl_value matrix(const char *name, int64_t rows, int64_t columns)
{
    return matrix_parameter(graph, name, rows, columns, zero);
}

START_TEST(a_graph_computes_in_a_real_type)
{
    dcl_graph *other = NULL;
    dcl_error error;
    ASSERT_FAILS(dcl_graph_create(ops, DCL_I64, 1, &other, &error), DCL_EINVAL, "not in i64");
    ASSERT_FAILS(dcl_graph_create(ops, DCL_REAL, 1, &other, &error), DCL_EINVAL, "f32 or f64");
    ck_assert_ptr_null(other);
}
END_TEST

START_TEST(values_are_numbered_and_named)
{
    dcl_value y = matrix("Y", 3, 4), chosen = matrix(NULL, 2, 2), empty = matrix("", 2, 2);
    ck_assert_int_eq(y, 1);
    ck_assert_int_eq(dcl_graph_value_count(graph), 3);
    ck_assert_int_eq(dcl_value_find(graph, "Y"), y);
    ck_assert_int_eq(dcl_value_find(graph, dcl_value_name(graph, chosen)), chosen);
    ck_assert_str_ne(dcl_value_name(graph, chosen), dcl_value_name(graph, empty));
    ck_assert_int_eq(dcl_value_kind(graph, y), DCL_VALUE_PARAMETER);
    ck_assert_int_eq(dcl_value_find(graph, "Z"), 0);
    ck_assert_int_eq(dcl_value_kind(graph, 99), 0);
    ck_assert_ptr_null(dcl_value_name(graph, 0));
    ck_assert_ptr_null(dcl_value_tensor(graph, -1));
}
END_TEST

START_TEST(chosen_names_avoid_those_given)
{
    matrix("square.3", 1, 1);
    dcl_value x = matrix("x", 2, 2), squared = unary(graph, "square", x);
    ck_assert_int_gt(squared, 0);
    ck_assert_str_ne(dcl_value_name(graph, squared), "square.3");
}
END_TEST

START_TEST(a_node_infers_its_shape_and_defaults)
{
    dcl_value a = matrix("a", 3, 4), b = matrix("b", 4, 5);
    dcl_value product = dcl_graph_apply(graph, "product", "matmul", (dcl_value[]){a, b}, 2, NULL);
    const dcl_tensor *shape = dcl_value_tensor(graph, product);
    ck_assert_uint_eq(shape->rank, 2);
    ck_assert_int_eq(shape->dim[0], 3);
    ck_assert_int_eq(shape->dim[1], 5);
    ck_assert_uint_eq(shape->dtype, DCL_F32);
    ck_assert_uint_eq(dcl_graph_node_count(graph), 1);
    dcl_node_info node = dcl_graph_node(graph, 0);
    ck_assert_str_eq(node.name, "product");
    ck_assert_str_eq(node.op->name, "matmul");
    ck_assert_uint_eq(node.input_count, 2);
    ck_assert_int_eq(node.inputs[1], b);
    ck_assert_int_eq(node.output, product);
    ck_assert_str_eq(node.settings[0].name, node.op->attributes[0].name);
    ck_assert_int_eq(dcl_value_kind(graph, product), DCL_VALUE_OUTPUT);
}
END_TEST

START_TEST(further_outputs_have_the_next_ids_and_numbered_names)
{
    dcl_value p = matrix("p", 2, 2), v = matrix("v", 2, 2), g = matrix("g", 2, 2);
    dcl_value updated = dcl_graph_apply(graph, "update", "sgd", (dcl_value[]){p, v, g}, 3,
                                        (dcl_setting[]){{.name = "rate", .number = 0.1}, {0}});
    ck_assert_str_eq(dcl_value_name(graph, updated), "update");
    ck_assert_str_eq(dcl_value_name(graph, updated + 1), "update:1");
    ck_assert_uint_eq(dcl_graph_node(graph, 0).output_count, 2);
}
END_TEST

START_TEST(an_optional_input_may_be_left_out)
{
    dcl_value a = matrix("a", 3, 4), b = matrix("b", 4, 5), c = matrix("c", 3, 5);
    ck_assert_int_gt(dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){a, b}, 2, NULL), 0);
    ck_assert_int_gt(dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){a, b, c}, 3, NULL), 0);
    ck_assert_int_eq(dcl_graph_apply(graph, "lonely", "matmul", (dcl_value[]){a}, 1, NULL), 0);
    assert_says("node 'lonely' (op 'matmul')", "lacks input 'b'");
}
END_TEST

/* ---- Failures ---- */

START_TEST(a_shape_that_does_not_fit_names_both_values)
{
    dcl_value a = matrix("left", 3, 4), b = matrix("right", 5, 6);
    ck_assert_int_eq(dcl_graph_apply(graph, "product", "matmul", (dcl_value[]){a, b}, 2, NULL), 0);
    assert_says("node 'product' (op 'matmul'", "matmul.dclop.so");
    assert_says("'left' (3x4)", "'right' (5x6)");
}
END_TEST

START_TEST(a_broadcast_that_does_not_fit_names_both_values)
{
    dcl_value left = matrix("left", 3, 4), right = matrix("right", 3, 5);
    binary(graph, "add", left, unary(graph, "square", right));
    assert_says("'left' (3x4)", "'square.3' (3x5)");
}
END_TEST

START_TEST(only_the_first_failure_is_kept_and_zero_runs_through)
{
    dcl_value x = matrix("x", 2, 2);
    dcl_value wrong = unary(graph, "squar", x), after = unary(graph, "square", wrong);
    ck_assert_int_eq(wrong, 0);
    ck_assert_int_eq(after, 0);
    ck_assert_int_eq(matrix("x", 2, 2), 0);
    dcl_graph_assign(graph, x, after);
    ck_assert_int_eq(dcl_graph_result(graph, "loss", after), DCL_EGRAPH);
    assert_says("there is no op 'squar'", "did you mean 'square'?");
}
END_TEST

START_TEST(a_name_can_be_given_once)
{
    matrix("x", 2, 2);
    ck_assert_int_eq(matrix("x", 3, 3), 0);
    assert_says("two values are named 'x'", "");
}
END_TEST

START_TEST(an_impossible_shape_is_refused_by_name)
{
    ck_assert_int_eq(matrix("Y", 3, -1), 0);
    assert_says("tensor 'Y' is -1", "at least 1");
}
END_TEST

START_TEST(an_input_of_the_wrong_type_is_refused)
{
    dcl_value indices = dcl_graph_input(graph, "indices", DCL_I64, 1, (int64_t[]){3});
    ck_assert_uint_eq(dcl_value_tensor(graph, indices)->dtype, DCL_I64);
    ck_assert_int_eq(unary(graph, "square", indices), 0);
    assert_says("input 'x' takes f32|f64", "'indices' holds i64");
}
END_TEST

START_TEST(real_inputs_have_the_type_of_the_graph)
{
    ck_assert_uint_eq(dcl_value_tensor(graph, dcl_graph_input(graph, "a", DCL_F64, 0, NULL))->dtype, DCL_F32);
    ck_assert_uint_eq(dcl_value_tensor(graph, dcl_graph_input(graph, "b", DCL_REAL, 0, NULL))->dtype,
                      DCL_F32);
}
END_TEST

START_TEST(too_many_inputs_and_unknown_values_are_refused)
{
    dcl_value x = matrix("x", 2, 2);
    ck_assert_int_eq(dcl_graph_apply(graph, NULL, "square", (dcl_value[]){x, x}, 2, NULL), 0);
    assert_says("op 'square' has 1 inputs", "2 were given");
    dcl_graph_free(graph);
    graph = new_graph(DCL_F32);
    ck_assert_int_eq(unary(graph, "square", 77), 0);
    assert_says("input 'x' is value 77", "does not exist");
}
END_TEST

START_TEST(attributes_are_checked_when_a_node_is_added)
{
    dcl_value x = matrix("x", 2, 2);
    dcl_graph_apply(graph, "mine", "scale", &x, 1, (dcl_setting[]){{.name = "factor", .number = 2}, {0}});
    assert_says("op 'scale' has no attribute 'factor'", "mine");
}
END_TEST

START_TEST(what_infer_refuses_has_node_op_and_file_before_it)
{
    dcl_value x = matrix("x", 2, 3);
    dcl_graph_apply(graph, "flat", "reshape", &x, 1, (dcl_setting[]){{.name = "shape", .list = (int64_t[]){7},
                                                                      .count = 1}, {0}});
    assert_says("node 'flat' (op 'reshape', ", "'x' (2x3)");
}
END_TEST

/* ---- Assignments and results ---- */

START_TEST(a_parameter_is_assigned_once)
{
    dcl_value x = matrix("x", 2, 2), squared = unary(graph, "square", x);
    ck_assert_int_eq(dcl_graph_assign(graph, x, squared), DCL_OK);
    ck_assert_int_eq(dcl_value_assigned(graph, x), squared);
    ck_assert_int_eq(dcl_graph_assign(graph, x, squared), DCL_EGRAPH);
    assert_says("parameter 'x' is assigned twice", "");
}
END_TEST

START_TEST(an_assignment_needs_equal_shapes)
{
    dcl_graph_assign(graph, matrix("x", 2, 3), matrix("y", 3, 2));
    assert_says("parameter 'x' (2x3)", "'y' (3x2)");
}
END_TEST

START_TEST(only_parameters_can_be_assigned)
{
    dcl_value x = matrix("x", 2, 2), squared = unary(graph, "square", x);
    ck_assert_int_eq(dcl_graph_assign(graph, squared, x), DCL_EGRAPH);
    assert_says("needs a parameter", "");
}
END_TEST

START_TEST(results_have_names_of_their_own)
{
    dcl_value x = matrix("x", 2, 2), squared = unary(graph, "square", x);
    ck_assert_int_eq(dcl_graph_result(graph, "loss", squared), DCL_OK);
    ck_assert_uint_eq(dcl_graph_result_count(graph), 1);
    ck_assert_str_eq(dcl_graph_result_name(graph, 0), "loss");
    ck_assert_int_eq(dcl_graph_result_value(graph, 0), squared);
    ck_assert_int_eq(dcl_graph_result(graph, "loss", x), DCL_EGRAPH);
    assert_says("two results are named 'loss'", "");
}
END_TEST

/* It would hide the parameter from fetch; the parameter itself may be a result under its name. */
START_TEST(a_result_does_not_hide_a_parameter)
{
    dcl_value x = matrix("x", 2, 2);
    ck_assert_int_eq(dcl_graph_result(graph, "x", x), DCL_OK);
    dcl_value y = matrix("y", 2, 2);
    ck_assert_int_eq(dcl_graph_result(graph, "y", unary(graph, "square", y)), DCL_EGRAPH);
    assert_says("'y'", "parameter");
}
END_TEST

START_TEST(large_graphs_grow)
{
    dcl_value x = matrix("x", 2, 2);
    for (int i = 0; i < 300; i++)
        x = unary(graph, "square", x);
    ck_assert_int_eq(x, 301);
    ck_assert_uint_eq(dcl_graph_node_count(graph), 300);
}
END_TEST

Suite *graph_suite(void)
{
    return make_suite("graph", setup, teardown, (const TTest *[]){
        a_graph_computes_in_a_real_type, values_are_numbered_and_named, chosen_names_avoid_those_given,
        a_node_infers_its_shape_and_defaults, further_outputs_have_the_next_ids_and_numbered_names,
        an_optional_input_may_be_left_out, a_shape_that_does_not_fit_names_both_values,
        a_broadcast_that_does_not_fit_names_both_values, only_the_first_failure_is_kept_and_zero_runs_through,
        a_name_can_be_given_once, an_impossible_shape_is_refused_by_name,
        an_input_of_the_wrong_type_is_refused, real_inputs_have_the_type_of_the_graph,
        too_many_inputs_and_unknown_values_are_refused, attributes_are_checked_when_a_node_is_added,
        what_infer_refuses_has_node_op_and_file_before_it, a_parameter_is_assigned_once,
        an_assignment_needs_equal_shapes, only_parameters_can_be_assigned, results_have_names_of_their_own,
        a_result_does_not_hide_a_parameter, large_graphs_grow, NULL});
}
