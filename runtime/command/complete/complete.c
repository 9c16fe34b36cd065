/* complete.c: `dropcl complete`: fits the known entries of a matrix and predicts the others. */
#include "command/complete/complete.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/command.h"
#include "command/files.h"
#include "command/observations.h"
#include "core/error.h"
#include "recipes/certificate/certificate.h"

enum { NOISE_NONE = 1, NOISE_DROPOUT = 2 };
enum { LOSS_SQUARED = 1, LOSS_LOGISTIC = 2 };

/* Share of the entries that chooses lambda, where nobody says another. */
static const double USUAL_HOLDOUT = 0.1;

typedef struct request {
    const char *matrix, *folder, *holdout, *test, *device, *plugins;
    int layout, weights, bias, loss, unshrink, noise, dtype, quiet, json;
    double lambda, retain, share, tolerance;
    int64_t rank, path, steps;
    dcl__division division;      /* what --test and --holdout draw                                   */
} request;

/* A run under way. */
typedef struct run {
    const request *request;
    dcl__tools tools;
    int64_t entries;             /* before some are set aside                                        */
    dcl__entry_table training, holdout, test;    /* drawn or of a file; without entries: none        */
    dcl_completion *completion;
    dcl__results results;
    double shown;
} run;

/* ---- Progress ---- */

static int on_round(void *user, const dcl_growth_round *round)
{
    run *r = user;
    if (dcl__shows_progress(r->request->quiet) && round->round > 0 && dcl__now() - r->shown > 0.05) {
        char line[160];
        if (r->request->noise == NOISE_DROPOUT)
            snprintf(line, sizeof line, "step %lld  objective %.6g", (long long)round->steps, round->objective);
        else
            snprintf(line, sizeof line, "lambda %.4g  round %lld  units %lld  objective %.6g  gap %.2e", round->lambda,
                     (long long)round->round, (long long)round->width, round->objective, round->gap);
        dcl__progress_line(line);
        r->shown = dcl__now();
    }
    return dcl__interrupted();
}

/* ---- The entries ---- */

static int loss_of(const request *q)
{
    return q->loss == LOSS_LOGISTIC ? DCL_LOSS_LOGISTIC : DCL_LOSS_SQUARED;
}

/* What the loss does not allow, or the library cannot hold, is said with the file. */
static dcl_status use_entries(const run *r, const char *file, dcl_entries *entries, dcl_error *error)
{
    const dcl_problem problem = {.entries = entries, .penalty = DCL_PENALTY_NUCLEAR, .loss = loss_of(r->request)};
    dcl_status status = dcl__use_loss(file, problem.loss, &r->training.row_label, &r->training.column_label, entries,
                                      error);
    if (status)
        return status;
    status = dcl__problem_check(&problem, error);
    return status ? dcl__prefix(error, DCL_EFORMAT, "%s", file) : status;
}

/* Entries of another file, by the names of the matrix. */
static dcl_status read_part(const run *r, const char *file, dcl__entry_table *part, dcl_error *error)
{
    dcl__triples triples;
    const int weights = r->request->weights;
    dcl_status status = dcl__triples_read(file, &r->training, 1, weights, 0, &triples, error);
    if (status == DCL_OK) {
        status = dcl__entries_build(&triples, weights, part, error);
        status = status ? dcl__prefix(error, status, "%s", file) : status;
    }
    dcl__triples_free(&triples);
    return status ? status : use_entries(r, file, &part->entries, error);
}

/* A table of entries with more than three columns looks like a matrix in which nothing is missing. */
static dcl_status check_missing(const request *q, const dcl__entry_table *table, dcl_error *error)
{
    const dcl_entries *e = &table->entries;
    if (q->layout || table->layout != DCL__LAYOUT_MATRIX || e->count < e->rows * e->columns)
        return DCL_OK;
    if (e->columns == 2)
        return dcl__fail(error, DCL_EFORMAT, "%s: there are two columns, but an entry is a row, a column and a value "
                         "(--layout matrix takes it for a matrix)", q->matrix);
    return dcl__fail(error, DCL_EFORMAT, "%s: in this matrix, %" PRId64 " x %" PRId64 ", nothing is missing: if its "
                     "lines are entries (row, column, value and more), say --layout triplets, and to fit it all the "
                     "same --layout matrix", q->matrix, e->rows, e->columns);
}

