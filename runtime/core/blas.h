/* blas.h: matrix products on a device, by the variant that is right and fast there.
 *
 * Variants: `clblast` (the CLBlast library, for GPUs), `packed` (cl/gemm_packed.cl: packed panels and explicit
 * vectors, for CPUs) and `plain` (cl/gemm_plain.cl: simple and right everywhere). On first use of a device and
 * dtype the variant is tested on awkward sizes, transposes, alpha and beta with integers, whose products are
 * exact; a variant that fails is never used there. The result of the test is remembered for the driver.
 * DROPCL_GEMM=clblast|packed|plain forces one; else what dcl_device_set_gemm says; else the kind of device.
 */
#ifndef DCL__BLAS_H
#define DCL__BLAS_H

#include "core/device.h"

/* A row-major matrix inside a buffer: element (i, j) is element offset + i * stride + j. */
typedef struct dcl__matrix {
    cl_mem buffer;
    int64_t offset, stride;      /* in elements                                                      */
} dcl__matrix;

/* One product: C (m x n) = alpha op(A) (m x k) op(B) (k x n) + beta C. */
typedef struct dcl__product {
    uint32_t dtype, transpose;   /* DCL_F32 or DCL_F64; DCL_TRANSPOSE_...                            */
    int64_t m, n, k;
    double alpha, beta;
    dcl__matrix a, b, c;
} dcl__product;

/* Enqueues the product. With beta 0, C is not read. */
dcl_status dcl__gemm_run(dcl_device *device, const dcl__product *product, dcl_error *error);

/* The register tile of kernels with explicit vectors (cl/tile.cl) on a CPU device. */
enum { DCL__TILE_DEFINES = 96 };
typedef struct dcl__tile {
    int64_t lanes, rows, columns;
    char defines[DCL__TILE_DEFINES];     /* "LANES=... ROWS=... VECTORS=..."                         */
} dcl__tile;
dcl__tile dcl__tile_of(const dcl_device *device, uint32_t dtype);

/* Whether products on the device go by `packed`: then such kernels are right and worth while there. */
dcl_status dcl__gemm_is_packed(dcl_device *device, uint32_t dtype, int *packed, dcl_error *error);

/* Frees what products left on the device. Called once, before its context goes. */
void dcl__gemm_release(dcl_device *device);

#endif
