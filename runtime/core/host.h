/* host.h: calls into plugins: one node being inferred, run, differentiated or checked. */
#ifndef DCL__HOST_H
#define DCL__HOST_H

#include "core/device.h"
#include "core/launch.h"
#include "core/registry.h"

/* The services that plugins see. */
extern const dcl_host dcl__host;

typedef enum dcl__stage { DCL__INFER, DCL__RUN, DCL__REFERENCE, DCL__GRADIENT } dcl__stage;

/* What gradient() of one node needs and gives; see gradient.c. */
typedef struct dcl__gradient_call {
    dcl_graph *graph;
    const dcl_value *inputs;             /* of the node                                              */
    dcl_value output;                    /* its first output                                         */
    const dcl_value *output_gradients;   /* of its outputs, 0 where nothing flows                    */
    uint32_t wanted;                     /* bit i: the gradient of input i is needed                 */
    dcl_value given[DCL_MAX_PORTS];      /* what the op declared                                     */
} dcl__gradient_call;

/* One call. It points into itself: fill it in place and do not copy it. */
struct dcl_call {
    const dcl__op *op;
    const char *node;                    /* its name, for messages                                   */
    const dcl_setting *settings;         /* all attributes, resolved                                 */
    uint32_t real, input_count, output_count;
    const dcl_tensor *inputs[DCL_MAX_PORTS];   /* into input_tensors; NULL: left out                 */
    dcl_tensor input_tensors[DCL_MAX_PORTS];   /* copies: a growing graph moves its own              */
    dcl_tensor outputs[DCL_MAX_PORTS];         /* made by infer                                      */
    dcl_tensor scratch[DCL_MAX_SCRATCH];       /* size 0: not asked for                              */
    uint64_t seed;
    int64_t step;
    dcl_device *device;                  /* run only                                                 */
    dcl__launches *launches;             /* run only; NULL: this call is not repeated                */
    dcl__gradient_call *gradient;        /* gradient only                                            */
    dcl__stage stage;
    dcl_error *error;
    int explained;                       /* fail() was called                                        */
};

/* Calls the op's function of a stage. Errors come back with node, op and plugin file before them. */
dcl_status dcl__call(dcl_call *call, dcl__stage stage, dcl_error *error);

#endif
