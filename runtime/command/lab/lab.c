/* lab.c: `dropcl lab`: one command, one picture, one sentence for each statement of the theory. */
#include "command/lab/lab.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/files.h"
#include "core/error.h"
#include "core/tensor.h"
#include "formats/json.h"

static const dcl__experiment_entry experiments[] = {
    {"landscape",
     "A linear autoencoder with one input, two hidden units and one output, whose weights are tied, has the expected "
     "loss (1 − |w|²)² + λ (w₁⁴ + w₂⁴) under dropout. "
     "Without dropout its minima form a circle. Every rate of dropout leaves exactly four minima, at which both units "
     "weigh the same, four strict saddles between them and a maximum at zero.", dcl__lab_landscape},
    {"equivalence",
     "Training with random masks minimises, in expectation, the squared error plus λ times the sum of "
     "‖uᵢ‖² ‖vᵢ‖², at every point and for every rate "
     "and width.", dcl__lab_equivalence},
    {"spectrum",
     "Dropout shrinks singular values: at the optimum those of UVᵀ are those of Y less one number "
     "τ, and zero where nothing is left.", dcl__lab_spectrum},
    {"balance",
     "At every optimum all units weigh the same: the products ‖uᵢ‖ "
     "‖vᵢ‖ are equal.", dcl__lab_balance},
    {"dropblock",
     "DropBlock keeps or drops units by blocks. Its objective is never below a convex value, given by the "
     "block-support norm of the singular values. Enough blocks reach that value; two blocks often cannot, and their "
     "true minimum pairs the largest singular value with the smallest, and so on.", dcl__lab_dropblock},
    {"dropconnect",
     "DropConnect masks single entries of U, of V, or of both. Without data X its closed form is that of dropout, for "
     "both sides with λ = (1+λᵤ)(1+λᵥ) − 1.", dcl__lab_dropconnect},
    {"variable-rate",
     "When λ grows in proportion to the number of units, the problem becomes convex in UVᵀ: from a certain width ρ "
     "on every width has the same optimum, which needs ρ units.", dcl__lab_variable_rate},
    {"learning-curve",
     "A network that is large for its data learns the training images by heart. Dropout of hidden units keeps it from "
     "that: it can learn for longer before the cross-entropy of images that it has not seen grows again, and, stopped "
     "there, recognises more of them.", dcl__lab_learning_curve},
};

enum { EXPERIMENT_COUNT = sizeof experiments / sizeof *experiments };

typedef struct request {
    const char *name, *folder, *device, *data;
    int dtype, quick, quiet;
    uint64_t seed;
} request;

/* ---- What experiments share ---- */

void dcl__lab_show(const dcl__lab *lab, const char *format, ...)
{
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (dcl__shows_progress(lab->quiet))
        dcl__progress_line(line);
}

static int end_when_interrupted(void *user, const dcl_progress *progress)
{
    (void)user, (void)progress;
    return dcl__interrupted();
}

dcl_factorize_options dcl__lab_options(const dcl__lab *lab, const dcl_matrix *data, int solver)
{
    dcl_factorize_options options = dcl_factorize_defaults(data);
    options.solver = solver;
    options.seed = lab->seed;
    options.progress = end_when_interrupted;
    return options;
}

dcl_status dcl__lab_fit(const dcl__lab *lab, const dcl_matrix *data, const dcl_factorize_options *options,
                        dcl_factorization **factorization, dcl_factorize_result *result, dcl_error *error)
{
    dcl_status status = dcl_factorization_create(lab->tools.registry, lab->tools.device, data, options, factorization,
                                                 error);
    if (status == DCL_OK)
        status = dcl_factorization_run(*factorization, error);
    return status ? status : dcl_factorization_finish(*factorization, result, error);
}

/* ---- The command ---- */

/* Runs one experiment and prints its sentence. */
static dcl_status conduct(const dcl__lab *lab, dcl__outcome *outcome, dcl_error *error)
{
    char sentence[1280];
    double start = dcl__now();
    dcl__lab_show(lab, "%s", outcome->entry->name);
    dcl_status status = outcome->entry->run(lab, &outcome->finding, error);
    outcome->seconds = dcl__now() - start;
    dcl__progress_line(NULL);
    if (status == DCL_OK && !dcl__interrupted()) {
        printf("%s\n", dcl__lab_sentence(outcome, sentence, sizeof sentence));
        fflush(stdout);
    }
    return status;
}

/* What the report says of an experiment. */
static json_t *describe(const dcl__outcome *o)
{
    if (o->failure[0])
        return json_pack("{s:s, s:s}", "name", o->entry->name, "failure", o->failure);
    return json_pack("{s:s, s:b, s:s, s:s, s:o}", "name", o->entry->name, "holds", o->finding.holds, "expected",
                     o->finding.expected, "found", o->finding.found, "seconds", dcl__json_from_number(o->seconds));
}

static dcl_status report(const dcl__lab *lab, const dcl__outcome *outcomes, int count, dcl_error *error)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        list = dcl__json_append(list, describe(&outcomes[i]));
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:o}", "version", dcl_version(), "command", "lab",
                               "device", dcl_device_describe(lab->tools.device)->name, "dtype",
                               dcl__dtype_name(lab->dtype), "seed", (json_int_t)lab->seed, "quick", lab->quick,
                               "experiments", list);
    const dcl_status status = dcl__json_write(dcl__join(lab->folder, "report.json").text, object, error);
    json_decref(object);
    return status;
}

