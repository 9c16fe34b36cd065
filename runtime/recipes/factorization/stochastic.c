/* stochastic.c: noise as everyone trains with it: a random mask a step, Adam, and the average of the iterates.
 *
 * The mean of iterates that take steps falling like 1/t comes near the optimum where the last iterate does
 * not (Polyak and Juditsky 1992; weights that grow with t: Shamir and Zhang, ICML 2013).
 *
 * Units come to weigh the same far more slowly than the objective comes near its least value, for near the optimum it
 * hardly depends on how a product is shared out among them. So the last step shares it out evenly (op balance), which
 * leaves U V' as it is and can only lower the objective.
 */
#include "recipes/factorization/noise.h"

enum { MOST_UNITS = 20000 };     /* that the op balance takes                                        */

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

dcl_value dcl__average_iterates(dcl_graph *graph, const dcl__task *task, dcl_value mean, dcl_value iterate)
{
    const dcl_setting settings[] = {{.name = "start", .integer = task->steps / 10 * 3},
                                    {.name = "power", .number = 1}, {0}};
    return dcl_graph_apply(graph, NULL, "average", (dcl_value[]){mean, iterate}, 2, settings);
}

/* Adds the parameters with the answer. */
static void answer(dcl_graph *graph, const dcl__task *task, dcl_value next_u, dcl_value next_v, dcl_value x)
{
    const dcl_setting settings[] = {{.name = "block", .integer = task->noise.block},
                                    {.name = "at", .integer = task->steps - 1}, {0}};
    dcl_value u = dcl__matrix_parameter(graph, "U", task->rows, task->width, 0, 0);
    dcl_value v = dcl__matrix_parameter(graph, "V", task->columns, task->width, 0, 0);
    const dcl_value means[] = {dcl__average_iterates(graph, task, u, next_u),
                               dcl__average_iterates(graph, task, v, next_v)};
    dcl_value balanced = 0;
    if (dcl__balances_last(task, x != 0))
        balanced = dcl_graph_apply(graph, "balanced", "balance", means, 2, settings);
    dcl_graph_assign(graph, u, balanced ? balanced : means[0]);
    dcl_graph_assign(graph, v, balanced ? balanced + 1 : means[1]);
}

/* The horizon must not grow with the steps: a long tail of large steps spoils the average. */
dcl__schedule_setting dcl__averaging_schedule(const dcl__task *task)
{
    const int64_t horizon = task->steps / 20 < 50 ? 50 : task->steps / 20 > 100 ? 100 : task->steps / 20;
    return (dcl__schedule_setting){"inverse", horizon, 0.25};
}

int dcl__balances_last(const dcl__task *task, int has_x)
{
    return !task->as_trained && task->lambda > 0 && task->width <= MOST_UNITS &&
           task->noise.kind != DCL_NOISE_CORRELATED && !(has_x && task->noise.lambda_entry > 0);
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
    const dcl__schedule_setting schedule = dcl__averaging_schedule(task);
    dcl_value next_u = dcl__optimize(graph, task, u, gradients[0], task->unit_u, schedule);
    dcl_value next_v = dcl__optimize(graph, task, v, gradients[1], task->unit_v, schedule);
    answer(graph, task, next_u, next_v, x);
    dcl_graph_result(graph, "loss", loss);
}
