/* network.c: fully connected networks with noise on any layer, from start to end. */
#include "recipes/network/network.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/memory.h"
#include "recipes/common/advance.h"
#include "recipes/common/streams.h"

/* Rows that are evaluated at a time. */
enum { CHUNK = 1000 };
static const int64_t MOST_EPOCHS = 1000000000;

/* ---- Checks ---- */

static dcl_status check_layer(const dcl_layer *layer, int i, dcl_error *error)
{
    if (layer->width < 1 || layer->width > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "layer %d has the width %" PRId64 ", it must be from 1 to 2^31 - 1", i + 1,
                         layer->width);
    if (layer->activation < DCL_ACTIVATION_LINEAR || layer->activation > DCL_ACTIVATION_TANH)
        return dcl__fail(error, DCL_EINVAL, "layer %d: the activation is none of the constants of dropcl.h", i + 1);
    if (layer->noise < 0 || layer->noise > DCL_NOISE_DROPCONNECT)
        return dcl__fail(error, DCL_EINVAL, "layer %d: the noise must be dropout, DropBlock, DropConnect or none",
                         i + 1);
    if (layer->noise > DCL_NOISE_NONE && !(layer->retain > 0 && layer->retain <= 1))
        return dcl__fail(error, DCL_EINVAL, "layer %d: retain is %g, it must be above 0 and at most 1", i + 1,
                         layer->retain);
    if (layer->block < 0 || (layer->block > 1 && layer->noise != DCL_NOISE_DROPBLOCK))
        return dcl__fail(error, DCL_EINVAL, "layer %d: only DropBlock has blocks, of at least 1 unit", i + 1);
    return DCL_OK;
}

static dcl_status check_layers(const dcl_network_options *o, const dcl_matrix *targets, dcl_error *error)
{
    if (o->layer_count < 1 || o->layer_count > DCL__MOST_LAYERS)
        return dcl__fail(error, DCL_EINVAL, "a network has from 1 to %d layers, not %d", (int)DCL__MOST_LAYERS,
                         o->layer_count);
    dcl_status status = DCL_OK;
    for (int i = 0; i < o->layer_count && status == DCL_OK; i++)
        status = check_layer(&o->layers[i], i, error);
    if (status == DCL_OK && o->layers[o->layer_count - 1].width != targets->columns)
        return dcl__fail(error, DCL_EINVAL, "the last layer has %" PRId64 " outputs, but the targets have %" PRId64
                         " columns", o->layers[o->layer_count - 1].width, targets->columns);
    return status;
}

/* Samples and their targets belong together and look like those of training. */
static dcl_status check_pair(const dcl_matrix *inputs, const dcl_matrix *targets, const dcl_matrix *like_inputs,
                             const dcl_matrix *like_targets, const char *what, dcl_error *error)
{
    if (inputs->rows < 1 || inputs->columns < 1 || targets->columns < 1 || inputs->rows > INT32_MAX)
        return dcl__fail(error, DCL_EINVAL, "the %s data have no samples, or more than 2^31 - 1", what);
    if (inputs->rows != targets->rows)
        return dcl__fail(error, DCL_EINVAL, "the %s data are %" PRId64 " samples, but their targets %" PRId64, what,
                         inputs->rows, targets->rows);
    if (inputs->columns != like_inputs->columns || targets->columns != like_targets->columns)
        return dcl__fail(error, DCL_EINVAL, "the %s data have %" PRId64 " features and %" PRId64 " targets a sample, "
                         "those of training %" PRId64 " and %" PRId64, what, inputs->columns, targets->columns,
                         like_inputs->columns, like_targets->columns);
    if (inputs->dtype != like_inputs->dtype || targets->dtype != like_inputs->dtype)
        return dcl__fail(error, DCL_EINVAL, "all data must have one dtype");
    return DCL_OK;
}

