/* gemm_plain.c: the matrix product that must be right everywhere, by cl/gemm_plain.cl. */
#include "core/gemm.h"
#include "core/program.h"
#include "core/tensor.h"
#include "gemm_plain.cl.h"

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

static dcl_status run_plain(dcl_device *device, const dcl__product *p, dcl_error *error)
{
    static const uint64_t cpu_group[] = {4, 1};     /* CPUs like small groups, GPUs the host's choice */
    const dcl__build build = {.owner = "gemm_plain", .source = gemm_plain_cl, .real = p->dtype};
    const uint64_t global[] = {(uint64_t)(p->n + 15) / 16, (uint64_t)(p->m + 7) / 8};
    cl_kernel kernel;
    dcl_status status = dcl__kernel(device, &build, "gemm_plain", &kernel, error);
    if (status == DCL_OK)
        status = set_arguments(kernel, p, error);
    if (status)
        return status;
    return dcl__enqueue(device, kernel, "gemm_plain", 2, global,
                        device->info.type == DCL_TYPE_CPU ? cpu_group : NULL, error);
}

const dcl__gemm_variant dcl__gemm_plain = {.name = "plain", .run = run_plain};
