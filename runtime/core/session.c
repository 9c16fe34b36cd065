/* session.c: runs a planned graph on a device, with its data. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/memory.h"
#include "core/plan.h"
#include "core/random.h"
#include "core/tensor.h"

/* A schedule made ready: one call a node, with buffers filled in. */
typedef struct sequence {
    dcl_call *calls;
    dcl__launches *launches;     /* of each call                                                     */
    size_t count;
} sequence;

struct dcl_session {
    dcl_device *device;
    const dcl_graph *graph;
    size_t value_count;          /* of the graph when the session was made                           */
    dcl__plan plan;
    cl_mem *state;               /* by value; NULL for outputs                                       */
    cl_mem *pool;                /* by slot                                                          */
    unsigned char *fed;          /* by value                                                         */
    sequence step, *results;
    int64_t steps;
    int64_t step_kernels;        /* launched by the last step                                        */
};

/* ---- Checks before anything is allocated ---- */

static dcl_status check_precision(const dcl_device *device, const dcl_graph *graph, dcl_error *error)
{
    if (device->info.fp64)
        return DCL_OK;
    if (graph->dtype == DCL_F64)
        return dcl__fail(error, DCL_EUNSUPPORTED, "the graph computes in f64, but device '%s' has no double precision "
                         "(use f32, or another device: `dropcl devices` lists them)", device->info.name);
    for (size_t n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op->op.needs & DCL_NEEDS_FP64)
            return dcl__fail(error, DCL_EUNSUPPORTED, "node '%s': op '%s' needs double precision, which device '%s' "
                             "does not have", graph->nodes[n].name, graph->nodes[n].op->op.name, device->info.name);
    return DCL_OK;
}

static dcl_status check_memory(const dcl_session *session, dcl_error *error)
{
    const dcl_device *device = session->device;
    const dcl_graph *graph = session->graph;
    const dcl_plan_info *info = &session->plan.info;
    dcl_status status = DCL_OK;
    for (size_t v = 0; v < graph->value_count && status == DCL_OK; v++)
        if (graph->values[v].kind != DCL_VALUE_OUTPUT)
            status = dcl__buffer_check(device, graph->values[v].name, dcl__tensor_bytes(&graph->values[v].tensor),
                                       error);
    for (size_t s = 0; s < session->plan.slot_count && status == DCL_OK; s++)
        status = dcl__buffer_check(device, session->plan.slots[s].name, session->plan.slots[s].bytes, error);
    if (status)
        return status;
    int64_t room = device->info.memory_bytes - device->counts.bytes_allocated;
    if (info->state_bytes > room - info->buffer_bytes)
        return dcl__fail(error, DCL_EDEVICE, "the graph takes %.1f MiB for data and %.1f MiB for intermediate values, "
                         "but device '%s' has %.1f MiB left (use a smaller problem, f32, another device, or free other "
                         "sessions)", dcl__mebibytes(info->state_bytes), dcl__mebibytes(info->buffer_bytes),
                         device->info.name, dcl__mebibytes(room));
    return DCL_OK;
}

/* ---- Buffers ---- */

static dcl_status create_buffers(dcl_session *session, dcl_error *error)
{
    const dcl_graph *graph = session->graph;
    dcl_status status = DCL_OK;
    for (size_t v = 0; v < graph->value_count && status == DCL_OK; v++)
        if (graph->values[v].kind != DCL_VALUE_OUTPUT)
            status = dcl__buffer_create(session->device, graph->values[v].name,
                                        dcl__tensor_bytes(&graph->values[v].tensor), &session->state[v], error);
    for (size_t s = 0; s < session->plan.slot_count && status == DCL_OK; s++)
        status = dcl__buffer_create(session->device, session->plan.slots[s].name, session->plan.slots[s].bytes,
                                    &session->pool[s], error);
    return status;
}

/* Gives a parameter or constant its first content. */
static dcl_status set_initial(dcl_session *session, size_t v, dcl_error *error)
{
    const dcl__value *value = &session->graph->values[v];
    int64_t bytes = dcl__tensor_bytes(&value->tensor);
    void *data = malloc((size_t)bytes);
    if (!data)
        return dcl__no_memory(error, value->name, bytes);
    dcl__random_normal(session->graph->seed, value->initial, value->tensor.dtype, data, value->tensor.count);
    dcl_status status = dcl__buffer_write(session->device, session->state[v], &value->tensor, value->tensor.dtype,
                                          data, error);
    free(data);
    return status;
}

