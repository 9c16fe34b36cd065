/* descent.c: plain gradient descent through the graph on the explicit, regularised objective. */
#include "recipes/factorization/noise.h"

void dcl__build_descent(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value x)
{
    dcl_value u = dcl__matrix_parameter(graph, "U", task->rows, task->width, 0.5 * task->unit_u, DCL__STREAM_U);
    dcl_value v = dcl__matrix_parameter(graph, "V", task->columns, task->width, 0.5 * task->unit_v, DCL__STREAM_V);
    dcl_value loss = dcl__noise_objective(graph, task, y, u, v, x), gradients[2] = {0, 0};
    dcl_graph_gradient(graph, loss, (dcl_value[]){u, v}, 2, gradients);
    const dcl__schedule_setting schedule = {"cosine", task->steps, 0.25};
    dcl__optimize(graph, task, u, gradients[0], task->unit_u, schedule);
    dcl__optimize(graph, task, v, gradients[1], task->unit_v, schedule);
}
