/* balance.c: turns a pair of factors (U, V) -> (U R, V R), R orthogonal, so that all units weigh the same:
 * |u_i| |v_i| equal for all i, and U V' unchanged.
 *
 * "aligned" starts from U = Q S^1/2, V = P S^1/2 with U V' = Q S P'. Then both Gram matrices are S, and the
 * rotation is the constructive Schur-Horn theorem (Horn, 1954): width - 1 plane rotations give every
 * diagonal entry the mean, which is |UV'|_* / width, the least common value possible.
 * "hadamard" takes the Hadamard matrix for R, which has entries of one size, where the width is a power of 2.
 * "rotation" keeps the pair as it is (rotation.h); the common value is larger in general.
 * Blocks of units start from Q and P as "aligned" does; frame.h says how they come to weigh the same.
 */
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "balance.cl.h"
#include "frame.h"
#include "rotation.h"

/* Two factors with `width` columns on the host. */
typedef struct pair {
    int64_t rows[2], width;
    double *factor[2];
} pair;

static void free_pair(pair *both)
{
    free(both->factor[0]);
    free(both->factor[1]);
}

static dcl_status load_pair(const dcl_host *host, dcl_call *call, pair *both)
{
    pair made = {.width = host->input(call, 0)->dim[1]};
    dcl_status status = DCL_OK;
    for (uint32_t k = 0; k < 2 && !status; k++) {
        made.rows[k] = host->input(call, k)->dim[0];
        status = dcl__load(host, call, host->input(call, k), &made.factor[k]);
    }
    if (status)
        free_pair(&made);
    else
        *both = made;
    return status;
}

/* ---- aligned: the chain of plane rotations ---- */

/* Square roots of the singular values, rounding errors taken as 0, and the chain that balances them. */
static dcl_status plan_aligned(const dcl_host *host, dcl_call *call, const dcl__svd *svd, int64_t width,
                               double *weight, dcl__chain *plan)
{
    double *diagonal = dcl__numbers(host, call, 1, width), noise = dcl__svd_noise(svd);
    if (!diagonal)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < svd->count && t < width; t++)
        diagonal[t] = svd->values[t] > noise ? svd->values[t] : 0;
    for (int64_t t = 0; t < width; t++)
        weight[t] = sqrt(diagonal[t]);
    dcl_status status = dcl__chain_new(host, call, width, plan);
    if (!status)
        dcl__chain_plan(diagonal, width, plan);
    free(diagonal);
    return status;
}

/* ---- aligned: run ---- */

/* The QR factorization of a rows x width factor, by columns as LAPACK wants it: `count` reflectors below the
 * diagonal, their factors in `scale`, R on and above it. */
typedef struct triangle {
    int64_t rows, count;
    double *packed, *scale;
} triangle;

static void free_triangle(triangle *made)
{
    free(made->packed);
    free(made->scale);
}

static dcl_status factorize(const dcl_host *host, dcl_call *call, const double *factor, int64_t rows,
                            int64_t width, triangle *made)
{
    triangle qr = {.rows = rows, .count = rows < width ? rows : width};
    qr.packed = dcl__numbers(host, call, rows, width);
    qr.scale = qr.packed ? dcl__numbers(host, call, 1, qr.count) : NULL;
    dcl_status status = qr.scale ? DCL_OK : DCL_ENOMEM;
    if (!status) {
        dcl__transpose(rows, width, factor, qr.packed);
        status = dcl__lapack_status(host, call, "dgeqrf",
                                    LAPACKE_dgeqrf(LAPACK_COL_MAJOR, (lapack_int)rows, (lapack_int)width,
                                                   qr.packed, (lapack_int)rows, qr.scale));
    }
    if (status)
        free_triangle(&qr);
    else
        *made = qr;
    return status;
}

