/* activation.c: what a layer does to its sums: bias, activation and dropout mask in one pass, and the way back.
 *
 * The mask is that of the op `mask` with the shape of x, or with `shared`, with one row for all rows, bit for bit.
 * The gradient draws it again, so that it is never stored.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "activation.cl.h"
#include "common.h"

enum { LINEAR = 0, RELU = 1, TANH = 2, PIECE = 4 };

/* How draws cover the elements: see cl/activation.cl. */
typedef struct layout {
    int64_t count, width, row_blocks, block, shared, threshold;
    double kept;
    uint32_t key[4];
    int function, masked;
} layout;

static layout layout_of(const dcl_host *host, dcl_call *call, const dcl_tensor *x)
{
    const double retain = host->number(call, "retain");
    const char *function = host->string(call, "function");
    layout made = {.count = x->count, .width = x->dim[x->rank - 1], .block = host->integer(call, "block"),
                   .shared = host->integer(call, "shared"), .threshold = dcl__keep_below(retain), .kept = 1 / retain,
                   .function = strcmp(function, "relu") == 0 ? RELU : strcmp(function, "tanh") == 0 ? TANH : LINEAR,
                   .masked = retain < 1};
    if (made.block > made.width)
        made.block = made.width;
    made.row_blocks = (made.width + made.block - 1) / made.block;
    host->key(call, (uint32_t)host->integer(call, "stream"), made.key);
    return made;
}

static dcl_status check(const dcl_host *host, dcl_call *call)
{
    if (host->input(call, 0)->rank < 1)
        return host->fail(call, DCL_EINVAL, "the first input must not be a scalar: its last dimension are the units");
    if (!(host->number(call, "retain") > 0))
        return host->fail(call, DCL_EINVAL, "retain must be above 0: nothing would be kept");
    return DCL_OK;
}

/* Launches a kernel on two inputs and the output. */
static dcl_status launch(const dcl_host *host, dcl_call *call, const char *kernel, const dcl_tensor *second, int bias)
{
    const dcl_tensor *x = host->input(call, 0);
    const layout l = layout_of(host, call, x);
    const int mask = !l.masked ? 0 : l.block == 1 && !l.shared ? 1 : 2;
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(second), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(l.count),
        dcl_arg_long(l.width), dcl_arg_long(l.row_blocks), dcl_arg_long(l.block), dcl_arg_long(l.shared),
        dcl_arg_long(l.threshold), dcl_arg_real(l.kept), dcl_arg_key(l.key),
    };
    const uint64_t global = (uint64_t)((l.count + PIECE - 1) / PIECE);
    char defines[64];
    snprintf(defines, sizeof defines, "FUNCTION=%d BIAS=%d MASK=%d", l.function, bias, mask);
    return host->launch(call, kernel, defines, argument, 11, 1, &global, NULL);
}

/* The factor of element i under the mask, for references. */
static double factor_of(const dcl_host *host, const layout *l, int64_t i)
{
    uint32_t words[4];
    const int64_t draw = (l->shared ? 0 : i / l->width) * l->row_blocks + i % l->width / l->block;
    host->random(l->key, (uint64_t)draw / 4, words);
    return words[draw % 4] < l->threshold ? l->kept : 0;
}

/* ---- activate ---- */

static dcl_status activate_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *bias = host->input(call, 1);
    dcl_status status = check(host, call);
    if (status)
        return status;
    if (bias && (bias->rank != 1 || bias->dim[0] != x->dim[x->rank - 1]))
        return host->fail(call, DCL_EINVAL, "bias must be a vector with one number for each column of x");
    return dcl__set_like(host, call, 0, x);
}

static dcl_status activate_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *bias = host->input(call, 1);
    return launch(host, call, "activate", bias ? bias : host->input(call, 0), bias != NULL);
}