static dcl_status check_options(const dcl_network_options *o, int64_t samples, int validated, dcl_error *error)
{
    if ((o->loss != DCL_LOSS_SQUARED && o->loss != DCL_LOSS_CROSS_ENTROPY) || o->optimizer < DCL_OPTIMIZER_DEFAULT ||
        o->optimizer > DCL_OPTIMIZER_ADAM)
        return dcl__fail(error, DCL_EINVAL, "loss or optimizer is none of the constants of dropcl.h");
    if (o->batch < 1 || o->batch > samples)
        return dcl__fail(error, DCL_EINVAL, "a batch has from 1 to %" PRId64 " samples, which is all, not %" PRId64,
                         samples, o->batch);
    if (o->epochs < 1 || o->epochs > MOST_EPOCHS || o->patience < 0 || !(o->rate >= 0))
        return dcl__fail(error, DCL_EINVAL, "epochs must be from 1 to 10^9, and patience and rate must not be "
                         "negative");
    if ((double)o->epochs * (double)samples / (double)o->batch > (double)DCL__MOST_STEPS)
        return dcl__fail(error, DCL_EINVAL, "%" PRId64 " epochs are more than %lld steps, beyond which masks would "
                         "come again; take fewer, or a larger batch", o->epochs, (long long)DCL__MOST_STEPS);
    if (o->patience > 0 && !validated)
        return dcl__fail(error, DCL_EINVAL, "to stop early takes validation data");
    return DCL_OK;
}

/* ---- Life ---- */

static dcl_status check_all(const dcl_matrix *inputs, const dcl_matrix *targets, const dcl_matrix *validation_inputs,
                            const dcl_matrix *validation_targets, const dcl_network_options *o, dcl_error *error)
{
    dcl_status status = check_pair(inputs, targets, inputs, targets, "training", error);
    if (status == DCL_OK)
        status = check_layers(o, targets, error);
    if (status == DCL_OK && !validation_inputs != !validation_targets)
        status = dcl__fail(error, DCL_EINVAL, "validation data take inputs and targets, not one of them");
    if (status == DCL_OK && validation_inputs)
        status = check_pair(validation_inputs, validation_targets, inputs, targets, "validation", error);
    return status ? status : check_options(o, inputs->rows, validation_inputs != NULL, error);
}

static dcl_status copy_options(dcl_network *network, const dcl_network_options *o, dcl_error *error)
{
    const size_t bytes = (size_t)o->layer_count * sizeof *o->layers;
    network->options = *o;
    network->layers = malloc(bytes);
    if (!network->layers)
        return dcl__no_memory(error, "the layers", (int64_t)bytes);
    memcpy(network->layers, o->layers, bytes);
    network->options.layers = network->layers;
    for (int i = 0; i < o->layer_count; i++)
        network->layers[i].block = o->layers[i].block > 1 ? o->layers[i].block : 1;
    if (!o->optimizer)
        network->options.optimizer = DCL_OPTIMIZER_ADAM;
    if (o->rate == 0)
        network->options.rate = network->options.optimizer == DCL_OPTIMIZER_ADAM ? 1e-3 : 0.1;
    if (!o->schedule)
        network->options.schedule = "cosine";
    if (!(o->started > 0))
        network->options.started = dcl__now();
    return DCL_OK;
}

static dcl_status set_up(dcl_network *network, dcl_error *error)
{
    dcl_status status = dcl_graph_create(network->registry, network->inputs.dtype, network->options.seed,
                                         &network->graph, error);
    if (status)
        return status;
    dcl__network_build(network);
    status = dcl_graph_status(network->graph, error);
    if (status == DCL_OK)
        status = dcl_session_create(network->device, network->graph, &network->session, error);
    if (status == DCL_OK)
        status = dcl_session_feed(network->session, "X", network->inputs.dtype, network->inputs.data, error);
    if (status == DCL_OK)
        status = dcl_session_feed(network->session, "T", network->targets.dtype, network->targets.data, error);
    return status;
}

dcl_status dcl_network_create(const dcl_registry *registry, dcl_device *device, const dcl_matrix *inputs,
                              const dcl_matrix *targets, const dcl_matrix *validation_inputs,
                              const dcl_matrix *validation_targets, const dcl_network_options *options,
                              dcl_network **network, dcl_error *error)
{
    dcl_status status = check_all(inputs, targets, validation_inputs, validation_targets, options, error);
    if (status)
        return status;
    dcl_network *made = calloc(1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "a network", sizeof *made);
    made->registry = registry;
    made->device = device;
    made->inputs = *inputs;
    made->targets = *targets;
    made->chunk = inputs->rows < CHUNK ? inputs->rows : CHUNK;
    if (validation_inputs) {
        made->validation_inputs = *validation_inputs;
        made->validation_targets = *validation_targets;
    }
    status = copy_options(made, options, error);
    if (status == DCL_OK)
        status = set_up(made, error);
    if (status)
        dcl_network_free(made);
    else
        *network = made;
    return status;
}

