/* ascent.c: good pairs for a polar that has no formula: each side in turn answers the other as well as it can. */
#include "recipes/certificate/ascent.h"

#include <cblas.h>
#include <math.h>
#include <stdlib.h>

#include "core/memory.h"

/* Rounds at most, and what a round must gain, relative. */
enum { MOST_ROUNDS = 200 };
static const double least_gain = 1e-11;

double dcl__answer_l2(const dcl_problem *problem, double *x, int64_t length)
{
    const double norm = cblas_dnrm2((int)length, x, 1);
    (void)problem;
    for (int64_t i = 0; i < length && norm > 0; i++)
        x[i] /= norm;
    return norm;
}

/* All pairs go up together: one product with Z serves them all. */
typedef struct climb {
    const dcl__slope *slope;
    const dcl__answer *answers;
    int64_t count;
    double *u, *v, *level, *line;
} climb;

/* Columns of a side are answered one by one; returns the largest relative gain. */
static double answer(climb *c, int side)
{
    double *x = side ? c->v : c->u, gain = 0;
    const int64_t length = side ? c->slope->columns : c->slope->rows;
    for (int64_t i = 0; i < c->count; i++) {
        cblas_dcopy((int)length, x + i, (int)c->count, c->line, 1);
        const double level = c->answers[side](c->slope->problem, c->line, length);
        cblas_dcopy((int)length, c->line, 1, x + i, (int)c->count);
        gain = fmax(gain, level > 0 ? (level - c->level[i]) / level : 0);
        c->level[i] = level;
    }
    return gain;
}

static dcl_status rise(climb *c, dcl_error *error)
{
    dcl_status status = DCL_OK;
    double gain = 1;
    for (int round = 0; round < MOST_ROUNDS && gain > least_gain && status == DCL_OK; round++) {
        status = dcl__slope_multiply(c->slope, 0, c->v, c->count, c->u, error);
        if (status == DCL_OK)
            gain = answer(c, 0);
        if (status == DCL_OK)
            status = dcl__slope_multiply(c->slope, 1, c->u, c->count, c->v, error);
        if (status == DCL_OK)
            gain = fmax(gain, answer(c, 1));
    }
    return status;
}

/* Whether a pair is one of those that were chosen. */
static int is_known(const climb *c, const int64_t *chosen, int64_t number, int64_t i)
{
    for (int64_t j = 0; j < number; j++) {
        const int n = (int)c->count;
        const double u = cblas_ddot((int)c->slope->rows, c->u + i, n, c->u + chosen[j], n);
        const double v = cblas_ddot((int)c->slope->columns, c->v + i, n, c->v + chosen[j], n);
        const double norms = cblas_dnrm2((int)c->slope->rows, c->u + i, n) *
                             cblas_dnrm2((int)c->slope->rows, c->u + chosen[j], n);
        if (u * v > 0.999 * norms)
            return 1;
    }
    return 0;
}

/* The highest pairs that differ. */
static int64_t choose(const climb *c, const dcl__atoms *atoms, int64_t *chosen)
{
    const int64_t high = dcl__choose_highest(c->level, c->count, atoms->above, c->count, chosen);
    int64_t number = 0;
    for (int64_t i = 0; i < high && number < atoms->most; i++)
        if (!is_known(c, chosen, number, chosen[i]))
            chosen[number++] = chosen[i];
    return number;
}

static dcl_status make_atoms(const climb *c, dcl__atoms *atoms, dcl_error *error)
{
    int64_t *chosen = malloc((size_t)c->count * sizeof *chosen);
    if (!chosen)
        return dcl__no_memory(error, "new units", c->count * (int64_t)sizeof *chosen);
    const int64_t number = choose(c, atoms, chosen);
    dcl_status status = dcl__atoms_make(atoms, c->slope->rows, c->slope->columns, number, error);
    for (int64_t i = 0; i < number && status == DCL_OK; i++) {
        cblas_dcopy((int)c->slope->rows, c->u + chosen[i], (int)c->count, atoms->u + i, (int)number);
        cblas_dcopy((int)c->slope->columns, c->v + chosen[i], (int)c->count, atoms->v + i, (int)number);
        atoms->level[i] = c->level[chosen[i]];
    }
    free(chosen);
    return status;
}

dcl_status dcl__ascend(const dcl__slope *slope, const dcl__answer answers[2], double *v, int64_t count,
                       dcl__polar *polar, dcl__atoms *atoms, dcl_error *error)
{
    const int64_t longer = slope->rows > slope->columns ? slope->rows : slope->columns;
    polar->reached = 0;
    if (count == 0)
        return atoms && atoms->most > 0 ? dcl__atoms_make(atoms, slope->rows, slope->columns, 0, error) : DCL_OK;
    climb c = {.slope = slope, .answers = answers, .count = count, .v = v};
    c.u = malloc((size_t)(slope->rows * count) * sizeof *c.u);
    c.level = calloc((size_t)count, sizeof *c.level);
    c.line = malloc((size_t)longer * sizeof *c.line);
    dcl_status status = DCL_OK;
    if (!c.u || !c.level || !c.line)
        status = dcl__no_memory(error, "pairs of vectors", slope->rows * count * (int64_t)sizeof *c.u);
    else
        status = rise(&c, error);
    for (int64_t i = 0; i < count && status == DCL_OK; i++)
        polar->reached = fmax(polar->reached, c.level[i]);
    if (status == DCL_OK && atoms && atoms->most > 0)
        status = make_atoms(&c, atoms, error);
    free(c.u);
    free(c.level);
    free(c.line);
    return status;
}
