/* balance.c: `dropcl balance`: turns factors until all units weigh the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/files.h"
#include "core/memory.h"
#include "formats/json.h"

typedef struct request {
    const char *left, *right, *folder, *device;
    int dtype, method, json;
    int64_t block;
} request;

static void build(dcl_graph *graph, const request *q, const dcl__array *u, const dcl__array *v)
{
    static const char *const methods[] = {"", "aligned", "rotation", "hadamard"};
    const dcl_setting settings[] = {{.name = "method", .string = methods[q->method]},
                                    {.name = "block", .integer = q->block}, {0}};
    const dcl_value factors[] = {dcl_graph_parameter(graph, "U", 2, u->dim, (dcl_initial){0}),
                                 dcl_graph_parameter(graph, "V", 2, v->dim, (dcl_initial){0})};
    dcl_value balanced = dcl_graph_apply(graph, "balanced", "balance", factors, 2, settings);
    for (int i = 0; i < 2; i++)
        dcl_graph_assign(graph, factors[i], balanced ? balanced + i : 0);
}

/* ---- What the blocks weigh ---- */

typedef struct weights {
    double spread, penalty;      /* (largest - least) / mean of ||U_i V_i'||_F; the sum of squares   */
} weights;

/* The scalar product of columns i and j. */
static double inner(const double *factor, int64_t rows, int64_t width, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t row = 0; row < rows; row++)
        sum += factor[row * width + i] * factor[row * width + j];
    return sum;
}

/* ||U_i V_i'||_F^2 = <U_i'U_i, V_i'V_i> of every block. */
static weights weigh(const double *u, int64_t rows, const double *v, int64_t columns, int64_t width, int64_t block)
{
    double most = 0, least = INFINITY, mean = 0, penalty = 0;
    for (int64_t first = 0; first < width; first += block) {
        double square = 0;
        for (int64_t i = first; i < first + block; i++)
            for (int64_t j = first; j < first + block; j++)
                square += inner(u, rows, width, i, j) * inner(v, columns, width, i, j);
        const double norm = sqrt(fmax(square, 0));
        most = fmax(most, norm);
        least = fmin(least, norm);
        mean += norm * (double)block / (double)width;
        penalty += square;
    }
    return (weights){mean > 0 ? (most - least) / mean : 0, penalty};
}

static dcl_status fetch_weights(const request *q, dcl_session *session, const dcl__array *u, const dcl__array *v,
                                weights *found, dcl_error *error)
{
    const int64_t rows = u->dim[0], columns = v->dim[0], width = u->dim[1], size = (rows + columns) * width;
    double *numbers = malloc((size_t)size * sizeof *numbers), *right = numbers + rows * width;
    if (!numbers)
        return dcl__no_memory(error, "the factors", size * (int64_t)sizeof *numbers);
    dcl_status status = dcl_session_fetch(session, "U", DCL_F64, numbers, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "V", DCL_F64, right, error);
    if (status == DCL_OK)
        *found = weigh(numbers, rows, right, columns, width, q->block);
    free(numbers);
    return status;
}

static json_t *describe(const request *q, const weights *before, const weights *after)
{
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:s}", "version", dcl_version(), "command", "balance",
                     "block", (json_int_t)q->block, "spread_before", dcl__json_from_number(before->spread),
                     "spread_after", dcl__json_from_number(after->spread),
                     "penalty_before", dcl__json_from_number(before->penalty),
                     "penalty_after", dcl__json_from_number(after->penalty), "folder", q->folder);
}

static void print_weights(const request *q, const weights *before, const weights *after)
{
    printf("spread  %.3g before, %.3g after\npenalty %.9g before, %.9g after\n", before->spread, after->spread,
           before->penalty, after->penalty);
    printf("files  %s: U.npy V.npy report.json\n", q->folder);
}

static dcl_status report(const request *q, const weights *before, const weights *after, dcl_error *error)
{
    json_t *object = describe(q, before, after);
    const dcl_status status = dcl__json_write(dcl__join(q->folder, "report.json").text, object, error);
    if (status == DCL_OK && q->json)
        dcl__print_json(object);
    else if (status == DCL_OK)
        print_weights(q, before, after);
    json_decref(object);
    return status;
}

static dcl_status run(const request *q, dcl_session *session, const dcl__array *u, const dcl__array *v,
                      dcl_error *error)
{
    weights before, after;
    dcl_status status = dcl_session_feed(session, "U", u->dtype, u->data, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "V", v->dtype, v->data, error);
    if (status == DCL_OK)
        status = fetch_weights(q, session, u, v, &before, error);
    if (status == DCL_OK)
        status = dcl_session_step(session, 1, error);
    if (status == DCL_OK)
        status = fetch_weights(q, session, u, v, &after, error);
    dcl__catch_interrupts();
    if (status == DCL_OK)
        status = dcl__write_value(session, "U", dcl__join(q->folder, "U.npy").text, error);
    if (status == DCL_OK)
        status = dcl__results_replace(q->folder, "balance", &(dcl__texts){{"U.npy"}, 1}, error);
    if (status == DCL_OK)
        status = dcl__write_value(session, "V", dcl__join(q->folder, "V.npy").text, error);
    return status ? status : report(q, &before, &after, error);
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
    request q = {.dtype = 1, .method = 1, .block = 1};
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--method", "aligned|rotation|hadamard", "aligned (default): the least common weight; rotation only turns; "
         "hadamard: aligned, fast, 2^k units", DCL__OPTION_WORD, &q.method},
        {"--block", "B", "neighbouring units that weigh as one", DCL__OPTION_INTEGER, &q.block},
        {"--json", NULL, "print the weights as JSON", DCL__OPTION_FLAG, &q.json},
        {"--dtype", "f32|f64", "precision (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {0}};
    const dcl__usage usage = {
        "balance", "U V -o DIR [options]",
        "Replaces factors by others with the same product U V' whose units all have the same\n"
        "||u_i|| ||v_i||, or whose blocks have the same ||U_i V_i'||_F: what dropout and DropBlock do to\n"
        "them in the end. `spread` is (largest - least) / mean of these, `penalty` the sum of their squares.\n"
        "DIR gets U.npy, V.npy and report.json.",
        "  dropcl balance U.npy V.npy -o balanced\n", options, 2, 2};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON && !q.folder)
        over = dcl__misuse("balance", "-o DIR is missing: where should the results go?");
    if (over == DCL__GO_ON && q.block > 1 && q.method != 1)
        over = dcl__misuse("balance", "blocks are balanced by --method aligned only");
    if (over != DCL__GO_ON)
        return over;
    q.left = positional[0];
    q.right = positional[1];
    uint32_t dtype = q.dtype == 2 ? DCL_F64 : DCL_F32;
    dcl__tools tools = {0};
    dcl__array u = {0}, v = {0};
    dcl__results results = {0};
    dcl_error error;
    dcl_status status = dcl__read_scaled(q.left, dtype, 1, &u, &error);
    if (status == DCL_OK)
        status = dcl__read_scaled(q.right, dtype, 1, &v, &error);
    if (status == DCL_OK)
        status = dcl__results_start(&results, q.folder, &(dcl__texts){{q.left, q.right}, 2}, NULL, &error);
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
