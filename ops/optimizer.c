/* optimizer.c: the updates of training: gradient descent with momentum, Adam, and averages of iterates.
 *
 * A step size is rate * schedule(t) * warm(t) with t the training step from 0 and h the horizon:
 *     constant 1, inverse 1 / (1 + t/h), inverse_sqrt 1 / sqrt(1 + t/h),
 *     linear max(0, 1 - t/h), cosine (1 + cos(pi min(1, t/h))) / 2,
 * and warm(t) = min(1, (t+1) / warmup). It is computed on the host, in double precision.
 */
#include <math.h>
#include <string.h>

#include "common.h"
#include "optimizer.cl.h"

static double scheduled(const char *schedule, double passed)
{
    if (!strcmp(schedule, "inverse"))
        return 1 / (1 + passed);
    if (!strcmp(schedule, "inverse_sqrt"))
        return 1 / sqrt(1 + passed);
    if (!strcmp(schedule, "linear"))
        return fmax(0, 1 - passed);
    if (!strcmp(schedule, "cosine"))
        return (1 + cos(3.14159265358979323846 * fmin(1, passed))) / 2;
    return 1;
}

static double step_size(const dcl_host *host, dcl_call *call)
{
    double step = (double)host->step(call), warmup = (double)host->integer(call, "warmup");
    double horizon = (double)host->integer(call, "horizon");
    double share = scheduled(host->string(call, "schedule"), step / fmax(1, horizon));
    double warm = step + 1 < warmup ? (step + 1) / warmup : 1;
    return host->number(call, "rate") * share * warm;
}

/* All `count` inputs have the shape of the first; the first `kept` of them come out again. */
static dcl_status infer_alike(const dcl_host *host, dcl_call *call, uint32_t count, uint32_t kept)
{
    const dcl_tensor *first = host->input(call, 0);
    for (uint32_t i = 1; i < count; i++)
        if (!dcl__same_shape(first, host->input(call, i)))
            return host->fail(call, DCL_EINVAL, "all inputs must have the same shape");
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < kept && !status; i++)
        status = dcl__set_like(host, call, i, first);
    return status;
}

static dcl_status infer_scheduled(const dcl_host *host, dcl_call *call, uint32_t count, uint32_t kept)
{
    if (strcmp(host->string(call, "schedule"), "constant") && host->integer(call, "horizon") < 1)
        return host->fail(call, DCL_EINVAL, "this schedule needs a horizon of at least 1 step");
    return infer_alike(host, call, count, kept);
}

/* Runs a kernel that takes all inputs, all outputs, their size, and then `numbers`. */
static dcl_status update(const dcl_host *host, dcl_call *call, const char *kernel, uint32_t input_count,
                         uint32_t output_count, const dcl_argument *numbers, uint32_t number_count)
{
    dcl_argument argument[2 * DCL_MAX_PORTS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < input_count; i++)
        argument[count++] = dcl_arg_tensor(host->input(call, i));
    for (uint32_t i = 0; i < output_count; i++)
        argument[count++] = dcl_arg_tensor(host->output(call, i));
    argument[count++] = dcl_arg_long(host->input(call, 0)->count);
    for (uint32_t i = 0; i < number_count; i++)
        argument[count++] = numbers[i];
    const int64_t piece = host->real(call) == DCL_F64 ? 4 : 8;       /* elements of a work-item */
    return dcl__launch(host, call, kernel, argument, count, (host->input(call, 0)->count + piece - 1) / piece);
}

/* ---- sgd ---- */

static dcl_status sgd_infer(const dcl_host *host, dcl_call *call)
{
    return infer_scheduled(host, call, 3, 2);
}

static dcl_status sgd_run(const dcl_host *host, dcl_call *call)
{
    const dcl_argument numbers[] = {
        dcl_arg_real(step_size(host, call)),
        dcl_arg_real(host->number(call, "momentum")),
        dcl_arg_long(host->integer(call, "nesterov")),
    };
    return update(host, call, "sgd_update", 3, 2, numbers, 3);
}

