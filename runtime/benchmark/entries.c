/* entries.c: loss and both gradients at the known entries of a matrix beside the same by plain loops in C. */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "benchmark/benchmark.h"
#include "benchmark/host.h"
#include "core/tensor.h"

enum { MOST_THREADS = 64 };

/* Both sides of one problem. */
typedef struct problem {
    int64_t m, n, width, count;
    uint32_t dtype;
    int threads;
    int64_t *start, *column, *column_start, *by_column;
    void *u, *v, *value;
    dcl_graph *graph;
    dcl_session *session;
    void *slopes, *gradient_u, *gradient_v;  /* the other side                                       */
    double loss;
    double launches;             /* kernels of one pass                                              */
} problem;

/* ---- Plain loops ---- */

/* What one thread does: rows, or columns, from `first` to `last`. */
typedef struct share {
    problem *p;
    int64_t first, last;
    double loss;
} share;

#define ROWS(name, real)                                                                                       \
    static void *name(void *user)                                                                              \
    {                                                                                                          \
        share *s = user;                                                                                       \
        const problem *p = s->p;                                                                               \
        const int64_t width = p->width;                                                                        \
        const real *value = p->value;                                                                          \
        real *slopes = p->slopes;                                                                              \
        for (int64_t i = s->first; i < s->last; i++) {                                                         \
            const real *u = (const real *)p->u + i * width;                                                    \
            real *gradient = (real *)p->gradient_u + i * width;                                                \
            for (int64_t q = 0; q < width; q++)                                                                \
                gradient[q] = 0;                                                                               \
            for (int64_t e = p->start[i]; e < p->start[i + 1]; e++) {                                          \
                const real *v = (const real *)p->v + p->column[e] * width;                                     \
                real difference = -value[e];                                                                   \
                for (int64_t q = 0; q < width; q++)                                                            \
                    difference += u[q] * v[q];                                                                 \
                s->loss += (double)(difference * difference);                                                  \
                slopes[e] = 2 * difference;                                                                    \
                for (int64_t q = 0; q < width; q++)                                                            \
                    gradient[q] += slopes[e] * v[q];                                                           \
            }                                                                                                  \
        }                                                                                                      \
        return NULL;                                                                                           \
    }

#define COLUMNS(name, real)                                                                                    \
    static void *name(void *user)                                                                              \
    {                                                                                                          \
        const share *s = user;                                                                                 \
        const problem *p = s->p;                                                                               \
        const int64_t width = p->width;                                                                        \
        const real *slopes = p->slopes;                                                                        \
        for (int64_t j = s->first; j < s->last; j++) {                                                         \
            real *gradient = (real *)p->gradient_v + j * width;                                                \
            for (int64_t q = 0; q < width; q++)                                                                \
                gradient[q] = 0;                                                                               \
            for (int64_t e = p->column_start[j]; e < p->column_start[j + 1]; e++) {                            \
                const real *u = (const real *)p->u + p->by_column[2 * e] * width;                              \
                const real slope = slopes[p->by_column[2 * e + 1]];                                            \
                for (int64_t q = 0; q < width; q++)                                                            \
                    gradient[q] += slope * u[q];                                                               \
            }                                                                                                  \
        }                                                                                                      \
        return NULL;                                                                                           \
    }

ROWS(rows_f32, float)
ROWS(rows_f64, double)
COLUMNS(columns_f32, float)
COLUMNS(columns_f64, double)

