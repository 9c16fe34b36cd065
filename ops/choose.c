/* choose.c: takes each element from one of two tensors. */
#include "choose.cl.h"
#include "common.h"

static dcl_status infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *condition = host->input(call, 0), *x = host->input(call, 1);
    if (!dcl__same_shape(x, host->input(call, 2)))
        return host->fail(call, DCL_EINVAL, "x and y must have the same shape");
    if (condition->count != 1 && !dcl__same_shape(condition, x))
        return host->fail(call, DCL_EINVAL, "the condition must be one number or have the shape of x");
    return host->set_output(call, 0, x->dtype, x->rank, x->dim);
}

static dcl_status run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *condition = host->input(call, 0), *out = host->output(call, 0);
    const dcl_argument arguments[] = {
        dcl_arg_tensor(condition), dcl_arg_tensor(host->input(call, 1)), dcl_arg_tensor(host->input(call, 2)),
        dcl_arg_tensor(out), dcl_arg_long(out->count), dcl_arg_long(condition->count != 1),
    };
    return dcl__launch(host, call, "choose_elements", arguments, 6, out->count);
}

/* The gradient goes to the side that was taken; the other side gets zeros. */
static dcl_status gradient(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 1);
    dcl_value flows = host->output_gradient(call, 0), zeros = host->constant(call, x->rank, x->dim, 0);
    dcl_status status = DCL_OK;
    for (uint32_t side = 1; side <= 2 && !status; side++) {
        const dcl_value inputs[] = {host->input_value(call, 0), side == 1 ? flows : zeros,
                                    side == 1 ? zeros : flows};
        if (host->wants(call, side))
            status = host->set_gradient(call, side, host->emit(call, "choose", inputs, 3, NULL));
    }
    return status;
}

static dcl_status reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *condition = host->input(call, 0), *out = host->output(call, 0);
    for (int64_t i = 0; i < out->count; i++) {
        int taken = dcl__get(condition, condition->count == 1 ? 0 : i) > 0;
        dcl__set(out, i, dcl__get(host->input(call, taken ? 1 : 2), i));
    }
    return DCL_OK;
}

static const dcl_port inputs[] = {
    {"condition", "one number, or the shape of x", DCL_REAL, DCL_PORT_CONSTANT},
    {"x", "any shape", DCL_REAL, 0},
    {"y", "the shape of x", DCL_REAL, 0},
    {0},
};
static const dcl_port outputs[] = {{"result", "the shape of x", DCL_REAL, 0}, {0}};

static const dcl_case cases[] = {
    {"3x4 3x4 3x4", NULL, 0, 0, 0, 0},
    {"scalar@1..1 3x4 3x4", NULL, 0, 0, 0, 0},
    {"scalar@-1..-1 3x4 3x4", NULL, 0, 0, 0, 0},
    {"1 7 7", NULL, 0, 0, 0, 0},
    {"scalar@0..0 scalar scalar", NULL, 0, 0, 0, 0},
    {"71x67 71x67 71x67", NULL, 0, 0, 0, 0},
    {"3x4 3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4 3x4 3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op choose = {
    .size = sizeof choose,
    .name = "choose",
    .doc = "x where condition > 0, else y; what is not taken may be NaN",
    .semantics = 1,
    .inputs = inputs,
    .outputs = outputs,
    .source = choose_cl,
    .cases = cases,
    .infer = infer,
    .run = run,
    .gradient = gradient,
    .reference = reference,
};

static const dcl_op *const ops[] = {&choose, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.choose",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
