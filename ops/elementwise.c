/* elementwise.c: arithmetic of two tensors with NumPy broadcasting, and functions of one tensor. */
#include <math.h>

#include "common.h"
#include "elementwise.cl.h"

/* What distinguishes the ops: an op's `user`. */
typedef struct operation {
    uint32_t arity;              /* number of inputs                                                 */
    const char *define;          /* chooses the formula in elementwise.cl                            */
    double (*formula)(double x, double y, double parameter); /* the same in C, for the reference     */
} operation;

/* The one number that a formula may depend on; attributes that an op does not have read as 0. */
static double parameter_of(const dcl_host *host, dcl_call *call)
{
    return host->number(call, "by") + (double)host->integer(call, "zero_safe");
}

/* ---- Shapes ------------------------------------------------------------------------------------ */

/* The length of dimension d, counted from the last, of a tensor that has more dimensions of 1 in front. */
static int64_t length_from_end(const dcl_tensor *tensor, uint32_t d)
{
    return d < tensor->rank ? tensor->dim[tensor->rank - 1 - d] : 1;
}

static dcl_status infer_binary(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0), *y = host->input(call, 1);
    uint32_t rank = x->rank > y->rank ? x->rank : y->rank;
    int64_t dim[DCL_MAX_RANK];
    for (uint32_t d = 0; d < rank; d++) {
        int64_t a = length_from_end(x, d), b = length_from_end(y, d);
        if (a != b && a != 1 && b != 1)
            return host->fail(call, DCL_EINVAL, "the shapes of x and y do not fit together: aligned at the "
                                                "last dimension, lengths must be equal, or one of them 1");
        dim[rank - 1 - d] = a == 1 ? b : a;
    }
    return host->set_output(call, 0, x->dtype, rank, dim);
}

static dcl_status infer_unary(const dcl_host *host, dcl_call *call)
{
    return dcl__set_like(host, call, 0, host->input(call, 0));
}

/* ---- Running ----------------------------------------------------------------------------------- */

/* A call as the kernels see it: few dimensions, and how each input is walked through. */
typedef struct walk {
    const char *define;
    dcl_argument first[4];       /* x, y, out, parameter: the arguments that all kernels begin with  */
    int64_t count, dim[8], x_stride[8], y_stride[8];
    uint32_t rank;
} walk;

static dcl_status run_flat(const dcl_host *host, dcl_call *call, const walk *way)
{
    const dcl_argument argument[] = {
        way->first[0], way->first[1], way->first[2], way->first[3], dcl_arg_long(way->count),
        dcl_arg_long(way->x_stride[0]), dcl_arg_long(way->y_stride[0]),
    };
    const uint64_t global = (uint64_t)way->count;
    return host->launch(call, "elementwise_flat", way->define, argument, 7, 1, &global, NULL);
}

/* Rows are launched in portions, for some devices limit the second dimension of a launch. */
static dcl_status run_matrix(const dcl_host *host, dcl_call *call, const walk *way)
{
    enum { PORTION = 32768 };
    dcl_status status = DCL_OK;
    int64_t rows = way->dim[0], columns = way->dim[1];
    for (int64_t row = 0; row < rows && status == DCL_OK; row += PORTION) {
        int64_t portion = rows - row < PORTION ? rows - row : PORTION;
        const dcl_argument argument[] = {
            way->first[0], way->first[1], way->first[2], way->first[3],
            dcl_arg_long(rows), dcl_arg_long(columns), dcl_arg_long(row),
            dcl_arg_long(way->x_stride[0]), dcl_arg_long(way->x_stride[1]),
            dcl_arg_long(way->y_stride[0]), dcl_arg_long(way->y_stride[1]),
        };
        const uint64_t global[] = {(uint64_t)columns, (uint64_t)portion};
        status = host->launch(call, "elementwise_matrix", way->define, argument, 11, 2, global, NULL);
    }
    return status;
}

static dcl_status run_strided(const dcl_host *host, dcl_call *call, const walk *way)
{
    const dcl_argument argument[] = {
        way->first[0], way->first[1], way->first[2], way->first[3],
        dcl_arg_long(way->count), dcl_arg_long(way->rank), dcl_arg_long8(way->dim),
        dcl_arg_long8(way->x_stride), dcl_arg_long8(way->y_stride),
    };
    const uint64_t global = (uint64_t)way->count;
    return host->launch(call, "elementwise_strided", way->define, argument, 9, 1, &global, NULL);
}

