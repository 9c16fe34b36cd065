/* binary.h: arrays of fixed-width numbers in a file, for the formats that store them so. */
#ifndef DCL__BINARY_H
#define DCL__BINARY_H

#include "formats/array.h"
#include "formats/source.h"

/* How a number is stored. */
typedef struct dcl__element {
    char kind;                   /* 'f' floating point (IEEE 754), 'b' bfloat16, 'i' signed, 'u'
                                    unsigned integer                                                 */
    int width;                   /* bytes: f 2, 4, 8; b 2; i and u 1, 2, 4, 8                        */
    int big_endian;
} dcl__element;

/* What follows in the file. */
typedef struct dcl__binary {
    dcl__element element;
    int fortran_order;           /* 1: the first index runs fastest in the file                      */
    uint32_t rank;
    int64_t dim[DCL_MAX_RANK];
} dcl__binary;

/* 1 when this machine stores numbers with the most significant byte first. */
int dcl__host_is_big_endian(void);

/* Writes the number of numbers to *count; refuses a shape that no memory can hold. */
dcl_status dcl__binary_count(const dcl__binary *binary, int64_t *count, dcl_error *error);

/* Reads the numbers that fill the rest of the source into a new row-major array of `dtype`, a block at a
 * time. Too few or too many bytes are refused, where possible before allocating. */
dcl_status dcl__binary_read(dcl__source *source, const dcl__binary *binary, uint32_t dtype, dcl__array *array,
                            dcl_error *error);

#endif
