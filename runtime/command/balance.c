/* balance.c: `dropcl balance`: turns factors until all units weigh the same. */
#include <stdio.h>

#include "command/command.h"
#include "command/files.h"
#include "core/error.h"

typedef struct request {
    const char *left, *right, *folder, *device;
    int dtype, method;
} request;

static void build(dcl_graph *graph, const request *q, const dcl__array *u, const dcl__array *v)
{
    const dcl_setting settings[] = {{.name = "method", .string = q->method == 2 ? "rotation" : "aligned"}, {0}};
    const dcl_value factors[] = {dcl_graph_parameter(graph, "U", 2, u->dim, (dcl_initial){0}),
                                 dcl_graph_parameter(graph, "V", 2, v->dim, (dcl_initial){0})};
    dcl_value balanced = dcl_graph_apply(graph, "balanced", "balance", factors, 2, settings);
    for (int i = 0; i < 2; i++)
        dcl_graph_assign(graph, factors[i], balanced ? balanced + i : 0);
}

static dcl_status run(const request *q, dcl_session *session, const dcl__array *u, const dcl__array *v,
                      dcl_error *error)
{
    dcl_status status = dcl_session_feed(session, "U", u->dtype, u->data, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "V", v->dtype, v->data, error);
    if (status == DCL_OK)
        status = dcl_session_step(session, 1, error);
    if (status == DCL_OK)
        status = dcl__write_value(session, "U", dcl__join(q->folder, "U.npy").text, error);
    if (status == DCL_OK)
        status = dcl__write_value(session, "V", dcl__join(q->folder, "V.npy").text, error);
    if (status == DCL_OK)
        printf("files  %s: U.npy V.npy\n", q->folder);
    return status;
}

static dcl_status balance(const request *q, dcl__tools *tools, const dcl__array *u, const dcl__array *v,
                          dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    if (u->dim[1] != v->dim[1])
        return dcl__fail(error, DCL_EFORMAT, "%s has %lld columns, but %s has %lld: factors have one column for each "
                         "unit", q->left, (long long)u->dim[1], q->right, (long long)v->dim[1]);
    dcl_status status = dcl_graph_create(tools->registry, u->dtype, 0, &graph, error);
    if (status)
        return status;
    build(graph, q, u, v);
    status = dcl_session_create(tools->device, graph, &session, error);
    if (status == DCL_OK)
        status = run(q, session, u, v, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

int dcl__command_balance(int argc, char **argv)
{
    request q = {.dtype = 1, .method = 1};
    const dcl__option options[] = {
        {"-o", "DIR", "folder for the new U.npy and V.npy", DCL__OPTION_TEXT, &q.folder},
        {"--method", "aligned|rotation", "aligned (default) also makes the common weight the least possible; rotation "
         "only turns the units", DCL__OPTION_WORD, &q.method},
        {"--dtype", "f32|f64", "precision (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {0}};
    const dcl__usage usage = {
        "balance", "U V -o DIR [options]",
        "Replaces factors by others with the same product U V' whose units all have the same\n"
        "||u_i|| ||v_i||: what dropout does to them in the end.", "  dropcl balance U.npy V.npy -o balanced\n", options,
        2, 2};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON && !q.folder)
        over = dcl__misuse("balance", "-o DIR is missing: where should the results go?");
    if (over != DCL__GO_ON)
        return over;
    q.left = positional[0];
    q.right = positional[1];
    uint32_t dtype = q.dtype == 2 ? DCL_F64 : DCL_F32;
    dcl__tools tools = {0};
    dcl__array u = {0}, v = {0};
    dcl__results results = {0};
    dcl_error error;
    dcl_status status = dcl__matrix_read(q.left, dtype, &u, &error);
    if (status == DCL_OK)
        status = dcl__matrix_read(q.right, dtype, &v, &error);
    if (status == DCL_OK)
        status = dcl__results_start(&results, q.folder, &error);
    if (status == DCL_OK)
        status = dcl__tools_open(&tools, q.device, NULL, &error);
    if (status == DCL_OK)
        status = balance(&q, &tools, &u, &v, &error);
    dcl__tools_close(&tools);
    dcl__array_free(&u);
    dcl__array_free(&v);
    dcl__results_end(&results, status);
    return dcl__exit(status, &error);
}
