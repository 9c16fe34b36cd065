/* dense.c: room for dense matrices on the host, and what LAPACK says of them. */
#include "recipes/common/dense.h"

#include <lapacke.h>
#include <stdlib.h>

#include "core/memory.h"

double *dcl__doubles(int64_t rows, int64_t columns, const char *what, dcl_error *error)
{
    double *made = calloc((size_t)(rows * columns) + 1, sizeof *made);
    if (!made)
        dcl__no_memory(error, what, rows * columns * (int64_t)sizeof *made);
    return made;
}

dcl_status dcl__lapack(int64_t info, const char *what, dcl_error *error)
{
    if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
        return dcl__no_memory(error, "LAPACK's workspace", 0);
    return info ? dcl__fail(error, DCL_ENUMERIC, "%s cannot be factored (LAPACK says %lld); does it hold NaN or "
                            "infinity?", what, (long long)info) : DCL_OK;
}
