/* factorize.c: `dropcl factorize`: fits Y ~ U V' and says how far that is from the global optimum. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/factorize/data.h"
#include "command/factorize/grow.h"
#include "command/factorize/noise.h"
#include "command/factorize/report.h"
#include "command/files.h"
#include "core/error.h"
#include "formats/checkpoint.h"
#include "formats/graph_file.h"
#include "formats/json.h"
#include "formats/output.h"

/* Another recipe with a file of its own, behind the solvers of dropcl.h. */
enum { SOLVER_GROW = DCL_SOLVER_CLOSED_FORM + 1 };

/* Least objectives of one problem differ by no more, whatever the device. */
static const double SAME_OPTIMUM = 1e-5;

/* The command line. */
typedef struct request {
    const char *matrix, *folder, *device, *graph, *trace, *plugins;
    int dtype, solver, optimizer, as_trained, resume, quiet, json;
    double rate, tolerance, scale;
    int64_t rank, steps, batch;
    uint64_t seed;
    dcl__noise_request noise;
    dcl__data_request data;
    dcl__grow_request grow;
} request;

/* A run under way. */
typedef struct run {
    const request *request;
    dcl__tools tools;
    dcl__data data;
    dcl__array mask_factor;
    dcl_factorization *factorization;
    dcl__output trace;
    dcl__results results;
    int traces;
    int finished;                /* the last step is done                                            */
    double shown;                /* when the progress line was last written                          */
} run;

/* ---- Progress ---- */

static void write_trace(run *r, const dcl_progress *p)
{
    dcl_device_counts counts = dcl_device_statistics(r->tools.device);
    fprintf(r->trace.stream, "%lld,%.6f,%.17g,%.17g,%lld,%lld,%lld,%lld\n", (long long)p->step, p->seconds,
            p->objective, p->gap, (long long)dcl_session_kernels(dcl_factorization_session(r->factorization)),
            (long long)counts.kernels_launched, (long long)counts.programs_compiled, (long long)counts.bytes_peak);
}

static void show(run *r, const dcl_progress *p)
{
    char line[256];
    double rate = p->seconds > 0 ? (double)p->step / p->seconds : 0;
    if (p->step < p->steps && dcl__now() - r->shown < 0.1)
        return;
    r->shown = dcl__now();
    snprintf(line, sizeof line, "step %lld/%lld  objective %.6g  gap %.2e  %.3g steps/s  %.0f s left",
             (long long)p->step, (long long)p->steps, p->objective, p->gap, rate,
             rate > 0 ? (double)(p->steps - p->step) / rate : 0);
    dcl__progress_line(line);
}

static int on_progress(void *user, const dcl_progress *p)
{
    run *r = user;
    r->finished = p->step >= p->steps;
    if (r->traces)
        write_trace(r, p);
    if (dcl__shows_progress(r->request->quiet))
        show(r, p);
    return dcl__interrupted();
}

/* ---- The run ---- */

static dcl_status open_trace(run *r, dcl_error *error)
{
    if (!r->request->trace)
        return DCL_OK;
    dcl_status status = dcl__output_open(r->request->trace, &r->trace, error);
    if (status)
        return status;
    r->traces = 1;
    dcl__take_away(r->trace.temporary);
    fputs("step,seconds,objective,gap,kernels_of_step,kernels_launched,programs_compiled,device_bytes_peak\n",
          r->trace.stream);
    return DCL_OK;
}

static dcl_factorize_options make_options(const request *q, const dcl_matrix *data)
{
    dcl_factorize_options options = dcl_factorize_defaults(data);
    options.solver = q->solver;
    options.optimizer = q->optimizer;
    options.steps = q->steps;
    options.batch = q->batch;
    options.rate = q->rate;
    options.tolerance = q->tolerance;
    options.as_trained = q->as_trained;
    options.seed = q->seed;
    options.started = dcl__started();
    options.progress = on_progress;
    return options;
}

