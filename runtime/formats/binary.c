/* binary.c: arrays of fixed-width numbers in a file, for the formats that store them so. */
#include "formats/binary.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 4096 };           /* numbers converted at a time */

int dcl__host_is_big_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static void swap_bytes(unsigned char *bytes, int64_t count, int width)
{
    for (int64_t i = 0; i < count; i++, bytes += width) {
        for (int low = 0, high = width - 1; low < high; low++, high--) {
            unsigned char held = bytes[low];
            bytes[low] = bytes[high];
            bytes[high] = held;
        }
    }
}

/* IEEE 754 binary16: 1 sign bit, 5 bits of exponent, 10 bits of fraction. */
static double half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    return bits >> 15 ? -size : size;
}

/* bfloat16: the upper half of a binary32. */
static double bfloat_value(uint16_t bits)
{
    const uint32_t whole = (uint32_t)bits << 16;
    float number;
    memcpy(&number, &whole, sizeof number);
    return number;
}

/* Converts numbers in the byte order of this machine. */
static void decode(dcl__element element, const unsigned char *bytes, int64_t count, double *values)
{
#define DECODE(letter, type, convert)                                   \
    if (element.kind == letter && element.width == (int)sizeof(type)) { \
        for (int64_t i = 0; i < count; i++) {                           \
            type number;                                                \
            memcpy(&number, bytes + i * element.width, sizeof number);  \
            values[i] = convert(number);                                \
        }                                                               \
    }
    DECODE('f', uint16_t, half_value)
    DECODE('b', uint16_t, bfloat_value)
    DECODE('f', float, (double))
    DECODE('f', double, (double))
    DECODE('i', int8_t, (double))
    DECODE('i', int16_t, (double))
    DECODE('i', int32_t, (double))
    DECODE('i', int64_t, (double))
    DECODE('u', uint8_t, (double))
    DECODE('u', uint16_t, (double))
    DECODE('u', uint32_t, (double))
    DECODE('u', uint64_t, (double))
#undef DECODE
}

/* Where the next number of the file belongs in the row-major array. */
typedef struct cursor {
    int64_t offset, index[DCL_MAX_RANK], stride[DCL_MAX_RANK];
} cursor;

static cursor cursor_begin(const dcl__binary *binary)
{
    cursor at = {0};
    int64_t stride = 1;
    for (uint32_t axis = binary->rank; axis-- > 0;) {
        at.stride[axis] = stride;
        stride *= binary->dim[axis];
    }
    return at;
}

static void cursor_next(cursor *at, const dcl__binary *binary)
{
    if (!binary->fortran_order) {
        at->offset++;
        return;
    }
    for (uint32_t axis = 0; axis < binary->rank; axis++) {
        at->offset += at->stride[axis];
        if (++at->index[axis] < binary->dim[axis])
            return;
        at->offset -= at->stride[axis] * binary->dim[axis];
        at->index[axis] = 0;
    }
}

static dcl_status read_blocks(dcl__source *source, const dcl__binary *binary, int64_t count,
                              dcl__array *array, dcl_error *error)
{
    unsigned char bytes[BLOCK * sizeof(double)];
    double values[BLOCK];
    dcl__element element = binary->element;
    cursor at = cursor_begin(binary);
    while (count) {
        int64_t part = count < BLOCK ? count : BLOCK;
        dcl_status status = dcl__source_read(source, bytes, (size_t)(part * element.width), error);
        if (status)
            return status;
        if (element.big_endian != dcl__host_is_big_endian())
            swap_bytes(bytes, part, element.width);
        decode(element, bytes, part, values);
        for (int64_t i = 0; i < part; i++, cursor_next(&at, binary))
            dcl__array_set(array, at.offset, values[i]);
        count -= part;
    }
    return DCL_OK;
}

dcl_status dcl__binary_count(const dcl__binary *binary, int64_t *count, dcl_error *error)
{
    char shape[DCL__SHAPE_TEXT];
    if (dcl__shape_count(binary->rank, binary->dim, count))
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "the header announces the shape %s, too large for any memory; it is "
                     "wrong", dcl__dimensions_text(binary->rank, binary->dim, shape));
}

dcl_status dcl__binary_read(dcl__source *source, const dcl__binary *binary, uint32_t dtype, dcl__array *array,
                            dcl_error *error)
{
    int64_t count;
    dcl_status status = dcl__binary_count(binary, &count, error);
    if (status)
        return status;
    int64_t size = count * binary->element.width;
    status = dcl__source_require(source, size, error);
    if (!status)
        status = dcl__source_limit(source, size, error);
    if (!status)
        status = dcl__array_allocate(array, dtype, binary->rank, binary->dim, error);
    if (!status)
        status = read_blocks(source, binary, count, array, error);
    return status ? status : dcl__source_limit(source, 0, error);
}