/* Runs `body` on as many shares of 0..count - 1 as there are threads; returns the sum of their losses. */
static dcl_status run_shares(problem *p, void *(*body)(void *), int64_t count, double *loss, dcl_error *error)
{
    share shares[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    int started = 0, failed = 0;
    for (; started < p->threads && !failed; started += !failed) {
        shares[started] = (share){p, count * started / p->threads, count * (started + 1) / p->threads, 0};
        failed = pthread_create(&threads[started], NULL, body, &shares[started]);
    }
    *loss = 0;
    for (int i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
        *loss += shares[i].loss;
    }
    return failed ? dcl__fail(error, DCL_EINTERNAL, "no thread could be started for the plain loops") : DCL_OK;
}

static dcl_status run_host(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    const int wide = p->dtype == DCL_F64;
    dcl_status status = DCL_OK;
    double none;
    for (int64_t i = 0; i < calls && status == DCL_OK; i++) {
        status = run_shares(p, wide ? rows_f64 : rows_f32, p->m, &p->loss, error);
        if (status == DCL_OK)
            status = run_shares(p, wide ? columns_f64 : columns_f32, p->n, &none, error);
    }
    return status;
}

/* ---- The device ---- */

static dcl_status run_device(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    dcl_status status = dcl_session_step(p->session, calls, error);
    return status ? status : dcl_session_wait(p->session, error);
}

/* The parameters are the outputs of the op. */
static void build(problem *p)
{
    const dcl_initial zero = {0};
    const int64_t u[] = {p->m, p->width}, v[] = {p->n, p->width}, pairs[] = {p->count, 2};
    const dcl_value inputs[] = {
        dcl_graph_input(p->graph, "U", DCL_REAL, 2, u), dcl_graph_input(p->graph, "V", DCL_REAL, 2, v),
        dcl_graph_input(p->graph, "value", DCL_REAL, 1, &p->count),
        dcl_graph_input(p->graph, "start", DCL_I64, 1, (int64_t[]){p->m + 1}),
        dcl_graph_input(p->graph, "column", DCL_I64, 1, &p->count),
        dcl_graph_input(p->graph, "column_start", DCL_I64, 1, (int64_t[]){p->n + 1}),
        dcl_graph_input(p->graph, "by_column", DCL_I64, 2, pairs)};
    const dcl_value made = dcl_graph_apply(p->graph, "loss", "entries_residual", inputs, 7, NULL);
    const dcl_value targets[] = {dcl_graph_parameter(p->graph, "found loss", 0, NULL, zero),
                                 dcl_graph_parameter(p->graph, "gradient U", 2, u, zero),
                                 dcl_graph_parameter(p->graph, "gradient V", 2, v, zero)};
    for (int i = 0; i < 3; i++)
        dcl_graph_assign(p->graph, targets[i], made ? made + i : 0);
}

static dcl_status feed(problem *p, dcl_error *error)
{
    const struct {
        const char *name;
        uint32_t dtype;
        const void *data;
    } inputs[] = {{"U", p->dtype, p->u}, {"V", p->dtype, p->v}, {"value", p->dtype, p->value},
                  {"start", DCL_I64, p->start}, {"column", DCL_I64, p->column},
                  {"column_start", DCL_I64, p->column_start}, {"by_column", DCL_I64, p->by_column}};
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs && status == DCL_OK; i++)
        status = dcl_session_feed(p->session, inputs[i].name, inputs[i].dtype, inputs[i].data, error);
    return status;
}

static dcl_status make_device_side(const dcl__bench *bench, problem *p, dcl_error *error)
{
    dcl_status status = dcl_graph_create(bench->registry, p->dtype, 0, &p->graph, error);
    if (status)
        return status;
    build(p);
    status = dcl_session_create(bench->device, p->graph, &p->session, error);
    if (status == DCL_OK)
        status = feed(p, error);
    if (status == DCL_OK)
        status = run_device(p, 1, error);            /* what the first pass does besides is not counted */
    const int64_t before = dcl_device_statistics(bench->device).kernels_launched;
    if (status == DCL_OK)
        status = run_device(p, 1, error);
    p->launches = (double)(dcl_device_statistics(bench->device).kernels_launched - before);
    return status;
}

/* ---- The problem ---- */

static dcl_status make_indices(int64_t count, int64_t **indices, dcl_error *error)
{
    *indices = calloc((size_t)count, sizeof **indices);
    return *indices ? DCL_OK : dcl__no_memory(error, "the entries of a benchmark", count * (int64_t)sizeof **indices);
}

/* As many entries in each row, one in each of as many stretches of columns: rising and all different. */
static void draw_rows(problem *p, const double *uniform)
{
    for (int64_t i = 0; i < p->m; i++) {
        p->start[i + 1] = p->count / p->m * (i + 1) + p->count % p->m * (i + 1) / p->m;
        const double stretch = (double)p->n / (double)(p->start[i + 1] - p->start[i]);
        for (int64_t e = p->start[i]; e < p->start[i + 1]; e++)
            p->column[e] = (int64_t)(((double)(e - p->start[i]) + (uniform[e] + 1) / 2) * stretch);
    }
}

/* The same column by column, by counting. */
static void sort_columns(problem *p)
{
    int64_t *next = p->column_start + 1;
    for (int64_t e = 0; e < p->count; e++)
        p->column_start[p->column[e] + 1]++;
    for (int64_t j = 0, sum = 0; j < p->n; j++) {
        const int64_t entries = next[j];
        next[j] = sum;
        sum += entries;
    }
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t e = p->start[i]; e < p->start[i + 1]; e++) {
            const int64_t place = next[p->column[e]]++;
            p->by_column[2 * place] = i;
            p->by_column[2 * place + 1] = e;
        }
}

