/* host.c: the services that plugins see, and the calls into plugins. */
#include "core/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/blas.h"
#include "core/buffer.h"
#include "core/graph.h"
#include "core/random.h"
#include "core/schema.h"
#include "core/tensor.h"
#include "dropcl/opencl.h"

/* ---- In every call ---- */

static dcl_status fail(dcl_call *call, dcl_status code, const char *text)
{
    call->explained = 1;
    return dcl__fail(call->error, code < 0 ? code : DCL_EINTERNAL, "%s", text);
}

/* Notes a failure of the host inside a service. */
static dcl_status failed_inside(dcl_call *call, dcl_status status)
{
    if (status)
        call->explained = 1;
    return status;
}

static dcl_status only_in(dcl_call *call, dcl__stage stage, const char *service)
{
    static const char *const names[] = {"infer", "run", "reference", "gradient"};
    if (call->stage == stage)
        return DCL_OK;
    char text[128];
    snprintf(text, sizeof text, "host->%s is for %s() only, it was called in %s()", service, names[stage],
             names[call->stage]);
    return fail(call, DCL_EPLUGIN, text);
}

static void log_line(dcl_call *call, uint32_t level, const char *text)
{
    if (call->device)
        dcl__log(call->device, level, "node '%s' (op '%s'): %s", call->node, call->op->op.name, text);
}

static void *user(dcl_call *call)
{
    return call->op->op.user;
}

static const dcl_tensor *input(dcl_call *call, uint32_t i)
{
    return i < call->input_count ? call->inputs[i] : NULL;
}

static const dcl_tensor *output(dcl_call *call, uint32_t i)
{
    return call->stage != DCL__INFER && i < call->output_count ? &call->outputs[i] : NULL;
}

static const dcl_setting *setting(dcl_call *call, const char *name)
{
    static const dcl_setting none = {.string = ""};
    const dcl_setting *found = dcl__setting_find(call->settings, name);
    return found ? found : &none;
}

static int64_t integer(dcl_call *call, const char *name)
{
    return setting(call, name)->integer;
}

static double number(dcl_call *call, const char *name)
{
    return setting(call, name)->number;
}

static const char *string(dcl_call *call, const char *name)
{
    const char *text = setting(call, name)->string;
    return text ? text : "";
}

static const int64_t *list(dcl_call *call, const char *name, int64_t *count)
{
    const dcl_setting *found = setting(call, name);
    *count = found->count;
    return found->list;
}

static uint32_t real(dcl_call *call)
{
    return call->real;
}

/* ---- Infer ---- */

static dcl_status set_output(dcl_call *call, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    if (only_in(call, DCL__INFER, "set_output"))
        return DCL_EPLUGIN;
    if (i >= call->output_count)
        return fail(call, DCL_EPLUGIN, "set_output: there is no such output");
    const dcl_port *port = &call->op->op.outputs[i];
    if (!(dtype & port->dtypes) || ((dtype & DCL_REAL) && dtype != call->real))
        return fail(call, DCL_EPLUGIN, "set_output: the output's port or the graph does not allow this element type");
    return failed_inside(call, dcl__tensor_init(&call->outputs[i], port->name, dtype, rank, dim, call->error));
}

static dcl_status set_scratch(dcl_call *call, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
    if (only_in(call, DCL__INFER, "set_scratch"))
        return DCL_EPLUGIN;
    if (i >= DCL_MAX_SCRATCH)
        return fail(call, DCL_EPLUGIN, "set_scratch: there are 4 scratch tensors");
    return failed_inside(call, dcl__tensor_init(&call->scratch[i], "scratch", dtype, rank, dim, call->error));
}

/* ---- Run and reference ---- */

static int64_t step(dcl_call *call)
{
    return call->step;
}

static void key(dcl_call *call, uint32_t stream, uint32_t words[4])
{
    words[0] = (uint32_t)call->seed;
    words[1] = (uint32_t)(call->seed >> 32);
    words[2] = (uint32_t)call->step;
    words[3] = stream;
}

