/* train.c: `dropcl train`: trains a fully connected network with dropout and says how good it is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/files.h"
#include "command/train/data.h"
#include "command/train/report.h"
#include "core/error.h"

enum { MOST_LAYERS = 48 };

/* The command line. */
typedef struct request {
    const char *inputs, *targets, *folder, *widths, *weights, *device, *plugins;
    const char *validation_inputs, *validation_targets, *test_inputs, *test_targets;
    int activation, loss, optimizer, schedule, mask, dtype, no_last_bias, quiet, json;
    double dropout, rate, scale, holdout;
    int64_t batch, epochs, patience;
    uint64_t seed;
    dcl__texts noises;
} request;

/* A run under way. */
typedef struct run {
    const request *request;
    dcl__tools tools;
    dcl__results results;
    dcl__samples samples, validation, test;
    dcl_matrix inputs, targets, validation_inputs, validation_targets;   /* rows 0: none             */
    dcl_layer layers[MOST_LAYERS];
    dcl_network_options options;
    dcl_network *network;
} run;

static const char *const schedules[] = {"", "constant", "inverse", "inverse_sqrt", "linear", "cosine"};

/* ---- Layers ---- */

/* Reads "1024,1024" into widths of hidden layers; their number, or -1. */
static int read_widths(const char *text, dcl_layer layers[MOST_LAYERS])
{
    int count = 0;
    while (text && (*text || count > 0)) {
        char width[24];
        const size_t length = strcspn(text, ",");
        snprintf(width, sizeof width, "%.*s", (int)(length < sizeof width ? length : sizeof width), text);
        if (count == MOST_LAYERS - 1 || !dcl__read_integer(width, &layers[count].width) || layers[count].width < 1)
            return -1;
        count++;
        text = text[length] ? text + length + 1 : NULL;
    }
    return count;
}

static int noise_of(const char *word)
{
    static const char *const words[] = {"none", "dropout", "dropblock", "dropconnect"};
    for (int i = 0; i < 4; i++)
        if (strcmp(words[i], word) == 0)
            return DCL_NOISE_NONE + i;
    return 0;
}

/* The fields between colons; their number, 0 where there are more than 4 or one is too long. */
static int split(const char *text, char field[4][32])
{
    int count = 0;
    while (text) {
        const size_t length = strcspn(text, ":");
        if (count == 4 || length >= sizeof field[0])
            return 0;
        snprintf(field[count++], sizeof field[0], "%.*s", (int)length, text);
        text = text[length] ? text + length + 1 : NULL;
    }
    return count;
}

/* Reads "LAYER:KIND:RETAIN" or, for DropBlock, "LAYER:dropblock:RETAIN:BLOCK". */
static int read_noise(const char *text, int layer_count, dcl_layer *layers)
{
    char field[4][32];
    int64_t layer = 0, block = 1;
    double number = 1;
    const int fields = split(text, field), noise = fields >= 2 ? noise_of(field[1]) : 0;
    if (!noise || !dcl__read_integer(field[0], &layer) || layer < 1 ||
        (fields < 3 ? noise > DCL_NOISE_NONE : !dcl__read_number(field[2], &number)) ||
        (fields > 3 && !dcl__read_integer(field[3], &block)) || (fields < 4 && noise == DCL_NOISE_DROPBLOCK))
        return dcl__misuse("train", "--noise: '%s' must be LAYER:KIND:RETAIN, such as 2:dropout:0.5; KIND is none, "
                           "dropout, dropconnect or dropblock, the last with :BLOCK behind it", text);
    if (layer > layer_count)
        return dcl__misuse("train", "--noise: '%s': there are %d layers, the first is 1", text, layer_count);
    if (!(number > 0 && number <= 1) || block < 1 || (fields > 3 && noise != DCL_NOISE_DROPBLOCK))
        return dcl__misuse("train", "--noise: '%s': RETAIN is the probability to be kept, above 0 and at most 1, and "
                           "BLOCK, for dropblock alone, at least 1", text);
    layers[layer - 1].noise = noise;
    layers[layer - 1].retain = number;
    layers[layer - 1].block = block;
    return DCL__GO_ON;
}

