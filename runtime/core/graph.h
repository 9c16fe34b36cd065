/* graph.h: the inside of a graph, for the parts of core that walk it. */
#ifndef DCL__GRAPH_H
#define DCL__GRAPH_H

#include "core/host.h"

enum { DCL__NO_NODE = -1 };

typedef struct dcl__value {
    char *name;
    int kind;                    /* DCL_VALUE_...                                                    */
    dcl_tensor tensor;
    dcl_initial initial;         /* parameters and constants                                         */
    int64_t node;                /* outputs: who makes it; else DCL__NO_NODE                         */
    uint32_t port;
    dcl_value assigned;          /* parameters: the value they take; 0: none                         */
} dcl__value;

typedef struct dcl__node {
    char *name;
    const dcl__op *op;
    dcl_value inputs[DCL_MAX_PORTS];
    uint32_t input_count, output_count;
    dcl_value output;
    dcl_setting *settings;       /* resolved; owned                                                  */
    dcl_tensor scratch[DCL_MAX_SCRATCH];     /* size 0: none                                         */
} dcl__node;

typedef struct dcl__result {
    char *name;
    dcl_value value;
} dcl__result;

struct dcl_graph {
    const dcl_registry *registry;
    uint32_t dtype;
    uint64_t seed;
    dcl__value *values;          /* value id i is values[i - 1]                                      */
    dcl__node *nodes;            /* in the order of making, which is an order of execution           */
    dcl__result *results;
    size_t value_count, value_capacity, node_count, node_capacity, result_count, result_capacity;
    dcl_status status;           /* the first failure of a builder                                   */
    dcl_error error;
};

/* The value of an id, NULL for 0 and unknown ids. */
dcl__value *dcl__graph_value(const dcl_graph *graph, dcl_value value);

/* A call for a node, with its input tensors and settings; the rest is zero. */
void dcl__node_call(const dcl_graph *graph, const dcl__node *node, dcl_call *call);

#endif