/* R_u R_v', which has the singular values of U V'. */
static dcl_status core_product(const dcl_host *host, dcl_call *call, const triangle *u, const triangle *v,
                               int64_t width, double **core)
{
    double *made = dcl__numbers(host, call, u->count, v->count);
    if (!made)
        return DCL_ENOMEM;
    for (int64_t i = 0; i < u->count; i++)
        for (int64_t k = i; k < width; k++)
            for (int64_t j = 0; j < v->count && j <= k; j++)
                made[i * v->count + j] += u->packed[k * u->rows + i] * v->packed[k * v->rows + j];
    *core = made;
    return DCL_OK;
}

/* Takes `count` vectors, one after the other, from the coordinates of Q to all rows: *vectors is replaced. */
static dcl_status lift(const dcl_host *host, dcl_call *call, const triangle *qr, int64_t count,
                       double **vectors)
{
    double *lifted = dcl__numbers(host, call, count, qr->rows);
    if (!lifted)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < count; t++)
        memcpy(lifted + t * qr->rows, *vectors + t * qr->count, (size_t)qr->count * sizeof *lifted);
    lapack_int rows = (lapack_int)qr->rows;
    lapack_int info = LAPACKE_dormqr(LAPACK_COL_MAJOR, 'L', 'N', rows, (lapack_int)count,
                                     (lapack_int)qr->count, qr->packed, rows, qr->scale, lifted, rows);
    free(*vectors);
    *vectors = lifted;
    return dcl__lapack_status(host, call, "dormqr", info);
}

/* The decomposition of U V' from the two triangles. */
static dcl_status decompose_triangles(const dcl_host *host, dcl_call *call, const triangle *u,
                                      const triangle *v, int64_t width, dcl__svd *svd)
{
    double *core;
    dcl_status status = core_product(host, call, u, v, width, &core);
    if (status)
        return status;
    status = dcl__svd_lapack(host, call, u->count, v->count, core, 1, svd);
    free(core);
    if (status)
        return status;
    status = lift(host, call, u, svd->count, &svd->left);
    if (!status)
        status = lift(host, call, v, svd->count, &svd->right);
    svd->rows = u->rows;
    svd->columns = v->rows;
    if (status)
        dcl__svd_free(svd);
    return status;
}

/* The singular value decomposition of U V' without forming it. */
static dcl_status decompose_factors(const dcl_host *host, dcl_call *call, const pair *both, dcl__svd *svd)
{
    triangle u, v;
    dcl_status status = factorize(host, call, both->factor[0], both->rows[0], both->width, &u);
    if (status)
        return status;
    status = factorize(host, call, both->factor[1], both->rows[1], both->width, &v);
    if (!status) {
        status = decompose_triangles(host, call, &u, &v, both->width, svd);
        free_triangle(&v);
    }
    free_triangle(&u);
    return status;
}

/* Applies the chain to both outputs on the device. */
static dcl_status rotate_outputs(const dcl_host *host, dcl_call *call, const dcl__chain *plan, int64_t width)
{
    const dcl_tensor *plane = host->scratch(call, 0), *turn = host->scratch(call, 1);
    if (plan->count == 0)
        return DCL_OK;
    dcl_status status = host->write(call, plane, plan->plane);
    if (!status)
        status = dcl__store(host, call, plan->turn, turn);
    for (uint32_t k = 0; k < 2 && !status; k++) {
        const dcl_tensor *matrix = host->output(call, k);
        const dcl_argument argument[] = {
            dcl_arg_tensor(matrix), dcl_arg_tensor(plane), dcl_arg_tensor(turn),
            dcl_arg_long(matrix->dim[0]), dcl_arg_long(width), dcl_arg_long(plan->count),
        };
        status = dcl__launch(host, call, "balance_rotate", argument, 6, matrix->dim[0]);
    }
    return status;
}

/* Writes Q S^1/2 and P S^1/2 over the pair. */
static void spread_pair(const dcl__svd *svd, const double *weight, pair *both)
{
    dcl__spread(svd->left, both->rows[0], svd->count, weight, both->width, both->factor[0]);
    dcl__spread(svd->right, both->rows[1], svd->count, weight, both->width, both->factor[1]);
}

