/* unshrink.c: gives the units of a fit under a penalty the weights that least squares would give them.
 *
 * The nuclear norm finds the units and makes all of them smaller than the data have them; with the units given, their
 * weights are a regression with as many unknowns (Mazumder, Hastie, Tibshirani, JMLR 11, 2010, section 7).
 */
#include "recipes/completion/unshrink.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>

#include "core/error.h"

/* A unit that is nearly a sum of others keeps its weight: what a pivot may be, relative to the mean of all. */
static const double RIDGE = 1e-10;

/* gram += w x x', right += w x y for x_i = u_ai v_bi, entry by entry. */
static void add_entries(const dcl_entries *e, const double *u, const double *v, int64_t width, double *x, double *gram,
                        double *right)
{
    const int r = (int)width;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t k = e->start[a]; k < e->start[a + 1]; k++) {
            const double weight = e->weight ? e->weight[k] : 1, *vb = v + e->column[k] * width;
            for (int64_t i = 0; i < width; i++)
                x[i] = u[a * width + i] * vb[i];
            cblas_dsyr(CblasRowMajor, CblasUpper, r, weight, x, 1, gram, r);
            cblas_daxpy(r, weight * e->value[k], x, 1, right, 1);
        }
}

/* The weights become `right`: those nearest to 1 where the entries do not tell. */
static int solve(int64_t width, double *gram, double *right)
{
    double trace = 0;
    for (int64_t i = 0; i < width; i++)
        trace += gram[i * width + i];
    const double ridge = RIDGE * trace / (double)width;
    for (int64_t i = 0; i < width; i++) {
        gram[i * width + i] += ridge;
        right[i] += ridge;
    }
    return trace > 0 ? (int)LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', (int)width, 1, gram, (int)width, right, 1) : 1;
}

/* A unit whose weight would turn negative is none that the entries ask for. */
static void rescale(double *x, int64_t rows, int64_t width, const double *weight)
{
    for (int64_t a = 0; a < rows; a++)
        for (int64_t i = 0; i < width; i++)
            x[a * width + i] *= sqrt(fmax(weight[i], 0));
}

dcl_status dcl__unshrink(const dcl_entries *entries, double *u, double *v, int64_t width, dcl_error *error)
{
    if (width == 0)
        return DCL_OK;
    double *gram = calloc((size_t)(width * width + 2 * width), sizeof *gram);
    double *right = gram + width * width, *x = right + width;
    if (!gram)
        return dcl__no_memory(error, "the weights of units", (width + 2) * width * (int64_t)sizeof *gram);
    add_entries(entries, u, v, width, x, gram, right);
    if (solve(width, gram, right) == 0) {
        rescale(u, entries->rows, width, right);
        rescale(v, entries->columns, width, right);
    }
    free(gram);
    return DCL_OK;
}
