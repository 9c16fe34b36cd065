/* blas.c: matrix products on a device, by the variant that is right and fast there. */
#include "core/blas.h"

#include <cblas.h>
#include <clblast_c.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buffer.h"
#include "core/cache.h"
#include "core/program.h"
#include "core/tensor.h"
#include "gemm_plain.cl.h"

typedef dcl_status (*product_function)(dcl_device *, const dcl__product *, dcl_error *);

typedef struct variant {
    const char *name;
    product_function run;
} variant;

/* What has been decided for one dtype. */
typedef struct choice {
    const variant *variant;      /* NULL: not decided yet                                            */
    char note[256];
} choice;

struct dcl__gemm {
    choice f32, f64;
    int clblast_used;
};

/* ---- The variants ---- */

/* CLBlast keeps process-wide caches; threads are kept apart here. */
static pthread_mutex_t clblast_mutex = PTHREAD_MUTEX_INITIALIZER;

static int run_clblast_locked(dcl_device *device, const dcl__product *p)
{
    CLBlastTranspose ta = p->transpose & DCL_TRANSPOSE_A ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose tb = p->transpose & DCL_TRANSPOSE_B ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    size_t lda = ta == CLBlastTransposeYes ? m : k, ldb = tb == CLBlastTransposeYes ? k : n;
    if (p->dtype == DCL_F64)
        return CLBlastDgemm(CLBlastLayoutRowMajor, ta, tb, m, n, k, p->alpha, p->a, 0, lda, p->b, 0, ldb, p->beta,
                            p->c, 0, n, &device->queue, NULL);
    return CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, m, n, k, (float)p->alpha, p->a, 0, lda, p->b, 0, ldb,
                        (float)p->beta, p->c, 0, n, &device->queue, NULL);
}

static dcl_status run_clblast(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    pthread_mutex_lock(&clblast_mutex);
    int code = run_clblast_locked(device, p);
    pthread_mutex_unlock(&clblast_mutex);
    device->gemm->clblast_used = 1;
    device->counts.kernels_launched++;
    return dcl__cl_check(error, code, p->dtype == DCL_F64 ? "CLBlastDgemm" : "CLBlastSgemm",
                         "multiplying %" PRId64 "x%" PRId64 " by %" PRId64 "x%" PRId64 " on device '%s'", p->m, p->k,
                         p->k, p->n, device->info.name);
}

/* Sets the arguments of gemm_plain in order; returns the first failure. */
static int set_plain_arguments(cl_kernel kernel, const dcl__product *p)
{
    const int ta = (p->transpose & DCL_TRANSPOSE_A) != 0, tb = (p->transpose & DCL_TRANSPOSE_B) != 0;
    const cl_long m = p->m, n = p->n, k = p->k;
    const cl_long a_row = ta ? 1 : k, a_column = ta ? m : 1, b_row = tb ? 1 : n, b_column = tb ? k : 1;
    const float alpha = (float)p->alpha, beta = (float)p->beta;
    const size_t real = (size_t)dcl__dtype_size(p->dtype), integer = sizeof m, memory = sizeof(cl_mem);
    const void *alpha_at = p->dtype == DCL_F64 ? (const void *)&p->alpha : &alpha;
    const void *beta_at = p->dtype == DCL_F64 ? (const void *)&p->beta : &beta;
    const struct {
        size_t size;
        const void *at;
    } arguments[] = {{integer, &m}, {integer, &n}, {integer, &k}, {real, alpha_at},
                     {memory, &p->a}, {integer, &a_row}, {integer, &a_column},
                     {memory, &p->b}, {integer, &b_row}, {integer, &b_column}, {real, beta_at}, {memory, &p->c}};
    for (cl_uint i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        int code = clSetKernelArg(kernel, i, arguments[i].size, arguments[i].at);
        if (code != CL_SUCCESS)
            return code;
    }
    return CL_SUCCESS;
}

