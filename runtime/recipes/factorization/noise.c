/* noise.c: masks of every kind, and the penalties that they are in expectation. */
#include "recipes/factorization/noise.h"

#include <inttypes.h>
#include <math.h>

#include "core/error.h"

/* ---- Options ---- */

static dcl_status check_shape(const dcl_factorize_options *o, dcl_error *error)
{
    const int64_t block = o->block > 0 ? o->block : 1;
    if (o->noise < DCL_NOISE_NONE || o->noise > DCL_NOISE_CORRELATED || o->side < 0 || o->side > DCL_SIDE_BOTH ||
        o->mask < DCL_MASK_STEP || o->mask > DCL_MASK_SAMPLE || o->block < 0)
        return dcl__fail(error, DCL_EINVAL, "noise, side or mask is none of the constants of dropcl.h, or block "
                         "negative");
    if (block > 1 && o->noise != DCL_NOISE_DROPBLOCK)
        return dcl__fail(error, DCL_EINVAL, "only DropBlock has blocks of units");
    if (o->width % block != 0)
        return dcl__fail(error, DCL_EINVAL, "%" PRId64 " units cannot be cut into blocks of %" PRId64 ": the rank must "
                         "be a multiple of the block", o->width, block);
    if (o->mask == DCL_MASK_SAMPLE && (o->noise == DCL_NOISE_DROPCONNECT || o->noise == DCL_NOISE_NONE))
        return dcl__fail(error, DCL_EINVAL, "a mask for every column of Y is for noise on units");
    if (o->noise == DCL_NOISE_CORRELATED && (!o->mask_factor || o->mask_factor_columns < 1))
        return dcl__fail(error, DCL_EINVAL, "correlated noise needs a factor A of the masks 1 + A (z - 1)");
    return DCL_OK;
}

static dcl_status check_rates(const dcl_factorize_options *o, dcl_error *error)
{
    const int both = o->noise == DCL_NOISE_DROPCONNECT && o->side == DCL_SIDE_BOTH;
    if (!(o->retain > 0 && o->retain <= 1))
        return dcl__fail(error, DCL_EINVAL, "retain is %g, it must be above 0 and at most 1", o->retain);
    if (!(o->retain_right >= 0 && o->retain_right <= 1))
        return dcl__fail(error, DCL_EINVAL, "retain_right is %g, it must be above 0 and at most 1", o->retain_right);
    if (isnan(o->lambda) || isinf(o->lambda))
        return dcl__fail(error, DCL_EINVAL, "lambda is %g, it must be a number", o->lambda);
    if (o->retain_right > 0 && !both)
        return dcl__fail(error, DCL_EINVAL, "retain_right is for DropConnect on both sides");
    if (o->variable_rate && (both || o->noise == DCL_NOISE_CORRELATED || o->noise == DCL_NOISE_NONE))
        return dcl__fail(error, DCL_EINVAL, "a rate that varies with the width is for dropout, DropBlock, and "
                         "DropConnect on one side");
    return DCL_OK;
}

/* The penalty of one draw, or for a variable rate of as many as there are. */
static double unit_penalty(const dcl_factorize_options *o, int64_t draws)
{
    if (o->noise == DCL_NOISE_NONE)
        return 0;
    const double lambda = o->lambda >= 0 ? o->lambda : (1 - o->retain) / o->retain;
    return o->variable_rate ? (double)draws * lambda : lambda;
}

