/* trial.c: runs a case on a device inside guarded buffers, or by the op's reference on the host. */
#include "conformance/trial.h"

#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/tensor.h"

/* Bytes on either side, and the words of both. */
enum { GUARD = 4096, GUARD_WORDS = 2 * GUARD / 4 };

/* Input i of the case in the element type of its tensor; to be freed. */
static void *host_input(const dcl__trial_case *made, uint32_t i, const dcl_tensor *tensor)
{
    void *data = malloc((size_t)dcl__tensor_bytes(tensor));
    if (data && tensor->dtype == DCL_I64)
        for (int64_t j = 0; j < tensor->count; j++)
            ((int64_t *)data)[j] = (int64_t)made->data[i][j];
    else if (data)
        dcl__convert(tensor->dtype, data, DCL_F64, made->data[i], tensor->count);
    return data;
}

static void to_double(const dcl_tensor *tensor, const void *data, double *out)
{
    if (tensor->dtype == DCL_I64)
        for (int64_t j = 0; j < tensor->count; j++)
            out[j] = (double)((const int64_t *)data)[j];
    else
        dcl__convert(DCL_F64, out, tensor->dtype, data, tensor->count);
}

static dcl_status add_output(dcl__outcome *outcome, const dcl_tensor *tensor, const void *data, dcl_error *error)
{
    double *copy = malloc((size_t)tensor->count * sizeof *copy);
    if (!copy)
        return dcl__no_memory(error, "an output", tensor->count * (int64_t)sizeof *copy);
    to_double(tensor, data, copy);
    outcome->tensors[outcome->count] = *tensor;
    outcome->data[outcome->count++] = copy;
    return DCL_OK;
}

void dcl__outcome_free(dcl__outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->count; i++)
        free(outcome->data[i]);
    memset(outcome, 0, sizeof *outcome);
}

/* ---- On the device ---- */

/* A device buffer between two guards: a part of a larger one, which starts at GUARD. */
typedef struct guarded {
    const char *what;            /* name of the port                                                 */
    cl_mem whole, buffer;
    int64_t bytes;               /* of the buffer                                                    */
    unsigned char *content;      /* of the whole, as it should still be; owned                       */
    int read_only;
} guarded;

typedef struct bench {
    dcl_device *device;
    guarded inputs[DCL_MAX_PORTS], outputs[DCL_MAX_PORTS], scratch[DCL_MAX_SCRATCH];
    dcl_call call;
} bench;

/* Every word of the guards is a NaN in f32 and f64, so that what is computed from it shows. Around inputs all bits are
 * 1, which makes a harmless index too. Around buffers that are written each word has a payload of its own, its place
 * and their `number` (from 1 to 30): what a kernel copies from behind one buffer, or computes of it, stands nowhere
 * behind another, from the first byte on. */
static void fill_guards(guarded *made, size_t whole, uint32_t number)
{
    const size_t behind = GUARD + (size_t)made->bytes;
    uint32_t guard[GUARD_WORDS + 1];
    for (uint32_t i = 0; i <= GUARD_WORDS; i++)
        guard[i] = made->read_only ? 0xffffffffu : 0x7ff00000u | i << 5 | number;
    memcpy(made->content, guard, GUARD);
    memcpy(made->content + behind, guard + GUARD / 4, whole - behind);
}

/* The whole buffer as a tensor of 8-byte numbers. */
static dcl_tensor whole_tensor(const guarded *g)
{
    dcl_tensor tensor;
    dcl__tensor_init(&tensor, g->what, DCL_I64, 1, &(int64_t){(g->bytes + 7) / 8 + 2 * GUARD / 8}, NULL);
    return tensor;
}