static dcl_status activate_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *bias = host->input(call, 1);
    const layout l = layout_of(host, call, x);
    for (int64_t i = 0; i < l.count; i++) {
        const double sum = dcl__get(x, i) + (bias ? dcl__get(bias, i % l.width) : 0);
        const double value = l.function == RELU ? (sum <= 0 ? 0 : sum) : l.function == TANH ? tanh(sum) : sum;
        const double factor = factor_of(host, &l, i);
        dcl__set(host->output(call, 0), i, factor > 0 ? factor * value : 0);
    }
    return DCL_OK;
}

/* The slope by the sums, which is that by x, and summed over the rows, that by the bias. */
static dcl_status activate_differentiate(const dcl_host *host, dcl_call *call)
{
    const int64_t width = host->input(call, 0)->dim[host->input(call, 0)->rank - 1];
    const double retain = host->number(call, "retain");
    const char *function = host->string(call, "function");
    const dcl_setting settings[] = {
        {.name = "function", .string = function}, {.name = "retain", .number = retain},
        {.name = "block", .integer = host->integer(call, "block")},
        {.name = "stream", .integer = host->integer(call, "stream")},
        {.name = "shared", .integer = host->integer(call, "shared")}, {0}};
    dcl_value slope = host->output_gradient(call, 0);
    if (retain < 1 || strcmp(function, "linear") != 0)
        slope = host->emit(call, "activate_gradient", (dcl_value[]){slope, host->output_value(call, 0)}, 2, settings);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = host->set_gradient(call, 0, slope);
    if (!status && host->wants(call, 1))
        status = host->set_gradient(call, 1, dcl__emit_shaped(host, call, "sum_to", slope, 1, &width));
    return status;
}

/* ---- activate_gradient ---- */

static dcl_status gradient_infer(const dcl_host *host, dcl_call *call)
{
    dcl_status status = check(host, call);
    if (status)
        return status;
    if (!dcl__same_shape(host->input(call, 0), host->input(call, 1)))
        return host->fail(call, DCL_EINVAL, "slope and result must have the same shape");
    return dcl__set_like(host, call, 0, host->input(call, 0));
}

static dcl_status gradient_run(const dcl_host *host, dcl_call *call)
{
    return launch(host, call, "activate_gradient", host->input(call, 1), 0);
}

static dcl_status gradient_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *slope = host->input(call, 0), *result = host->input(call, 1);
    const layout l = layout_of(host, call, slope);
    for (int64_t i = 0; i < l.count; i++) {
        const double value = dcl__get(result, i) / l.kept;
        const double factor = l.function == RELU ? (value > 0 ? l.kept : 0) : factor_of(host, &l, i);
        const double steepness = l.function == TANH ? 1 - value * value : 1;
        dcl__set(host->output(call, 0), i, factor > 0 ? factor * steepness * dcl__get(slope, i) : 0);
    }
    return DCL_OK;
}

/* ---- Tables ---- */

static const dcl_port activate_inputs[] = {
    {"x", "any shape but a scalar; the last dimension are the units", DCL_REAL, 0},
    {"bias", "one number for each unit", DCL_REAL, DCL_PORT_OPTIONAL},
    {0},
};
static const dcl_port gradient_inputs[] = {
    {"slope", "what flows back to the result", DCL_REAL, 0},
    {"result", "what activate made, the shape of slope", DCL_REAL, 0},
    {0},
};
static const dcl_port activate_outputs[] = {{"result", "the shape of x", DCL_REAL, DCL_PORT_INPLACE}, {0}};
static const dcl_port gradient_outputs[] = {{"gradient", "by x, the shape of slope", DCL_REAL, DCL_PORT_INPLACE}, {0}};

