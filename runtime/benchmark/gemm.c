/* gemm.c: one matrix product on the device beside OpenBLAS. */
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "benchmark/benchmark.h"
#include "benchmark/host.h"
#include "core/blas.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/tensor.h"

/* The operands on both sides. */
typedef struct operands {
    dcl_device *device;
    dcl__product product;
    void *a, *b, *c, *found;
    int64_t launches;            /* kernels of one product                                           */
    double queued;               /* seconds that the queue took when it was full                     */
} operands;

/* ---- The sides ---- */

static dcl_status run_device(void *user, int64_t calls, dcl_error *error)
{
    const operands *o = user;
    dcl_status status = DCL_OK;
    for (int64_t i = 0; i < calls && status == DCL_OK; i++) {
        status = dcl__gemm_run(o->device, &o->product, error);
        if (status == DCL_OK)
            status = dcl__cl_check(error, clFinish(o->device->queue), "clFinish", "multiplying");
    }
    return status;
}

static dcl_status run_host(void *user, int64_t calls, dcl_error *error)
{
    const operands *o = user;
    const dcl__product *p = &o->product;
    (void)error;
    for (int64_t i = 0; i < calls; i++)
        dcl__host_product(p->dtype, p->transpose, p->m, p->n, p->k, 1, o->a, o->b, 0, o->c);
    return DCL_OK;
}

static dcl_status enqueue_product(const operands *o, dcl_error *error)
{
    return dcl__gemm_run(o->device, &o->product, error);
}

static dcl_status enqueue_nothing(const operands *o, dcl_error *error)
{
    return dcl__enqueue_nothing(o->device, o->product.dtype, o->launches, error);
}

/* Fills the queue behind a gate, and measures from the opening of the gate to the end: without the time that
 * enqueueing takes, and without a wait for each call. */
static dcl_status run_queued(operands *o, dcl_status (*enqueue)(const operands *, dcl_error *), int64_t calls,
                             dcl_error *error)
{
    cl_command_queue queue = o->device->queue;
    cl_int code;
    cl_event gate = clCreateUserEvent(o->device->context, &code);
    dcl_status status = dcl__cl_check(error, code, "clCreateUserEvent", "timing products");
    if (status)
        return status;
    status = dcl__cl_check(error, clEnqueueBarrierWithWaitList(queue, 1, &gate, NULL), "clEnqueueBarrierWithWaitList",
                           "timing products");
    for (int64_t i = 0; i < calls && status == DCL_OK; i++)
        status = enqueue(o, error);
    double start = dcl__now();
    code = clSetUserEventStatus(gate, CL_COMPLETE);
    code = code ? code : clFinish(queue);
    o->queued = dcl__now() - start;
    clReleaseEvent(gate);
    return status ? status : dcl__cl_check(error, code, "clFinish", "timing products");
}

static dcl_status run_queued_products(void *user, int64_t calls, dcl_error *error)
{
    return run_queued(user, enqueue_product, calls, error);
}

static dcl_status run_queued_nothing(void *user, int64_t calls, dcl_error *error)
{
    return run_queued(user, enqueue_nothing, calls, error);
}

/* ---- The operands ---- */

static dcl_status make_matrix(operands *o, const char *name, int64_t rows, int64_t columns, uint64_t seed, void **host,
                              dcl__matrix *matrix, dcl_error *error)
{
    dcl_tensor tensor;
    dcl_status status = dcl__tensor_init(&tensor, name, o->product.dtype, 2, (int64_t[]){rows, columns}, error);
    if (status)
        return status;
    *host = dcl__host_random(o->product.dtype, tensor.count, seed, error);
    status = *host ? dcl__buffer_create(o->device, name, dcl__tensor_bytes(&tensor), &matrix->buffer, error)
                   : DCL_ENOMEM;
    matrix->stride = columns;
    return status ? status : dcl__buffer_write(o->device, matrix->buffer, &tensor, o->product.dtype, *host, error);
}

static dcl_status make_operands(operands *o, dcl_error *error)
{
    dcl__product *p = &o->product;
    int ta = (p->transpose & DCL_TRANSPOSE_A) != 0, tb = (p->transpose & DCL_TRANSPOSE_B) != 0;
    dcl_status status = make_matrix(o, "A", ta ? p->k : p->m, ta ? p->m : p->k, 1, &o->a, &p->a, error);
    if (status == DCL_OK)
        status = make_matrix(o, "B", tb ? p->n : p->k, tb ? p->k : p->n, 2, &o->b, &p->b, error);
    if (status == DCL_OK)
        status = make_matrix(o, "C", p->m, p->n, 3, &o->c, &p->c, error);
    o->found = status ? NULL : dcl__host_zeros(p->dtype, p->m * p->n, error);
    return status ? status : o->found ? DCL_OK : DCL_ENOMEM;
}