static dcl_status set_initials(dcl_session *session, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t v = 0; v < session->graph->value_count && status == DCL_OK; v++) {
        int kind = session->graph->values[v].kind;
        if (kind == DCL_VALUE_PARAMETER || kind == DCL_VALUE_CONSTANT)
            status = set_initial(session, v, error);
        session->fed[v] = kind != DCL_VALUE_INPUT;
    }
    return status;
}

/* ---- Calls ---- */

static cl_mem buffer_of(const dcl_session *session, const dcl__schedule *schedule, dcl_value value)
{
    const dcl__place *place = &schedule->places[value - 1];
    return place->state ? session->state[place->state - 1] : session->pool[place->slot];
}

static void fill_call(const dcl_session *session, const dcl__schedule *schedule, size_t position, dcl_call *call)
{
    const dcl__node *node = &session->graph->nodes[schedule->nodes[position]];
    dcl__node_call(session->graph, node, call);
    call->device = session->device;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i])
            call->input_tensors[i].buffer = buffer_of(session, schedule, node->inputs[i]);
    for (uint32_t k = 0; k < node->output_count; k++)
        call->outputs[k].buffer = buffer_of(session, schedule, node->output + k);
    for (int s = 0; s < DCL_MAX_SCRATCH; s++)
        if (schedule->scratch[position][s] != DCL__NO_SLOT)
            call->scratch[s].buffer = session->pool[schedule->scratch[position][s]];
}

static dcl_status make_sequence(const dcl_session *session, const dcl__schedule *schedule, sequence *made,
                                dcl_error *error)
{
    made->calls = calloc(schedule->node_count + 1, sizeof *made->calls);
    made->launches = calloc(schedule->node_count + 1, sizeof *made->launches);
    if (!made->calls || !made->launches)
        return dcl__no_memory(error, "the calls of a plan", (int64_t)(schedule->node_count * sizeof *made->calls));
    made->count = schedule->node_count;
    for (size_t i = 0; i < schedule->node_count; i++) {
        fill_call(session, schedule, i, &made->calls[i]);
        made->calls[i].launches = &made->launches[i];
    }
    return DCL_OK;
}

static void free_sequence(sequence *made)
{
    for (size_t i = 0; made->launches && i < made->count; i++)
        dcl__launches_free(&made->launches[i]);
    free(made->launches);
    free(made->calls);
}

static dcl_status make_sequences(dcl_session *session, dcl_error *error)
{
    dcl_status status = make_sequence(session, &session->plan.step, &session->step, error);
    for (size_t i = 0; i < session->plan.result_count && status == DCL_OK; i++)
        status = make_sequence(session, &session->plan.results[i], &session->results[i], error);
    return status;
}

static dcl_status run_sequence(dcl_session *session, const sequence *run, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < run->count && status == DCL_OK; i++) {
        run->calls[i].step = session->steps;
        status = dcl__call(&run->calls[i], DCL__RUN, error);
    }
    return status;
}

/* ---- Life ---- */

static dcl_status allocate(dcl_session *session, dcl_error *error)
{
    size_t values = session->value_count + 1;
    session->state = calloc(values, sizeof *session->state);
    session->fed = calloc(values, 1);
    session->pool = calloc(session->plan.slot_count + 1, sizeof *session->pool);
    session->results = calloc(session->plan.result_count + 1, sizeof *session->results);
    if (!session->state || !session->fed || !session->pool || !session->results)
        return dcl__no_memory(error, "a session", (int64_t)(values * sizeof *session->state));
    return DCL_OK;
}

static dcl_status set_up(dcl_session *session, dcl_error *error)
{
    dcl_status status = check_precision(session->device, session->graph, error);
    if (status == DCL_OK)
        status = dcl__plan_make(session->graph, &session->plan, error);
    if (status == DCL_OK)
        status = check_memory(session, error);
    if (status == DCL_OK)
        status = allocate(session, error);
    if (status == DCL_OK)
        status = create_buffers(session, error);
    if (status == DCL_OK)
        status = set_initials(session, error);
    return status ? status : make_sequences(session, error);
}

