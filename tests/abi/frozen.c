/* frozen.c: a plugin built from the header as 1.0 released it; every later host must run it unchanged.
 *
 * Its two ops use each service of 1.0 at least once: y = factor a b + the noise of the step, shifted by the
 * product of a list, through scratch, gemm and a kernel; and a sum that waits for the device.
 */
#include "op-1.0.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double get(const dcl_tensor *tensor, int64_t i)
{
    return tensor->dtype == DCL_F64 ? ((const double *)tensor->data)[i] : ((const float *)tensor->data)[i];
}

static void set(const dcl_tensor *tensor, int64_t i, double number)
{
    if (tensor->dtype == DCL_F64)
        ((double *)tensor->data)[i] = number;
    else
        ((float *)tensor->data)[i] = (float)number;
}

/* ---- noisy_product ---- */

static const char source[] =
    "__kernel void finish(__global const real *product, __global real *y, long count, real shift,\n"
    "                     uint4 key, long8 shape, __local real *unused)\n"
    "{\n"
    "    const long i = get_global_id(0);\n"
    "    if (i < count && shape.s0 * shape.s1 == count)\n"
    "        y[i] = SIGN * product[i] + shift + dcl_philox(key, (ulong)i).x * R(2.3283064365386963e-10);\n"
    "}\n";

static double shift_of(const dcl_host *host, dcl_call *call)
{
    int64_t count;
    const int64_t *list = host->list(call, "shifts", &count);
    double shift = host->integer(call, "doubled") ? 2 : 1;
    for (int64_t i = 0; i < count; i++)
        shift *= (double)list[i];
    return shift;
}

static double sign_of(const dcl_host *host, dcl_call *call)
{
    return strcmp(host->string(call, "mode"), "minus") == 0 ? -1 : 1;
}

static void noise_key(const dcl_host *host, dcl_call *call, uint32_t key[4])
{
    host->key(call, (uint32_t)host->integer(call, "stream") + (host->step(call) > 0), key);
}

static dcl_status product_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *a = host->input(call, 0), *b = host->input(call, 1);
    if (a->rank != 2 || b->rank != 2 || a->dim[1] != b->dim[0])
        return host->fail(call, DCL_EINVAL, "a and b must be matrices, b with as many rows as a has columns");
    const int64_t dim[] = {a->dim[0], b->dim[1]};
    dcl_status status = host->set_scratch(call, 0, host->real(call), 2, dim);
    return status ? status : host->set_output(call, 0, host->real(call), 2, dim);
}

static dcl_status product_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *y = host->output(call, 0), *product = host->scratch(call, 0);
    dcl_status status = host->gemm(call, 0, host->number(call, "factor"), host->input(call, 0),
                                   host->input(call, 1), 0, product);
    if (status)
        return status;
    uint32_t key[4];
    noise_key(host, call, key);
    const dcl_argument arguments[] = {
        dcl_arg_tensor(product), dcl_arg_tensor(y), dcl_arg_long(y->count),
        dcl_arg_real(shift_of(host, call)), dcl_arg_key(key), dcl_arg_long8(y->dim), dcl_arg_local(64),
    };
    const uint64_t items = (uint64_t)y->count, group = host->device(call, DCL_DEVICE_WORK_GROUP) < 8 ? 1 : 8;
    const char *defines = sign_of(host, call) < 0 ? "SIGN=-1" : "SIGN=1";
    return host->launch(call, "finish", defines, arguments, 7, 1, &items, &group);
}

static dcl_status product_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *a = host->input(call, 0), *b = host->input(call, 1), *y = host->output(call, 0);
    uint32_t key[4], words[4];
    noise_key(host, call, key);
    for (int64_t i = 0; i < y->count; i++) {
        double sum = 0;
        for (int64_t k = 0; k < a->dim[1]; k++)
            sum += get(a, i / y->dim[1] * a->dim[1] + k) * get(b, k * y->dim[1] + i % y->dim[1]);
        host->random(key, (uint64_t)i, words);
        set(y, i, sign_of(host, call) * host->number(call, "factor") * sum + shift_of(host, call) +
                  words[0] * 2.3283064365386963e-10);
    }
    return DCL_OK;
}

static dcl_value transposed(const dcl_host *host, dcl_call *call, dcl_value x)
{
    return host->emit(call, "transpose", &x, 1, NULL);
}

static dcl_status product_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value a = host->input_value(call, 0), b = host->input_value(call, 1);
    dcl_value weight = host->constant(call, 0, NULL, sign_of(host, call) * host->number(call, "factor"));
    const dcl_value weighted[] = {host->output_gradient(call, 0), weight};
    dcl_value slope = host->emit(call, "multiply", weighted, 2, NULL);
    const dcl_value left[] = {slope, transposed(host, call, b)}, right[] = {transposed(host, call, a), slope};
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = host->set_gradient(call, 0, host->emit(call, "matmul", left, 2, NULL));
    if (status == DCL_OK && host->wants(call, 1))
        status = host->set_gradient(call, 1, host->emit(call, "matmul", right, 2, NULL));
    return status;
}

static const dcl_port product_inputs[] = {{"a", "m x k", DCL_REAL, 0}, {"b", "k x n", DCL_REAL, 0}, {0}};
static const dcl_port product_outputs[] = {{"y", "m x n", DCL_REAL, 0}, {0}};