static dcl_status run(const dcl_host *host, dcl_call *call)
{
    enum { LEAST_COLUMNS = 8 };    /* fewer would leave most of a group in two dimensions idle */
    const operation *kind = host->user(call);
    const dcl_tensor *x = host->input(call, 0), *y = kind->arity == 2 ? host->input(call, 1) : x;
    const dcl_tensor *out = host->output(call, 0);
    walk way = {
        .define = kind->define,
        .first = {dcl_arg_tensor(x), dcl_arg_tensor(y), dcl_arg_tensor(out),
                  dcl_arg_real(parameter_of(host, call))},
        .count = out->count,
    };
    for (uint32_t d = 0; d < out->rank; d++)
        way.dim[d] = out->dim[d];
    dcl__broadcast_strides(x, out->rank, way.x_stride);
    dcl__broadcast_strides(y, out->rank, way.y_stride);
    way.rank = dcl__merge_dimensions(out->rank, way.dim, way.x_stride, way.y_stride);
    if (way.rank <= 1)
        return run_flat(host, call, &way);
    if (way.rank == 2 && way.dim[1] >= LEAST_COLUMNS)
        return run_matrix(host, call, &way);
    return run_strided(host, call, &way);
}

static dcl_status reference(const dcl_host *host, dcl_call *call)
{
    const operation *kind = host->user(call);
    const dcl_tensor *x = host->input(call, 0), *y = kind->arity == 2 ? host->input(call, 1) : x;
    const dcl_tensor *out = host->output(call, 0);
    double parameter = parameter_of(host, call);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t coordinate[8];
        dcl__coordinates(out, i, coordinate);
        double a = dcl__get(x, dcl__broadcast_position(x, out->rank, coordinate));
        double b = dcl__get(y, dcl__broadcast_position(y, out->rank, coordinate));
        dcl__set(out, i, kind->formula(a, b, parameter));
    }
    return DCL_OK;
}

/* ---- Gradients --------------------------------------------------------------------------------- */

/* Sets the gradient of input i from one in the shape of the output: where broadcasting repeated an
 * element, its gradients add up. */
static dcl_status set_fitted(const dcl_host *host, dcl_call *call, uint32_t i, dcl_value gradient)
{
    const dcl_tensor *x = host->input(call, i), *wide = host->value(call, gradient);
    if (wide && !dcl__same_shape(wide, x))
        gradient = dcl__emit_shaped(host, call, "sum_to", gradient, x->rank, x->dim);
    return host->set_gradient(call, i, gradient);
}

static dcl_status add_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && status == DCL_OK; i++)
        if (host->wants(call, i))
            status = set_fitted(host, call, i, slope);
    return status;
}

static dcl_status subtract_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = set_fitted(host, call, 0, slope);
    if (status == DCL_OK && host->wants(call, 1))
        status = set_fitted(host, call, 1, dcl__emit_scale(host, call, slope, -1));
    return status;
}

static dcl_status multiply_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    dcl_status status = DCL_OK;
    for (uint32_t i = 0; i < 2 && status == DCL_OK; i++)
        if (host->wants(call, i)) {
            dcl_value other = host->input_value(call, 1 - i);
            status = set_fitted(host, call, i, dcl__emit_binary(host, call, "multiply", slope, other));
        }
    return status;
}

/* With q = x / y: dq/dx = 1 / y, dq/dy = -q / y; both 0 where y is 0 and zero_safe says so. */
static dcl_status divide_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value divisor = host->input_value(call, 1), quotient = host->output_value(call, 0);
    const dcl_value operands[] = {host->output_gradient(call, 0), divisor};
    const dcl_setting settings[] = {{.name = "zero_safe", .integer = host->integer(call, "zero_safe")}, {0}};
    dcl_value share = host->emit(call, "divide", operands, 2, settings);
    dcl_status status = DCL_OK;
    if (host->wants(call, 0))
        status = set_fitted(host, call, 0, share);
    if (status == DCL_OK && host->wants(call, 1)) {
        dcl_value product = dcl__emit_binary(host, call, "multiply", share, quotient);
        status = set_fitted(host, call, 1, dcl__emit_scale(host, call, product, -1));
    }
    return status;
}