static dcl_status prepare(run *r, dcl_error *error)
{
    const request *q = r->request;
    uint32_t dtype = q->dtype == 2 ? DCL_F64 : DCL_F32;
    dcl_status status = dcl__read_data(&q->data, q->matrix, dtype, q->scale, &r->data, error);
    const dcl__texts inputs = {{q->matrix, q->data.inputs, q->data.moment, q->noise.factor}, 4};
    if (status == DCL_OK)
        status = dcl__results_start(&r->results, q->folder, &inputs, NULL, error);
    if (status == DCL_OK)
        status = open_trace(r, error);
    if (status == DCL_OK)
        status = dcl__tools_open(&r->tools, q->device, q->plugins, error);
    if (status)
        return status;
    if (dcl__shows_progress(q->quiet))
        dcl__progress_line("getting ready (the first run on a device compiles its kernels)");
    const dcl_matrix *data = &r->data.data;
    dcl_factorize_options options = make_options(q, data);
    options.user = r;
    dcl__apply_data(&q->data, &r->data, q->scale, &options);
    status = dcl__apply_noise(&q->noise, q->rank, &options, &r->mask_factor, error);
    if (status == DCL_OK)
        status = dcl_factorization_create(r->tools.registry, r->tools.device, data, &options, &r->factorization, error);
    if (status == DCL_OK && q->graph)
        status = dcl__graph_write(dcl_factorization_graph(r->factorization), q->graph, error);
    return status;
}

/* An interrupt that comes with the last step cuts nothing short. */
static int is_cut_short(const run *r)
{
    return dcl__interrupted() && !r->finished;
}

/* A checkpoint does not tell data, scale and noise, but the least objective follows from all of them. */
static dcl_status check_problem(const run *r, const char *checkpoint, dcl_error *error)
{
    json_t *report;
    if (dcl__json_read(dcl__join(r->request->folder, "report.json").text, NULL, &report, NULL))
        return DCL_OK;
    const json_t *const value = json_object_get(report, "convex_value");
    const dcl_optimum optimum = dcl_factorization_optimum(r->factorization);
    const double now = optimum.minimum - optimum.convex_gap;
    const double then = json_is_number(value) ? json_number_value(value) : now;
    json_decref(report);
    if (fabs(then - now) <= SAME_OPTIMUM * fabs(now))
        return DCL_OK;
    return dcl__fail(error, DCL_EINVAL, "%s: it is of another problem, whose least objective is %.6g; here it is %.6g "
                     "(give the data, --scale, --retain and the other options as they were, or leave out --resume)",
                     checkpoint, then, now);
}

static dcl_status resume(run *r, const char *checkpoint, dcl_error *error)
{
    if (access(checkpoint, F_OK) != 0)
        return dcl__fail(error, DCL_EIO, "%s: there is no checkpoint to go on from, only an interrupted run leaves "
                         "one (leave out --resume to start anew)", checkpoint);
    dcl_status status = check_problem(r, checkpoint, error);
    return status ? status : dcl__checkpoint_read(checkpoint, dcl_factorization_session(r->factorization),
                                                  dcl_factorization_graph(r->factorization), error);
}

static dcl_status train(run *r, dcl_error *error)
{
    dcl__path checkpoint = dcl__join(r->request->folder, "checkpoint");
    dcl_session *session = dcl_factorization_session(r->factorization);
    const dcl_graph *graph = dcl_factorization_graph(r->factorization);
    dcl_status status = r->request->resume ? resume(r, checkpoint.text, error) : DCL_OK;
    if (r->request->solver != DCL_SOLVER_CLOSED_FORM)    /* which is one step: it has nothing to keep before its end */
        dcl__catch_interrupts();
    if (status == DCL_OK)
        status = dcl_factorization_run(r->factorization, error);
    dcl__progress_line(NULL);
    if (status == DCL_OK && is_cut_short(r))
        status = dcl__checkpoint_write(checkpoint.text, session, graph, error);
    else if (status == DCL_OK)
        dcl__checkpoint_remove(checkpoint.text);
    return status;
}

