/* gradient.c: extends a graph by the nodes of a derivative (reverse mode, out of the ops' own gradients). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/graph.h"
#include "core/memory.h"
#include "core/schema.h"

/* The work of one differentiation. The arrays cover the values that the graph had at its start. */
typedef struct backward {
    dcl_graph *graph;
    const dcl__op *accumulator;
    size_t value_count;
    unsigned char *depends;      /* by value: it depends on what is differentiated by                */
    dcl_value *gradient;         /* by value: d(scalar)/d(value), 0 where nothing flows              */
    int64_t *consumer;           /* by value: the node through which its gradient first came         */
    int explained;               /* an op's gradient failed: `error` says where                      */
} backward;

/* Marks the values that depend on wrt; nodes are in order, so one pass does. */
static void mark_dependent(backward *b, const dcl_value *wrt, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        b->depends[wrt[i] - 1] = 1;
    for (size_t n = 0; n < b->graph->node_count; n++) {
        const dcl__node *node = &b->graph->nodes[n];
        const dcl_port *ports = node->op->op.inputs;
        unsigned char depends = 0;
        for (uint32_t i = 0; i < node->input_count; i++)
            if (node->inputs[i] && !(ports[i].flags & DCL_PORT_CONSTANT))
                depends |= b->depends[node->inputs[i] - 1];
        for (uint32_t k = 0; depends && k < node->output_count; k++)
            b->depends[node->output - 1 + k] = 1;
    }
}

/* Inputs of a node that need a gradient, as bits. */
static uint32_t wanted_inputs(const backward *b, const dcl__node *node)
{
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] && b->depends[node->inputs[i] - 1] &&
            !(node->op->op.inputs[i].flags & DCL_PORT_CONSTANT))
            wanted |= 1u << i;
    return wanted;
}

/* DCL_EGRAPH with the way from the node to the scalar. */
static dcl_status no_gradient(const backward *b, size_t index, dcl_error *error)
{
    const dcl__node *node = &b->graph->nodes[index];
    char path[1024];
    size_t used = 0;
    path[0] = '\0';
    for (int64_t n = (int64_t)index; n != DCL__NO_NODE && used < sizeof path;) {
        const dcl__node *at = &b->graph->nodes[n];
        used += (size_t)snprintf(path + used, sizeof path - used, "%s'%s'", used ? " -> " : "", at->name);
        n = DCL__NO_NODE;
        for (uint32_t k = 0; k < at->output_count; k++)
            if (b->gradient[at->output - 1 + k])
                n = b->consumer[at->output - 1 + k];
    }
    return dcl__fail(error, DCL_EGRAPH, "op '%s' (%s) has no gradient, but one is needed on the path %s",
                     node->op->op.name, node->op->file, path);
}

/* Adds `value` to the gradient of `target`. */
static dcl_status accumulate(backward *b, dcl_value target, dcl_value value, size_t consumer)
{
    dcl_value *sum = &b->gradient[target - 1];
    if (!*sum) {
        b->consumer[target - 1] = (int64_t)consumer;
        *sum = value;
        return DCL_OK;
    }
    *sum = dcl_graph_apply(b->graph, NULL, b->accumulator->op.name, (dcl_value[]){*sum, value}, 2, NULL);
    return b->graph->status;
}

static dcl_status differentiate_node(backward *b, size_t index, dcl_error *error)
{
    /* A copy: emitting nodes moves the array. */
    const dcl__node node = b->graph->nodes[index];
    dcl_value output_gradients[DCL_MAX_PORTS] = {0}, any = 0;
    for (uint32_t k = 0; k < node.output_count; k++)
        any |= output_gradients[k] = b->gradient[node.output - 1 + k];
    uint32_t wanted = wanted_inputs(b, &node);
    if (!any || !wanted)
        return DCL_OK;
    if (!node.op->op.gradient)
        return no_gradient(b, index, error);
    dcl__gradient_call gradient = {.graph = b->graph, .inputs = node.inputs, .output = node.output,
                                   .output_gradients = output_gradients, .wanted = wanted};
    dcl_call call;
    dcl__node_call(b->graph, &node, &call);
    call.gradient = &gradient;
    dcl_status status = dcl__call(&call, DCL__GRADIENT, error);
    if (status)
        b->explained = 1;
    for (uint32_t i = 0; i < node.input_count && status == DCL_OK; i++)
        if ((wanted >> i & 1) && gradient.given[i])
            status = accumulate(b, node.inputs[i], gradient.given[i], index);
    return status;
}

