/* graph.c: builds graphs: values, nodes, assignments, results; everything is checked when it is added. */
#include "core/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/schema.h"
#include "core/tensor.h"

dcl_status dcl_graph_create(const dcl_registry *registry, uint32_t dtype, uint64_t seed, dcl_graph **graph,
                            dcl_error *error)
{
    if (dtype != DCL_F32 && dtype != DCL_F64)
        return dcl__fail(error, DCL_EINVAL, "a graph computes in f32 or f64, not in %s", dcl__dtype_name(dtype));
    dcl_graph *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a graph", sizeof *made);
    made->registry = registry;
    made->dtype = dtype;
    made->seed = seed;
    *graph = made;
    return DCL_OK;
}

void dcl_graph_free(dcl_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->node_count; i++) {
        free(graph->nodes[i].name);
        dcl__settings_free(&graph->nodes[i].op->op, graph->nodes[i].settings);
    }
    for (size_t i = 0; i < graph->value_count; i++)
        free(graph->values[i].name);
    for (size_t i = 0; i < graph->result_count; i++)
        free(graph->results[i].name);
    free(graph->nodes);
    free(graph->values);
    free(graph->results);
    free(graph);
}

dcl_status dcl_graph_status(const dcl_graph *graph, dcl_error *error)
{
    return graph->status ? dcl__fail(error, graph->status, "%s", graph->error.text) : DCL_OK;
}

/* Keeps the first failure of a builder. */
static dcl_status keep(dcl_graph *graph, dcl_status status)
{
    if (status && !graph->status)
        graph->status = status;
    return status;
}

/* Where a builder writes its sentence: only the first one is kept. */
static dcl_error *sink(dcl_graph *graph)
{
    return graph->status ? NULL : &graph->error;
}

/* ---- Values ---- */

dcl__value *dcl__graph_value(const dcl_graph *graph, dcl_value value)
{
    return value >= 1 && (size_t)value <= graph->value_count ? &graph->values[value - 1] : NULL;
}

dcl_value dcl_value_find(const dcl_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->value_count; i++)
        if (strcmp(graph->values[i].name, name) == 0)
            return (dcl_value)i + 1;
    return 0;
}

static dcl_value find_result(const dcl_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->result_count; i++)
        if (strcmp(graph->results[i].name, name) == 0)
            return graph->results[i].value;
    return 0;
}

/* Adds a value; takes ownership of `name`, which may be NULL after a failed allocation. */
static dcl_value add_value(dcl_graph *graph, char *name, const dcl__value *value)
{
    dcl_error *error = sink(graph);
    dcl_status status = name ? DCL_OK : DCL_ENOMEM;
    if (status == DCL_OK && dcl_value_find(graph, name))
        status = dcl__fail(error, DCL_EGRAPH, "two values are named '%s'", name);
    if (status == DCL_OK && value->kind == DCL_VALUE_PARAMETER && find_result(graph, name))
        status = dcl__fail(error, DCL_EGRAPH, "parameter '%s' has the name of a result", name);
    if (status == DCL_OK)
        status = dcl__grow(&graph->values, sizeof *graph->values, graph->value_count, &graph->value_capacity,
                           "the values of a graph", error);
    if (status) {
        free(name);
        keep(graph, status);
        return 0;
    }
    dcl__value *added = &graph->values[graph->value_count++];
    *added = *value;
    added->name = name;
    return (dcl_value)graph->value_count;
}

/* A name of the graph's choosing: "PREFIX.N". */
static char *free_name(dcl_graph *graph, const char *prefix)
{
    for (size_t number = graph->value_count + 1;; number++) {
        char *name = dcl__format(sink(graph), "%s.%zu", prefix, number);
        if (!name || !dcl_value_find(graph, name))
            return name;
        free(name);
    }
}

static dcl_value add_source(dcl_graph *graph, int kind, const char *prefix, const char *name, uint32_t dtype,
                            uint32_t rank, const int64_t *dim, dcl_initial initial)
{
    dcl__value value = {.kind = kind, .initial = initial, .node = DCL__NO_NODE};
    int named = name && *name;
    if (keep(graph, dcl__tensor_init(&value.tensor, named ? name : prefix, dtype, rank, dim, sink(graph))))
        return 0;
    return add_value(graph, named ? dcl__copy_string(name, sink(graph)) : free_name(graph, prefix), &value);
}

