/* plan.c: which nodes run for what, in which order, and where every value lives.
 *
 * Nodes run in the order in which they were added, which respects all dependencies. A value's slot is free
 * again after its last reader; an output may take over the place of the input of the same index where its
 * port says so (DCL_PORT_INPLACE) and nobody reads that input later. In a step, an optimizer's output may so
 * be written over the parameter it is assigned to.
 */
#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"

static const size_t NEVER = (size_t)-1, AT_END = (size_t)-2;

/* The making of one schedule. */
typedef struct maker {
    const dcl_graph *graph;
    dcl__plan *plan;
    dcl__schedule *schedule;
    size_t *last_use;            /* by value: position of its last reader, AT_END or NEVER           */
    unsigned char *taken;        /* by slot                                                          */
    size_t taken_capacity;
    int in_step;                 /* parameters may be written in place                               */
} maker;

/* ---- Which nodes ---- */

/* Notes who reads what last: targets and assignments at the end. Marks needed nodes in `needed`. */
static void mark_needed(maker *m, const dcl_value *targets, size_t count, unsigned char *needed)
{
    const dcl_graph *graph = m->graph;
    for (size_t v = 0; v < graph->value_count; v++)
        m->last_use[v] = NEVER;
    for (size_t i = 0; i < count; i++)
        m->last_use[targets[i] - 1] = AT_END;
    for (size_t n = graph->node_count; n-- > 0;) {
        const dcl__node *node = &graph->nodes[n];
        for (uint32_t k = 0; k < node->output_count; k++)
            needed[n] |= m->last_use[node->output - 1 + k] != NEVER;
        for (uint32_t i = 0; needed[n] && i < node->input_count; i++)
            if (node->inputs[i] && m->last_use[node->inputs[i] - 1] == NEVER)
                m->last_use[node->inputs[i] - 1] = n;
    }
}

/* ---- Where values live ---- */

static int slot_is_better(const dcl__plan *plan, size_t slot, size_t best, int64_t bytes)
{
    int64_t mine = plan->slots[slot].bytes, other = plan->slots[best].bytes;
    if (mine >= bytes)
        return other < bytes || mine < other;
    return other < bytes && mine > other;
}

/* A free slot: the smallest that is large enough, else the largest, which grows; else a new one. */
static dcl_status take_slot(maker *m, const char *name, int64_t bytes, int64_t *slot, dcl_error *error)
{
    dcl__plan *plan = m->plan;
    size_t best = plan->slot_count;
    for (size_t s = 0; s < plan->slot_count; s++)
        if (!m->taken[s] && (best == plan->slot_count || slot_is_better(plan, s, best, bytes)))
            best = s;
    if (best == plan->slot_count) {
        dcl_status status = dcl__grow(&plan->slots, sizeof *plan->slots, plan->slot_count, &plan->slot_capacity,
                                      "the plan's buffers", error);
        if (status == DCL_OK)
            status = dcl__grow(&m->taken, 1, plan->slot_count, &m->taken_capacity, "the plan's buffers", error);
        if (status)
            return status;
        plan->slots[plan->slot_count++] = (dcl__slot){0, name};
    }
    if (plan->slots[best].bytes < bytes)
        plan->slots[best] = (dcl__slot){bytes, name};
    m->taken[best] = 1;
    *slot = (int64_t)best;
    return DCL_OK;
}

static int reads_once(const dcl__node *node, uint32_t port)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (i != port && node->inputs[i] == node->inputs[port])
            return 0;
    return 1;
}

/* Whether output k of the node may take over the place of its input k. */
static int can_take_over(const maker *m, size_t n, uint32_t k)
{
    const dcl__node *node = &m->graph->nodes[n];
    if (!(node->op->op.outputs[k].flags & DCL_PORT_INPLACE) || k >= node->input_count || !node->inputs[k])
        return 0;
    const dcl__value *in = dcl__graph_value(m->graph, node->inputs[k]);
    const dcl__value *out = dcl__graph_value(m->graph, node->output + k);
    if (m->last_use[node->inputs[k] - 1] != n || !reads_once(node, k) ||
        dcl__tensor_bytes(&in->tensor) != dcl__tensor_bytes(&out->tensor))
        return 0;
    if (in->kind == DCL_VALUE_OUTPUT)
        return m->schedule->places[node->inputs[k] - 1].state == 0;
    return m->in_step && in->kind == DCL_VALUE_PARAMETER && in->assigned == node->output + k;
}

