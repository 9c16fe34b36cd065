/* gemm_test.c: the self-test of a variant of the matrix product on one device, dtype and driver. */
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/cache.h"
#include "core/gemm.h"
#include "core/program.h"
#include "core/tensor.h"
#include "long_loop.cl.h"

static const struct {
    int64_t m, n, k;
    uint32_t transpose;
    double alpha, beta;
} tests[] = {
    {1, 1, 1, 0, 1, 0},
    {3, 5, 7, DCL_TRANSPOSE_A, 2, 1},
    {17, 33, 65, 0, 1, 0},
    {17, 33, 65, DCL_TRANSPOSE_B, -0.5, 0.25},
    {64, 32, 64, DCL_TRANSPOSE_A, 1, 1},
    {70, 1, 9, DCL_TRANSPOSE_A | DCL_TRANSPOSE_B, 0.5, 0},
    {1, 70, 31, 0, 1, -2},
    {13, 30, 20, 0, 2, 1},       /* packed: a small product whose last panel is partly there */
    {48, 63, 70, DCL_TRANSPOSE_A | DCL_TRANSPOSE_B, 2, 0.5},
    {7, 450, 600, 0, 1, 1},      /* packed: rows of A are packed, on every device */
    {60, 20, 600, 0, 1, 0},
    {60, 20, 600, DCL_TRANSPOSE_A, 1, -1},
    /* For variants with other kernels for large matrices. */
    {1027, 801, 779, DCL_TRANSPOSE_A, 1, 0},
};

enum { ROUNDS = 70000 };         /* of a loop                                                        */
enum { TEST_COUNT = sizeof tests / sizeof *tests, SMALL_AREA = 450 * 600, LARGE_AREA = 1027 * 801 };

/* The matrices of a test: on the host, and those on the device with room for `area` elements each. */
typedef struct bench {
    dcl_device *device;
    const dcl__gemm_variant *tried;
    dcl_tensor tensor;           /* `area` elements of the tested dtype                              */
    double *a, *b, *c, *found;
    dcl__product product;
    int64_t wrong;
} bench;

/* A simple sequence of numbers (Numerical Recipes, 1992), as cl/long_loop.cl makes it as well. */
static uint32_t next(uint32_t number)
{
    return number * 1664525u + 1013904223u;
}

/* Small integers: their products and sums are exact, so any order of summation must give equal bits. */
static void fill(double *matrix, int64_t area, uint32_t seed)
{
    for (int64_t i = 0; i < area; i++) {
        seed = next(seed);
        matrix[i] = (double)(seed >> 29) - 3;
    }
}

static void multiply(const dcl__product *p, const double *a, const double *b, double *c)
{
    int ta = (p->transpose & DCL_TRANSPOSE_A) != 0, tb = (p->transpose & DCL_TRANSPOSE_B) != 0;
    cblas_dgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)p->m, (int)p->n,
                (int)p->k, p->alpha, a, (int)(ta ? p->m : p->k), b, (int)(tb ? p->k : p->n), p->beta, c, (int)p->n);
}

/* Runs one product and counts the elements that are wrong, also those that were not to be written. */
static dcl_status run_test(bench *t, size_t i, dcl_error *error)
{
    dcl__product *p = &t->product;
    p->m = tests[i].m, p->n = tests[i].n, p->k = tests[i].k;
    p->transpose = tests[i].transpose, p->alpha = tests[i].alpha, p->beta = tests[i].beta;
    p->a.stride = p->transpose & DCL_TRANSPOSE_A ? p->m : p->k;
    p->b.stride = p->transpose & DCL_TRANSPOSE_B ? p->k : p->n;
    p->c.stride = p->n;
    fill(t->c, t->tensor.count, 3 + (uint32_t)i);
    for (int64_t j = 0; p->beta == 0 && j < p->m * p->n; j++)
        t->c[j] = NAN;           /* with beta 0, c must not be read */
    dcl_status status = dcl__buffer_write(t->device, p->c.buffer, &t->tensor, DCL_F64, t->c, error);
    if (status == DCL_OK)
        status = t->tried->run(t->device, p, error);
    if (status == DCL_OK)
        status = dcl__buffer_read(t->device, p->c.buffer, &t->tensor, DCL_F64, t->found, error);
    multiply(p, t->a, t->b, t->c);
    for (int64_t j = 0; status == DCL_OK && j < t->tensor.count; j++)
        t->wrong += t->found[j] != t->c[j];
    return status;
}