static dcl_status sgd_reference(const dcl_host *host, dcl_call *call)
{
    double size = step_size(host, call), momentum = host->number(call, "momentum");
    for (int64_t i = 0; i < host->input(call, 0)->count; i++) {
        double slope = dcl__get(host->input(call, 2), i);
        double speed = momentum * dcl__get(host->input(call, 1), i) + slope;
        double direction = host->integer(call, "nesterov") ? slope + momentum * speed : speed;
        dcl__set(host->output(call, 0), i, dcl__get(host->input(call, 0), i) - size * direction);
        dcl__set(host->output(call, 1), i, speed);
    }
    return DCL_OK;
}

/* ---- adam ---- */

/* 1 - beta^(t+1), exact also for beta close to 1. */
static double bias(const dcl_host *host, dcl_call *call, double beta)
{
    return -expm1((double)(host->step(call) + 1) * log(beta));
}

static dcl_status adam_infer(const dcl_host *host, dcl_call *call)
{
    if (host->number(call, "beta1") >= 1 || host->number(call, "beta2") >= 1)
        return host->fail(call, DCL_EINVAL, "beta1 and beta2 must be below 1");
    return infer_scheduled(host, call, 4, 3);
}

static dcl_status adam_run(const dcl_host *host, dcl_call *call)
{
    double beta1 = host->number(call, "beta1"), beta2 = host->number(call, "beta2");
    const dcl_argument numbers[] = {
        dcl_arg_real(step_size(host, call) / bias(host, call, beta1)),
        dcl_arg_real(1 / sqrt(bias(host, call, beta2))),
        dcl_arg_real(beta1),
        dcl_arg_real(1 - beta1),
        dcl_arg_real(beta2),
        dcl_arg_real(1 - beta2),
        dcl_arg_real(host->number(call, "epsilon")),
        dcl_arg_real(host->number(call, "scale")),
    };
    return update(host, call, "adam_update", 4, 3, numbers, 8);
}

static dcl_status adam_reference(const dcl_host *host, dcl_call *call)
{
    double beta1 = host->number(call, "beta1"), beta2 = host->number(call, "beta2");
    double power = (double)(host->step(call) + 1), size = step_size(host, call);
    for (int64_t i = 0; i < host->input(call, 0)->count; i++) {
        double slope = host->number(call, "scale") * dcl__get(host->input(call, 3), i);
        double mean = beta1 * dcl__get(host->input(call, 1), i) + (1 - beta1) * slope;
        double variance = beta2 * dcl__get(host->input(call, 2), i) + (1 - beta2) * slope * slope;
        double scale = sqrt(variance / (1 - pow(beta2, power))) + host->number(call, "epsilon");
        double change = size * mean / (1 - pow(beta1, power)) / scale;
        dcl__set(host->output(call, 0), i, dcl__get(host->input(call, 0), i) - change);
        dcl__set(host->output(call, 1), i, mean);
        dcl__set(host->output(call, 2), i, variance);
    }
    return DCL_OK;
}

/* ---- average ---- */

static dcl_status average_infer(const dcl_host *host, dcl_call *call)
{
    return infer_alike(host, call, 2, 1);
}

/* Polynomial-decay averaging (Shamir and Zhang, Stochastic gradient descent for non-smooth optimization,
 * ICML 2013, section 4); power 0 is the plain mean of all values since start. */
static double average_weight(const dcl_host *host, dcl_call *call)
{
    double passed = (double)(host->step(call) - host->integer(call, "start"));
    double power = host->number(call, "power");
    return passed <= 0 ? 1 : (power + 1) / (passed + power + 1);
}

static dcl_status average_run(const dcl_host *host, dcl_call *call)
{
    const dcl_argument weight = dcl_arg_real(average_weight(host, call));
    return update(host, call, "average_update", 2, 1, &weight, 1);
}

static dcl_status average_reference(const dcl_host *host, dcl_call *call)
{
    double weight = average_weight(host, call);
    for (int64_t i = 0; i < host->input(call, 0)->count; i++) {
        double mean = dcl__get(host->input(call, 0), i), value = dcl__get(host->input(call, 1), i);
        dcl__set(host->output(call, 0), i, (1 - weight) * mean + weight * value);
    }
    return DCL_OK;
}