/* ---- Run ---- */

static const dcl_tensor *scratch(dcl_call *call, uint32_t i)
{
    return call->stage == DCL__RUN && i < DCL_MAX_SCRATCH && call->scratch[i].size ? &call->scratch[i] : NULL;
}

static dcl_status launch(dcl_call *call, const char *name, const char *defines, const dcl_argument *arguments,
                         uint32_t argument_count, uint32_t dims, const uint64_t *global, const uint64_t *local)
{
    if (only_in(call, DCL__RUN, "launch"))
        return DCL_EPLUGIN;
    const dcl_op *op = &call->op->op;
    if (!op->source || dims < 1 || dims > 3)
        return fail(call, DCL_EPLUGIN, "launch: the op has no kernel source, or dims is not 1, 2 or 3");
    for (uint32_t i = 0; i < dims; i++)
        if (global[i] == 0)
            return DCL_OK;
    const dcl__build build = {op->name, op->source, call->real, defines};
    cl_kernel kernel;
    dcl_status status = dcl__launch_prepare(call->device, call->launches, &build, name, arguments, argument_count,
                                            &kernel, call->error);
    if (status == DCL_OK)
        status = dcl__enqueue(call->device, kernel, name, dims, global, local, call->error);
    return failed_inside(call, status);
}

/* The rows and columns lie inside the tensor. */
static int is_inside(const dcl_view *view)
{
    const dcl_tensor *tensor = view->tensor;
    return tensor && view->rows > 0 && view->columns > 0 && view->offset >= 0 && view->stride >= view->columns &&
           (view->rows - 1) <= (tensor->count - view->offset - view->columns) / view->stride &&
           view->offset + view->columns <= tensor->count;
}

/* The inner sizes of a product agree, and so does the output. */
static int product_fits(uint32_t transpose, const dcl_view *a, const dcl_view *b, const dcl_view *c)
{
    const int ta = (transpose & DCL_TRANSPOSE_A) != 0, tb = (transpose & DCL_TRANSPOSE_B) != 0;
    const uint32_t dtype = is_inside(a) && is_inside(b) && is_inside(c) ? a->tensor->dtype : 0;
    return (dtype & DCL_REAL) && b->tensor->dtype == dtype && c->tensor->dtype == dtype &&
           (ta ? a->rows : a->columns) == (tb ? b->columns : b->rows) && c->rows == (ta ? a->columns : a->rows) &&
           c->columns == (tb ? b->rows : b->columns);
}

static dcl_status gemm_view(dcl_call *call, uint32_t transpose, double alpha, const dcl_view *a, const dcl_view *b,
                            double beta, const dcl_view *c)
{
    if (only_in(call, DCL__RUN, "gemm"))
        return DCL_EPLUGIN;
    if (!product_fits(transpose, a, b, c))
        return fail(call, DCL_EPLUGIN, "gemm: the shapes or element types of the matrices do not fit");
    const dcl__product p = {.dtype = a->tensor->dtype, .transpose = transpose, .m = c->rows, .n = c->columns,
                            .k = transpose & DCL_TRANSPOSE_A ? a->rows : a->columns, .alpha = alpha, .beta = beta,
                            .a = {a->tensor->buffer, a->offset, a->stride},
                            .b = {b->tensor->buffer, b->offset, b->stride},
                            .c = {c->tensor->buffer, c->offset, c->stride}};
    return failed_inside(call, dcl__gemm_run(call->device, &p, call->error));
}

static dcl_status gemm(dcl_call *call, uint32_t transpose, double alpha, const dcl_tensor *a, const dcl_tensor *b,
                       double beta, const dcl_tensor *c)
{
    if (a->rank != 2 || b->rank != 2 || c->rank != 2)
        return fail(call, DCL_EPLUGIN, "gemm: the shapes or element types of the matrices do not fit");
    const dcl_view views[] = {dcl_view_of(a), dcl_view_of(b), dcl_view_of(c)};
    return gemm_view(call, transpose, alpha, &views[0], &views[1], beta, &views[2]);
}