void dcl_network_free(dcl_network *network)
{
    if (!network)
        return;
    dcl_session_free(network->session);
    dcl_graph_free(network->graph);
    free(network->layers);
    free(network->history);
    free(network->best);
    free(network);
}

const dcl_epoch *dcl_network_history(const dcl_network *network, int64_t *count)
{
    *count = (int64_t)network->history_count;
    return network->history;
}

int64_t dcl_network_best(const dcl_network *network)
{
    return network->best_epoch;
}

const dcl_graph *dcl_network_graph(const dcl_network *network)
{
    return network->graph;
}

dcl_session *dcl_network_session(dcl_network *network)
{
    return network->session;
}

/* ---- Weights ---- */

static dcl_status check_layer_number(const dcl_network *network, int layer, dcl_error *error)
{
    if (layer >= 0 && layer < network->options.layer_count)
        return DCL_OK;
    return dcl__fail(error, DCL_EINVAL, "there is no layer %d: the network has layers 0 to %d", layer,
                     network->options.layer_count - 1);
}

dcl_status dcl_network_weights(dcl_network *network, int layer, double *weight, double *bias, dcl_error *error)
{
    char name[DCL__LAYER_NAME];
    dcl_status status = check_layer_number(network, layer, error);
    if (status)
        return status;
    if (bias && network->layers[layer].bias)
        status = dcl_session_fetch(network->session, dcl__layer_name(name, layer, "bias"), DCL_F64, bias, error);
    else if (bias)
        memset(bias, 0, (size_t)network->layers[layer].width * sizeof *bias);
    if (status)
        return status;
    return dcl_session_fetch(network->session, dcl__layer_name(name, layer, "weight"), DCL_F64, weight, error);
}

dcl_status dcl_network_set_weights(dcl_network *network, int layer, const double *weight, const double *bias,
                                   dcl_error *error)
{
    char name[DCL__LAYER_NAME];
    dcl_status status = check_layer_number(network, layer, error);
    if (status == DCL_OK && bias && network->layers[layer].bias)
        status = dcl_session_feed(network->session, dcl__layer_name(name, layer, "bias"), DCL_F64, bias, error);
    if (status)
        return status;
    return dcl_session_feed(network->session, dcl__layer_name(name, layer, "weight"), DCL_F64, weight, error);
}

/* Copies all weights and biases between the device and network->best. */
static dcl_status copy_best(dcl_network *network, int restore, dcl_error *error)
{
    double *at = network->best;
    dcl_status status = DCL_OK;
    for (int i = 0; i < network->options.layer_count && status == DCL_OK; i++) {
        const int64_t width = network->layers[i].width, weights = width * dcl__layer_inputs(network, i);
        status = restore ? dcl_network_set_weights(network, i, at, at + weights, error)
                         : dcl_network_weights(network, i, at, at + weights, error);
        at += weights + width;
    }
    return status;
}

static dcl_status keep_best(dcl_network *network, dcl_error *error)
{
    int64_t count = 0;
    for (int i = 0; i < network->options.layer_count; i++)
        count += network->layers[i].width * (dcl__layer_inputs(network, i) + 1);
    if (!network->best)
        network->best = malloc((size_t)count * sizeof *network->best);
    if (!network->best)
        return dcl__no_memory(error, "the best weights", count * (int64_t)sizeof *network->best);
    return copy_best(network, 0, error);
}

/* ---- Training ---- */

int64_t dcl__epoch_end(const dcl_network *network, int64_t epoch)
{
    const int64_t samples = network->inputs.rows, batch = network->options.batch;
    /* epoch * samples / batch, rounded up, without a large product */
    return epoch * (samples / batch) + (epoch * (samples % batch) + batch - 1) / batch;
}