dcl_status dcl_noise_resolve(const dcl_factorize_options *o, dcl_noise *noise, dcl_error *error)
{
    dcl_status status = check_rates(o, error);
    if (status == DCL_OK)
        status = check_shape(o, error);
    if (status)
        return status;
    dcl_noise n = {.kind = o->noise, .mask = o->mask, .block = o->block > 0 ? o->block : 1};
    n.lambda_unit = unit_penalty(o, o->width / n.block);
    n.retain = n.retain_right = 1 / (1 + n.lambda_unit);
    if (n.kind == DCL_NOISE_DROPCONNECT)
        n.side = o->side ? o->side : DCL_SIDE_LEFT;
    if (n.side == DCL_SIDE_RIGHT) {
        n.lambda_entry = n.lambda_unit;
        n.lambda_unit = 0;
    } else if (n.side == DCL_SIDE_BOTH) {
        const double right = o->retain_right > 0 ? (1 - o->retain_right) / o->retain_right : n.lambda_unit;
        n.retain_right = 1 / (1 + right);
        n.lambda_entry = right + n.lambda_unit * right;
    }
    n.lambda = n.lambda_unit + n.lambda_entry;
    if (n.kind == DCL_NOISE_CORRELATED) {
        n.factor = o->mask_factor;
        n.factor_columns = o->mask_factor_columns;
    }
    *noise = n;
    return DCL_OK;
}

/* ---- The penalty ---- */

int dcl__noise_couples(const dcl_noise *noise)
{
    return noise->block > 1 || noise->kind == DCL_NOISE_CORRELATED;
}

static dcl_value reshape(dcl_graph *graph, dcl_value x, const int64_t *shape, uint32_t rank)
{
    const dcl_setting settings[] = {{.name = "shape", .list = shape, .count = rank}, {0}};
    return dcl_graph_apply(graph, NULL, "reshape", &x, 1, settings);
}

/* The identity of size k: ones in the first column of k x (k + 1) zeros; k k of them make k rows of k. */
static dcl_value identity(dcl_graph *graph, int64_t k)
{
    const dcl_setting pad[] = {{.name = "axis", .integer = 1}, {.name = "count", .integer = k + 1}, {0}};
    const dcl_setting cut[] = {{.name = "count", .integer = k * k}, {0}};
    dcl_value ones = dcl_graph_constant(graph, NULL, 2, (int64_t[]){k, 1}, 1);
    dcl_value padded = dcl_graph_apply(graph, NULL, "pad", &ones, 1, pad);
    dcl_value line = reshape(graph, padded, (int64_t[]){k * (k + 1)}, 1);
    return reshape(graph, dcl_graph_apply(graph, NULL, "slice", &line, 1, cut), (int64_t[]){k, k}, 2);
}

/* lambda where two units share a block, else 0. */
static dcl_value block_weights(dcl_graph *graph, const dcl__task *task)
{
    const int64_t b = task->noise.block, k = task->width / b;
    dcl_value spread = reshape(graph, identity(graph, k), (int64_t[]){k, 1, k, 1}, 4);
    dcl_value block = dcl_graph_constant(graph, NULL, 4, (int64_t[]){1, b, 1, b}, task->lambda);
    return reshape(graph, dcl__binary(graph, "multiply", spread, block), (int64_t[]){task->width, task->width}, 2);
}

static dcl_value mask_factor(dcl_graph *graph, const dcl__task *task)
{
    dcl_value a = dcl_value_find(graph, "A");
    return a ? a : dcl_graph_input(graph, "A", DCL_REAL, 2, (int64_t[]){task->width, task->noise.factor_columns});
}

dcl_value dcl__noise_weights(dcl_graph *graph, const dcl__task *task)
{
    if (task->noise.kind != DCL_NOISE_CORRELATED)
        return block_weights(graph, task);
    dcl_value a = mask_factor(graph, task);
    return dcl__scaled(graph, dcl__matmul(graph, DCL_TRANSPOSE_B, a, a), task->lambda);
}

/* weight sum_i |u_i|^2 n_i for given n_i. */
static dcl_value weigh(dcl_graph *graph, dcl_value u, dcl_value squares, double weight)
{
    dcl_value products = dcl__binary(graph, "multiply", dcl__over_rows(graph, "sum_squares", u, 0), squares);
    return dcl__scaled(graph, dcl__unary(graph, "sum", products), weight);
}

