/* test_plan.c: behaviour of plans: few buffers, and no value overwritten while somebody still reads it. */
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "core/plan.h"

Suite *plan_suite(void);

static dcl_graph *graph;
static dcl__plan plan;
static const dcl_initial normal = {.deviation = 1};

static void setup(void)
{
    open_ops();
    graph = new_graph(DCL_F32);
}

static void teardown(void)
{
    dcl__plan_free(&plan);
    dcl_graph_free(graph);
    close_ops();
}

static void make_plan(void)
{
    dcl_error error;
    ASSERT_OK(dcl__plan_make(graph, &plan, &error));
}

START_TEST(a_chain_needs_few_buffers)
{
    enum { LENGTH = 20, ELEMENTS = 1000 };
    dcl_value x = vector_parameter(graph, "x", ELEMENTS, normal);
    for (int i = 0; i < LENGTH; i++)
        x = unary(graph, i % 2 ? "tanh" : "exp", x);
    dcl_graph_result(graph, "end", x);
    make_plan();
    ck_assert_int_le(plan.info.buffers, 2);
    ck_assert_int_le(plan.info.buffer_bytes, 2 * 4 * ELEMENTS);
    ck_assert_int_eq(plan.info.unshared_bytes, LENGTH * 4 * ELEMENTS);
    ck_assert_int_eq(plan.info.state_bytes, 4 * ELEMENTS);
    ck_assert_int_eq(plan.info.evaluation_nodes, LENGTH);
    ck_assert_int_eq(plan.info.step_nodes, 0);
}
END_TEST

/* matmul may not write over its inputs: three buffers take turns at most. */
START_TEST(a_chain_of_products_takes_turns)
{
    dcl_value x = matrix_parameter(graph, "x", 20, 20, normal);
    dcl_value w = matrix_parameter(graph, "w", 20, 20, normal);
    for (int i = 0; i < 20; i++)
        x = binary(graph, "matmul", x, w);
    dcl_graph_result(graph, "end", x);
    make_plan();
    ck_assert_int_le(plan.info.buffers, 3);
}
END_TEST

START_TEST(results_share_buffers)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal);
    dcl_graph_result(graph, "one", unary(graph, "exp", x));
    dcl_graph_result(graph, "two", unary(graph, "tanh", x));
    make_plan();
    ck_assert_int_eq(plan.info.buffers, 1);
}
END_TEST

START_TEST(what_nobody_needs_is_not_run)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal);
    unary(graph, "exp", x);
    dcl_graph_result(graph, "used", unary(graph, "tanh", x));
    make_plan();
    ck_assert_int_eq(plan.info.evaluation_nodes, 1);
    ck_assert_uint_eq(plan.results[0].nodes[0], 1);
}
END_TEST

START_TEST(a_step_runs_only_what_assignments_need)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal);
    dcl_graph_result(graph, "other", unary(graph, "exp", x));
    descend(graph, x, unary(graph, "tanh", x), 0.1);
    make_plan();
    ck_assert_int_eq(plan.info.step_nodes, 2);
}
END_TEST

START_TEST(an_optimizer_writes_over_its_parameter_without_a_copy)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal);
    dcl_value v = vector_parameter(graph, "v", 100, (dcl_initial){0});
    dcl_value update = dcl_graph_apply(graph, NULL, "sgd", (dcl_value[]){x, v, unary(graph, "tanh", x)}, 3,
                                       (dcl_setting[]){{.name = "rate", .number = 0.1}, {0}});
    dcl_graph_assign(graph, x, update);
    dcl_graph_assign(graph, v, update + 1);
    make_plan();
    ck_assert_uint_eq(plan.assignment_count, 0);
    ck_assert_int_eq(plan.step.places[update - 1].state, x);
    ck_assert_int_eq(plan.step.places[update].state, v);
    ck_assert_int_eq(plan.info.buffers, 1);
}
END_TEST

START_TEST(a_parameter_that_is_read_later_is_not_written_in_place)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal), y = vector_parameter(graph, "y", 100, normal);
    descend(graph, x, unary(graph, "tanh", x), 0.1);
    dcl_graph_assign(graph, y, unary(graph, "exp", x));
    make_plan();
    ck_assert_uint_eq(plan.assignment_count, 2);
    ck_assert_int_eq(plan.step.places[dcl_value_assigned(graph, x) - 1].state, 0);
}
END_TEST

