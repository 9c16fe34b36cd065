/* loss.c: losses as scalars of the graph. The squared error is a sum, not a mean. */
#include "common.h"
#include "loss.cl.h"

/* A partial sum covers at least this many elements, and a later one FAN partial sums. */
enum { LEAST_ELEMENTS = 16, FAN = 64 };

/* Work-items that stand side by side, and enough of them for a large device. */
enum { LANES = 64, MOST_PARTIALS = 262144 };

static int64_t divide_up(int64_t count, int64_t by)
{
    return count / by + (count % by != 0);
}

/* A multiple of LANES. */
static int64_t partial_count(int64_t count)
{
    int64_t wanted = divide_up(count, LEAST_ELEMENTS * LANES) * LANES;
    return wanted < MOST_PARTIALS ? wanted : MOST_PARTIALS;
}

static dcl_status squared_error_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (!dcl__same_shape(x, host->input(call, 1)))
        return host->fail(call, DCL_EINVAL, "x and y must have the same shape");
    const int64_t partials[] = {partial_count(x->count), 2}, combined[] = {divide_up(partials[0], FAN), 2};
    dcl_status status = host->set_output(call, 0, x->dtype, 0, NULL);
    if (!status)
        status = host->set_scratch(call, 0, x->dtype, 2, partials);
    return status ? status : host->set_scratch(call, 1, x->dtype, 2, combined);
}

static dcl_status squared_error_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_tensor *from = host->scratch(call, 0), *to = host->scratch(call, 1);
    int64_t partials = partial_count(x->count);
    const dcl_argument sum[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->input(call, 1)), dcl_arg_tensor(from), dcl_arg_long(x->count),
        dcl_arg_long(partials), dcl_arg_long(divide_up(x->count, partials)), dcl_arg_long(LANES),
    };
    dcl_status status = dcl__launch(host, call, "squared_error_partials", sum, 7, partials);
    while (!status && partials > FAN) {
        const dcl_argument combine[] = {
            dcl_arg_tensor(from), dcl_arg_tensor(to), dcl_arg_long(partials), dcl_arg_long(FAN),
        };
        partials = divide_up(partials, FAN);
        status = dcl__launch(host, call, "squared_error_combine", combine, 4, partials);
        const dcl_tensor *spent = from;
        from = to;
        to = spent;
    }
    if (status)
        return status;
    const dcl_argument finish[] = {
        dcl_arg_tensor(from), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(partials),
    };
    return dcl__launch(host, call, "squared_error_finish", finish, 3, 1);
}

static dcl_status squared_error_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *y = host->input(call, 1);
    double sum = 0;
    for (int64_t i = 0; i < x->count; i++) {
        double difference = dcl__get(x, i) - dcl__get(y, i);
        sum += difference * difference;
    }
    dcl__set(host->output(call, 0), 0, sum);
    return DCL_OK;
}

/* 2 (x - y) times the scalar that flows back, and its negative. */
static dcl_status squared_error_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value x = host->input_value(call, 0), y = host->input_value(call, 1);
    dcl_value difference = dcl__emit_binary(host, call, "subtract", x, y);
    dcl_value slope = dcl__emit_binary(host, call, "multiply", difference, host->output_gradient(call, 0));
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && !status; i++)
        if (host->wants(call, i))
            status = host->set_gradient(call, i, dcl__emit_scale(host, call, slope, i == 0 ? 2 : -2));
    return status;
}

static const dcl_port inputs[] = {
    {"x", "any shape", DCL_REAL, 0},
    {"y", "the shape of x", DCL_REAL, 0},
    {0},
};

static const dcl_port outputs[] = {{"loss", "scalar", DCL_REAL, 0}, {0}};

static const dcl_case cases[] = {
    {"3x4 3x4", NULL, 1e-6, 1e-15, 0, 0},
    {"1 1", NULL, 1e-6, 1e-15, 0, 0},
    {"scalar scalar", NULL, 1e-6, 1e-15, 0, 0},
    {"17 17", NULL, 1e-6, 1e-15, 0, 0},
    {"2x3x4x5 2x3x4x5", NULL, 1e-6, 1e-14, 0, 0},
    {"5x5@1..1 5x5@1..1", NULL, 0, 0, 0, 0},
    {"64x65 64x65", NULL, 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"301x307@-1000..1000 301x307@-1000..1000", NULL, 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"1 scalar", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op squared_error = {
    .size = sizeof squared_error,
    .name = "squared_error",
    .doc = "sum of (x - y)^2",
    .semantics = 1,
    .inputs = inputs,
    .outputs = outputs,
    .source = loss_cl,
    .cases = cases,
    .infer = squared_error_infer,
    .run = squared_error_run,
    .gradient = squared_error_gradient,
    .reference = squared_error_reference,
};

static const dcl_op *const ops[] = {&squared_error, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.loss",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
