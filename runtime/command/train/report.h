/* report.h: everything that `dropcl train` leaves in its folder and on the screen. */
#ifndef DCL__TRAIN_REPORT_H
#define DCL__TRAIN_REPORT_H

#include "dropcl/dropcl.h"

/* What the report says of a run. */
typedef struct dcl__train_facts {
    dcl_device *device;
    const char *folder;
    const dcl_network_options *options;
    int64_t samples, features, classes, validation, tested;   /* numbers of samples; 0: none         */
    uint32_t dtype;
    double test_loss, test_error;
    const dcl_last_layer *last;  /* NULL: the bound does not apply                                   */
    int json;
} dcl__train_facts;

/* Writes weights.npz, weights.safetensors, history.csv, report.json, report.svg and report.png, and prints. */
dcl_status dcl__report_training(const dcl__train_facts *facts, dcl_network *network, dcl_error *error);

/* Reads weights of all layers from an .npz or .safetensors file into the network. */
dcl_status dcl__weights_read(const char *file, const dcl__train_facts *facts, dcl_network *network, dcl_error *error);

#endif
