/* unshrink.c: gives the units of a fit under a penalty the weights that least squares would give them.
 *
 * The nuclear norm finds the units and makes all of them smaller than the data have them; with the units given, their
 * weights are a regression with as many unknowns (Mazumder, Hastie, Tibshirani, JMLR 11, 2010, section 7), none of them
 * negative (Lawson, Hanson, Solving least squares problems, 1974, chapter 23, begun from the weights that there are).
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

/* Minimises w'G w / 2 - w'right over w >= 0. */
typedef struct search {
    int64_t width;
    double *gram, *right;        /* G: the upper triangle                                            */
    double *weight, *trial;
    double *part;                /* room for the G of those that are free                            */
    int *is_free;                /* the others are 0                                                 */
} search;

static double gram_at(const search *s, int64_t i, int64_t j)
{
    return s->gram[i < j ? i * s->width + j : j * s->width + i];
}

/* The least squares of those that are free, the others 0. */
static dcl_status solve(search *s, dcl_error *error)
{
    int64_t count = 0;
    for (int64_t i = 0; i < s->width; i++)
        count += s->is_free[i];
    for (int64_t i = 0, row = 0; i < s->width; i++) {
        if (!s->is_free[i])
            continue;
        for (int64_t j = 0, column = 0; j < s->width; j++)
            if (s->is_free[j])
                s->part[row * count + column++] = gram_at(s, i, j);
        s->trial[row++] = s->right[i];
    }
    int failed = count > 0 && LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', (int)count, 1, s->part, (int)count, s->trial, 1);
    for (int64_t i = 0; i < count; i++)
        failed |= !isfinite(s->trial[i]);
    if (failed)
        return dcl__fail(error, DCL_ENUMERIC, "the units cannot be unshrunk: squares of their products are no f64 "
                         "numbers");
    for (int64_t i = s->width; i-- > 0;)
        s->trial[i] = s->is_free[i] ? s->trial[--count] : 0;
    return DCL_OK;
}

/* How far from its weight to the trial a unit may go until it is 0. */
static double way(const search *s, int64_t i)
{
    return s->is_free[i] && s->trial[i] <= 0 ? s->weight[i] / (s->weight[i] - s->trial[i]) : 1;
}

/* Goes on to the trial, or as far as no weight is negative: those that are 0 there are not free any more. Returns
 * whether it arrived. */
static int move(search *s)
{
    double length = 1;
    for (int64_t i = 0; i < s->width; i++)
        length = fmin(length, way(s, i));
    for (int64_t i = 0; i < s->width; i++) {
        s->is_free[i] = s->is_free[i] && !(length < 1 && way(s, i) <= length);
        s->weight[i] = s->is_free[i] ? s->weight[i] + length * (s->trial[i] - s->weight[i]) : 0;
    }
    return !(length < 1);
}

/* Frees the unit whose weight gains most by rising from 0; 0 where none gains more than `least`. */
static int free_another(search *s, double least)
{
    int64_t best = -1;
    for (int64_t i = 0; i < s->width; i++) {
        double gain = s->right[i];
        for (int64_t j = 0; j < s->width && !s->is_free[i]; j++)
            gain -= gram_at(s, i, j) * s->weight[j];
        if (!s->is_free[i] && gain > least) {
            least = gain;
            best = i;
        }
    }
    if (best >= 0)
        s->is_free[best] = 1;
    return best >= 0;
}

/* The weights: those nearest to 1 where the entries do not tell. Each round has a better objective but for rounding, so
 * that their number needs a limit. */
static dcl_status find_weights(search *s, dcl_error *error)
{
    double trace = 0;
    for (int64_t i = 0; i < s->width; i++)
        trace += s->gram[i * s->width + i];
    const double ridge = RIDGE * trace / (double)s->width;
    for (int64_t i = 0; i < s->width; i++) {
        s->gram[i * s->width + i] += ridge;
        s->right[i] += ridge;
        s->weight[i] = s->is_free[i] = 1;
    }
    dcl_status status = DCL_OK;
    for (int64_t round = 0, goes_on = trace != 0; goes_on && round < 3 * s->width + 3; round++) {
        status = solve(s, error);
        goes_on = status == DCL_OK && (!move(s) || free_another(s, ridge));
    }
    return status;
}

static void rescale(double *x, int64_t rows, int64_t width, const double *weight)
{
    for (int64_t a = 0; a < rows; a++)
        for (int64_t i = 0; i < width; i++)
            x[a * width + i] *= sqrt(fmax(weight[i], 0));    /* a partial step may leave -1 ulp */
}

dcl_status dcl__unshrink(const dcl_entries *entries, double *u, double *v, int64_t width, dcl_error *error)
{
    if (width == 0)
        return DCL_OK;
    const int64_t count = 2 * width * width + 3 * width;
    double *room = calloc((size_t)count, sizeof *room);
    int *is_free = malloc((size_t)width * sizeof *is_free);
    search s = {.width = width, .gram = room, .is_free = is_free};
    dcl_status status = DCL_OK;
    if (!room || !is_free) {
        status = dcl__no_memory(error, "the weights of units", count * (int64_t)sizeof *room);
    } else {
        s.part = s.gram + width * width;
        s.right = s.part + width * width;
        s.weight = s.right + width;
        s.trial = s.weight + width;
        add_entries(entries, u, v, width, s.trial, s.gram, s.right);
        status = find_weights(&s, error);
    }
    if (status == DCL_OK) {
        rescale(u, entries->rows, width, s.weight);
        rescale(v, entries->columns, width, s.weight);
    }
    free(room);
    free(is_free);
    return status;
}
