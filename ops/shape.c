/* shape.c: transposes, reshapes and broadcasts: the same numbers in another shape. */
#include "common.h"
#include "shape.cl.h"

/* ---- Running ----------------------------------------------------------------------------------- */

/* Writes the output, reading x with the given strides along the output's dimensions. */
static dcl_status run_copy(const dcl_host *host, dcl_call *call, uint32_t rank, int64_t dim[8],
                           int64_t stride[8])
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    rank = dcl__merge_dimensions(rank, dim, stride, stride);
    if (rank == 2 && stride[0] == 1 && stride[1] == dim[0]) {
        const dcl_argument argument[] = {
            dcl_arg_tensor(x), dcl_arg_tensor(out), dcl_arg_long(dim[1]), dcl_arg_long(dim[0]),
        };
        return dcl__launch(host, call, "transpose_tiles", argument, 4, (dim[0] + 3) / 4 * ((dim[1] + 3) / 4));
    }
    if (rank == 0)
        dim[rank++] = 1;
    int64_t pieces = dcl__pieces(dim[rank - 1]), items = out->count / dim[rank - 1] * pieces;
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(out), dcl_arg_long(items), dcl_arg_long(pieces), dcl_arg_long(rank),
        dcl_arg_long8(dim), dcl_arg_long8(stride),
    };
    return dcl__launch(host, call, "shape_copy", argument, 7, items);
}

/* ---- transpose --------------------------------------------------------------------------------- */

/* Dimension d of the output is dimension order[d] of x. An empty attribute reverses them. */
static void read_order(const dcl_host *host, dcl_call *call, uint32_t rank, int64_t order[8])
{
    int64_t count;
    const int64_t *list = host->list(call, "order", &count);
    for (uint32_t d = 0; d < rank; d++)
        order[d] = count ? list[d] : rank - 1 - d;
}

static dcl_status transpose_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t count, order[8], dim[8];
    const int64_t *list = host->list(call, "order", &count);
    uint32_t seen = 0;
    for (int64_t d = 0; d < count; d++)
        seen |= 1u << list[d];
    if (count && (count != x->rank || seen != (1u << x->rank) - 1))
        return host->fail(call, DCL_EINVAL, "order must name each dimension of x once; they count from 0");
    read_order(host, call, x->rank, order);
    for (uint32_t d = 0; d < x->rank; d++)
        dim[d] = x->dim[order[d]];
    return host->set_output(call, 0, x->dtype, x->rank, dim);
}

static dcl_status transpose_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t order[8], dim[8], stride[8];
    read_order(host, call, x->rank, order);
    for (uint32_t d = 0; d < x->rank; d++) {
        dim[d] = x->dim[order[d]];
        stride[d] = dcl__product(x->dim + order[d] + 1, x->rank - (uint32_t)order[d] - 1);
    }
    return run_copy(host, call, x->rank, dim, stride);
}

static dcl_status transpose_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    int64_t order[8], from[8];
    read_order(host, call, x->rank, order);
    for (int64_t i = 0; i < x->count; i++) {
        int64_t position = 0;
        dcl__coordinates(x, i, from);
        for (uint32_t d = 0; d < out->rank; d++)
            position = position * out->dim[d] + from[order[d]];
        dcl__set(out, position, dcl__get(x, i));
    }
    return DCL_OK;
}

/* The inverse permutation. */
static dcl_status transpose_gradient(const dcl_host *host, dcl_call *call)
{
    uint32_t rank = host->input(call, 0)->rank;
    int64_t order[8], inverse[8] = {0};
    read_order(host, call, rank, order);
    for (uint32_t d = 0; d < rank; d++)
        inverse[order[d]] = d;
    const dcl_setting settings[] = {{.name = "order", .list = inverse, .count = rank}, {0}};
    dcl_value slope = host->output_gradient(call, 0);
    return host->set_gradient(call, 0, host->emit(call, "transpose", &slope, 1, settings));
}

