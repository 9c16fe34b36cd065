/* gemm_clblast.c: the matrix product by CLBlast, the one place that calls it. */
#include "core/gemm.h"           /* before CLBlast's header: it says for which OpenCL */

#include <clblast_c.h>
#include <inttypes.h>
#include <pthread.h>

#include "core/tensor.h"

/* CLBlast keeps process-wide caches and parameters; threads are kept apart here. */
static pthread_mutex_t clblast_mutex = PTHREAD_MUTEX_INITIALIZER;

/* Whose parameters CLBlast has at present: f32 and f64. */
static const dcl__gemm *tuned_for[2];

/* Gives CLBlast the parameters of the device's tuning, if they are not there yet. CLBlast names its programs by
 * their parameters, so that going back to earlier ones builds nothing. */
static int tune_locked(const dcl_device *device, uint32_t dtype)
{
    const dcl__tuning *tuning = dcl__tuning_of(device, dtype);
    const CLBlastPrecision precision = dtype == DCL_F64 ? CLBlastPrecisionDouble : CLBlastPrecisionSingle;
    int code = CLBlastSuccess;
    if (tuned_for[dtype == DCL_F64] == device->gemm)
        return code;
    for (int kernel = DCL__FIRST_CLBLAST; kernel < DCL__KERNELS && code == CLBlastSuccess; kernel++) {
        const dcl__kernel_space *space = dcl__kernel_space_of(kernel);
        const char *names[DCL__MOST_PARAMETERS];
        size_t values[DCL__MOST_PARAMETERS];
        for (int i = 0; i < space->count; i++) {
            names[i] = space->parameters[i].name;
            values[i] = (size_t)tuning->values[kernel][i];
        }
        if (tuning->given[kernel])
            code = CLBlastOverrideParameters(device->id, space->name, precision, (size_t)space->count, names, values);
    }
    tuned_for[dtype == DCL_F64] = code == CLBlastSuccess ? device->gemm : NULL;
    return code;
}

static int run_locked(dcl_device *device, const dcl__product *p)
{
    CLBlastTranspose ta = p->transpose & DCL_TRANSPOSE_A ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose tb = p->transpose & DCL_TRANSPOSE_B ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    size_t at_a = (size_t)p->a.offset, at_b = (size_t)p->b.offset, at_c = (size_t)p->c.offset;
    size_t lda = (size_t)p->a.stride, ldb = (size_t)p->b.stride, ldc = (size_t)p->c.stride;
    if (p->dtype == DCL_F64)
        return CLBlastDgemm(CLBlastLayoutRowMajor, ta, tb, m, n, k, p->alpha, p->a.buffer, at_a, lda, p->b.buffer,
                            at_b, ldb, p->beta, p->c.buffer, at_c, ldc, &device->queue, NULL);
    return CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, m, n, k, (float)p->alpha, p->a.buffer, at_a, lda, p->b.buffer,
                        at_b, ldb, (float)p->beta, p->c.buffer, at_c, ldc, &device->queue, NULL);
}

static dcl_status run_clblast(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    device->gemm->clblast_used = 1;
    pthread_mutex_lock(&clblast_mutex);
    int code = tune_locked(device, p->dtype);
    const int is_tuned = code == CLBlastSuccess;
    if (is_tuned)
        code = run_locked(device, p);
    pthread_mutex_unlock(&clblast_mutex);
    if (!is_tuned)
        return dcl__cl_check(error, code, "CLBlastOverrideParameters", "tuning %s products on device '%s'",
                             dcl__dtype_name(p->dtype), device->info.name);
    device->counts.kernels_launched++;
    return dcl__cl_check(error, code, p->dtype == DCL_F64 ? "CLBlastDgemm" : "CLBlastSgemm",
                         "multiplying %" PRId64 "x%" PRId64 " by %" PRId64 "x%" PRId64 " on device '%s'", p->m, p->k,
                         p->k, p->n, device->info.name);
}

void dcl__gemm_clblast_retune(void)
{
    pthread_mutex_lock(&clblast_mutex);
    tuned_for[0] = tuned_for[1] = NULL;
    pthread_mutex_unlock(&clblast_mutex);
}

void dcl__gemm_clblast_release(dcl_device *device)
{
    if (!device->gemm->clblast_used)
        return;
    dcl__gemm_clblast_retune();
    pthread_mutex_lock(&clblast_mutex);
    CLBlastClearCache();
    pthread_mutex_unlock(&clblast_mutex);
}

const dcl__gemm_variant dcl__gemm_clblast = {.name = "clblast", .run = run_clblast, .large_kernels = 1};