/* Replaces the pair by the aligned one with the same product and plans its chain. */
static dcl_status align(const dcl_host *host, dcl_call *call, dcl__svd *svd, pair *both, dcl__chain *plan)
{
    double *weight = dcl__numbers(host, call, 1, both->width);
    if (!weight)
        return DCL_ENOMEM;
    dcl__svd_orient(svd);
    dcl_status status = plan_aligned(host, call, svd, both->width, weight, plan);
    if (!status)
        spread_pair(svd, weight, both);
    free(weight);
    return status;
}

/* Hands the pair on as it is. */
static dcl_status pass_on(const dcl_host *host, dcl_call *call)
{
    dcl_status status = DCL_OK;
    for (uint32_t k = 0; k < 2 && !status; k++) {
        const dcl_tensor *from = host->input(call, k), *to = host->output(call, k);
        const dcl_argument argument[] = {dcl_arg_tensor(from), dcl_arg_tensor(to), dcl_arg_long(to->count)};
        for (int64_t i = 0; to->data && i < to->count; i++)
            dcl__set(to, i, dcl__get(from, i));
        if (!to->data)
            status = dcl__launch(host, call, "balance_copy", argument, 3, to->count);
    }
    return status;
}

/* A decomposition of U V'. */
typedef dcl_status decompose(const dcl_host *host, dcl_call *call, const pair *both, dcl__svd *svd);

/* Replaces the pair by the aligned one with the same product. */
static dcl_status align_pair(const dcl_host *host, dcl_call *call, decompose *method, pair *both)
{
    dcl__svd svd;
    dcl__chain unused;
    dcl_status status = method(host, call, both, &svd);
    if (status)
        return status;
    status = align(host, call, &svd, both, &unused);
    dcl__svd_free(&svd);
    if (!status)
        dcl__chain_free(&unused);
    return status;
}

static dcl_status aligned_run(const dcl_host *host, dcl_call *call, pair *both)
{
    dcl__svd svd;
    dcl__chain plan;
    dcl_status status = decompose_factors(host, call, both, &svd);
    if (status)
        return status;
    status = align(host, call, &svd, both, &plan);
    dcl__svd_free(&svd);
    if (status)
        return status;
    for (uint32_t k = 0; k < 2 && !status; k++)
        status = dcl__store(host, call, both->factor[k], host->output(call, k));
    if (!status)
        status = rotate_outputs(host, call, &plan, both->width);
    dcl__chain_free(&plan);
    return status;
}

/* ---- hadamard ---- */

static int is_power_of_two(int64_t width)
{
    return (width & (width - 1)) == 0;
}

static dcl_status transform_outputs(const dcl_host *host, dcl_call *call, int64_t width)
{
    dcl_status status = DCL_OK;
    for (uint32_t k = 0; k < 2 && !status; k++) {
        const dcl_tensor *matrix = host->output(call, k);
        const dcl_argument argument[] = {
            dcl_arg_tensor(matrix), dcl_arg_long(matrix->dim[0]), dcl_arg_long(width),
            dcl_arg_real(1 / sqrt((double)width)),
        };
        status = dcl__launch(host, call, "balance_hadamard", argument, 4, matrix->dim[0]);
    }
    return status;
}

static dcl_status hadamard_run(const dcl_host *host, dcl_call *call, pair *both)
{
    dcl_status status = align_pair(host, call, decompose_factors, both);
    for (uint32_t k = 0; k < 2 && !status; k++)
        status = dcl__store(host, call, both->factor[k], host->output(call, k));
    return status ? status : transform_outputs(host, call, both->width);
}

/* ---- blocks of units ---- */

/* Writes vectors times B, count x width, over a factor. */
static void multiply_vectors(const double *vectors, int64_t rows, int64_t count, const double *b, int64_t width,
                             double *factor)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t j = 0; j < width; j++)
            factor[row * width + j] = 0;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t t = 0; t < count; t++)
            for (int64_t j = 0; j < width; j++)
                factor[row * width + j] += vectors[t * rows + row] * b[t * width + j];
}