static dcl_status transfer_allowed(dcl_call *call, const char *service)
{
    if (only_in(call, DCL__RUN, service))
        return DCL_EPLUGIN;
    if (!(call->op->op.flags & DCL_OP_WAITS))
        return fail(call, DCL_EPLUGIN, "host->read and host->write are for ops with the flag DCL_OP_WAITS");
    return DCL_OK;
}

static dcl_status read_tensor(dcl_call *call, const dcl_tensor *tensor, void *to)
{
    dcl_status status = transfer_allowed(call, "read");
    if (status)
        return status;
    return failed_inside(call, dcl__buffer_read(call->device, tensor->buffer, tensor, tensor->dtype, to, call->error));
}

static dcl_status write_tensor(dcl_call *call, const dcl_tensor *tensor, const void *from)
{
    dcl_status status = transfer_allowed(call, "write");
    if (status)
        return status;
    return failed_inside(call, dcl__buffer_write(call->device, tensor->buffer, tensor, tensor->dtype, from,
                                                 call->error));
}

/* 0 where kernels with explicit vectors are not the fast ones. */
static int64_t tile_property(dcl_call *call, uint32_t property)
{
    int packed = 0;
    if (dcl__gemm_is_packed(call->device, call->real, &packed, NULL) || !packed)
        return 0;
    const dcl__tile tile = dcl__tile_of(call->device, call->real);
    return property == DCL_DEVICE_TILE_LANES ? tile.lanes : property == DCL_DEVICE_TILE_ROWS ? tile.rows : tile.columns;
}

static int64_t device_property(dcl_call *call, uint32_t property)
{
    if (!call->device)
        return 0;
    const dcl_device_info *info = &call->device->info;
    switch (property) {
    case DCL_DEVICE_IS_CPU: return info->type == DCL_TYPE_CPU;
    case DCL_DEVICE_COMPUTE_UNITS: return info->compute_units;
    case DCL_DEVICE_WORK_GROUP: return info->work_group;
    case DCL_DEVICE_LOCAL_BYTES: return info->local_bytes;
    case DCL_DEVICE_TILE_LANES:
    case DCL_DEVICE_TILE_ROWS:
    case DCL_DEVICE_TILE_COLUMNS: return tile_property(call, property);
    default: return 0;
    }
}

/* ---- Gradient ---- */

static int32_t wants(dcl_call *call, uint32_t i)
{
    return call->gradient && i < call->input_count && (call->gradient->wanted >> i & 1);
}

static dcl_value input_value(dcl_call *call, uint32_t i)
{
    return call->gradient && i < call->input_count ? call->gradient->inputs[i] : 0;
}

static dcl_value output_value(dcl_call *call, uint32_t i)
{
    return call->gradient && i < call->output_count ? call->gradient->output + i : 0;
}

static dcl_value output_gradient(dcl_call *call, uint32_t i)
{
    return call->gradient && i < call->output_count ? call->gradient->output_gradients[i] : 0;
}

static dcl_value emit(dcl_call *call, const char *op, const dcl_value *inputs, uint32_t input_count,
                      const dcl_setting *settings)
{
    if (!call->gradient)
        return 0;
    return dcl_graph_apply(call->gradient->graph, NULL, op, inputs, input_count, settings);
}

static dcl_value constant(dcl_call *call, uint32_t rank, const int64_t *dim, double fill)
{
    return call->gradient ? dcl_graph_constant(call->gradient->graph, NULL, rank, dim, fill) : 0;
}

static const dcl_tensor *value_tensor(dcl_call *call, dcl_value value)
{
    return call->gradient ? dcl_value_tensor(call->gradient->graph, value) : NULL;
}