/* Everything about layers that the command line says; the width of the last comes with the targets. */
static int make_layers(const request *q, run *r)
{
    const int hidden = read_widths(q->widths, r->layers);
    if (hidden < 0)
        return dcl__misuse("train", "--layers: '%s' must be widths of hidden layers, at most %d, such as 1024,1024",
                           q->widths, MOST_LAYERS - 1);
    for (int i = 0; i <= hidden; i++) {
        dcl_layer *layer = &r->layers[i];
        layer->activation = i < hidden ? q->activation : DCL_ACTIVATION_LINEAR;
        layer->bias = i < hidden || !q->no_last_bias;
        layer->mask = q->mask == 1 ? DCL_MASK_STEP : DCL_MASK_SAMPLE;
        layer->retain = 1;
        if (i > 0 && q->dropout > 0) {
            layer->noise = DCL_NOISE_DROPOUT;
            layer->retain = 1 - q->dropout;
        }
    }
    r->options.layers = r->layers;
    r->options.layer_count = hidden + 1;
    int over = DCL__GO_ON;
    for (int i = 0; i < q->noises.count && over == DCL__GO_ON; i++)
        over = read_noise(q->noises.items[i], hidden + 1, r->layers);
    return over;
}

/* ---- Data ---- */

static dcl_status read_samples(const request *q, const char *inputs, const char *targets, const dcl__samples *like,
                               dcl__samples *samples, dcl_error *error)
{
    return dcl__samples_read(inputs, targets, q->dtype == 2 ? DCL_F64 : DCL_F32, q->scale,
                             q->loss == DCL_LOSS_CROSS_ENTROPY, like, samples, error);
}

/* Training samples, and for validation some of them or other ones. */
static dcl_status read_data(run *r, dcl_error *error)
{
    const request *q = r->request;
    dcl_status status = read_samples(q, q->inputs, q->targets, NULL, &r->samples, error);
    if (status == DCL_OK && q->validation_inputs)
        status = read_samples(q, q->validation_inputs, q->validation_targets, &r->samples, &r->validation, error);
    if (status == DCL_OK && q->test_inputs)
        status = read_samples(q, q->test_inputs, q->test_targets, &r->samples, &r->test, error);
    if (status)
        return status;
    const int64_t all = r->samples.inputs.dim[0], held = llround(q->holdout * (double)all);
    if (q->holdout > 0 && (held < 1 || held == all))
        return dcl__fail(error, DCL_EINVAL, "--holdout %g of %lld samples leaves nothing to train or to validate with",
                         q->holdout, (long long)all);
    const dcl__samples *validation = held ? &r->samples : &r->validation;
    const int64_t first = held ? all - held : 0;
    const int64_t rows = held ? held : q->validation_inputs ? r->validation.inputs.dim[0] : 0;
    if (held)
        dcl__samples_shuffle(&r->samples, q->seed);
    r->inputs = dcl__rows_of(&r->samples.inputs, 0, all - held);
    r->targets = dcl__rows_of(&r->samples.targets, 0, all - held);
    if (rows) {
        r->validation_inputs = dcl__rows_of(&validation->inputs, first, rows);
        r->validation_targets = dcl__rows_of(&validation->targets, first, rows);
    }
    return DCL_OK;
}

/* ---- The run ---- */

static int on_progress(void *user, const dcl_epoch *e)
{
    const run *r = user;
    char line[256], training[40] = "", validation[40] = "";
    const double each = e->seconds / (double)e->epoch;
    if (dcl__shows_progress(r->request->quiet)) {
        if (isfinite(e->training_error))
            snprintf(training, sizeof training, ", errors %.2f %%", 100 * e->training_error);
        if (isfinite(e->validation_error))
            snprintf(validation, sizeof validation, ", errors %.2f %%", 100 * e->validation_error);
        snprintf(line, sizeof line, "epoch %lld/%lld  loss %.4g%s  validation %.4g%s  %.0f s left", (long long)e->epoch,
                 (long long)r->options.epochs, e->training_loss, training, e->validation_loss, validation,
                 each * (double)(r->options.epochs - e->epoch));
        dcl__progress_line(line);
    }
    return dcl__interrupted();
}

static int wants_to_stop(void *user)
{
    (void)user;
    return dcl__interrupted();
}

static void make_options(run *r)
{
    const request *q = r->request;
    dcl_network_options *o = &r->options;
    r->layers[o->layer_count - 1].width = r->targets.columns;
    o->loss = q->loss;
    o->optimizer = q->optimizer ? q->optimizer : DCL_OPTIMIZER_ADAM;
    o->rate = q->rate > 0 ? q->rate : o->optimizer == DCL_OPTIMIZER_ADAM ? 1e-3 : 0.1;
    o->schedule = schedules[q->schedule];
    o->batch = q->batch < r->inputs.rows ? q->batch : r->inputs.rows;
    o->epochs = q->epochs;
    o->patience = q->patience;
    o->seed = q->seed;
    o->started = dcl__started();
    o->progress = on_progress;
    o->stop = wants_to_stop;
    o->user = r;
}