static dcl_status run_plain(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    static const uint64_t cpu_group[] = {4, 1};     /* CPUs like small groups, GPUs the host's choice */
    const dcl__build build = {.owner = "gemm_plain", .source = gemm_plain_cl, .real = p->dtype};
    const uint64_t global[] = {(uint64_t)(p->n + 15) / 16, (uint64_t)(p->m + 7) / 8};
    cl_kernel kernel;
    dcl_status status = dcl__kernel(device, &build, "gemm_plain", &kernel, error);
    if (status)
        return status;
    status = dcl__cl_check(error, set_plain_arguments(kernel, p), "clSetKernelArg", "preparing gemm_plain");
    if (status)
        return status;
    return dcl__enqueue(device, kernel, "gemm_plain", 2, global,
                        device->info.type == DCL_TYPE_CPU ? cpu_group : NULL, error);
}

static const variant plain = {"plain", run_plain}, clblast = {"clblast", run_clblast};

/* ---- The self-test ---- */

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
    {48, 63, 70, DCL_TRANSPOSE_A | DCL_TRANSPOSE_B, 2, 0.5},
    /* CLBlast has other kernels for large matrices; this one is for it alone. */
    {1027, 801, 779, DCL_TRANSPOSE_A, 1, 0},
};

enum { TEST_COUNT = sizeof tests / sizeof *tests, SMALL_AREA = 70 * 70, LARGE_AREA = 1027 * 801 };

/* The matrices of a test: on the host, and those on the device with room for `area` elements each. */
typedef struct bench {
    dcl_device *device;
    const variant *tried;
    dcl_tensor tensor;           /* `area` elements of the tested dtype                              */
    double *a, *b, *c, *found;
    dcl__product product;
    int64_t wrong;
} bench;

