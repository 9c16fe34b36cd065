/* graph.c: the graph that trains a fully connected network, and evaluates it without noise. */
#include <math.h>
#include <stdio.h>

#include "recipes/common/build.h"
#include "recipes/common/streams.h"
#include "recipes/network/network.h"

int64_t dcl__layer_inputs(const dcl_network *network, int layer)
{
    return layer == 0 ? network->inputs.columns : network->layers[layer - 1].width;
}

const char *dcl__layer_name(char name[DCL__LAYER_NAME], int layer, const char *what)
{
    snprintf(name, DCL__LAYER_NAME, "layers.%d.%s", layer, what);
    return name;
}

/* ---- Parameters ---- */

static double initial_deviation(const dcl_network *network, int layer)
{
    const double inputs = (double)dcl__layer_inputs(network, layer), width = (double)network->layers[layer].width;
    return sqrt(network->layers[layer].activation == DCL_ACTIVATION_RELU ? 2 / inputs : 2 / (inputs + width));
}

static void add_parameters(dcl_network *network, int layer)
{
    char name[DCL__LAYER_NAME];
    const int64_t width = network->layers[layer].width;
    dcl__matrix_parameter(network->graph, dcl__layer_name(name, layer, "weight"), width,
                          dcl__layer_inputs(network, layer), initial_deviation(network, layer),
                          DCL__STREAM_WEIGHTS + (uint32_t)layer);
    if (network->layers[layer].bias)
        dcl_graph_parameter(network->graph, dcl__layer_name(name, layer, "bias"), 1, &width, (dcl_initial){0});
}

/* 0 for a bias that the layer does not have. */
static dcl_value parameter_of(const dcl_network *network, int layer, const char *what)
{
    char name[DCL__LAYER_NAME];
    return dcl_value_find(network->graph, dcl__layer_name(name, layer, what));
}

/* ---- Layers ---- */

/* One node for an activation after a bias and for the noise of what reads it; `noisy` NULL: none. */
static dcl_value activate(dcl_network *network, dcl_value x, dcl_value bias, int activation, const dcl_layer *noisy,
                          int layer)
{
    static const char *const functions[] = {"linear", "linear", "relu", "tanh"};
    const int masked = noisy && noisy->retain < 1;
    if (!bias && activation == DCL_ACTIVATION_LINEAR && !masked)
        return x;
    const dcl_setting settings[] = {
        {.name = "function", .string = functions[activation]}, {.name = "retain", .number = masked ? noisy->retain : 1},
        {.name = "block", .integer = masked && noisy->noise == DCL_NOISE_DROPBLOCK ? noisy->block : 1},
        {.name = "shared", .integer = masked && noisy->noise != DCL_NOISE_DROPCONNECT && noisy->mask == DCL_MASK_STEP},
        {.name = "stream", .integer = masked ? DCL__STREAM_LAYER + layer : 0}, {0}};
    return dcl_graph_apply(network->graph, NULL, "activate", (dcl_value[]){x, bias}, bias ? 2 : 1, settings);
}

/* The layer whose input is masked as a whole, NULL where nothing is: after the last layer, or by DropConnect. */
static const dcl_layer *masks_input(const dcl_network *network, int layer)
{
    const dcl_layer *reader = layer < network->options.layer_count ? &network->layers[layer] : NULL;
    const int masks = reader && (reader->noise == DCL_NOISE_DROPOUT || reader->noise == DCL_NOISE_DROPBLOCK);
    return masks ? reader : NULL;
}

/* The outputs of all layers for rows x; *hidden is what the last layer reads. */
static dcl_value add_layers(dcl_network *network, dcl_value x, int noise, dcl_value *hidden)
{
    if (noise)
        x = activate(network, x, 0, DCL_ACTIVATION_LINEAR, masks_input(network, 0), 0);
    for (int i = 0; i < network->options.layer_count; i++) {
        const dcl_layer *layer = &network->layers[i];
        dcl_value weight = parameter_of(network, i, "weight");
        if (noise && layer->noise == DCL_NOISE_DROPCONNECT)
            weight = activate(network, weight, 0, DCL_ACTIVATION_LINEAR, layer, i);
        *hidden = x;
        x = activate(network, dcl__matmul(network->graph, DCL_TRANSPOSE_B, x, weight), parameter_of(network, i, "bias"),
                     layer->activation, noise ? masks_input(network, i + 1) : NULL, i + 1);
    }
    return x;
}

/* ---- Training ---- */

