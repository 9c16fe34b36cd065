/* closed_form.c: the global optimum in one step: shrink the singular values, then balance the units. */
#include "recipes/factorization/factorization.h"

/* Mianjy, Arora, Vidal (ICML 2018): the product is Y with its singular values reduced by tau; it is optimal
 * with factors Q S^1/2 R, P S^1/2 R whose units all weigh the same. Pal, Lane, Vidal and Haeffele (CVPR 2020) do the
 * same for blocks. */
void dcl__build_closed_form(dcl_graph *graph, const dcl__task *task, dcl_value y)
{
    const dcl_setting settings[] = {{.name = "lambda", .number = task->lambda},
                                    {.name = "width", .integer = task->width},
                                    {.name = "block", .integer = task->noise.block}, {0}};
    dcl_value u = dcl__matrix_parameter(graph, "U", task->rows, task->width, 0, 0);
    dcl_value v = dcl__matrix_parameter(graph, "V", task->columns, task->width, 0, 0);
    dcl_value left = dcl_graph_apply(graph, "shrunk", "singular_threshold", &y, 1, settings);
    const dcl_value factors[] = {left, left ? left + 1 : 0};
    dcl_value balanced = dcl_graph_apply(graph, NULL, "balance", factors, 2, settings + 2);
    dcl_graph_assign(graph, u, balanced);
    dcl_graph_assign(graph, v, balanced ? balanced + 1 : 0);
}
