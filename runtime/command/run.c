/* run.c: `dropcl run`: evaluates or trains a graph file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/files.h"
#include "core/error.h"
#include "core/tensor.h"
#include "formats/graph_dot.h"
#include "formats/graph_file.h"

typedef struct request {
    const char *graph, *device, *dot, *plugins;
    dcl__texts feeds, fetches, scales;
    int dtype, quiet;
    int64_t steps;
    const char *seed;
} request;

/* "NAME=REST": copies the name, returns REST; NULL without '='. */
static const char *split(const char *text, char name[128])
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text || (size_t)(equals - text) >= 128)
        return NULL;
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    return equals + 1;
}

/* ---- Feeding ---- */

/* The factor that --scale asks for on an input; 1 without one. */
static dcl_status find_scale(const request *q, const char *input, double *scale, dcl_error *error)
{
    *scale = 1;
    for (int i = 0; i < q->scales.count; i++) {
        char name[128];
        const char *factor = split(q->scales.items[i], name);
        if (!factor || !dcl__read_number(factor, scale) || *scale == 0)
            return dcl__fail(error, DCL_EINVAL, "--scale '%s' is not of the form NAME=NUMBER, with a number other than "
                             "0", q->scales.items[i]);
        if (strcmp(name, input) == 0)
            return DCL_OK;
        *scale = 1;
    }
    return DCL_OK;
}

static dcl_status check_shape(const char *file, const char *input, const dcl__array *array, const dcl_tensor *wanted,
                              dcl_error *error)
{
    char one[DCL__SHAPE_TEXT], two[DCL__SHAPE_TEXT];
    dcl_tensor found;
    dcl_status status = dcl__tensor_init(&found, input, array->dtype, array->rank, array->dim, error);
    if (status)
        return dcl__prefix(error, DCL_EFORMAT, "%s", file);
    if (!dcl__same_shape(&found, wanted))
        return dcl__fail(error, DCL_EFORMAT, "%s: it holds %s, but '%s' of the graph is %s", file,
                         dcl__shape_text(&found, one), input, dcl__shape_text(wanted, two));
    return DCL_OK;
}

/* Feeds numbers, scaled, to a real value, or as whole numbers to one of i64. */
static dcl_status feed_array(dcl_session *session, const char *input, const dcl_tensor *wanted, dcl__array *array,
                             double scale, dcl_error *error)
{
    for (int64_t i = 0; scale != 1 && i < wanted->count; i++)
        dcl__array_set(array, i, dcl__array_get(array, i) * scale);
    if (wanted->dtype != DCL_I64)
        return dcl_session_feed(session, input, array->dtype, array->data, error);
    for (int64_t i = 0; i < wanted->count; i++) {
        double number = dcl__array_get(array, i);
        if (!(fabs(number) <= 9007199254740992.0) || number != floor(number))
            return dcl__fail(error, DCL_EFORMAT, "'%s' takes whole numbers, but entry %" PRId64 " is %g", input, i + 1,
                             number);
    }
    int64_t *whole = malloc((size_t)wanted->count * sizeof *whole);
    if (!whole)
        return dcl__no_memory(error, input, wanted->count * (int64_t)sizeof *whole);
    for (int64_t i = 0; i < wanted->count; i++)
        whole[i] = (int64_t)dcl__array_get(array, i);
    dcl_status status = dcl_session_feed(session, input, DCL_I64, whole, error);
    free(whole);
    return status;
}

static dcl_status feed(const request *q, dcl_session *session, const dcl_graph *graph, const char *text,
                       dcl_error *error)
{
    char name[128];
    const char *file = split(text, name);
    if (!file)
        return dcl__fail(error, DCL_EINVAL, "--feed '%s' is not of the form NAME=FILE", text);
    const dcl_tensor *wanted = dcl_value_tensor(graph, dcl_value_find(graph, name));
    if (!wanted)
        return dcl__fail(error, DCL_EINVAL, "%s has no input or parameter '%s' to feed", q->graph, name);
    dcl__array array = {0};
    double scale;
    uint32_t dtype = wanted->dtype == DCL_I64 ? DCL_F64 : wanted->dtype;
    dcl_status status = find_scale(q, name, &scale, error);
    if (status == DCL_OK)
        status = dcl__read_array(file, dtype, &array, error);
    if (status == DCL_OK)
        status = check_shape(file, name, &array, wanted, error);
    if (status == DCL_OK)
        status = feed_array(session, name, wanted, &array, scale, error);
    dcl__array_free(&array);
    return status;
}