static dcl_status make_part(dcl_device *device, guarded *made, dcl_error *error)
{
    cl_int code;
    const cl_buffer_region region = {GUARD, (size_t)made->bytes};
    cl_mem part = clCreateSubBuffer(made->whole, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (code == CL_SUCCESS)
        made->buffer = part;
    return dcl__cl_check(error, code, "clCreateSubBuffer", "guarding '%s' on device '%s'", made->what,
                         device->info.name);
}

/* `content` NULL: filled with garbage, and meant to be written; then `number` is its own. */
static dcl_status make_guarded(dcl_device *device, const char *what, int64_t bytes, const void *content,
                               uint8_t garbage, uint32_t number, guarded *made, dcl_error *error)
{
    *made = (guarded){.what = what, .bytes = bytes, .read_only = content != NULL};
    dcl_tensor tensor = whole_tensor(made);
    int64_t whole = dcl__tensor_bytes(&tensor);
    made->content = malloc((size_t)whole);
    if (!made->content)
        return dcl__no_memory(error, what, whole);
    fill_guards(made, (size_t)whole, number);
    if (content)
        memcpy(made->content + GUARD, content, (size_t)bytes);
    else
        memset(made->content + GUARD, garbage, (size_t)bytes);
    dcl_status status = dcl__buffer_create(device, what, whole, &made->whole, error);
    if (status == DCL_OK)
        status = dcl__buffer_write(device, made->whole, &tensor, DCL_I64, made->content, error);
    return status ? status : make_part(device, made, error);
}

static void free_guarded(dcl_device *device, guarded *made)
{
    if (made->buffer)
        clReleaseMemObject(made->buffer);
    dcl__buffer_release(device, made->whole);
    free(made->content);
}

/* A sentence about the first byte that a kernel had no business to change; DCL_OK when there is none. */
static dcl_status compare_guarded(const guarded *g, const unsigned char *now_there, int64_t whole, const char *op,
                                  dcl_error *error)
{
    for (int64_t i = 0; i < whole; i++) {
        int64_t at = i - GUARD;
        int inside = at >= 0 && at < g->bytes;
        if (now_there[i] == g->content[i] || (inside && !g->read_only))
            continue;
        return dcl__fail(error, DCL_EPLUGIN, inside
                         ? "a kernel of op '%s' changes '%s', which it may only read (byte %lld of %lld)"
                         : "a kernel of op '%s' writes out of bounds of '%s' (byte %lld, it has %lld)", op, g->what,
                         (long long)at, (long long)g->bytes);
    }
    return DCL_OK;
}

/* Reads the buffer back; the guards, and all of a read-only buffer, must be untouched. */
static dcl_status check_guarded(dcl_device *device, guarded *made, const char *op, dcl_error *error)
{
    if (!made->buffer)
        return DCL_OK;
    dcl_tensor tensor = whole_tensor(made);
    int64_t whole = dcl__tensor_bytes(&tensor);
    unsigned char *now_there = malloc((size_t)whole);
    if (!now_there)
        return dcl__no_memory(error, made->what, whole);
    dcl_status status = dcl__buffer_read(device, made->whole, &tensor, DCL_I64, now_there, error);
    if (status == DCL_OK)
        status = compare_guarded(made, now_there, whole, op, error);
    free(made->content);
    made->content = now_there;
    return status;
}

static dcl_status put_inputs(bench *b, const dcl__trial_case *made, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < made->input_count && status == DCL_OK; i++) {
        if (!b->call.inputs[i])
            continue;
        dcl_tensor *tensor = &b->call.input_tensors[i];
        void *data = host_input(made, i, tensor);
        status = data ? make_guarded(b->device, made->op->op.inputs[i].name, dcl__tensor_bytes(tensor), data, 0, 0,
                                     &b->inputs[i], error)
                      : dcl__no_memory(error, "an input", dcl__tensor_bytes(tensor));
        tensor->buffer = b->inputs[i].buffer;
        free(data);
    }
    return status;
}

static dcl_status put_outputs(bench *b, uint8_t garbage, dcl_error *error)
{
    dcl_call *call = &b->call;
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < call->output_count && status == DCL_OK; i++) {
        status = make_guarded(b->device, call->op->op.outputs[i].name, dcl__tensor_bytes(&call->outputs[i]), NULL,
                              garbage, 1 + i, &b->outputs[i], error);
        call->outputs[i].buffer = b->outputs[i].buffer;
    }
    for (uint32_t s = 0; s < DCL_MAX_SCRATCH && status == DCL_OK; s++) {
        if (!call->scratch[s].size)
            continue;
        status = make_guarded(b->device, "scratch", dcl__tensor_bytes(&call->scratch[s]), NULL, garbage,
                              1 + DCL_MAX_PORTS + s, &b->scratch[s], error);
        call->scratch[s].buffer = b->scratch[s].buffer;
    }
    return status;
}

