/* noise_optimum.c: the least objective of every kind of noise, or a lower bound of it. */
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "recipes/factorization/optimum.h"

/* What is known of the data. */
typedef struct spectrum {
    const double *values;        /* largest first                                                    */
    int64_t count;
    double energy, residual;     /* as of dcl_noise_optimum                                          */
} spectrum;

/* ---- Noise that comes to dropout ---- */

static dcl_optimum as_dropout(const spectrum *data, double lambda, int64_t width, double *shrunk)
{
    const dcl_optimum optimum =
        data->energy < 0 ? dcl_dropout_optimum(data->values, data->count, lambda, width)
                         : dcl_dropout_optimum_leading(data->values, data->count, data->energy, data->residual, lambda,
                                                       width);
    for (int64_t i = 0; i < data->count && shrunk; i++)
        shrunk[i] = i < optimum.rank ? data->values[i] - optimum.tau : 0;
    return optimum;
}

/* ---- Correlated noise ---- */

/* The least eigenvalue of A A', never above the true one: 0 where it cannot be told from 0, or not be computed. */
static double least_eigenvalue(const double *factor, int64_t rows, int64_t columns)
{
    if (columns < rows)
        return 0;
    double *copy = malloc((size_t)(rows * columns + 2 * rows) * sizeof *copy), least = 0;
    if (!copy)
        return 0;
    double *values = copy + rows * columns;
    memcpy(copy, factor, (size_t)(rows * columns) * sizeof *copy);
    if (LAPACKE_dgesvd(LAPACK_COL_MAJOR, 'N', 'N', (lapack_int)columns, (lapack_int)rows, copy, (lapack_int)columns,
                       values, NULL, (lapack_int)columns, NULL, (lapack_int)rows, values + rows) == 0)
        least = fmax(values[rows - 1] - 8 * DBL_EPSILON * (double)columns * values[0], 0);
    free(copy);
    return least * least;
}

/* <C, U'U o V'V> is at least the least eigenvalue of C times sum |u_i|^2 |v_i|^2. */
static dcl_optimum correlated(const dcl_noise *noise, const spectrum *data, int64_t width, double *shrunk)
{
    const double least = least_eigenvalue(noise->factor, width, noise->factor_columns);
    dcl_optimum optimum = as_dropout(data, noise->lambda * least, width, shrunk);
    optimum.lambda = noise->lambda;
    optimum.inexact = 1;
    return optimum;
}

/* ---- DropBlock ---- */

/* The convex problem for the leading `used` values: min ||s - sigma||^2 + mu ||s||^2, s in the block-support norm. */
typedef struct convex {
    const spectrum *data;
    int64_t used, block, blocks;
    double mu, threshold;        /* lambda / blocks; mu T                                            */
} convex;

/* A value as the convex problem leaves it. */
static double shrunk_value(const convex *problem, int64_t i)
{
    const double sigma = i < problem->used ? problem->data->values[i] : 0;
    return fmin(sigma / (1 + problem->mu), fmax(sigma - problem->threshold, 0));
}

/* Its weight times the number of blocks; what only rounding keeps from 0 or 1 is taken as such. */
static double share(const convex *problem, int64_t i)
{
    const double level = problem->threshold / problem->mu;
    const double weight = shrunk_value(problem, i) > 0 ? (problem->data->values[i] - problem->threshold) / level : 0;
    return (double)problem->blocks * (weight >= 1 - 1e-12 ? 1 : weight > 1e-12 ? weight : 0);
}

/* Do orthogonal projections P_1 .. P_k of rank m exist whose mean is diag(w), for `count` weights strictly between 0
 * and 1 that sum to m? Yes in two cases that have a construction, by Schur and Horn: m = 1, and its complement
 * m = count - 1. No where the eigenvalues of a sum break an inequality of Weyl: t of the projections leave a subspace
 * of dimension count - t m alone, so that k w_{t m + 1} <= k - t; by complements k w_{count - t (count - m)} >= t. */
static int judge(const convex *problem, int64_t whole, int64_t count)
{
    const int64_t k = problem->blocks, m = problem->block - whole;
    const double slack = 1e-12 * (double)k;
    if (count == m)
        return DCL_ATTAINED;
    for (int64_t t = 1; t <= k; t++) {
        const int64_t upper = t * m, lower = count - 1 - t * (count - m);
        if (upper < count && share(problem, whole + upper) > (double)(k - t) + slack)
            return DCL_NOT_ATTAINED;
        if (lower >= 0 && share(problem, whole + lower) < (double)t - slack)
            return DCL_NOT_ATTAINED;
    }
    return k >= count && (m == 1 || m == count - 1) ? DCL_ATTAINED : DCL_ATTAINMENT_OPEN;
}

static int attainment(const convex *problem)
{
    int64_t whole = 0, kept = 0;
    while (problem->mu > 0 && kept < problem->used && share(problem, kept) > 0)
        kept++;
    if (kept <= problem->block)
        return DCL_ATTAINED;
    while (whole < kept && share(problem, whole) >= (double)problem->blocks)
        whole++;
    return judge(problem, whole, kept - whole);
}

/* Two blocks, exactly: two projections of rank b pair the values up, the i-th with the i-th last of 2 b, and each
 * pair is a problem of dropout on two units. Returns the least objective on the values in use. */