/* A --scale for what is not fed is a slip of the pen. */
static dcl_status check_scales(const request *q, dcl_error *error)
{
    for (int i = 0; i < q->scales.count; i++) {
        char name[128], fed[128];
        int used = 0;
        for (int k = 0; split(q->scales.items[i], name) && k < q->feeds.count; k++)
            used |= split(q->feeds.items[k], fed) && strcmp(fed, name) == 0;
        if (!used)
            return dcl__fail(error, DCL_EINVAL, "--scale '%s' is for nothing that is fed", q->scales.items[i]);
    }
    return DCL_OK;
}

/* ---- Training ---- */

/* Steps in parts, so that progress is seen and an interrupt is heard. */
static dcl_status train(const request *q, dcl_session *session, dcl_error *error)
{
    int64_t part = q->steps / 100 > 0 ? q->steps / 100 : 1;
    double start = dcl__now();
    dcl_status status = DCL_OK;
    while (status == DCL_OK && dcl_session_steps(session) < q->steps && !dcl__interrupted()) {
        int64_t left = q->steps - dcl_session_steps(session), done;
        status = dcl_session_step(session, left < part ? left : part, error);
        if (status == DCL_OK)
            status = dcl_session_wait(session, error);
        done = dcl_session_steps(session);
        double seconds = dcl__now() - start;
        char line[128];
        snprintf(line, sizeof line, "step %" PRId64 "/%" PRId64 "  %.3g steps/s", done, q->steps,
                 seconds > 0 ? (double)done / seconds : 0);
        if (dcl__shows_progress(q->quiet))
            dcl__progress_line(line);
    }
    dcl__progress_line(NULL);
    return status;
}

/* ---- Fetching ---- */

static dcl_status print_scalar(dcl_session *session, const char *name, dcl_error *error)
{
    double number;
    char shape[DCL__SHAPE_TEXT];
    const dcl_tensor *tensor = dcl_session_tensor(session, name);
    if (tensor && (tensor->count != 1 || tensor->dtype == DCL_I64))
        return dcl__fail(error, DCL_EINVAL, "'%s' is %s; give a file for it: --fetch %s=FILE.npy", name,
                         dcl__shape_text(tensor, shape), name);
    dcl_status status = dcl_session_fetch(session, name, DCL_F64, &number, error);
    if (status == DCL_OK)
        printf("%s = %.9g\n", name, number);
    return status;
}

/* Without --fetch: every result that is a single number. */
static dcl_status print_scalars(dcl_session *session, const dcl_graph *graph, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < dcl_graph_result_count(graph) && status == DCL_OK; i++) {
        const dcl_tensor *tensor = dcl_value_tensor(graph, dcl_graph_result_value(graph, i));
        if (tensor->count == 1 && tensor->dtype != DCL_I64)
            status = print_scalar(session, dcl_graph_result_name(graph, i), error);
    }
    return status;
}

static dcl_status fetch(const request *q, dcl_session *session, const dcl_graph *graph, dcl_error *error)
{
    if (q->fetches.count == 0)
        return print_scalars(session, graph, error);
    dcl_status status = DCL_OK;
    for (int i = 0; i < q->fetches.count && status == DCL_OK; i++) {
        char name[128];
        const char *file = split(q->fetches.items[i], name);
        status = file ? dcl__write_value(session, name, file, error)
                      : print_scalar(session, q->fetches.items[i], error);
    }
    return status;
}

/* ---- All ---- */

