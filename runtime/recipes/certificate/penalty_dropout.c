/* penalty_dropout.c: what dropout and DropBlock cost in expectation: sums of squares instead of norms.
 *
 * Over k = width / block blocks, lambda sum ||U_b V_b'||_F^2 is at least mu ||X||^2, mu = lambda / k, in the squared
 * norm of recipes/common/support.c on the singular values of X = U V'. The dual norm of Z is the length of its `block`
 * largest singular values, so that no objective is below -loss*(-t Z) - t^2 (sigma_1^2 + ... + sigma_block^2)(Z) /
 * (4 mu). Of the squared loss the best t gives <Z, Y>^2 / (||Z||_F^2 + (sigma_1^2 + ...) / mu). Dropout is a block of
 * 1. */
#include <cblas.h>
#include <inttypes.h>
#include <stdlib.h>

#include "core/memory.h"
#include "recipes/certificate/penalty.h"
#include "recipes/common/assess.h"
#include "recipes/common/norms.h"

static dcl_status find_regularizer(const dcl__slope *s, int64_t block, double *regularizer, dcl_error *error)
{
    const int64_t blocks = s->width / block;
    double *products = malloc((size_t)(blocks + 1) * sizeof *products);
    if (!products)
        return dcl__no_memory(error, "the units' sizes", blocks * (int64_t)sizeof *products);
    dcl__unit_products(s->rows, s->columns, s->u, s->v, s->width, block, products);
    *regularizer = s->problem->lambda * cblas_ddot((int)blocks, products, 1, products, 1);
    free(products);
    return DCL_OK;
}

/* Without units there is nothing but 0, which costs nothing. */
static dcl_status weigh(const dcl__slope *s, int64_t block, double slack, uint64_t seed, double *regularizer,
                        double *cost, dcl__polar *polar, dcl_error *error)
{
    const double blocks = (double)(s->width / block);
    if (s->width % block)
        return dcl__fail(error, DCL_EINVAL, "the width is %" PRId64 ", which is no multiple of the block, %" PRId64,
                         s->width, block);
    dcl_status status = find_regularizer(s, block, regularizer, error);
    if (status == DCL_OK)
        status = dcl__spectral_squares(s, block, slack, seed, polar, error);
    if (status == DCL_OK)
        *cost = blocks > 0 && polar->upper > 0
                    ? polar->upper * polar->upper * blocks / (4 * s->problem->lambda) * (1 + 0x1p-50) : 0;
    return status;
}

static dcl_status dropout_squares(const dcl__slope *slope, double slack, uint64_t seed, double *regularizer,
                                  double *cost, dcl__polar *polar, dcl_error *error)
{
    return weigh(slope, 1, slack, seed, regularizer, cost, polar, error);
}

static dcl_status dropblock_squares(const dcl__slope *slope, double slack, uint64_t seed, double *regularizer,
                                    double *cost, dcl__polar *polar, dcl_error *error)
{
    return weigh(slope, slope->problem->block, slack, seed, regularizer, cost, polar, error);
}

/* Of a single factor while the other stays: the Euclidean norm. */
static double norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    (void)problem;
    (void)side;
    return dcl__norm_l2(x, length, stride);
}

static void shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length, int64_t stride)
{
    (void)problem;
    (void)side;
    dcl__shrink_l2(weight, x, length, stride);
}

const dcl__penalty dcl__penalty_dropout = {.id = DCL_PENALTY_DROPOUT, .name = "dropout",
                                           .doc = "low rank, as dropout of units", .is_certifiable = 1, .norm = norm,
                                           .shrink = shrink, .squares = dropout_squares};
const dcl__penalty dcl__penalty_dropblock = {.id = DCL_PENALTY_DROPBLOCK, .name = "dropblock",
                                             .doc = "low rank, as dropout of --block units", .norm = norm,
                                             .shrink = shrink, .squares = dropblock_squares};
