/* variable_width.c: factors with as many units as their product has rank. */
#include "recipes/factorization/variable_width.h"

static dcl_status build(const dcl_registry *registry, const dcl__task *task, int64_t found, dcl_graph **graph,
                        dcl_error *error)
{
    dcl_status status = dcl_graph_create(registry, task->dtype, 0, graph, error);
    if (status)
        return status;
    const dcl_setting cut[] = {{.name = "tau", .number = 0}, {.name = "width", .integer = found}, {0}};
    dcl_value u = dcl_graph_input(*graph, "U", DCL_REAL, 2, (int64_t[]){task->rows, task->width});
    dcl_value v = dcl_graph_input(*graph, "V", DCL_REAL, 2, (int64_t[]){task->columns, task->width});
    dcl_value product = dcl__matmul(*graph, DCL_TRANSPOSE_B, u, v);
    dcl_value left = dcl_graph_apply(*graph, NULL, "singular_threshold", &product, 1, cut);
    dcl_value balanced = dcl__binary(*graph, "balance", left, left ? left + 1 : 0);
    dcl_graph_result(*graph, "narrow u", balanced);
    dcl_graph_result(*graph, "narrow v", balanced ? balanced + 1 : 0);
    return dcl_graph_status(*graph, error);
}

dcl_status dcl__narrow(const dcl_registry *registry, dcl_device *device, const dcl__task *task, const double *u,
                       const double *v, int64_t found, double *narrow_u, double *narrow_v, dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    dcl_status status = build(registry, task, found, &graph, error);
    if (status == DCL_OK)
        status = dcl_session_create(device, graph, &session, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "U", DCL_F64, u, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "V", DCL_F64, v, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "narrow u", DCL_F64, narrow_u, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "narrow v", DCL_F64, narrow_v, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}
