/* gemm_tuning.h: what measuring found out about products on one device and dtype: the variant for each class of
 * shapes, and the parameters of kernels.
 *
 * A tuning is plain data: formats/tuning.h keeps it in files, command/tune/search.c searches for it,
 * dcl__gemm_tune puts it to use. Kernels and parameters have the names that CLBlast gives them, and the constraints of
 * its tuners (CLBlast 1.5.3, src/tuning/kernels). Functions may be called from any thread.
 */
#ifndef DCL__GEMM_TUNING_H
#define DCL__GEMM_TUNING_H

#include "core/error.h"

/* ---- Classes of shapes: products C (m x n) with sums of k terms that want the same kernels ---- */

enum {
    DCL__SMALL,                  /* up to 160^3 multiplications: starting a kernel counts            */
    DCL__EVEN,                   /* no dimension is much longer than another                         */
    DCL__OUTER,                  /* short sums: k is at most a quarter of the shorter side of C      */
    DCL__INNER,                  /* long sums: k is at least four times the longer side of C         */
    DCL__NARROW,                 /* one side of C is at least four times the other, k in between     */
    DCL__SHAPES
};

int dcl__shape_of(int64_t m, int64_t n, int64_t k);
const char *dcl__shape_name(int shape);

/* ---- Kernels with parameters ---- */

enum {
    DCL__PACKED, DCL__XGEMM, DCL__XGEMM_DIRECT, DCL__COPY, DCL__PAD, DCL__TRANSPOSE, DCL__PADTRANSPOSE,
    DCL__GEMM_ROUTINE,
    DCL__KERNELS
};
enum { DCL__FIRST_CLBLAST = DCL__XGEMM, DCL__MOST_PARAMETERS = 16, DCL__MOST_CHOICES = 8 };
enum { DCL__LANES, DCL__ROWS, DCL__VECTORS, DCL__DEPTH };      /* the parameters of packed           */

typedef struct dcl__parameter {
    const char *name;
    int32_t least, most;         /* what may be given                                                */
    int32_t count;               /* what a search tries; the first is where it starts                */
    int32_t choices[DCL__MOST_CHOICES];
} dcl__parameter;

typedef struct dcl__kernel_space {
    const char *name;            /* "packed", or as CLBlast's override call names it                 */
    int count;
    dcl__parameter parameters[DCL__MOST_PARAMETERS];
    int (*is_valid)(const int64_t *values);      /* NULL: whatever is in the ranges                   */
} dcl__kernel_space;

const dcl__kernel_space *dcl__kernel_space_of(int kernel);

/* Refuses (DCL_EINVAL) values out of their ranges and combinations that the kernel cannot be built with. */
dcl_status dcl__parameters_check(int kernel, const int64_t *values, dcl_error *error);

/* The first choices. */
void dcl__parameters_start(int kernel, int64_t *values);

/* Draws the `index`-th set of a search on a device: valid and within its work-group size and local memory.
 * `near` NULL: from all choices; else a few parameters of `near` change. The same arguments give the same
 * set. 0: none was found. */
int dcl__parameters_draw(const dcl_device_info *info, uint32_t dtype, int kernel, uint32_t index,
                         const int64_t *near, int64_t *values);

/* ---- The tuning ---- */

typedef struct dcl__tuning {
    const char *variant[DCL__SHAPES];            /* a static name; NULL: the device's default        */
    int given[DCL__KERNELS];                     /* 0: the kernel's own parameters                   */
    int64_t values[DCL__KERNELS][DCL__MOST_PARAMETERS];
} dcl__tuning;

/* The parameters given for a variant's kernels as text: what identifies them. */
enum { DCL__TUNING_TEXT = 1024 };
void dcl__tuning_text(const dcl__tuning *tuning, const char *variant, char text[DCL__TUNING_TEXT]);

/* ---- On a device (blas.c) ---- */

/* The static name of a variant; NULL when there is none of that name. */
const char *dcl__gemm_variant_name(const char *name);

/* The variant of a device without tuning, and the parameters (DCL__LANES, ...) of its packed products. */
const char *dcl__gemm_standard(const dcl_device *device);
void dcl__packed_standard(const dcl_device *device, uint32_t dtype, int64_t *values);

/* Puts a copy of the tuning to use for a dtype. CLBlast keeps parameters for the process: those that a tuning
 * gave stay with the device until another one gives others. */
dcl_status dcl__gemm_tune(dcl_device *device, uint32_t dtype, const dcl__tuning *tuning, dcl_error *error);

#endif
