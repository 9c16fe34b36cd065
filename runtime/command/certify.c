/* certify.c: `dropcl certify`: how far any factors are from the best that there are. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/complete/complete.h"
#include "command/files.h"
#include "command/observations.h"
#include "command/words.h"
#include "core/error.h"
#include "formats/json.h"
#include "recipes/certificate/certificate.h"
#include "recipes/factorization/data_spectrum.h"

typedef struct request {
    const char *matrix, *left, *right, *file, *baseline;
    int loss, penalty, entries, layout, weights, json;
    double lambda, mixture, tolerance, scale;
    int64_t block;
    uint64_t seed;
} request;

/* The words of --penalty and --loss, in the order of their numbers. */
#define PENALTIES "nuclear|l1-l2|l2-l1|l1-l1|l1-nonnegative|nonnegative|elastic|dropout|dropblock"
static const int losses[] = {0, DCL_LOSS_SQUARED, DCL_LOSS_LOGISTIC};

/* LAPACK finds so many singular values in seconds. */
enum { MOST_VALUES = 2048 };

static int is_certified(const request *q, const dcl_certificate *c)
{
    return c->proof != DCL_PROOF_NONE && c->relative_gap <= q->tolerance;
}

/* ---- What is printed ---- */

static json_t *describe(const request *q, const dcl__observations *y, int64_t width, const dcl_certificate *c)
{
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "version", dcl_version(), "command",
        "certify", "rows", (json_int_t)y->rows, "columns", (json_int_t)y->columns, "entries", (json_int_t)y->count,
        "width", (json_int_t)width, "loss", dcl__loss_find(losses[q->loss])->name, "penalty",
        dcl__penalty_find(q->penalty)->name, "lambda", dcl__json_from_number(q->lambda), "data_term",
        dcl__json_from_number(c->data_term), "regularizer", dcl__json_from_number(c->regularizer), "objective",
        dcl__json_from_number(c->objective), "lower_bound", dcl__json_from_number(c->lower_bound), "relative_gap",
        dcl__json_from_number(c->relative_gap));
    json_t *more = json_pack("{s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:I, s:s}", "polar",
                             dcl__json_number_or_null(c->polar), "polar_reached",
                             dcl__json_number_or_null(c->polar_reached), "proof",
                             dcl__proof_name(c->proof), "exact", c->exact, "failure", dcl__json_from_number(c->failure),
                             "stationarity", dcl__json_from_number(c->stationarity), "balance_error",
                             dcl__json_from_number(c->balance_error), "rank", (json_int_t)c->rank, "status",
                             is_certified(q, c) ? "certified" : "open");
    return dcl__json_join(object, more);
}

static void print_certificate(const request *q, const dcl__observations *y, const dcl_certificate *c)
{
    if (*y->header)
        printf("header          %s (the first line of the entries)\n", y->header);
    if (q->baseline)
        printf("entries         %" PRId64 ", those that %s was trained with\n", y->count, q->baseline);
    printf("data term       %.9g\npenalty         %.9g\nobjective       %.9g\nlower bound     %.9g\n", c->data_term,
           c->regularizer, c->objective, c->lower_bound);
    printf("relative gap    %.3g, %s\n", c->relative_gap, is_certified(q, c) ? "certified" : "open");
    if (!isnan(c->polar) && q->lambda > 0)
        printf("polar / lambda  %s%.9g\n", dcl__polar_word(c), c->polar / q->lambda);
    printf("stationarity    %.3g\nbalance error   %.3g\nrank            %" PRId64 "\n", c->stationarity,
           c->balance_error, c->rank);
    printf("proof           %s\n", dcl__proof_sentence(c).text);
}

static dcl_status report(const request *q, const dcl__observations *y, int64_t width, const dcl_certificate *c,
                         dcl_error *error)
{
    json_t *object = describe(q, y, width, c);
    if (!object)
        return dcl__no_memory(error, "the certificate", 0);
    dcl_status status = q->file ? dcl__json_write(q->file, object, error) : DCL_OK;
    if (status == DCL_OK && q->json)
        dcl__print_json(object);
    else if (status == DCL_OK)
        print_certificate(q, y, c);
    json_decref(object);
    return status;
}

/* ---- What is read ---- */

/* Factors have a row for each row of Y, or for each column, and a column for each unit. */
static dcl_status check_side(const char *file, const char *matrix, const dcl__array *factor, int64_t size,
                             const char *lines, dcl_error *error)
{
    if (factor->dim[0] == size)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "%s has %" PRId64 " rows, but %s has %" PRId64 " %s: a factor has one row for "
                     "each of them%s", file, factor->dim[0], matrix, size, lines,
                     factor->dim[1] == size ? "; give it transposed" : "");
}

