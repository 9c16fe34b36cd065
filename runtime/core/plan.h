/* plan.h: which nodes run for what, in which order, and where every value lives. */
#ifndef DCL__PLAN_H
#define DCL__PLAN_H

#include "core/graph.h"

enum { DCL__NO_SLOT = -1 };

/* Where a value lives while a schedule runs: in a slot of the pool, or in the buffer of a state value (an
 * input, parameter or constant). */
typedef struct dcl__place {
    int64_t slot;                /* DCL__NO_SLOT: in state, or not at all                            */
    dcl_value state;             /* 0: not in state                                                  */
} dcl__place;

/* The nodes that some target values need. */
typedef struct dcl__schedule {
    size_t *nodes, node_count;               /* indices into the graph's nodes, in order             */
    dcl__place *places;                      /* by value                                             */
    int64_t (*scratch)[DCL_MAX_SCRATCH];     /* by position: slots, DCL__NO_SLOT where none          */
} dcl__schedule;

/* At the end of a step `parameter` takes `value`; by way of `staging` where value is itself a parameter. */
typedef struct dcl__assignment {
    dcl_value parameter, value;
    int64_t staging;
} dcl__assignment;

typedef struct dcl__slot {
    int64_t bytes;
    const char *name;            /* the largest value that lives there, for messages                 */
} dcl__slot;

typedef struct dcl__plan {
    dcl__schedule step;                      /* what the assignments need                            */
    dcl__assignment *assignments;            /* those that are not already made in place             */
    size_t assignment_count;
    dcl__schedule *results;                  /* one for each result of the graph                     */
    size_t result_count;
    dcl__slot *slots;                        /* the pool, shared by all schedules                    */
    size_t slot_count, slot_capacity;
    dcl_plan_info info;
} dcl__plan;

/* Plans a graph: pure, no device. Free with dcl__plan_free, also after a failure. */
dcl_status dcl__plan_make(const dcl_graph *graph, dcl__plan *plan, dcl_error *error);
void dcl__plan_free(dcl__plan *plan);

#endif