START_TEST(swapped_parameters_are_staged)
{
    dcl_value x = vector_parameter(graph, "x", 100, normal), y = vector_parameter(graph, "y", 100, normal);
    dcl_graph_assign(graph, x, y);
    dcl_graph_assign(graph, y, x);
    make_plan();
    ck_assert_uint_eq(plan.assignment_count, 2);
    ck_assert_int_ne(plan.assignments[0].staging, DCL__NO_SLOT);
    ck_assert_int_ne(plan.assignments[1].staging, DCL__NO_SLOT);
    ck_assert_int_ne(plan.assignments[0].staging, plan.assignments[1].staging);
}
END_TEST

START_TEST(a_failed_graph_has_no_plan)
{
    dcl_error error;
    unary(graph, "no_such_op", vector_parameter(graph, "x", 3, normal));
    ASSERT_FAILS(dcl__plan_make(graph, &plan, &error), DCL_EGRAPH, "no_such_op");
}
END_TEST

START_TEST(an_empty_graph_has_an_empty_plan)
{
    make_plan();
    ck_assert_int_eq(plan.info.buffers, 0);
    ck_assert_int_eq(plan.info.step_nodes, 0);
}
END_TEST

/* ---- Any graph: a run in which every buffer only remembers whose value it holds ---- */

static dcl_value in_slot[64], in_state[256];

static dcl_value *holder(const dcl__schedule *schedule, dcl_value value)
{
    const dcl__place *place = &schedule->places[value - 1];
    ck_assert(place->state || place->slot != DCL__NO_SLOT);
    return place->state ? &in_state[place->state - 1] : &in_slot[place->slot];
}

static void assert_inputs(const dcl__schedule *schedule, const dcl_node_info *node)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            ck_assert_int_eq(*holder(schedule, node->inputs[i]), node->inputs[i]);
}

/* An output may lie upon the input of its own index where its port says so, and upon no other. */
static void assert_apart(const dcl__schedule *schedule, const dcl_node_info *node, uint32_t k)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (i != k || !(node->op->outputs[k].flags & DCL_PORT_INPLACE))
            ck_assert_ptr_ne(holder(schedule, node->output + k), holder(schedule, node->inputs[i]));
    for (uint32_t other = 0; other < k; other++)
        ck_assert_ptr_ne(holder(schedule, node->output + k), holder(schedule, node->output + other));
}

static void assert_room(const dcl__schedule *schedule, dcl_value value)
{
    int64_t slot = schedule->places[value - 1].slot;
    if (slot != DCL__NO_SLOT)
        ck_assert_int_ge(plan.slots[slot].bytes, dcl_value_tensor(graph, value)->count * 4);
}

static void run_node(const dcl__schedule *schedule, size_t position)
{
    dcl_node_info node = dcl_graph_node(graph, schedule->nodes[position]);
    for (int s = 0; s < DCL_MAX_SCRATCH; s++)
        if (schedule->scratch[position][s] != DCL__NO_SLOT)
            in_slot[schedule->scratch[position][s]] = 0;
    assert_inputs(schedule, &node);
    for (uint32_t k = 0; k < node.output_count; k++) {
        assert_apart(schedule, &node, k);
        assert_room(schedule, node.output + k);
        *holder(schedule, node.output + k) = node.output + k;
    }
}

static void run_schedule(const dcl__schedule *schedule)
{
    memset(in_slot, 0, sizeof in_slot);
    for (size_t position = 0; position < schedule->node_count; position++)
        run_node(schedule, position);
}

