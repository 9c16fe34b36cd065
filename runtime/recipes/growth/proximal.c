/* proximal.c: descent on loss + lambda sum ||u_i||_u ||v_i||_v for norms that can be shrunk.
 *
 * Proximal gradient steps on U and on V in turn (Bolte, Sabach, Teboulle, Math. Program. 2014), extrapolated as by
 * Xu and Yin (SIAM J. Imaging Sci. 2013) and started anew where the objective rose. Each unit has a step of its own:
 * the Hessian by U is at most c V'V, and V'V = S C S, with the norms S and the cosines C, is at most S D S for the
 * diagonal D of the row sums of |C|.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth/growth.h"

/* The objective is looked at after so many steps on both factors. */
enum { INTERVAL = 10 };
static const double MOST_EXTRAPOLATION = 0.995;

typedef struct side {
    int index;                   /* 0: U, 1: V                                                       */
    int64_t rows;
    double *now, *before, *ahead, *gradient, *best;
} side;

typedef struct descent {
    dcl__device_loss *d;
    const dcl_problem *problem;
    const dcl__penalty *penalty;
    int64_t width;
    side sides[2];
    double *gram, *curvature, *norms, *room;
    double momentum;             /* t of the extrapolation (t - 1) / t'                              */
} descent;

static dcl_status make(descent *s, dcl__device_loss *d, const dcl__factors *f, dcl_error *error)
{
    const int64_t width = f->width, counts[] = {f->rows * width, f->columns * width};
    const int64_t total = 5 * (counts[0] + counts[1]) + width * width + 2 * width;
    *s = (descent){.d = d, .problem = d->problem, .penalty = dcl__penalty_find(d->problem->penalty), .width = width,
                   .momentum = 1};
    double *room = s->room = calloc((size_t)total, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the descent", total * (int64_t)sizeof *room);
    for (int k = 0; k < 2; k++) {
        double **const parts[] = {&s->sides[k].now, &s->sides[k].before, &s->sides[k].ahead, &s->sides[k].gradient,
                                  &s->sides[k].best};
        for (int i = 0; i < 5; i++, room += counts[k])
            *parts[i] = room;
        s->sides[k].index = k;
        s->sides[k].rows = k == 0 ? f->rows : f->columns;
        memcpy(s->sides[k].now, k == 0 ? f->u : f->v, (size_t)counts[k] * sizeof *room);
        memcpy(s->sides[k].before, s->sides[k].now, (size_t)counts[k] * sizeof *room);
    }
    s->gram = room;
    s->curvature = room + width * width;
    s->norms = s->curvature + width;
    return DCL_OK;
}

/* ---- One step ---- */

/* Bounds of the second derivatives along the units, whose other factor is x. */
static void find_curvature(descent *s, const side *x)
{
    const int64_t w = s->width;
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)w, (int)x->rows, 1, x->now, (int)w, 0, s->gram, (int)w);
    for (int64_t i = 0; i < w; i++) {
        double sum = 0;
        for (int64_t j = 0; j < w; j++) {
            const double other = s->gram[j * w + j];
            sum += other > 0 ? fabs(s->gram[i < j ? i * w + j : j * w + i]) / sqrt(other) : 0;
        }
        s->curvature[i] = s->d->curvature * sum * sqrt(s->gram[i * w + i]);
    }
}

/* What a unit of x costs for each unit of its norm. */
static void find_norms(descent *s, const side *x)
{
    for (int64_t i = 0; i < s->width; i++)
        s->norms[i] = s->penalty->norm(s->problem, x->index, x->now + i, x->rows, s->width);
}

static void extrapolate(const descent *s, side *x, double by)
{
    for (int64_t i = 0; i < x->rows * s->width; i++)
        x->ahead[i] = x->now[i] + by * (x->now[i] - x->before[i]);
}