static dcl_status place_output(maker *m, size_t n, uint32_t k, dcl_error *error)
{
    const dcl__node *node = &m->graph->nodes[n];
    dcl__place *places = m->schedule->places, *place = &places[node->output - 1 + k];
    if (can_take_over(m, n, k)) {
        dcl__place *old = &places[node->inputs[k] - 1];
        *place = *old;
        m->last_use[node->inputs[k] - 1] = NEVER;   /* its slot is no longer its own to free */
        return DCL_OK;
    }
    const dcl__value *value = dcl__graph_value(m->graph, node->output + k);
    return take_slot(m, value->name, dcl__tensor_bytes(&value->tensor), &place->slot, error);
}

static void free_slot(maker *m, dcl_value value)
{
    int64_t slot = m->schedule->places[value - 1].slot;
    if (slot != DCL__NO_SLOT)
        m->taken[slot] = 0;
}

static dcl_status place_scratch(maker *m, const dcl__node *node, int64_t slots[DCL_MAX_SCRATCH], dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int s = 0; s < DCL_MAX_SCRATCH; s++) {
        slots[s] = DCL__NO_SLOT;
        if (node->scratch[s].size && status == DCL_OK)
            status = take_slot(m, node->name, dcl__tensor_bytes(&node->scratch[s]), &slots[s], error);
    }
    return status;
}

/* Places what node n makes, then frees what nobody reads after it. */
static dcl_status place_node(maker *m, size_t position, dcl_error *error)
{
    size_t n = m->schedule->nodes[position];
    const dcl__node *node = &m->graph->nodes[n];
    int64_t *scratch = m->schedule->scratch[position];
    dcl_status status = place_scratch(m, node, scratch, error);
    for (uint32_t k = 0; k < node->output_count && status == DCL_OK; k++)
        status = place_output(m, n, k, error);
    if (status)
        return status;
    for (int s = 0; s < DCL_MAX_SCRATCH; s++)
        if (scratch[s] != DCL__NO_SLOT)
            m->taken[scratch[s]] = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] && m->last_use[node->inputs[i] - 1] == n)
            free_slot(m, node->inputs[i]);
    for (uint32_t k = 0; k < node->output_count; k++)
        if (m->last_use[node->output - 1 + k] == NEVER)
            free_slot(m, node->output + k);
    return DCL_OK;
}

/* ---- Schedules ---- */

static dcl_status allocate_schedule(maker *m, size_t node_count, dcl_error *error)
{
    const dcl_graph *graph = m->graph;
    dcl__schedule *schedule = m->schedule;
    schedule->nodes = calloc(node_count + 1, sizeof *schedule->nodes);
    schedule->scratch = calloc(node_count + 1, sizeof *schedule->scratch);
    schedule->places = calloc(graph->value_count + 1, sizeof *schedule->places);
    if (!schedule->nodes || !schedule->scratch || !schedule->places)
        return dcl__no_memory(error, "a schedule", (int64_t)(graph->value_count * sizeof *schedule->places));
    for (size_t v = 0; v < graph->value_count; v++) {
        schedule->places[v].slot = DCL__NO_SLOT;
        schedule->places[v].state = graph->values[v].kind == DCL_VALUE_OUTPUT ? 0 : (dcl_value)v + 1;
    }
    return DCL_OK;
}

static dcl_status fill_schedule(maker *m, const unsigned char *needed, dcl_error *error)
{
    dcl_status status = allocate_schedule(m, m->graph->node_count, error);
    for (size_t n = 0; status == DCL_OK && n < m->graph->node_count; n++)
        if (needed[n]) {
            m->schedule->nodes[m->schedule->node_count++] = n;
            status = place_node(m, m->schedule->node_count - 1, error);
        }
    return status;
}

static dcl_status make_schedule(const dcl_graph *graph, dcl__plan *plan, const dcl_value *targets, size_t count,
                                int in_step, dcl__schedule *schedule, dcl_error *error)
{
    maker m = {.graph = graph, .plan = plan, .schedule = schedule, .in_step = in_step};
    unsigned char *needed = calloc(graph->node_count + 1, 1);
    m.last_use = malloc((graph->value_count + 1) * sizeof *m.last_use);
    m.taken_capacity = plan->slot_count + 16;
    m.taken = calloc(m.taken_capacity, 1);
    dcl_status status = DCL_OK;
    if (!needed || !m.last_use || !m.taken)
        status = dcl__no_memory(error, "a schedule", (int64_t)(graph->value_count * sizeof *m.last_use));
    if (status == DCL_OK) {
        mark_needed(&m, targets, count, needed);
        status = fill_schedule(&m, needed, error);
    }
    free(needed);
    free(m.last_use);
    free(m.taken);
    return status;
}

