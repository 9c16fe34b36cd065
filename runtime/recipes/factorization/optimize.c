/* optimize.c: one optimizer update of a parameter, with its state. */
#include "recipes/factorization/factorization.h"

/* Adam's step does not depend on the scale of the gradient, so the rate is in units of the parameter. The
 * gradient is divided by its own scale, norm * unit, so that its square fits into f32 whatever the data. */
static dcl_value adam(dcl_graph *graph, const dcl__task *task, dcl_value parameter, dcl_value gradient, double unit,
                      dcl__schedule_setting schedule)
{
    const dcl_setting settings[] = {
        {.name = "rate", .number = schedule.rate * unit}, {.name = "schedule", .string = schedule.word},
        {.name = "horizon", .integer = schedule.horizon}, {.name = "beta2", .number = 0.99},
        {.name = "scale", .number = task->norm * unit > 0 ? 1 / (task->norm * unit) : 1}, {0}};
    dcl_value mean = dcl__state_of(graph, parameter, "mean"), variance = dcl__state_of(graph, parameter, "variance");
    dcl_value next = dcl_graph_apply(graph, NULL, "adam", (dcl_value[]){parameter, mean, variance, gradient}, 4,
                                     settings);
    dcl_graph_assign(graph, parameter, next);
    dcl_graph_assign(graph, mean, next ? next + 1 : 0);
    dcl_graph_assign(graph, variance, next ? next + 2 : 0);
    return next;
}

/* The objective's curvature along a parameter is about 2 norm, since ||V||^2 is about norm near the optimum, and
 * dropout's noise allows only the share `retain` of its inverse; momentum lengthens steps by
 * 1 / (1 - momentum). At the default rate of 0.25 this is a quarter of retain / norm. */
static dcl_value sgd(dcl_graph *graph, const dcl__task *task, dcl_value parameter, dcl_value gradient,
                     dcl__schedule_setting schedule)
{
    const double momentum = task->optimizer == DCL_OPTIMIZER_MOMENTUM ? 0.9 : 0;
    const double step = task->norm > 0 ? schedule.rate * task->retain * (1 - momentum) / task->norm : 0;
    const dcl_setting settings[] = {
        {.name = "rate", .number = step}, {.name = "schedule", .string = schedule.word},
        {.name = "horizon", .integer = schedule.horizon}, {.name = "momentum", .number = momentum}, {0}};
    dcl_value velocity = dcl__state_of(graph, parameter, "velocity");
    dcl_value next = dcl_graph_apply(graph, NULL, "sgd", (dcl_value[]){parameter, velocity, gradient}, 3, settings);
    dcl_graph_assign(graph, parameter, next);
    dcl_graph_assign(graph, velocity, next ? next + 1 : 0);
    return next;
}

dcl_value dcl__optimize(dcl_graph *graph, const dcl__task *task, dcl_value parameter, dcl_value gradient,
                        double unit, dcl__schedule_setting schedule)
{
    if (task->rate > 0)
        schedule.rate = task->rate;
    if (task->optimizer == DCL_OPTIMIZER_SGD || task->optimizer == DCL_OPTIMIZER_MOMENTUM)
        return sgd(graph, task, parameter, gradient, schedule);
    return adam(graph, task, parameter, gradient, unit, schedule);
}
