/* threshold.c: the soft threshold of entries and of singular values, and singular values themselves. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#define DCL_NEED_MINOR 1u
#include "partial_svd.h"
#include "single_svd.h"
#include "support.h"
#include "threshold.cl.h"

/* ---- soft_threshold ---- */

static dcl_status soft_threshold_infer(const dcl_host *host, dcl_call *call)
{
    return dcl__set_like(host, call, 0, host->input(call, 0));
}

static dcl_status soft_threshold_run(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *x = host->input(call, 0);
    const dcl_argument argument[] = {
        dcl_arg_tensor(x), dcl_arg_tensor(host->output(call, 0)), dcl_arg_long(x->count),
        dcl_arg_real(host->number(call, "tau")),
    };
    return dcl__launch(host, call, "soft_threshold_apply", argument, 4, x->count);
}

static dcl_status soft_threshold_reference(const dcl_host *host, dcl_call *call)
{
    double tau = host->number(call, "tau");
    for (int64_t i = 0; i < host->input(call, 0)->count; i++) {
        double x = dcl__get(host->input(call, 0), i);
        dcl__set(host->output(call, 0), i, fabs(x) <= tau ? 0 : x - copysign(tau, x));
    }
    return DCL_OK;
}

/* 1 where the output is not 0, else 0: at the two kinks the subgradient 0. Without tau it is the identity. */
static dcl_status soft_threshold_gradient(const dcl_host *host, dcl_call *call)
{
    dcl_value slope = host->output_gradient(call, 0);
    if (!host->wants(call, 0))
        return DCL_OK;
    if (host->number(call, "tau") == 0)
        return host->set_gradient(call, 0, slope);
    dcl_value y = host->output_value(call, 0);
    dcl_value up = dcl__emit_unary(host, call, "positive", y);
    dcl_value down = dcl__emit_unary(host, call, "positive", dcl__emit_scale(host, call, y, -1));
    dcl_value alive = dcl__emit_binary(host, call, "add", up, down);
    return host->set_gradient(call, 0, dcl__emit_binary(host, call, "multiply", slope, alive));
}

/* ---- singular values ---- */

/* Input 0 as a decomposition with fixed signs. */
static dcl_status decompose(const dcl_host *host, dcl_call *call, dcl__decompose *method, int vectors,
                            dcl__svd *svd)
{
    const dcl_tensor *y = host->input(call, 0);
    double *matrix;
    dcl_status status = dcl__load(host, call, y, &matrix);
    if (status)
        return status;
    status = method(host, call, y->dim[0], y->dim[1], matrix, vectors, svd);
    free(matrix);
    if (!status && vectors)
        dcl__svd_orient(svd);
    return status;
}

static int64_t value_count(const dcl_tensor *y)
{
    return y->dim[0] < y->dim[1] ? y->dim[0] : y->dim[1];
}

static dcl_status singular_values_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *y = host->input(call, 0);
    if (y->rank != 2)
        return host->fail(call, DCL_EINVAL, "y must be a matrix, with two dimensions");
    const int64_t count = value_count(y);
    return host->set_output(call, 0, y->dtype, 1, &count);
}

static dcl_status singular_values_by(const dcl_host *host, dcl_call *call, dcl__decompose *method)
{
    dcl__svd svd;
    dcl_status status = decompose(host, call, method, 0, &svd);
    if (status)
        return status;
    status = dcl__store(host, call, svd.values, host->output(call, 0));
    dcl__svd_free(&svd);
    return status;
}

static dcl_status singular_values_run(const dcl_host *host, dcl_call *call)
{
    return singular_values_by(host, call, dcl__svd_lapack);
}

static dcl_status singular_values_reference(const dcl_host *host, dcl_call *call)
{
    return singular_values_by(host, call, dcl__svd_jacobi);
}

/* ---- singular_threshold ---- */

