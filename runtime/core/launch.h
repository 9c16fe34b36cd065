/* launch.h: kernels with their arguments, for launches that repeat from step to step.
 *
 * Each launch of a node keeps a kernel object of its own, so that only arguments that changed since the last
 * step are set again: most never do.
 */
#ifndef DCL__LAUNCH_H
#define DCL__LAUNCH_H

#include "core/program.h"

typedef struct dcl__launch dcl__launch;

/* The launches of one node, in the order in which it makes them. Zero-initialised: none yet. */
typedef struct dcl__launches {
    dcl__launch *list;
    size_t count, capacity, next;        /* next: the launch that comes now                          */
} dcl__launches;

/* The kernel `name` of a build with these arguments set. With `launches` it is the next one of theirs; NULL
 * means a kernel shared by all, whose arguments are all set. */
dcl_status dcl__launch_prepare(dcl_device *device, dcl__launches *launches, const dcl__build *build, const char *name,
                               const dcl_argument *arguments, uint32_t count, cl_kernel *kernel, dcl_error *error);

void dcl__launches_free(dcl__launches *launches);

#endif