static dcl_status draw_entries(problem *p, dcl_error *error)
{
    double *uniform = dcl__host_random(DCL_F64, p->count, 1, error);
    dcl_status status = uniform ? make_indices(p->m + 1, &p->start, error) : DCL_ENOMEM;
    if (status == DCL_OK)
        status = make_indices(p->n + 1, &p->column_start, error);
    if (status == DCL_OK)
        status = make_indices(p->count, &p->column, error);
    if (status == DCL_OK)
        status = make_indices(2 * p->count, &p->by_column, error);
    if (status == DCL_OK) {
        draw_rows(p, uniform);
        sort_columns(p);
    }
    free(uniform);
    return status;
}

static dcl_status make_matrices(problem *p, dcl_error *error)
{
    p->u = dcl__host_random(p->dtype, p->m * p->width, 2, error);
    p->v = p->u ? dcl__host_random(p->dtype, p->n * p->width, 3, error) : NULL;
    p->value = p->v ? dcl__host_random(p->dtype, p->count, 4, error) : NULL;
    p->slopes = p->value ? dcl__host_zeros(p->dtype, p->count, error) : NULL;
    p->gradient_u = p->slopes ? dcl__host_zeros(p->dtype, p->m * p->width, error) : NULL;
    p->gradient_v = p->gradient_u ? dcl__host_zeros(p->dtype, p->n * p->width, error) : NULL;
    return p->gradient_v ? DCL_OK : DCL_ENOMEM;
}

static void free_problem(problem *p)
{
    void *const owned[] = {p->start, p->column, p->column_start, p->by_column, p->u, p->v, p->value, p->slopes,
                           p->gradient_u, p->gradient_v};
    dcl_session_free(p->session);
    dcl_graph_free(p->graph);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

/* ---- The record ---- */

/* Raises *worst to the largest difference of what the sides found, relative to the largest number. */
static dcl_status compare(const problem *p, const char *name, const void *wanted, int64_t count, double *worst,
                          dcl_error *error)
{
    double *found = dcl__host_zeros(DCL_F64, count, error), off = 0, largest = 0;
    dcl_status status = found ? dcl_session_fetch(p->session, name, DCL_F64, found, error) : DCL_ENOMEM;
    for (int64_t i = 0; i < count && status == DCL_OK; i++) {
        off = fmax(off, fabs(found[i] - dcl__host_get(p->dtype, wanted, i)));
        largest = fmax(largest, fabs(found[i]));
    }
    free(found);
    *worst = fmax(*worst, off / largest);
    return status;
}

static dcl_status fill_record(const problem *p, const dcl__comparison *times, dcl__record *record, dcl_error *error)
{
    const double element = (double)dcl__dtype_size(p->dtype), index = sizeof(int64_t), count = (double)p->count;
    double loss;
    dcl_status status = dcl_session_fetch(p->session, "found loss", DCL_F64, &loss, error);
    record->value_error = fabs(loss - p->loss) / p->loss;
    if (status == DCL_OK)
        status = compare(p, "gradient U", p->gradient_u, p->m * p->width, &record->value_error, error);
    if (status == DCL_OK)
        status = compare(p, "gradient V", p->gradient_v, p->n * p->width, &record->value_error, error);
    record->flops = 6 * count * (double)p->width;
    record->bytes = count * (3 * element + 3 * index) + 2 * element * (double)((p->m + p->n) * p->width);
    record->launches = p->launches;
    dcl__record_fill(record, times);
    return status;
}

static void name_record(const dcl__bench *bench, const problem *p, dcl__record *record)
{
    *record = dcl__record_empty("entries", bench->dtype);
    snprintf(record->shape, sizeof record->shape, "%" PRId64 "x%" PRId64 "x%" PRId64, p->m, p->n, p->width);
    snprintf(record->detail, sizeof record->detail, "%" PRId64 " entries", p->count);
    snprintf(record->other, sizeof record->other, "plain loops in C, %d threads", p->threads);
}

dcl_status dcl__bench_entries(const dcl__bench *bench, const dcl__entries_size *size, dcl__record *record,
                              dcl_error *error)
{
    problem p = {.m = size->m, .n = size->n, .width = size->width, .count = size->count, .dtype = bench->dtype,
                 .threads = bench->threads < MOST_THREADS ? bench->threads : MOST_THREADS};
    dcl__side sides[] = {{run_device, &p, .least = 0.1}, {run_host, &p, .least = 0.1}};
    dcl__comparison times = {.repeats = bench->repeats};
    char what[128];
    name_record(bench, &p, record);
    snprintf(what, sizeof what, "entries %s", record->shape);
    dcl_status status = draw_entries(&p, error);
    if (status == DCL_OK)
        status = make_matrices(&p, error);
    if (status == DCL_OK)
        status = make_device_side(bench, &p, error);
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, sides, 2, &times, error);
    if (status == DCL_OK)
        status = fill_record(&p, &times, record, error);
    free_problem(&p);
    return status;
}