static dcl__threshold threshold_of(const dcl_host *host, dcl_call *call)
{
    const int64_t width = host->integer(call, "width");
    return (dcl__threshold){.tau = host->number(call, "tau"), .lambda = host->number(call, "lambda"),
                            .width = width ? width : value_count(host->input(call, 0))};
}

/* How many units are dropped together. Above 1 the values shrink as DropBlock asks, the large ones by a factor. */
static int64_t block_of(const dcl_host *host, dcl_call *call)
{
    return host->integer(call, "block");
}

/* Columns of a block and of the bases where few values are sought; 0: all are. */
static int partial_plan(const dcl_host *host, dcl_call *call, int64_t *block, int64_t *capacity)
{
    const dcl_tensor *y = host->input(call, 0);
    return block_of(host, call) == 1 &&
           dcl__partial_plan(y->dim[0], y->dim[1], threshold_of(host, call).width, block, capacity);
}

static dcl_status check_block(const dcl_host *host, dcl_call *call)
{
    if (block_of(host, call) > 1 && host->number(call, "tau") >= 0)
        return host->fail(call, DCL_EINVAL, "tau and block exclude each other: blocks need lambda and width");
    if (threshold_of(host, call).width % block_of(host, call))
        return host->fail(call, DCL_EINVAL, "the width, min(m, n) where it is 0, must be a multiple of the block");
    return DCL_OK;
}

static dcl_status singular_threshold_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *y = host->input(call, 0);
    double tau = host->number(call, "tau");
    if (y->rank != 2)
        return host->fail(call, DCL_EINVAL, "y must be a matrix, with two dimensions");
    if (tau < 0 && tau != -1)
        return host->fail(call, DCL_EINVAL, "tau must be at least 0, or -1 to have it from lambda and width");
    const int64_t count = value_count(y), width = threshold_of(host, call).width;
    const int64_t left[] = {y->dim[0], width}, right[] = {y->dim[1], width};
    dcl_status status = check_block(host, call);
    if (!status)
        status = host->set_output(call, 0, y->dtype, 2, left);
    if (!status)
        status = host->set_output(call, 1, y->dtype, 2, right);
    if (!status)
        status = host->set_output(call, 2, y->dtype, 1, &count);
    for (uint32_t i = 3; i < 6 && !status; i++)
        status = host->set_output(call, i, y->dtype, 0, NULL);
    int64_t block, capacity;
    if (!status && partial_plan(host, call, &block, &capacity))
        status = dcl__krylov_reserve(host, call, y, block, capacity);
    return status;
}

/* What a decomposition comes to, beside the factors. */
typedef struct summary {
    const double *values;        /* largest first                                                    */
    int64_t count;
    double tau, error;
} summary;

/* Outputs 2 to 5. */
static dcl_status store_summary(const dcl_host *host, dcl_call *call, const summary *found)
{
    const dcl_tensor *output = host->output(call, 2);
    double *values = dcl__numbers(host, call, 1, output->count);
    if (!values)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < found->count; t++)
        values[t] = found->values[t];
    dcl_status status = dcl__store(host, call, values, output);
    const double scalars[] = {found->tau, (double)found->count, found->error};
    for (uint32_t i = 0; i < 3 && !status; i++)
        status = dcl__store(host, call, scalars + i, host->output(call, 3 + i));
    free(values);
    return status;
}

/* The weight of each vector in a factor. What is not above `noise` is a rounding error of 0. */
static double *weigh(const dcl_host *host, dcl_call *call, const summary *found, double noise)
{
    double *weight = dcl__numbers(host, call, 1, found->count + 1);
    for (int64_t t = 0; t < found->count && weight; t++)
        weight[t] = found->values[t] > noise ? sqrt(fmax(found->values[t] - found->tau, 0)) : 0;
    return weight;
}