static dcl_status set_gradient(dcl_call *call, uint32_t i, dcl_value value)
{
    if (only_in(call, DCL__GRADIENT, "set_gradient"))
        return DCL_EPLUGIN;
    const dcl_graph *graph = call->gradient->graph;
    dcl_status status = dcl_graph_status(graph, call->error);
    if (status)
        return failed_inside(call, status);
    const dcl_tensor *given = dcl_value_tensor(graph, value);
    if (i >= call->input_count || !given)
        return fail(call, DCL_EPLUGIN, "set_gradient: there is no such input or value");
    if (!dcl__same_shape(given, call->inputs[i])) {
        char text[512], one[DCL__SHAPE_TEXT], two[DCL__SHAPE_TEXT];
        snprintf(text, sizeof text, "the gradient of input '%.30s' has shape %.90s, the input %.90s",
                 call->op->op.inputs[i].name, dcl__shape_text(given, one), dcl__shape_text(call->inputs[i], two));
        return fail(call, DCL_EPLUGIN, text);
    }
    call->gradient->given[i] = value;
    return DCL_OK;
}

/* ---- Extensions ---- */

static cl_context opencl_context(dcl_call *call)
{
    return call->device ? call->device->context : NULL;
}

static cl_device_id opencl_device(dcl_call *call)
{
    return call->device ? call->device->id : NULL;
}

static cl_command_queue opencl_queue(dcl_call *call)
{
    return call->device ? call->device->queue : NULL;
}

static cl_mem opencl_buffer(const dcl_tensor *tensor)
{
    return tensor ? tensor->buffer : NULL;
}

static const void *extension(const dcl_host *host, const char *id)
{
    static const dcl_opencl_v1 opencl = {sizeof opencl, opencl_context, opencl_device, opencl_queue, opencl_buffer};
    (void)host;
    return strcmp(id, DCL_OPENCL_V1) == 0 ? &opencl : NULL;
}

const dcl_host dcl__host = {
    .size = sizeof dcl__host, .minor = DCL_HEADER_MINOR,
    .extension = extension, .fail = fail, .log = log_line, .user = user, .input = input, .output = output,
    .integer = integer, .number = number, .string = string, .list = list, .real = real,
    .set_output = set_output, .set_scratch = set_scratch,
    .step = step, .key = key, .random = dcl__philox,
    .scratch = scratch, .launch = launch, .gemm = gemm, .read = read_tensor, .write = write_tensor,
    .device = device_property,
    .gemm_view = gemm_view,
    .wants = wants, .input_value = input_value, .output_value = output_value, .output_gradient = output_gradient,
    .emit = emit, .constant = constant, .value = value_tensor, .set_gradient = set_gradient,
};

/* ---- Calling ---- */

/* After infer: every output has a shape. */
static dcl_status check_outputs(dcl_call *call)
{
    char text[128];
    for (uint32_t i = 0; i < call->output_count; i++)
        if (!call->outputs[i].size) {
            snprintf(text, sizeof text, "infer does not set output '%.60s'", call->op->op.outputs[i].name);
            return fail(call, DCL_EPLUGIN, text);
        }
    return DCL_OK;
}

dcl_status dcl__call(dcl_call *call, dcl__stage stage, dcl_error *error)
{
    dcl_error local;
    const dcl_op *op = &call->op->op;
    dcl_status (*const functions[])(const dcl_host *, dcl_call *) = {op->infer, op->run, op->reference, op->gradient};
    call->stage = stage;
    call->error = error ? error : &local;
    call->explained = 0;
    if (call->launches)
        call->launches->next = 0;
    dcl_status status = functions[stage](&dcl__host, call);
    if (status == DCL_OK && stage == DCL__INFER)
        status = check_outputs(call);
    if (status > 0)
        status = dcl__fail(call->error, DCL_EPLUGIN, "the plugin returned the positive status %" PRId32, status);
    else if (status && !call->explained)
        dcl__fail(call->error, status, "the plugin returned status %" PRId32 " (%s) without a reason", status,
                  dcl_status_text(status));
    return status ? dcl__prefix(call->error, status, "node '%s' (op '%s', %s)", call->node, op->name, call->op->file)
                  : DCL_OK;
}