/* Small integers: their products and sums are exact, so any order of summation must give equal bits. */
static void fill(double *matrix, int64_t area, uint32_t seed)
{
    for (int64_t i = 0; i < area; i++) {
        seed = seed * 1664525u + 1013904223u;
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
    fill(t->c, t->tensor.count, 3 + (uint32_t)i);
    for (int64_t j = 0; p->beta == 0 && j < p->m * p->n; j++)
        t->c[j] = NAN;           /* with beta 0, c must not be read */
    dcl_status status = dcl__buffer_write(t->device, p->c, &t->tensor, DCL_F64, t->c, error);
    if (status == DCL_OK)
        status = t->tried->run(t->device, p, error);
    if (status == DCL_OK)
        status = dcl__buffer_read(t->device, p->c, &t->tensor, DCL_F64, t->found, error);
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
    cl_mem *const buffers[] = {&t->product.a, &t->product.b, &t->product.c};
    dcl_status status = DCL_OK;
    for (int i = 0; status == DCL_OK && i < 3; i++)
        status = dcl__buffer_create(t->device, "gemm self-test", dcl__tensor_bytes(&t->tensor), buffers[i], error);
    fill(t->a, area, 1);
    fill(t->b, area, 2);
    if (status == DCL_OK)
        status = dcl__buffer_write(t->device, t->product.a, &t->tensor, DCL_F64, t->a, error);
    if (status == DCL_OK)
        status = dcl__buffer_write(t->device, t->product.b, &t->tensor, DCL_F64, t->b, error);
    return status;
}

/* Runs all products of the self-test. *passed says whether all were right. */
static dcl_status self_test(dcl_device *device, uint32_t dtype, const variant *tried, int *passed,
                            dcl_error *error)
{
    int with_large = tried == &clblast;
    const int64_t area = with_large ? LARGE_AREA : SMALL_AREA;
    bench t = {.device = device, .tried = tried, .product = {.dtype = dtype}};
    dcl_status status = dcl__tensor_init(&t.tensor, "self-test", dtype, 1, &area, error);
    if (status == DCL_OK)
        status = set_up(&t, error);
    for (size_t i = 0; status == DCL_OK && i < TEST_COUNT - !with_large; i++)
        status = run_test(&t, i, error);
    dcl__buffer_release(device, t.product.a);
    dcl__buffer_release(device, t.product.b);
    dcl__buffer_release(device, t.product.c);
    free(t.a);
    *passed = t.wrong == 0;
    return status;
}

/* The self-test, or what is remembered of it. */
static dcl_status test_once(dcl_device *device, uint32_t dtype, const variant *tried, int *passed,
                            dcl_error *error)
{
    const char *const identity[] = {"gemm self-test 2", tried->name, dcl__dtype_name(dtype), device->info.name,
                                    device->info.version, device->info.driver, device->info.platform_version};
    char key[DCL__KEY_TEXT];
    size_t size;
    dcl__cache_key(identity, sizeof identity / sizeof *identity, key);
    char *known = dcl__cache_load(key, &size);
    if (known) {
        *passed = strcmp(known, "right") == 0;
        free(known);
        return DCL_OK;
    }
    dcl_status status = self_test(device, dtype, tried, passed, error);
    if (status == DCL_OK)
        dcl__cache_store(key, *passed ? "right" : "wrong", 5);
    return status;
}

/* ---- The choice ---- */

static dcl_status forced_variant(const char **name, dcl_error *error)
{
    const char *forced = getenv("DROPCL_GEMM");
    *name = NULL;
    if (!forced || !*forced)
        return DCL_OK;
    if (strcmp(forced, plain.name) && strcmp(forced, clblast.name))
        return dcl__fail(error, DCL_EINVAL, "DROPCL_GEMM is '%s', it must be clblast or plain", forced);
    *name = forced;
    return DCL_OK;
}

/* Takes the variant when it passes the test; leaves made->variant NULL when it does not. */
static dcl_status try_variant(dcl_device *device, uint32_t dtype, const variant *tried, const char *why,
                              choice *made, dcl_error *error)
{
    int passed = 0;
    dcl_status status = test_once(device, dtype, tried, &passed, error);
    if (status == DCL_OK && passed) {
        made->variant = tried;
        snprintf(made->note, sizeof made->note, "%s; self-test passed", why);
    }
    return status;
}

static dcl_status decide(dcl_device *device, uint32_t dtype, choice *made, dcl_error *error)
{
    const char *forced;
    dcl_status status = forced_variant(&forced, error);
    if (status)
        return status;
    const char *why = forced ? "DROPCL_GEMM" : device->info.type == DCL_TYPE_CPU ? "CPU device" : "GPU device";
    int use_clblast = forced ? strcmp(forced, clblast.name) == 0 : device->info.type != DCL_TYPE_CPU;
    if (use_clblast) {
        status = try_variant(device, dtype, &clblast, why, made, forced ? error : NULL);
        if (made->variant || (status && forced))
            return status;
        why = status ? "clblast does not run here" : "clblast gives wrong results here";
        dcl__log(device, DCL_LOG_WARNING, "%s for %s on device '%s', driver %s: using plain instead", why,
                 dcl__dtype_name(dtype), device->info.name, device->info.driver);
    }
    status = try_variant(device, dtype, &plain, why, made, error);
    if (status == DCL_OK && !made->variant)
        return dcl__fail(error, DCL_EDEVICE, "device '%s', driver %s, multiplies %s matrices wrongly: no product "
                         "variant passes the self-test (update the driver or choose another device)",
                         device->info.name, device->info.driver, dcl__dtype_name(dtype));
    return status;
}

static dcl_status get_choice(dcl_device *device, uint32_t dtype, choice **made, dcl_error *error)
{
    if (!device->gemm && !(device->gemm = calloc(1, sizeof *device->gemm)))
        return dcl__no_memory(error, "the state of matrix products", sizeof *device->gemm);
    *made = dtype == DCL_F64 ? &device->gemm->f64 : &device->gemm->f32;
    return (*made)->variant ? DCL_OK : decide(device, dtype, *made, error);
}

dcl_status dcl__gemm_run(dcl_device *device, const dcl__product *product, dcl_error *error)
{
    choice *made = NULL;
    dcl_status status = get_choice(device, product->dtype, &made, error);
    return status ? status : made->variant->run(device, product, error);
}

dcl_status dcl_device_gemm(dcl_device *device, uint32_t dtype, const char **variant_name, const char **note,
                           dcl_error *error)
{
    if (dtype == DCL_F64 && !device->info.fp64)
        return dcl__fail(error, DCL_EUNSUPPORTED, "device '%s' has no double precision", device->info.name);
    choice *made = NULL;
    dcl_status status = get_choice(device, dtype, &made, error);
    if (status)
        return status;
    *variant_name = made->variant->name;
    if (note)
        *note = made->note;
    return DCL_OK;
}

void dcl__gemm_release(dcl_device *device)
{
    if (!device->gemm)
        return;
    if (device->gemm->clblast_used) {
        pthread_mutex_lock(&clblast_mutex);
        CLBlastClearCache();
        pthread_mutex_unlock(&clblast_mutex);
    }
    free(device->gemm);
    device->gemm = NULL;
}