/* What DropBlock on k blocks leaves of n values above 0: min ||sigma - s||^2 + (lambda / k) ||s||^2, s in the
 * block-support norm (Pal, Lane, Vidal and Haeffele, CVPR 2020). Two blocks cost 1/2 sum (s_i + s_j)^2, never less
 * than 1/2 ||s||^2, with i and j the i-th and the i-th last of 2 b: every pair shrinks as two units of dropout do. */
static void leave(const double *values, int64_t n, int64_t block, int64_t blocks, double lambda, double tau,
                  double *left)
{
    const double mu = lambda / (double)blocks;
    for (int64_t t = 0; t < n; t++)
        left[t] = fmin(values[t] / (1 + mu), fmax(values[t] - tau, 0));
    for (int64_t i = 0; blocks == 2 && i < block && i < n; i++) {
        const int64_t j = 2 * block - 1 - i;
        const double low = j < n ? values[j] : 0;
        const double common = mu * fmax(values[i] / (1 + mu), (values[i] + low) / (1 + 2 * mu));
        left[i] = fmax(values[i] - common, 0);
        if (j < n)
            left[j] = fmax(low - common, 0);
    }
}

/* The weights with the threshold that lambda, width and block come to, which `found` takes. */
static double *shrink(const dcl_host *host, dcl_call *call, summary *found, double noise)
{
    const dcl__threshold threshold = threshold_of(host, call);
    const int64_t block = block_of(host, call), blocks = threshold.width / block;
    if (block == 1) {
        found->tau = dcl__threshold_at(&threshold, found->values, found->count);
        return weigh(host, call, found, noise);
    }
    int64_t n = 0;
    while (n < found->count && n < threshold.width && found->values[n] > noise)
        n++;
    found->tau = dcl__support_threshold(found->values, n, block, threshold.lambda / (double)blocks);
    double *weight = dcl__numbers(host, call, 1, found->count + 1);
    if (weight)
        leave(found->values, n, block, blocks, threshold.lambda, found->tau, weight);
    for (int64_t t = 0; t < n && weight; t++)
        weight[t] = sqrt(weight[t]);
    return weight;
}

/* Stores vectors times weights as a factor. */
static dcl_status store_factor(const dcl_host *host, dcl_call *call, const double *vectors,
                               const dcl__svd *svd, const double *weight, const dcl_tensor *factor)
{
    double *matrix = dcl__numbers(host, call, factor->dim[0], factor->dim[1]);
    if (!matrix)
        return DCL_ENOMEM;
    dcl__spread(vectors, factor->dim[0], svd->count, weight, factor->dim[1], matrix);
    dcl_status status = dcl__store(host, call, matrix, factor);
    free(matrix);
    return status;
}

/* How many of the first `width` values are above the threshold. */
static int64_t surviving(const summary *found, int64_t width, double noise)
{
    int64_t count = 0;
    while (count < found->count && count < width && found->values[count] > fmax(found->tau, noise))
        count++;
    return count;
}

/* Stores all values, or only those above the threshold. */
static dcl_status store_whole(const dcl_host *host, dcl_call *call, const dcl__svd *svd, int all)
{
    const dcl__threshold threshold = threshold_of(host, call);
    const double noise = dcl__svd_noise(svd);
    summary found = {svd->values, svd->count, 0,
                     16 * svd->values[0] * (host->input(call, 0)->dtype == DCL_F32 ? FLT_EPSILON : DBL_EPSILON)};
    double *weight = shrink(host, call, &found, noise);
    dcl_status status = weight ? store_factor(host, call, svd->left, svd, weight, host->output(call, 0)) : DCL_ENOMEM;
    if (!status)
        status = store_factor(host, call, svd->right, svd, weight, host->output(call, 1));
    free(weight);
    found.count = all ? svd->count : surviving(&found, threshold.width, noise);
    return status ? status : store_summary(host, call, &found);
}

static dcl_status singular_threshold_by(const dcl_host *host, dcl_call *call, dcl__decompose *method, int all)
{
    dcl__svd svd;
    dcl_status status = decompose(host, call, method, 1, &svd);
    if (status)
        return status;
    status = store_whole(host, call, &svd, all);
    dcl__svd_free(&svd);
    return status;
}

