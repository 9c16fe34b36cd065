/* assess.c: what a network is worth: losses, errors, and the least that its last layer could reach. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "recipes/factorization/data_spectrum.h"
#include "recipes/network/network.h"

/* What is known of some rows of data at a time; `hidden` NULL: not wanted. */
typedef struct chunk {
    char *inputs;                /* of the last rows, padded with zeros                              */
    double *outputs, *targets, *hidden;
    int64_t first, rows;
} chunk;

static int64_t hidden_width(const dcl_network *network)
{
    return dcl__layer_inputs(network, network->options.layer_count - 1);
}

static dcl_status make_chunk(const dcl_network *network, int with_hidden, chunk *c, dcl_error *error)
{
    const size_t rows = (size_t)network->chunk, outputs = rows * (size_t)network->targets.columns;
    const size_t inputs = rows * (size_t)network->inputs.columns, hidden = rows * (size_t)hidden_width(network);
    *c = (chunk){.inputs = calloc(inputs, (size_t)dcl__dtype_size(network->inputs.dtype)),
                 .outputs = malloc(outputs * sizeof *c->outputs), .targets = malloc(outputs * sizeof *c->targets),
                 .hidden = with_hidden ? malloc(hidden * sizeof *c->hidden) : NULL};
    if (!c->inputs || !c->outputs || !c->targets || (with_hidden && !c->hidden))
        return dcl__no_memory(error, "an evaluation", (int64_t)((inputs + 2 * outputs + hidden) * sizeof(double)));
    return DCL_OK;
}

static void free_chunk(chunk *c)
{
    free(c->inputs);
    free(c->outputs);
    free(c->targets);
    free(c->hidden);
}

