/* caught.c: a plugin with one fault, which the build chooses, for check-op to find. */
#include <string.h>

#include "doubled.h"

enum fault {
    NONE, WRONG_GRADIENT, GRADIENT_OF_WRONG_SHAPE, GRADIENT_WITH_UNKNOWN_OP, WRONG_REFERENCE,
    READS_SCRATCH, WRITES_BEHIND, WRITES_BEFORE, WRITES_INPUT, REFUSES_SILENTLY, TAKES_EVERYTHING,
    DOES_NOT_BUILD, LACKS_OUTPUT, READS_WITHOUT_WAITING, NO_REFERENCE, DOUBLES_BEHIND, CUBES_BEHIND, COPIES_BEHIND,
    SOFTENS_BEHIND, COPIES_SCRATCH_BEHIND, FAULT_COUNT
};

/* The kernel of each fault; where it is none of the kernels', the right one. */
static const char *const kernels[FAULT_COUNT] = {
    [READS_SCRATCH] = "plus_scratch", [WRITES_BEHIND] = "one_behind", [WRITES_BEFORE] = "one_before",
    [WRITES_INPUT] = "over_input", [DOES_NOT_BUILD] = "broken",
    [DOUBLES_BEHIND] = "more_behind", [CUBES_BEHIND] = "more_behind", [COPIES_BEHIND] = "more_behind",
    [SOFTENS_BEHIND] = "more_behind", [COPIES_SCRATCH_BEHIND] = "more_behind",
};

/* What "more_behind" writes behind its output: a function of what it finds behind its input or scratch. */
static const char *const defines[FAULT_COUNT] = {
    [DOES_NOT_BUILD] = "BROKEN=1", [DOUBLES_BEHIND] = "BEHIND=0", [CUBES_BEHIND] = "BEHIND=1",
    [COPIES_BEHIND] = "BEHIND=2", [SOFTENS_BEHIND] = "BEHIND=3", [COPIES_SCRATCH_BEHIND] = "BEHIND=4",
};

static const char source[] =
    "#define ARGUMENTS __global const real *x, __global real *y, long count, __global const real *scratch\n"
    "__kernel void right(ARGUMENTS)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        y[i] = R(2.0) * x[i];\n"
    "}\n"
    "__kernel void plus_scratch(ARGUMENTS)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        y[i] = R(2.0) * x[i] + scratch[i];\n"
    "}\n"
    "__kernel void one_behind(ARGUMENTS)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i <= count)\n"
    "        y[i] = i < count ? R(2.0) * x[i] : R(2.0);\n"
    "}\n"
    "__kernel void one_before(ARGUMENTS)\n"
    "{\n"
    "    const long i = (long)get_global_id(0) - 1;\n"
    "    if (i < count)\n"
    "        y[i] = i < 0 ? R(2.0) : R(2.0) * x[i];\n"
    "}\n"
    "__kernel void over_input(ARGUMENTS)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        ((__global real *)x)[i] = y[i] = R(2.0) * x[i];\n"
    "}\n"
    "#ifdef BROKEN\n"
    "__kernel void broken(ARGUMENTS) { y[0] = no_such_name; }\n"
    "#endif\n"
    "#ifdef BEHIND\n"
    "__kernel void more_behind(ARGUMENTS)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        y[i] = R(2.0) * x[i];\n"
    "    else if (i == count)\n"
    "        y[i] = BEHIND == 0 ? R(2.0) * x[i]\n"
    "               : BEHIND == 1 ? x[i] * x[i] * x[i]\n"
    "               : BEHIND == 2 ? x[i]\n"
    "               : BEHIND == 3 ? log(R(1.0) + exp(x[i]))\n"
    "                             : scratch[i];\n"
    "}\n"
    "#endif\n";

/* Takes vectors and matrices. */
static dcl_status infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (FAULT == REFUSES_SILENTLY && (x->rank < 1 || x->rank > 2))
        return DCL_EINVAL;
    if (FAULT != TAKES_EVERYTHING && (x->rank < 1 || x->rank > 2))
        return host->fail(call, DCL_EINVAL, "x must be a vector or a matrix");
    if (FAULT == LACKS_OUTPUT)
        return DCL_OK;
    dcl_status status = host->set_scratch(call, 0, x->dtype, x->rank, x->dim);
    return status ? status : host->set_output(call, 0, x->dtype, x->rank, x->dim);
}

static dcl_status run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument arguments[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(x->count),
        dcl_arg_tensor(host->scratch(call, 0)),
    };
    const uint64_t items = (uint64_t)x->count + 1;
    double first[64];
    if (FAULT == READS_WITHOUT_WAITING)
        return host->read(call, x, first);
    const char *kernel = kernels[FAULT] ? kernels[FAULT] : "right";
    return host->launch(call, kernel, defines[FAULT], arguments, 4, 1, &items, NULL);
}

static dcl_status gradient(const dcl_host *host, dcl_call *call)
{
    const char *op = FAULT == GRADIENT_OF_WRONG_SHAPE    ? "sum"
                     : FAULT == GRADIENT_WITH_UNKNOWN_OP ? "scael"
                                                         : "scale";
    const dcl_setting settings[] = {{.name = "by", .number = FAULT == WRONG_GRADIENT ? 2.1 : 2}, {0}};
    dcl_value slope = host->output_gradient(call, 0);
    const dcl_setting *given = strcmp(op, "scale") == 0 ? settings : NULL;
    return host->set_gradient(call, 0, host->emit(call, op, &slope, 1, given));
}

static dcl_status reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *y = host->output(call, 0);
    const double by = FAULT == WRONG_REFERENCE ? 2.001 : 2;
    for (int64_t i = 0; i < x->count; i++)
        if (x->dtype == DCL_F64)
            ((double *)y->data)[i] = by * ((const double *)x->data)[i];
        else
            ((float *)y->data)[i] = (float)(by * ((const float *)x->data)[i]);
    return DCL_OK;
}

static const dcl_case cases[] = {
    {"7", NULL, 0, 0, 0, 0},
    {"3x4@0.5..2", NULL, 0, 0, 0, 0},
    {"2x3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op op = {
    DOUBLED_OP, .name = "org.example.caught", .source = source, .cases = cases, .infer = infer, .run = run,
    .gradient = gradient, .reference = FAULT == NO_REFERENCE ? NULL : reference,
};
static const dcl_op *const ops[] = {&op, NULL};
const dcl_plugin dcl_plugin_v1 = {DOUBLED_PLUGIN, .ops = ops};
