/* gemm_plain.c: the matrix product that must be right everywhere, by cl/gemm_plain.cl. */
#include <stdio.h>

#include "core/gemm.h"
#include "core/program.h"
#include "core/tensor.h"
#include "gemm_plain.cl.h"

/* Elements of C that a work-item computes, and work-items of a group. */
enum { ROWS = 16, COLUMNS = 4, WIDE = 16, HIGH = 4 };

/* So much of k at a time: Mesa's llvmpipe ends a work-item's loops after 65535 rounds, without a word. */
enum { MOST_DEPTH = 1 << 15 };

static uint64_t divide_up(int64_t count, int64_t by)
{
    return (uint64_t)((count + by - 1) / by);
}

static dcl_status set_arguments(cl_kernel kernel, const dcl__product *p, dcl_error *error)
{
    const int ta = (p->transpose & DCL_TRANSPOSE_A) != 0, tb = (p->transpose & DCL_TRANSPOSE_B) != 0;
    const cl_long one = 1, *a_row = ta ? &one : &p->a.stride, *a_column = ta ? &p->a.stride : &one;
    const cl_long *b_row = tb ? &one : &p->b.stride, *b_column = tb ? &p->b.stride : &one;
    const dcl__real alpha = dcl__real_of(p->dtype, p->alpha), beta = dcl__real_of(p->dtype, p->beta);
    const size_t real = (size_t)dcl__dtype_size(p->dtype), integer = sizeof one, memory = sizeof(cl_mem);
    const dcl__kernel_argument arguments[] = {
        {integer, &p->m}, {integer, &p->n}, {integer, &p->k}, {real, &alpha},
        {memory, &p->a.buffer}, {integer, &p->a.offset}, {integer, a_row}, {integer, a_column},
        {memory, &p->b.buffer}, {integer, &p->b.offset}, {integer, b_row}, {integer, b_column}, {real, &beta},
        {memory, &p->c.buffer}, {integer, &p->c.offset}, {integer, &p->c.stride}};
    return dcl__set_kernel_arguments(kernel, "gemm_plain", arguments, sizeof arguments / sizeof *arguments, error);
}

static dcl_status run_piece(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    static const uint64_t local[] = {WIDE, HIGH};
    char defines[32];
    snprintf(defines, sizeof defines, "ROWS=%d COLUMNS=%d", ROWS, COLUMNS);
    const dcl__build build = {.owner = "gemm_plain", .source = gemm_plain_cl, .real = p->dtype, .defines = defines};
    const uint64_t global[] = {WIDE * divide_up(p->n, WIDE * COLUMNS), divide_up(p->m, ROWS)};
    cl_kernel kernel;
    dcl_status status = dcl__kernel(device, &build, "gemm_plain", &kernel, error);
    if (status == DCL_OK)
        status = set_arguments(kernel, p, error);
    return status ? status : dcl__enqueue(device, kernel, "gemm_plain", 2, global, local, error);
}

/* Pieces of k, each added to what the ones before made. */
static dcl_status run_plain(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    const int64_t a_step = p->transpose & DCL_TRANSPOSE_A ? p->a.stride : 1;
    const int64_t b_step = p->transpose & DCL_TRANSPOSE_B ? 1 : p->b.stride;
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