static dcl_status write_results(run *r, dcl_factorize_result *result, dcl_error *error)
{
    const request *q = r->request;
    const dcl__report_facts facts = {.device = r->tools.device, .folder = q->folder, .seed = q->seed,
                                     .dtype = q->dtype == 2 ? DCL_F64 : DCL_F32, .solver = q->solver,
                                     .rate_of_one = q->noise.variable_rate, .json = q->json};
    dcl_status status = dcl_factorization_finish(r->factorization, result, error);
    dcl__catch_interrupts();
    if (status == DCL_OK)
        status = dcl__report_factorization(&facts, result, error);
    if (status == DCL_OK && r->traces) {
        r->traces = 0;
        status = dcl__output_commit(&r->trace, error);
    }
    return status;
}

static void clean_up(run *r)
{
    if (r->traces)
        dcl__output_discard(&r->trace);
    dcl_factorization_free(r->factorization);
    dcl__tools_close(&r->tools);
    dcl__data_free(&r->data);
    dcl__array_free(&r->mask_factor);
}

static int exit_status(const run *r, const dcl_factorize_result *result)
{
    const request *q = r->request;
    if (is_cut_short(r)) {
        dcl__complain("interrupted at step %lld; what was reached is in %s, and --resume goes on from there",
                      (long long)result->steps, q->folder);
        return DCL__EXIT_INTERRUPTED;
    }
    if (q->tolerance > 0 && !(result->relative_gap <= q->tolerance)) {
        dcl__complain("the gap is %.2e, the tolerance of %.2e was not reached (more --steps may help, or --solver "
                      "explicit)", result->relative_gap, q->tolerance);
        return DCL__EXIT_TOLERANCE;
    }
    return DCL__EXIT_DONE;
}

static int factorize(const request *q)
{
    run r = {.request = q};
    dcl_factorize_result result;
    dcl_error error;
    dcl_status status = prepare(&r, &error);
    if (status == DCL_OK)
        status = train(&r, &error);
    if (status == DCL_OK)
        status = write_results(&r, &result, &error);
    int over = status ? dcl__exit(status, &error) : exit_status(&r, &result);
    clean_up(&r);
    dcl__results_end(&r.results, status);
    return over;
}

/* ---- The command line ---- */

/* What belongs to noise or to training has no say where units grow. */
static int check_growth(const request *q)
{
    const dcl__noise_request *n = &q->noise;
    const dcl__data_request *d = &q->data;
    if (n->kind != 1 || n->side || n->mask || n->variable_rate || n->block || n->factor || !isnan(n->retain) ||
        !isnan(n->retain_right))
        return dcl__misuse("factorize", "--solver grow has no noise, but a --penalty and --lambda");
    if (d->inputs || d->moment || d->samples || !isnan(d->energy))
        return dcl__misuse("factorize", "--solver grow fits Y ~ U V' without --data, --moment and what belongs to "
                           "them");
    if (q->optimizer || q->rate > 0 || q->batch > 0 || q->graph || q->trace || q->resume)
        return dcl__misuse("factorize", "--optimizer, --rate, --batch, --graph, --trace and --resume are not for "
                           "--solver grow");
    return DCL__GO_ON;
}

static int grow(const request *q)
{
    const dcl__grow_run run = {.grow = &q->grow, .matrix = q->matrix, .folder = q->folder, .device = q->device,
                               .plugins = q->plugins, .dtype = q->dtype == 2 ? DCL_F64 : DCL_F32,
                               .lambda = q->noise.lambda, .tolerance = q->tolerance, .scale = q->scale,
                               .rank = q->rank, .steps = q->steps, .seed = q->seed, .quiet = q->quiet,
                               .json = q->json};
    return dcl__factorize_grow(&run);
}

static int check_request(const request *q)
{
    if (q->solver == DCL_SOLVER_CLOSED_FORM && (q->optimizer || q->rate > 0))
        return dcl__misuse("factorize", "--solver closed-form takes one step: --rate and --optimizer are for the other "
                           "solvers");
    if (!q->folder)
        return dcl__misuse("factorize", "-o DIR is missing: where should the results go?");
    int over = dcl__check_grow(&q->grow, q->solver == SOLVER_GROW, q->noise.lambda);
    if (over != DCL__GO_ON || q->solver == SOLVER_GROW)
        return over != DCL__GO_ON ? over : check_growth(q);
    over = dcl__check_noise(&q->noise, q->solver, q->rank);
    return over == DCL__GO_ON ? dcl__check_data(&q->data, &q->noise, q->solver, q->optimizer, q->batch) : over;
}

