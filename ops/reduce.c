/* reduce.c: sums, sums of squares and norms over any axes, and the sum that undoes broadcasting. */
#include <math.h>
#include <stdlib.h>

#include "common.h"
#include "reduce.cl.h"

/* What distinguishes the ops: an op's `user`. */
typedef struct operation {
    int64_t square, root;        /* sum squares instead of elements; take the square root at the end */
} operation;

/* ---- Shapes ------------------------------------------------------------------------------------ */

/* Which axes of x are summed over, one bit each. */
typedef uint32_t axis_set;

static int contains(axis_set axes, uint32_t d)
{
    return (int)(axes >> d & 1u);
}

/* The attribute `axes`: none means all. */
static axis_set listed_axes(const dcl_host *host, dcl_call *call)
{
    int64_t count;
    const int64_t *list = host->list(call, "axes", &count);
    axis_set axes = count ? 0 : (1u << host->input(call, 0)->rank) - 1;
    for (int64_t i = 0; i < count; i++)
        axes |= 1u << list[i];
    return axes;
}

/* The axes along which broadcasting from `target` to the shape of x repeats, front dimensions included. */
static axis_set repeated_axes(const dcl_tensor *x, uint32_t rank, const int64_t *target)
{
    axis_set axes = 0;
    for (uint32_t d = 0; d < x->rank; d++)
        if (d + rank < x->rank || target[d + rank - x->rank] != x->dim[d])
            axes |= 1u << d;
    return axes;
}

/* The shape of x with the summed axes as dimensions of 1: what broadcasts back to x. */
static void kept_shape(const dcl_tensor *x, axis_set axes, int64_t dim[8])
{
    for (uint32_t d = 0; d < x->rank; d++)
        dim[d] = contains(axes, d) ? 1 : x->dim[d];
}

/* ---- Passes ------------------------------------------------------------------------------------ */

/* What is left to be summed: a shape and the axes to go. */
typedef struct remainder_shape {
    uint32_t rank;
    int64_t dim[9];
    axis_set axes;
} remainder_shape;

/* One launch of reduce_pass; the names are those of its arguments. */
typedef struct pass {
    int64_t slab, span, chunk_rows, chunks, fold;
    int64_t items;               /* work-items                                                       */
    int64_t count;               /* elements that it writes                                          */
} pass;

static remainder_shape start(const dcl_tensor *x, axis_set axes)
{
    /* An axis of length 1 in front, summed over, makes sure that there is at least one pass. */
    remainder_shape rest = {.rank = x->rank + 1, .dim = {1}};
    for (uint32_t d = 0; d < x->rank; d++) {
        rest.dim[d + 1] = x->dim[d];
        if (contains(axes, d) && x->dim[d] > 1)
            rest.axes |= 2u << d;
    }
    if (!rest.axes)
        rest.axes = 1;
    return rest;
}

/* Chooses a pass that sums `length` numbers to fewer, in each of `slabs` slabs of length x inner elements.
 * It depends on the shape alone, so that the order of additions is the same on every device. Short
 * sums are finished at once; long ones are spread over many work-items, side by side in memory. */
static pass choose_pass(int64_t slabs, int64_t length, int64_t inner)
{
    enum { SHORT = 256, WIDE = 256, LEAST_ROWS = 32, MOST_ITEMS = 262144 };
    pass made = {.slab = length * inner, .fold = inner == 1};
    if (length <= SHORT)
        made.span = made.fold ? 4 : inner;
    else
        made.span = dcl__divide_up(WIDE, inner) * inner;
    int64_t rows = dcl__divide_up(made.slab, made.span), groups = dcl__divide_up(made.span, 4);
    int64_t most = MOST_ITEMS / groups / slabs;
    int64_t chunks = rows / LEAST_ROWS < most ? rows / LEAST_ROWS : most;
    made.chunk_rows = length <= SHORT || chunks < 1 ? rows : dcl__divide_up(rows, chunks);
    made.chunks = dcl__divide_up(rows, made.chunk_rows);
    made.items = slabs * made.chunks * groups;
    made.count = made.fold ? made.items : slabs * made.chunks * made.span;
    return made;
}

/* Plans the next pass, over the last axes that remain, and takes its work off `rest`. */
static pass next_pass(remainder_shape *rest)
{
    uint32_t end = rest->rank;
    while (!contains(rest->axes, end - 1))
        end--;
    uint32_t begin = end - 1;
    while (begin > 0 && (contains(rest->axes, begin - 1) || rest->dim[begin - 1] == 1))
        begin--;
    int64_t slabs = dcl__product(rest->dim, begin), inner = dcl__product(rest->dim + end, rest->rank - end);
    pass made = choose_pass(slabs, dcl__product(rest->dim + begin, end - begin), inner);
    for (uint32_t d = begin; d < end; d++) {
        rest->dim[d] = 1;
        rest->axes &= ~(1u << d);
    }
    rest->dim[begin] = made.count / slabs / inner;
    if (rest->dim[begin] > 1)
        rest->axes |= 1u << begin;
    return made;
}