/* x becomes the proximal step from where it is extrapolated to, with the gradient there. */
static void shrink(descent *s, side *x)
{
    const int64_t w = s->width;
    memcpy(x->before, x->now, (size_t)(x->rows * w) * sizeof *x->now);
    for (int64_t i = 0; i < w; i++) {
        if (!(s->curvature[i] > 0))
            continue;
        for (int64_t a = 0; a < x->rows; a++)
            x->now[a * w + i] = x->ahead[a * w + i] - x->gradient[a * w + i] / s->curvature[i];
        const double weight = s->problem->lambda * s->norms[i] / s->curvature[i];
        s->penalty->shrink(s->problem, x->index, weight, x->now + i, x->rows, w);
    }
}

static dcl_status step_side(descent *s, int k, double by, dcl_error *error)
{
    side *x = &s->sides[k], *other = &s->sides[1 - k];
    double loss;
    extrapolate(s, x, by);
    find_curvature(s, other);
    find_norms(s, other);
    const double *u = k == 0 ? x->ahead : other->now, *v = k == 0 ? other->now : x->ahead;
    dcl_status status = dcl__device_loss_at(s->d, s->width, u, v, &loss, k == 0 ? x->gradient : NULL,
                                            k == 0 ? NULL : x->gradient, error);
    if (status == DCL_OK)
        shrink(s, x);
    return status;
}

static dcl_status step(descent *s, dcl_error *error)
{
    const double next = (1 + sqrt(1 + 4 * s->momentum * s->momentum)) / 2;
    const double by = fmin((s->momentum - 1) / next, MOST_EXTRAPOLATION);
    s->momentum = next;
    dcl_status status = step_side(s, 0, by, error);
    return status ? status : step_side(s, 1, by, error);
}

/* ---- The descent ---- */

static dcl_status evaluate(descent *s, double *objective, dcl_error *error)
{
    dcl_status status = dcl__device_loss_at(s->d, s->width, s->sides[0].now, s->sides[1].now, objective, NULL, NULL,
                                            error);
    double penalty = 0;
    if (status)
        return status;
    for (int64_t i = 0; i < s->width; i++) {
        const double left = s->penalty->norm(s->problem, 0, s->sides[0].now + i, s->sides[0].rows, s->width);
        const double right = s->penalty->norm(s->problem, 1, s->sides[1].now + i, s->sides[1].rows, s->width);
        penalty += left > 0 && right > 0 ? left * right : 0;
    }
    *objective += s->problem->lambda * penalty;
    return DCL_OK;
}

static void copy_sides(descent *s, int back)
{
    for (int k = 0; k < 2; k++) {
        side *x = &s->sides[k];
        const size_t bytes = (size_t)(x->rows * s->width) * sizeof *x->now;
        memcpy(back ? x->now : x->best, back ? x->best : x->now, bytes);
        if (back)
            memcpy(x->before, x->now, bytes);
    }
}

/* Extrapolated steps may rise: then it goes on from the best factors with plain steps first. A rise of plain steps, or
 * too small a fall, is the end. */
static dcl_status descend(descent *s, double precision, dcl_error *error)
{
    double best, objective;
    int anew = 1;
    dcl_status status = evaluate(s, &best, error);
    copy_sides(s, 0);
    while (status == DCL_OK && !dcl__device_loss_ends(s->d)) {
        for (int i = 0; i < INTERVAL && status == DCL_OK; i++)
            status = step(s, error);
        if (status == DCL_OK)
            status = evaluate(s, &objective, error);
        if (status)
            return status;
        const double fall = best - objective;
        if (fall > 0) {
            best = objective;
            copy_sides(s, 0);
        } else {
            copy_sides(s, 1);
            s->momentum = 1;
        }
        if (fall <= precision * fabs(best) && (anew || fall > 0))
            break;
        anew = fall <= 0;
    }
    return status;
}

dcl_status dcl__descend_proximal(dcl__device_loss *d, dcl__factors *f, double precision, dcl_error *error)
{
    descent s;
    if (f->width == 0)
        return DCL_OK;
    dcl__balance_units(d->problem, f);
    dcl_status status = make(&s, d, f, error);
    if (status)
        return status;
    status = descend(&s, precision, error);
    if (status == DCL_OK)
        status = dcl__factors_copy(f, s.sides[0].best, s.sides[1].best, f->width, error);
    free(s.room);
    return status;
}
