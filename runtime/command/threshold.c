/* threshold.c: `dropcl threshold`: the closed-form optimum of a matrix. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/files.h"
#include "core/memory.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "recipes/factorization/data_spectrum.h"
#include "recipes/factorization/optimum.h"

typedef struct request {
    const char *matrix, *folder, *device;
    int dtype, variable_rate, balance, method, json;
    double tau, retain, lambda, scale;
    int64_t rank, block;         /* rank 0: as many units as fit                                     */
} request;

/* What there is to say of the result. */
typedef struct outcome {
    double tau, count, error;    /* of the op: error bounds that of every value                      */
    int64_t spectrum, width;
    dcl_noise noise;
    dcl_optimum optimum;
    dcl_assessment assessment;   /* of balanced factors                                              */
} outcome;

/* With a threshold of the user's own there is no noise, and no optimum. */
static int has_optimum(const request *q)
{
    return isnan(q->tau);
}

static int is_balanced(const request *q)
{
    return q->balance || q->method || q->block > 1;
}

static dcl_status find_noise(const request *q, const dcl_matrix *data, outcome *found, dcl_error *error)
{
    dcl_factorize_options options = dcl_factorize_defaults(data);
    options.noise = q->block > 1 ? DCL_NOISE_DROPBLOCK : DCL_NOISE_DROPOUT;
    options.retain = isnan(q->retain) ? 0.5 : q->retain;
    options.lambda = isnan(q->lambda) ? -1 : q->lambda;
    options.width = found->width;
    options.block = q->block;
    options.variable_rate = q->variable_rate;
    return dcl_noise_resolve(&options, &found->noise, error);
}

/* A graph whose parameters are the op's outputs. */
static void build(dcl_graph *graph, const request *q, const dcl_matrix *data, const outcome *found)
{
    const int64_t rows = data->rows, columns = data->columns, width = found->width;
    const dcl_setting settings[] = {{.name = "tau", .number = isnan(q->tau) ? -1 : q->tau},
                                    {.name = "lambda", .number = found->noise.lambda},
                                    {.name = "width", .integer = width}, {.name = "block", .integer = q->block}, {0}};
    const dcl_setting balancing[] = {{.name = "method", .string = q->method == 2 ? "hadamard" : "aligned"},
                                     {.name = "block", .integer = q->block}, {0}};
    dcl_value y = dcl_graph_input(graph, "Y", DCL_REAL, 2, (int64_t[]){rows, columns});
    dcl_value shrunk = dcl_graph_apply(graph, "shrunk", "singular_threshold", &y, 1, settings), factors = shrunk;
    if (is_balanced(q))
        factors = dcl_graph_apply(graph, "balanced", "balance", (dcl_value[]){shrunk, shrunk ? shrunk + 1 : 0}, 2,
                                  balancing);
    const dcl_initial zero = {0};
    const dcl_value targets[] = {dcl_graph_parameter(graph, "U", 2, (int64_t[]){rows, width}, zero),
                                 dcl_graph_parameter(graph, "V", 2, (int64_t[]){columns, width}, zero),
                                 dcl_graph_parameter(graph, "singular_values", 1, &found->spectrum, zero),
                                 dcl_graph_parameter(graph, "tau", 0, NULL, zero),
                                 dcl_graph_parameter(graph, "count", 0, NULL, zero),
                                 dcl_graph_parameter(graph, "error", 0, NULL, zero)};
    for (int i = 0; i < 6; i++)
        dcl_graph_assign(graph, targets[i], !shrunk || !factors ? 0 : i < 2 ? factors + i : shrunk + i);
}

/* ---- What it is worth ---- */

/* What the minimum is, from the same values as for `factorize`. */
static dcl_status find_optimum(const dcl__tools *tools, const dcl_matrix *data, outcome *found, double *energy,
                               dcl_error *error)
{
    dcl__data_spectrum spectrum = {0};
    double *shrunk = NULL;
    dcl_status status = dcl__data_optimum(tools->registry, tools->device, data, &found->noise, found->width, 0,
                                          &spectrum, &shrunk, &found->optimum, error);
    *energy = spectrum.energy;
    free(spectrum.values);
    free(shrunk);
    return status;
}

/* `factors` has room for both of them. */
static dcl_status judge(dcl_session *session, const dcl_matrix *data, double energy, double *factors, outcome *found,
                        dcl_error *error)
{
    double *u = factors, *v = u + data->rows * found->width;
    dcl_status status = dcl_session_fetch(session, "U", DCL_F64, u, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "V", DCL_F64, v, error);
    if (status == DCL_OK)
        status = dcl_noise_assess(data, NULL, u, v, found->width, &found->noise, &found->assessment, NULL, NULL, error);
    if (status == DCL_OK)
        dcl__prove_attained(found->assessment.objective, energy, &found->optimum);
    return status;
}