/* Data that are not there keep one experiment from being run, not the others. */
static dcl_status conduct_all(const dcl__lab *lab, int *exit_status, dcl_error *error)
{
    dcl__outcome outcomes[EXPERIMENT_COUNT] = {0};
    for (int i = 0; i < EXPERIMENT_COUNT; i++) {
        outcomes[i].entry = &experiments[i];
        dcl_status status = conduct(lab, &outcomes[i], error);
        if (dcl__interrupted() || (status && status != DCL_EIO))
            return status;
        if (status) {
            snprintf(outcomes[i].failure, sizeof outcomes[i].failure, "%.500s", error->text);
            *exit_status = dcl__exit(status, error);
        } else if (!outcomes[i].finding.holds && *exit_status == DCL__EXIT_DONE) {
            *exit_status = DCL__EXIT_TOLERANCE;
        }
    }
    dcl_status status = dcl__lab_page(lab, outcomes, EXPERIMENT_COUNT, error);
    if (status == DCL_OK)
        status = report(lab, outcomes, EXPERIMENT_COUNT, error);
    if (status == DCL_OK)
        printf("page  %s\n", dcl__join(lab->folder, "index.html").text);
    return status;
}

static const dcl__experiment_entry *find(const char *name)
{
    for (int i = 0; i < EXPERIMENT_COUNT; i++)
        if (strcmp(name, experiments[i].name) == 0)
            return &experiments[i];
    return NULL;
}

/* The names of the files that an experiment, or all, would write: "NAME.csv", ... */
enum { NAME_ROOM = 64, ENDING_COUNT = 3 };

static dcl__texts name_files(const char *name, char room[][NAME_ROOM])
{
    static const char *const endings[ENDING_COUNT] = {"csv", "svg", "png"};
    dcl__texts files = {.count = 0};
    const int all = find(name) == NULL;
    for (int i = 0; i < EXPERIMENT_COUNT; i++)
        for (int k = 0; k < ENDING_COUNT && (all || strcmp(name, experiments[i].name) == 0); k++) {
            snprintf(room[files.count], NAME_ROOM, "%s.%s", experiments[i].name, endings[k]);
            files.items[files.count] = room[files.count];
            files.count++;
        }
    if (all)
        files.items[files.count++] = "index.html";
    return files;
}

static int run(const request *q)
{
    dcl__lab lab = {.folder = q->folder, .data = q->data, .dtype = q->dtype == 2 ? DCL_F64 : DCL_F32, .seed = q->seed,
                    .quick = q->quick, .quiet = q->quiet};
    dcl__outcome outcome = {.entry = find(q->name)};
    dcl__results results = {0};
    dcl_error error;
    int over = DCL__EXIT_DONE;
    dcl__catch_interrupts();
    char room[ENDING_COUNT * EXPERIMENT_COUNT][NAME_ROOM];
    const dcl__texts files = name_files(q->name, room);
    dcl_status status = dcl__results_start(&results, q->folder, &(dcl__texts){{q->data}, 1}, &files, &error);
    if (status == DCL_OK)
        status = dcl__tools_open(&lab.tools, q->device, NULL, &error);
    if (status == DCL_OK && outcome.entry) {
        status = conduct(&lab, &outcome, &error);
        if (status == DCL_OK && !dcl__interrupted())
            status = report(&lab, &outcome, 1, &error);
        over = outcome.finding.holds ? DCL__EXIT_DONE : DCL__EXIT_TOLERANCE;
    } else if (status == DCL_OK) {
        status = conduct_all(&lab, &over, &error);
    }
    dcl__tools_close(&lab.tools);
    dcl__results_end(&results, status);
    if (dcl__interrupted())
        return DCL__EXIT_INTERRUPTED;
    return status ? dcl__exit(status, &error) : over;
}

/* The names, as the help and a complaint list them. */
static const char *list_names(char *text, size_t size)
{
    size_t used = 0;
    for (int i = 0; i < EXPERIMENT_COUNT && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s, ", experiments[i].name);
    snprintf(text + (used < size ? used : size - 1), used < size ? size - used : 1, "all");
    return text;
}

int dcl__command_lab(int argc, char **argv)
{
    request q = {.dtype = 1, .seed = 1, .data = "/usr/share/datasets/fashion-mnist"};
    char names[256], doc[768];
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--data", "DIR", "files of Fashion-MNIST (default: where Debian's package dataset-fashion-mnist has them)",
         DCL__OPTION_TEXT, &q.data},
        {"--dtype", "f32|f64", "precision on the device (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--seed", "N", "seed of all random numbers (default 1)", DCL__OPTION_SEED, &q.seed},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &q.device},
        {"--quick", NULL, "small problems, done within seconds", DCL__OPTION_FLAG, &q.quick},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    list_names(names, sizeof names);
    snprintf(doc, sizeof doc, "Runs an experiment and says what was expected, what came out, and whether it holds.\n"
             "NAME is one of\n%s.\nDIR gets NAME.csv, NAME.svg, NAME.png and report.json; with `all` also\n"
             "index.html, a page that holds every picture. Exit status 5: something does not hold.", names);
    const dcl__usage usage = {"lab", "NAME -o DIR [options]", doc,
                              "  dropcl lab landscape -o lab\n  dropcl lab all -o lab\n", options, 1, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    q.name = positional[0];
    if (strcmp(q.name, "all") != 0 && !find(q.name))
        return dcl__misuse("lab", "there is no experiment '%s', only %s", q.name, names);
    if (!q.folder)
        return dcl__misuse("lab", "-o DIR is missing: where should the results go?");
    return run(&q);
}