int dcl__command_factorize(int argc, char **argv)
{
    request q = {.dtype = 1, .solver = DCL_SOLVER_STOCHASTIC, .scale = 1, .seed = 1,
                 .noise = {.kind = 1, .retain = NAN, .lambda = NAN, .retain_right = NAN},
                 .data = {.energy = NAN}, .grow = {.share = NAN, .mixture = NAN}};
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--solver", "stochastic|explicit|closed-form|grow", "dropout training (default), descent on its expectation, "
         "the closed form, or units that join until certified", DCL__OPTION_WORD, &q.solver},
        {"--noise", "dropout|none|dropblock|dropconnect|correlated", "what is dropped: units (default), nothing, "
         "blocks of units, entries of the factors, or units together", DCL__OPTION_WORD, &q.noise.kind},
        {"--retain", "T", "probability that a draw keeps, in (0, 1] (default 0.5)", DCL__OPTION_NUMBER,
         &q.noise.retain},
        {"--lambda", "L", "the same as a penalty: L = (1 - T) / T; with grow what its penalty is multiplied by",
         DCL__OPTION_NUMBER, &q.noise.lambda},
        {"--penalty", "NAME", "grow: nuclear (default), l1-l2, l2-l1, l1-l1, l1-nonnegative, nonnegative or elastic",
         DCL__OPTION_TEXT, &q.grow.penalty},
        {"--loss", "squared|logistic", "grow: of an entry (default squared; logistic: Y is -1 or 1)", DCL__OPTION_WORD,
         &q.grow.loss},
        {"--share", "S", "grow: instead of --lambda, a share of the least that leaves nothing (default 0.1)",
         DCL__OPTION_NUMBER, &q.grow.share},
        {"--path", "K", "grow: K falling lambda, from the least that leaves nothing to L, each from the last",
         DCL__OPTION_INTEGER, &q.grow.path},
        {"--mixture", "A", "elastic: (A ||u||_1 + (1 - A) ||u||_2) ||v||_2 (default 0.5)", DCL__OPTION_NUMBER,
         &q.grow.mixture},
        {"--block", "B", "DropBlock: neighbouring units that share a draw; B divides the rank", DCL__OPTION_INTEGER,
         &q.noise.block},
        {"--side", "u|v|both", "DropConnect: whose entries are dropped (default u)", DCL__OPTION_WORD, &q.noise.side},
        {"--retain-v", "T", "DropConnect on both: retain of V's entries (default: that of U's)", DCL__OPTION_NUMBER,
         &q.noise.retain_right},
        {"--mask", "step|sample", "units: a mask a step (default), or one for every column of Y; the same in "
         "expectation", DCL__OPTION_WORD, &q.noise.mask},
        {"--mask-factor", "A.npy", "correlated: masks are 1 + A (z - 1), z as of dropout; A has a row for each unit",
         DCL__OPTION_TEXT, &q.noise.factor},
        {"--variable-rate", NULL, "T (L) is of one unit or block, and L grows with their number: with rank enough the "
         "optimum is the same", DCL__OPTION_FLAG, &q.noise.variable_rate},
        {"--rank", "R", "units, columns of U and V (default 64, or less for a small matrix)", DCL__OPTION_INTEGER,
         &q.rank},
        {"--data", "X", "fit Y ~ U V'X: features x samples, one column for each of Y", DCL__OPTION_TEXT,
         &q.data.inputs},
        {"--samples", "columns|rows", "with --data: how samples lie in the files of Y and X (default columns)",
         DCL__OPTION_WORD, &q.data.samples},
        {"--moment", "S", "instead of --data: X X'; then Y is Y X'", DCL__OPTION_TEXT, &q.data.moment},
        {"--energy", "E", "with --moment: ||Y||^2; without it, objectives lack what X leaves of Y",
         DCL__OPTION_POSITIVE, &q.data.energy},
        {"--scale", "S", "multiply Y by S first; a ratio like 1/255 is fine", DCL__OPTION_FACTOR, &q.scale},
        {"--dtype", "f32|f64", "precision on the device (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--steps", "N", "steps or rounds at most (default: chosen by the solver)", DCL__OPTION_INTEGER, &q.steps},
        {"--tolerance", "GAP", "stop at this relative gap; exit status 5 when it is not reached", DCL__OPTION_POSITIVE,
         &q.tolerance},
        {"--optimizer", "sgd|momentum|adam", "for stochastic (default adam); with explicit: plain descent through the "
         "graph instead of ridge rounds", DCL__OPTION_WORD, &q.optimizer},
        {"--rate", "R", "step size relative to the scale of the data (default 0.25)", DCL__OPTION_POSITIVE, &q.rate},
        {"--batch", "B", "columns a step, for stochastic (default all)", DCL__OPTION_INTEGER, &q.batch},
        {"--as-trained", NULL, "stochastic: leave out the last step, which makes all units weigh the same and keeps "
         "U V'", DCL__OPTION_FLAG, &q.as_trained},
        {"--seed", "N", "seed of all random numbers (default 1)", DCL__OPTION_SEED, &q.seed},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &q.device},
        {"--graph", "FILE", "also write the training graph, for `dropcl run`", DCL__OPTION_TEXT, &q.graph},
        {"--trace", "FILE", "also write a CSV with kernels launched and memory over the steps", DCL__OPTION_TEXT,
         &q.trace},
        {"--resume", NULL, "go on from the checkpoint that an interrupted run left in DIR", DCL__OPTION_FLAG,
         &q.resume},
        {"--plugins", "PATH", "further plugin files or folders, separated by ':'", DCL__OPTION_TEXT, &q.plugins},
        {"--json", NULL, "print the report as JSON", DCL__OPTION_FLAG, &q.json},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "factorize", "Y -o DIR [options]",
        "Fits Y ~ U V' by minimising ||Y - U V'||^2 + lambda sum ||u_i||^2 ||v_i||^2, which is what\n"
        "dropout on the R units does in expectation, and compares with the closed-form optimum.\n"
        "Other noise has another penalty in expectation:\n"
        "  dropblock    lambda sum ||U_b V_b'||^2 over blocks b of units, the k-support norm at its best\n"
        "  dropconnect  as dropout; on both factors with 1 + lambda = (1 + lambda_u) (1 + lambda_v)\n"
        "  correlated   lambda <A A', U'U o V'V>\n"
        "Where that has no closed form, a lower bound takes its place, and the report says so.\n"
        "--solver grow minimises loss(Y, U V') + lambda sum ||u_i|| ||v_i|| instead, with as many units as it\n"
        "takes, at most R, and proves how far that can be from the global optimum: it stops at --tolerance\n"
        "(default 1e-4), else exit status 5. NaN in Y are missing entries there.\n"
        "With --data X it fits Y ~ U V'X, where ||X'v_i|| takes the place of ||v_i||; what is trained, written\n"
        "by --graph and kept in checkpoints is the same problem in an orthonormal basis of X's rows.\n"
        "Y is .npy, Matrix Market, CSV or IDX, also gzipped. DIR gets U.npy, V.npy, report.json,\n"
        "history.csv, report.svg and report.png. The rank in the report counts the singular values of U V', and\n"
        "of the optimum, above 1/1000 of the largest.",
        "  dropcl factorize train-images-idx3-ubyte.gz -o fit --scale 1/255 --rank 64 --retain 0.7\n"
        "  dropcl factorize Y.npy -o fit --solver explicit --tolerance 1e-6 --dtype f64\n"
        "  dropcl factorize Y.npy -o fit --noise dropblock --block 4 --rank 32\n"
        "  dropcl factorize Y.npy -o fit --variable-rate --retain 0.9 --rank 60 --solver explicit\n"
        "  dropcl factorize Y.npy -o fit --data X.npy --samples rows --batch 256\n"
        "  dropcl factorize Y.npy -o fit --solver grow --lambda 3 --path 10\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q);
    q.matrix = positional[0];
    if (over != DCL__GO_ON)
        return over;
    return q.solver == SOLVER_GROW ? grow(&q) : factorize(&q);
}
