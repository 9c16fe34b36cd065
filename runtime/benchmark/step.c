/* step.c: one training step of the recipe beside the same by OpenBLAS, or one noise beside another. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark/benchmark.h"
#include "benchmark/host.h"
#include "core/tensor.h"

/* Seconds and steps of a timing, at least: how many units are dropped changes from step to step. */
static const double LEAST = 0.1;
enum { FEWEST = 5, MOST_DRAWS = 20 };     /* the latter where two noises draw differently many */

/* Both sides of one problem. */
typedef struct problem {
    const dcl__step_size *size;
    uint32_t dtype;
    void *y;
    dcl_device *device;          /* of its own, so that its peak of memory is that of this run       */
    dcl_factorization *factorization;
    void *u, *v, *residual, *gradient;   /* the other side                                           */
    double loss;
    double launches;             /* kernels of one step                                              */
} problem;

/* ---- The sides ---- */

static dcl_status run_device(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    dcl_session *session = dcl_factorization_session(p->factorization);
    int64_t before = dcl_device_statistics(p->device).kernels_launched;
    dcl_status status = dcl_session_step(session, calls, error);
    p->launches = (double)(dcl_device_statistics(p->device).kernels_launched - before) / (double)calls;
    return status ? status : dcl_session_wait(session, error);
}

/* R = U V' - Y, the loss, the two gradients 2 R V and 2 R' U, and plain descent: what dropout training takes at
 * least when the units are not left out but set to zero. The rate is so small that nothing ever grows. */
static dcl_status run_host(void *user, int64_t calls, dcl_error *error)
{
    problem *p = user;
    const int64_t m = p->size->m, n = p->size->n, r = p->size->width;
    const double rate = 1e-12;
    (void)error;
    for (int64_t i = 0; i < calls; i++) {
        memcpy(p->residual, p->y, (size_t)(m * n * dcl__dtype_size(p->dtype)));
        dcl__host_product(p->dtype, DCL_TRANSPOSE_B, m, n, r, 1, p->u, p->v, -1, p->residual);
        p->loss = dcl__host_squares(p->dtype, m * n, p->residual);
        char *gradient_v = (char *)p->gradient + m * r * dcl__dtype_size(p->dtype);
        dcl__host_product(p->dtype, 0, m, r, n, 2, p->residual, p->v, 0, p->gradient);
        dcl__host_product(p->dtype, DCL_TRANSPOSE_A, n, r, m, 2, p->residual, p->u, 0, gradient_v);
        dcl__host_add(p->dtype, m * r, -rate, p->gradient, p->u);
        dcl__host_add(p->dtype, n * r, -rate, gradient_v, p->v);
    }
    return DCL_OK;
}

/* ---- The problem ---- */

static dcl_status make_device_side(const dcl__bench *bench, problem *p, dcl_error *error)
{
    p->y = dcl__host_random(p->dtype, p->size->m * p->size->n, 1, error);
    if (!p->y)
        return DCL_ENOMEM;
    const dcl_matrix data = {p->size->m, p->size->n, p->dtype, p->y};
    dcl_factorize_options options = dcl_factorize_defaults(&data);
    options.retain = p->size->retain;
    options.noise = p->size->noise;
    options.block = p->size->block;
    options.width = p->size->width;
    options.steps = 1000000;     /* a step does not depend on how many there will be                 */
    dcl_status status = dcl_device_open(bench->selector, &p->device, error);
    return status ? status : dcl_factorization_create(bench->registry, p->device, &data, &options, &p->factorization,
                                                      error);
}

static dcl_status make_host_side(problem *p, dcl_error *error)
{
    const int64_t m = p->size->m, n = p->size->n, r = p->size->width;
    p->u = dcl__host_random(p->dtype, m * r, 2, error);
    p->v = p->u ? dcl__host_random(p->dtype, n * r, 3, error) : NULL;
    p->residual = p->v ? dcl__host_zeros(p->dtype, m * n, error) : NULL;
    p->gradient = p->residual ? dcl__host_zeros(p->dtype, (m + n) * r, error) : NULL;
    return p->gradient ? DCL_OK : DCL_ENOMEM;
}

static void free_problem(problem *p)
{
    dcl_factorization_free(p->factorization);
    dcl_device_close(p->device);
    free(p->y);
    free(p->u);
    free(p->v);
    free(p->residual);
    free(p->gradient);
}

/* ---- The record ---- */