static dcl_status balance_blocks(const dcl_host *host, dcl_call *call, dcl__svd *svd, pair *both)
{
    const int64_t block = host->integer(call, "block");
    const double noise = dcl__svd_noise(svd);
    int64_t count = 0;
    dcl__svd_orient(svd);
    while (count < svd->count && count < both->width && svd->values[count] > noise)
        count++;
    double *b = dcl__numbers(host, call, count + 1, both->width);
    dcl_status status = b ? dcl__blocks_find(host, call, svd->values, count, block, both->width / block, b)
                          : DCL_ENOMEM;
    for (int k = 0; k < 2 && !status; k++)
        multiply_vectors(k == 0 ? svd->left : svd->right, both->rows[k], count, b, both->width, both->factor[k]);
    free(b);
    return status;
}

/* sum over rows of x_i x_j */
static double column_product(const pair *both, int k, int64_t i, int64_t j)
{
    double sum = 0;
    for (int64_t row = 0; row < both->rows[k]; row++)
        sum += both->factor[k][row * both->width + i] * both->factor[k][row * both->width + j];
    return sum;
}

/* The sum of |u_b v_b'|_F^2 over blocks. */
static double block_weights(const pair *both, int64_t block)
{
    double sum = 0;
    for (int64_t i = 0; i < both->width; i++)
        for (int64_t j = i / block * block; j < (i / block + 1) * block; j++)
            sum += column_product(both, 0, i, j) * column_product(both, 1, i, j);
    return sum;
}

/* Blocks for which no equal weights are found may weigh more than they did; training is then left as it is. */
static dcl_status blocks_by(const dcl_host *host, dcl_call *call, decompose *method, pair *both)
{
    dcl__svd svd;
    const int64_t block = host->integer(call, "block");
    const double most = host->integer(call, "at") >= 0 ? block_weights(both, block) : INFINITY;
    dcl_status status = method(host, call, both, &svd);
    if (status)
        return status;
    status = balance_blocks(host, call, &svd, both);
    dcl__svd_free(&svd);
    if (!status && !(block_weights(both, block) <= most))
        return pass_on(host, call);
    for (uint32_t k = 0; k < 2 && !status; k++)
        status = dcl__store(host, call, both->factor[k], host->output(call, k));
    return status;
}

static dcl_status blocks_run(const dcl_host *host, dcl_call *call, pair *both)
{
    return blocks_by(host, call, decompose_factors, both);
}

/* ---- rotation: an arbitrary pair ---- */

static dcl_status rotation_run(const dcl_host *host, dcl_call *call, pair *both)
{
    double *found = NULL;
    dcl_status status = dcl__find_rotation(host, call, both->factor, both->rows, both->width, &found);
    if (status)
        return status;
    const dcl_tensor *rotation = host->scratch(call, 0);
    status = dcl__store(host, call, found, rotation);
    for (uint32_t k = 0; k < 2 && !status; k++)
        status = host->gemm(call, 0, 1, host->input(call, k), rotation, 0, host->output(call, k));
    free(found);
    return status;
}

/* ---- references ---- */

/* Output k becomes factor k times a width x width matrix. */
static void multiply_outputs(const dcl_host *host, dcl_call *call, const pair *both, const double *matrix)
{
    for (uint32_t k = 0; k < 2; k++)
        for (int64_t i = 0; i < both->rows[k] * both->width; i++) {
            const double *row = both->factor[k] + i / both->width * both->width;
            double sum = 0;
            for (int64_t j = 0; j < both->width; j++)
                sum += row[j] * matrix[j * both->width + i % both->width];
            dcl__set(host->output(call, k), i, sum);
        }
}

static dcl_status rotation_reference(const dcl_host *host, dcl_call *call, pair *both)
{
    double *found = NULL;
    dcl_status status = dcl__find_rotation(host, call, both->factor, both->rows, both->width, &found);
    if (status)
        return status;
    multiply_outputs(host, call, both, found);
    free(found);
    return DCL_OK;
}