static dcl_status collect(bench *b, dcl__outcome *outcome, dcl_error *error)
{
    const char *op = b->call.op->op.name;
    dcl_status status = DCL_OK;
    for (int i = 0; i < DCL_MAX_PORTS && status == DCL_OK; i++)
        status = check_guarded(b->device, &b->inputs[i], op, error);
    for (int i = 0; i < DCL_MAX_SCRATCH && status == DCL_OK; i++)
        status = check_guarded(b->device, &b->scratch[i], op, error);
    for (uint32_t i = 0; i < b->call.output_count && status == DCL_OK; i++) {
        status = check_guarded(b->device, &b->outputs[i], op, error);
        if (status == DCL_OK)
            status = add_output(outcome, &b->call.outputs[i], b->outputs[i].content + GUARD, error);
    }
    return status;
}

dcl_status dcl__trial_device(const dcl__trial_case *made, dcl_device *device, uint32_t real, uint8_t garbage,
                             dcl__outcome *outcome, dcl_error *error)
{
    memset(outcome, 0, sizeof *outcome);
    bench *b = calloc(1, sizeof *b);
    if (!b)
        return dcl__no_memory(error, "a trial", sizeof *b);
    b->device = device;
    dcl_status status = dcl__case_infer(made, real, &b->call, error);
    b->call.device = device;
    if (status == DCL_OK)
        status = put_inputs(b, made, error);
    if (status == DCL_OK)
        status = put_outputs(b, garbage, error);
    double start = dcl__now();
    if (status == DCL_OK)
        status = dcl__call(&b->call, DCL__RUN, error);
    if (status == DCL_OK)
        status = dcl__cl_check(error, clFinish(device->queue), "clFinish", "running op '%s'", made->op->op.name);
    outcome->seconds = dcl__now() - start;
    if (status == DCL_OK)
        status = collect(b, outcome, error);
    for (int i = 0; i < DCL_MAX_PORTS; i++) {
        free_guarded(device, &b->inputs[i]);
        free_guarded(device, &b->outputs[i]);
    }
    for (int i = 0; i < DCL_MAX_SCRATCH; i++)
        free_guarded(device, &b->scratch[i]);
    free(b);
    if (status)
        dcl__outcome_free(outcome);
    return status;
}

/* ---- By the reference ---- */

static dcl_status put_host_data(const dcl__trial_case *made, dcl_call *call, dcl_error *error)
{
    for (uint32_t i = 0; i < made->input_count; i++)
        if (call->inputs[i] && !(call->input_tensors[i].data = host_input(made, i, call->inputs[i])))
            return dcl__no_memory(error, "an input", dcl__tensor_bytes(call->inputs[i]));
    for (uint32_t i = 0; i < call->output_count; i++)
        if (!(call->outputs[i].data = calloc(1, (size_t)dcl__tensor_bytes(&call->outputs[i]))))
            return dcl__no_memory(error, "an output", dcl__tensor_bytes(&call->outputs[i]));
    return DCL_OK;
}

dcl_status dcl__trial_reference(const dcl__trial_case *made, uint32_t real, dcl__outcome *outcome,
                                dcl_error *error)
{
    memset(outcome, 0, sizeof *outcome);
    dcl_call call;
    dcl_status status = dcl__case_infer(made, real, &call, error);
    if (status)
        return status;
    status = put_host_data(made, &call, error);
    double start = dcl__now();
    if (status == DCL_OK)
        status = dcl__call(&call, DCL__REFERENCE, error);
    outcome->seconds = dcl__now() - start;
    for (uint32_t i = 0; i < call.output_count && status == DCL_OK; i++)
        status = add_output(outcome, &call.outputs[i], call.outputs[i].data, error);
    for (int i = 0; i < DCL_MAX_PORTS; i++) {
        free(call.input_tensors[i].data);
        free(call.outputs[i].data);
    }
    if (status)
        dcl__outcome_free(outcome);
    return status;
}