/* ---- Infer ------------------------------------------------------------------------------------- */

/* Passes write sums and errors to scratch 0 and 1 in turn, the last one results to the output. */
static dcl_status ask_for_scratch(const dcl_host *host, dcl_call *call, const dcl_tensor *x, axis_set axes)
{
    remainder_shape rest = start(x, axes);
    int64_t most[2] = {0, 0};
    for (uint32_t turn = 0; rest.axes; turn ^= 1u) {
        int64_t count = 2 * next_pass(&rest).count;
        if (rest.axes && count > most[turn])
            most[turn] = count;
    }
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && most[i] && status == DCL_OK; i++)
        status = host->set_scratch(call, i, x->dtype, 1, &most[i]);
    return status;
}

static dcl_status check_axes(const dcl_host *host, dcl_call *call)
{
    int64_t count;
    const int64_t *list = host->list(call, "axes", &count);
    axis_set seen = 0;
    for (int64_t i = 0; i < count; i++) {
        if (list[i] >= host->input(call, 0)->rank)
            return host->fail(call, DCL_EINVAL, "axes names a dimension that x does not have: count from 0");
        if (contains(seen, (uint32_t)list[i]))
            return host->fail(call, DCL_EINVAL, "axes names a dimension twice");
        seen |= 1u << list[i];
    }
    return DCL_OK;
}

static dcl_status infer_reduction(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    dcl_status status = check_axes(host, call);
    if (status)
        return status;
    axis_set axes = listed_axes(host, call);
    int64_t dim[8];
    uint32_t rank = 0;
    for (uint32_t d = 0; d < x->rank; d++)
        if (!contains(axes, d))
            dim[rank++] = x->dim[d];
        else if (host->integer(call, "keep"))
            dim[rank++] = 1;
    status = host->set_output(call, 0, x->dtype, rank, dim);
    return status ? status : ask_for_scratch(host, call, x, axes);
}

static dcl_status infer_sum_to(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t rank;
    const int64_t *shape = host->list(call, "shape", &rank);
    if (rank > x->rank)
        return host->fail(call, DCL_EINVAL, "shape has more dimensions than x");
    for (int64_t d = 0; d < rank; d++)
        if (shape[d] != 1 && shape[d] != x->dim[d + x->rank - rank])
            return host->fail(call, DCL_EINVAL, "shape does not broadcast to the shape of x: aligned at the "
                                                "last dimension, its lengths must be those of x or 1");
    dcl_status status = host->set_output(call, 0, x->dtype, (uint32_t)rank, shape);
    return status ? status : ask_for_scratch(host, call, x, repeated_axes(x, (uint32_t)rank, shape));
}

/* ---- Run and reference, for given axes ---------------------------------------------------------- */

static dcl_status run_over(const dcl_host *host, dcl_call *call, axis_set axes)
{
    const operation *kind = host->user(call);
    const dcl_tensor *from = host->input(call, 0);
    remainder_shape rest = start(from, axes);
    int64_t square = kind->square, errors = 0;
    for (uint32_t turn = 0; rest.axes; turn ^= 1u) {
        pass next = next_pass(&rest);
        const dcl_tensor *to = rest.axes ? host->scratch(call, turn) : host->output(call, 0);
        const dcl_argument argument[] = {
            dcl_arg_tensor(from), dcl_arg_tensor(to), dcl_arg_long(next.items), dcl_arg_long(next.slab),
            dcl_arg_long(next.span), dcl_arg_long(next.chunk_rows), dcl_arg_long(next.chunks),
            dcl_arg_long(next.fold), dcl_arg_long(square), dcl_arg_long(kind->root), dcl_arg_long(errors),
            dcl_arg_long(rest.axes ? next.count : 0),
        };
        dcl_status status = dcl__launch(host, call, "reduce_pass", argument, 12, next.items);
        if (status)
            return status;
        from = to;
        square = 0;
        errors = next.count;
    }
    return DCL_OK;
}

static dcl_status reference_over(const dcl_host *host, dcl_call *call, axis_set axes)
{
    const operation *kind = host->user(call);
    const dcl_tensor *x = host->input(call, 0), *out = host->output(call, 0);
    double *sum = calloc((size_t)out->count, sizeof *sum);
    if (!sum)
        return host->fail(call, DCL_ENOMEM, "no memory for the sums of the reference");
    for (int64_t i = 0; i < x->count; i++) {
        int64_t coordinate[8], position = 0;
        dcl__coordinates(x, i, coordinate);
        for (uint32_t d = 0; d < x->rank; d++)
            if (!contains(axes, d))
                position = position * x->dim[d] + coordinate[d];
        double element = dcl__get(x, i);
        sum[position] += kind->square ? element * element : element;
    }
    for (int64_t i = 0; i < out->count; i++)
        dcl__set(out, i, kind->root ? sqrt(sum[i]) : sum[i]);
    free(sum);
    return DCL_OK;
}

