/* gemm_plain.c: the matrix product that must be right everywhere, by cl/gemm_plain.cl or cl/gemm_scalar.cl. */
#include <stdio.h>

#include "core/gemm.h"
#include "core/program.h"
#include "core/tensor.h"
#include "gemm_plain.cl.h"
#include "gemm_scalar.cl.h"

/* A kernel: elements of C that a work-item computes, how far apart its columns are, and work-items of a group (0: the
 * host's choice). */
typedef struct form {
    const char *name, *source;
    int64_t rows, columns, apart;
    uint64_t local[2];
} form;

/* So much of k at a time: Mesa's llvmpipe ends a work-item's loops after 65535 rounds, without a word. */
enum { MOST_DEPTH = 1 << 15 };

static uint64_t divide_up(int64_t count, int64_t by)
{
    return (uint64_t)((count + by - 1) / by);
}

/* How far apart rows and columns of op(X) are, X being A or B. */
typedef struct strides {
    cl_long row, column;
} strides;

static strides strides_of(const dcl__product *p, uint32_t transposes, const dcl__matrix *x)
{
    return p->transpose & transposes ? (strides){1, x->stride} : (strides){x->stride, 1};
}

static dcl_status set_arguments(cl_kernel kernel, const dcl__product *p, dcl_error *error)
{
    const strides a = strides_of(p, DCL_TRANSPOSE_A, &p->a), b = strides_of(p, DCL_TRANSPOSE_B, &p->b);
    const dcl__real alpha = dcl__real_of(p->dtype, p->alpha), beta = dcl__real_of(p->dtype, p->beta);
    const size_t real = (size_t)dcl__dtype_size(p->dtype), integer = sizeof a.row, memory = sizeof(cl_mem);
    const dcl__kernel_argument arguments[] = {
        {integer, &p->m}, {integer, &p->n}, {integer, &p->k}, {real, &alpha},
        {memory, &p->a.buffer}, {integer, &p->a.offset}, {integer, &a.row}, {integer, &a.column},
        {memory, &p->b.buffer}, {integer, &p->b.offset}, {integer, &b.row}, {integer, &b.column}, {real, &beta},
        {memory, &p->c.buffer}, {integer, &p->c.offset}, {integer, &p->c.stride}};
    return dcl__set_kernel_arguments(kernel, "gemm_plain", arguments, sizeof arguments / sizeof *arguments, error);
}

/* CPUs like small groups, GPUs the host's choice; those that make vectors of work-items want them side by side. */
static form choose_form(const dcl_device_info *info)
{
    if (info->type != DCL_TYPE_CPU)
        return (form){"gemm_plain", gemm_plain_cl, 8, 16, 1, {0}};
    if (dcl__takes_vectors(info))
        return (form){"gemm_plain", gemm_plain_cl, 8, 16, 1, {4, 1}};
    return (form){"gemm_scalar", gemm_scalar_cl, 16, 4, 16, {16, 4}};
}

static dcl_status run_piece(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    const form f = choose_form(&device->info);
    char defines[32];
    snprintf(defines, sizeof defines, "ROWS=%d COLUMNS=%d", (int)f.rows, (int)f.columns);
    const dcl__build build = {.owner = f.name, .source = f.source, .real = p->dtype, .defines = defines};
    const uint64_t global[] = {(uint64_t)f.apart * divide_up(p->n, f.apart * f.columns), divide_up(p->m, f.rows)};
    cl_kernel kernel;
    dcl_status status = dcl__kernel(device, &build, f.name, &kernel, error);
    if (status == DCL_OK)
        status = set_arguments(kernel, p, error);
    return status ? status : dcl__enqueue(device, kernel, f.name, 2, global, f.local[0] ? f.local : NULL, error);
}

/* Pieces of k, each added to what the ones before made. */
static dcl_status run_plain(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    const int64_t a_step = strides_of(p, DCL_TRANSPOSE_A, &p->a).column;
    const int64_t b_step = strides_of(p, DCL_TRANSPOSE_B, &p->b).row;
    dcl_status status = DCL_OK;
    for (int64_t first = 0; (first == 0 || first < p->k) && status == DCL_OK; first += MOST_DEPTH) {
        dcl__product piece = *p;
        piece.k = p->k - first < MOST_DEPTH ? p->k - first : MOST_DEPTH;
        piece.a.offset += first * a_step;
        piece.b.offset += first * b_step;
        piece.beta = first == 0 ? p->beta : 1;
        status = run_piece(device, &piece, error);
    }
    return status;
}

const dcl__gemm_variant dcl__gemm_plain = {.name = "plain", .run = run_plain};