/* Decomposes the product U V' itself. */
static dcl_status decompose_product(const dcl_host *host, dcl_call *call, const pair *both, dcl__svd *svd)
{
    double *product = dcl__numbers(host, call, both->rows[0], both->rows[1]);
    if (!product)
        return DCL_ENOMEM;
    for (int64_t i = 0; i < both->rows[0]; i++)
        for (int64_t j = 0; j < both->rows[1]; j++)
            for (int64_t k = 0; k < both->width; k++)
                product[i * both->rows[1] + j] += both->factor[0][i * both->width + k] *
                                                  both->factor[1][j * both->width + k];
    dcl_status status = dcl__svd_jacobi(host, call, both->rows[0], both->rows[1], product, 1, svd);
    free(product);
    return status;
}

static dcl_status aligned_reference(const dcl_host *host, dcl_call *call, pair *both)
{
    dcl__svd svd;
    dcl__chain plan;
    dcl_status status = decompose_product(host, call, both, &svd);
    if (status)
        return status;
    status = align(host, call, &svd, both, &plan);
    dcl__svd_free(&svd);
    if (status)
        return status;
    double *rotation = dcl__numbers(host, call, both->width, both->width);
    if (rotation) {
        for (int64_t i = 0; i < both->width; i++)
            rotation[i * both->width + i] = 1;
        for (int64_t k = 0; k < plan.count; k++)
            dcl__turn_columns(rotation, both->width, both->width, plan.plane[2 * k], plan.plane[2 * k + 1],
                         plan.turn[2 * k], plan.turn[2 * k + 1]);
        multiply_outputs(host, call, both, rotation);
    }
    free(rotation);
    dcl__chain_free(&plan);
    return rotation ? DCL_OK : DCL_ENOMEM;
}

/* Entry i, j of Hadamard's matrix is -1 where i and j share an odd number of bits, else 1. */
static dcl_status hadamard_reference(const dcl_host *host, dcl_call *call, pair *both)
{
    const int64_t width = both->width;
    dcl_status status = align_pair(host, call, decompose_product, both);
    double *matrix = status ? NULL : dcl__numbers(host, call, width, width);
    for (int64_t i = 0; i < width * width && matrix; i++) {
        int64_t shared = i / width & i % width, odd = 0;
        for (; shared > 0; shared >>= 1)
            odd ^= shared & 1;
        matrix[i] = (odd ? -1 : 1) / sqrt((double)width);
    }
    if (matrix)
        multiply_outputs(host, call, both, matrix);
    free(matrix);
    return status ? status : matrix ? DCL_OK : DCL_ENOMEM;
}

static dcl_status blocks_reference(const dcl_host *host, dcl_call *call, pair *both)
{
    return blocks_by(host, call, decompose_product, both);
}

/* ---- the op ---- */

typedef dcl_status worker(const dcl_host *host, dcl_call *call, pair *both);

typedef struct method {
    const char *word;
    worker *run, *reference;
} method;

static const method methods[] = {
    {"aligned", aligned_run, aligned_reference},
    {"rotation", rotation_run, rotation_reference},
    {"hadamard", hadamard_run, hadamard_reference},
};
static const method blocks = {"blocks", blocks_run, blocks_reference};

static const method *method_of(const dcl_host *host, dcl_call *call)
{
    const method *found = methods;
    while (strcmp(host->string(call, "method"), found->word))
        found++;
    return host->integer(call, "block") > 1 ? &blocks : found;
}