/* Computes the outputs of rows first, first + 1, ... */
static dcl_status evaluate_chunk(dcl_network *network, const dcl_matrix *inputs, const dcl_matrix *targets, chunk *c,
                                 dcl_error *error)
{
    const int64_t row = inputs->columns * dcl__dtype_size(inputs->dtype), left = inputs->rows - c->first;
    const char *data = (const char *)inputs->data + c->first * row;
    c->rows = left < network->chunk ? left : network->chunk;
    if (c->rows < network->chunk) {
        memcpy(c->inputs, data, (size_t)(c->rows * row));
        data = c->inputs;
    }
    dcl__convert(DCL_F64, c->targets, targets->dtype,
                 (const char *)targets->data + c->first * targets->columns * dcl__dtype_size(targets->dtype),
                 c->rows * targets->columns);
    dcl_status status = dcl_session_feed(network->session, "E", inputs->dtype, data, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(network->session, "outputs", DCL_F64, c->outputs, error);
    if (status == DCL_OK && c->hidden)
        status = dcl_session_fetch(network->session, "hidden", DCL_F64, c->hidden, error);
    return status;
}

/* ---- Losses and errors ---- */

static double squared_loss(const double *x, const double *t, int64_t width)
{
    double sum = 0;
    for (int64_t j = 0; j < width; j++)
        sum += (x[j] - t[j]) * (x[j] - t[j]);
    return sum;
}

static int64_t choice(const double *x, int64_t width)
{
    int64_t found = 0;
    for (int64_t j = 1; j < width; j++)
        found = x[j] > x[found] ? j : found;
    return found;
}

/* As the op cross_entropy. */
static double cross_entropy(const double *x, const double *t, int64_t width)
{
    const double largest = x[choice(x, width)];
    double sum = 0, along = 0, targets = 0;
    for (int64_t j = 0; j < width; j++) {
        sum += exp(x[j] - largest);
        along += t[j] * (x[j] - largest);
        targets += t[j];
    }
    return log(sum) - along + (1 - targets) * largest;
}

dcl_status dcl_network_evaluate(dcl_network *network, const dcl_matrix *inputs, const dcl_matrix *targets, double *loss,
                                double *error_rate, dcl_error *error)
{
    const int64_t width = network->targets.columns;
    if (inputs->rows < 1 || inputs->rows != targets->rows || inputs->columns != network->inputs.columns ||
        targets->columns != width || inputs->dtype != network->inputs.dtype)
        return dcl__fail(error, DCL_EINVAL, "data to evaluate must have features, targets and dtype of the training "
                         "data, and as many targets as samples");
    chunk c;
    double sum = 0, wrong = 0;
    dcl_status status = make_chunk(network, 0, &c, error);
    for (c.first = 0; c.first < inputs->rows && status == DCL_OK; c.first += c.rows) {
        status = evaluate_chunk(network, inputs, targets, &c, error);
        for (int64_t i = 0; i < c.rows && status == DCL_OK; i++) {
            const double *x = c.outputs + i * width, *t = c.targets + i * width;
            sum += network->options.loss == DCL_LOSS_SQUARED ? squared_loss(x, t, width) : cross_entropy(x, t, width);
            wrong += choice(x, width) != choice(t, width);
        }
    }
    free_chunk(&c);
    if (status)
        return status;
    *loss = sum / (double)inputs->rows;
    *error_rate = width > 1 ? wrong / (double)inputs->rows : NAN;
    return DCL_OK;
}

/* ---- The last layer ---- */

static dcl_status check_last(const dcl_network *network, dcl_error *error)
{
    const dcl_layer *last = &network->layers[network->options.layer_count - 1];
    if (network->options.loss != DCL_LOSS_SQUARED || last->activation != DCL_ACTIVATION_LINEAR || last->bias ||
        last->noise == DCL_NOISE_DROPBLOCK)
        return dcl__fail(error, DCL_EUNSUPPORTED, "the bound for the last layer is one for the squared loss, a linear "
                         "last layer without bias, and dropout, DropConnect or no noise on its input");
    return DCL_OK;
}

/* DropConnect on the weights costs the same: both sum w_ji^2 ||h_i||^2. */
static double last_lambda(const dcl_network *network)
{
    const dcl_layer *last = &network->layers[network->options.layer_count - 1];
    return last->noise > DCL_NOISE_NONE ? (1 - last->retain) / last->retain : 0;
}

/* Data term, and ||h_i||^2 of every hidden unit, over all training samples. */
static dcl_status add_hidden(dcl_network *network, dcl_last_layer *found, double *squares, dcl_error *error)
{
    const int64_t width = network->targets.columns, units = hidden_width(network);
    chunk c;
    dcl_status status = make_chunk(network, 1, &c, error);
    for (c.first = 0; c.first < network->inputs.rows && status == DCL_OK; c.first += c.rows) {
        status = evaluate_chunk(network, &network->inputs, &network->targets, &c, error);
        for (int64_t i = 0; i < c.rows && status == DCL_OK; i++) {
            found->data_term += squared_loss(c.outputs + i * width, c.targets + i * width, width);
            for (int64_t j = 0; j < units; j++)
                squares[j] += c.hidden[i * units + j] * c.hidden[i * units + j];
        }
    }
    free_chunk(&c);
    return status;
}

/* lambda sum_i ||w_i||^2 ||h_i||^2; room: for the weights of the last layer. */
static dcl_status add_regularizer(dcl_network *network, dcl_last_layer *found, const double *squares, double *weights,
                                  dcl_error *error)
{
    const int64_t units = hidden_width(network), width = network->targets.columns;
    dcl_status status = dcl_network_weights(network, network->options.layer_count - 1, weights, NULL, error);
    for (int64_t i = 0; i < width * units && status == DCL_OK; i++)
        found->regularizer += last_lambda(network) * weights[i] * weights[i] * squares[i % units];
    return status;
}

static dcl_status find_bound(const dcl_network *network, dcl_optimum *bound, dcl_error *error)
{
    const int64_t units = hidden_width(network);
    const dcl_noise dropout = {.kind = DCL_NOISE_DROPOUT, .lambda = last_lambda(network), .block = 1};
    dcl__data_spectrum t = {0};
    double *shrunk = NULL;
    dcl_status status = dcl__data_optimum(network->registry, network->device, &network->targets, &dropout, units, 0,
                                          &t, &shrunk, bound, error);
    free(t.values);
    free(shrunk);
    return status;
}

dcl_status dcl_network_last_layer(dcl_network *network, dcl_last_layer *last, dcl_error *error)
{
    dcl_last_layer found = {0};
    dcl_status status = check_last(network, error);
    if (status)
        return status;
    const size_t units = (size_t)hidden_width(network), count = units * (1 + (size_t)network->targets.columns);
    double *room = calloc(count, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the last layer", (int64_t)(count * sizeof *room));
    status = add_hidden(network, &found, room, error);
    if (status == DCL_OK)
        status = add_regularizer(network, &found, room, room + units, error);
    if (status == DCL_OK)
        status = find_bound(network, &found.bound, error);
    free(room);
    if (status)
        return status;
    found.objective = found.data_term + found.regularizer;
    *last = found;
    return DCL_OK;
}