static dcl_status run_graph(const request *q, dcl__tools *tools, const dcl_graph *graph, dcl_error *error)
{
    dcl_session *session = NULL;
    dcl_status status = check_scales(q, error);
    if (status == DCL_OK)
        status = dcl__open_device(q->device, &tools->device, error);
    if (status == DCL_OK)
        status = dcl_session_create(tools->device, graph, &session, error);
    for (int i = 0; i < q->feeds.count && status == DCL_OK; i++)
        status = feed(q, session, graph, q->feeds.items[i], error);
    if (status == DCL_OK)
        status = train(q, session, error);
    if (status == DCL_OK)
        status = fetch(q, session, graph, error);
    if (status == DCL_OK && dcl__interrupted())
        dcl__complain("interrupted at step %" PRId64 "; what was reached was fetched", dcl_session_steps(session));
    dcl_session_free(session);
    return status;
}

/* What an op refuses in the graph is wrong in the file, not on the command line. */
static dcl_status read_graph(const request *q, const dcl_registry *registry, const uint64_t *seed, dcl_graph **graph,
                             dcl_error *error)
{
    uint32_t dtype = q->dtype == 1 ? DCL_F32 : q->dtype == 2 ? DCL_F64 : 0;
    dcl_status status = dcl__graph_read(q->graph, registry, dtype, seed, graph, error);
    return status == DCL_EINVAL ? DCL_EGRAPH : status;
}

static dcl_status read_and_run(const request *q, dcl__tools *tools, dcl_error *error)
{
    dcl_graph *graph = NULL;
    uint64_t seed = 0;
    if (q->seed && !dcl__read_seed(q->seed, &seed))
        return dcl__fail(error, DCL_EINVAL, "--seed '%s' is not an integer from 0 to 2^63 - 1", q->seed);
    dcl_status status = dcl_registry_open(q->plugins, &tools->registry, error);
    if (status == DCL_OK)
        status = read_graph(q, tools->registry, q->seed ? &seed : NULL, &graph, error);
    if (status == DCL_OK && q->dot)
        status = dcl__graph_dot(graph, q->dot, error);
    int only_draws = q->dot && !q->feeds.count && !q->fetches.count && !q->steps;
    if (status == DCL_OK && !only_draws)
        status = run_graph(q, tools, graph, error);
    dcl_graph_free(graph);
    return status;
}

int dcl__command_run(int argc, char **argv)
{
    request q = {.dtype = 0};
    const dcl__option options[] = {
        {"--feed", "NAME=FILE", "content of an input or parameter; may be given several times", DCL__OPTION_LIST,
         &q.feeds},
        {"--fetch", "NAME[=FILE]", "write a result or parameter as .npy, or print a single number", DCL__OPTION_LIST,
         &q.fetches},
        {"--scale", "NAME=S", "multiply what is fed to NAME by S (1/255 is fine)", DCL__OPTION_LIST, &q.scales},
        {"--steps", "N", "train: run N steps and their assignments first", DCL__OPTION_INTEGER, &q.steps},
        {"--dtype", "f32|f64", "instead of the file's", DCL__OPTION_WORD, &q.dtype},
        {"--seed", "N", "instead of the file's", DCL__OPTION_TEXT, &q.seed},
        {"--dot", "FILE", "draw the graph for Graphviz; alone, nothing is run", DCL__OPTION_TEXT, &q.dot},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {"--plugins", "PATH", "further plugin files or folders, separated by ':'", DCL__OPTION_TEXT, &q.plugins},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "run", "GRAPH [options]",
        "Runs a graph file (docs/graph-format.md), as `factorize --graph` writes it: feeds its inputs,\n"
        "trains it for N steps, fetches results. Without --fetch all single numbers are printed.",
        "  dropcl run graph.json --feed Y=Y.npy --steps 1000 --fetch U=U.npy --fetch objective\n"
        "  dropcl run graph.json --dot graph.dot && dot -Tsvg graph.dot > graph.svg\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    q.graph = positional[0];
    dcl__tools tools = {0};
    dcl_error error;
    dcl__catch_interrupts();
    dcl_status status = read_and_run(&q, &tools, &error);
    dcl__tools_close(&tools);
    int result = dcl__exit(status, &error);
    return result == DCL__EXIT_DONE && dcl__interrupted() ? DCL__EXIT_INTERRUPTED : result;
}
