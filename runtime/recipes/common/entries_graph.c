/* entries_graph.c: the known entries of a matrix on the device: inputs by rows and by columns. */
#include "recipes/common/entries_graph.h"

#include <stdlib.h>

#include "core/error.h"
#include "recipes/common/entries_order.h"

static dcl_value vector_input(dcl_graph *graph, const char *name, uint32_t dtype, int64_t length)
{
    return dcl_graph_input(graph, name, dtype, 1, &length);
}

dcl_value dcl__entries_loss(dcl_graph *graph, const dcl_entries *e, const char *loss, dcl_value u, dcl_value v)
{
    const dcl_value inputs[] = {
        u, v, vector_input(graph, "value", DCL_REAL, e->count), vector_input(graph, "start", DCL_I64, e->rows + 1),
        vector_input(graph, "column", DCL_I64, e->count), vector_input(graph, "column_start", DCL_I64, e->columns + 1),
        dcl_graph_input(graph, "by_column", DCL_I64, 2, (int64_t[]){e->count, 2}),
        e->weight ? vector_input(graph, "weight", DCL_REAL, e->count) : 0};
    return dcl_graph_apply(graph, "residual", "entries_residual", inputs, 8,
                           (dcl_setting[]){{.name = "loss", .string = loss}, {0}});
}

dcl_status dcl__entries_feed(dcl_session *session, const dcl_entries *e, dcl_error *error)
{
    const int64_t room = 2 * e->count + e->columns + 1;
    int64_t *by_column = calloc((size_t)room, sizeof *by_column), *column_start = by_column + 2 * e->count;
    if (!by_column)
        return dcl__no_memory(error, "the order of entries", room * (int64_t)sizeof *by_column);
    dcl__entries_order(e, column_start, by_column);
    const struct { const char *name; uint32_t dtype; const void *data; } inputs[] = {
        {"value", DCL_F64, e->value}, {"start", DCL_I64, e->start}, {"column", DCL_I64, e->column},
        {"column_start", DCL_I64, column_start}, {"by_column", DCL_I64, by_column}, {"weight", DCL_F64, e->weight}};
    dcl_status status = DCL_OK;
    for (int i = 0; i < 6 && status == DCL_OK; i++)
        if (inputs[i].data)
            status = dcl_session_feed(session, inputs[i].name, inputs[i].dtype, inputs[i].data, error);
    free(by_column);
    return status;
}