static dcl_status run_reduction(const dcl_host *host, dcl_call *call)
{
    return run_over(host, call, listed_axes(host, call));
}

static dcl_status reference_reduction(const dcl_host *host, dcl_call *call)
{
    return reference_over(host, call, listed_axes(host, call));
}

static axis_set sum_to_axes(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *out = host->output(call, 0);
    return repeated_axes(host->input(call, 0), out->rank, out->dim);
}

static dcl_status run_sum_to(const dcl_host *host, dcl_call *call)
{
    return run_over(host, call, sum_to_axes(host, call));
}

static dcl_status reference_sum_to(const dcl_host *host, dcl_call *call)
{
    return reference_over(host, call, sum_to_axes(host, call));
}

/* ---- Gradients --------------------------------------------------------------------------------- */

/* A value of the output's shape, reshaped so that it broadcasts against x. */
static dcl_value kept(const dcl_host *host, dcl_call *call, dcl_value value)
{
    const dcl_tensor *x = host->input(call, 0);
    int64_t dim[8];
    kept_shape(x, listed_axes(host, call), dim);
    return dcl__emit_shaped(host, call, "reshape", value, x->rank, dim);
}

static dcl_status set_broadcast(const dcl_host *host, dcl_call *call, dcl_value slope)
{
    const dcl_tensor *x = host->input(call, 0);
    return host->set_gradient(call, 0, dcl__emit_shaped(host, call, "broadcast", slope, x->rank, x->dim));
}

static dcl_status sum_gradient(const dcl_host *host, dcl_call *call)
{
    return set_broadcast(host, call, kept(host, call, host->output_gradient(call, 0)));
}

static dcl_status sum_to_gradient(const dcl_host *host, dcl_call *call)
{
    return set_broadcast(host, call, host->output_gradient(call, 0));
}

static dcl_status sum_squares_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = kept(host, call, dcl__emit_scale(host, call, host->output_gradient(call, 0), 2));
    return host->set_gradient(call, 0,
                              dcl__emit_binary(host, call, "multiply", host->input_value(call, 0), slope));
}

/* x / norm, and 0 for a zero vector: of its subgradients the shortest. */
static dcl_status norm_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value norm = host->output_value(call, 0);
    dcl_value factor = dcl__emit_safe_divide(host, call, host->output_gradient(call, 0), norm);
    return host->set_gradient(call, 0, dcl__emit_binary(host, call, "multiply", host->input_value(call, 0),
                                                        kept(host, call, factor)));
}

/* ---- Tables ------------------------------------------------------------------------------------ */

static const dcl_port inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
static const dcl_port outputs[] = {{"result", "x without the axes that are summed over", DCL_REAL, 0}, {0}};

static const dcl_attribute reduction_attributes[] = {
    {.name = "axes", .doc = "dimensions to sum over, counted from 0; empty: all", .kind = DCL_LIST,
     .most = 7},
    {.name = "keep", .doc = "1: the axes stay, with length 1", .kind = DCL_FLAG},
    {0},
};
static const dcl_attribute sum_to_attributes[] = {
    {.name = "shape", .doc = "shape that broadcasts to that of x; empty: a scalar", .kind = DCL_LIST,
     .least = 1, .most = 9007199254740992.0},
    {0},
};

