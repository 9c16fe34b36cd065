/* matmul.c: the matrix product, alpha op(a) op(b) + beta c. */
#include "common.h"
#include "matmul.cl.h"

static uint32_t transposition(const dcl_host *host, dcl_call *call)
{
    return (host->integer(call, "transpose_a") ? DCL_TRANSPOSE_A : 0) |
           (host->integer(call, "transpose_b") ? DCL_TRANSPOSE_B : 0);
}

static dcl_status matmul_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *a = host->input(call, 0), *b = host->input(call, 1), *c = host->input(call, 2);
    if (a->rank != 2 || b->rank != 2)
        return host->fail(call, DCL_EINVAL, "a and b must be matrices, with two dimensions each");
    uint32_t transpose = transposition(host, call);
    int across_a = (transpose & DCL_TRANSPOSE_A) != 0, across_b = (transpose & DCL_TRANSPOSE_B) != 0;
    if (a->dim[!across_a] != b->dim[across_b])
        return host->fail(call, DCL_EINVAL, "the columns of op(a) must be as many as the rows of op(b)");
    const int64_t dim[2] = {a->dim[across_a], b->dim[!across_b]};
    if (c && (c->rank != 2 || c->dim[0] != dim[0] || c->dim[1] != dim[1]))
        return host->fail(call, DCL_EINVAL, "c must have the shape of the product");
    return host->set_output(call, 0, a->dtype, 2, dim);
}

static dcl_status matmul_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *c = host->input(call, 2), *product = host->output(call, 0);
    double beta = c ? host->number(call, "beta") : 0;
    if (c) {
        const dcl_argument argument[] = {dcl_arg_tensor(c), dcl_arg_tensor(product), dcl_arg_long(c->count)};
        dcl_status status = dcl__launch(host, call, "matmul_copy", argument, 3, c->count);
        if (status)
            return status;
    }
    return host->gemm(call, transposition(host, call), host->number(call, "alpha"), host->input(call, 0),
                      host->input(call, 1), beta, product);
}

static dcl_status matmul_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *a = host->input(call, 0), *b = host->input(call, 1), *c = host->input(call, 2);
    const dcl_tensor *product = host->output(call, 0);
    double alpha = host->number(call, "alpha"), beta = host->number(call, "beta");
    uint32_t transpose = transposition(host, call);
    int64_t rows = product->dim[0], columns = product->dim[1], inner = a->count / rows;
    int64_t a_row = transpose & DCL_TRANSPOSE_A ? 1 : inner, a_step = transpose & DCL_TRANSPOSE_A ? rows : 1;
    int64_t b_column = transpose & DCL_TRANSPOSE_B ? inner : 1;
    int64_t b_step = transpose & DCL_TRANSPOSE_B ? 1 : columns;
    for (int64_t i = 0; i < product->count; i++) {
        int64_t row = i / columns, column = i % columns;
        double sum = 0;
        for (int64_t k = 0; k < inner; k++)
            sum += dcl__get(a, row * a_row + k * a_step) * dcl__get(b, column * b_column + k * b_step);
        dcl__set(product, i, alpha * sum + (c ? beta * dcl__get(c, i) : 0));
    }
    return DCL_OK;
}

/* alpha op(x) op(y) as another node. */
static dcl_value product_of(const dcl_host *host, dcl_call *call, dcl_value x, int transpose_x, dcl_value y,
                            int transpose_y)
{
    const dcl_value inputs[] = {x, y};
    const dcl_setting settings[] = {
        {.name = "transpose_a", .integer = transpose_x},
        {.name = "transpose_b", .integer = transpose_y},
        {.name = "alpha", .number = host->number(call, "alpha")},
        {0},
    };
    return host->emit(call, "matmul", inputs, 2, settings);
}

/* With G the gradient of the product: that of op(a) is alpha G op(b)', that of op(b) is alpha op(a)' G; an
 * operand that is read transposed takes the transpose of it. */
static dcl_status matmul_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value a = host->input_value(call, 0), b = host->input_value(call, 1);
    dcl_value slope = host->output_gradient(call, 0);
    uint32_t transpose = transposition(host, call);
    int across_a = (transpose & DCL_TRANSPOSE_A) != 0, across_b = (transpose & DCL_TRANSPOSE_B) != 0;
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = host->set_gradient(call, 0, across_a ? product_of(host, call, b, across_b, slope, 1)
                                                      : product_of(host, call, slope, 0, b, !across_b));
    if (!status && host->wants(call, 1))
        status = host->set_gradient(call, 1, across_b ? product_of(host, call, slope, 1, a, across_a)
                                                      : product_of(host, call, a, !across_a, slope, 0));
    if (!status && host->wants(call, 2))
        status = host->set_gradient(call, 2, dcl__emit_scale(host, call, slope, host->number(call, "beta")));
    return status;
}

static const dcl_port inputs[] = {
    {"a", "matrix; op(a) is m x k", DCL_REAL, 0},
    {"b", "matrix; op(b) is k x n", DCL_REAL, 0},
    {"c", "m x n summand", DCL_REAL, DCL_PORT_OPTIONAL},
    {0},
};

static const dcl_port outputs[] = {{"product", "m x n", DCL_REAL, 0}, {0}};

static const dcl_attribute attributes[] = {
    {.name = "transpose_a", .doc = "1: op(a) is the transpose of a", .kind = DCL_FLAG},
    {.name = "transpose_b", .doc = "1: op(b) is the transpose of b", .kind = DCL_FLAG},
    {.name = "alpha", .doc = "factor of the product", .kind = DCL_NUMBER, .fallback = 1},
    {.name = "beta", .doc = "factor of c; not read without c", .kind = DCL_NUMBER, .fallback = 1},
    {0},
};

static const dcl_case cases[] = {
    {"3x4 4x5", NULL, 2e-6, 1e-14, 0, 0},
    {"1x1 1x1", NULL, 1e-6, 1e-15, 0, 0},
    {"1x7 7x1", NULL, 2e-6, 1e-14, 0, 0},
    {"7x1 1x9", NULL, 1e-6, 1e-15, 0, 0},
    {"4x3 4x5", "transpose_a=1", 2e-6, 1e-14, 0, 0},
    {"3x4 5x4", "transpose_b=1", 2e-6, 1e-14, 0, 0},
    {"4x3 5x4", "transpose_a=1 transpose_b=1 alpha=-0.5", 2e-6, 1e-14, 0, 0},
    {"3x4 4x5 3x5", NULL, 2e-6, 1e-14, 0, 0},
    {"4x3 4x5 3x5", "transpose_a=1 alpha=2 beta=-1.5", 4e-6, 2e-14, 0, 0},
    {"3x4 4x5 3x5", "beta=0", 2e-6, 1e-14, 0, 0},
    {"3x4 4x5 -", "beta=7", 2e-6, 1e-14, 0, 0},
    {"3x4 4x5", "alpha=0", 1e-7, 1e-15, 0, 0},
    {"33x65 65x17", NULL, 2e-5, 4e-14, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 5x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 4x5", "transpose_a=1", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"2x3x4 4x5", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 4x5 5x3", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4 4x5 1x5", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op matmul = {
    .size = sizeof matmul,
    .name = "matmul",
    .doc = "matrix product: alpha op(a) op(b) + beta c",
    .semantics = 1,
    .inputs = inputs,
    .outputs = outputs,
    .attributes = attributes,
    .source = matmul_cl,
    .cases = cases,
    .infer = matmul_infer,
    .run = matmul_run,
    .gradient = matmul_gradient,
    .reference = matmul_reference,
};

static const dcl_op *const ops[] = {&matmul, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.matmul",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