static dcl_status scale_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    return host->set_gradient(call, 0, dcl__emit_scale(host, call, slope, host->number(call, "by")));
}

/* Sets the gradient to slope * factor. */
static dcl_status set_product(const dcl_host *host, dcl_call *call, dcl_value factor)
{
    dcl_value slope = host->output_gradient(call, 0);
    return host->set_gradient(call, 0, dcl__emit_binary(host, call, "multiply", slope, factor));
}

static dcl_status square_gradient(const dcl_host *host, dcl_call *call)
{
    return set_product(host, call, dcl__emit_scale(host, call, host->input_value(call, 0), 2));
}

/* 1 / (2 sqrt(x)), and 0 at 0, where the slope is infinite. */
static dcl_status sqrt_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value half = dcl__emit_scale(host, call, host->output_gradient(call, 0), 0.5);
    return host->set_gradient(call, 0, dcl__emit_safe_divide(host, call, half, host->output_value(call, 0)));
}

static dcl_status exp_gradient(const dcl_host *host, dcl_call *call)
{
    return set_product(host, call, host->output_value(call, 0));
}

static dcl_status log_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0), x = host->input_value(call, 0);
    return host->set_gradient(call, 0, dcl__emit_binary(host, call, "divide", slope, x));
}

static dcl_status relu_gradient(const dcl_host *host, dcl_call *call)
{
    return set_product(host, call, dcl__emit_unary(host, call, "positive", host->input_value(call, 0)));
}

/* y (1 - y) = y - y^2 */
static dcl_status sigmoid_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value y = host->output_value(call, 0), squared = dcl__emit_unary(host, call, "square", y);
    return set_product(host, call, dcl__emit_binary(host, call, "subtract", y, squared));
}

/* slope (1 - y^2) = slope - slope y^2 */
static dcl_status tanh_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    dcl_value squared = dcl__emit_unary(host, call, "square", host->output_value(call, 0));
    dcl_value lost = dcl__emit_binary(host, call, "multiply", slope, squared);
    return host->set_gradient(call, 0, dcl__emit_binary(host, call, "subtract", slope, lost));
}

/* ---- Formulas of the reference ------------------------------------------------------------------ */

#define FORMULA(name, expression)                                           \
    static double name##_formula(double x, double y, double parameter)      \
    {                                                                       \
        (void)x, (void)y, (void)parameter;                                  \
        return expression;                                                  \
    }

FORMULA(add, x + y)
FORMULA(subtract, x - y)
FORMULA(multiply, x * y)
FORMULA(divide, parameter > 0 && y == 0 ? 0 : x / y)
FORMULA(scale, parameter * x)
FORMULA(square, x * x)
FORMULA(sqrt, sqrt(x))
FORMULA(exp, exp(x))
FORMULA(log, log(x))
FORMULA(relu, x > 0 || isnan(x) ? x : 0)
FORMULA(positive, x > 0)
FORMULA(sigmoid, 1 / (1 + exp(-x)))
FORMULA(tanh, tanh(x))

/* ---- Cases ------------------------------------------------------------------------------------- */