static dcl_status check_shapes(const request *q, const dcl__observations *y, const dcl__array *u, const dcl__array *v,
                               dcl_error *error)
{
    dcl_status status = check_side(q->left, q->matrix, u, y->rows, "rows", error);
    if (status == DCL_OK)
        status = check_side(q->right, q->matrix, v, y->columns, "columns", error);
    if (status == DCL_OK && u->dim[1] != v->dim[1])
        return dcl__fail(error, DCL_EFORMAT, "%s has %" PRId64 " columns, but %s has %" PRId64 ": factors have one "
                         "column for each unit", q->left, u->dim[1], q->right, v->dim[1]);
    return status;
}

/* Names of rows or columns of the entries and of the completion, where both have some, must be the same in the same
 * order: else U, V and biases would belong to other rows and columns than the entries. */
static dcl_status check_names(const request *q, const dcl__labels *found, const dcl__labels *wanted, const char *what,
                              dcl_error *error)
{
    int same = 1;
    for (size_t i = 0; i < found->count && wanted->count > 0 && same; i++)
        same = i < wanted->count && strcmp(found->items[i]->text, wanted->items[i]->text) == 0;
    if (same)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "the %s of %s are others than those of %s, or in another order (certify the "
                     "file that was completed)", what, q->matrix, q->baseline);
}

static dcl_status check_model(const request *q, const dcl__observations *y, const dcl__model *model, dcl_error *error)
{
    const dcl_entries *of = &model->table.entries;
    if (of->rows != y->rows || of->columns != y->columns)
        return dcl__fail(error, DCL_EFORMAT, "%s is of a %" PRId64 " x %" PRId64 " matrix, but %s holds one of %"
                         PRId64 " x %" PRId64, q->baseline, of->rows, of->columns, q->matrix, y->rows, y->columns);
    if (model->predictor.loss != losses[q->loss])
        return dcl__fail(error, DCL_EFORMAT, "%s is of the %s loss: --loss says another", q->baseline,
                         dcl__loss_find(model->predictor.loss)->name);
    dcl_status status = check_names(q, &y->row_label, &model->table.row_label, "rows", error);
    return status ? status : check_names(q, &y->column_label, &model->table.column_label, "columns", error);
}

/* Leaves the entries that a completion was trained with. */
static dcl_status take_out(const request *q, const dcl__division *division, dcl__observations *y, dcl_error *error)
{
    dcl_entries test, holdout;
    dcl_status status = dcl__set_aside(division, &y->entries, &test, &holdout, error);
    dcl_entries_release(&test);
    dcl_entries_release(&holdout);
    y->count = y->entries.count;
    return status ? dcl__prefix(error, DCL_EFORMAT, "%s, of which %s was trained with a part", q->matrix, q->baseline)
                  : DCL_OK;
}

/* What mean and biases of a completion leave of the entries that it was trained with. */
static dcl_status subtract_baseline(const request *q, dcl__observations *y, dcl_error *error)
{
    dcl__model model;
    dcl_status status = dcl__model_read(q->baseline, &model, error);
    const dcl_predictor baseline = {.baseline = &model.baseline};
    if (status == DCL_OK)
        status = check_model(q, y, &model, error);
    if (status == DCL_OK)
        status = take_out(q, &model.division, y, error);
    const dcl_entries *e = &y->entries;
    double *value = (double *)e->value;
    for (int64_t a = 0; a < y->rows && status == DCL_OK; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++)
            value[i] -= dcl_predict(&baseline, a, e->column[i]);
    dcl__model_free(&model);
    return status;
}

static dcl_status read_matrix(const request *q, dcl__observations *y, dcl_error *error)
{
    if (!q->entries)
        return dcl__observations_read(q->matrix, q->scale, losses[q->loss], y, error);
    dcl_status status = dcl__observations_read_entries(q->matrix, q->layout, q->weights, losses[q->loss], y, error);
    return status || !q->baseline ? status : subtract_baseline(q, y, error);
}

/* Options are right by now: what the library refuses as an argument came from these files. */
static dcl_status blame(dcl_status status, const char *files, dcl_error *error)
{
    const int is_input = status == DCL_EINVAL || status == DCL_ENUMERIC;
    return is_input ? dcl__prefix(error, DCL_EFORMAT, "%s", files) : status;
}