static dcl_status find_outcome(const request *q, const dcl__tools *tools, dcl_session *session, const dcl_matrix *data,
                               outcome *found, dcl_error *error)
{
    double energy = 0;
    dcl_status status = dcl_session_fetch(session, "tau", DCL_F64, &found->tau, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "count", DCL_F64, &found->count, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "error", DCL_F64, &found->error, error);
    if (status == DCL_OK && has_optimum(q))
        status = find_optimum(tools, data, found, &energy, error);
    if (status || !has_optimum(q) || !is_balanced(q))
        return status;
    const int64_t size = (data->rows + data->columns) * found->width;
    double *factors = malloc((size_t)size * sizeof *factors);
    if (!factors)
        return dcl__no_memory(error, "the factors", size * (int64_t)sizeof *factors);
    status = judge(session, data, energy, factors, found, error);
    free(factors);
    return status;
}

/* ---- What is said ---- */

static const char *attained_word(const outcome *found)
{
    static const char *const words[] = {"yes", "no", "not found"};
    return words[found->optimum.attained];
}

static void print_outcome(const request *q, const outcome *found)
{
    const dcl_optimum *optimum = &found->optimum;
    printf("tau     %.9g\nvalues  %.0f of %lld computed, each within %.1e\n", found->tau, found->count,
           (long long)found->spectrum, found->error);
    if (has_optimum(q) && optimum->inexact)
        printf("optimum at least %.9g\n", optimum->minimum - optimum->error);
    else if (has_optimum(q))
        printf("optimum %.9g\n", optimum->minimum);
    if (has_optimum(q) && q->block > 1)
        printf("convex  %.9g\nattained %s\n", optimum->minimum - optimum->convex_gap, attained_word(found));
    if (has_optimum(q) && is_balanced(q))
        printf("objective %.9g\n", found->assessment.objective);
    printf("files   %s: U.npy V.npy singular_values.npy report.json\n", q->folder);
}

static json_t *number_if(int known, double number)
{
    return known ? dcl__json_from_number(number) : json_null();
}

static json_t *describe(const request *q, const outcome *found)
{
    const dcl_optimum *optimum = &found->optimum;
    const int known = has_optimum(q), judged = known && is_balanced(q);
    return json_pack(
        "{s:s, s:s, s:o, s:I, s:I, s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "version", dcl_version(),
        "command", "threshold", "tau",
        dcl__json_from_number(found->tau), "values", (json_int_t)found->count, "spectrum", (json_int_t)found->spectrum,
        "error", dcl__json_from_number(found->error), "width", (json_int_t)found->width, "block", (json_int_t)q->block,
        "lambda", number_if(known, found->noise.lambda),
        "optimum", number_if(known && !optimum->inexact, optimum->minimum),
        "lower_bound", number_if(known, optimum->minimum - optimum->error),
        "convex", number_if(known, optimum->minimum - optimum->convex_gap),
        "attained", known && q->block > 1 ? json_string(attained_word(found)) : json_null(),
        "objective", number_if(judged, found->assessment.objective),
        "balance_error", number_if(judged, found->assessment.balance_error), "folder", q->folder);
}

static dcl_status report(const request *q, const outcome *found, dcl_error *error)
{
    json_t *object = describe(q, found);
    const dcl_status status = dcl__json_write(dcl__join(q->folder, "report.json").text, object, error);
    if (status == DCL_OK && q->json)
        dcl__print_json(object);
    else if (status == DCL_OK)
        print_outcome(q, found);
    json_decref(object);
    return status;
}

/* Nothing is written before everything has been fetched. */
static dcl_status write_results(const request *q, dcl_session *session, const outcome *found, dcl_error *error)
{
    static const char *const names[] = {"U", "V", "singular_values"};
    dcl__array arrays[3] = {{0}};
    dcl_status status = DCL_OK;
    for (int i = 0; i < 3 && status == DCL_OK; i++)
        status = dcl__fetch_value(session, names[i], &arrays[i], error);
    dcl__catch_interrupts();
    arrays[2].dim[0] = (int64_t)found->count;
    for (int i = 0; i < 3 && status == DCL_OK; i++) {
        char file[64];
        snprintf(file, sizeof file, "%s.npy", names[i]);
        status = dcl__npy_write(dcl__join(q->folder, file).text, &arrays[i], error);
        if (i == 0 && status == DCL_OK)
            status = dcl__results_replace(q->folder, "threshold", &(dcl__texts){{"U.npy"}, 1}, error);
    }
    for (int i = 0; i < 3; i++)
        dcl__array_free(&arrays[i]);
    return status;
}

static dcl_status run(const request *q, const dcl__tools *tools, dcl_session *session, const dcl_matrix *data,
                      outcome *found, dcl_error *error)
{
    dcl_status status = dcl_session_feed(session, "Y", data->dtype, data->data, error);
    if (status == DCL_OK)
        status = dcl_session_step(session, 1, error);
    if (status == DCL_OK)
        status = find_outcome(q, tools, session, data, found, error);
    if (status == DCL_OK)
        status = write_results(q, session, found, error);
    return status ? status : report(q, found, error);
}

