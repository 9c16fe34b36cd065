/* tune_report.c: what `dropcl tune` prints: a line for each class of shapes, and one for each imported file. */
#include <inttypes.h>
#include <stdio.h>

#include "command/tune.h"

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

void dcl__tune_print(const dcl_device *device, uint32_t dtype, const dcl__tuning_results *results)
{
    printf("%-8s %-16s %-8s %10s %10s %7s\n", dtype == DCL_F64 ? "f64" : "f32", "m x n x k", "variant", "before",
           "after", "ratio");
    for (int shape = 0; shape < DCL__SHAPES; shape++)
        print_class(device, shape, results);
    printf("tried   ");
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++)
        if (results->tried[kernel])
            printf(" %s %" PRId64, dcl__kernel_space_of(kernel)->name, results->tried[kernel]);
    printf("\n\n");
}

void dcl__tune_print_imports(const dcl__import *imports, int count)
{
    for (int i = 0; i < count; i++) {
        const dcl__import *import = &imports[i];
        printf("%s: %s, ", import->file, dcl__kernel_space_of(import->results.kernel)->name);
        if (import->ratio > 0)
            printf("%.2f times as fast: %s\n", import->ratio, import->kept ? "kept" : "not kept");
        else
            printf("not kept: it does not work here, is much slower, or the time was over\n");
    }
    if (count)
        printf("\n");
}
