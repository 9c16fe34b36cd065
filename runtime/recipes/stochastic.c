/* stochastic.c: noise as everyone trains with it: a random mask a step, Adam, and the average of the iterates.
 *
 * The mean of iterates that take steps falling like 1/t comes near the optimum where the last iterate does
 * not (Polyak and Juditsky 1992; weights that grow with t: Shamir and Zhang, ICML 2013).
 */
#include "recipes/noise.h"

/* This step's columns of Y and of X, or without X rows of V; all as they are without --batch. */
static void take_batch(dcl_graph *graph, const dcl__task *task, dcl_value *y, dcl_value *v, dcl_value *x)
{
    const dcl_tensor *data = dcl_value_tensor(graph, *y);
    const int64_t samples = data ? data->dim[1] : 0;
    if (task->batch == 0 || task->batch >= samples)
        return;
    const dcl_setting draw[] = {{.name = "population", .integer = samples},
                                {.name = "count", .integer = task->batch},
                                {.name = "stream", .integer = DCL__STREAM_BATCH}, {0}};
    const dcl_setting columns[] = {{.name = "axis", .integer = 1}, {0}};
    dcl_value indices = dcl_graph_apply(graph, "batch", "batch", NULL, 0, draw);
    *y = dcl_graph_apply(graph, NULL, "gather", (dcl_value[]){*y, indices}, 2, columns);
    if (*x)
        *x = dcl_graph_apply(graph, NULL, "gather", (dcl_value[]){*x, indices}, 2, columns);
    else
        *v = dcl__binary(graph, "gather", *v, indices);
}

/* The running mean of a parameter from 30 % of the steps on, under the parameter's public name. */
static void average(dcl_graph *graph, const dcl__task *task, const char *name, dcl_value iterate, int64_t rows)
{
    const dcl_setting settings[] = {{.name = "start", .integer = task->steps / 10 * 3},
                                    {.name = "power", .number = 1}, {0}};
    dcl_value mean = dcl__matrix_parameter(graph, name, rows, task->width, 0, 0);
    dcl_graph_assign(graph, mean, dcl_graph_apply(graph, NULL, "average", (dcl_value[]){mean, iterate}, 2, settings));
}

void dcl__build_stochastic(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value x)
{
    dcl_value u = dcl__matrix_parameter(graph, "U.iterate", task->rows, task->width, 0.5 * task->unit_u, DCL__STREAM_U);
    dcl_value v = dcl__matrix_parameter(graph, "V.iterate", task->columns, task->width, 0.5 * task->unit_v,
                                        DCL__STREAM_V);
    dcl_value batch_y = y, batch_v = v, batch_x = x, gradients[2];
    take_batch(graph, task, &batch_y, &batch_v, &batch_x);
    dcl_value loss = dcl__noise_loss(graph, task, batch_y, u, batch_v, batch_x, gradients);
    if (batch_v != v)
        dcl_graph_gradient(graph, loss, (dcl_value[]){u, v}, 2, gradients);
    /* The horizon must not grow with the steps: a long tail of large steps spoils the average. */
    int64_t horizon = task->steps / 20 < 50 ? 50 : task->steps / 20 > 100 ? 100 : task->steps / 20;
    const dcl__schedule_setting schedule = {"inverse", horizon, 0.25};
    dcl_value next_u = dcl__optimize(graph, task, u, gradients[0], task->unit_u, schedule);
    dcl_value next_v = dcl__optimize(graph, task, v, gradients[1], task->unit_v, schedule);
    average(graph, task, "U", next_u, task->rows);
    average(graph, task, "V", next_v, task->columns);
    dcl_graph_result(graph, "loss", loss);
}
