/* archive.h: files of several named arrays: NumPy's .npz, and .safetensors.
 *
 * Read: .npz with entries stored or compressed by deflate, also beyond 4 GiB (zip64), their checksums compared;
 * .safetensors with F64, F32, F16 and BF16. Written: entries of .npz stored, arrays of f32 and f64 in the order of
 * the archive; the same arrays give the same bytes. Functions may be called from any thread, at once for different
 * archives. Messages begin with the path of the file.
 */
#ifndef DCL__ARCHIVE_H
#define DCL__ARCHIVE_H

#include <stddef.h>

#include "formats/array.h"

typedef struct dcl__entry {
    char *name;                  /* without the ".npy" that it has in an .npz                        */
    dcl__array array;
} dcl__entry;

/* Zero it before the first use. */
typedef struct dcl__archive {
    dcl__entry *entries;
    size_t count, capacity;
} dcl__archive;

/* Reads all arrays as `dtype`; which format it is, the first bytes tell. DCL_EIO, DCL_EFORMAT, DCL_ENOMEM. */
dcl_status dcl__archive_read(const char *file, uint32_t dtype, dcl__archive *archive, dcl_error *error);

/* The file appears complete or not at all. */
dcl_status dcl__npz_write(const char *file, const dcl__archive *archive, dcl_error *error);
dcl_status dcl__safetensors_write(const char *file, const dcl__archive *archive, dcl_error *error);

/* Adds an array, which the archive takes over and empties, also after a failure. */
dcl_status dcl__archive_add(dcl__archive *archive, const char *name, dcl__array *array, dcl_error *error);

/* The array of a name; NULL when there is none. */
const dcl__array *dcl__archive_find(const dcl__archive *archive, const char *name);

void dcl__archive_free(dcl__archive *archive);

/* ---- The two formats, from the bytes of a whole file; messages name no file ---- */

int dcl__is_zip(const unsigned char *bytes, size_t size);
dcl_status dcl__npz_parse(const unsigned char *bytes, size_t size, uint32_t dtype, dcl__archive *archive,
                          dcl_error *error);
dcl_status dcl__safetensors_parse(const unsigned char *bytes, size_t size, uint32_t dtype, dcl__archive *archive,
                                  dcl_error *error);

/* A little-endian number of `width` bytes. */
uint64_t dcl__little_endian(const unsigned char *bytes, int width);

#endif
