/* penalty_nuclear.c: ||u||_2 ||v||_2, whose Omega is the nuclear norm and whose polar the largest singular value. */
#include "recipes/certificate/penalty.h"
#include "recipes/common/norms.h"

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

const dcl__penalty dcl__penalty_nuclear = {.id = DCL_PENALTY_NUCLEAR, .name = "nuclear", .doc = "low rank",
                                           .is_certifiable = 1, .norm = norm, .shrink = shrink,
                                           .polar = dcl__spectral_polar};