dcl_value dcl_graph_input(dcl_graph *graph, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    uint32_t type = dtype & DCL_REAL ? graph->dtype : dtype;
    return add_source(graph, DCL_VALUE_INPUT, "input", name, type, rank, dim, (dcl_initial){0});
}

dcl_value dcl_graph_parameter(dcl_graph *graph, const char *name, uint32_t rank, const int64_t *dim,
                              dcl_initial initial)
{
    return add_source(graph, DCL_VALUE_PARAMETER, "parameter", name, graph->dtype, rank, dim, initial);
}

dcl_value dcl_graph_constant(dcl_graph *graph, const char *name, uint32_t rank, const int64_t *dim, double fill)
{
    return add_source(graph, DCL_VALUE_CONSTANT, "constant", name, graph->dtype, rank, dim,
                      (dcl_initial){.fill = fill});
}

/* ---- Nodes ---- */

static dcl_status check_port(const dcl_graph *graph, const char *node, const dcl_op *op, uint32_t i,
                             dcl_value value, dcl_error *error)
{
    const dcl_port *port = &op->inputs[i];
    const dcl__value *given = dcl__graph_value(graph, value);
    if (!given && value)
        return dcl__fail(error, DCL_EGRAPH, "node '%s' (op '%s'): input '%s' is value %" PRId64 ", which does not "
                         "exist", node, op->name, port->name, value);
    if (!given)
        return dcl__fail(error, DCL_EGRAPH, "node '%s' (op '%s') lacks input '%s' (%s)", node, op->name, port->name,
                         port->doc);
    if (!(given->tensor.dtype & port->dtypes))
        return dcl__fail(error, DCL_EGRAPH, "node '%s' (op '%s'): input '%s' takes %s, but '%s' holds %s", node,
                         op->name, port->name, dcl__dtype_name(port->dtypes), given->name,
                         dcl__dtype_name(given->tensor.dtype));
    return DCL_OK;
}

static dcl_status check_inputs(const dcl_graph *graph, const char *node, const dcl_op *op, const dcl_value *inputs,
                               uint32_t count, dcl_error *error)
{
    uint32_t most = dcl__port_count(op->inputs);
    if (count > most)
        return dcl__fail(error, DCL_EGRAPH, "node '%s': op '%s' has %" PRIu32 " inputs, %" PRIu32 " were given", node,
                         op->name, most, count);
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < most && status == DCL_OK; i++) {
        dcl_value value = i < count ? inputs[i] : 0;
        if (value || !(op->inputs[i].flags & DCL_PORT_OPTIONAL))
            status = check_port(graph, node, op, i, value, error);
    }
    return status;
}

void dcl__node_call(const dcl_graph *graph, const dcl__node *node, dcl_call *call)
{
    memset(call, 0, sizeof *call);
    call->op = node->op;
    call->node = node->name;
    call->settings = node->settings;
    call->real = graph->dtype;
    call->seed = graph->seed;
    call->input_count = node->input_count;
    call->output_count = node->output_count;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const dcl__value *value = dcl__graph_value(graph, node->inputs[i]);
        if (value) {
            call->input_tensors[i] = value->tensor;
            call->inputs[i] = &call->input_tensors[i];
        }
    }
    for (uint32_t i = 0; node->output && i < node->output_count; i++)
        call->outputs[i] = dcl__graph_value(graph, node->output + i)->tensor;
    memcpy(call->scratch, node->scratch, sizeof call->scratch);
}

