/* loss.c: losses as scalars of the graph. They are sums over the samples, not means. */
#include <math.h>

#include "common.h"
#include "loss.cl.h"

/* A partial sum covers at least this many elements, and a later one FAN partial sums. */
enum { LEAST_ELEMENTS = 16, FAN = 64 };

/* Work-items that stand side by side, and enough of them for a large device. */
enum { LANES = 64, MOST_PARTIALS = 262144 };

/* A multiple of LANES. */
static int64_t partial_count(int64_t count)
{
    int64_t wanted = dcl__divide_up(count, LEAST_ELEMENTS * LANES) * LANES;
    return wanted < MOST_PARTIALS ? wanted : MOST_PARTIALS;
}

/* ---- Sums of partials ---- */

/* Declares a scalar, and scratch for that many partials and their sums. */
static dcl_status set_sum(const dcl_host *host, dcl_call *call, uint32_t dtype, int64_t count)
{
    const int64_t partials[] = {count, 2}, combined[] = {dcl__divide_up(count, FAN), 2};
    dcl_status status = host->set_output(call, 0, dtype, 0, NULL);
    if (!status)
        status = host->set_scratch(call, 0, dtype, 2, partials);
    return status ? status : host->set_scratch(call, 1, dtype, 2, combined);
}

/* Adds the partials in scratch 0. */
static dcl_status add_partials(const dcl_host *host, dcl_call *call, int64_t partials)
{
    const dcl_tensor *from = host->scratch(call, 0), *to = host->scratch(call, 1);
    dcl_status status = DCL_OK;
    while (!status && partials > FAN) {
        const dcl_argument combine[] = {
            dcl_arg_tensor(from), dcl_arg_tensor(to), dcl_arg_long(partials), dcl_arg_long(FAN),
        };
        partials = dcl__divide_up(partials, FAN);
        status = dcl__launch(host, call, "loss_combine", combine, 4, partials);
        const dcl_tensor *spent = from;
        from = to;
        to = spent;
    }
    if (status)
        return status;
    const dcl_argument finish[] = {
        dcl_arg_tensor(from), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(partials),
    };
    return dcl__launch(host, call, "loss_finish", finish, 3, 1);
}

/* ---- squared_error ---- */

static dcl_status squared_error_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (!dcl__same_shape(x, host->input(call, 1)))
        return host->fail(call, DCL_EINVAL, "x and y must have the same shape");
    return set_sum(host, call, x->dtype, partial_count(x->count));
}

static dcl_status squared_error_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t partials = partial_count(x->count);
    const dcl_argument sum[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->input(call, 1)), dcl_arg_tensor(host->scratch(call, 0)),
        dcl_arg_long(x->count), dcl_arg_long(partials), dcl_arg_long(dcl__divide_up(x->count, partials)),
        dcl_arg_long(LANES),
    };
    dcl_status status = dcl__launch(host, call, "squared_error_partials", sum, 7, partials);
    return status ? status : add_partials(host, call, partials);
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

/* ---- Losses of classifiers ---- */

static dcl_status scores_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (x->rank != 2 || !dcl__same_shape(x, host->input(call, 1)))
        return host->fail(call, DCL_EINVAL, "scores and targets must be matrices of the same shape");
    return set_sum(host, call, x->dtype, x->dim[0]);
}

/* Runs a kernel that makes a partial of each row, and adds them. */
static dcl_status add_rows(const dcl_host *host, dcl_call *call, const char *kernel)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->input(call, 1)), dcl_arg_tensor(host->scratch(call, 0)),
        dcl_arg_long(x->dim[0]), dcl_arg_long(x->dim[1]),
    };
    dcl_status status = dcl__launch(host, call, kernel, argument, 5, x->dim[0]);
    return status ? status : add_partials(host, call, x->dim[0]);
}

static int64_t choice(const dcl_tensor *x, int64_t row)
{
    int64_t width = x->dim[1], found = 0;
    for (int64_t j = 1; j < width; j++)
        found = dcl__get(x, row * width + j) > dcl__get(x, row * width + found) ? j : found;
    return found;
}

/* The sum of exp(x_j - largest) over a row. */
static double sum_of_powers(const dcl_tensor *x, int64_t row, double *largest)
{
    int64_t first = row * x->dim[1];
    double sum = 0;
    *largest = dcl__get(x, first + choice(x, row));
    for (int64_t j = 0; j < x->dim[1]; j++)
        sum += exp(dcl__get(x, first + j) - *largest);
    return sum;
}

static dcl_status cross_entropy_run(const dcl_host *host, dcl_call *call)
{
    return add_rows(host, call, "cross_entropy_rows");
}

static dcl_status cross_entropy_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *t = host->input(call, 1);
    double total = 0;
    for (int64_t row = 0; row < x->dim[0]; row++) {
        double largest, sum = sum_of_powers(x, row, &largest);
        total += log(sum) + largest;
        for (int64_t i = row * x->dim[1]; i < (row + 1) * x->dim[1]; i++)
            total -= dcl__get(t, i) * dcl__get(x, i);
    }
    dcl__set(host->output(call, 0), 0, total);
    return DCL_OK;
}

/* By the scores: softmax(x) - t; by the targets: -x. */
static dcl_status cross_entropy_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value x = host->input_value(call, 0), scale = host->output_gradient(call, 0);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0)) {
        dcl_value slope = dcl__emit_binary(host, call, "subtract", dcl__emit_unary(host, call, "softmax", x),
                                           host->input_value(call, 1));
        status = host->set_gradient(call, 0, dcl__emit_binary(host, call, "multiply", slope, scale));
    }
    if (!status && host->wants(call, 1)) {
        dcl_value slope = dcl__emit_binary(host, call, "multiply", x, scale);
        status = host->set_gradient(call, 1, dcl__emit_scale(host, call, slope, -1));
    }
    return status;
}

