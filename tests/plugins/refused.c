/* refused.c: plugins that a host must refuse to load; the build chooses what is wrong with each of them. */
#include <stdio.h>

#include "doubled.h"

#ifndef OP_CHANGE
#define OP_CHANGE .semantics = 1
#endif
#ifndef PLUGIN_CHANGE
#define PLUGIN_CHANGE .flags = 0
#endif

/* Starts only where the build says so. */
dcl_status refuse_to_start(const dcl_host *host, char *why, size_t why_size);
dcl_status refuse_to_start(const dcl_host *host, char *why, size_t why_size)
{
    (void)host;
    snprintf(why, why_size, "the moon is full");
    return DCL_EUNSUPPORTED;
}

#ifdef NEEDS_GONE
int gone(void);
int needs_gone(void);
int needs_gone(void)
{
    return gone();
}
#endif

static const dcl_op op = {DOUBLED_OP, OP_CHANGE};
static const dcl_op *const ops[] = {&op, NULL};
const dcl_plugin dcl_plugin_v1 = {DOUBLED_PLUGIN, .ops = ops, PLUGIN_CHANGE};