static dcl_status check_method(const dcl_host *host, dcl_call *call, int64_t width)
{
    const int64_t block = host->integer(call, "block");
    const char *word = host->string(call, "method");
    if (width > 20000)
        return host->fail(call, DCL_EUNSUPPORTED, "factors with more than 20000 columns are too large");
    if (width % block)
        return host->fail(call, DCL_EINVAL, "the number of columns must be a multiple of the block");
    if (block > 1 && strcmp(word, "aligned"))
        return host->fail(call, DCL_EINVAL, "blocks need method=aligned");
    if (!strcmp(word, "hadamard") && !is_power_of_two(width))
        return host->fail(call, DCL_EINVAL, "method=hadamard needs a number of columns that is a power of 2");
    return DCL_OK;
}

static dcl_status ask_scratch(const dcl_host *host, dcl_call *call, const dcl_tensor *u)
{
    const int64_t width = u->dim[1];
    worker *const run = method_of(host, call)->run;
    if (run == rotation_run)
        return host->set_scratch(call, 0, u->dtype, 2, (int64_t[]){width, width});
    if (run != aligned_run)
        return DCL_OK;
    dcl_status status = host->set_scratch(call, 0, DCL_I64, 2, (int64_t[]){width, 2});
    return status ? status : host->set_scratch(call, 1, u->dtype, 2, (int64_t[]){width, 2});
}

static dcl_status balance_infer(const dcl_host *host, dcl_call *call)
{
    const dcl_tensor *u = host->input(call, 0), *v = host->input(call, 1);
    if (u->rank != 2 || v->rank != 2 || u->dim[1] != v->dim[1])
        return host->fail(call, DCL_EINVAL, "u and v must be matrices with the same number of columns");
    dcl_status status = host->set_output(call, 0, u->dtype, 2, u->dim);
    if (!status)
        status = host->set_output(call, 1, v->dtype, 2, v->dim);
    if (!status)
        status = check_method(host, call, u->dim[1]);
    return status ? status : ask_scratch(host, call, u);
}

static dcl_status with_pair(const dcl_host *host, dcl_call *call, worker *work)
{
    pair both;
    dcl_status status = load_pair(host, call, &both);
    if (status)
        return status;
    status = work(host, call, &both);
    free_pair(&both);
    return status;
}

/* Whether this is a step to act at. */
static int is_due(const dcl_host *host, dcl_call *call)
{
    const int64_t at = host->integer(call, "at");
    return at < 0 || at == host->step(call);
}

static dcl_status balance_run(const dcl_host *host, dcl_call *call)
{
    return is_due(host, call) ? with_pair(host, call, method_of(host, call)->run) : pass_on(host, call);
}

static dcl_status balance_reference(const dcl_host *host, dcl_call *call)
{
    return is_due(host, call) ? with_pair(host, call, method_of(host, call)->reference) : pass_on(host, call);
}

static const dcl_port inputs[] = {
    {"u", "m x r factor", DCL_REAL, 0},
    {"v", "n x r factor", DCL_REAL, 0},
    {0},
};

static const dcl_port outputs[] = {
    {"u", "m x r; every |u_i| |v_i|, or of blocks |u_i v_i'|, is the same and u v' is unchanged", DCL_REAL, 0},
    {"v", "n x r", DCL_REAL, 0},
    {0},
};

static const dcl_attribute attributes[] = {
    {.name = "method", .doc = "aligned: the least common value, |u v'|_* / r; rotation: only turns u and v; hadamard: "
     "as aligned, by a fast transform, where r is a power of 2", .kind = DCL_STRING,
     .words = "aligned|rotation|hadamard"},
    {.name = "block", .doc = "neighbouring units that weigh as one, by |u_i v_i'|_F; above 1 only aligned",
     .kind = DCL_INTEGER, .fallback = 1, .least = 1, .most = 2147483647.0},
    {.name = "at", .doc = "the one step to act at, and there only if blocks do not weigh more then; else u and v are "
     "handed on; -1: every step", .kind = DCL_INTEGER, .fallback = -1, .least = -1, .most = 9007199254740992.0},
    {0},
};

