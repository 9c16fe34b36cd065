/* registry.h: the ops that are loaded, and where each came from. */
#ifndef DCL__REGISTRY_H
#define DCL__REGISTRY_H

#include "core/error.h"

/* One op: a zero-padded copy of the plugin's record, so that fields a plugin does not know read as zero. */
typedef struct dcl__op {
    dcl_op op;
    const char *file;            /* borrowed from the loaded plugin                                  */
    const dcl_plugin *plugin;
    int is_named;                /* 1: its file was named, so it goes before those that are found    */
} dcl__op;

/* The op of a name, or NULL. */
const dcl__op *dcl__registry_find(const dcl_registry *registry, const char *name);

/* The op that sums gradients (DCL_OP_ACCUMULATES), or NULL. */
const dcl__op *dcl__registry_accumulator(const dcl_registry *registry);

/* The sentence for a name that no plugin has: names near ones and how many ops are loaded. */
dcl_status dcl__registry_unknown(const dcl_registry *registry, const char *name, dcl_error *error);

/* How many single-letter changes turn a into b (Levenshtein 1966), for "did you mean". */
size_t dcl__distance(const char *a, const char *b);

#endif
