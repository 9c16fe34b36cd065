/* factors.c: factors that change their width. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/growth/growth.h"

static dcl_status allocate(double **u, double **v, const dcl__factors *f, int64_t width, dcl_error *error)
{
    *u = calloc((size_t)(f->rows * width) + 1, sizeof **u);
    *v = calloc((size_t)(f->columns * width) + 1, sizeof **v);
    if (*u && *v)
        return DCL_OK;
    free(*u);
    free(*v);
    return dcl__no_memory(error, "factors", (f->rows + f->columns) * width * (int64_t)sizeof **u);
}

static void replace(dcl__factors *f, double *u, double *v, int64_t width)
{
    free(f->u);
    free(f->v);
    f->u = u;
    f->v = v;
    f->width = width;
}

dcl_status dcl__factors_make(dcl__factors *f, int64_t width, dcl_error *error)
{
    double *u, *v;
    dcl_status status = allocate(&u, &v, f, width, error);
    if (status == DCL_OK)
        replace(f, u, v, width);
    return status;
}

dcl_status dcl__factors_copy(dcl__factors *f, const double *from_u, const double *from_v, int64_t width,
                             dcl_error *error)
{
    double *u, *v;
    dcl_status status = allocate(&u, &v, f, width, error);
    if (status)
        return status;
    if (width > 0) {
        memcpy(u, from_u, (size_t)(f->rows * width) * sizeof *u);
        memcpy(v, from_v, (size_t)(f->columns * width) * sizeof *v);
    }
    replace(f, u, v, width);
    return DCL_OK;
}

static void choose(double *to, const double *from, int64_t rows, int64_t width, int64_t kept, const int *keeps)
{
    for (int64_t a = 0; a < rows; a++)
        for (int64_t i = 0, at = 0; i < width; i++)
            if (keeps[i])
                to[a * kept + at++] = from[a * width + i];
}

dcl_status dcl__factors_keep(dcl__factors *f, const int *keeps, dcl_error *error)
{
    int64_t kept = 0;
    double *u, *v;
    for (int64_t i = 0; i < f->width; i++)
        kept += keeps[i] != 0;
    if (kept == f->width)
        return DCL_OK;
    dcl_status status = allocate(&u, &v, f, kept, error);
    if (status)
        return status;
    choose(u, f->u, f->rows, f->width, kept, keeps);
    choose(v, f->v, f->columns, f->width, kept, keeps);
    replace(f, u, v, kept);
    return DCL_OK;
}

void dcl__factors_free(dcl__factors *f)
{
    free(f->u);
    free(f->v);
    f->u = f->v = NULL;
    f->width = 0;
}

void dcl__unit_weights(const dcl_problem *problem, const dcl__factors *f, double *weights)
{
    const dcl__penalty *penalty = dcl__penalty_find(problem->penalty);
    for (int64_t i = 0; i < f->width; i++) {
        const double left = penalty->norm(problem, 0, f->u + i, f->rows, f->width);
        const double right = penalty->norm(problem, 1, f->v + i, f->columns, f->width);
        weights[i] = left > 0 && right > 0 ? left * right : 0;
    }
}

static void scale(double *x, int64_t rows, int64_t stride, double by)
{
    for (int64_t a = 0; a < rows; a++)
        x[a * stride] *= by;
}

void dcl__balance_units(const dcl_problem *problem, dcl__factors *f)
{
    const dcl__penalty *penalty = dcl__penalty_find(problem->penalty);
    for (int64_t i = 0; i < f->width; i++) {
        const double left = penalty->norm(problem, 0, f->u + i, f->rows, f->width);
        const double right = penalty->norm(problem, 1, f->v + i, f->columns, f->width);
        if (!(left > 0 && right > 0 && isfinite(left) && isfinite(right)))
            continue;
        scale(f->u + i, f->rows, f->width, sqrt(right / left));
        scale(f->v + i, f->columns, f->width, sqrt(left / right));
    }
}