/* Every way through the kernels: equal shapes, a scalar, rows, columns, few columns, and the general path. */
#define BINARY_CASES(range, f32, f64)                                                                 \
    {"scalar scalar" range, NULL, f32, f64, 0, 0},                                                    \
    {"7 7" range, NULL, f32, f64, 0, 0},                                                              \
    {"3x4 3x4" range, NULL, f32, f64, 0, 0},                                                          \
    {"2x3x5 2x3x5" range, NULL, f32, f64, 0, 0},                                                      \
    {"3x4 scalar" range, NULL, f32, f64, 0, 0},                                                       \
    {"scalar 3x4" range, NULL, f32, f64, 0, 0},                                                       \
    {"1x1x1 5" range, NULL, f32, f64, 0, 0},                                                          \
    {"5x33 33" range, NULL, f32, f64, 0, 0},                                                          \
    {"5x33 5x1" range, NULL, f32, f64, 0, 0},                                                         \
    {"33 5x1" range, NULL, f32, f64, 0, 0},                                                           \
    {"7x3 3" range, NULL, f32, f64, 0, 0},                                                            \
    {"7x1 7x3" range, NULL, f32, f64, 0, 0},                                                          \
    {"2x1x3 4x1" range, NULL, f32, f64, 0, 0},                                                        \
    {"2x3x40 3x1" range, NULL, f32, f64, 0, 0},                                                       \
    {"2x1x2x1x2x1x2x3 1x2x1x2x1x2x1x3" range, NULL, f32, f64, 0, 0},                                  \
    {"1x2x1x2x1x1x2x2 2x1" range, NULL, f32, f64, 0, 0},                                              \
    {"71x67 71x67" range, NULL, f32, f64, DCL_CASE_NO_GRADIENT, 0},                                   \
    {"71x67 67" range, NULL, f32, f64, DCL_CASE_NO_GRADIENT, 0},                                      \
    {"3x4 4x3" range, NULL, 0, 0, DCL_CASE_REFUSED, 0},                                               \
    {"3x4 3" range, NULL, 0, 0, DCL_CASE_REFUSED, 0},                                                 \
    {"2x3x4 2x1x3" range, NULL, 0, 0, DCL_CASE_REFUSED, 0}

#define UNARY_CASES(range, attributes, f32, f64)                                                      \
    {"scalar" range, attributes, f32, f64, 0, 0},                                                     \
    {"1" range, attributes, f32, f64, 0, 0},                                                          \
    {"3x4" range, attributes, f32, f64, 0, 0},                                                        \
    {"2x3x5" range, attributes, f32, f64, 0, 0},                                                      \
    {"2x1x2x1x2x1x2x3" range, attributes, f32, f64, 0, 0},                                            \
    {"71x67" range, attributes, f32, f64, DCL_CASE_NO_GRADIENT, 0}

/* One correctly rounded operation gives equal bits. */
static const dcl_case exact_binary_cases[] = {BINARY_CASES("", 0, 0), {0}};