/* The share that an option names; -1: it names a file. */
static double share_of(const char *text, double usual)
{
    double share = usual;
    return text && !dcl__read_number(text, &share) ? -1 : share;
}

/* What is drawn comes first, so that files change nothing of it. */
static dcl_status set_aside(run *r, dcl_error *error)
{
    const request *q = r->request;
    r->entries = r->training.entries.count;
    dcl_status status = dcl__set_aside(&q->division, &r->training.entries, &r->test.entries, &r->holdout.entries,
                                       error);
    if (status)
        return dcl__prefix(error, status, "%s", q->matrix);
    if (share_of(q->test, 0) < 0)
        status = read_part(r, q->test, &r->test, error);
    if (status == DCL_OK && share_of(q->holdout, 0) < 0)
        status = read_part(r, q->holdout, &r->holdout, error);
    return status;
}

static const dcl__entry_table *part_or_null(const dcl__entry_table *part)
{
    return part->entries.count > 0 ? part : NULL;
}

/* ---- The run ---- */

static dcl_completion_options make_options(const request *q)
{
    return (dcl_completion_options){
        .loss = loss_of(q), .bias = q->bias,
        .dtype = q->dtype == 2 ? DCL_F64 : DCL_F32, .lambda = isnan(q->lambda) ? -1 : q->lambda, .path = q->path,
        .share = isnan(q->share) ? 0 : q->share, .tolerance = q->tolerance, .width = q->rank,
        .unshrink = q->unshrink, .seed = q->division.seed, .started = dcl__started(), .progress = on_round,
        .noise = q->noise == NOISE_DROPOUT ? DCL_NOISE_DROPOUT : DCL_NOISE_NONE,
        .retain = isnan(q->retain) ? 0.5 : q->retain, .steps = q->steps};
}

static dcl_status prepare(run *r, dcl_completion_options *options, dcl_error *error)
{
    const request *q = r->request;
    dcl_status status = dcl__entries_read(q->matrix, q->layout, q->weights, &r->training, error);
    if (status == DCL_OK)
        status = check_missing(q, &r->training, error);
    if (status == DCL_OK)
        status = use_entries(r, q->matrix, &r->training.entries, error);
    if (status == DCL_OK)
        status = set_aside(r, error);
    const dcl__texts inputs = {{q->matrix, share_of(q->holdout, 0) < 0 ? q->holdout : NULL,
                                share_of(q->test, 0) < 0 ? q->test : NULL}, 3};
    if (status == DCL_OK)
        status = dcl__results_start(&r->results, q->folder, &inputs, NULL, error);
    if (status == DCL_OK)
        status = dcl__tools_open(&r->tools, q->device, q->plugins, error);
    if (status)
        return status;
    options->user = r;
    const dcl__entry_table *holdout = part_or_null(&r->holdout);
    return dcl_completion_create(r->tools.registry, r->tools.device, &r->training.entries,
                                 holdout ? &holdout->entries : NULL, options, &r->completion, error);
}

static dcl_status write_results(run *r, const dcl_completion_options *options, dcl_completion_result *result,
                                dcl_error *error)
{
    dcl_completion_finish(r->completion, result);
    if (result->path_count == 0)
        return dcl__fail(error, DCL_EINVAL, "interrupted before the first lambda");
    const dcl__complete_facts facts = {
        .device = r->tools.device, .folder = r->request->folder, .source = r->request->matrix, .entries = r->entries,
        .division = &r->request->division, .training = &r->training, .holdout = part_or_null(&r->holdout),
        .test = part_or_null(&r->test), .options = options, .seconds = dcl__now() - dcl__started(),
        .json = r->request->json};
    return dcl__report_completion(&facts, result, error);
}

static int exit_status(const request *q, const dcl_completion_result *result)
{
    const dcl_completion_point *point = &result->path[result->chosen];
    if (dcl__interrupted()) {
        dcl__complain("interrupted at lambda %.6g; the best that was reached is in %s",
                      result->path[result->path_count - 1].lambda, q->folder);
        return DCL__EXIT_INTERRUPTED;
    }
    if (q->noise == NOISE_NONE && point->status != DCL_CERTIFIED) {
        dcl__complain("the gap is %.2e at lambda %.6g, the tolerance was not reached: %s",
                      point->certificate.relative_gap, point->lambda, point->reason);
        return DCL__EXIT_TOLERANCE;
    }
    return DCL__EXIT_DONE;
}

