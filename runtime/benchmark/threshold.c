/* threshold.c: the closed form of a matrix of known singular values beside LAPACK's gesdd. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark/benchmark.h"
#include "benchmark/host.h"
#include "benchmark/spectrum.h"
#include "core/tensor.h"

/* Both sides of one matrix. */
typedef struct problem {
    int64_t m, n, count, surviving;
    uint32_t dtype;
    double *true_values, lambda;
    void *y;
    dcl_graph *graph;
    dcl_session *session;
    void *work, *values, *left, *right;  /* the other side                                           */
} problem;

/* ---- The sides ---- */

static dcl_status run_device(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    dcl_status status = dcl_session_step(p->session, calls, error);
    return status ? status : dcl_session_wait(p->session, error);
}

static dcl_status run_host(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    dcl_status status = DCL_OK;
    for (int64_t i = 0; i < calls && status == DCL_OK; i++) {
        memcpy(p->work, p->y, (size_t)(p->m * p->n * dcl__dtype_size(p->dtype)));
        status = dcl__host_svd(p->dtype, p->m, p->n, p->work, p->values, p->left, p->right, error);
    }
    return status;
}

/* ---- The problem ---- */

static dcl_status make_matrix(problem *p, dcl_error *error)
{
    p->true_values = dcl__host_zeros(DCL_F64, p->count, error);
    p->y = p->true_values ? dcl__host_zeros(p->dtype, p->m * p->n, error) : NULL;
    if (!p->y)
        return DCL_ENOMEM;
    p->lambda = dcl__spectrum_fill(p->true_values, p->count, p->surviving);
    double *matrix = dcl__spectrum_matrix(p->m, p->n, p->true_values, error);
    if (!matrix)
        return DCL_ENOMEM;
    dcl__convert(p->dtype, p->y, DCL_F64, matrix, p->m * p->n);
    free(matrix);
    return DCL_OK;
}

/* What `dropcl threshold` computes: the parameters are the outputs of the op. */
static void build(problem *p)
{
    const dcl_setting settings[] = {{.name = "lambda", .number = p->lambda}, {.name = "width", .integer = p->count},
                                    {0}};
    const dcl_initial zero = {0};
    dcl_value y = dcl_graph_input(p->graph, "Y", DCL_REAL, 2, (int64_t[]){p->m, p->n});
    dcl_value shrunk = dcl_graph_apply(p->graph, "shrunk", "singular_threshold", &y, 1, settings);
    const dcl_value targets[] = {dcl_graph_parameter(p->graph, "U", 2, (int64_t[]){p->m, p->count}, zero),
                                 dcl_graph_parameter(p->graph, "V", 2, (int64_t[]){p->n, p->count}, zero),
                                 dcl_graph_parameter(p->graph, "values", 1, &p->count, zero),
                                 dcl_graph_parameter(p->graph, "tau", 0, NULL, zero)};
    for (int i = 0; i < 4; i++)
        dcl_graph_assign(p->graph, targets[i], shrunk ? shrunk + i : 0);
}

static dcl_status make_device_side(const dcl__bench *bench, problem *p, dcl_error *error)
{
    dcl_status status = dcl_graph_create(bench->registry, p->dtype, 0, &p->graph, error);
    if (status)
        return status;
    build(p);
    status = dcl_session_create(bench->device, p->graph, &p->session, error);
    return status ? status : dcl_session_feed(p->session, "Y", p->dtype, p->y, error);
}

static dcl_status make_host_side(problem *p, dcl_error *error)
{
    p->work = dcl__host_zeros(p->dtype, p->m * p->n, error);
    p->values = p->work ? dcl__host_zeros(p->dtype, p->count, error) : NULL;
    p->left = p->values ? dcl__host_zeros(p->dtype, p->m * p->count, error) : NULL;
    p->right = p->left ? dcl__host_zeros(p->dtype, p->count * p->n, error) : NULL;
    return p->right ? DCL_OK : DCL_ENOMEM;
}

static void free_problem(problem *p)
{
    dcl_session_free(p->session);
    dcl_graph_free(p->graph);
    free(p->true_values);
    free(p->y);
    free(p->work);
    free(p->values);
    free(p->left);
    free(p->right);
}

/* ---- The record ---- */

/* How far what was computed is from the spectrum that the matrix was made of. */
static dcl_status find_errors(problem *p, dcl__record *record, dcl_error *error)
{
    double tau = 0, worst = 0, *found = dcl__host_zeros(DCL_F64, p->count, error);
    if (!found)
        return DCL_ENOMEM;
    dcl_status status = dcl_session_fetch(p->session, "values", DCL_F64, found, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(p->session, "tau", DCL_F64, &tau, error);
    for (int64_t i = 0; i < p->surviving; i++)
        worst = fmax(worst, fabs(found[i] - p->true_values[i]) / p->true_values[0]);
    free(found);
    double wanted = dcl_dropout_optimum(p->true_values, p->count, p->lambda, p->count).tau;
    record->value_error = worst;
    record->tau_error = fabs(tau - wanted) / wanted;
    return status;
}

static void name_record(const dcl__bench *bench, const problem *p, dcl__record *record)
{
    *record = dcl__record_empty("threshold", bench->dtype);
    snprintf(record->shape, sizeof record->shape, "%" PRId64 "x%" PRId64, p->m, p->n);
    snprintf(record->detail, sizeof record->detail, "%.0f %% survive", 100 * (double)p->surviving / (double)p->count);
    snprintf(record->other, sizeof record->other, "LAPACK gesdd, %d threads", bench->threads);
}

dcl_status dcl__bench_threshold(const dcl__bench *bench, const dcl__threshold_size *size, dcl__record *record,
                                dcl_error *error)
{
    problem p = {.m = size->m, .n = size->n, .count = size->m < size->n ? size->m : size->n, .dtype = bench->dtype};
    p.surviving = (int64_t)fmax(1, round(size->surviving * (double)p.count));
    dcl__side sides[] = {{run_device, &p, .least = 0.02}, {run_host, &p, .least = 0.02}};
    dcl__comparison times = {.repeats = bench->repeats};
    char what[128];
    name_record(bench, &p, record);
    snprintf(what, sizeof what, "threshold %s, %s", record->shape, record->detail);
    dcl_status status = make_matrix(&p, error);
    if (status == DCL_OK)
        status = make_device_side(bench, &p, error);
    if (status == DCL_OK)
        status = make_host_side(&p, error);
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, sides, 2, &times, error);
    if (status == DCL_OK)
        status = find_errors(&p, record, error);
    if (status == DCL_OK)
        dcl__record_fill(record, &times);
    free_problem(&p);
    return status;
}
