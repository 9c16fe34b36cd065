/* report.c: what `dropcl tune` prints: a line for each class of shapes, and one for each imported file. */
#include <inttypes.h>
#include <stdio.h>

#include "command/tune/tune.h"

static void print_class(const dcl_device *device, int shape, const dcl__tuning_results *results)
{
    const dcl__sizes s = dcl__typical_sizes(device, shape);
    char sizes[80];
    snprintf(sizes, sizeof sizes, "%" PRId64 "x%" PRId64 "x%" PRId64, s.m, s.n, s.k);
    if (results->tuning.variant[shape])
        printf("%-8s %-16s %-8s %10.1f %10.1f %7.2f\n", dcl__shape_name(shape), sizes, results->tuning.variant[shape],
               results->before[shape], results->after[shape], results->after[shape] / results->before[shape]);
    else
        printf("%-8s %-16s not measured: the time was over before\n", dcl__shape_name(shape), sizes);
}

/* How many sets of parameters of a variant were tried, for its kernels from `first` on, and what came of it. */
static void print_gain(const char *variant, int first, int end, double gain, const dcl__tuning_results *results)
{
    int64_t tried = 0;
    for (int kernel = first; kernel < end; kernel++)
        tried += results->tried[kernel];
    if (tried == 0 && gain == 0)
        return;
    printf("%-8s %" PRId64 " sets of parameters tried, ", variant, tried);
    if (gain > 0)
        printf("the best %.2f times as fast as its own\n", gain);
    else
        printf("none faster than its own\n");
}

void dcl__tune_print(const dcl_device *device, uint32_t dtype, const dcl__tuning_results *results)
{
    printf("%-8s %-16s %-8s %10s %10s %7s\n", dtype == DCL_F64 ? "f64" : "f32", "m x n x k", "variant", "before",
           "after", "ratio");
    for (int shape = 0; shape < DCL__SHAPES; shape++)
        print_class(device, shape, results);
    print_gain("packed", DCL__PACKED, DCL__FIRST_CLBLAST, results->packed_gain, results);
    print_gain("clblast", DCL__FIRST_CLBLAST, DCL__KERNELS, results->clblast_gain, results);
    printf("\n");
}

void dcl__tune_print_imports(const dcl__import *imports, int count)
{
    for (int i = 0; i < count; i++) {
        const dcl__import *import = &imports[i];
        printf("%s: %s, ", import->file, dcl__kernel_space_of(import->results.kernel)->name);
        if (!import->tried)
            printf("not tried: the time was over before\n");
        else if (import->ratio > 0)
            printf("%.2f times as fast: %s\n", import->ratio, import->kept ? "kept" : "not kept");
        else
            printf("not kept: much slower for some shapes, or not right here\n");
    }
    if (count)
        printf("\n");
}
