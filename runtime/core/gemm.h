/* gemm.h: the variants of the matrix product that blas.c chooses from; see blas.h. */
#ifndef DCL__GEMM_H
#define DCL__GEMM_H

#include "core/blas.h"

typedef struct dcl__gemm_variant {
    const char *name;
    dcl_status (*run)(dcl_device *device, const dcl__product *product, dcl_error *error);
    int large_kernels;           /* 1: large matrices take other kernels, which the self-test must see  */
    int long_loops;              /* 1: work-items run as many rounds of loops as matrices are long      */
} dcl__gemm_variant;

extern const dcl__gemm_variant dcl__gemm_clblast, dcl__gemm_packed, dcl__gemm_plain;

/* The variant of a name; NULL when there is none. */
const dcl__gemm_variant *dcl__gemm_variant_of(const char *name);

/* What has been decided for one class of shapes. */
typedef struct dcl__gemm_choice {
    const dcl__gemm_variant *wanted;         /* NULL: not decided yet                                */
    const dcl__gemm_variant *variant;        /* wanted, or plain where that does not work            */
    char note[256];
} dcl__gemm_choice;

/* What has been decided for one dtype. */
typedef struct dcl__gemm_state {
    dcl__tuning tuning;
    dcl__gemm_choice choices[DCL__SHAPES];
} dcl__gemm_state;

/* The state of products on a device, made by blas.c. */
struct dcl__gemm {
    dcl__gemm_state f32, f64;
    int clblast_used;                        /* its program cache must be cleared                    */
    cl_mem panels[2];                        /* packed: op(A) and op(B), in pieces                   */
    int64_t panel_bytes[2];
};

/* The tuning in use; of a device whose state is made. */
const dcl__tuning *dcl__tuning_of(const dcl_device *device, uint32_t dtype);

/* Whether the device takes explicit vectors, with one work-item a group. A CPU device whose registers hold scalars, as
 * it says, makes vectors of neighbouring work-items itself: explicit ones would leave all but one of its lanes idle. */
int dcl__takes_vectors(const dcl_device_info *info);

/* Runs the self-test of a variant, or reads its remembered result. *passed says whether all was right. */
dcl_status dcl__gemm_test(dcl_device *device, uint32_t dtype, const dcl__gemm_variant *tried, int *passed,
                          dcl_error *error);

/* Sets kernel arguments in order; integers, reals and buffers of the product's kernels. */
typedef struct dcl__kernel_argument {
    size_t size;
    const void *at;              /* NULL: `size` bytes of local memory                               */
} dcl__kernel_argument;
dcl_status dcl__set_kernel_arguments(cl_kernel kernel, const char *name, const dcl__kernel_argument *arguments,
                                     cl_uint count, dcl_error *error);

/* alpha or beta as the kernel takes it: a float where the dtype is f32. */
typedef union dcl__real {
    float single;
    double full;
} dcl__real;
dcl__real dcl__real_of(uint32_t dtype, double number);

/* Frees the panels of `packed`. */
void dcl__gemm_packed_release(dcl_device *device);

/* CLBlast keeps parameters for the process: puts a device's own into use with its next product. */
void dcl__gemm_clblast_retune(void);

/* Clears CLBlast's program cache where it was used. */
void dcl__gemm_clblast_release(dcl_device *device);

#endif
