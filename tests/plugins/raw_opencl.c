/* raw_opencl.c: a plugin that copies its input with an OpenCL call of its own. */
#include <dropcl/opencl.h>

#include "doubled.h"

static dcl_status run(const dcl_host *host, dcl_call *call)
{
    const dcl_opencl_v1 *opencl = (const dcl_opencl_v1 *)host->extension(host, DCL_OPENCL_V1);
    if (!opencl)
        return host->fail(call, DCL_EUNSUPPORTED, "this host gives no OpenCL handles");
    const dcl_tensor *x = host->input(call, 0), *y = host->output(call, 0);
    size_t bytes = (size_t)x->count * (x->dtype == DCL_F64 ? 8 : 4);
    int code = clEnqueueCopyBuffer(opencl->queue(call), opencl->buffer(x), opencl->buffer(y), 0, 0, bytes, 0,
                                   NULL, NULL);
    return code == CL_SUCCESS ? DCL_OK : host->fail(call, DCL_EDEVICE, "clEnqueueCopyBuffer failed");
}

static dcl_status reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *y = host->output(call, 0);
    for (int64_t i = 0; i < x->count; i++)
        if (x->dtype == DCL_F64)
            ((double *)y->data)[i] = ((const double *)x->data)[i];
        else
            ((float *)y->data)[i] = ((const float *)x->data)[i];
    return DCL_OK;
}

static const dcl_case cases[] = {{"3x4", NULL, 0, 0, 0, 0}, {0}};
static const dcl_op op = {
    DOUBLED_OP, .name = "org.example.copied", .source = NULL, .cases = cases, .run = run,
    .reference = reference,
};
static const dcl_op *const ops[] = {&op, NULL};
const dcl_plugin dcl_plugin_v1 = {DOUBLED_PLUGIN, .ops = ops};