static dcl_status set_up(bench *t, dcl_error *error)
{
    int64_t area = t->tensor.count;
    double *room = malloc((size_t)(4 * area) * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the self-test of matrix products", 4 * area * (int64_t)sizeof *room);
    t->a = room, t->b = room + area, t->c = room + 2 * area, t->found = room + 3 * area;
    cl_mem *const buffers[] = {&t->product.a.buffer, &t->product.b.buffer, &t->product.c.buffer};
    dcl_status status = DCL_OK;
    for (int i = 0; status == DCL_OK && i < 3; i++)
        status = dcl__buffer_create(t->device, "gemm self-test", dcl__tensor_bytes(&t->tensor), buffers[i], error);
    fill(t->a, area, 1);
    fill(t->b, area, 2);
    if (status == DCL_OK)
        status = dcl__buffer_write(t->device, t->product.a.buffer, &t->tensor, DCL_F64, t->a, error);
    if (status == DCL_OK)
        status = dcl__buffer_write(t->device, t->product.b.buffer, &t->tensor, DCL_F64, t->b, error);
    return status;
}

/* Runs all products of the self-test. *passed says whether all were right. */
static dcl_status self_test(dcl_device *device, uint32_t dtype, const dcl__gemm_variant *tried, int *passed,
                            dcl_error *error)
{
    int with_large = tried->large_kernels;
    const int64_t area = with_large ? LARGE_AREA : SMALL_AREA;
    bench t = {.device = device, .tried = tried, .product = {.dtype = dtype}};
    dcl_status status = dcl__tensor_init(&t.tensor, "self-test", dtype, 1, &area, error);
    if (status == DCL_OK)
        status = set_up(&t, error);
    for (size_t i = 0; status == DCL_OK && i < TEST_COUNT - !with_large; i++)
        status = run_test(&t, i, error);
    dcl__buffer_release(device, t.product.a.buffer);
    dcl__buffer_release(device, t.product.b.buffer);
    dcl__buffer_release(device, t.product.c.buffer);
    free(t.a);
    *passed = t.wrong == 0;
    return status;
}

/* ---- Long loops ---- */

/* Runs one loop on the device. Mesa's llvmpipe ends the loops of a work-item after 65535 rounds, without a word. */
static dcl_status run_loop(dcl_device *device, cl_mem buffer, const dcl_tensor *tensor, double *found, dcl_error *error)
{
    static const uint64_t one = 1;
    const cl_long rounds = ROUNDS;
    const dcl__kernel_argument arguments[] = {{sizeof rounds, &rounds}, {sizeof buffer, &buffer}};
    const dcl__build build = {.owner = "long_loop", .source = long_loop_cl, .real = DCL_F32};
    cl_kernel kernel;
    dcl_status status = dcl__kernel(device, &build, "long_loop", &kernel, error);
    if (status == DCL_OK)
        status = dcl__set_kernel_arguments(kernel, "long_loop", arguments, 2, error);
    if (status == DCL_OK)
        status = dcl__enqueue(device, kernel, "long_loop", 1, &one, &one, error);
    return status ? status : dcl__buffer_read(device, buffer, tensor, DCL_F64, found, error);
}

static dcl_status test_loops(dcl_device *device, int *passed, dcl_error *error)
{
    const int64_t count = 1;
    dcl_tensor tensor;
    cl_mem buffer = NULL;
    double found = 0;
    uint32_t expected = 1;
    dcl_status status = dcl__tensor_init(&tensor, "self-test", DCL_F32, 1, &count, error);
    if (status == DCL_OK)
        status = dcl__buffer_create(device, "self-test of loops", dcl__tensor_bytes(&tensor), &buffer, error);
    if (status == DCL_OK)
        status = run_loop(device, buffer, &tensor, &found, error);
    dcl__buffer_release(device, buffer);
    for (int i = 0; i < ROUNDS; i++)
        expected = next(expected);
    *passed = found == expected >> 8;
    return status;
}

/* ---- What is remembered ---- */

/* Whether a test has run before, and its result. */
static int recall(const char *key, int *passed)
{
    size_t size;
    char *known = dcl__cache_load(key, &size);
    if (known)
        *passed = strcmp(known, "right") == 0;
    free(known);
    return known != NULL;
}

static dcl_status remember(const char *key, int passed, dcl_status status)
{
    if (status == DCL_OK)
        dcl__cache_store(key, passed ? "right" : "wrong", 5);
    return status;
}

static dcl_status check_loops(dcl_device *device, int *passed, dcl_error *error)
{
    char key[DCL__KEY_TEXT];
    const dcl_device_info *info = &device->info;
    const char *const identity[] = {"long loops 1", info->name, info->version, info->driver, info->platform_version};
    dcl__cache_key(identity, sizeof identity / sizeof *identity, key);
    if (recall(key, passed))
        return DCL_OK;
    const dcl_status status = test_loops(device, passed, error);
    return remember(key, *passed, status);
}

dcl_status dcl__gemm_test(dcl_device *device, uint32_t dtype, const dcl__gemm_variant *tried, int *passed,
                          dcl_error *error)
{
    char key[DCL__KEY_TEXT], parameters[DCL__TUNING_TEXT];
    const dcl_device_info *info = &device->info;
    dcl__tuning_text(dcl__tuning_of(device, dtype), tried->name, parameters);
    const char *const identity[] = {"gemm self-test 8", tried->name, dcl__dtype_name(dtype), info->name, info->version,
                                    info->driver, info->platform_version, parameters};
    *passed = 1;
    dcl_status status = tried->long_loops ? check_loops(device, passed, error) : DCL_OK;
    if (status || !*passed)
        return status;
    dcl__cache_key(identity, sizeof identity / sizeof *identity, key);
    if (recall(key, passed))
        return DCL_OK;
    status = self_test(device, dtype, tried, passed, error);
    return remember(key, *passed, status);
}
