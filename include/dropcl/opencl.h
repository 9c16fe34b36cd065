/* opencl.h: extension "dropcl.opencl/1": raw OpenCL handles, for plugins that want them.
 *
 *     const dcl_opencl_v1 *opencl = (const dcl_opencl_v1 *)host->extension(host, DCL_OPENCL_V1);
 *
 * Valid during run() only [queue-thread]. The queue is in-order and the host's: enqueue on it, never
 * release, flush or wait (an op that waits says so with DCL_OP_WAITS and uses host->read).
 */
#ifndef DROPCL_OPENCL_H
#define DROPCL_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DCL_OPENCL_V1 "dropcl.opencl/1"

/* Growing record. */
typedef struct dcl_opencl_v1 {
    size_t size;
    cl_context (*context)(dcl_call *);
    cl_device_id (*device)(dcl_call *);
    cl_command_queue (*queue)(dcl_call *);
    cl_mem (*buffer)(const dcl_tensor *);
} dcl_opencl_v1;

#ifdef __cplusplus
}
#endif
#endif
