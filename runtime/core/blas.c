/* blas.c: matrix products on a device, by the variant that is right and fast there. */
#include "core/blas.h"

#include <clblast_c.h>
#include <inttypes.h>
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

enum { TEST_SIDE = 70, TEST_AREA = TEST_SIDE * TEST_SIDE };

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
};

/* Small integers: their products and sums are exact, so any order of summation must give equal bits. */
static void fill(double *matrix, uint32_t seed)
{
    for (int i = 0; i < TEST_AREA; i++) {
        seed = seed * 1664525u + 1013904223u;
        matrix[i] = (double)(seed >> 29) - 3;
    }
}

static void multiply(const dcl__product *p, const double *a, const double *b, double *c)
{
    for (int64_t i = 0; i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (int64_t q = 0; q < p->k; q++)
                sum += (p->transpose & DCL_TRANSPOSE_A ? a[q * p->m + i] : a[i * p->k + q]) *
                       (p->transpose & DCL_TRANSPOSE_B ? b[j * p->k + q] : b[q * p->n + j]);
            c[i * p->n + j] = p->alpha * sum + p->beta * c[i * p->n + j];
        }
}

typedef struct test_data {
    double a[TEST_AREA], b[TEST_AREA], c[TEST_AREA], found[TEST_AREA];
} test_data;

/* Runs one product of the test; *wrong counts the elements that differ. */
static dcl_status run_test(dcl_device *device, const variant *tried, dcl__product *p, size_t i, test_data *data,
                           int64_t *wrong, dcl_error *error)
{
    dcl_tensor tensor;
    const int64_t area = TEST_AREA;
    dcl__tensor_init(&tensor, "self-test", p->dtype, 1, &area, NULL);
    p->m = tests[i].m, p->n = tests[i].n, p->k = tests[i].k;
    p->transpose = tests[i].transpose, p->alpha = tests[i].alpha, p->beta = tests[i].beta;
    fill(data->c, 3 + (uint32_t)i);
    dcl_status status = dcl__buffer_write(device, p->c, &tensor, DCL_F64, data->c, error);
    if (status == DCL_OK)
        status = tried->run(device, p, error);
    if (status == DCL_OK)
        status = dcl__buffer_read(device, p->c, &tensor, DCL_F64, data->found, error);
    multiply(p, data->a, data->b, data->c);
    for (int64_t j = 0; status == DCL_OK && j < area; j++)
        *wrong += data->found[j] != data->c[j];     /* also beyond m x n: nothing else may be written */
    return status;
}

static dcl_status test_buffers(dcl_device *device, dcl__product *p, test_data *data, dcl_error *error)
{
    dcl_tensor tensor;
    const int64_t area = TEST_AREA;
    dcl_status status = dcl__tensor_init(&tensor, "self-test", p->dtype, 1, &area, error);
    cl_mem *const buffers[] = {&p->a, &p->b, &p->c};
    for (int i = 0; status == DCL_OK && i < 3; i++)
        status = dcl__buffer_create(device, "gemm self-test", dcl__tensor_bytes(&tensor), buffers[i], error);
    fill(data->a, 1);
    fill(data->b, 2);
    if (status == DCL_OK)
        status = dcl__buffer_write(device, p->a, &tensor, DCL_F64, data->a, error);
    if (status == DCL_OK)
        status = dcl__buffer_write(device, p->b, &tensor, DCL_F64, data->b, error);
    return status;
}

/* Runs all products of the self-test. *passed says whether all were right. */
static dcl_status self_test(dcl_device *device, uint32_t dtype, const variant *tried, int *passed,
                            dcl_error *error)
{
    test_data *data = malloc(sizeof *data);
    if (!data)
        return dcl__no_memory(error, "the self-test of matrix products", sizeof *data);
    dcl__product p = {.dtype = dtype};
    int64_t wrong = 0;
    dcl_status status = test_buffers(device, &p, data, error);
    for (size_t i = 0; status == DCL_OK && i < sizeof tests / sizeof *tests; i++)
        status = run_test(device, tried, &p, i, data, &wrong, error);
    dcl__buffer_release(device, p.a);
    dcl__buffer_release(device, p.b);
    dcl__buffer_release(device, p.c);
    free(data);
    *passed = wrong == 0;
    return status;
}

/* The self-test, or what is remembered of it. */
static dcl_status test_once(dcl_device *device, uint32_t dtype, const variant *tried, int *passed,
                            dcl_error *error)
{
    const char *const identity[] = {"gemm self-test 1", tried->name, dcl__dtype_name(dtype), device->info.name,
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