/* ---- tables ---- */

#define SCHEDULE_ATTRIBUTES                                                                               \
    {.name = "rate", .doc = "step size before the schedule", .kind = DCL_NUMBER,                          \
     .flags = DCL_ATTRIBUTE_REQUIRED, .least = 0, .most = 1e300},                                         \
    {.name = "schedule", .doc = "how the step size falls over the steps", .kind = DCL_STRING,             \
     .words = "constant|inverse|inverse_sqrt|linear|cosine"},                                             \
    {.name = "horizon", .doc = "steps over which it falls; all but constant need it",                     \
     .kind = DCL_INTEGER, .least = 0, .most = 9007199254740992.0},                                        \
    {.name = "warmup", .doc = "steps over which it rises from rate / warmup at the start",                \
     .kind = DCL_INTEGER, .least = 0, .most = 9007199254740992.0}

static const dcl_port sgd_inputs[] = {
    {"parameter", "any shape", DCL_REAL, 0},
    {"velocity", "the shape of parameter; starts at 0", DCL_REAL, 0},
    {"gradient", "the shape of parameter", DCL_REAL, 0},
    {0},
};

static const dcl_port sgd_outputs[] = {
    {"parameter", "parameter - rate * direction", DCL_REAL, DCL_PORT_INPLACE},
    {"velocity", "momentum * velocity + gradient", DCL_REAL, DCL_PORT_INPLACE},
    {0},
};

static const dcl_attribute sgd_attributes[] = {
    SCHEDULE_ATTRIBUTES,
    {.name = "momentum", .doc = "share of the velocity that stays", .kind = DCL_NUMBER, .least = 0,
     .most = 1},
    {.name = "nesterov", .doc = "1: the direction is gradient + momentum * velocity, else the velocity",
     .kind = DCL_FLAG},
    {0},
};

