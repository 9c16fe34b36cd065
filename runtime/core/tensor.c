/* tensor.c: shapes of tensors, their element types, and conversion between them on the host. */
#include "core/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"

dcl_status dcl__tensor_init(dcl_tensor *tensor, const char *name, uint32_t dtype, uint32_t rank,
                            const int64_t *dim, dcl_error *error)
{
    if (dtype != DCL_F32 && dtype != DCL_F64 && dtype != DCL_I64)
        return dcl__fail(error, DCL_EINVAL, "tensor '%s' has the unknown element type %" PRIu32, name, dtype);
    if (rank > DCL_MAX_RANK)
        return dcl__fail(error, DCL_EINVAL, "tensor '%s' has %" PRIu32 " dimensions, at most %d are possible",
                         name, rank, DCL_MAX_RANK);
    dcl_tensor made = {.size = sizeof made, .dtype = dtype, .rank = rank};
    for (uint32_t i = 0; i < rank; i++) {
        made.dim[i] = dim[i];
        if (dim[i] < 1)
            return dcl__fail(error, DCL_EINVAL, "dimension %" PRIu32 " of tensor '%s' is %" PRId64
                             ", it must be at least 1", i, name, dim[i]);
    }
    if (!dcl__shape_count(rank, dim, &made.count))
        return dcl__fail(error, DCL_EINVAL, "tensor '%s' is too large: its size does not fit into 63 bits",
                         name);
    *tensor = made;
    return DCL_OK;
}

int dcl__shape_count(uint32_t rank, const int64_t *dim, int64_t *count)
{
    int64_t product = 1, bytes;
    int empty = 0;
    for (uint32_t i = 0; i < rank; i++) {
        empty |= dim[i] == 0;
        if (dim[i] < 0 || dcl__multiply(product, dim[i] ? dim[i] : 1, &product))
            return 0;
    }
    if (dcl__multiply(product, dcl__dtype_size(DCL_F64), &bytes))
        return 0;
    *count = empty ? 0 : product;
    return 1;
}

int64_t dcl__dtype_size(uint32_t dtype)
{
    return dtype == DCL_F32 ? 4 : 8;
}

int64_t dcl__tensor_bytes(const dcl_tensor *tensor)
{
    return tensor->count * dcl__dtype_size(tensor->dtype);
}

const char *dcl__dtype_name(uint32_t dtype)
{
    switch (dtype) {
    case DCL_F32: return "f32";
    case DCL_F64: return "f64";
    case DCL_I64: return "i64";
    case DCL_REAL: return "f32|f64";
    case DCL_REAL | DCL_I64: return "f32|f64|i64";
    default: return "unknown";
    }
}

const char *dcl__shape_text(const dcl_tensor *tensor, char text[DCL__SHAPE_TEXT])
{
    return dcl__dimensions_text(tensor->rank, tensor->dim, text);
}

const char *dcl__dimensions_text(uint32_t rank, const int64_t *dim, char text[DCL__SHAPE_TEXT])
{
    size_t used = 0;
    strcpy(text, "scalar");
    for (uint32_t i = 0; i < rank && used < DCL__SHAPE_TEXT; i++)
        used += (size_t)snprintf(text + used, DCL__SHAPE_TEXT - used, i ? "x%" PRId64 : "%" PRId64, dim[i]);
    return text;
}

int dcl__same_shape(const dcl_tensor *a, const dcl_tensor *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof *a->dim) == 0;
}

void dcl__convert(uint32_t to_type, void *to, uint32_t from_type, const void *from, int64_t count)
{
    if (to_type == from_type) {
        memcpy(to, from, (size_t)(count * dcl__dtype_size(to_type)));
    } else if (to_type == DCL_F32) {
        const double *source = from;
        float *target = to;
        for (int64_t i = 0; i < count; i++)
            target[i] = (float)source[i];
    } else {
        const float *source = from;
        double *target = to;
        for (int64_t i = 0; i < count; i++)
            target[i] = source[i];
    }
}
