/* network.h: what training and assessing fully connected networks share.
 *
 * The graph has the inputs "X" and "T", all training samples, and "E", some rows to be evaluated; parameters
 * "layers.0.weight", "layers.0.bias", ...; "loss.sum" and "errors.sum" grow over many steps, so that a step needs no
 * wait. Its results "outputs" and "hidden" are of "E", without noise.
 */
#ifndef DCL__NETWORK_H
#define DCL__NETWORK_H

#include <stddef.h>

#include "dropcl/dropcl.h"

/* A stream of random numbers for each layer's weights: the next use of streams begins 48 later. */
enum { DCL__MOST_LAYERS = 48 };

struct dcl_network {
    const dcl_registry *registry;
    dcl_device *device;
    dcl_matrix inputs, targets, validation_inputs, validation_targets;
    dcl_network_options options; /* resolved: no field stands for a default                          */
    dcl_layer *layers;
    int64_t chunk;               /* rows of "E"                                                      */
    dcl_graph *graph;
    dcl_session *session;
    dcl_epoch *history;
    size_t history_count, history_capacity;
    int64_t best_epoch;          /* 0: none                                                          */
    double *best;                /* its weights and biases, layer by layer; NULL: not kept           */
    int stopped;
};

/* Inputs of a layer. */
int64_t dcl__layer_inputs(const dcl_network *network, int layer);

/* "layers.2.weight"; `what` is "weight" or "bias". */
enum { DCL__LAYER_NAME = 40 };
const char *dcl__layer_name(char name[DCL__LAYER_NAME], int layer, const char *what);

/* Makes the graph; failures stay in it. */
void dcl__network_build(dcl_network *network);

/* Steps done when an epoch, from 1, ends: as many as it takes to have drawn every sample that often. */
int64_t dcl__epoch_end(const dcl_network *network, int64_t epoch);

#endif
