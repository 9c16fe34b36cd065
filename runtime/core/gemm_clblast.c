/* gemm_clblast.c: the matrix product by CLBlast, the one place that calls it. */
#include <clblast_c.h>
#include <inttypes.h>
#include <pthread.h>

#include "core/gemm.h"

/* CLBlast keeps process-wide caches; threads are kept apart here. */
static pthread_mutex_t clblast_mutex = PTHREAD_MUTEX_INITIALIZER;

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
    pthread_mutex_lock(&clblast_mutex);
    int code = run_locked(device, p);
    pthread_mutex_unlock(&clblast_mutex);
    device->gemm->clblast_used = 1;
    device->counts.kernels_launched++;
    return dcl__cl_check(error, code, p->dtype == DCL_F64 ? "CLBlastDgemm" : "CLBlastSgemm",
                         "multiplying %" PRId64 "x%" PRId64 " by %" PRId64 "x%" PRId64 " on device '%s'", p->m, p->k,
                         p->k, p->n, device->info.name);
}

void dcl__gemm_clblast_release(dcl_device *device)
{
    if (!device->gemm->clblast_used)
        return;
    pthread_mutex_lock(&clblast_mutex);
    CLBlastClearCache();
    pthread_mutex_unlock(&clblast_mutex);
}

const dcl__gemm_variant dcl__gemm_clblast = {.name = "clblast", .run = run_clblast, .large_kernels = 1};
