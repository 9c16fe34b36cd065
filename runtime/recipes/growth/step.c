/* step.c: units that join and units that go. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth/growth.h"

/* ---- Atoms ---- */

/* Sum of squares of D = sum_k share_k u_k v_k' over all entries: <U'U, V'V> of factors scaled by the shares. */
static dcl_status dense_square(const dcl__atoms *a, int64_t rows, int64_t columns, const double *share, double *square,
                               dcl_error *error)
{
    const int64_t k = a->count;
    double *grams = calloc((size_t)(2 * k * k), sizeof *grams);
    if (!grams)
        return dcl__no_memory(error, "products of atoms", 2 * k * k * (int64_t)sizeof *grams);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)k, (int)rows, 1, a->u, (int)k, 0, grams, (int)k);
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)k, (int)columns, 1, a->v, (int)k, 0, grams + k * k, (int)k);
    *square = 0;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i; j < k; j++)
            *square += (i == j ? 1 : 2) * share[i] * share[j] * grams[i * k + j] * grams[k * k + i * k + j];
    free(grams);
    return DCL_OK;
}

/* The same over the entries that are known. */
static double known_square(const dcl_entries *e, const dcl__atoms *a, const double *share)
{
    double square = 0;
    for (int64_t row = 0; row < e->rows; row++)
        for (int64_t i = e->start[row]; i < e->start[row + 1]; i++) {
            const double *u = a->u + row * a->count, *v = a->v + e->column[i] * a->count;
            double sum = 0;
            for (int64_t k = 0; k < a->count; k++)
                sum += share[k] * u[k] * v[k];
            square += sum * sum;
        }
    return square;
}

static void append(dcl__factors *f, const dcl__atoms *a, int64_t old, const double *share, double by)
{
    for (int64_t k = 0; k < a->count; k++) {
        const double root = sqrt(share[k] * by);
        for (int64_t row = 0; row < f->rows; row++)
            f->u[row * f->width + old + k] = root * a->u[row * a->count + k];
        for (int64_t row = 0; row < f->columns; row++)
            f->v[row * f->width + old + k] = root * a->v[row * a->count + k];
    }
}

static dcl_status widen(dcl__factors *f, int64_t by, dcl_error *error)
{
    dcl__factors wide = {.rows = f->rows, .columns = f->columns};
    dcl_status status = dcl__factors_make(&wide, f->width + by, error);
    if (status)
        return status;
    for (int64_t a = 0; a < f->rows && f->width > 0; a++)
        memcpy(wide.u + a * wide.width, f->u + a * f->width, (size_t)f->width * sizeof *wide.u);
    for (int64_t a = 0; a < f->columns && f->width > 0; a++)
        memcpy(wide.v + a * wide.width, f->v + a * f->width, (size_t)f->width * sizeof *wide.v);
    dcl__factors_free(f);
    *f = wide;
    return DCL_OK;
}

dcl_status dcl__add_atoms(const dcl_problem *problem, dcl__factors *f, const dcl__atoms *atoms, double curvature,
                          dcl_error *error)
{
    const int64_t old = f->width;
    double gain = 0, square = 0, *share = calloc((size_t)atoms->count + 1, sizeof *share);
    dcl_status status = share ? DCL_OK : dcl__no_memory(error, "atoms", atoms->count * (int64_t)sizeof *share);
    for (int64_t k = 0; k < atoms->count && share; k++) {
        share[k] = fmax(atoms->level[k] - problem->lambda, 0);
        gain += share[k] * share[k];
    }
    if (status == DCL_OK && problem->data)
        status = dense_square(atoms, f->rows, f->columns, share, &square, error);
    else if (status == DCL_OK)
        square = known_square(problem->entries, atoms, share);
    if (status == DCL_OK && square > 0)
        status = widen(f, atoms->count, error);
    if (status == DCL_OK && square > 0)
        append(f, atoms, old, share, gain / (curvature * square));
    free(share);
    return status;
}

/* ---- Units that go ---- */

/* A penalty with an l1 norm costs least where each unit is one row of U V' (of l2-l1: a column), beside a corner of the
 * norm's ball; with v not negative, one unit for each sign. */