static dcl_status singular_threshold_single(const dcl_host *host, dcl_call *call, int all)
{
    const dcl__threshold threshold = threshold_of(host, call);
    dcl__single_svd svd;
    dcl_status status = dcl__single_svd_run(host, call, host->input(call, 0), &svd);
    if (status)
        return status;
    const double noise = FLT_EPSILON * svd.values[0];
    summary found = {svd.values, svd.count, 0, 16 * noise};
    double *weight = shrink(host, call, &found, noise);
    status = weight ? dcl__single_svd_store(host, call, &svd, weight, host->output(call, 0), host->output(call, 1))
                    : DCL_ENOMEM;
    found.count = all ? svd.count : surviving(&found, threshold.width, noise);
    if (!status)
        status = store_summary(host, call, &found);
    free(weight);
    dcl__single_svd_free(&svd);
    return status;
}

static dcl_status singular_threshold_partial(const dcl_host *host, dcl_call *call, int *done)
{
    const dcl__threshold threshold = threshold_of(host, call);
    dcl__partial_svd svd;
    dcl_status status = dcl__partial_svd_run(host, call, host->input(call, 0), &threshold, done, &svd);
    const summary found = {svd.triplets.values, svd.count, svd.tau, svd.error};
    double *weight = !status && *done ? weigh(host, call, &found, 0) : NULL;
    if (!status && *done && !weight)
        status = DCL_ENOMEM;
    if (weight)
        status = dcl__krylov_store(&svd.k, &svd.triplets, weight, svd.count, host->output(call, 0),
                                   host->output(call, 1));
    if (weight && !status)
        status = store_summary(host, call, &found);
    free(weight);
    dcl__partial_svd_free(&svd);
    return status;
}

/* As few triplets as there are above the threshold, where that is quicker, else all. Which values come out is a
 * matter of the shape alone: also where the quick way is given up. */
static dcl_status singular_threshold_run(const dcl_host *host, dcl_call *call)
{
    const int partial = host->scratch(call, 0) != NULL;
    int done = 0;
    dcl_status status = partial ? singular_threshold_partial(host, call, &done) : DCL_OK;
    if (status || done)
        return status;
    if (dcl__is_large_single(host->input(call, 0)))
        return singular_threshold_single(host, call, !partial);
    return singular_threshold_by(host, call, dcl__svd_lapack, !partial);
}

static dcl_status singular_threshold_reference(const dcl_host *host, dcl_call *call)
{
    int64_t block, capacity;
    const int partial = partial_plan(host, call, &block, &capacity);
    return singular_threshold_by(host, call, dcl__svd_jacobi, !partial);
}

/* ---- tables ---- */

static const dcl_port soft_threshold_inputs[] = {{"x", "any shape", DCL_REAL, 0}, {0}};
static const dcl_port soft_threshold_outputs[] = {{"y", "the shape of x", DCL_REAL, 0}, {0}};

static const dcl_attribute soft_threshold_attributes[] = {
    {.name = "tau", .doc = "how far entries move towards 0", .kind = DCL_NUMBER,
     .flags = DCL_ATTRIBUTE_REQUIRED, .least = 0, .most = DBL_MAX},
    {0},
};

