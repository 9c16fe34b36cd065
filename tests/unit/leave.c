/* leave.c: a program that trains and leaves without closing anything: it must still end with status 0. */
#include <stdio.h>

#include "dropcl/dropcl.h"

int main(int argument_count, char **arguments)
{
    dcl_registry *ops;
    dcl_device *device;
    dcl_graph *graph;
    dcl_session *session;
    dcl_error error;
    const int64_t dim[] = {20, 20};
    dcl_status status = dcl_registry_open(NULL, &ops, &error);
    if (!status)
        status = dcl_device_open(argument_count > 1 ? arguments[1] : NULL, &device, &error);
    if (!status)
        status = dcl_graph_create(ops, DCL_F32, 1, &graph, &error);
    if (!status) {
        dcl_value x = dcl_graph_parameter(graph, "x", 2, dim, (dcl_initial){.deviation = 0.1});
        dcl_graph_assign(graph, x, dcl_graph_apply(graph, NULL, "matmul", (dcl_value[]){x, x}, 2, NULL));
        status = dcl_session_create(device, graph, &session, &error);
    }
    if (!status)
        status = dcl_session_step(session, 3, &error);
    if (status)
        fprintf(stderr, "%s\n", error.text);
    return status ? 1 : 0;
}