static dcl__train_facts facts_of(const run *r)
{
    const request *q = r->request;
    return (dcl__train_facts){.device = r->tools.device, .folder = q->folder, .options = &r->options,
                              .samples = r->inputs.rows, .features = r->inputs.columns, .classes = r->targets.columns,
                              .validation = r->validation_inputs.rows,
                              .tested = q->test_inputs ? r->test.inputs.dim[0] : 0, .dtype = r->inputs.dtype,
                              .json = q->json};
}

static dcl_status prepare(run *r, dcl_error *error)
{
    const request *q = r->request;
    dcl_status status = read_data(r, error);
    /* --weights may lie there: an interrupted run says that they go on from it. */
    const dcl__texts inputs = {{q->inputs, q->targets, q->validation_inputs, q->validation_targets, q->test_inputs,
                                q->test_targets}, 6};
    if (status == DCL_OK)
        status = dcl__results_start(&r->results, q->folder, &inputs, NULL, error);
    if (status == DCL_OK)
        status = dcl__tools_open(&r->tools, q->device, q->plugins, error);
    if (status)
        return status;
    make_options(r);
    if (dcl__shows_progress(q->quiet))
        dcl__progress_line("getting ready (the first run on a device compiles its kernels)");
    const int validated = r->validation_inputs.rows > 0;
    status = dcl_network_create(r->tools.registry, r->tools.device, &r->inputs, &r->targets,
                                validated ? &r->validation_inputs : NULL, validated ? &r->validation_targets : NULL,
                                &r->options, &r->network, error);
    const dcl__train_facts facts = facts_of(r);
    return status || !q->weights ? status : dcl__weights_read(q->weights, &facts, r->network, error);
}

/* Tests and reports what came out. */
static dcl_status finish(run *r, dcl_error *error)
{
    dcl_last_layer last;
    dcl_status status = DCL_OK;
    dcl__train_facts facts = facts_of(r);
    if (facts.tested) {
        const dcl_matrix inputs = dcl__rows_of(&r->test.inputs, 0, facts.tested);
        const dcl_matrix targets = dcl__rows_of(&r->test.targets, 0, facts.tested);
        status = dcl_network_evaluate(r->network, &inputs, &targets, &facts.test_loss, &facts.test_error, error);
    }
    if (status == DCL_OK && (status = dcl_network_last_layer(r->network, &last, error)) == DCL_OK)
        facts.last = &last;
    else if (status == DCL_EUNSUPPORTED)
        status = DCL_OK;
    return status ? status : dcl__report_training(&facts, r->network, error);
}

static void clean_up(run *r)
{
    dcl_network_free(r->network);
    dcl__tools_close(&r->tools);
    dcl__samples_free(&r->samples);
    dcl__samples_free(&r->validation);
    dcl__samples_free(&r->test);
}

static int train(run *r)
{
    dcl_error error;
    dcl__catch_interrupts();
    dcl_status status = prepare(r, &error);
    if (status == DCL_OK)
        status = dcl_network_run(r->network, &error);
    dcl__progress_line(NULL);
    if (status == DCL_OK)
        status = finish(r, &error);
    int over = dcl__exit(status, &error);
    if (status == DCL_OK && dcl__interrupted()) {
        dcl__complain("interrupted; what was reached is in %s, and --weights goes on from there", r->request->folder);
        over = DCL__EXIT_INTERRUPTED;
    }
    clean_up(r);
    dcl__results_end(&r->results, status);
    return over;
}

/* ---- The command line ---- */

static int check_request(const request *q)
{
    if (!q->folder)
        return dcl__misuse("train", "-o DIR is missing: where should the results go?");
    if (!(q->dropout >= 0 && q->dropout < 1))
        return dcl__misuse("train", "--dropout is %g, it must be at least 0 and below 1", q->dropout);
    if (!(q->holdout >= 0 && q->holdout < 1))
        return dcl__misuse("train", "--holdout is %g, it must be at least 0 and below 1", q->holdout);
    if (!q->validation_inputs != !q->validation_targets || !q->test_inputs != !q->test_targets)
        return dcl__misuse("train", "samples and their targets go together: --validation with --validation-targets, "
                           "--test with --test-targets");
    if (q->holdout > 0 && q->validation_inputs)
        return dcl__misuse("train", "--holdout and --validation both say what to validate with, give one of them");
    if (q->patience > 0 && !(q->holdout > 0) && !q->validation_inputs)
        return dcl__misuse("train", "--patience needs --validation or --holdout");
    return DCL__GO_ON;
}

