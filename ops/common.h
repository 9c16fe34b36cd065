/* common.h: the few helpers that several built-in op plugins share: elements, shapes, launching, emitting.
 *
 * Everything here is inline and any-thread unless the host's own function says otherwise; nothing
 * allocates. Shapes are row-major, at most DCL_MAX_RANK dimensions.
 */
#ifndef DROPCL_OPS_COMMON_H
#define DROPCL_OPS_COMMON_H

#include <dropcl/op.h>

/* ---- Elements, for references ------------------------------------------------------------------ */

/* Element i of a real tensor with host data, as a double. */
static inline double dcl__get(const dcl_tensor *tensor, int64_t i)
{
    return tensor->dtype == DCL_F64 ? ((const double *)tensor->data)[i] : ((const float *)tensor->data)[i];
}

/* Sets element i of a real tensor with host data, rounding to its dtype. */
static inline void dcl__set(const dcl_tensor *tensor, int64_t i, double number)
{
    if (tensor->dtype == DCL_F64)
        ((double *)tensor->data)[i] = number;
    else
        ((float *)tensor->data)[i] = (float)number;
}

/* The coordinates of the element with row-major position `index`. */
static inline void dcl__coordinates(const dcl_tensor *tensor, int64_t index, int64_t coordinate[8])
{
    for (uint32_t d = tensor->rank; d-- > 0; index /= tensor->dim[d])
        coordinate[d] = index % tensor->dim[d];
}

/* The row-major position in `tensor` that NumPy broadcasting reads for an element of a tensor of the
 * given rank (not smaller than the tensor's) with these coordinates. */
static inline int64_t dcl__broadcast_position(const dcl_tensor *tensor, uint32_t rank,
                                              const int64_t *coordinate)
{
    int64_t position = 0;
    for (uint32_t d = 0; d < tensor->rank; d++) {
        int64_t along = tensor->dim[d] == 1 ? 0 : coordinate[d + rank - tensor->rank];
        position = position * tensor->dim[d] + along;
    }
    return position;
}

/* How many parts of size `by`, the last one perhaps smaller, make up `count`. */
static inline int64_t dcl__divide_up(int64_t count, int64_t by)
{
    return count / by + (count % by != 0);
}

/* A word of 32 random bits keeps what it is drawn for when it is below this: with the probability `retain`, rounded up
 * to a multiple of 2^-32. The same integer on every machine. */
static inline int64_t dcl__keep_below(double retain)
{
    const double bound = retain * 4294967296.0;
    const int64_t below = (int64_t)bound;
    return (double)below < bound ? below + 1 : below;
}

/* ---- Shapes ------------------------------------------------------------------------------------ */

/* 1 when both tensors have the same rank and dimensions. */
static inline int dcl__same_shape(const dcl_tensor *a, const dcl_tensor *b)
{
    if (a->rank != b->rank)
        return 0;
    for (uint32_t d = 0; d < a->rank; d++)
        if (a->dim[d] != b->dim[d])
            return 0;
    return 1;
}

/* The product of `count` dimensions, 1 for none. For dimensions of a tensor that exists: no overflow. */
static inline int64_t dcl__product(const int64_t *dim, uint32_t count)
{
    int64_t product = 1;
    for (uint32_t d = 0; d < count; d++)
        product *= dim[d];
    return product;
}

/* The strides, in elements, with which a tensor is read when it is broadcast to a shape of the given
 * rank: 0 along dimensions that repeat it. */
static inline void dcl__broadcast_strides(const dcl_tensor *tensor, uint32_t rank, int64_t stride[8])
{
    int64_t step = 1;
    for (uint32_t d = rank; d-- > 0;) {
        int64_t length = d + tensor->rank < rank ? 1 : tensor->dim[d + tensor->rank - rank];
        stride[d] = length == 1 ? 0 : step;
        step *= length;
    }
}

/* Drops dimensions of length 1 and merges neighbours that both tensors walk through as one, so that
 * kernels see as few dimensions as possible. Changes the arrays, fills the rest with zeros, returns the
 * new rank (0 for a single element). The two stride arrays may be the same array. */
static inline uint32_t dcl__merge_dimensions(uint32_t rank, int64_t dim[8], int64_t *first, int64_t *second)
{
    uint32_t merged = 0;
    for (uint32_t d = 0; d < rank; d++) {
        if (dim[d] == 1)
            continue;
        int joins = merged > 0 && first[merged - 1] == first[d] * dim[d] &&
                    second[merged - 1] == second[d] * dim[d];
        int64_t before = joins ? dim[--merged] : 1;
        int64_t length = before * dim[d], first_stride = first[d], second_stride = second[d];
        dim[merged] = length;
        first[merged] = first_stride;
        second[merged] = second_stride;
        merged++;
    }
    for (uint32_t d = merged; d < 8; d++)
        dim[d] = first[d] = second[d] = 0;
    return merged;
}

/* ---- Calls ------------------------------------------------------------------------------------- */

/* Declares output i with the dtype and shape of `like`. For infer. */
static inline dcl_status dcl__set_like(const dcl_host *host, dcl_call *call, uint32_t i,
                                       const dcl_tensor *like)
{
    return host->set_output(call, i, like->dtype, like->rank, like->dim);
}

/* Launches `items` work-items in one dimension, without defines; the host picks the group size.
 * [queue-thread] */
static inline dcl_status dcl__launch(const dcl_host *host, dcl_call *call, const char *kernel,
                                     const dcl_argument *arguments, uint32_t argument_count, int64_t items)
{
    uint64_t global = (uint64_t)items;
    return host->launch(call, kernel, NULL, arguments, argument_count, 1, &global, NULL);
}

/* The number of work-items that share a line of `length` elements: item p takes elements p, p + pieces,
 * p + 2 pieces, ... A few for each item save the work of finding the line; neighbours stay side by side. */
static inline int64_t dcl__pieces(int64_t length)
{
    return (length + 15) / 16;
}

/* ---- Emitting nodes, for gradients; a value of 0 passes through ---------------------------------- */

static inline dcl_value dcl__emit_unary(const dcl_host *host, dcl_call *call, const char *op, dcl_value x)
{
    return host->emit(call, op, &x, 1, NULL);
}

static inline dcl_value dcl__emit_binary(const dcl_host *host, dcl_call *call, const char *op, dcl_value x,
                                         dcl_value y)
{
    dcl_value inputs[2] = {x, y};
    return host->emit(call, op, inputs, 2, NULL);
}

/* x times a number. */
static inline dcl_value dcl__emit_scale(const dcl_host *host, dcl_call *call, dcl_value x, double by)
{
    dcl_setting settings[] = {{.name = "by", .number = by}, {0}};
    return host->emit(call, "scale", &x, 1, settings);
}

/* x / y, where x / 0 counts as 0. */
static inline dcl_value dcl__emit_safe_divide(const dcl_host *host, dcl_call *call, dcl_value x,
                                              dcl_value y)
{
    dcl_value inputs[2] = {x, y};
    dcl_setting settings[] = {{.name = "zero_safe", .integer = 1}, {0}};
    return host->emit(call, "divide", inputs, 2, settings);
}

/* reshape, broadcast or sum_to: the ops with a list attribute `shape`. */
static inline dcl_value dcl__emit_shaped(const dcl_host *host, dcl_call *call, const char *op, dcl_value x,
                                         uint32_t rank, const int64_t *dim)
{
    dcl_setting settings[] = {{.name = "shape", .list = dim, .count = rank}, {0}};
    return host->emit(call, op, &x, 1, settings);
}

#endif
