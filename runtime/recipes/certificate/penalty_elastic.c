/* penalty_elastic.c: (a ||u||_1 + (1 - a) ||u||_2) ||v||_2 with the mixture a.
 *
 * With R the longest row of Z and S its largest singular value, u'Zv is at most R ||u||_1 ||v||_2 and at most
 * S ||u||_2 ||v||_2. Of what the norm is made of, a part a is at least u'Zv / R and a part 1 - a at least u'Zv / S, so
 * that the polar is at most 1 / (a / R + (1 - a) / S): below either bound alone, and exact at both ends. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"
#include "recipes/certificate/ascent.h"
#include "recipes/certificate/penalty.h"
#include "recipes/common/norms.h"

enum { LEAST_PAIRS = 4 };

static double norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    const double a = problem->mixture, l2 = dcl__norm_l2(x, length, stride);
    return side ? l2 : a * dcl__norm_l1(x, length, stride) + (1 - a) * l2;
}

/* The map of a sum of an l1 norm and a length is that of the l1 norm, then that of the length (Yu 2013). */
static void shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length, int64_t stride)
{
    if (side == 0)
        dcl__shrink_l1(problem->mixture * weight, x, length, stride);
    dcl__shrink_l2(side ? weight : (1 - problem->mixture) * weight, x, length, stride);
}

/* The length of w shrunk by a t less (1 - a) t: falling in t, 0 at the dual norm of w. */
static double excess(const double *w, int64_t length, double a, double t)
{
    double square = 0;
    for (int64_t i = 0; i < length; i++) {
        const double rest = fmax(fabs(w[i]) - a * t, 0);
        square += rest * rest;
    }
    return sqrt(square) - (1 - a) * t;
}

/* The best u is along w shrunk by a t at the dual norm t, or the corner of the largest number where nothing is left. */
static double answer(const dcl_problem *problem, double *w, int64_t length)
{
    const double a = problem->mixture, l2 = dcl__norm_l2(w, length, 1);
    const int64_t place = (int64_t)cblas_idamax((int)length, w, 1);
    const double largest = fabs(w[place]);
    double low = largest, high = l2;
    if (!(l2 > 0))
        return 0;
    for (int i = 0; i < 60 && low < high; i++) {
        const double t = (low + high) / 2;
        if (excess(w, length, a, t) > 0)
            low = t;
        else
            high = t;
    }
    const double sign = w[place] < 0 ? -1 : 1;
    double value = 0;
    for (int64_t i = 0; i < length; i++) {
        const double rest = copysign(fmax(fabs(w[i]) - a * low, 0), w[i]);
        value += rest * w[i];
        w[i] = rest;
    }
    if (!(value > 0)) {
        w[place] = sign;
        value = largest;
    }
    const double size = norm(problem, 0, w, length, 1);
    cblas_dscal((int)length, 1 / size, w, 1);
    return value / size;
}

static double *make_starts(const dcl__atoms *pairs, const dcl__atoms *rows, int64_t columns, int64_t *count)
{
    const int64_t n = *count = pairs->count + rows->count;
    double *v = malloc((size_t)(columns * n + 1) * sizeof *v);
    for (int64_t b = 0; b < columns && v; b++) {
        cblas_dcopy((int)pairs->count, pairs->v + b * pairs->count, 1, v + b * n, 1);
        cblas_dcopy((int)rows->count, rows->v + b * rows->count, 1, v + b * n + pairs->count, 1);
    }
    return v;
}

static dcl_status find_pairs(const dcl__slope *slope, const dcl__atoms *pairs, const dcl__atoms *rows,
                             dcl__polar *polar, dcl__atoms *atoms, dcl_error *error)
{
    const dcl__answer answers[2] = {answer, dcl__answer_l2};
    int64_t count = 0;
    double *v = make_starts(pairs, rows, slope->columns, &count);
    if (!v)
        return dcl__no_memory(error, "starts", slope->columns * count * (int64_t)sizeof *v);
    dcl_status status = dcl__ascend(slope, answers, v, count, polar, atoms, error);
    free(v);
    return status;
}

static dcl_status polar_of(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar, dcl__atoms *atoms,
                           dcl_error *error)
{
    const int64_t most = atoms && atoms->most > LEAST_PAIRS ? atoms->most : LEAST_PAIRS;
    const double a = slope->problem->mixture;
    dcl__atoms pairs = {.most = most}, rows = {.most = most};
    dcl__polar longest;
    dcl_status status = dcl__row_polar(slope, slack, seed, &longest, &rows, error);
    if (status == DCL_OK)
        status = dcl__spectral_polar(slope, slack, seed, polar, &pairs, error);
    if (status == DCL_OK) {
        polar->upper = (1 + 0x1p-50) / (a / longest.upper + (1 - a) / polar->upper);
        status = find_pairs(slope, &pairs, &rows, polar, atoms, error);
    }
    dcl__atoms_free(&pairs);
    dcl__atoms_free(&rows);
    return status;
}

const dcl__penalty dcl__penalty_elastic = {.id = DCL_PENALTY_ELASTIC, .name = "elastic",
                                           .doc = "low rank with few rows, by --mixture", .norm = norm,
                                           .shrink = shrink, .polar = polar_of};