static void clean_up(run *r)
{
    dcl_completion_free(r->completion);
    dcl__tools_close(&r->tools);
    dcl__entries_free(&r->training);
    dcl__entries_free(&r->holdout);
    dcl__entries_free(&r->test);
}

static int complete(const request *q)
{
    run r = {.request = q};
    dcl_completion_options options = make_options(q);
    dcl_completion_result result;
    dcl_error error;
    dcl__catch_interrupts();
    dcl_status status = prepare(&r, &options, &error);
    if (status == DCL_OK)
        status = dcl_completion_run(r.completion, &error);
    dcl__progress_line(NULL);
    if (status == DCL_OK)
        status = write_results(&r, &options, &result, &error);
    const int over = status ? dcl__exit(status, &error) : exit_status(q, &result);
    clean_up(&r);
    dcl__results_end(&r.results, status);
    return over;
}

/* ---- The command line ---- */

/* What belongs to training under noise, and what to certified growth. */
static int check_noise(const request *q)
{
    if (q->noise == NOISE_NONE && (!isnan(q->retain) || q->steps != 0))
        return dcl__misuse("complete", "--retain and --steps belong to --noise dropout");
    if (q->noise == NOISE_NONE)
        return DCL__GO_ON;
    if (q->rank == 0)
        return dcl__misuse("complete", "--noise dropout needs --rank R: how many units are trained?");
    if (!isnan(q->retain) && !(q->retain > 0 && q->retain <= 1))
        return dcl__misuse("complete", "--retain is %g, it must be above 0 and at most 1", q->retain);
    if (!isnan(q->retain) && !isnan(q->lambda))
        return dcl__misuse("complete", "--retain and --lambda say the same, lambda = (1 - retain) / retain: give one");
    if (q->path || !isnan(q->share) || q->tolerance > 0)
        return dcl__misuse("complete", "--path, --share and --tolerance go without --noise dropout, for which no "
                           "certificate is known");
    if (q->loss == LOSS_LOGISTIC || q->unshrink)
        return dcl__misuse("complete", "--loss logistic and --unshrink go without --noise dropout");
    return DCL__GO_ON;
}

static int check_part(const char *option, const char *text)
{
    double share;
    if (text && dcl__read_number(text, &share) && !(share >= 0 && share < 1))
        return dcl__misuse("complete", "%s %s: a share of the entries must be below 1 (or give a file)", option, text);
    return DCL__GO_ON;
}

static int check_numbers(const request *q)
{
    if (!q->folder)
        return dcl__misuse("complete", "-o DIR is missing: where should the results go?");
    if (!isnan(q->lambda) && !(q->lambda >= 0))
        return dcl__misuse("complete", "--lambda is %g, it must be at least 0", q->lambda);
    if (!isnan(q->share) && !(q->share > 0 && q->share < 1))
        return dcl__misuse("complete", "--share is %g, it must be above 0 and below 1", q->share);
    const int over = check_part("--holdout", q->holdout);
    return over == DCL__GO_ON ? check_part("--test", q->test) : over;
}

static int check_request(const request *q)
{
    int over = check_numbers(q);
    if (over != DCL__GO_ON)
        return over;
    if (!isnan(q->lambda) && (q->path || !isnan(q->share)))
        return dcl__misuse("complete", "--path and --share say which lambdas to choose from, and go without --lambda");
    if (share_of(q->holdout, USUAL_HOLDOUT) == 0 && isnan(q->lambda) && q->noise == NOISE_NONE)
        return dcl__misuse("complete", "without a holdout nothing tells which --lambda is best: give one");
    if (q->loss == LOSS_LOGISTIC && q->unshrink)
        return dcl__misuse("complete", "--unshrink is least squares, --loss logistic goes without");
    if (q->loss == LOSS_LOGISTIC && q->bias > DCL_BIAS_NONE)
        return dcl__misuse("complete", "--loss logistic goes without --bias, which are fitted by least squares");
    return check_noise(q);
}

