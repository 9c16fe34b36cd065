/* build.c: short names for what recipes add to graphs again and again. */
#include "recipes/common/build.h"

#include <stdio.h>

dcl_value dcl__unary(dcl_graph *graph, const char *op, dcl_value x)
{
    return dcl_graph_apply(graph, NULL, op, &x, 1, NULL);
}

dcl_value dcl__binary(dcl_graph *graph, const char *op, dcl_value x, dcl_value y)
{
    return dcl_graph_apply(graph, NULL, op, (dcl_value[]){x, y}, 2, NULL);
}

dcl_value dcl__scaled(dcl_graph *graph, dcl_value x, double by)
{
    return dcl_graph_apply(graph, NULL, "scale", &x, 1, (dcl_setting[]){{.name = "by", .number = by}, {0}});
}

dcl_value dcl__matmul(dcl_graph *graph, uint32_t transpose, dcl_value a, dcl_value b)
{
    const dcl_setting settings[] = {{.name = "transpose_a", .integer = (transpose & DCL_TRANSPOSE_A) != 0},
                                    {.name = "transpose_b", .integer = (transpose & DCL_TRANSPOSE_B) != 0},
                                    {0}};
    return dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){a, b}, 2, settings);
}

dcl_value dcl__over_rows(dcl_graph *graph, const char *op, dcl_value x, int keep)
{
    const int64_t rows = 0;
    const dcl_setting settings[] = {{.name = "axes", .list = &rows, .count = 1}, {.name = "keep", .integer = keep},
                                    {0}};
    return dcl_graph_apply(graph, NULL, op, &x, 1, settings);
}

dcl_value dcl__scalar(dcl_graph *graph, const char *name, double value)
{
    return dcl_graph_constant(graph, name, 0, NULL, value);
}

dcl_value dcl__scalar_parameter(dcl_graph *graph, const char *name, double value)
{
    return dcl_graph_parameter(graph, name, 0, NULL, (dcl_initial){.fill = value});
}

dcl_value dcl__matrix_parameter(dcl_graph *graph, const char *name, int64_t rows, int64_t columns,
                                double deviation, uint32_t stream)
{
    return dcl_graph_parameter(graph, name, 2, (int64_t[]){rows, columns},
                               (dcl_initial){.deviation = deviation, .stream = stream});
}

dcl_value dcl__state_of(dcl_graph *graph, dcl_value parameter, const char *suffix)
{
    char name[96];
    const dcl_tensor *shape = dcl_value_tensor(graph, parameter);
    if (!shape)
        return 0;
    const dcl_tensor copy = *shape;
    snprintf(name, sizeof name, "%s.%s", dcl_value_name(graph, parameter), suffix);
    return dcl_graph_parameter(graph, name, copy.rank, copy.dim, (dcl_initial){0});
}