static const dcl_case cases[] = {
    {"5x3 4x3", NULL, 5e-6, 1e-12, 0, 0},
    {"9x4 7x4", "method=aligned", 5e-6, 1e-12, 0, 0},
    {"6x1 5x1", NULL, 5e-6, 1e-12, 0, 0},
    {"1x1 1x1", NULL, 5e-6, 1e-12, 0, 0},
    {"3x5 7x5", NULL, 5e-6, 1e-12, 0, 0},
    {"7x5 2x5", NULL, 5e-6, 1e-12, 0, 0},
    {"1x6 1x6", NULL, 5e-6, 1e-12, 0, 0},
    {"2x8 3x8@-100..100", NULL, 5e-5, 1e-11, 0, 0},
    {"5x3@0..0 4x3", NULL, 0, 0, 0, 0},
    {"5x3@0..0 4x3@0..0", NULL, 0, 0, 0, 0},
    {"5x3@1..1 4x3@1..1", NULL, 5e-6, 1e-12, 0, 0},
    {"40x17 31x17", NULL, 2e-5, 1e-11, 0, 0},
    {"5x3 4x3", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"6x1 5x1", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"3x5 7x5", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"1x4 1x4", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"5x3@0..0 4x3", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"5x3@1..1 4x3@1..1", "method=rotation", 5e-6, 1e-12, 0, 0},
    {"40x17 31x17", "method=rotation", 2e-5, 1e-12, 0, 0},
    {"9x4 7x4", "method=hadamard", 5e-6, 1e-12, 0, 0},
    {"6x1 5x1", "method=hadamard", 5e-6, 1e-12, 0, 0},
    {"3x8 7x8", "method=hadamard", 5e-6, 1e-12, 0, 0},
    {"5x2@0..0 4x2", "method=hadamard", 0, 0, 0, 0},
    {"40x32 31x32", "method=hadamard", 2e-5, 1e-11, 0, 0},
    {"5x4 4x4", "block=2", 5e-6, 1e-12, 0, 0},
    {"5x4 4x4", "block=4", 5e-6, 1e-12, 0, 0},
    {"3x8 7x8", "block=2", 5e-6, 1e-12, 0, 0},
    {"4x12 5x12", "block=3", 5e-6, 1e-12, 0, 0},
    {"8x12 7x12", "block=3", 5e-4, 1e-9, 0, 0},
    {"1x6 1x6", "block=2", 5e-6, 1e-12, 0, 0},
    {"1x6 1x6", "block=3", 5e-6, 1e-12, 0, 0},
    {"5x6@1..1 4x6@1..1", "block=2", 5e-6, 1e-12, 0, 0},
    {"5x6@0..0 4x6", "block=2", 0, 0, 0, 0},
    {"9x4 7x4", "at=3", 5e-6, 1e-12, 0, 3},
    {"9x4 7x4", "at=3", 0, 0, 0, 2},
    {"3x8 7x8", "at=0 block=2", 5e-6, 1e-12, 0, 0},
    {"9x4 7x4", "at=-2", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x6 4x6", "block=4", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x6 4x6", "block=0", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x6 4x6", "block=2 method=rotation", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x6 4x6", "method=hadamard", 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 4x2", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5 5", NULL, 0, 0, DCL_CASE_REFUSED, 0},
    {"5x3 4x3", "method=other", 0, 0, DCL_CASE_REFUSED, 0},
    {0},
};

static const dcl_op balance = {
    .size = sizeof balance,
    .name = "balance",
    .doc = "factors with the same product whose units all weigh the same",
    .semantics = 1,
    .flags = DCL_OP_WAITS,
    .inputs = inputs,
    .outputs = outputs,
    .attributes = attributes,
    .source = balance_cl,
    .cases = cases,
    .infer = balance_infer,
    .run = balance_run,
    .reference = balance_reference,
};

static const dcl_op *const ops[] = {&balance, NULL};

const dcl_plugin dcl_plugin_v1 = {
    .size = sizeof dcl_plugin_v1,
    .need_minor = DCL_NEED_MINOR,
    .id = "dropcl.balance",
    .version = "0.1.0",
    .license = "Apache-2.0",
    .ops = ops,
};