static void fill_record(const dcl__bench *bench, const problem *p, const dcl__comparison *times, dcl__record *record)
{
    const double m = (double)p->size->m, n = (double)p->size->n, r = (double)p->size->width;
    const double element = (double)dcl__dtype_size(p->dtype);
    record->flops = 6 * m * n * r * p->size->retain;
    record->bytes = element * (m * n + 2 * (m + n) * r);
    dcl__record_fill(record, times);
    record->launches = p->launches;
    record->launch_seconds = bench->limits ? record->launches * bench->limits->launch : NAN;
    record->bytes_peak = (double)dcl_device_statistics(p->device).bytes_peak;
    record->bytes_budget = element * (m * n + 4 * (m + n) * r);
}

static void name_shape(const dcl__step_size *size, dcl__record *record)
{
    snprintf(record->shape, sizeof record->shape, "%" PRId64 "x%" PRId64 "x%" PRId64, size->m, size->n, size->width);
}

static void name_record(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record)
{
    *record = dcl__record_empty("step", bench->dtype);
    name_shape(size, record);
    snprintf(record->detail, sizeof record->detail, "retain %g", size->retain);
    snprintf(record->other, sizeof record->other, "3 OpenBLAS products, loss, update, %d threads", bench->threads);
}

dcl_status dcl__bench_step(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record,
                           dcl_error *error)
{
    problem p = {.size = size, .dtype = bench->dtype};
    dcl__side both[] = {{run_device, &p, .least = LEAST, .fewest = FEWEST}, {run_host, &p, .least = LEAST}};
    dcl__comparison times = {.repeats = bench->repeats};
    char what[128];
    name_record(bench, size, record);
    snprintf(what, sizeof what, "step %s %s", record->shape, record->detail);
    dcl_status status = make_device_side(bench, &p, error);
    if (status == DCL_OK)
        status = make_host_side(&p, error);
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, both, 2, &times, error);
    if (status == DCL_OK)
        fill_record(bench, &p, &times, record);
    free_problem(&p);
    return status;
}

static void name_noise(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record)
{
    *record = dcl__record_empty("noise", bench->dtype);
    name_shape(size, record);
    if (size->noise == DCL_NOISE_DROPCONNECT)
        snprintf(record->detail, sizeof record->detail, "dropconnect, retain %g", size->retain);
    else
        snprintf(record->detail, sizeof record->detail, "dropblock %" PRId64 ", retain %g", size->block, size->retain);
    snprintf(record->other, sizeof record->other, "dropout, retain %g", size->retain);
}

dcl_status dcl__bench_noise(const dcl__bench *bench, const dcl__step_size *size, dcl__record *record,
                            dcl_error *error)
{
    dcl__step_size dropout = *size;
    dropout.noise = DCL_NOISE_DROPOUT;
    dropout.block = 0;
    problem p = {.size = size, .dtype = bench->dtype}, other = {.size = &dropout, .dtype = bench->dtype};
    dcl__side both[] = {{run_device, &p, .least = LEAST, .fewest = MOST_DRAWS},
                        {run_device, &other, .least = LEAST, .fewest = MOST_DRAWS}};
    dcl__comparison times = {.repeats = bench->repeats};
    char what[128];
    name_noise(bench, size, record);
    snprintf(what, sizeof what, "step %s %s", record->shape, record->detail);
    dcl_status status = make_device_side(bench, &p, error);
    if (status == DCL_OK)
        status = make_device_side(bench, &other, error);
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, both, 2, &times, error);
    if (status == DCL_OK)
        fill_record(bench, &p, &times, record);
    free_problem(&p);
    free_problem(&other);
    return status;
}

dcl_status dcl__bench_steps(const dcl__bench *bench, const char *what, const dcl__step_size *sizes, int count,
                            dcl__comparison *times, double *bytes_peak, dcl_error *error)
{
    problem problems[DCL__MOST_SIDES] = {0};
    dcl__side sides[DCL__MOST_SIDES];
    dcl_status status = DCL_OK;
    for (int i = 0; i < count && status == DCL_OK; i++) {
        problems[i] = (problem){.size = &sizes[i], .dtype = bench->dtype};
        sides[i] = (dcl__side){run_device, &problems[i], .least = LEAST, .fewest = FEWEST};
        status = make_device_side(bench, &problems[i], error);
    }
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, sides, count, times, error);
    for (int i = 0; i < count; i++) {
        if (status == DCL_OK)
            bytes_peak[i] = (double)dcl_device_statistics(problems[i].device).bytes_peak;
        free_problem(&problems[i]);
    }
    return status;
}
