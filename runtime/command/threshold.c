/* threshold.c: `dropcl threshold`: the closed-form optimum of a matrix. */
#include <math.h>
#include <stdio.h>

#include "command/command.h"
#include "command/files.h"
#include "formats/npy.h"

typedef struct request {
    const char *matrix, *folder, *device;
    int dtype;
    double tau, retain, lambda, scale;
    int64_t rank;                /* -1: as many units as fit                                         */
} request;

/* A graph whose parameters are the op's outputs. */
static void build(dcl_graph *graph, const request *q, int64_t rows, int64_t columns, int64_t width)
{
    int64_t spectrum = rows < columns ? rows : columns;
    double lambda = isnan(q->lambda) ? (1 - q->retain) / q->retain : q->lambda;
    const dcl_setting settings[] = {{.name = "tau", .number = isnan(q->tau) ? -1 : q->tau}, {.name = "lambda", .number = lambda},
                                    {.name = "width", .integer = width}, {0}};
    dcl_value y = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){rows, columns});
    dcl_value shrunk = dcl_graph_apply(graph, "shrunk", "singular_threshold", &y, 1, settings);
    const dcl_initial zero = {0};
    const dcl_value targets[] = {dcl_graph_parameter(graph, "U", 2, (int64_t[]){rows, width}, zero),
                                 dcl_graph_parameter(graph, "V", 2, (int64_t[]){columns, width}, zero),
                                 dcl_graph_parameter(graph, "singular_values", 1, &spectrum, zero),
                                 dcl_graph_parameter(graph, "tau", 0, NULL, zero),
                                 dcl_graph_parameter(graph, "count", 0, NULL, zero),
                                 dcl_graph_parameter(graph, "error", 0, NULL, zero)};
    for (int i = 0; i < 6; i++)
        dcl_graph_assign(graph, targets[i], shrunk ? shrunk + i : 0);
}

/* Numbers that the op gives beside the factors. */
typedef struct summary {
    double tau, count, error;
} summary;

static dcl_status fetch_summary(dcl_session *session, summary *found, dcl_error *error)
{
    dcl_status status = dcl_session_fetch(session, "tau", DCL_F64, &found->tau, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "count", DCL_F64, &found->count, error);
    return status ? status : dcl_session_fetch(session, "error", DCL_F64, &found->error, error);
}

/* Nothing is written before everything has been fetched. */
static dcl_status write_results(const request *q, dcl_session *session, dcl_error *error)
{
    static const char *const names[] = {"U", "V", "singular_values"};
    dcl__array arrays[3] = {{0}};
    summary found = {0};
    dcl_status status = fetch_summary(session, &found, error);
    for (int i = 0; i < 3 && status == DCL_OK; i++)
        status = dcl__fetch_value(session, names[i], &arrays[i], error);
    const int64_t all = arrays[2].dim[0];
    arrays[2].dim[0] = (int64_t)found.count;
    for (int i = 0; i < 3 && status == DCL_OK; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.npy", names[i]);
        status = dcl__npy_write(dcl__join(q->folder, file).text, &arrays[i], error);
    }
    for (int i = 0; i < 3; i++)
        dcl__array_free(&arrays[i]);
    if (status == DCL_OK)
        printf("tau     %.9g\nvalues  %.0f of %lld computed, each within %.1e\n"
               "files   %s: U.npy V.npy singular_values.npy\n", found.tau, found.count, (long long)all, found.error,
               q->folder);
    return status;
}

static dcl_status threshold(const request *q, dcl__tools *tools, const dcl__array *data, dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    int64_t rows = data->dim[0], columns = data->dim[1], spectrum = rows < columns ? rows : columns;
    dcl_status status = dcl_graph_create(tools->registry, data->dtype, 0, &graph, error);
    if (status)
        return status;
    build(graph, q, rows, columns, q->rank < 0 ? spectrum : q->rank);
    status = dcl_session_create(tools->device, graph, &session, error);
    if (status == DCL_OK)
        status = dcl_session_feed(session, "Y", data->dtype, data->data, error);
    if (status == DCL_OK)
        status = dcl_session_step(session, 1, error);
    if (status == DCL_OK)
        status = write_results(q, session, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

static int check_request(const request *q)
{
    if (!q->folder)
        return dcl__misuse("threshold", "-o DIR is missing: where should the results go?");
    if (!(q->retain > 0 && q->retain <= 1) || (!isnan(q->lambda) && !(q->lambda >= 0)))
        return dcl__misuse("threshold", "--retain must be in (0, 1], --lambda at least 0");
    if (q->tau < 0)
        return dcl__misuse("threshold", "--tau is %g, it must be at least 0", q->tau);
    if (q->rank == 0 || q->rank < -1)
        return dcl__misuse("threshold", "--rank is %lld, it must be at least 1", (long long)q->rank);
    return DCL__GO_ON;
}

int dcl__command_threshold(int argc, char **argv)
{
    request q = {.dtype = 1, .tau = NAN, .retain = 0.5, .lambda = NAN, .scale = 1, .rank = -1};
    const dcl__option options[] = {
        {"-o", "DIR", "folder for U.npy, V.npy and singular_values.npy", DCL__OPTION_TEXT, &q.folder},
        {"--tau", "T", "threshold; by default the optimal one for retain and rank", DCL__OPTION_NUMBER, &q.tau},
        {"--retain", "T", "probability that a unit is kept (default 0.5)", DCL__OPTION_NUMBER, &q.retain},
        {"--lambda", "L", "the same as a penalty: L = (1 - T) / T", DCL__OPTION_NUMBER, &q.lambda},
        {"--rank", "R", "units (default min(rows, columns))", DCL__OPTION_INTEGER, &q.rank},
        {"--scale", "S", "multiply the data by S first", DCL__OPTION_NUMBER, &q.scale},
        {"--dtype", "f32|f64", "precision (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {0}};
    const dcl__usage usage = {
        "threshold", "Y -o DIR [options]",
        "Reduces the singular values of Y by tau: U V' is the closed-form optimum of dropout\n"
        "factorization. U and V are aligned (U'U = V'V); `dropcl balance` makes all units weigh the same.\n"
        "Where few singular values survive, only those are computed and written.",
        "  dropcl threshold Y.npy -o shrunk --retain 0.5 --rank 64\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q);
    if (over != DCL__GO_ON)
        return over;
    dcl__tools tools = {0};
    dcl__array data = {0};
    dcl__results results = {0};
    dcl_error error;
    dcl_status status = dcl__read_scaled(positional[0], q.dtype == 2 ? DCL_F64 : DCL_F32, q.scale, &data, &error);
    if (status == DCL_OK)
        status = dcl__results_start(&results, q.folder, &error);
    if (status == DCL_OK)
        status = dcl__tools_open(&tools, q.device, NULL, &error);
    if (status == DCL_OK)
        status = threshold(&q, &tools, &data, &error);
    dcl__tools_close(&tools);
    dcl__array_free(&data);
    dcl__results_end(&results, status);
    return dcl__exit(status, &error);
}