/* Short and long sums; nothing, some or all dimensions kept; lengths that fill no piece evenly. */
#define REDUCTION_CASES(range, f32, f64)                                                \
    {"scalar" range, NULL, f32, f64, 0, 0},                                             \
    {"1" range, "keep=1", f32, f64, 0, 0},                                              \
    {"7" range, NULL, f32, f64, 0, 0},                                                  \
    {"7" range, "axes=0 keep=1", f32, f64, 0, 0},                                       \
    {"3x4" range, NULL, f32, f64, 0, 0},                                                \
    {"3x4" range, "axes=0", f32, f64, 0, 0},                                            \
    {"3x4" range, "axes=1", f32, f64, 0, 0},                                            \
    {"3x4" range, "axes=1 keep=1", f32, f64, 0, 0},                                     \
    {"5x1x3" range, "axes=1", f32, f64, 0, 0},                                          \
    {"2x3x5" range, "axes=1", f32, f64, 0, 0},                                          \
    {"2x3x5" range, "axes=2,0", f32, f64, 0, 0},                                        \
    {"2x3x5" range, "axes=0,2 keep=1", f32, f64, 0, 0},                                 \
    {"2x1x2x3x2x1x2x3" range, "axes=0,3,6", f32, f64, 0, 0},                            \
    {"1x257" range, "axes=1", f32, f64, 0, 0},                                          \
    {"71x67" range, NULL, f32, f64, DCL_CASE_NO_GRADIENT, 0},                           \
    {"9x501" range, "axes=1", f32, f64, DCL_CASE_NO_GRADIENT, 0},                       \
    {"501x9" range, "axes=0", f32, f64, DCL_CASE_NO_GRADIENT, 0},                       \
    {"601x3" range, "axes=0", f32, f64, DCL_CASE_NO_GRADIENT, 0},                       \
    {"3x301x70" range, "axes=1", f32, f64, DCL_CASE_NO_GRADIENT, 0},                    \
    {"19x5x300" range, "axes=0,2", f32, f64, DCL_CASE_NO_GRADIENT, 0},                  \
    {"20011" range, NULL, f32, f64, DCL_CASE_NO_GRADIENT, 0},                           \
    {"20011x2" range, "axes=0", f32, f64, DCL_CASE_NO_GRADIENT, 0},                     \
    {"3x4" range, "axes=2", 0, 0, DCL_CASE_REFUSED, 0},                                 \
    {"3x4" range, "axes=-1", 0, 0, DCL_CASE_REFUSED, 0},                                \
    {"3x4" range, "axes=1,1", 0, 0, DCL_CASE_REFUSED, 0},                               \
    {"scalar" range, "axes=0", 0, 0, DCL_CASE_REFUSED, 0}

static const dcl_case sum_cases[] = {REDUCTION_CASES("", 2e-7, 2e-13), {0}};

static const dcl_case sum_squares_cases[] = {REDUCTION_CASES("", 2e-7, 2e-13), {0}};

static const dcl_case norm_cases[] = {
    REDUCTION_CASES("@0.5..2", 3e-7, 2e-13),
    {"3x4@0..0", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

static const dcl_case sum_to_cases[] = {
    {"scalar", NULL, 0, 0, 0, 0},
    {"3x4", NULL, 2e-7, 1e-14, 0, 0},
    {"3x4", "shape=3,4", 0, 0, 0, 0},
    {"3x4", "shape=4", 2e-7, 1e-14, 0, 0},
    {"3x4", "shape=1,4", 2e-7, 1e-14, 0, 0},
    {"3x4", "shape=3,1", 2e-7, 1e-14, 0, 0},
    {"3x4", "shape=1", 2e-7, 1e-14, 0, 0},
    {"2x3x5", "shape=3,1", 2e-7, 1e-14, 0, 0},
    {"1x3", "shape=3", 0, 0, 0, 0},
    {"2x3x2x1x2x3x1x2", "shape=2,1,2,1,1,2", 2e-7, 1e-14, 0, 0},
    {"501x67", "shape=67", 2e-7, 2e-13, DCL_CASE_NO_GRADIENT, 0},
    {"67x501", "shape=67,1", 2e-7, 2e-13, DCL_CASE_NO_GRADIENT, 0},
    {"3x4", "shape=3", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x1", "shape=3,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=1,3,4", 0, 0, DCL_CASE_REFUSED, 0},
    {"3x4", "shape=0,4", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

/* The members that all ops of this file have in common. */
#define REDUCTION(name_, square_, root_, doc_)                                              \
    .size = sizeof(dcl_op), .name = #name_, .doc = doc_, .semantics = 1,                    \
    .user = &(operation){square_, root_}, .inputs = inputs, .outputs = outputs,             \
    .source = reduce_cl, .cases = name_##_cases, .gradient = name_##_gradient
#define OVER_AXES                                                                           \
    .attributes = reduction_attributes, .infer = infer_reduction, .run = run_reduction,     \
    .reference = reference_reduction

static const dcl_op sum_op = {REDUCTION(sum, 0, 0, "sum of x over axes"), OVER_AXES};
static const dcl_op sum_squares_op = {REDUCTION(sum_squares, 1, 0, "sum of x^2 over axes"), OVER_AXES};
static const dcl_op norm_op = {
    REDUCTION(norm, 1, 1, "sqrt(sum of x^2) over axes; the gradient of a zero vector is 0"), OVER_AXES,
};
static const dcl_op sum_to_op = {
    REDUCTION(sum_to, 0, 0, "sum of x over what broadcasting from shape to x repeats"),
    .attributes = sum_to_attributes, .infer = infer_sum_to, .run = run_sum_to, .reference = reference_sum_to,
};

static const dcl_op *const ops[] = {&sum_op, &sum_squares_op, &norm_op, &sum_to_op, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.reduce",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