static dcl_status check_request(const dcl_graph *graph, dcl_value scalar, const dcl_value *wrt, uint32_t count,
                                dcl_error *error)
{
    const dcl__value *value = dcl__graph_value(graph, scalar);
    if (!value || value->tensor.count != 1 || !(value->tensor.dtype & DCL_REAL))
        return dcl__fail(error, DCL_EGRAPH, "only a real value with one element can be differentiated%s%s",
                         value ? ", not " : "", value ? value->name : "");
    for (uint32_t i = 0; i < count; i++)
        if (!dcl__graph_value(graph, wrt[i]))
            return dcl__fail(error, DCL_EGRAPH, "cannot differentiate by value %" PRId64 ", which does not exist",
                             wrt[i]);
    return DCL_OK;
}

static dcl_status start(backward *b, dcl_graph *graph, dcl_error *error)
{
    b->graph = graph;
    b->value_count = graph->value_count;
    b->accumulator = dcl__registry_accumulator(graph->registry);
    if (!b->accumulator)
        return dcl__fail(error, DCL_EGRAPH, "no loaded op has the flag DCL_OP_ACCUMULATES, which sums gradients");
    b->depends = calloc(b->value_count, sizeof *b->depends);
    b->gradient = calloc(b->value_count, sizeof *b->gradient);
    b->consumer = malloc(b->value_count * sizeof *b->consumer);
    if (!b->depends || !b->gradient || !b->consumer)
        return dcl__no_memory(error, "a gradient", (int64_t)(b->value_count * sizeof *b->gradient));
    for (size_t i = 0; i < b->value_count; i++)
        b->consumer[i] = DCL__NO_NODE;
    return DCL_OK;
}

static dcl_status run_backward(backward *b, dcl_value scalar, const dcl_value *wrt, uint32_t count,
                               dcl_error *error)
{
    dcl_graph *graph = b->graph;
    const dcl_tensor one = *dcl_value_tensor(graph, scalar);
    size_t nodes = graph->node_count;
    mark_dependent(b, wrt, count);
    b->gradient[scalar - 1] = dcl_graph_constant(graph, NULL, one.rank, one.dim, 1);
    dcl_status status = graph->status;
    for (size_t n = nodes; n-- > 0 && status == DCL_OK;)
        status = differentiate_node(b, n, error);
    return status;
}

dcl_status dcl_graph_gradient(dcl_graph *graph, dcl_value scalar, const dcl_value *wrt, uint32_t count,
                              dcl_value *gradients)
{
    if (graph->status)
        return graph->status;
    backward b = {0};
    dcl_error error;
    dcl_status status = check_request(graph, scalar, wrt, count, &error);
    if (status == DCL_OK)
        status = start(&b, graph, &error);
    if (status == DCL_OK)
        status = run_backward(&b, scalar, wrt, count, &error);
    for (uint32_t i = 0; i < count && status == DCL_OK; i++) {
        const dcl_tensor shape = *dcl_value_tensor(graph, wrt[i]);
        dcl_value found = b.gradient[wrt[i] - 1];
        gradients[i] = found ? found : dcl_graph_constant(graph, NULL, shape.rank, shape.dim, 0);
    }
    free(b.depends);
    free(b.gradient);
    free(b.consumer);
    if (status && (b.explained || !graph->status)) {
        graph->status = status;
        graph->error = error;
    }
    return graph->status;
}