/* ---- What is found ---- */

/* Under dropout and DropBlock the least objective of a whole matrix is known from its singular values, or a bound that
 * does not depend on the factors: the better of that and what they prove. */
static dcl_status use_closed_form(const dcl_problem *p, int64_t width, dcl_certificate *c, dcl_error *error)
{
    const int is_block = p->penalty == DCL_PENALTY_DROPBLOCK;
    const dcl_noise noise = {.kind = is_block ? DCL_NOISE_DROPBLOCK : DCL_NOISE_DROPOUT,
                             .block = is_block ? p->block : 1, .lambda = p->lambda, .lambda_unit = p->lambda};
    if ((!is_block && p->penalty != DCL_PENALTY_DROPOUT) || !p->data || width == 0 ||
        (p->data->rows > MOST_VALUES && p->data->columns > MOST_VALUES))
        return DCL_OK;
    dcl__data_spectrum spectrum = {0};
    dcl_optimum optimum;
    double *shrunk = NULL;
    dcl_status status = dcl__data_optimum(NULL, NULL, p->data, &noise, width, 0, &spectrum, &shrunk, &optimum, error);
    free(shrunk);
    free(spectrum.values);
    if (status || optimum.minimum - optimum.error <= c->lower_bound)
        return status;
    c->lower_bound = optimum.minimum - optimum.error;
    c->relative_gap = fmax(c->objective - c->lower_bound, 0) / c->objective;
    c->proof = DCL_PROOF_CLOSED_FORM;
    c->exact = !optimum.inexact;
    return DCL_OK;
}

static dcl_status certify(const request *q, const dcl__observations *y, const dcl__array *u, const dcl__array *v,
                          dcl_certificate *found, dcl_error *error)
{
    dcl_problem problem = {.loss = losses[q->loss], .penalty = q->penalty, .lambda = q->lambda,
                           .mixture = isnan(q->mixture) ? 0.5 : q->mixture, .block = q->block};
    const dcl_certify_options options = {.tolerance = q->tolerance, .seed = q->seed};
    char files[8192];
    snprintf(files, sizeof files, "%s, %s", q->left, q->right);
    dcl__observations_use(y, &problem);
    dcl_status status = check_shapes(q, y, u, v, error);
    if (status == DCL_OK)
        status = blame(dcl__problem_check(&problem, error), q->matrix, error);
    if (status == DCL_OK)
        status = blame(dcl_certify(&problem, u->data, v->data, u->dim[1], &options, found, error), files, error);
    if (status == DCL_OK)
        status = use_closed_form(&problem, u->dim[1], found, error);
    return status ? status : report(q, y, u->dim[1], found, error);
}

static int run(const request *q)
{
    dcl__observations y = {0};
    dcl__array u = {0}, v = {0};
    dcl_certificate found = {0};
    dcl_error error;
    dcl_status status = dcl__check_output(q->file, &(dcl__texts){{q->matrix, q->left, q->right}, 3}, &error);
    if (status == DCL_OK)
        status = read_matrix(q, &y, &error);
    if (status == DCL_OK)
        status = dcl__factor_read(q->left, DCL_F64, &u, &error);
    if (status == DCL_OK)
        status = dcl__factor_read(q->right, DCL_F64, &v, &error);
    if (status == DCL_OK) {
        dcl__say_header(q->left, u.header);
        dcl__say_header(q->right, v.header);
        status = certify(q, &y, &u, &v, &found, &error);
    }
    dcl__observations_free(&y);
    dcl__array_free(&u);
    dcl__array_free(&v);
    if (status)
        return dcl__exit(status, &error);
    if (is_certified(q, &found))
        return DCL__EXIT_DONE;
    dcl__complain("the relative gap is %.3g, above the tolerance %g", found.relative_gap, q->tolerance);
    return DCL__EXIT_TOLERANCE;
}

static int check_entries(const request *q)
{
    if (!q->entries && (q->layout || q->weights || q->baseline))
        return dcl__misuse("certify", "--layout, --weights and --baseline belong to --entries");
    if (q->entries && q->scale != 1)
        return dcl__misuse("certify", "--scale goes without --entries");
    return DCL__GO_ON;
}