/* A step with its assignments; then every assigned parameter must hold the value it was given. */
static void run_step(void)
{
    for (int64_t v = 0; v < dcl_graph_value_count(graph); v++)
        in_state[v] = v + 1;
    run_schedule(&plan.step);
    for (size_t i = 0; i < plan.assignment_count; i++)
        if (plan.assignments[i].staging != DCL__NO_SLOT)
            in_slot[plan.assignments[i].staging] = in_state[plan.assignments[i].value - 1];
    for (size_t i = 0; i < plan.assignment_count; i++) {
        const dcl__assignment *a = &plan.assignments[i];
        in_state[a->parameter - 1] = a->staging != DCL__NO_SLOT ? in_slot[a->staging]
                                                                : *holder(&plan.step, a->value);
    }
    for (int64_t v = 1; v <= dcl_graph_value_count(graph); v++) {
        dcl_value wanted = dcl_value_assigned(graph, v) ? dcl_value_assigned(graph, v) : v;
        if (dcl_value_kind(graph, v) != DCL_VALUE_OUTPUT)
            ck_assert_int_eq(in_state[v - 1], wanted);
    }
}

static void run_results(void)
{
    for (int64_t v = 0; v < dcl_graph_value_count(graph); v++)
        in_state[v] = v + 1;
    for (size_t i = 0; i < plan.result_count; i++) {
        run_schedule(&plan.results[i]);
        dcl_value target = dcl_graph_result_value(graph, i);
        ck_assert_int_eq(*holder(&plan.results[i], target), target);
    }
    for (int64_t v = 0; v < dcl_graph_value_count(graph); v++)      /* evaluating changes no parameter */
        ck_assert_int_eq(in_state[v], v + 1);
}

static uint32_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* Any vector that the graph has so far. */
static dcl_value pick_vector(void)
{
    dcl_value value;
    do
        value = 1 + pick((uint32_t)dcl_graph_value_count(graph));
    while (dcl_value_tensor(graph, value)->rank != 1);
    return value;
}

static void add_random_node(void)
{
    static const char *const unaries[] = {"exp", "tanh", "square"};
    static const char *const binaries[] = {"add", "multiply", "divide"};
    dcl_value x = pick_vector(), y = pick_vector(), z = pick_vector();
    switch (pick(4)) {
    case 0: unary(graph, unaries[pick(3)], x); break;
    case 1: binary(graph, binaries[pick(3)], x, y); break;
    case 2: binary(graph, "add", x, unary(graph, "sum", y)); break;
    default:
        dcl_graph_apply(graph, NULL, "sgd", (dcl_value[]){x, y, z}, 3,
                        (dcl_setting[]){{.name = "rate", .number = 0.1}, {0}});
    }
}

static void make_random_graph(uint32_t seed)
{
    enum { PARAMETERS = 4, NODES = 25 };
    static const char *const names[] = {"a", "b", "c"};
    random_state = seed;
    graph = new_graph(DCL_F32);
    for (int i = 0; i < PARAMETERS; i++)
        vector_parameter(graph, NULL, 4, normal);
    while (dcl_graph_node_count(graph) < NODES)
        add_random_node();
    for (dcl_value parameter = 1; parameter <= PARAMETERS; parameter++)
        if (pick(4))
            dcl_graph_assign(graph, parameter, pick_vector());
    for (int i = 0; i < 3; i++)
        dcl_graph_result(graph, names[i], dcl_graph_value_count(graph) - pick(10));
}

START_TEST(in_random_graphs_every_reader_finds_its_value)
{
    dcl_error error;
    dcl_graph_free(graph);
    for (uint32_t seed = 1; seed <= 400; seed++) {
        make_random_graph(seed);
        ASSERT_OK(dcl_graph_status(graph, &error));
        make_plan();
        ck_assert_uint_le(plan.slot_count, ROWS(in_slot));
        run_step();
        run_results();
        dcl__plan_free(&plan);
        dcl_graph_free(graph);
    }
    memset(&plan, 0, sizeof plan);
    graph = NULL;
}
END_TEST

Suite *plan_suite(void)
{
    return make_suite("plan", setup, teardown, (const TTest *[]){
        a_chain_needs_few_buffers, a_chain_of_products_takes_turns, results_share_buffers,
        what_nobody_needs_is_not_run, a_step_runs_only_what_assignments_need,
        an_optimizer_writes_over_its_parameter_without_a_copy,
        a_parameter_that_is_read_later_is_not_written_in_place, swapped_parameters_are_staged,
        a_failed_graph_has_no_plan, an_empty_graph_has_an_empty_plan,
        in_random_graphs_every_reader_finds_its_value, NULL});
}