/* Whole blocks of the units that fit, but one at least. */
static int64_t default_rank(int64_t spectrum, int64_t block)
{
    return spectrum < block ? block : spectrum / block * block;
}

static dcl_status threshold(const request *q, dcl__tools *tools, const dcl_matrix *data, dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    outcome found = {.spectrum = data->rows < data->columns ? data->rows : data->columns};
    found.width = q->rank == 0 ? default_rank(found.spectrum, q->block) : q->rank;
    dcl_status status = find_noise(q, data, &found, error);
    if (status == DCL_OK)
        status = dcl_graph_create(tools->registry, data->dtype, 0, &graph, error);
    if (status)
        return status;
    build(graph, q, data, &found);
    status = dcl_session_create(tools->device, graph, &session, error);
    if (status == DCL_OK)
        status = run(q, tools, session, data, &found, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

static int check_blocks(const request *q)
{
    if (q->rank % q->block)
        return dcl__misuse("threshold", "--rank %lld is not a multiple of --block %lld: blocks have equal sizes",
                           (long long)q->rank, (long long)q->block);
    if (!isnan(q->tau) && (q->block > 1 || q->variable_rate))
        return dcl__misuse("threshold", "--tau is given, but blocks and variable rates come to one of their own");
    if (q->method == 2 && q->block > 1)
        return dcl__misuse("threshold", "--method hadamard balances units, not blocks");
    return DCL__GO_ON;
}

static int check_request(const request *q)
{
    if (!q->folder)
        return dcl__misuse("threshold", "-o DIR is missing: where should the results go?");
    if (q->retain <= 0 || q->retain > 1 || q->lambda < 0)
        return dcl__misuse("threshold", "--retain must be in (0, 1], --lambda at least 0");
    if (!isnan(q->tau) + !isnan(q->retain) + !isnan(q->lambda) > 1)
        return dcl__misuse("threshold", "--retain, --lambda and --tau each decide the threshold: give one of them");
    if (q->tau < 0)
        return dcl__misuse("threshold", "--tau is %g, it must be at least 0", q->tau);
    return check_blocks(q);
}

int dcl__command_threshold(int argc, char **argv)
{
    request q = {.dtype = 1, .tau = NAN, .retain = NAN, .lambda = NAN, .scale = 1, .block = 1};
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--tau", "T", "threshold; by default the optimal one for retain and rank", DCL__OPTION_NUMBER, &q.tau},
        {"--retain", "T", "probability that a unit is kept (default 0.5)", DCL__OPTION_NUMBER, &q.retain},
        {"--lambda", "L", "the same as a penalty: L = (1 - T) / T", DCL__OPTION_NUMBER, &q.lambda},
        {"--rank", "R", "units (default min(rows, columns), in whole blocks)", DCL__OPTION_INTEGER, &q.rank},
        {"--block", "B", "DropBlock: units dropped together; the factors come balanced", DCL__OPTION_INTEGER, &q.block},
        {"--variable-rate", NULL, "retain (lambda) is of one unit, or block, and grows with their number",
         DCL__OPTION_FLAG, &q.variable_rate},
        {"--balance", NULL, "make all units weigh the same", DCL__OPTION_FLAG, &q.balance},
        {"--method", "chain|hadamard", "how: plane rotations (default), or a fast transform, R a power of 2",
         DCL__OPTION_WORD, &q.method},
        {"--json", NULL, "print the results as JSON", DCL__OPTION_FLAG, &q.json},
        {"--scale", "S", "multiply the data by S first", DCL__OPTION_FACTOR, &q.scale},
        {"--dtype", "f32|f64", "precision (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {0}};
    const dcl__usage usage = {
        "threshold", "Y -o DIR [options]",
        "Reduces the singular values of Y by tau: U V' is the closed-form optimum of dropout\n"
        "factorization. U and V are aligned (U'U = V'V); --balance makes all units weigh the same.\n"
        "DIR gets U.npy, V.npy, singular_values.npy and report.json; where few singular values survive, only those\n"
        "are computed and written. DropBlock (--block) has a convex\n"
        "problem for a lower bound of its objective; `attained` tells whether this number of blocks reaches it.",
        "  dropcl threshold Y.npy -o shrunk --retain 0.5 --rank 64\n"
        "  dropcl threshold Y.npy -o shrunk --retain 0.5 --rank 64 --block 8\n", options, 1, 1};
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
        status = dcl__results_start(&results, q.folder, &(dcl__texts){{positional[0]}, 1}, NULL, &error);
    if (status == DCL_OK)
        status = dcl__tools_open(&tools, q.device, NULL, &error);
    if (status == DCL_OK)
        status = threshold(&q, &tools, &(dcl_matrix){data.dim[0], data.dim[1], data.dtype, data.data}, &error);
    dcl__tools_close(&tools);
    dcl__array_free(&data);
    dcl__results_end(&results, status);
    return dcl__exit(status, &error);
}