/* v_i' diag(XX') v_i of every unit. */
static dcl_value entry_squares(dcl_graph *graph, dcl_value v, dcl_value x)
{
    const int64_t samples = 1;
    const dcl_setting over_samples[] = {{.name = "axes", .list = &samples, .count = 1}, {.name = "keep", .integer = 1},
                                        {0}};
    dcl_value lengths = dcl_graph_apply(graph, NULL, "norm", &x, 1, over_samples);
    return dcl__over_rows(graph, "sum_squares", dcl__binary(graph, "multiply", v, lengths), 0);
}

static dcl_value coupled(dcl_graph *graph, const dcl__task *task, dcl_value u, dcl_value w)
{
    dcl_value grams = dcl__binary(graph, "multiply", dcl__matmul(graph, DCL_TRANSPOSE_A, u, u),
                                  dcl__matmul(graph, DCL_TRANSPOSE_A, w, w));
    return dcl__unary(graph, "sum", dcl__binary(graph, "multiply", dcl__noise_weights(graph, task), grams));
}

/* The penalty where w = X'V is at hand already. */
static dcl_value penalty(dcl_graph *graph, const dcl__task *task, dcl_value u, dcl_value v, dcl_value w, dcl_value x)
{
    const dcl_noise *noise = &task->noise;
    if (dcl__noise_couples(noise))
        return coupled(graph, task, u, w);
    if (!x || noise->lambda_entry == 0)
        return weigh(graph, u, dcl__over_rows(graph, "sum_squares", w, 0), task->lambda);
    dcl_value entries = weigh(graph, u, entry_squares(graph, v, x), noise->lambda_entry);
    if (noise->lambda_unit == 0)
        return entries;
    return dcl__binary(graph, "add", weigh(graph, u, dcl__over_rows(graph, "sum_squares", w, 0), noise->lambda_unit),
                       entries);
}

static dcl_value responses(dcl_graph *graph, dcl_value v, dcl_value x)
{
    return x ? dcl__matmul(graph, DCL_TRANSPOSE_A, x, v) : v;
}

dcl_value dcl__noise_regularizer(dcl_graph *graph, const dcl__task *task, dcl_value u, dcl_value v, dcl_value x)
{
    return penalty(graph, task, u, v, responses(graph, v, x), x);
}

dcl_value dcl__noise_objective(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value u, dcl_value v,
                               dcl_value x)
{
    dcl_value w = responses(graph, v, x);
    dcl_value data = dcl_graph_apply(graph, NULL, "low_rank_error", (dcl_value[]){y, u, w}, 3, NULL);
    return task->lambda > 0 ? dcl__binary(graph, "add", data, penalty(graph, task, u, v, w, x)) : data;
}

/* ---- The loss under a mask ---- */

/* A mask with mean 1; draws cover `block` neighbours of a row. */
static dcl_value draw_mask(dcl_graph *graph, const dcl__task *task, int64_t rows, int64_t columns, double retain,
                           uint32_t stream)
{
    const int64_t shape[] = {rows, columns};
    const dcl_setting settings[] = {{.name = "shape", .list = shape, .count = 2}, {.name = "retain", .number = retain},
                                    {.name = "block", .integer = task->noise.block},
                                    {.name = "stream", .integer = stream}, {0}};
    return dcl_graph_apply(graph, NULL, "mask", NULL, 0, settings);
}

/* Correlated masks of units, one a row: 1 + (z - 1) A'. */
static dcl_value correlated_masks(dcl_graph *graph, const dcl__task *task, int64_t rows)
{
    const dcl_noise *noise = &task->noise;
    dcl_value z = draw_mask(graph, task, rows, noise->factor_columns, noise->retain, DCL__STREAM_MASK);
    dcl_value one = dcl__scalar(graph, NULL, 1);
    dcl_value shift = dcl__matmul(graph, DCL_TRANSPOSE_B, dcl__binary(graph, "subtract", z, one),
                                  mask_factor(graph, task));
    return dcl__binary(graph, "add", shift, one);
}