dcl_status dcl_session_create(dcl_device *device, const dcl_graph *graph, dcl_session **session, dcl_error *error)
{
    dcl_session *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a session", sizeof *made);
    made->device = device;
    made->graph = graph;
    made->value_count = graph->value_count;
    dcl_status status = set_up(made, error);
    if (status)
        dcl_session_free(made);
    else
        *session = made;
    return status;
}

void dcl_session_free(dcl_session *session)
{
    if (!session)
        return;
    /* OpenCL keeps released buffers until commands that use them are done. */
    for (size_t v = 0; session->state && v < session->value_count; v++)
        dcl__buffer_release(session->device, session->state[v]);
    for (size_t s = 0; session->pool && s < session->plan.slot_count; s++)
        dcl__buffer_release(session->device, session->pool[s]);
    for (size_t i = 0; session->results && i < session->plan.result_count; i++)
        free_sequence(&session->results[i]);
    free_sequence(&session->step);
    free(session->results);
    free(session->state);
    free(session->pool);
    free(session->fed);
    dcl__plan_free(&session->plan);
    free(session);
}

dcl_plan_info dcl_session_plan(const dcl_session *session)
{
    return session->plan.info;
}

int64_t dcl_session_steps(const dcl_session *session)
{
    return session->steps;
}

int64_t dcl_session_kernels(const dcl_session *session)
{
    return session->step_kernels;
}

void dcl_session_set_steps(dcl_session *session, int64_t steps)
{
    session->steps = steps;
}

/* ---- Data in and out ---- */

/* An input or parameter by name; 0 when there is none. What was added to the graph after the session was
 * made has no buffer. */
static dcl_value find_state(const dcl_session *session, const char *name, int with_inputs)
{
    dcl_value value = dcl_value_find(session->graph, name);
    int kind = (size_t)value <= session->value_count ? dcl_value_kind(session->graph, value) : 0;
    return kind == DCL_VALUE_PARAMETER || (with_inputs && kind == DCL_VALUE_INPUT) ? value : 0;
}

/* The place of a result in the plan, or their number when there is none of that name. */
static size_t find_result(const dcl_session *session, const char *name)
{
    size_t i = 0;
    while (i < session->plan.result_count && strcmp(session->graph->results[i].name, name))
        i++;
    return i;
}

const dcl_tensor *dcl_session_tensor(const dcl_session *session, const char *name)
{
    size_t i = find_result(session, name);
    if (i < session->plan.result_count)
        return dcl_value_tensor(session->graph, session->graph->results[i].value);
    return dcl_value_tensor(session->graph, find_state(session, name, 1));
}

dcl_status dcl_session_feed(dcl_session *session, const char *name, uint32_t dtype, const void *data,
                            dcl_error *error)
{
    dcl_value value = find_state(session, name, 1);
    if (!value)
        return dcl__fail(error, DCL_EINVAL, "the graph has no input or parameter '%s' to feed", name);
    dcl_status status = dcl__buffer_write(session->device, session->state[value - 1],
                                          dcl_value_tensor(session->graph, value), dtype, data, error);
    if (status)
        return dcl__prefix(error, status, "feeding '%s'", name);
    session->fed[value - 1] = 1;
    return DCL_OK;
}

/* A value that is an input must have been fed. */
static dcl_status check_fed(const dcl_session *session, dcl_value value, dcl_error *error)
{
    if (dcl_value_kind(session->graph, value) != DCL_VALUE_INPUT || session->fed[value - 1])
        return DCL_OK;
    return dcl__fail(error, DCL_EINVAL, "input '%s' of the graph was not fed", dcl_value_name(session->graph, value));
}

/* All inputs that the schedule reads must have been fed. */
static dcl_status check_schedule_fed(const dcl_session *session, const dcl__schedule *schedule, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < schedule->node_count; i++) {
        const dcl__node *node = &session->graph->nodes[schedule->nodes[i]];
        for (uint32_t k = 0; k < node->input_count && status == DCL_OK; k++)
            status = check_fed(session, node->inputs[k], error);
    }
    return status;
}