static const dcl_case soft_threshold_cases[] = {
    {"3x4@0.4..2", "tau=0.3", 1e-6, 1e-15, 0, 0},
    {"3x4@-2..-0.4", "tau=0.3", 1e-6, 1e-15, 0, 0},
    {"3x4@-0.2..0.2", "tau=0.3", 0, 0, 0, 0},
    {"7", "tau=0", 0, 0, 0, 0},
    {"2x3x50", "tau=0.5", 1e-6, 1e-15, DCL_CASE_NO_GRADIENT, 0},
    {"scalar@1..2", "tau=0.5", 1e-6, 1e-15, 0, 0},
    {"7@0.25..0.25", "tau=0.25", 0, 0, DCL_CASE_NO_GRADIENT, 0},
    {"7", "tau=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {"7", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op soft_threshold = {
    .size = sizeof soft_threshold,
    .name = "soft_threshold",
    .doc = "sign(x) max(|x| - tau, 0)",
    .semantics = 1,
    .inputs = soft_threshold_inputs,
    .outputs = soft_threshold_outputs,
    .attributes = soft_threshold_attributes,
    .source = threshold_cl,
    .cases = soft_threshold_cases,
    .infer = soft_threshold_infer,
    .run = soft_threshold_run,
    .gradient = soft_threshold_gradient,
    .reference = soft_threshold_reference,
};

static const dcl_port matrix_inputs[] = {{"y", "m x n matrix", DCL_REAL, 0}, {0}};

static const dcl_port singular_values_outputs[] = {
    {"values", "min(m, n) singular values, largest first", DCL_REAL, 0},
    {0},
};

static const dcl_case singular_values_cases[] = {
    {"5x3", NULL, 1e-6, 1e-14, 0, 0},
    {"3x5", NULL, 1e-6, 1e-14, 0, 0},
    {"1x1", NULL, 1e-6, 1e-15, 0, 0},
    {"1x9", NULL, 1e-6, 1e-14, 0, 0},
    {"9x1", NULL, 1e-6, 1e-14, 0, 0},
    {"40x33@-1000..1000", NULL, 1e-6, 1e-14, 0, 0},
    {"6x4@0..0", NULL, 0, 0, 0, 0},
    {"6x4@1..1", NULL, 1e-6, 1e-14, 0, 0},
    {"7", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"2x3x4", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op singular_values = {
    .size = sizeof singular_values,
    .name = "singular_values",
    .doc = "singular values of a matrix, by LAPACK in double precision on the host",
    .semantics = 1,
    .flags = DCL_OP_WAITS,
    .inputs = matrix_inputs,
    .outputs = singular_values_outputs,
    .cases = singular_values_cases,
    .infer = singular_values_infer,
    .run = singular_values_run,
    .reference = singular_values_reference,
};

static const dcl_port singular_threshold_outputs[] = {
    {"left", "m x width; column i is left vector i times sqrt(max(value i - tau, 0)), or as block says", DCL_REAL, 0},
    {"right", "n x width, alike; left right' is y with its singular values reduced", DCL_REAL, 0},
    {"values", "min(m, n) numbers: the singular values that were computed, largest first, then zeros", DCL_REAL, 0},
    {"tau", "scalar: the threshold used", DCL_REAL, 0},
    {"count", "scalar: how many values were computed: those above tau, or all", DCL_REAL, 0},
    {"error", "scalar: a bound of the error of every value and, in the Frobenius norm, of left right'", DCL_REAL, 0},
    {0},
};

static const dcl_attribute singular_threshold_attributes[] = {
    {.name = "tau", .doc = "threshold; -1: the optimal one for lambda and width", .kind = DCL_NUMBER,
     .fallback = -1, .least = -1, .most = DBL_MAX},
    {.name = "lambda", .doc = "weight of the sum of squared products of norms, (1 - retain) / retain",
     .kind = DCL_NUMBER, .fallback = 0, .least = 0, .most = 1e150},
    {.name = "width", .doc = "columns of the factors, may exceed min(m, n); 0: min(m, n)",
     .kind = DCL_INTEGER, .fallback = 0, .least = 0, .most = 2147483647.0},
    {.name = "block", .doc = "units dropped together; above 1 a value becomes the least of value / (1 + lambda block / "
     "width) and max(value - tau, 0); with two blocks the i-th and the i-th last of width shrink as pairs",
     .kind = DCL_INTEGER, .fallback = 1, .least = 1, .most = 2147483647.0},
    {0},
};

static const dcl_case singular_threshold_cases[] = {
    {"5x3", "tau=0.5", 2e-6, 1e-12, 0, 0},
    {"3x5", "tau=0.5", 2e-6, 1e-12, 0, 0},
    {"6x4", "tau=0", 2e-6, 1e-12, 0, 0},
    {"6x4", NULL, 2e-6, 1e-12, 0, 0},
    {"6x4", "lambda=1", 2e-6, 1e-12, 0, 0},
    {"6x4", "lambda=0.25 width=2", 2e-6, 1e-12, 0, 0},
    {"6x4", "lambda=3 width=9", 2e-6, 1e-12, 0, 0},
    {"6x4", "tau=1000", 2e-6, 1e-12, 0, 0},
    {"1x1", "tau=0.01", 2e-6, 1e-12, 0, 0},
    {"1x8", "lambda=0.5 width=3", 2e-6, 1e-12, 0, 0},
    {"8x1", "lambda=0.5", 2e-6, 1e-12, 0, 0},
    {"6x4@0..0", "lambda=1", 0, 0, 0, 0},
    {"6x4@1..1", "lambda=1", 2e-6, 1e-12, 0, 0},
    {"30x21@-1000..1000", "lambda=1 width=5", 2e-6, 1e-11, 0, 0},
    {"180x150", "lambda=1 width=3", 1e-4, 1e-9, 0, 0},
    {"150x180", "tau=10 width=4", 1e-4, 1e-9, 0, 0},
    /* The output `error` is a bound: 16 roundings of the largest value, which is 155. */
    {"160x150@1..1", "lambda=1 width=3", 4e-4, 1e-9, 0, 0},
    {"160x150@0..0", "lambda=1 width=3", 0, 0, 0, 0},
    {"6x4", "lambda=1 block=2", 2e-6, 1e-12, 0, 0},
    {"6x4", "lambda=1 block=4", 2e-6, 1e-12, 0, 0},
    {"4x6", "lambda=3 block=3 width=9", 2e-6, 1e-12, 0, 0},
    {"9x8", "lambda=0.25 block=2 width=4", 2e-6, 1e-12, 0, 0},
    {"6x4", "block=2", 2e-6, 1e-12, 0, 0},
    {"6x4@1..1", "lambda=1 block=2", 2e-6, 1e-12, 0, 0},
    {"6x4@0..0", "lambda=1 block=2", 0, 0, 0, 0},
    {"1x1", "lambda=1 block=3 width=6", 2e-6, 1e-12, 0, 0},
    {"1x8", "lambda=1 block=2 width=4", 2e-6, 1e-12, 0, 0},
    {"180x150", "lambda=1 block=3 width=6", 1e-4, 1e-9, 0, 0},
    {"6x4", "lambda=1 block=3", 0, 0, DCL_CASE_REFUSED, 0},
    {"6x4", "tau=0.5 block=2", 0, 0, DCL_CASE_REFUSED, 0},
    {"6x4", "block=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"6x4", "tau=-0.5", 0, 0, DCL_CASE_REFUSED, 0},
    {"6x4", "lambda=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {"6x4", "width=-1", 0, 0, DCL_CASE_REFUSED, 0},
    {"7", "tau=1", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op singular_threshold = {
    .size = sizeof singular_threshold,
    .name = "singular_threshold",
    .doc = "factors of y with its singular values reduced by tau, at most width of them",
    .semantics = 2,
    .flags = DCL_OP_WAITS,
    .inputs = matrix_inputs,
    .outputs = singular_threshold_outputs,
    .attributes = singular_threshold_attributes,
    .source = threshold_cl,
    .cases = singular_threshold_cases,
    .infer = singular_threshold_infer,
    .run = singular_threshold_run,
    .reference = singular_threshold_reference,
};

static const dcl_op *const ops[] = {&soft_threshold, &singular_values, &singular_threshold, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.threshold",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