/* Adds to an error which inputs a node had, with the nodes that made them. */
static dcl_status explain_inputs(const dcl_graph *graph, const dcl__node *node, dcl_status status, dcl_error *error)
{
    char shape[DCL__SHAPE_TEXT];
    for (uint32_t i = 0; error && i < node->input_count; i++) {
        const dcl__value *value = dcl__graph_value(graph, node->inputs[i]);
        size_t used = strlen(error->text), room = sizeof error->text - used;
        if (value)
            snprintf(error->text + used, room, "%s '%s' is '%s' (%s)", i ? "," : "; input",
                     node->op->op.inputs[i].name, value->name, dcl__shape_text(&value->tensor, shape));
    }
    return status;
}

/* Infers the outputs and adds them as values. */
static dcl_status add_outputs(dcl_graph *graph, dcl__node *node, int64_t index, dcl_error *error)
{
    dcl_call call;
    dcl__node_call(graph, node, &call);
    dcl_status status = dcl__call(&call, DCL__INFER, error);
    if (status)
        return explain_inputs(graph, node, status, error);
    for (uint32_t i = 0; i < node->output_count; i++) {
        dcl__value value = {.kind = DCL_VALUE_OUTPUT, .tensor = call.outputs[i], .node = index, .port = i};
        char *name = i ? dcl__format(error, "%s:%" PRIu32, node->name, i) : dcl__copy_string(node->name, error);
        dcl_value id = add_value(graph, name, &value);
        if (!id)
            return graph->status;
        node->output = node->output ? node->output : id;
    }
    memcpy(node->scratch, call.scratch, sizeof node->scratch);
    return DCL_OK;
}

static dcl_status make_node(dcl_graph *graph, dcl__node *node, const dcl_value *inputs, const dcl_setting *settings,
                            dcl_error *error)
{
    const dcl_op *op = &node->op->op;
    if (!node->name)
        return DCL_ENOMEM;
    dcl_status status = check_inputs(graph, node->name, op, inputs, node->input_count, error);
    if (status)
        return status;
    for (uint32_t i = 0; i < node->input_count; i++)
        node->inputs[i] = inputs[i];
    status = dcl__settings_resolve(op, settings, &node->settings, error);
    if (status)
        return dcl__prefix(error, status, "node '%s'", node->name);
    status = dcl__grow(&graph->nodes, sizeof *graph->nodes, graph->node_count, &graph->node_capacity,
                       "the nodes of a graph", error);
    return status ? status : add_outputs(graph, node, (int64_t)graph->node_count, error);
}

/* An input of 0 means that an earlier builder failed, unless the port is optional. */
static int has_failed_input(const dcl_graph *graph, const dcl_value *inputs, uint32_t count)
{
    for (uint32_t i = 0; graph->status && i < count; i++)
        if (!inputs[i])
            return 1;
    return 0;
}

dcl_value dcl_graph_apply(dcl_graph *graph, const char *name, const char *op_name, const dcl_value *inputs,
                          uint32_t input_count, const dcl_setting *settings)
{
    if (has_failed_input(graph, inputs, input_count))
        return 0;
    const dcl__op *op = dcl__registry_find(graph->registry, op_name);
    if (!op) {
        keep(graph, dcl__registry_unknown(graph->registry, op_name, sink(graph)));
        return 0;
    }
    dcl__node node = {.op = op, .input_count = input_count, .output_count = dcl__port_count(op->op.outputs)};
    node.name = name && *name ? dcl__copy_string(name, sink(graph)) : free_name(graph, op_name);
    dcl_status status = make_node(graph, &node, inputs, settings, sink(graph));
    if (status) {
        dcl__settings_free(&op->op, node.settings);
        free(node.name);
        keep(graph, status);
        return 0;
    }
    graph->nodes[graph->node_count++] = node;
    return node.output;
}

/* ---- Assignments and results ---- */