int dcl__command_complete(int argc, char **argv)
{
    request q = {.dtype = 1, .loss = LOSS_SQUARED, .noise = NOISE_NONE, .lambda = NAN, .retain = NAN, .share = NAN,
                 .division = {.seed = 1}};
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--holdout", "F", "share of the entries to set aside and choose lambda by (default 0.1), 0, or a file of them",
         DCL__OPTION_TEXT, &q.holdout},
        {"--test", "F", "share of the entries to set aside before, or a file of them: measured, but never chosen by",
         DCL__OPTION_TEXT, &q.test},
        {"--lambda", "L", "weight of the penalty; without it, the best on the holdout of a falling path",
         DCL__OPTION_NUMBER, &q.lambda},
        {"--path", "K", "without --lambda: lambdas of the path at most (default 16); 1: the smallest alone",
         DCL__OPTION_INTEGER, &q.path},
        {"--share", "S", "the smallest lambda of the path over the largest, from which on factors are 0 (default 0.02)",
         DCL__OPTION_NUMBER, &q.share},
        {"--rank", "R", "units at most (default: as many as the optimum needs); with --noise: units",
         DCL__OPTION_INTEGER, &q.rank},
        {"--tolerance", "GAP", "certified gap of each lambda (default 1e-4)", DCL__OPTION_POSITIVE, &q.tolerance},
        {"--bias", "none|mean|both", "what is fitted before the factors: nothing, the mean, or biases of rows and columns "
         "as well (default)", DCL__OPTION_WORD, &q.bias},
        {"--loss", "squared|logistic", "logistic: for entries -1 and 1, or 0 and 1 (default squared)", DCL__OPTION_WORD,
         &q.loss},
        {"--noise", "none|dropout", "dropout: train R units under dropout on the entries instead, without a certificate",
         DCL__OPTION_WORD, &q.noise},
        {"--retain", "T", "with --noise dropout: probability that a unit is kept (default 0.5)", DCL__OPTION_NUMBER,
         &q.retain},
        {"--steps", "N", "with --noise dropout: steps of training (default 2000)", DCL__OPTION_INTEGER, &q.steps},
        {"--unshrink", NULL, "predict with units weighed by least squares, since the penalty shrinks them; certified before",
         DCL__OPTION_FLAG, &q.unshrink},
        {"--layout", "triplets|matrix", "of a text table: row, column, value (and more), or a row of the matrix a line (default: "
         "triplets if 3 columns)", DCL__OPTION_WORD, &q.layout},
        {"--weights", NULL, "triplets, those of --holdout and --test too, have a fourth field: the weight of the entry",
         DCL__OPTION_FLAG, &q.weights},
        {"--dtype", "f32|f64", "precision on the device (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--seed", "N", "seed of what is set aside, and of masks (default 1)", DCL__OPTION_SEED, &q.division.seed},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &q.device},
        {"--plugins", "PATH", "further plugin files or folders, separated by ':'", DCL__OPTION_TEXT, &q.plugins},
        {"--json", NULL, "print the report as JSON", DCL__OPTION_FLAG, &q.json},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "complete", "M -o DIR [options]",
        "Predicts the missing entries of a matrix from the known ones: a mean, biases of rows and columns, and\n"
        "factors that minimise sum over known entries (y - u'v)^2 + lambda sum ||u_i|| ||v_i||, certified to be\n"
        "within a gap of the global optimum. Entries are set aside to choose lambda; with --test others, to measure.\n"
        "M is a table of row, column, value (any names), a Matrix Market file of coordinates, or a matrix (.npy,\n"
        "CSV, ...) where NaN and empty fields are missing. The first line of a table is a header, which is said,\n"
        "when its value does not begin as a number and no other line has its row or column. What is listed twice\n"
        "counts once, with the mean of its values. A matrix in which nothing is missing is refused, unless --layout\n"
        "says that it is one. DIR gets U.npy, V.npy, row_bias.npy, column_bias.npy, model.json,\n"
        "rows.csv and columns.csv (names), report.json, path.csv, history.csv, report.svg and report.png.",
        "  dropcl complete ratings.csv -o fit --test 0.1\n"
        "  dropcl complete ratings.mtx -o fit --lambda 20 --holdout test.csv\n"
        "  dropcl complete ratings.csv -o fit --noise dropout --retain 0.8 --rank 20\n"
        "  dropcl predict fit pairs.csv -o predictions.csv\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q);
    q.matrix = positional[0];
    q.division.test = fmax(share_of(q.test, 0), 0);
    q.division.holdout = fmax(share_of(q.holdout, USUAL_HOLDOUT), 0);
    return over == DCL__GO_ON ? complete(&q) : over;
}