static dcl_status misclassified_run(const dcl_host *host, dcl_call *call)
{
    return add_rows(host, call, "misclassified_rows");
}

static dcl_status misclassified_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *t = host->input(call, 1);
    double wrong = 0;
    for (int64_t row = 0; row < x->dim[0]; row++)
        wrong += choice(x, row) != choice(t, row);
    dcl__set(host->output(call, 0), 0, wrong);
    return DCL_OK;
}

/* ---- softmax ---- */

static dcl_status softmax_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (x->rank != 2)
        return host->fail(call, DCL_EINVAL, "x must be a matrix, with a row for each sample");
    return dcl__set_like(host, call, 0, x);
}

static dcl_status softmax_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(x->dim[0]), dcl_arg_long(x->dim[1]),
    };
    return dcl__launch(host, call, "softmax_rows", argument, 4, x->dim[0]);
}

static dcl_status softmax_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    for (int64_t row = 0; row < x->dim[0]; row++) {
        double largest, sum = sum_of_powers(x, row, &largest);
        for (int64_t i = row * x->dim[1]; i < (row + 1) * x->dim[1]; i++)
            dcl__set(host->output(call, 0), i, exp(dcl__get(x, i) - largest) / sum);
    }
    return DCL_OK;
}

/* y * (g - sum of y * g over the row). */
static dcl_status softmax_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value y = host->output_value(call, 0), slope = host->output_gradient(call, 0);
    dcl_value along = dcl__emit_binary(host, call, "multiply", y, slope);
    const int64_t column[] = {host->input(call, 0)->dim[0], 1};
    dcl_value mean = dcl__emit_shaped(host, call, "sum_to", along, 2, column);
    dcl_value off = dcl__emit_binary(host, call, "subtract", slope, mean);
    dcl_value gradient = dcl__emit_binary(host, call, "multiply", y, off);
    return host->set_gradient(call, 0, gradient);
}

/* ---- Tables ---- */

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

static const dcl_port score_inputs[] = {
    {"x", "scores, a row for each sample", DCL_REAL, 0},
    {"t", "targets, the shape of x: 1 for the right class, 0 for the others", DCL_REAL, 0},
    {0},
};
static const dcl_port softmax_inputs[] = {{"x", "scores, a row for each sample", DCL_REAL, 0}, {0}};
static const dcl_port softmax_outputs[] = {{"result", "the shape of x; rows sum to 1", DCL_REAL, 0}, {0}};
static const dcl_port wrong_outputs[] = {{"count", "scalar", DCL_REAL, 0}, {0}};

static const dcl_case cross_entropy_cases[] = {
    {"3x4 3x4@0..1", NULL, 2e-6, 1e-14, 0, 0},
    {"1x1 1x1", NULL, 1e-6, 1e-15, 0, 0},
    {"5x10@-20..20 5x10@0..1", NULL, 4e-6, 1e-14, 0, 0},
    {"2x3@900..1000 2x3@0..1", NULL, 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"2x3@-1000..-900 2x3@0..1", NULL, 1e-5, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"301x7 301x7@0..1", NULL, 2e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4 4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case softmax_cases[] = {
    {"3x4", NULL, 1e-6, 1e-15, 0, 0},
    {"1x1", NULL, 0, 0, 0, 0},
    {"5x10@-20..20", NULL, 1e-6, 1e-14, 0, 0},
    {"2x3@-1000..1000", NULL, 1e-6, 1e-14, DCL_CASE_NO_GRADIENT, 0},
    {"301x7", NULL, 1e-6, 1e-15, DCL_CASE_NO_GRADIENT, 0},
    {"4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"2x3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case misclassified_cases[] = {
    {"3x4 3x4", NULL, 0, 0, 0, 0},
    {"1x1 1x1", NULL, 0, 0, 0, 0},
    {"5x4@1..1 5x4", NULL, 0, 0, 0, 0},
    {"5003x10 5003x10", NULL, 0, 0, 0, 0},
    {"3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"4 4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op cross_entropy = {
    .size = sizeof cross_entropy,
    .name = "cross_entropy",
    .doc = "sum over rows of log(sum exp(x)) - t.x: the cross-entropy of softmax(x) where rows of t sum to 1",
    .semantics = 1,
    .inputs = score_inputs,
    .outputs = outputs,
    .source = loss_cl,
    .cases = cross_entropy_cases,
    .infer = scores_infer,
    .run = cross_entropy_run,
    .gradient = cross_entropy_gradient,
    .reference = cross_entropy_reference,
};

static const dcl_op softmax = {
    .size = sizeof softmax,
    .name = "softmax",
    .doc = "exp(x) / sum exp(x), row by row",
    .semantics = 1,
    .inputs = softmax_inputs,
    .outputs = softmax_outputs,
    .source = loss_cl,
    .cases = softmax_cases,
    .infer = softmax_infer,
    .run = softmax_run,
    .gradient = softmax_gradient,
    .reference = softmax_reference,
};

static const dcl_op misclassified = {
    .size = sizeof misclassified,
    .name = "misclassified",
    .doc = "number of rows whose largest number is not where the largest of t is; the first of equals counts",
    .semantics = 1,
    .inputs = score_inputs,
    .outputs = wrong_outputs,
    .source = loss_cl,
    .cases = misclassified_cases,
    .infer = scores_infer,
    .run = misclassified_run,
    .reference = misclassified_reference,
};

static const dcl_op *const ops[] = {&squared_error, &cross_entropy, &softmax, &misclassified, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.loss",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
