/* safetensors.c: the format .safetensors: the length of a JSON header, the header, then the numbers of all arrays.
 *
 * The header maps names to {"dtype", "shape", "data_offsets"}, and "__metadata__" to texts
 * (github.com/huggingface/safetensors, README). All numbers are little-endian, arrays row-major without gaps.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/archive.h"
#include "formats/binary.h"
#include "formats/json.h"
#include "formats/output.h"

/* The format's own limit. */
enum { LENGTH_SIZE = 8, HEADER_MOST = 100000000 };

static const struct {
    const char *name;
    dcl__element element;
} types[] = {{"F64", {'f', 8, 0}}, {"F32", {'f', 4, 0}}, {"F16", {'f', 2, 0}}, {"BF16", {'b', 2, 0}}};
enum { TYPE_COUNT = sizeof types / sizeof *types };

/* ---- Reading ---- */

static dcl_status read_type(const json_t *about, dcl__element *element, dcl_error *error)
{
    const char *word;
    dcl_status status = dcl__json_get_string(about, "dtype", &word, error);
    for (int i = 0; i < TYPE_COUNT && status == DCL_OK; i++)
        if (strcmp(types[i].name, word) == 0) {
            *element = types[i].element;
            return DCL_OK;
        }
    return status ? status : dcl__fail(error, DCL_EFORMAT, "the dtype '%.20s' is not supported, only F64, F32, F16 and "
                                       "BF16; save floating-point numbers", word);
}

/* Where the numbers lie, and that the shape has as many. */
static dcl_status read_place(const json_t *about, size_t size, dcl__binary *binary, int64_t place[2], dcl_error *error)
{
    size_t rank = 0, ends = 0;
    int64_t count = 0;
    dcl_status status = read_type(about, &binary->element, error);
    if (status == DCL_OK)
        status = dcl__json_get_integers(about, "shape", DCL_MAX_RANK, binary->dim, &rank, error);
    binary->rank = (uint32_t)rank;
    if (status == DCL_OK)
        status = dcl__json_get_integers(about, "data_offsets", 2, place, &ends, error);
    if (status == DCL_OK)
        status = dcl__binary_count(binary, &count, error);
    if (status)
        return status;
    if (ends != 2 || place[0] < 0 || place[1] < place[0] || (uint64_t)place[1] > size ||
        place[1] - place[0] != count * binary->element.width)
        return dcl__fail(error, DCL_EFORMAT, "its data_offsets do not fit its shape or the file, which is truncated or "
                         "damaged; save or copy it again");
    return DCL_OK;
}

/* An array without numbers has no bytes to read. */
static dcl_status read_array(const unsigned char *bytes, const dcl__binary *binary, const int64_t place[2],
                             uint32_t dtype, dcl__array *array, dcl_error *error)
{
    dcl__source *source;
    if (place[0] == place[1])
        return dcl__array_allocate(array, dtype, binary->rank, binary->dim, error);
    dcl_status status = dcl__source_open_memory(bytes + place[0], (size_t)(place[1] - place[0]), &source, error);
    if (status)
        return status;
    status = dcl__binary_read(source, binary, dtype, array, error);
    dcl__source_close(source);
    return status;
}

static dcl_status add_tensor(const char *name, const json_t *about, const unsigned char *bytes, size_t size,
                             uint32_t dtype, dcl__archive *archive, dcl_error *error)
{
    dcl__binary binary = {0};
    dcl__array array = {0};
    int64_t place[2] = {0};
    dcl_status status = dcl__json_check_type(about, JSON_OBJECT, "its description", error);
    if (status == DCL_OK)
        status = read_place(about, size, &binary, place, error);
    if (status == DCL_OK)
        status = read_array(bytes, &binary, place, dtype, &array, error);
    if (status == DCL_OK)
        return dcl__archive_add(archive, name, &array, error);
    dcl__array_free(&array);
    return status;
}

dcl_status dcl__safetensors_parse(const unsigned char *bytes, size_t size, uint32_t dtype, dcl__archive *archive,
                                  dcl_error *error)
{
    const uint64_t length = size >= LENGTH_SIZE ? dcl__little_endian(bytes, LENGTH_SIZE) : 0;
    if (length < 2 || length > HEADER_MOST || length > size - LENGTH_SIZE || bytes[LENGTH_SIZE] != '{')
        return dcl__fail(error, DCL_EFORMAT, "this is neither an .npz nor a .safetensors file, or it is truncated");
    json_error_t about;
    json_t *header = json_loadb((const char *)bytes + LENGTH_SIZE, (size_t)length, JSON_REJECT_DUPLICATES, &about);
    if (!json_is_object(header)) {
        json_decref(header);
        return dcl__fail(error, DCL_EFORMAT, "the header of the .safetensors file is not JSON (%s)", about.text);
    }
    const char *name;
    json_t *value;
    dcl_status status = DCL_OK;
    json_object_foreach(header, name, value) {
        if (strcmp(name, "__metadata__") == 0 || status)
            continue;
        status = add_tensor(name, value, bytes + LENGTH_SIZE + length, size - LENGTH_SIZE - (size_t)length, dtype,
                            archive, error);
        if (status)
            dcl__prefix(error, status, "array '%.100s'", name);
    }
    json_decref(header);
    return status;
}

/* ---- Writing ---- */

static int64_t bytes_of(const dcl__array *array)
{
    int64_t count = 0;
    dcl__shape_count(array->rank, array->dim, &count);
    return count * dcl__dtype_size(array->dtype);
}

/* The header, padded with blanks so that the numbers begin aligned; to be freed with free(). */
static char *make_header(const dcl__archive *archive, size_t *length)
{
    json_t *header = json_object();
    int64_t offset = 0;
    for (size_t i = 0; i < archive->count; i++) {
        const dcl__array *array = &archive->entries[i].array;
        const int64_t place[] = {offset, offset + bytes_of(array)};
        offset = place[1];
        json_t *about = dcl__json_put(json_object(), "dtype", json_string(array->dtype == DCL_F64 ? "F64" : "F32"));
        about = dcl__json_put(about, "shape", dcl__json_from_integers(array->dim, array->rank));
        about = dcl__json_put(about, "data_offsets", dcl__json_from_integers(place, 2));
        header = dcl__json_put(header, archive->entries[i].name, about);
    }
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return NULL;
    const size_t used = strlen(text);
    *length = (used + 7) / 8 * 8;
    char *padded = realloc(text, *length + 1);
    if (padded)
        memset(padded + used, ' ', *length - used);
    else
        free(text);
    return padded;
}

dcl_status dcl__safetensors_write(const char *file, const dcl__archive *archive, dcl_error *error)
{
    unsigned char size[LENGTH_SIZE];
    size_t length = 0;
    dcl__output output;
    if (dcl__host_is_big_endian())
        return dcl__fail(error, DCL_EUNSUPPORTED, "%s: .safetensors cannot be written on a big-endian machine", file);
    char *header = make_header(archive, &length);
    if (!header)
        return dcl__no_memory(error, "the header of a .safetensors file", 0);
    dcl_status status = dcl__output_open(file, &output, error);
    if (status == DCL_OK) {
        for (int i = 0; i < LENGTH_SIZE; i++)
            size[i] = (unsigned char)((uint64_t)length >> 8 * i);
        dcl__output_write(&output, size, sizeof size);
        dcl__output_write(&output, header, length);
        for (size_t i = 0; i < archive->count; i++)
            dcl__output_write(&output, archive->entries[i].array.data, (size_t)bytes_of(&archive->entries[i].array));
        status = dcl__output_commit(&output, error);
    }
    free(header);
    return status;
}