/* About so many samples' losses and errors the device adds up, in f32 where it computes so: then the host takes the sums.
 * Between two steps an interrupt is heard. */
enum { MOST_SUMMED = 1 << 20, LEAST_STEPS = 2 };

/* Adds a sum of the device and begins the next. */
static dcl_status take_sum(dcl_network *network, const char *name, double *sum, dcl_error *error)
{
    const double nothing = 0;
    double part = 0;
    dcl_status status = dcl_session_fetch(network->session, name, DCL_F64, &part, error);
    *sum += part;
    return status ? status : dcl_session_feed(network->session, name, DCL_F64, &nothing, error);
}

/* Trains until so many steps are done, and adds up loss and errors. */
static dcl_status train(dcl_network *network, int64_t end, double *loss, double *wrong, dcl_error *error)
{
    const int64_t fit = MOST_SUMMED / network->options.batch, most = fit > LEAST_STEPS ? fit : LEAST_STEPS;
    dcl_status status = DCL_OK;
    int64_t left;
    while (status == DCL_OK && !network->stopped && (left = end - dcl_session_steps(network->session)) > 0) {
        status = dcl__advance(network->session, left < most ? left : most, network->options.stop,
                              network->options.user, &network->stopped, error);
        if (status == DCL_OK)
            status = take_sum(network, "loss.sum", loss, error);
        if (status == DCL_OK)
            status = take_sum(network, "errors.sum", wrong, error);
    }
    return status;
}

static dcl_status run_epoch(dcl_network *network, dcl_epoch *done, dcl_error *error)
{
    double loss = 0, wrong = 0;
    const int64_t before = dcl_session_steps(network->session);
    *done = (dcl_epoch){.epoch = (int64_t)network->history_count + 1, .validation_loss = NAN, .validation_error = NAN};
    dcl_status status = train(network, dcl__epoch_end(network, done->epoch), &loss, &wrong, error);
    done->step = dcl_session_steps(network->session);
    const double seen = (double)((done->step - before) * network->options.batch);
    done->training_loss = loss / seen;
    done->training_error = network->targets.columns > 1 ? wrong / seen : NAN;
    if (status == DCL_OK && !isfinite(loss))
        status = dcl__fail(error, DCL_ENUMERIC, "the loss has grown beyond all numbers in epoch %" PRId64 "; use a "
                           "lower rate, or scale the data", done->epoch);
    if (status == DCL_OK && network->validation_inputs.rows > 0 && !network->stopped)
        status = dcl_network_evaluate(network, &network->validation_inputs, &network->validation_targets,
                                      &done->validation_loss, &done->validation_error, error);
    done->seconds = dcl__now() - network->options.started;
    return status;
}

static dcl_status note(dcl_network *network, const dcl_epoch *done, dcl_error *error)
{
    dcl_status status = dcl__grow(&network->history, sizeof *network->history, network->history_count,
                                  &network->history_capacity, "the history", error);
    if (status)
        return status;
    network->history[network->history_count++] = *done;
    const int64_t best = network->best_epoch;
    if (isnan(done->validation_loss) || (best && !(done->validation_loss < network->history[best - 1].validation_loss)))
        return DCL_OK;
    network->best_epoch = done->epoch;
    return network->options.patience > 0 ? keep_best(network, error) : DCL_OK;
}

static int is_over(dcl_network *network, const dcl_epoch *done)
{
    const dcl_network_options *o = &network->options;
    if (o->progress && o->progress(o->user, done))
        network->stopped = 1;
    return network->stopped || done->epoch >= o->epochs ||
           (o->patience > 0 && done->epoch - network->best_epoch >= o->patience);
}

dcl_status dcl_network_run(dcl_network *network, dcl_error *error)
{
    dcl_epoch done;
    dcl_status status = DCL_OK;
    if ((int64_t)network->history_count >= network->options.epochs)
        return dcl__fail(error, DCL_EINVAL, "all %" PRId64 " epochs are done", network->options.epochs);
    network->stopped = 0;
    do {
        status = run_epoch(network, &done, error);
        if (status == DCL_OK)
            status = note(network, &done, error);
    } while (status == DCL_OK && !is_over(network, &done));
    return status == DCL_OK && network->best ? copy_best(network, 1, error) : status;
}