static const dcl_case sgd_cases[] = {
    {"3x4 3x4 3x4", "rate=0.1", 1e-6, 1e-15, 0, 0},
    {"3x4 3x4 3x4", "rate=0.1 momentum=0.9", 1e-6, 1e-15, 0, 0},
    {"7 7 7", "rate=0.1 momentum=0.9 nesterov=1", 1e-6, 1e-15, 0, 0},
    {"300 300 300", "rate=0.5 schedule=inverse horizon=10", 1e-6, 1e-15, 0, 3},
    {"7 7 7", "rate=0.5 schedule=inverse_sqrt horizon=10 warmup=5", 1e-6, 1e-15, 0, 3},
    {"7 7 7", "rate=0.5 schedule=linear horizon=10", 1e-6, 1e-15, 0, 3},
    {"scalar scalar scalar", "rate=0.5 schedule=cosine horizon=10", 1e-6, 1e-15, 0, 3},
    {"7 7 7", "rate=0.5 schedule=cosine", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7", "rate=0.5 schedule=sometimes", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7", "rate=-0.5", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7", "rate=0.5 momentum=1.5", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 8 7", "rate=0.5", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 1x7", "rate=0.5", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op sgd = {
    .size = sizeof sgd,
    .name = "sgd",
    .doc = "gradient descent: velocity = momentum velocity + gradient, parameter -= rate velocity",
    .semantics = 1,
    .inputs = sgd_inputs,
    .outputs = sgd_outputs,
    .attributes = sgd_attributes,
    .source = optimizer_cl,
    .cases = sgd_cases,
    .infer = sgd_infer,
    .run = sgd_run,
    .reference = sgd_reference,
};

static const dcl_port adam_inputs[] = {
    {"parameter", "any shape", DCL_REAL, 0},
    {"mean", "the shape of parameter; starts at 0", DCL_REAL, 0},
    {"variance", "the shape of parameter; starts at 0", DCL_REAL, 0},
    {"gradient", "the shape of parameter", DCL_REAL, 0},
    {0},
};

static const dcl_port adam_outputs[] = {
    {"parameter", "the updated parameter", DCL_REAL, DCL_PORT_INPLACE},
    {"mean", "running mean of the gradient", DCL_REAL, DCL_PORT_INPLACE},
    {"variance", "running mean of its square", DCL_REAL, DCL_PORT_INPLACE},
    {0},
};

static const dcl_attribute adam_attributes[] = {
    SCHEDULE_ATTRIBUTES,
    {.name = "beta1", .doc = "share of the mean that stays, below 1", .kind = DCL_NUMBER, .fallback = 0.9,
     .least = 0, .most = 1},
    {.name = "beta2", .doc = "share of the variance that stays, below 1", .kind = DCL_NUMBER,
     .fallback = 0.999, .least = 0, .most = 1},
    {.name = "epsilon", .doc = "added to the root of the variance", .kind = DCL_NUMBER, .fallback = 1e-8,
     .least = 1e-30, .most = 1e300},
    {.name = "scale", .doc = "factor of the gradient, so that its square fits into the element type",
     .kind = DCL_NUMBER, .fallback = 1},
    {0},
};

static const dcl_case adam_cases[] = {
    {"3x4 3x4 3x4@0..1 3x4", "rate=0.1", 2e-6, 1e-14, 0, 0},
    {"3x4 3x4 3x4@0..0 3x4", "rate=0.1 beta1=0 beta2=0", 2e-6, 1e-14, 0, 0},
    {"300 300 300@0..1 300", "rate=0.01 beta1=0.5 beta2=0.99 epsilon=0.1 scale=0.5", 2e-6, 1e-14, 0, 0},
    {"7@0..0 7@0..0 7@0..0 7@0..0", "rate=0.1", 0, 0, 0, 0},
    {"scalar scalar scalar@0..1 scalar", "rate=0.1 schedule=cosine horizon=4 warmup=2", 2e-6, 1e-14, 0, 3},
    {"7 7 7@0..1 7", "rate=0.1 schedule=linear", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7@0..1 7", "rate=0.1 beta2=1", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 7@0..1 7", "rate=0.1 epsilon=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"7 7 8@0..1 7", "rate=0.1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op adam = {
    .size = sizeof adam,
    .name = "adam",
    .doc = "Adam (Kingma and Ba, ICLR 2015) with bias correction",
    .semantics = 1,
    .inputs = adam_inputs,
    .outputs = adam_outputs,
    .attributes = adam_attributes,
    .source = optimizer_cl,
    .cases = adam_cases,
    .infer = adam_infer,
    .run = adam_run,
    .reference = adam_reference,
};

static const dcl_port average_inputs[] = {
    {"mean", "the mean so far, any shape", DCL_REAL, 0},
    {"value", "the shape of mean", DCL_REAL, 0},
    {0},
};

static const dcl_port average_outputs[] = {
    {"mean", "mean + weight (value - mean)", DCL_REAL, DCL_PORT_INPLACE},
    {0},
};

static const dcl_attribute average_attributes[] = {
    {.name = "start", .doc = "step of the first value that counts; until then the mean is the value",
     .kind = DCL_INTEGER, .least = 0, .most = 9007199254740992.0},
    {.name = "power", .doc = "weights of the values grow like their age's power; 0: all the same",
     .kind = DCL_NUMBER, .least = 0, .most = 1e6},
    {0},
};

static const dcl_case average_cases[] = {
    {"3x4 3x4", NULL, 1e-6, 1e-15, 0, 3},
    {"3x4 3x4", "power=3", 1e-6, 1e-15, 0, 3},
    {"300 300", "start=100", 0, 0, 0, 3},
    {"scalar scalar", "start=2 power=0.5", 1e-6, 1e-15, 0, 3},
    {"3x4 4x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 3x4", "start=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 3x4", "power=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op average = {
    .size = sizeof average,
    .name = "average",
    .doc = "running mean of iterates: weight (power+1) / (t-start+power+1) for the value of step t",
    .semantics = 1,
    .inputs = average_inputs,
    .outputs = average_outputs,
    .attributes = average_attributes,
    .source = optimizer_cl,
    .cases = average_cases,
    .infer = average_infer,
    .run = average_run,
    .reference = average_reference,
};

static const dcl_op *const ops[] = {&sgd, &adam, &average, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.optimizer",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
