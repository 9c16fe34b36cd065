/* array.h: arrays of numbers on the host, and reading them from a file of any supported format.
 *
 * Formats: .npy, Matrix Market, IDX and CSV, each also compressed with gzip. A file is recognised by its
 * first bytes, then by its name; anything else that is text is read as CSV. Numbers are converted to the
 * wanted dtype while they are read. Every function may be called from any thread, at once for different
 * arrays. Every message of a reader begins with the path of the file: "Y.npy: the file is empty ...".
 */
#ifndef DCL__ARRAY_H
#define DCL__ARRAY_H

#include "core/tensor.h"
#include "formats/text.h"

/* Row-major, without gaps. `data` is owned by the array and freed by dcl__array_free. */
typedef struct dcl__array {
    uint32_t dtype, rank;        /* DCL_F32 or DCL_F64: what data holds; rank 0 is a scalar          */
    int64_t dim[DCL_MAX_RANK];
    void *data;
    int64_t missing;             /* number of NaN entries, which stand for missing ones              */
    char header[DCL__HEADER];    /* the first line of a text, where it is one; "": it is not         */
} dcl__array;

/* Reads `file` into *array as `dtype`. DCL_EIO when the file cannot be opened or read, DCL_EFORMAT when
 * its content is not a supported array, DCL_ENOMEM when it does not fit into host memory. A shape that
 * the size of the file belies is refused before anything is allocated for it. */
dcl_status dcl__array_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error);

/* Whether a file of this name that begins with these bytes is read as a table of text, and as no other format. */
int dcl__is_table(const char *file, const unsigned char *head, size_t size);

/* The same, and it must be a matrix: rank 2, no dimension zero, all entries finite. The message counts
 * rows and columns from 1. */
dcl_status dcl__matrix_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error);

/* The same for factors, which may have no columns: the best ones may have no units. */
dcl_status dcl__factor_read(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error);

/* Frees the data and empties the array; an empty array is allowed. */
void dcl__array_free(dcl__array *array);

/* Makes an array of zeros. The message of a failure names no file. */
dcl_status dcl__array_allocate(dcl__array *array, uint32_t dtype, uint32_t rank, const int64_t *dim,
                               dcl_error *error);

static inline double dcl__array_get(const dcl__array *array, int64_t index)
{
    return array->dtype == DCL_F64 ? ((const double *)array->data)[index]
                                   : (double)((const float *)array->data)[index];
}

static inline void dcl__array_set(dcl__array *array, int64_t index, double value)
{
    if (array->dtype == DCL_F64)
        ((double *)array->data)[index] = value;
    else
        ((float *)array->data)[index] = (float)value;
}

#endif
