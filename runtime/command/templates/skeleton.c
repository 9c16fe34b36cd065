/* @NAME@.c: the op @ID@, log(1 + exp(s x)) / s for a sharpness s, a smooth relu.
 *
 * A plugin includes this one header and links nothing. It exports one symbol, the table dcl_plugin_v1 at
 * the end of this file; everything else is static. Read the file from the end: plugin, op, tables, functions.
 */
#include <dropcl/op.h>
#include <math.h>

#include "@NAME@.cl.h" /* @NAME@_cl[]: the text of @NAME@.cl, made by the build */

/* ---- Shapes ------------------------------------------------------------------------------------ */

/* infer says what comes out for what goes in. It may be called at any time, without a device. The host has
 * already checked the number of inputs, their element types and all attributes against the tables below. */
static dcl_status @NAME@_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    return host->set_output(call, 0, x->dtype, x->rank, x->dim);
}

/* ---- On the device ----------------------------------------------------------------------------- */

/* run enqueues kernels and returns at once. The order of the arguments is that of the kernel's. */
static dcl_status @NAME@_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument arguments[] = {
        dcl_arg_tensor(x),
        dcl_arg_tensor(host->output(call, 0)),
        dcl_arg_long(x->count),
        dcl_arg_real(host->number(call, "sharpness")),
    };
    const uint64_t items = (uint64_t)x->count;
    return host->launch(call, "@NAME@_forward", NULL, arguments, 4, 1, &items, NULL);
}

/* ---- Gradient ---------------------------------------------------------------------------------- */

static dcl_value scale(const dcl_host *host, dcl_call *call, dcl_value x, double by)
{
    const dcl_setting settings[] = {{.name = "by", .number = by}, {0}};
    return host->emit(call, "scale", &x, 1, settings);
}

/* gradient computes nothing: it adds nodes to the graph, here dy sigmoid(s x), out of builtin ops, which have
 * gradients of their own, so that second derivatives work too. A failed emit gives 0, emits of 0 give 0,
 * and set_gradient reports it: no checks are needed on the way. */
static dcl_status @NAME@_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value scaled = scale(host, call, host->input_value(call, 0), host->number(call, "sharpness"));
    dcl_value slope = host->emit(call, "sigmoid", &scaled, 1, NULL);
    const dcl_value factors[] = {host->output_gradient(call, 0), slope};
    return host->set_gradient(call, 0, host->emit(call, "multiply", factors, 2, NULL));
}

/* ---- Reference --------------------------------------------------------------------------------- */

static double get(const dcl_tensor *tensor, int64_t i)
{
    return tensor->dtype == DCL_F64 ? ((const double *)tensor->data)[i] : ((const float *)tensor->data)[i];
}

static void set(const dcl_tensor *tensor, int64_t i, double number)
{
    if (tensor->dtype == DCL_F64)
        ((double *)tensor->data)[i] = number;
    else
        ((float *)tensor->data)[i] = (float)number;
}

/* reference is the oracle: plain C in double precision, written for clarity and apart from the kernel. Only
 * here tensor->data is set. */
static dcl_status @NAME@_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *y = host->output(call, 0);
    double sharpness = host->number(call, "sharpness");
    for (int64_t i = 0; i < x->count; i++) {
        double scaled = sharpness * get(x, i);
        set(y, i, (fmax(scaled, 0) + log1p(exp(-fabs(scaled)))) / sharpness);
    }
    return DCL_OK;
}

/* ---- Tables ------------------------------------------------------------------------------------ */

/* DCL_REAL is f32 or f64, whichever the graph uses. Each y is written by the work-item that has read its x,
 * so y may take the place of x. */
static const dcl_port inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
static const dcl_port outputs[] = {{"y", "the shape of x", DCL_REAL, DCL_PORT_INPLACE}, {0}};

/* The host refuses what is out of bounds, so that no function here needs to check it. */
static const dcl_attribute attributes[] = {
    {.name = "sharpness", .doc = "how close to relu", .kind = DCL_NUMBER, .fallback = 1, .least = 0.001,
     .most = 1000},
    {0},
};

/* `dropcl check-op` runs these: inputs, attributes, tolerance in f32 and in f64, flags. */
static const dcl_case cases[] = {
    {"3x4", NULL, 1e-6, 1e-14, 0, 0},
    {"scalar", "sharpness=3", 1e-6, 1e-14, 0, 0},
    {"2x3x5@-2..2", "sharpness=0.5", 1e-6, 1e-14, 0, 0},
    {"7@-1000..1000", "sharpness=1000", 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"71x67", NULL, 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3x4", "sharpness=0", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op @NAME@_op = {
    .size = sizeof(dcl_op),
    .name = "@ID@",
    .doc = "log(1 + exp(s x)) / s for a sharpness s",
    .semantics = 1,
    .inputs = inputs,
    .outputs = outputs,
    .attributes = attributes,
    .source = @NAME@_cl,
    .cases = cases,
    .infer = @NAME@_infer,
    .run = @NAME@_run,
    .gradient = @NAME@_gradient,
    .reference = @NAME@_reference,
};

static const dcl_op *const ops[] = {&@NAME@_op, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof(dcl_plugin),
    .need_minor = DCL_NEED_MINOR,
    .id = "@ID@",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
