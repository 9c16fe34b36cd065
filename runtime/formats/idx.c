/* idx.c: reading the IDX format. */
#include "formats/idx.h"

#include "formats/binary.h"

/* By the third byte of the file, from 8. */
static const dcl__element elements[] = {
    {'u', 1, 1}, {'i', 1, 1}, {0, 0, 0}, {'i', 2, 1}, {'i', 4, 1}, {'f', 4, 1}, {'f', 8, 1}
};

static int is_idx(const unsigned char *head, size_t size)
{
    return size >= 4 && head[0] == 0 && head[1] == 0 && head[2] >= 8 && head[2] <= 14
        && elements[head[2] - 8].width && head[3] > 0;
}

static dcl_status read_dimensions(dcl__source *source, dcl__binary *binary, dcl_error *error)
{
    for (uint32_t axis = 0; axis < binary->rank; axis++) {
        unsigned char bytes[4];
        dcl_status status = dcl__source_read(source, bytes, sizeof bytes, error);
        if (status)
            return status;
        binary->dim[axis] = (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    }
    return DCL_OK;
}

/* Makes one row of all dimensions but the first; their product is known to fit. */
static void flatten(dcl__binary *binary)
{
    for (; binary->rank > 2; binary->rank--)
        binary->dim[1] *= binary->dim[binary->rank - 1];
}

static dcl_status read_idx(dcl__source *source, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    const unsigned char *head;
    size_t size;
    dcl_status status = dcl__source_view(source, &head, &size, error);
    if (status)
        return status;
    if (!is_idx(head, size))
        return dcl__fail(error, DCL_EFORMAT, "this is not an IDX file, although its name says so: its first "
                         "bytes are not those of one; give the right file or rename it");
    dcl__binary binary = {.element = elements[head[2] - 8], .rank = head[3]};
    if (binary.rank > DCL_MAX_RANK)
        return dcl__fail(error, DCL_EFORMAT, "the array has %u dimensions; at most %d are supported",
                         (unsigned)binary.rank, (int)DCL_MAX_RANK);
    dcl__source_skip(source, 4);
    int64_t count;
    status = read_dimensions(source, &binary, error);
    if (!status)
        status = dcl__binary_count(&binary, &count, error);
    if (status)
        return status;
    flatten(&binary);
    return dcl__binary_read(source, &binary, dtype, array, error);
}

const dcl__reader dcl__idx_reader = {{".idx", "-ubyte", NULL}, is_idx, read_idx};