typedef struct corners {
    double *x, *other;           /* the factor with the l1 norm, and the other one                   */
    int64_t lines, length, width;            /* rows of x and of other                               */
    int signs;                   /* 1: the signs of x apart                                          */
} corners;

static int has_corners(const dcl_problem *problem)
{
    return problem->penalty == DCL_PENALTY_L1_L2 || problem->penalty == DCL_PENALTY_L2_L1 ||
           problem->penalty == DCL_PENALTY_L1_L1 || problem->penalty == DCL_PENALTY_L1_NONNEGATIVE;
}

static corners corners_of(const dcl_problem *problem, const dcl__factors *f)
{
    const int turned = problem->penalty == DCL_PENALTY_L2_L1;
    return (corners){turned ? f->v : f->u, turned ? f->u : f->v, turned ? f->columns : f->rows,
                     turned ? f->rows : f->columns, f->width, problem->penalty == DCL_PENALTY_L1_NONNEGATIVE};
}

/* How much of unit i belongs to the k-th unit to be made: with signs apart they come in pairs. */
static double part(const corners *c, int64_t k, int64_t i)
{
    const double x = c->x[(c->signs ? k / 2 : k) * c->width + i];
    return !c->signs ? x : k % 2 ? fmin(x, 0) : fmax(x, 0);
}

static int is_used(const corners *c, int64_t k)
{
    for (int64_t i = 0; i < c->width; i++)
        if (part(c, k, i) != 0)
            return 1;
    return 0;
}

static int64_t count_used(const corners *c)
{
    int64_t used = 0;
    for (int64_t k = 0; k < c->lines * (1 + c->signs); k++)
        used += is_used(c, k);
    return used;
}

/* Into zeros: the corner, and the sum of what belongs to it. */
static void fill_corners(const corners *from, const corners *to)
{
    int64_t at = 0;
    for (int64_t k = 0; k < from->lines * (1 + from->signs); k++) {
        if (!is_used(from, k))
            continue;
        const double sign = from->signs && k % 2 ? -1 : 1;
        to->x[(from->signs ? k / 2 : k) * to->width + at] = sign;
        for (int64_t i = 0; i < from->width; i++) {
            const double by = sign * part(from, k, i);
            for (int64_t b = 0; b < from->length && by != 0; b++)
                to->other[b * to->width + at] += by * from->other[b * from->width + i];
        }
        at++;
    }
}

static dcl_status move_to_corners(const dcl_problem *problem, dcl__factors *f, int64_t most, dcl_error *error)
{
    const corners from = corners_of(problem, f);
    dcl__factors made = {.rows = f->rows, .columns = f->columns};
    const int64_t used = count_used(&from);
    if (used > most)
        return DCL_OK;
    dcl_status status = dcl__factors_make(&made, used, error);
    if (status)
        return status;
    const corners to = corners_of(problem, &made);
    fill_corners(&from, &to);
    dcl__factors_free(f);
    *f = made;
    return DCL_OK;
}

/* Units that have weight at all. */
static void choose_units(const double *weights, int64_t width, int *keeps)
{
    double largest = 0;
    for (int64_t i = 0; i < width; i++)
        largest = fmax(largest, weights[i]);
    for (int64_t i = 0; i < width; i++)
        keeps[i] = weights[i] > 1e-14 * largest;
}

dcl_status dcl__tidy_units(const dcl_problem *problem, dcl__factors *f, int64_t most, dcl_error *error)
{
    dcl_status status = f->width > 0 && has_corners(problem) ? move_to_corners(problem, f, most, error) : DCL_OK;
    if (status)
        return status;
    double *weights = calloc((size_t)f->width + 1, sizeof *weights);
    int *keeps = calloc((size_t)f->width + 1, sizeof *keeps);
    if (!weights || !keeps) {
        status = dcl__no_memory(error, "the weights of units", f->width * (int64_t)sizeof *weights);
    } else {
        dcl__unit_weights(problem, f, weights);
        choose_units(weights, f->width, keeps);
        status = dcl__factors_keep(f, keeps, error);
        dcl__balance_units(problem, f);
    }
    free(weights);
    free(keeps);
    return status;
}