/* ---- reshape ----------------------------------------------------------------------------------- */

static dcl_status reshape_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t rank, rest = x->count;
    const int64_t *shape = host->list(call, "shape", &rank);
    if (rank > DCL_MAX_RANK)
        return host->fail(call, DCL_EINVAL, "shape has more than 8 dimensions");
    for (int64_t d = 0; d < rank; d++)
        rest = rest % shape[d] ? 0 : rest / shape[d];
    if (rest != 1)
        return host->fail(call, DCL_EINVAL, "shape must have as many elements as x");
    return host->set_output(call, 0, x->dtype, (uint32_t)rank, shape);
}

/* Where the output took over the buffer of x, there is nothing to do. */
static dcl_status reshape_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    if (host->output(call, 0)->buffer == x->buffer)
        return DCL_OK;
    int64_t dim[8] = {x->count}, stride[8] = {1};
    return run_copy(host, call, 1, dim, stride);
}

static dcl_status reshape_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    for (int64_t i = 0; i < x->count; i++)
        dcl__set(host->output(call, 0), i, dcl__get(x, i));
    return DCL_OK;
}

/* ---- broadcast --------------------------------------------------------------------------------- */

static dcl_status broadcast_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t rank;
    const int64_t *shape = host->list(call, "shape", &rank);
    if (rank < x->rank || rank > DCL_MAX_RANK)
        return host->fail(call, DCL_EINVAL, "shape must have as many dimensions as x or more, and at most 8");
    for (uint32_t d = 0; d < x->rank; d++)
        if (x->dim[d] != 1 && x->dim[d] != shape[d + rank - x->rank])
            return host->fail(call, DCL_EINVAL, "x does not broadcast to shape: aligned at the last "
                                                "dimension, its lengths must be those of shape or 1");
    return host->set_output(call, 0, x->dtype, (uint32_t)rank, shape);
}

static dcl_status broadcast_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *out = host->output(call, 0);
    int64_t dim[8], stride[8];
    for (uint32_t d = 0; d < out->rank; d++)
        dim[d] = out->dim[d];
    dcl__broadcast_strides(host->input(call, 0), out->rank, stride);
    return run_copy(host, call, out->rank, dim, stride);
}

static dcl_status broadcast_reference(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t coordinate[8];
        dcl__coordinates(out, i, coordinate);
        dcl__set(out, i, dcl__get(x, dcl__broadcast_position(x, out->rank, coordinate)));
    }
    return DCL_OK;
}

/* Sets the gradient to the slope, taken to the shape of x by `op`. */
static dcl_status set_shaped(const dcl_host *host, dcl_call *call, const char *op)
{
    const dcl_tensor *x = host->input(call, 0);
    dcl_value slope = host->output_gradient(call, 0);
    return host->set_gradient(call, 0, dcl__emit_shaped(host, call, op, slope, x->rank, x->dim));
}

static dcl_status reshape_gradient(const dcl_host *host, dcl_call *call)
{
    return set_shaped(host, call, "reshape");
}

static dcl_status broadcast_gradient(const dcl_host *host, dcl_call *call)
{
    return set_shaped(host, call, "sum_to");
}

/* ---- Tables ------------------------------------------------------------------------------------ */

static const dcl_port inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
static const dcl_port outputs[] = {{"result", "the elements of x", DCL_REAL, 0}, {0}};
static const dcl_port reshape_outputs[] = {
    {"result", "the elements of x in the same order", DCL_REAL, DCL_PORT_INPLACE}, {0},
};

static const dcl_attribute transpose_attributes[] = {
    {.name = "order", .doc = "dimension d of the result is dimension order[d] of x; empty: reversed",
     .kind = DCL_LIST, .most = 7},
    {0},
};
static const dcl_attribute shape_attributes[] = {
    {.name = "shape", .doc = "lengths of the result; empty: a scalar", .kind = DCL_LIST, .least = 1,
     .most = 9007199254740992.0},
    {0},
};

