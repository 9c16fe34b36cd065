/* convex.c: the convex problems behind certificates, solved by proximal gradient descent. */
#include "convex.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { M = ROWS_OF_X, N = COLUMNS_OF_X };

void decompose(const double *x, int64_t rows, int64_t columns, double *u, double *values, double *v)
{
    const int count = (int)(rows < columns ? rows : columns);
    double *copy = malloc((size_t)(rows * columns) * sizeof *copy);
    double *right = malloc((size_t)(columns * count) * sizeof *right);
    memcpy(copy, x, (size_t)(rows * columns) * sizeof *copy);
    LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', (int)rows, (int)columns, copy, (int)columns, values, u, count, right,
                   (int)columns);
    for (int64_t b = 0; b < columns; b++)
        for (int64_t i = 0; i < count; i++)
            v[b * count + i] = right[i * columns + b];
    free(copy);
    free(right);
}

/* ---- Groups: rows, columns, entries, or the two signs of rows ---- */

/* The length of a group, and its numbers times a factor. `sign` 0: all numbers; else those of that sign. */
typedef struct group {
    int64_t first, count, stride;
    int sign;
} group;

static int belongs(const group *g, double x)
{
    return g->sign == 0 || (double)g->sign * x > 0;
}

static double length(const group *g, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < g->count; i++)
        if (belongs(g, x[g->first + i * g->stride]))
            sum += pow(x[g->first + i * g->stride], 2);
    return sqrt(sum);
}

static void shrink(const group *g, double by, double *x)
{
    const double size = length(g, x);
    for (int64_t i = 0; i < g->count; i++)
        if (belongs(g, x[g->first + i * g->stride]))
            x[g->first + i * g->stride] *= size > by ? 1 - by / size : 0;
}

/* All groups of a penalty; how many. */
static int64_t groups_of(int penalty, group *groups)
{
    int64_t count = 0;
    if (penalty == DCL_PENALTY_L1_L2)
        for (int64_t a = 0; a < M; a++)
            groups[count++] = (group){a * N, N, 1, 0};
    if (penalty == DCL_PENALTY_L2_L1)
        for (int64_t b = 0; b < N; b++)
            groups[count++] = (group){b, M, N, 0};
    if (penalty == DCL_PENALTY_L1_L1)
        for (int64_t i = 0; i < M * N; i++)
            groups[count++] = (group){i, 1, 1, 0};
    if (penalty == DCL_PENALTY_L1_NONNEGATIVE)
        for (int64_t a = 0; a < 2 * M; a++)
            groups[count++] = (group){a / 2 * N, N, 1, a % 2 ? -1 : 1};
    return count;
}

/* ---- The problem ---- */

static double omega(int penalty, const double *x)
{
    group groups[M * N];
    double u[M * N], v[N * N], values[N], sum = 0;
    const int64_t count = groups_of(penalty, groups);
    for (int64_t i = 0; i < count; i++)
        sum += length(&groups[i], x);
    if (penalty == DCL_PENALTY_NUCLEAR) {
        decompose(x, M, N, u, values, v);
        for (int i = 0; i < N; i++)
            sum += values[i];
    }
    return sum;
}

static void proximal(int penalty, double by, double *x)
{
    group groups[M * N];
    double u[M * N], v[N * N], values[N];
    const int64_t count = groups_of(penalty, groups);
    for (int64_t i = 0; i < count; i++)
        shrink(&groups[i], by, x);
    if (penalty != DCL_PENALTY_NUCLEAR)
        return;
    decompose(x, M, N, u, values, v);
    memset(x, 0, M * N * sizeof *x);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < M * N && values[i] > by; j++)
            x[j] += (values[i] - by) * u[j / N * N + i] * v[j % N * N + i];
}

double convex_objective(const convex *c, const double *x)
{
    double sum = 0;
    for (int i = 0; i < M * N; i++)
        sum += c->weight[i] * (c->loss == DCL_LOSS_SQUARED ? pow(c->y[i] - x[i], 2)
                                                           : log1p(exp(-fabs(x[i]))) + fmax(-c->y[i] * x[i], 0));
    return sum + c->lambda * omega(c->penalty, x);
}

static double gradient_at(const convex *c, int i, double x)
{
    return c->weight[i] * (c->loss == DCL_LOSS_SQUARED ? 2 * (x - c->y[i]) : -c->y[i] / (1 + exp(c->y[i] * x)));
}

/* One step from `from`; returns the largest change of x. */
static double step(const convex *c, double bend, const double *from, double *x, double *ahead, double *momentum)
{
    double next[M * N], change = 0, turn = 0;
    const double grown = (1 + sqrt(1 + 4 * *momentum * *momentum)) / 2;
    for (int i = 0; i < M * N; i++)
        next[i] = from[i] - gradient_at(c, i, from[i]) / bend;
    proximal(c->penalty, c->lambda / bend, next);
    for (int i = 0; i < M * N; i++) {
        change = fmax(change, fabs(next[i] - x[i]));
        turn += (from[i] - next[i]) * (next[i] - x[i]);
    }
    const double weight = turn > 0 ? 0 : (*momentum - 1) / grown;
    *momentum = turn > 0 ? 1 : grown;
    for (int i = 0; i < M * N; i++) {
        ahead[i] = next[i] + weight * (next[i] - x[i]);
        x[i] = next[i];
    }
    return change;
}

double convex_minimise(const convex *c, double *x)
{
    double ahead[M * N] = {0}, from[M * N], momentum = 1, bend = 0, change = 1;
    for (int i = 0; i < M * N; i++)
        bend = fmax(bend, c->weight[i] * (c->loss == DCL_LOSS_SQUARED ? 2 : 0.25));
    memset(x, 0, M * N * sizeof *x);
    for (int i = 0; i < 20000 && (i < 20 || change > 1e-13); i++) {
        memcpy(from, ahead, sizeof from);
        change = step(c, bend, from, x, ahead, &momentum);
    }
    return convex_objective(c, x);
}

/* ---- Factors ---- */

/* A unit for a group: the corner of its row or column, with the sign, times its numbers. */
static void fill_unit(const group *g, int by_column, const double *x, int64_t width, int64_t unit, double *u, double *v)
{
    for (int64_t i = 0; i < g->count; i++) {
        const int64_t place = g->first + i * g->stride;
        const double number = belongs(g, x[place]) ? x[place] * (g->sign ? g->sign : 1) : 0;
        if (by_column)
            u[place / N * width + unit] = number;
        else
            v[place % N * width + unit] = number;
    }
    if (by_column)
        v[g->first % N * width + unit] = 1;
    else
        u[g->first / N * width + unit] = g->sign ? g->sign : 1;
}

int64_t convex_factors(const convex *c, const double *x, double *u, double *v)
{
    group groups[M * N];
    double values[N];
    const int64_t width = groups_of(c->penalty, groups);
    memset(u, 0, M * FACTOR_WIDTH * sizeof *u);
    memset(v, 0, N * FACTOR_WIDTH * sizeof *v);
    for (int64_t i = 0; i < width; i++)
        fill_unit(&groups[i], c->penalty == DCL_PENALTY_L2_L1, x, width, i, u, v);
    if (c->penalty != DCL_PENALTY_NUCLEAR)
        return width;
    decompose(x, M, N, u, values, v);
    for (int64_t i = 0; i < (M + N) * N; i++)
        *(i < M * N ? u + i : v + i - M * N) *= sqrt(values[i % N]);
    return N;
}