/* ---- The plan ---- */

/* Assignments that a node has not already made in place become copies. */
static dcl_status plan_assignments(const dcl_graph *graph, dcl__plan *plan, dcl_error *error)
{
    for (size_t v = 0; v < graph->value_count; v++) {
        dcl_value parameter = (dcl_value)v + 1, value = graph->values[v].assigned;
        if (!value || plan->step.places[value - 1].state == parameter)
            continue;
        dcl__assignment *made = &plan->assignments[plan->assignment_count++];
        *made = (dcl__assignment){parameter, value, DCL__NO_SLOT};
        if (graph->values[value - 1].kind != DCL_VALUE_PARAMETER)
            continue;
        dcl_status status = dcl__grow(&plan->slots, sizeof *plan->slots, plan->slot_count, &plan->slot_capacity,
                                      "the plan's buffers", error);
        if (status)
            return status;
        made->staging = (int64_t)plan->slot_count;
        plan->slots[plan->slot_count++] = (dcl__slot){dcl__tensor_bytes(&graph->values[v].tensor),
                                                      graph->values[v].name};
    }
    return DCL_OK;
}

static dcl_status plan_step(const dcl_graph *graph, dcl__plan *plan, dcl_error *error)
{
    dcl_value *targets = calloc(graph->value_count + 1, sizeof *targets);
    plan->assignments = calloc(graph->value_count + 1, sizeof *plan->assignments);
    size_t count = 0;
    dcl_status status = DCL_OK;
    if (!targets || !plan->assignments)
        status = dcl__no_memory(error, "a plan", (int64_t)(graph->value_count * sizeof *plan->assignments));
    for (size_t v = 0; status == DCL_OK && v < graph->value_count; v++)
        if (graph->values[v].assigned)
            targets[count++] = graph->values[v].assigned;
    if (status == DCL_OK)
        status = make_schedule(graph, plan, targets, count, 1, &plan->step, error);
    if (status == DCL_OK)
        status = plan_assignments(graph, plan, error);
    free(targets);
    return status;
}

static dcl_status plan_results(const dcl_graph *graph, dcl__plan *plan, dcl_error *error)
{
    plan->results = calloc(graph->result_count + 1, sizeof *plan->results);
    if (!plan->results)
        return dcl__no_memory(error, "a plan", (int64_t)((graph->result_count + 1) * sizeof *plan->results));
    plan->result_count = graph->result_count;
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < graph->result_count && status == DCL_OK; i++)
        status = make_schedule(graph, plan, &graph->results[i].value, 1, 0, &plan->results[i], error);
    return status;
}

/* Sums stop at the largest number: no device has as much, and the graph will be refused in words. */
static void add_bytes(int64_t *sum, int64_t bytes)
{
    if (__builtin_add_overflow(*sum, bytes, sum))
        *sum = INT64_MAX;
}

static void add_info(const dcl_graph *graph, dcl__plan *plan)
{
    dcl_plan_info *info = &plan->info;
    info->step_nodes = (int64_t)plan->step.node_count;
    for (size_t i = 0; i < plan->result_count; i++)
        info->evaluation_nodes += (int64_t)plan->results[i].node_count;
    info->buffers = (int64_t)plan->slot_count;
    for (size_t s = 0; s < plan->slot_count; s++)
        add_bytes(&info->buffer_bytes, plan->slots[s].bytes);
    for (size_t v = 0; v < graph->value_count; v++)
        add_bytes(graph->values[v].kind == DCL_VALUE_OUTPUT ? &info->unshared_bytes : &info->state_bytes,
                  dcl__tensor_bytes(&graph->values[v].tensor));
}

dcl_status dcl__plan_make(const dcl_graph *graph, dcl__plan *plan, dcl_error *error)
{
    memset(plan, 0, sizeof *plan);
    dcl_status status = dcl_graph_status(graph, error);
    if (status == DCL_OK)
        status = plan_step(graph, plan, error);
    if (status == DCL_OK)
        status = plan_results(graph, plan, error);
    if (status == DCL_OK)
        add_info(graph, plan);
    return status;
}

static void free_schedule(dcl__schedule *schedule)
{
    free(schedule->nodes);
    free(schedule->places);
    free(schedule->scratch);
}

void dcl__plan_free(dcl__plan *plan)
{
    free_schedule(&plan->step);
    for (size_t i = 0; i < plan->result_count; i++)
        free_schedule(&plan->results[i]);
    free(plan->results);
    free(plan->assignments);
    free(plan->slots);
}