/* All inputs of a step, also those that a parameter takes as they are. */
static dcl_status check_step_fed(const dcl_session *session, dcl_error *error)
{
    dcl_status status = check_schedule_fed(session, &session->plan.step, error);
    for (size_t i = 0; i < session->plan.assignment_count && status == DCL_OK; i++)
        status = check_fed(session, session->plan.assignments[i].value, error);
    return status;
}

static dcl_status fetch_result(dcl_session *session, size_t i, uint32_t dtype, void *data, dcl_error *error)
{
    dcl_value value = session->graph->results[i].value;
    dcl_status status = check_schedule_fed(session, &session->plan.results[i], error);
    if (status == DCL_OK)
        status = check_fed(session, value, error);
    if (status == DCL_OK)
        status = run_sequence(session, &session->results[i], error);
    if (status)
        return status;
    return dcl__buffer_read(session->device, buffer_of(session, &session->plan.results[i], value),
                            dcl_value_tensor(session->graph, value), dtype, data, error);
}

dcl_status dcl_session_fetch(dcl_session *session, const char *name, uint32_t dtype, void *data, dcl_error *error)
{
    size_t i = find_result(session, name);
    if (i < session->plan.result_count)
        return fetch_result(session, i, dtype, data, error);
    dcl_value value = find_state(session, name, 0);
    if (!value)
        return dcl__fail(error, DCL_EINVAL, "the graph has no result or parameter '%s' to fetch", name);
    return dcl__buffer_read(session->device, session->state[value - 1], dcl_value_tensor(session->graph, value), dtype,
                            data, error);
}

/* ---- Steps ---- */

static dcl_status copy_buffer(dcl_session *session, cl_mem from, cl_mem to, dcl_value value, dcl_error *error)
{
    size_t bytes = (size_t)dcl__tensor_bytes(dcl_value_tensor(session->graph, value));
    return dcl__cl_check(error, clEnqueueCopyBuffer(session->device->queue, from, to, 0, 0, bytes, 0, NULL, NULL),
                         "clEnqueueCopyBuffer", "assigning '%s'", dcl_value_name(session->graph, value));
}

/* Parameters that take other parameters are staged first, so that all reads see the old values. */
static dcl_status assign(dcl_session *session, dcl_error *error)
{
    const dcl__plan *plan = &session->plan;
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < plan->assignment_count && status == DCL_OK; i++) {
        const dcl__assignment *a = &plan->assignments[i];
        if (a->staging != DCL__NO_SLOT)
            status = copy_buffer(session, session->state[a->value - 1], session->pool[a->staging], a->value, error);
    }
    for (size_t i = 0; i < plan->assignment_count && status == DCL_OK; i++) {
        const dcl__assignment *a = &plan->assignments[i];
        cl_mem from = a->staging != DCL__NO_SLOT ? session->pool[a->staging]
                                                 : buffer_of(session, &plan->step, a->value);
        status = copy_buffer(session, from, session->state[a->parameter - 1], a->value, error);
    }
    return status;
}

/* How many steps may be in the queue: enough to keep the device busy, few enough for its driver's memory. */
enum { MOST_QUEUED = 64 };

static dcl_status run_step(dcl_session *session, dcl_error *error)
{
    const int64_t before = session->device->counts.kernels_launched;
    dcl_status status = run_sequence(session, &session->step, error);
    if (status == DCL_OK)
        status = assign(session, error);
    session->step_kernels = session->device->counts.kernels_launched - before;
    if (status == DCL_OK)
        status = dcl__cl_check(error, clFlush(session->device->queue), "clFlush", "step %" PRId64, session->steps);
    if (status)
        return status;
    session->steps++;
    return session->steps % MOST_QUEUED == 0 ? dcl_session_wait(session, error) : DCL_OK;
}

dcl_status dcl_session_step(dcl_session *session, int64_t steps, dcl_error *error)
{
    if (steps < 0 || session->steps > INT64_MAX - steps)
        return dcl__fail(error, DCL_EINVAL, "%" PRId64 " steps cannot be run", steps);
    dcl_status status = check_step_fed(session, error);
    for (int64_t i = 0; i < steps && status == DCL_OK; i++)
        status = run_step(session, error);
    return status;
}

dcl_status dcl_session_wait(dcl_session *session, dcl_error *error)
{
    return dcl__cl_check(error, clFinish(session->device->queue), "clFinish", "waiting for step %" PRId64,
                         session->steps);
}
