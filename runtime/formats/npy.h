/* npy.h: NumPy's .npy format, versions 1 to 3 (numpy.lib.format).
 *
 * Read: floating-point numbers of 2, 4 and 8 bytes, integers of 1, 2, 4 and 8, booleans; both byte orders,
 * C and Fortran order, rank 0 to 8. Integers beyond 2^53 are rounded.
 */
#ifndef DCL__NPY_H
#define DCL__NPY_H

#include "formats/reader.h"

extern const dcl__reader dcl__npy_reader;

/* Writes the array as version 1.0, C order, '<f4' or '<f8' (on a big-endian machine '>f4' or '>f8'). The
 * file appears complete or not at all. DCL_EIO with the path when it cannot be written. */
dcl_status dcl__npy_write(const char *file, const dcl__array *array, dcl_error *error);

/* Writes what such a file has before the numbers, padded so that they begin aligned; returns how many bytes. The
 * shape must be valid. */
size_t dcl__npy_header(const dcl__array *array, char header[512]);

#endif