static void free_operands(operands *o)
{
    dcl__buffer_release(o->device, o->product.a.buffer);
    dcl__buffer_release(o->device, o->product.b.buffer);
    dcl__buffer_release(o->device, o->product.c.buffer);
    free(o->a);
    free(o->b);
    free(o->c);
    free(o->found);
}

/* A fast product that is wrong is worth nothing. Entries are at most 1, and so sums at most k. */
static dcl_status check_product(operands *o, dcl_error *error)
{
    const dcl__product *p = &o->product;
    dcl_tensor tensor;
    double worst = 0, allowed = 4 * (p->dtype == DCL_F64 ? DBL_EPSILON : FLT_EPSILON) * (double)p->k;
    dcl_status status = run_device(o, 1, error);     /* the first product runs the self-test as well */
    int64_t before = o->device->counts.kernels_launched;
    if (status == DCL_OK)
        status = run_device(o, 1, error);
    o->launches = o->device->counts.kernels_launched - before;
    if (status == DCL_OK)
        status = dcl__tensor_init(&tensor, "C", p->dtype, 2, (int64_t[]){p->m, p->n}, error);
    if (status == DCL_OK)
        status = dcl__buffer_read(o->device, p->c.buffer, &tensor, p->dtype, o->found, error);
    if (status)
        return status;
    run_host(o, 1, error);
    for (int64_t i = 0; i < tensor.count; i++)
        worst = fmax(worst, fabs(dcl__host_get(p->dtype, o->found, i) - dcl__host_get(p->dtype, o->c, i)));
    if (worst <= allowed)
        return DCL_OK;
    return dcl__fail(error, DCL_EDEVICE, "the product %" PRId64 "x%" PRId64 "x%" PRId64 " on device '%s' is wrong by "
                     "%.2e, rounding explains %.2e (please report this)", p->m, p->n, p->k, o->device->info.name,
                     worst, allowed);
}

/* ---- The record ---- */

static void fill_record(const dcl__bench *bench, const operands *o, const dcl__comparison *times, dcl__record *record)
{
    const dcl__product *p = &o->product;
    double ratios[DCL__MOST_REPEATS];
    for (int r = 0; r < times->repeats; r++)
        ratios[r] = (times->seconds[2][r] - times->seconds[3][r]) / times->seconds[1][r];
    record->flops = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    record->bytes = (double)(p->m * p->k + p->k * p->n + p->m * p->n) * (double)dcl__dtype_size(p->dtype);
    dcl__record_fill(record, times);
    record->launches = (double)o->launches;
    double further = dcl__spread_of_side(times, 3).median * (record->launches - 1) / record->launches;
    record->launch_seconds = bench->limits ? bench->limits->launch + further : NAN;
    record->compute_ratio = dcl__spread_of(ratios, times->repeats);
}

static void name_record(const dcl__bench *bench, const dcl__gemm_size *size, dcl__record *record)
{
    *record = dcl__record_empty("gemm", bench->dtype);
    snprintf(record->shape, sizeof record->shape, "%" PRId64 "x%" PRId64 "x%" PRId64, size->m, size->n, size->k);
    snprintf(record->detail, sizeof record->detail, "%c%c", size->transpose & DCL_TRANSPOSE_A ? 't' : 'n',
             size->transpose & DCL_TRANSPOSE_B ? 't' : 'n');
    snprintf(record->other, sizeof record->other, "OpenBLAS, %d threads", bench->threads);
}

dcl_status dcl__bench_gemm(const dcl__bench *bench, const dcl__gemm_size *size, dcl__record *record,
                           dcl_error *error)
{
    operands o = {.device = bench->device,
                  .product = {.dtype = bench->dtype, .transpose = size->transpose, .m = size->m, .n = size->n,
                              .k = size->k, .alpha = 1}};
    dcl__side sides[] = {{run_device, &o, .least = 0.02}, {run_host, &o, .least = 0.02},
                         {run_queued_products, &o, .least = 0.02, .part = &o.queued},
                         {run_queued_nothing, &o, .least = 0.02, .part = &o.queued}};
    dcl__comparison times = {.repeats = bench->repeats};
    char what[128];
    name_record(bench, size, record);
    snprintf(what, sizeof what, "gemm %s %s", record->shape, record->detail);
    dcl_status status = make_operands(&o, error);
    if (status == DCL_OK)
        status = check_product(&o, error);
    if (status == DCL_OK)
        status = dcl__compare(&bench->watch, what, sides, 4, &times, error);
    if (status == DCL_OK)
        fill_record(bench, &o, &times, record);
    free_operands(&o);
    return status;
}