static double pair_up(const convex *problem, dcl_optimum *optimum, double *shrunk)
{
    const int64_t b = problem->block;
    double squares = 0, minimum = 0;
    optimum->rank = 0;
    for (int64_t i = b < problem->used ? b : problem->used; i-- > 0;) {
        const int64_t j = 2 * b - 1 - i;
        const double pair[2] = {problem->data->values[i], j < problem->used ? problem->data->values[j] : 0};
        const dcl_optimum found = dcl_dropout_optimum(pair, 2, optimum->lambda, 2);
        minimum += found.minimum;
        squares += found.product * found.product;
        optimum->rank += found.rank;
        if (shrunk)
            shrunk[i] = found.rank > 0 ? pair[0] - found.tau : 0;
        if (shrunk && j < problem->used)
            shrunk[j] = found.rank > 1 ? pair[1] - found.tau : 0;
    }
    optimum->product = sqrt(squares);
    return minimum;
}

/* Two blocks reach the convex value where the shares of every pair make up 2, the number of blocks. */
static int pairs_are_convex(const convex *problem)
{
    const int64_t b = problem->block;
    for (int64_t i = 0; i < b && attainment(problem) != DCL_ATTAINED; i++)
        if (fabs(share(problem, i) + (2 * b - 1 - i < problem->used ? share(problem, 2 * b - 1 - i) : 0) - 2) > 4e-12)
            return 0;
    return 1;
}

/* How far the minimum may be below what the leading values say: as for dropout (optimum.c), but for s_i put at
 * sigma_i, where it needs the values that the width keeps. */
static double excess(const convex *problem, const dcl_optimum *optimum)
{
    const int64_t last = problem->used - 1;
    const double residual = problem->data->residual;
    double sum = 0, convex = optimum->convex_gap + 2 * (residual * residual);
    if (!(problem->data->energy >= 0) || residual == 0)
        return 0;
    for (int64_t i = 0; i <= last; i++) {
        const double d = dcl__value_growth(problem->data->values, i, last, residual);
        sum += 2 * (problem->data->values[i] + d) * d;
    }
    return optimum->rank < problem->block * problem->blocks && (last < 0 || convex < sum) ? convex : sum;
}

/* The part of ||Y||^2 beyond the values in use. */
static double rest_of(const spectrum *data, int64_t used)
{
    double rest = data->energy < 0 ? 0 : data->energy;
    for (int64_t i = 0; i < used && data->energy >= 0; i++)
        rest -= data->values[i] * data->values[i];
    for (int64_t i = data->count; i-- > used && data->energy < 0;)
        rest += data->values[i] * data->values[i];
    return fmax(rest, 0);
}

/* The square of the norm of what the convex problem leaves. */
static double norm_of(const convex *problem)
{
    double square = 0;
    if (problem->mu == 0)
        return dcl_support_norm(problem->data->values, problem->used, problem->block, NULL);
    for (int64_t i = problem->used; i-- > 0;) {
        const double s = shrunk_value(problem, i), level = problem->threshold / problem->mu;
        square += s * fmax(s, level);
    }
    return square;
}

static dcl_optimum dropblock(const dcl_noise *noise, const spectrum *data, int64_t width, double *shrunk)
{
    const int64_t used = data->count < width ? data->count : width;
    convex problem = {data, used, noise->block, width / noise->block, 0, 0};
    problem.mu = noise->lambda / (double)problem.blocks;
    dcl_optimum optimum = {.lambda = noise->lambda};
    if (shrunk)
        memset(shrunk, 0, (size_t)data->count * sizeof *shrunk);
    const double convex = dcl_support_prox(data->values, used, noise->block, problem.mu, shrunk, NULL,
                                           &problem.threshold);
    optimum.tau = problem.threshold;
    optimum.product = sqrt(norm_of(&problem)) / (double)problem.blocks;
    while (optimum.rank < used && shrunk_value(&problem, optimum.rank) > 0)
        optimum.rank++;
    optimum.attained = problem.blocks == 2 ? pairs_are_convex(&problem) ? DCL_ATTAINED : DCL_NOT_ATTAINED
                                           : attainment(&problem);
    optimum.inexact = optimum.attained != DCL_ATTAINED && problem.blocks != 2;
    if (problem.blocks == 2 && optimum.attained == DCL_NOT_ATTAINED)
        optimum.convex_gap = fmax(pair_up(&problem, &optimum, shrunk) - convex, 0);
    optimum.minimum = rest_of(data, used) + convex + optimum.convex_gap;
    optimum.error = fmin(excess(&problem, &optimum), optimum.minimum);
    return optimum;
}

dcl_optimum dcl_noise_optimum(const dcl_noise *noise, const double *values, int64_t count, double energy,
                              double residual, int64_t width, double *shrunk)
{
    const spectrum data = {values, count, energy, residual};
    if (noise->kind == DCL_NOISE_CORRELATED)
        return correlated(noise, &data, width, shrunk);
    if (noise->kind == DCL_NOISE_DROPBLOCK && noise->block > 1)
        return dropblock(noise, &data, width, shrunk);
    return as_dropout(&data, noise->kind == DCL_NOISE_NONE ? 0 : noise->lambda, width, shrunk);
}
