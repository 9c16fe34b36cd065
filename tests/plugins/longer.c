/* longer.c: a plugin of a later header, whose records have tails that this host does not know. */
#define dcl_plugin_v1 dcl_plugin_v1_as_declared
#include "doubled.h"
#undef dcl_plugin_v1

static const dcl_case cases[] = {{"3x4", NULL, 0, 0, 0, 0}, {0}};

static const struct {
    dcl_op known;
    uint64_t tail[4];
} op = {{DOUBLED_OP, .size = sizeof op, .cases = cases}, {~0ull, ~0ull, ~0ull, ~0ull}};

static const dcl_op *const ops[] = {&op.known, NULL};

extern DCL_EXPORT const struct longer {
    dcl_plugin known;
    uint64_t tail[4];
} dcl_plugin_v1;

const struct longer dcl_plugin_v1 = {
    {DOUBLED_PLUGIN, .size = sizeof dcl_plugin_v1, .ops = ops}, {~0ull, ~0ull, ~0ull, ~0ull},
};