static const dcl_case transpose_cases[] = {
    {"scalar", NULL, 0, 0, 0, 0},
    {"7", NULL, 0, 0, 0, 0},
    {"1x1", NULL, 0, 0, 0, 0},
    {"3x5", NULL, 0, 0, 0, 0},
    {"1x5", NULL, 0, 0, 0, 0},
    {"8x4", NULL, 0, 0, 0, 0},
    {"3x5", "order=0,1", 0, 0, 0, 0},
    {"2x3x5", NULL, 0, 0, 0, 0},
    {"2x3x5", "order=1,0,2", 0, 0, 0, 0},
    {"2x3x5", "order=2,0,1", 0, 0, 0, 0},
    {"2x3x5", "order=1,2,0", 0, 0, 0, 0},
    {"2x1x3x1x2x1x3x2", "order=3,1,6,2,7,5,4,0", 0, 0, 0, 0},
    {"67x71", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"7x13x31", "order=0,2,1", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x5", "order=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x5", "order=0,0", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x5", "order=0,2", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x5", "order=1,-1", 0, 0, DCL_CASE_REFUSED, 0},
    {"scalar", "order=0", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case reshape_cases[] = {
    {"scalar", NULL, 0, 0, 0, 0},
    {"scalar", "shape=1,1", 0, 0, 0, 0},
    {"1x1", NULL, 0, 0, 0, 0},
    {"3x4", "shape=12", 0, 0, 0, 0},
    {"3x4", "shape=2,6", 0, 0, 0, 0},
    {"12", "shape=1,2,1,3,1,2,1,1", 0, 0, 0, 0},
    {"71x67", "shape=67,71", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=5,2", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=3", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=0,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=-1,12", 0, 0, DCL_CASE_REFUSED, 0},
    {"2", "shape=1,1,1,1,1,1,1,1,2", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case broadcast_cases[] = {
    {"scalar", NULL, 0, 0, 0, 0},
    {"scalar", "shape=3,4", 0, 0, 0, 0},
    {"4", "shape=3,4", 0, 0, 0, 0},
    {"3x1", "shape=3,4", 0, 0, 0, 0},
    {"3x4", "shape=3,4", 0, 0, 0, 0},
    {"1x4", "shape=2,3,4", 0, 0, 0, 0},
    {"2x1x3", "shape=2,4,3", 0, 0, 0, 0},
    {"2x1x2x1x3x1", "shape=2,1,2,2,2,2,3,1", 0, 0, 0, 0},
    {"67", "shape=71,67", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4", "shape=4", 0, 0, DCL_CASE_REFUSED, 0},
    {"3", "shape=3,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=1,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"4", "shape=0,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"4", "shape=1,1,1,1,1,1,1,1,4", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

/* The members that all ops of this file have in common. */
#define SHAPE_OP(name_, attributes_, outputs_, doc_)                                                \
    .size = sizeof(dcl_op), .name = #name_, .doc = doc_, .semantics = 1, .inputs = inputs,          \
    .outputs = outputs_, .attributes = attributes_, .source = shape_cl, .cases = name_##_cases,     \
    .infer = name_##_infer, .run = name_##_run, .gradient = name_##_gradient, .reference = name_##_reference

static const dcl_op transpose_op = {
    SHAPE_OP(transpose, transpose_attributes, outputs, "x with its dimensions in another order"),
};
static const dcl_op reshape_op = {
    SHAPE_OP(reshape, shape_attributes, reshape_outputs, "the elements of x in another shape"),
};
static const dcl_op broadcast_op = {
    SHAPE_OP(broadcast, shape_attributes, outputs, "x repeated to a shape by the rules of NumPy"),
};

static const dcl_op *const ops[] = {&transpose_op, &reshape_op, &broadcast_op, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.shape",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