static int64_t rows_of(const dcl_graph *graph, dcl_value value)
{
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    return tensor && tensor->rank > 0 ? tensor->dim[0] : 1;
}

/* What the loss masks itself, without computing what is dropped: whole units, or entries of u or of w; numbers as of
 * the attribute row_masks. */
enum { MASKS_NOTHING = -1, MASKS_UNITS, MASKS_U, MASKS_W };

static int masks_of_loss(const dcl_noise *noise, dcl_value x)
{
    if (noise->kind == DCL_NOISE_CORRELATED || (noise->side == DCL_SIDE_RIGHT && x))
        return MASKS_NOTHING;
    if (noise->kind == DCL_NOISE_DROPCONNECT)
        return noise->side == DCL_SIDE_RIGHT ? MASKS_W : MASKS_U;
    return noise->mask == DCL_MASK_SAMPLE ? MASKS_W : MASKS_UNITS;
}

/* What is multiplied by a mask before; 0 is not. w = X'v, v itself without data X. */
typedef struct masks {
    dcl_value u, v, w;
} masks;

static masks draw_masks(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value v, dcl_value x)
{
    const dcl_noise *noise = &task->noise;
    const dcl_tensor *data = dcl_value_tensor(graph, y);
    const int64_t samples = data && data->rank == 2 ? data->dim[1] : 1;
    masks m = {0};
    if (noise->kind == DCL_NOISE_CORRELATED && noise->mask == DCL_MASK_SAMPLE)
        m.w = correlated_masks(graph, task, samples);
    else if (noise->kind == DCL_NOISE_CORRELATED)
        m.u = correlated_masks(graph, task, 1);
    else if (noise->side == DCL_SIDE_BOTH)
        m.v = draw_mask(graph, task, rows_of(graph, v), task->width, noise->retain_right, DCL__STREAM_MASK_RIGHT);
    else if (noise->side == DCL_SIDE_RIGHT && x)
        m.v = draw_mask(graph, task, rows_of(graph, v), task->width, noise->retain_right, DCL__STREAM_MASK);
    return m;
}

static dcl_value masked(dcl_graph *graph, dcl_value x, dcl_value mask)
{
    return mask ? dcl__binary(graph, "multiply", x, mask) : x;
}

/* The loss with its own masks; what they keep is scaled by 1 / retain. */
static dcl_value masked_loss(dcl_graph *graph, const dcl__task *task, const dcl_value inputs[3], int own)
{
    const dcl_setting settings[] = {{.name = "retain", .number = task->noise.retain},
                                    {.name = "block", .integer = task->noise.block},
                                    {.name = "stream", .integer = DCL__STREAM_MASK},
                                    {.name = "row_masks", .integer = own}, {0}};
    return dcl_graph_apply(graph, "loss", "low_rank_residual", inputs, 3, own == MASKS_NOTHING ? NULL : settings);
}

/* The op gives the gradients by what it was given; what a mask multiplied hands them on times the mask. */
dcl_value dcl__noise_loss(dcl_graph *graph, const dcl__task *task, dcl_value y, dcl_value u, dcl_value v, dcl_value x,
                          dcl_value gradients[2])
{
    const masks m = draw_masks(graph, task, y, v, x);
    dcl_value w = masked(graph, responses(graph, masked(graph, v, m.v), x), m.w);
    const dcl_value inputs[] = {y, masked(graph, u, m.u), w};
    dcl_value loss = masked_loss(graph, task, inputs, masks_of_loss(&task->noise, x));
    gradients[0] = masked(graph, loss ? loss + 1 : 0, m.u);
    dcl_value by_w = masked(graph, loss ? loss + 2 : 0, m.w);
    gradients[1] = masked(graph, x ? dcl__matmul(graph, 0, x, by_w) : by_w, m.v);
    return loss;
}