/* This step's samples; all of them as they are where a batch holds all. */
static void take_batch(dcl_network *network, dcl_value *x, dcl_value *t)
{
    if (network->options.batch == network->inputs.rows)
        return;
    const dcl_setting draw[] = {{.name = "population", .integer = network->inputs.rows},
                                {.name = "count", .integer = network->options.batch},
                                {.name = "stream", .integer = DCL__STREAM_BATCH}, {0}};
    dcl_value indices = dcl_graph_apply(network->graph, "batch", "batch", NULL, 0, draw);
    *x = dcl__binary(network->graph, "gather", *x, indices);
    *t = dcl__binary(network->graph, "gather", *t, indices);
}

/* Losses are sums over the batch, rates are for means: descent divides the rate by the batch, Adam the gradient. */
static void optimize(dcl_network *network, dcl_value parameter, dcl_value gradient)
{
    const dcl_network_options *o = &network->options;
    dcl_graph *graph = network->graph;
    const int adam = o->optimizer == DCL_OPTIMIZER_ADAM;
    const dcl_setting rate = {.name = "rate", .number = adam ? o->rate : o->rate / (double)o->batch};
    const dcl_setting schedule = {.name = "schedule", .string = o->schedule};
    const dcl_setting horizon = {.name = "horizon", .integer = dcl__epoch_end(network, o->epochs)};
    const double momentum = o->optimizer == DCL_OPTIMIZER_MOMENTUM ? 0.9 : 0;
    const dcl_setting own = adam ? (dcl_setting){.name = "scale", .number = 1 / (double)o->batch}
                                 : (dcl_setting){.name = "momentum", .number = momentum};
    const dcl_setting settings[] = {rate, schedule, horizon, own, {0}};
    dcl_value state[2] = {dcl__state_of(graph, parameter, adam ? "mean" : "velocity"),
                          adam ? dcl__state_of(graph, parameter, "variance") : 0};
    dcl_value next = adam
        ? dcl_graph_apply(graph, NULL, "adam", (dcl_value[]){parameter, state[0], state[1], gradient}, 4, settings)
        : dcl_graph_apply(graph, NULL, "sgd", (dcl_value[]){parameter, state[0], gradient}, 3, settings);
    dcl_graph_assign(graph, parameter, next);
    for (int i = 0; i < 1 + adam; i++)
        dcl_graph_assign(graph, state[i], next ? next + 1 + i : 0);
}

/* One differentiation for all parameters, so that what they share is computed once. */
static void optimize_all(dcl_network *network, dcl_value loss)
{
    dcl_value parameters[2 * DCL__MOST_LAYERS] = {0}, gradients[2 * DCL__MOST_LAYERS] = {0};
    uint32_t count = 0;
    for (int i = 0; i < network->options.layer_count; i++) {
        parameters[count++] = parameter_of(network, i, "weight");
        if (network->layers[i].bias)
            parameters[count++] = parameter_of(network, i, "bias");
    }
    dcl_graph_gradient(network->graph, loss, parameters, count, gradients);
    for (uint32_t i = 0; i < count; i++)
        optimize(network, parameters[i], gradients[i]);
}

static void add_up(dcl_graph *graph, const char *name, dcl_value value)
{
    dcl_value sum = dcl__scalar_parameter(graph, name, 0);
    dcl_graph_assign(graph, sum, dcl__binary(graph, "add", sum, value));
}

static void add_training(dcl_network *network)
{
    const int64_t rows = network->inputs.rows;
    dcl_value x = dcl_graph_input(network->graph, "X", DCL_REAL, 2, (int64_t[]){rows, network->inputs.columns});
    dcl_value t = dcl_graph_input(network->graph, "T", DCL_REAL, 2, (int64_t[]){rows, network->targets.columns});
    dcl_value hidden = 0;
    take_batch(network, &x, &t);
    dcl_value outputs = add_layers(network, x, 1, &hidden);
    const int squared = network->options.loss == DCL_LOSS_SQUARED;
    dcl_value loss = dcl__binary(network->graph, squared ? "squared_error" : "cross_entropy", outputs, t);
    dcl_graph_result(network->graph, "loss", loss);
    optimize_all(network, loss);
    add_up(network->graph, "loss.sum", loss);
    add_up(network->graph, "errors.sum", dcl__binary(network->graph, "misclassified", outputs, t));
}

static void add_evaluation(dcl_network *network)
{
    dcl_value hidden = 0, rows = dcl_graph_input(network->graph, "E", DCL_REAL, 2,
                                             (int64_t[]){network->chunk, network->inputs.columns});
    dcl_graph_result(network->graph, "outputs", add_layers(network, rows, 0, &hidden));
    dcl_graph_result(network->graph, "hidden", hidden);
}

void dcl__network_build(dcl_network *network)
{
    for (int i = 0; i < network->options.layer_count; i++)
        add_parameters(network, i);
    add_training(network);
    add_evaluation(network);
}