static const dcl_attribute attributes[] = {
    {.name = "function", .doc = "the activation", .kind = DCL_STRING, .words = "linear|relu|tanh"},
    {.name = "retain", .doc = "probability in (0, 1] that an element is kept; kept ones are scaled by 1 / retain",
     .kind = DCL_NUMBER, .fallback = 1, .least = 0, .most = 1},
    {.name = "block", .doc = "neighbouring units that share one draw", .kind = DCL_INTEGER, .fallback = 1, .least = 1,
     .most = 9007199254740992.0},
    {.name = "stream", .doc = "the mask is that of the op mask with this stream", .kind = DCL_INTEGER, .least = 0,
     .most = 4294967295.0},
    {.name = "shared", .doc = "1: one mask of the units for all rows", .kind = DCL_FLAG},
    {0},
};

static const dcl_case activate_cases[] = {
    {"3x4", NULL, 0, 0, 0, 0},
    {"3x4 4", NULL, 1e-7, 1e-15, 0, 0},
    {"5x7 7", "function=relu", 1e-7, 1e-15, DCL_CASE_NO_GRADIENT, 0},
    {"5x7@0.5..1 7@0.1..1", "function=relu retain=0.6 stream=3", 1e-6, 1e-14, 0, 2},
    {"5x7 7", "function=tanh", 1e-6, 1e-14, 0, 0},
    {"6x5 5", "function=tanh retain=0.5 stream=9", 2e-6, 1e-14, 0, 3},
    {"9x10 10", "retain=0.5 block=4", 1e-6, 1e-14, 0, 3},
    {"9x10", "retain=0.7 block=30 stream=4294967295", 1e-6, 1e-14, 0, 1},
    {"9x10", "retain=0.5 shared=1", 1e-6, 1e-14, 0, 3},
    {"9x10 10", "function=tanh retain=0.5 shared=1 block=3", 2e-6, 1e-14, 0, 1},
    {"7", "retain=1e-12", 0, 0, 0, 0},
    {"2x3x5 5", "retain=0.5", 1e-6, 1e-14, 0, 1},
    {"1x1 1", "function=tanh", 1e-6, 1e-14, 0, 0},
    {"131x67 67", "function=relu retain=0.8", 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 5},
    {"3x4@-300..300", "function=tanh", 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 1x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "retain=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "block=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "function=step", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case gradient_cases[] = {
    {"3x4 3x4", NULL, 0, 0, 0, 0},
    {"5x7 5x7", "function=relu retain=0.5", 1e-6, 1e-14, 0, 0},
    {"5x7 5x7", "function=tanh", 1e-6, 1e-14, 0, 0},
    {"5x7 5x7", "function=tanh retain=0.5 stream=2", 2e-6, 1e-14, 0, 3},
    {"9x10 9x10", "retain=0.5 block=4", 1e-6, 1e-14, 0, 3},
    {"9x10 9x10", "function=tanh retain=0.5 shared=1", 2e-6, 1e-14, 0, 3},
    {"131x67 131x67", "retain=0.8", 1e-6, 1e-14, 0, 5},
    {"3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 3x4", "retain=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar scalar", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op activate = {
    .size = sizeof activate,
    .name = "activate",
    .doc = "mask * function(x + bias): bias, activation and dropout of a layer",
    .semantics = 1,
    .flags = DCL_OP_RANDOM,
    .inputs = activate_inputs,
    .outputs = activate_outputs,
    .attributes = attributes,
    .source = activation_cl,
    .cases = activate_cases,
    .infer = activate_infer,
    .run = activate_run,
    .gradient = activate_differentiate,
    .reference = activate_reference,
};

static const dcl_op activate_gradient = {
    .size = sizeof activate_gradient,
    .name = "activate_gradient",
    .doc = "slope * mask * function'(x + bias), from the result of activate with the same attributes",
    .semantics = 1,
    .flags = DCL_OP_RANDOM,
    .inputs = gradient_inputs,
    .outputs = gradient_outputs,
    .attributes = attributes,
    .source = activation_cl,
    .cases = gradient_cases,
    .infer = gradient_infer,
    .run = gradient_run,
    .reference = gradient_reference,
};

static const dcl_op *const ops[] = {&activate, &activate_gradient, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.activation",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