dcl_status dcl_graph_assign(dcl_graph *graph, dcl_value parameter, dcl_value value)
{
    dcl__value *target = dcl__graph_value(graph, parameter);
    const dcl__value *source = dcl__graph_value(graph, value);
    dcl_error *error = sink(graph);
    char one[DCL__SHAPE_TEXT], two[DCL__SHAPE_TEXT];
    if (graph->status)
        return graph->status;
    if (!target || !source || target->kind != DCL_VALUE_PARAMETER)
        return keep(graph, dcl__fail(error, DCL_EGRAPH, "an assignment needs a parameter and a value"));
    if (target->assigned)
        return keep(graph, dcl__fail(error, DCL_EGRAPH, "parameter '%s' is assigned twice", target->name));
    if (!dcl__same_shape(&target->tensor, &source->tensor) || target->tensor.dtype != source->tensor.dtype)
        return keep(graph, dcl__fail(error, DCL_EGRAPH, "parameter '%s' (%s) cannot take '%s' (%s): the shapes differ",
                                     target->name, dcl__shape_text(&target->tensor, one), source->name,
                                     dcl__shape_text(&source->tensor, two)));
    target->assigned = value;
    return DCL_OK;
}

dcl_status dcl_graph_result(dcl_graph *graph, const char *name, dcl_value value)
{
    if (graph->status)
        return graph->status;
    if (!name || !*name || !dcl__graph_value(graph, value))
        return keep(graph, dcl__fail(sink(graph), DCL_EGRAPH, "result '%s' has no name or is no value of the graph",
                                     name ? name : ""));
    dcl_value namesake = dcl_value_find(graph, name);
    if (dcl_value_kind(graph, namesake) == DCL_VALUE_PARAMETER && namesake != value)
        return keep(graph, dcl__fail(sink(graph), DCL_EGRAPH, "result '%s' has the name of a parameter, which is "
                                     "fetchable under it already", name));
    if (find_result(graph, name))
        return keep(graph, dcl__fail(sink(graph), DCL_EGRAPH, "two results are named '%s'", name));
    dcl_status status = dcl__grow(&graph->results, sizeof *graph->results, graph->result_count,
                                  &graph->result_capacity, "the results of a graph", sink(graph));
    char *copy = status ? NULL : dcl__copy_string(name, sink(graph));
    if (!copy)
        return keep(graph, DCL_ENOMEM);
    graph->results[graph->result_count++] = (dcl__result){copy, value};
    return DCL_OK;
}

/* ---- Reading ---- */

uint32_t dcl_graph_dtype(const dcl_graph *graph)
{
    return graph->dtype;
}

uint64_t dcl_graph_seed(const dcl_graph *graph)
{
    return graph->seed;
}

int64_t dcl_graph_value_count(const dcl_graph *graph)
{
    return (int64_t)graph->value_count;
}

int dcl_value_kind(const dcl_graph *graph, dcl_value value)
{
    const dcl__value *found = dcl__graph_value(graph, value);
    return found ? found->kind : 0;
}

const char *dcl_value_name(const dcl_graph *graph, dcl_value value)
{
    const dcl__value *found = dcl__graph_value(graph, value);
    return found ? found->name : NULL;
}

const dcl_tensor *dcl_value_tensor(const dcl_graph *graph, dcl_value value)
{
    const dcl__value *found = dcl__graph_value(graph, value);
    return found ? &found->tensor : NULL;
}

dcl_initial dcl_value_initial(const dcl_graph *graph, dcl_value value)
{
    const dcl__value *found = dcl__graph_value(graph, value);
    return found ? found->initial : (dcl_initial){0};
}

dcl_value dcl_value_assigned(const dcl_graph *graph, dcl_value parameter)
{
    const dcl__value *found = dcl__graph_value(graph, parameter);
    return found ? found->assigned : 0;
}

size_t dcl_graph_result_count(const dcl_graph *graph)
{
    return graph->result_count;
}

const char *dcl_graph_result_name(const dcl_graph *graph, size_t i)
{
    return graph->results[i].name;
}

dcl_value dcl_graph_result_value(const dcl_graph *graph, size_t i)
{
    return graph->results[i].value;
}

size_t dcl_graph_node_count(const dcl_graph *graph)
{
    return graph->node_count;
}

dcl_node_info dcl_graph_node(const dcl_graph *graph, size_t i)
{
    const dcl__node *node = &graph->nodes[i];
    return (dcl_node_info){.name = node->name, .op = &node->op->op, .inputs = node->inputs,
                           .input_count = node->input_count, .output_count = node->output_count,
                           .output = node->output, .settings = node->settings};
}
