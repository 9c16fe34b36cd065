/* growth_step.c: units that join and units that go. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth.h"

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

/* One factor of all units, and what belongs to it. */
typedef struct side {
    double *x;
    int64_t rows, width;
} side;

static int64_t largest_entry(const side *s, int64_t i)
{
    int64_t at = 0;
    for (int64_t a = 1; a < s->rows; a++)
        if (fabs(s->x[a * s->width + i]) > fabs(s->x[at * s->width + i]))
            at = a;
    return at;
}

/* Whether x_j is `ratio` x_i but for rounding. */
static int are_along(const side *s, int64_t i, int64_t j, double ratio, double room)
{
    for (int64_t a = 0; a < s->rows; a++)
        if (fabs(s->x[a * s->width + j] - ratio * s->x[a * s->width + i]) > room)
            return 0;
    return 1;
}

/* Where x_j = ratio x_i with a ratio above 0, unit i takes ratio times the other factor of j over: norms are at most
 * added. `at` holds the places of the largest entries. */
static void merge(const side *along, const side *other, const int64_t *at, int *keeps)
{
    for (int64_t j = 0; j < along->width; j++)
        for (int64_t i = 0; i < j && keeps[j]; i++) {
            if (!keeps[i] || at[i] != at[j])
                continue;
            const double top = along->x[at[j] * along->width + j], ratio = top / along->x[at[i] * along->width + i];
            if (!(ratio > 0) || !are_along(along, i, j, ratio, 1e-12 * fabs(top)))
                continue;
            for (int64_t a = 0; a < other->rows; a++)
                other->x[a * other->width + i] += ratio * other->x[a * other->width + j];
            keeps[j] = 0;
        }
}

static void merge_sides(dcl__factors *f, int64_t *at, int *keeps)
{
    const side sides[] = {{f->u, f->rows, f->width}, {f->v, f->columns, f->width}};
    for (int k = 0; k < 2; k++) {
        for (int64_t i = 0; i < f->width; i++)
            at[i] = keeps[i] ? largest_entry(&sides[k], i) : 0;
        merge(&sides[k], &sides[1 - k], at, keeps);
    }
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

dcl_status dcl__merge_units(const dcl_problem *problem, dcl__factors *f, dcl_error *error)
{
    const size_t width = (size_t)f->width;
    double *weights = calloc(width + 1, sizeof *weights);
    int64_t *at = calloc(width + 1, sizeof *at);
    int *keeps = calloc(width + 1, sizeof *keeps);
    dcl_status status = DCL_OK;
    if (!weights || !at || !keeps) {
        status = dcl__no_memory(error, "the weights of units", f->width * (int64_t)sizeof *weights);
    } else {
        dcl__unit_weights(problem, f, weights);
        choose_units(weights, f->width, keeps);
        merge_sides(f, at, keeps);
        status = dcl__factors_keep(f, keeps, error);
    }
    free(weights);
    free(at);
    free(keeps);
    return status;
}