static int check_request(const request *q)
{
    if (isnan(q->lambda))
        return dcl__misuse("certify", "--lambda L is missing: what does the penalty weigh?");
    if (q->lambda < 0 || q->tolerance < 0)
        return dcl__misuse("certify", "--lambda and --tolerance must be at least 0");
    if (!isnan(q->mixture) && q->penalty != DCL_PENALTY_ELASTIC)
        return dcl__misuse("certify", "--mixture belongs to --penalty elastic");
    if (q->mixture < 0 || q->mixture > 1)
        return dcl__misuse("certify", "--mixture is %g, it must be from 0 to 1", q->mixture);
    if ((q->block != 0) != (q->penalty == DCL_PENALTY_DROPBLOCK))
        return dcl__misuse("certify", "--block B and --penalty dropblock belong together");
    return check_entries(q);
}

int dcl__command_certify(int argc, char **argv)
{
    request q = {.loss = 1, .penalty = DCL_PENALTY_NUCLEAR, .lambda = NAN, .mixture = NAN, .tolerance = 1e-4,
                 .scale = 1, .seed = 1};
    const dcl__option options[] = {
        {"--lambda", "L", "weight of the penalty", DCL__OPTION_NUMBER, &q.lambda},
        {"--penalty", PENALTIES, "what a unit costs (default nuclear: ||u|| ||v||; l1-l2: ||u||_1 ||v||_2)",
         DCL__OPTION_WORD, &q.penalty},
        {"--loss", "squared|logistic", "(y - x)^2 (default), or log(1 + exp(-y x)) for y = -1 or 1, or 0 and 1", DCL__OPTION_WORD,
         &q.loss},
        {"--mixture", "A", "elastic: (A ||u||_1 + (1 - A) ||u||_2) ||v||_2 (default 0.5)", DCL__OPTION_NUMBER,
         &q.mixture},
        {"--block", "B", "dropblock: neighbouring units that are dropped together", DCL__OPTION_INTEGER, &q.block},
        {"--tolerance", "GAP", "exit status 5 when the relative gap is above (default 1e-4)", DCL__OPTION_NUMBER, &q.tolerance},
        {"--seed", "N", "seed of the random start of a probable bound (default 1)", DCL__OPTION_SEED, &q.seed},
        {"--entries", NULL, "read Y as `dropcl complete` does: of triplets and coordinates, what is not listed is "
         "missing", DCL__OPTION_FLAG, &q.entries},
        {"--layout", "triplets|matrix", "with --entries: of a text table (default: triplets if it has 3 columns)",
         DCL__OPTION_WORD, &q.layout},
        {"--weights", NULL, "with --entries: triplets have a fourth field, the weight", DCL__OPTION_FLAG, &q.weights},
        {"--baseline", "DIR", "with --entries: subtract mean and biases of the completion in DIR, and leave out what it set aside",
         DCL__OPTION_TEXT, &q.baseline},
        {"--scale", "S", "multiply Y by S first; a ratio like 1/255 is fine", DCL__OPTION_FACTOR, &q.scale},
        {"-o", "FILE", "also write the certificate as JSON", DCL__OPTION_TEXT, &q.file},
        {"--json", NULL, "print the certificate as JSON", DCL__OPTION_FLAG, &q.json},
        {0}};
    const dcl__usage usage = {
        "certify", "Y U V --lambda L [options]",
        "Tells how far factors of Y ~ U V' are from the least loss(Y, U V') + lambda sum ||u_i|| ||v_i||,\n"
        "whoever made them. Missing entries of Y (NaN, or empty in CSV) count nothing.\n"
        "  lower bound   no factors of any width have a smaller objective\n"
        "  relative gap  (objective - lower bound) / objective: a gap of 0.01 says that nobody can be better by\n"
        "                more than 1 percent; certified: at most 1e-4, or the tolerance\n"
        "  polar         above lambda: another unit would help (\"at most\": only a bound of it is known, which proves\n"
        "                nothing there); stationarity 0: these units are at rest\n"
        "  rank          singular values of U V' above 1e-6 of the largest (dropout, dropblock: 1e-3)\n"
        "For the penalties dropout and dropblock, sums of squares, the width is that of U and V; of a whole matrix\n"
        "with a side up to 2048 the lower bound is the closed form, as in `dropcl factorize`.",
        "  dropcl certify Y.npy U.npy V.npy --lambda 2\n"
        "  dropcl certify ratings.csv fit/U.npy fit/V.npy --entries --baseline fit --lambda 5\n"
        "  dropcl certify Y.npy U.npy V.npy --lambda 1 --penalty l1-l2\n", options, 3, 3};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q);
    if (over != DCL__GO_ON)
        return over;
    q.matrix = positional[0];
    q.left = positional[1];
    q.right = positional[2];
    return run(&q);
}