static const dcl_case divide_cases[] = {
    BINARY_CASES("@0.5..2", 3e-7, 1e-15),
    {"3x4 3x4@-2..-0.5", NULL, 3e-7, 1e-15, 0, 0},
    {"3x4 3x4@0.5..2", "zero_safe=1", 3e-7, 1e-15, 0, 0},
    {"3x4 3x1@0..0", "zero_safe=1", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@0..0 4@0..0", "zero_safe=1", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4 3x4@0.5..2", "zero_safe=2", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_case scale_cases[] = {
    UNARY_CASES("", "by=0.3", 2e-7, 1e-15),
    {"3x4", NULL, 0, 0, 0, 0},
    {"3x4", "by=0", 0, 0, 0, 0},
    {"3x4", "by=-0.5", 0, 0, 0, 0},
    {0},
};

static const dcl_case square_cases[] = {UNARY_CASES("", NULL, 0, 0), {0}};

static const dcl_case sqrt_cases[] = {
    UNARY_CASES("@0.5..2", NULL, 3e-7, 1e-15),
    {"3x4@0..0", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@1e-6..1e6", NULL, 3e-7, 1e-15, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

static const dcl_case exp_cases[] = {
    UNARY_CASES("", NULL, 5e-7, 2e-15),
    {"3x4@-80..-5", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@5..80", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

static const dcl_case log_cases[] = {
    UNARY_CASES("@0.5..2", NULL, 5e-7, 2e-15),
    {"3x4@1e-6..1e6", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

/* At a kink, half of the difference quotient comes from the wrong side. */
static const dcl_case relu_cases[] = {
    UNARY_CASES("@0.1..2", NULL, 0, 0),
    {"3x4@-2..-0.1", NULL, 0, 0, 0, 0},
    {"71x67", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@0..0", NULL, 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

static const dcl_case positive_cases[] = {
    UNARY_CASES("", NULL, 0, 0),
    {"3x4@0..0", NULL, 0, 0, 0, 0},
    {0},
};

static const dcl_case saturating_cases[] = {
    UNARY_CASES("", NULL, 5e-7, 2e-15),
    {"3x4@-30..30", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@-1000..-200", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {"3x4@200..1000", NULL, 5e-7, 2e-15, DCL_CASE_NO_GRADIENT, 0},
    {0},
};

/* ---- Tables ------------------------------------------------------------------------------------ */

static const dcl_port binary_inputs[] = {
    {"x", "any shape", DCL_REAL, 0},
    {"y", "a shape that broadcasts with that of x", DCL_REAL, 0},
    {0},
};
static const dcl_port unary_inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
/* The result is the same on both sides of every point but 0: no gradient ever flows through. */
static const dcl_port constant_inputs[] = {{"x", "any shape", DCL_REAL, DCL_PORT_CONSTANT}, {0}};
/* When x has as many elements as the result, each of them is read by the work-item that overwrites it. */
static const dcl_port outputs[] = {
    {"result", "shape of the inputs, broadcast", DCL_REAL, DCL_PORT_INPLACE},
    {0},
};

static const dcl_attribute divide_attributes[] = {
    {.name = "zero_safe", .doc = "1: x / 0 counts as 0", .kind = DCL_FLAG},
    {0},
};
static const dcl_attribute scale_attributes[] = {
    {.name = "by", .doc = "factor", .kind = DCL_NUMBER, .fallback = 1},
    {0},
};

/* The members that all ops of this file have in common. */
#define ELEMENTWISE(name_, define_, arity_, doc_)                                       \
    .size = sizeof(dcl_op), .name = #name_, .doc = doc_, .semantics = 1,                \
    .user = &(operation){arity_, define_ "=1", name_##_formula}, .outputs = outputs,    \
    .source = elementwise_cl, .run = run, .reference = reference
#define BINARY(name_, define_, doc_) \
    ELEMENTWISE(name_, define_, 2, doc_), .inputs = binary_inputs, .infer = infer_binary, \
    .gradient = name_##_gradient
#define UNARY(name_, define_, doc_) \
    ELEMENTWISE(name_, define_, 1, doc_), .inputs = unary_inputs, .infer = infer_unary, \
    .gradient = name_##_gradient

static const dcl_op add_op = {
    BINARY(add, "ADD", "x + y, with broadcasting"), .flags = DCL_OP_ACCUMULATES, .cases = exact_binary_cases,
};
static const dcl_op subtract_op = {
    BINARY(subtract, "SUBTRACT", "x - y, with broadcasting"), .cases = exact_binary_cases,
};
static const dcl_op multiply_op = {
    BINARY(multiply, "MULTIPLY", "x y element by element, with broadcasting"), .cases = exact_binary_cases,
};
static const dcl_op divide_op = {
    BINARY(divide, "DIVIDE", "x / y element by element, with broadcasting"),
    .attributes = divide_attributes, .cases = divide_cases,
};
static const dcl_op scale_op = {
    UNARY(scale, "SCALE", "by x, for a number by"), .attributes = scale_attributes, .cases = scale_cases,
};
static const dcl_op square_op = {UNARY(square, "SQUARE", "x^2 of each element"), .cases = square_cases};
static const dcl_op sqrt_op = {
    UNARY(sqrt, "SQRT", "square root of each element; the gradient at 0 counts as 0"), .cases = sqrt_cases,
};
static const dcl_op exp_op = {UNARY(exp, "EXP", "e^x of each element"), .cases = exp_cases};
static const dcl_op log_op = {UNARY(log, "LOG", "natural logarithm of each element"), .cases = log_cases};
static const dcl_op relu_op = {
    UNARY(relu, "RELU", "max(x, 0) of each element; the gradient at 0 is 0"), .cases = relu_cases,
};
static const dcl_op positive_op = {
    ELEMENTWISE(positive, "POSITIVE", 1, "1 where x > 0, else 0; no gradient flows through"),
    .inputs = constant_inputs, .infer = infer_unary, .cases = positive_cases,
};
static const dcl_op sigmoid_op = {
    UNARY(sigmoid, "SIGMOID", "1 / (1 + e^-x) of each element"), .cases = saturating_cases,
};
static const dcl_op tanh_op = {
    UNARY(tanh, "TANH", "hyperbolic tangent of each element"), .cases = saturating_cases,
};

static const dcl_op *const ops[] = {
    &add_op, &subtract_op, &multiply_op, &divide_op, &scale_op, &square_op, &sqrt_op,
    &exp_op, &log_op, &relu_op, &positive_op, &sigmoid_op, &tanh_op, NULL,
};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.elementwise",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
