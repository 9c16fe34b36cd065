/* doubled.h: the op of the test plugins, y = 2 x, from which each of them departs in one point. */
#ifndef DROPCL_TESTS_DOUBLED_H
#define DROPCL_TESTS_DOUBLED_H

#include <dropcl/op.h>

static const char doubled_source[] =
    "__kernel void doubled(__global const real *x, __global real *y, long count)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        y[i] = R(2.0) * x[i];\n"
    "}\n";

static inline dcl_status doubled_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    return host->set_output(call, 0, x->dtype, x->rank, x->dim);
}

static inline dcl_status doubled_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument arguments[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(x->count),
    };
    const uint64_t items = (uint64_t)x->count;
    return host->launch(call, "doubled", NULL, arguments, 3, 1, &items, NULL);
}

static const dcl_port doubled_inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
static const dcl_port doubled_outputs[] = {{"y", "2 x", DCL_REAL, 0}, {0}};

/* The test plugins override members of these two. */
#pragma GCC diagnostic ignored "-Woverride-init"

#define DOUBLED_OP                                                                                         \
    .size = sizeof(dcl_op), .name = "org.example.doubled", .doc = "2 x", .semantics = 1,                   \
    .inputs = doubled_inputs, .outputs = doubled_outputs, .source = doubled_source, .infer = doubled_infer, \
    .run = doubled_run

#define DOUBLED_PLUGIN                                                                                     \
    .size = sizeof(dcl_plugin), .need_minor = DCL_NEED_MINOR, .id = "org.example.doubled",                 \
    .version = "1.0", .license = "Apache-2.0"

#endif
