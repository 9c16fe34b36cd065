/* blas.h: matrix products on a device, by the variant that is right and fast there.
 *
 * Variants: `clblast` (the CLBlast library, for GPUs) and `plain` (cl/gemm_plain.cl: simple, right
 * everywhere, and faster than CLBlast's defaults on CPUs). On first use of a device and dtype the variant
 * is tested on awkward sizes, transposes, alpha and beta with integers, whose products are exact; a variant
 * that fails is never used there. The result of the test is remembered for the driver.
 * DROPCL_GEMM=clblast|plain forces one.
 */
#ifndef DCL__BLAS_H
#define DCL__BLAS_H

#include "core/device.h"

/* One product: row-major, C (m x n) = alpha op(A) (m x k) op(B) (k x n) + beta C. */
typedef struct dcl__product {
    uint32_t dtype, transpose;   /* DCL_F32 or DCL_F64; DCL_TRANSPOSE_...                            */
    int64_t m, n, k;
    double alpha, beta;
    cl_mem a, b, c;
} dcl__product;

/* Enqueues the product. */
dcl_status dcl__gemm_run(dcl_device *device, const dcl__product *product, dcl_error *error);

/* Frees what products left on the device. Called once, before its context goes. */
void dcl__gemm_release(dcl_device *device);

#endif