static const dcl_attribute product_attributes[] = {
    {"factor", "of the product", DCL_NUMBER, 0, 1, -10, 10, NULL},
    {"shifts", "their product is added", DCL_LIST, DCL_ATTRIBUTE_REQUIRED, 0, -5, 5, NULL},
    {"mode", "sign of the product", DCL_STRING, 0, 0, 0, 0, "plus|minus"},
    {"doubled", "1: the shift is doubled", DCL_FLAG, 0, 0, 0, 0, NULL},
    {"stream", "of the noise", DCL_INTEGER, 0, 7, 0, 100, NULL},
    {0},
};

static const dcl_case product_cases[] = {
    {"3x4 4x5", "shifts=2,3", 1e-5, 1e-13, 0, 0},
    {"3x4@0.5..2 4x1", "shifts=-1 factor=0.5 mode=minus doubled=1 stream=9", 1e-5, 1e-13, 0, 5},
    {"3x4 4x5", "shifts=6", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 5x4", "shifts=1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op noisy_product = {
    .size = sizeof(dcl_op), .name = "org.example.noisy_product", .doc = "factor a b + shift + noise",
    .semantics = 1, .flags = DCL_OP_RANDOM, .inputs = product_inputs, .outputs = product_outputs,
    .attributes = product_attributes, .source = source, .cases = product_cases, .infer = product_infer,
    .run = product_run, .gradient = product_gradient, .reference = product_reference,
};

/* ---- waiting_sum ---- */

static const double start = 1;

static dcl_status sum_infer(const dcl_host *host, dcl_call *call)
{
    return host->set_output(call, 0, host->input(call, 0)->dtype, 0, NULL);
}

/* The sum of numbers of x's shape and element type. */
static double sum_of(const dcl_tensor *x, const void *data)
{
    double sum = 0;
    for (int64_t i = 0; i < x->count; i++)
        sum += x->dtype == DCL_F64 ? ((const double *)data)[i] : ((const float *)data)[i];
    return sum;
}

static dcl_status sum_run(const dcl_host *host, dcl_call *call)
{
    double sum = *(const double *)host->user(call);
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && host->input(call, i) && status == DCL_OK; i++) {
        const dcl_tensor *x = host->input(call, i);
        void *data = malloc((size_t)x->count * sizeof(double));
        status = data ? host->read(call, x, data) : host->fail(call, DCL_ENOMEM, "no room for the input");
        sum += status ? 0 : sum_of(x, data);
        free(data);
    }
    const float single = (float)sum;
    const dcl_tensor *out = host->output(call, 0);
    host->log(call, DCL_LOG_DEBUG, "summed");
    return status ? status : host->write(call, out, out->dtype == DCL_F64 ? (const void *)&sum : &single);
}

static dcl_status sum_reference(const dcl_host *host, dcl_call *call)
{
    double sum = *(const double *)host->user(call);
    for (uint32_t i = 0; i < 2 && host->input(call, i); i++)
        sum += sum_of(host->input(call, i), host->input(call, i)->data);
    set(host->output(call, 0), 0, sum);
    return DCL_OK;
}

static dcl_status sum_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && status == DCL_OK; i++) {
        if (!host->wants(call, i))
            continue;
        const dcl_tensor *x = host->value(call, host->input_value(call, i));
        dcl_value ones = host->constant(call, x->rank, x->dim, 1);
        const dcl_value factors[] = {ones, host->output_gradient(call, 0)};
        status = host->set_gradient(call, i, host->emit(call, "multiply", factors, 2, NULL));
    }
    return status;
}

static const dcl_port sum_inputs[] = {
    {"x", "any shape", DCL_REAL, 0}, {"y", "any shape", DCL_REAL, DCL_PORT_OPTIONAL}, {0},
};
static const dcl_port sum_outputs[] = {{"sum", "scalar", DCL_REAL, 0}, {0}};

static const dcl_case sum_cases[] = {
    {"3x4 7", NULL, 1e-6, 1e-14, 0, 0},
    {"3x4 -", NULL, 1e-6, 1e-14, 0, 0},
    {"5@1..1", NULL, 0, 0, 0, 0},
    {0},
};

static const dcl_op waiting_sum = {
    .size = sizeof(dcl_op), .name = "org.example.waiting_sum", .doc = "1 + sum of x + sum of y",
    .semantics = 1, .flags = DCL_OP_WAITS, .user = (void *)(uintptr_t)&start,
    .inputs = sum_inputs, .outputs = sum_outputs,
    .cases = sum_cases, .infer = sum_infer, .run = sum_run, .gradient = sum_gradient,
    .reference = sum_reference,
};

/* ---- plugin ---- */

static dcl_status init(const dcl_host *host, char *why, size_t why_size)
{
    if (DCL_HAS(host, set_gradient) && host->extension(host, "no.such.extension/1") == NULL)
        return DCL_OK;
    snprintf(why, why_size, "the host lacks a service of 1.0");
    return DCL_EUNSUPPORTED;
}

static const dcl_op *const ops[] = {&noisy_product, &waiting_sum, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof(dcl_plugin), .need_minor = DCL_NEED_MINOR, .id = "org.example.frozen", .version = "1.0",
    .license = "Apache-2.0", .ops = ops, .init = init,
};
