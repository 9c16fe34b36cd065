/* smooth.c: descent on loss + lambda / 2 (||U||^2 + ||V||^2), whose minima are those with the nuclear norm.
 *
 * L-BFGS (Liu, Nocedal, Math. Program. 1989) with the line search of Lewis and Overton (Math. Program. 2013). Its first
 * metric is the diagonal of the blocks of the Hessian, exact for balanced orthogonal units and the squared loss.
 */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth/growth.h"

enum { PAIRS = 10, WINDOW = 5, MOST_TRIALS = 25 };

/* u and v one after the other in each vector. */
typedef struct search {
    dcl__device_loss *d;
    int64_t width, u_count, count;
    double lambda, objective, next_objective;
    double *x, *gradient, *next, *next_gradient, *direction;
    double *metric[2];           /* of U's units and of V's: the same in every row                   */
    double *step[PAIRS], *change[PAIRS];     /* of x and of the gradient, oldest first                */
    double curved[PAIRS];        /* step'change                                                      */
    int pairs;
} search;

static dcl_status make(search *s, dcl__device_loss *d, const dcl__factors *f, dcl_error *error)
{
    *s = (search){.d = d, .width = f->width, .u_count = f->rows * f->width, .lambda = d->problem->lambda};
    s->count = s->u_count + f->columns * f->width;
    const int64_t numbers = s->count * (5 + 2 * PAIRS) + 2 * s->width;
    double *room = calloc((size_t)numbers, sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the descent", numbers * (int64_t)sizeof *room);
    double **const parts[] = {&s->x, &s->gradient, &s->next, &s->next_gradient, &s->direction};
    for (int i = 0; i < 5; i++, room += s->count)
        *parts[i] = room;
    for (int i = 0; i < PAIRS; i++, room += 2 * s->count) {
        s->step[i] = room;
        s->change[i] = room + s->count;
    }
    s->metric[0] = room;
    s->metric[1] = room + s->width;
    memcpy(s->x, f->u, (size_t)s->u_count * sizeof *s->x);
    memcpy(s->x + s->u_count, f->v, (size_t)(s->count - s->u_count) * sizeof *s->x);
    return DCL_OK;
}

static dcl_status evaluate(search *s, const double *x, double *objective, double *gradient, dcl_error *error)
{
    dcl_status status = dcl__device_loss_at(s->d, s->width, x, x + s->u_count, objective, gradient,
                                            gradient + s->u_count, error);
    if (status)
        return status;
    *objective += s->lambda / 2 * cblas_ddot((int)s->count, x, 1, x, 1);
    cblas_daxpy((int)s->count, s->lambda, x, 1, gradient, 1);
    return DCL_OK;
}

/* The inverse of the second derivatives along the entries of one factor, whose unit i meets the other's norm. */
static void set_metric(double *metric, const double *other, int64_t other_rows, int64_t width, double curvature,
                       double lambda)
{
    double largest = 0;
    for (int64_t i = 0; i < width; i++) {
        const double norm = cblas_dnrm2((int)other_rows, other + i, (int)width);
        metric[i] = curvature * norm * norm + lambda;
        largest = fmax(largest, metric[i]);
    }
    for (int64_t i = 0; i < width; i++)
        metric[i] = largest > 0 ? 1 / fmax(metric[i], 1e-6 * largest) : 1;
}

/* What all rows of U, then of V, are multiplied by. */
static const double *metric_at(const search *s, int64_t at)
{
    return s->metric[at >= s->u_count];
}

/* ---- The direction ---- */

static double dot(const search *s, const double *x, const double *y)
{
    return cblas_ddot((int)s->count, x, 1, y, 1);
}

/* The metric, scaled to what the last step showed of the curvature. */
static void apply_metric(search *s, double *q)
{
    double scale = 1;
    if (s->pairs > 0) {
        const double *change = s->change[s->pairs - 1];
        double square = 0;
        for (int64_t at = 0; at < s->count; at += s->width)
            for (int64_t i = 0; i < s->width; i++)
                square += change[at + i] * metric_at(s, at)[i] * change[at + i];
        scale = square > 0 ? s->curved[s->pairs - 1] / square : 1;
    }
    for (int64_t at = 0; at < s->count; at += s->width)
        for (int64_t i = 0; i < s->width; i++)
            q[at + i] *= scale * metric_at(s, at)[i];
}

/* direction = -H gradient by the two loops over the pairs. */
static void find_direction(search *s)
{
    double weight[PAIRS], *q = s->direction;
    for (int64_t i = 0; i < s->count; i++)
        q[i] = -s->gradient[i];
    for (int k = s->pairs; k-- > 0;) {
        weight[k] = dot(s, s->step[k], q) / s->curved[k];
        cblas_daxpy((int)s->count, -weight[k], s->change[k], 1, q, 1);
    }
    apply_metric(s, q);
    for (int k = 0; k < s->pairs; k++) {
        const double back = dot(s, s->change[k], q) / s->curved[k];
        cblas_daxpy((int)s->count, weight[k] - back, s->step[k], 1, q, 1);
    }
}

/* Keeps the last step for later directions where the gradient grew along it. */
static void remember(search *s)
{
    double *step = s->step[s->pairs < PAIRS ? s->pairs : 0], *change = s->change[s->pairs < PAIRS ? s->pairs : 0];
    for (int64_t i = 0; i < s->count; i++) {
        step[i] = s->next[i] - s->x[i];
        change[i] = s->next_gradient[i] - s->gradient[i];
    }
    const double curved = dot(s, step, change);
    if (s->pairs == PAIRS) {
        memmove(s->step, s->step + 1, (PAIRS - 1) * sizeof *s->step);
        memmove(s->change, s->change + 1, (PAIRS - 1) * sizeof *s->change);
        memmove(s->curved, s->curved + 1, (PAIRS - 1) * sizeof *s->curved);
        s->step[PAIRS - 1] = step;
        s->change[PAIRS - 1] = change;
        s->pairs--;
    }
    if (curved > 1e-10 * cblas_dnrm2((int)s->count, step, 1) * cblas_dnrm2((int)s->count, change, 1))
        s->curved[s->pairs++] = curved;
}

/* ---- The line ---- */

/* A step that lowers the objective enough and is not too short; *found is 0 where there is none left to try. */
static dcl_status search_line(search *s, int *found, dcl_error *error)
{
    const double slope = dot(s, s->gradient, s->direction);
    double low = 0, high = INFINITY, length = 1;
    *found = 0;
    for (int trial = 0; trial < MOST_TRIALS && slope < 0 && !dcl__device_loss_ends(s->d); trial++) {
        memcpy(s->next, s->x, (size_t)s->count * sizeof *s->x);
        cblas_daxpy((int)s->count, length, s->direction, 1, s->next, 1);
        dcl_status status = evaluate(s, s->next, &s->next_objective, s->next_gradient, error);
        if (status)
            return status;
        if (s->next_objective > s->objective + 1e-4 * length * slope)
            high = length;
        else if (dot(s, s->next_gradient, s->direction) < 0.9 * slope)
            low = length;
        else
            break;
        length = high < INFINITY ? (low + high) / 2 : 2 * length;
    }
    *found = s->next_objective < s->objective;
    return DCL_OK;
}

static void take_step(search *s)
{
    remember(s);
    double *x = s->x, *gradient = s->gradient;
    s->x = s->next;
    s->gradient = s->next_gradient;
    s->next = x;
    s->next_gradient = gradient;
    s->objective = s->next_objective;
}

static dcl_status descend(search *s, double precision, dcl_error *error)
{
    double past[WINDOW];
    int found = 1;
    dcl_status status = evaluate(s, s->x, &s->objective, s->gradient, error);
    s->next_objective = s->objective;
    for (int64_t i = 0; status == DCL_OK && found && !dcl__device_loss_ends(s->d); i++) {
        if (i >= WINDOW && past[i % WINDOW] - s->objective <= precision * fabs(s->objective))
            break;
        past[i % WINDOW] = s->objective;
        find_direction(s);
        status = search_line(s, &found, error);
        if (status == DCL_OK && !found && s->pairs > 0) {    /* once more from the metric alone */
            s->pairs = 0;
            found = 1;
        } else if (status == DCL_OK && found) {
            take_step(s);
        }
    }
    return status;
}

dcl_status dcl__descend_smooth(dcl__device_loss *d, dcl__factors *f, double precision, dcl_error *error)
{
    search s;
    if (f->width == 0)
        return DCL_OK;
    dcl_status status = make(&s, d, f, error);
    if (status)
        return status;
    double *room = s.x;
    const double curvature = d->curvature * d->density;
    set_metric(s.metric[0], f->v, f->columns, f->width, curvature, s.lambda);
    set_metric(s.metric[1], f->u, f->rows, f->width, curvature, s.lambda);
    status = descend(&s, precision, error);
    if (status == DCL_OK)
        status = dcl__factors_copy(f, s.x, s.x + s.u_count, f->width, error);
    free(room);
    return status;
}