int dcl__command_train(int argc, char **argv)
{
    request q = {.activation = DCL_ACTIVATION_RELU, .loss = DCL_LOSS_CROSS_ENTROPY, .schedule = 5, .mask = 2,
                 .dtype = 1, .scale = 1, .batch = 256, .epochs = 20, .seed = 1};
    const dcl__option options[] = {
        {"-o", "DIR", DCL__RESULTS_DOC, DCL__OPTION_TEXT, &q.folder},
        {"--layers", "W,W,...", "widths of hidden layers (default none: a linear model)", DCL__OPTION_TEXT, &q.widths},
        {"--activation", "linear|relu|tanh", "of hidden layers (default relu)", DCL__OPTION_WORD, &q.activation},
        {"--loss", "squared|cross-entropy", "cross-entropy of classes (default), or squared error", DCL__OPTION_WORD,
         &q.loss},
        {"--dropout", "P", "drop each hidden unit with this probability", DCL__OPTION_NUMBER, &q.dropout},
        {"--noise", "L:KIND:T[:B]", "on the input of layer L, from 1: dropout, dropblock of B units, dropconnect, "
         "none; T: share kept; several times",
         DCL__OPTION_LIST, &q.noises},
        {"--mask", "step|sample", "one mask of units a step, or one a sample (default)", DCL__OPTION_WORD, &q.mask},
        {"--no-last-bias", NULL, "no bias in the last layer; with --loss squared this gives a bound for the whole "
         "network", DCL__OPTION_FLAG, &q.no_last_bias},
        {"--scale", "S", "multiply the samples by S first; a ratio like 1/255 is fine", DCL__OPTION_FACTOR, &q.scale},
        {"--batch", "B", "samples a step (default 256)", DCL__OPTION_INTEGER, &q.batch},
        {"--epochs", "N", "passes over the samples (default 20)", DCL__OPTION_INTEGER, &q.epochs},
        {"--optimizer", "sgd|momentum|adam", "default adam", DCL__OPTION_WORD, &q.optimizer},
        {"--rate", "R", "step size at the start (default 0.001 with adam, else 0.1)", DCL__OPTION_POSITIVE, &q.rate},
        {"--schedule", "constant|inverse|inverse_sqrt|linear|cosine", "how it falls over the epochs (default cosine)",
         DCL__OPTION_WORD, &q.schedule},
        {"--validation", "X", "samples to validate with after each epoch", DCL__OPTION_TEXT, &q.validation_inputs},
        {"--validation-targets", "T", "and their targets", DCL__OPTION_TEXT, &q.validation_targets},
        {"--holdout", "F", "validate with this share of the samples, drawn at random", DCL__OPTION_NUMBER, &q.holdout},
        {"--patience", "N", "stop after N epochs without a lower validation loss and keep the best weights",
         DCL__OPTION_INTEGER, &q.patience},
        {"--test", "X", "samples to test with at the end", DCL__OPTION_TEXT, &q.test_inputs},
        {"--test-targets", "T", "and their targets", DCL__OPTION_TEXT, &q.test_targets},
        {"--weights", "FILE", "begin with the weights of an .npz or .safetensors file", DCL__OPTION_TEXT, &q.weights},
        {"--dtype", "f32|f64", "precision on the device (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--seed", "N", "seed of all random numbers (default 1)", DCL__OPTION_SEED, &q.seed},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &q.device},
        {"--plugins", "PATH", "further plugin files or folders, separated by ':'", DCL__OPTION_TEXT, &q.plugins},
        {"--json", NULL, "print the report as JSON", DCL__OPTION_FLAG, &q.json},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "train", "X T -o DIR [options]",
        "Trains a fully connected network on samples X, one a row, and their targets T: labels of classes\n"
        "(a vector of whole numbers from 0) or rows of probabilities with --loss cross-entropy, numbers, one or\n"
        "more a sample, with --loss squared. Files are .npy, Matrix Market, CSV or\n"
        "IDX, also gzipped. DIR gets weights.npz and weights.safetensors, named and shaped as by\n"
        "torch.nn.Linear (layers.0.weight, layers.0.bias, ...), report.json, history.csv, report.svg and\n"
        "report.png. Noise is dropout or DropBlock of a layer's inputs, or DropConnect of its weights.",
        "  dropcl train train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz -o net --scale 1/255 \\\n"
        "      --layers 1024,1024 --dropout 0.5 --holdout 0.1 --test t10k-images-idx3-ubyte.gz \\\n"
        "      --test-targets t10k-labels-idx1-ubyte.gz\n"
        "  dropcl train X.npy T.npy -o net --layers 64 --loss squared --no-last-bias --noise 2:dropout:0.8\n",
        options, 2, 2};
    const char *positional[DCL__MOST_ARGUMENTS];
    run r = {.request = &q};
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q);
    if (over == DCL__GO_ON)
        over = make_layers(&q, &r);
    q.inputs = positional[0];
    q.targets = positional[1];
    return over == DCL__GO_ON ? train(&r) : over;
}
