/* archive.c: named arrays, and choosing the reader for a file of them. */
#include "formats/archive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

enum { PART = 1 << 20 };         /* bytes read at a time */

uint64_t dcl__little_endian(const unsigned char *bytes, int width)
{
    uint64_t number = 0;
    for (int i = width; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

dcl_status dcl__archive_add(dcl__archive *archive, const char *name, dcl__array *array, dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (dcl__archive_find(archive, name))
        status = dcl__fail(error, DCL_EFORMAT, "there are two arrays named '%.100s'", name);
    if (status == DCL_OK)
        status = dcl__grow(&archive->entries, sizeof *archive->entries, archive->count, &archive->capacity,
                           "the arrays of a file", error);
    char *copy = status ? NULL : dcl__copy_string(name, error);
    if (copy)
        archive->entries[archive->count++] = (dcl__entry){copy, *array};
    else
        free(array->data);
    *array = (dcl__array){0};
    return copy || status ? status : DCL_ENOMEM;
}

const dcl__array *dcl__archive_find(const dcl__archive *archive, const char *name)
{
    for (size_t i = 0; i < archive->count; i++)
        if (strcmp(archive->entries[i].name, name) == 0)
            return &archive->entries[i].array;
    return NULL;
}

void dcl__archive_free(dcl__archive *archive)
{
    for (size_t i = 0; i < archive->count; i++) {
        free(archive->entries[i].name);
        dcl__array_free(&archive->entries[i].array);
    }
    free(archive->entries);
    *archive = (dcl__archive){0};
}

/* ---- Reading ---- */

/* The bytes of a stream up to its end, to be freed with free(). */
static dcl_status read_stream(FILE *stream, unsigned char **bytes, size_t *size, dcl_error *error)
{
    size_t room = 0, got = 1;
    *size = 0;
    *bytes = NULL;
    while (got > 0) {
        if (room - *size < PART) {
            room = 2 * room + PART;
            unsigned char *larger = realloc(*bytes, room);
            if (!larger)
                return dcl__no_memory(error, "the file", (int64_t)room);
            *bytes = larger;
        }
        got = fread(*bytes + *size, 1, PART, stream);
        *size += got;
    }
    if (ferror(stream))
        return dcl__fail(error, DCL_EIO, "the file cannot be read: %s", strerror(errno));
    return DCL_OK;
}

static dcl_status parse(const unsigned char *bytes, size_t size, uint32_t dtype, dcl__archive *archive,
                        dcl_error *error)
{
    if (size == 0)
        return dcl__fail(error, DCL_EFORMAT, "the file is empty; fill it, or give another one");
    if (dcl__is_zip(bytes, size))
        return dcl__npz_parse(bytes, size, dtype, archive, error);
    return dcl__safetensors_parse(bytes, size, dtype, archive, error);
}

dcl_status dcl__archive_read(const char *file, uint32_t dtype, dcl__archive *archive, dcl_error *error)
{
    unsigned char *bytes = NULL;
    size_t size;
    dcl__archive read = {0};
    errno = 0;
    FILE *stream = fopen(file, "rb");
    if (!stream)
        return dcl__fail(error, DCL_EIO, "%s: the file cannot be opened: %s", file, strerror(errno));
    dcl_status status = read_stream(stream, &bytes, &size, error);
    fclose(stream);
    if (status == DCL_OK)
        status = parse(bytes, size, dtype, &read, error);
    free(bytes);
    if (status) {
        dcl__archive_free(&read);
        return dcl__prefix(error, status, "%s", file);
    }
    *archive = read;
    return DCL_OK;
}
