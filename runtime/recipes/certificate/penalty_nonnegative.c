/* penalty_nonnegative.c: ||u||_2 ||v||_2 for u and v without negative numbers.
 *
 * The polar is NP-hard in general. Two bounds from above: the largest singular value of the positive part of Z, since
 * u'Zv is at most u'max(Z, 0)v for such u and v, and that of Z itself. Where Z is nowhere negative the first is exact:
 * its leading singular vectors are not negative either (Perron, Frobenius). */
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "recipes/certificate/ascent.h"
#include "recipes/certificate/penalty.h"
#include "recipes/common/norms.h"

/* Singular pairs to start from, where fewer atoms are wanted. */
enum { LEAST_PAIRS = 4 };

static double norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    (void)problem;
    (void)side;
    return dcl__norm_nonnegative(x, length, stride);
}

static void shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length, int64_t stride)
{
    (void)problem;
    (void)side;
    dcl__shrink_nonnegative(weight, x, length, stride);
}

static double answer(const dcl_problem *problem, double *x, int64_t length)
{
    for (int64_t i = 0; i < length; i++)
        x[i] = fmax(x[i], 0);
    return dcl__answer_l2(problem, x, length);
}

/* The positive and the negative part of every singular vector of Z, and the sizes of those of its positive part. */
static double *make_starts(const dcl__atoms *pairs, const dcl__atoms *positive, int64_t columns, int64_t *count)
{
    const int64_t n = *count = 2 * pairs->count + positive->count;
    double *v = malloc((size_t)(columns * n + 1) * sizeof *v);
    for (int64_t b = 0; b < columns && v; b++) {
        for (int64_t i = 0; i < pairs->count; i++) {
            const double number = pairs->v[b * pairs->count + i];
            v[b * n + 2 * i] = fmax(number, 0);
            v[b * n + 2 * i + 1] = fmax(-number, 0);
        }
        for (int64_t i = 0; i < positive->count; i++)
            v[b * n + 2 * pairs->count + i] = fabs(positive->v[b * positive->count + i]);
    }
    return v;
}

static dcl_status find_pairs(const dcl__slope *slope, const dcl__atoms *pairs, const dcl__atoms *positive,
                             dcl__polar *polar, dcl__atoms *atoms, dcl_error *error)
{
    const dcl__answer answers[2] = {answer, answer};
    int64_t count = 0;
    double *v = make_starts(pairs, positive, slope->columns, &count);
    if (!v)
        return dcl__no_memory(error, "starts", slope->columns * count * (int64_t)sizeof *v);
    dcl_status status = dcl__ascend(slope, answers, v, count, polar, atoms, error);
    free(v);
    return status;
}

static dcl_status polar_of(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar, dcl__atoms *atoms,
                           dcl_error *error)
{
    dcl__slope part = *slope;
    part.positive = 1;
    dcl__atoms pairs = {.most = atoms && atoms->most > LEAST_PAIRS ? atoms->most : LEAST_PAIRS}, positive = {.most = 1};
    dcl__polar whole;
    dcl_status status = dcl__spectral_polar(slope, slack, seed, &whole, &pairs, error);
    if (status == DCL_OK)
        status = dcl__spectral_polar(&part, slack, seed, polar, &positive, error);
    if (status == DCL_OK) {
        polar->upper = fmin(polar->upper, whole.upper);
        polar->failure += whole.failure;
        status = find_pairs(slope, &pairs, &positive, polar, atoms, error);
    }
    dcl__atoms_free(&pairs);
    dcl__atoms_free(&positive);
    return status;
}

const dcl__penalty dcl__penalty_nonnegative = {.id = DCL_PENALTY_NONNEGATIVE, .name = "nonnegative",
                                               .doc = "low rank without negative numbers", .norm = norm,
                                               .shrink = shrink, .polar = polar_of};
