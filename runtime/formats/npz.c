/* npz.c: NumPy's .npz: a zip file (PKWARE, APPNOTE.TXT 6.3) of .npy files.
 *
 * Where entries lie is read from the directory at the end, as the format wants it. Times are those of NumPy, 1980,
 * so that the same arrays give the same bytes.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/memory.h"
#include "formats/archive.h"
#include "formats/npy.h"
#include "formats/output.h"

enum { LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22, LOCATOR_SIZE = 20, END64_SIZE = 56, STORED = 0,
       DEFLATED = 8 };
enum { LOCAL_MARK = 0x04034b50, CENTRAL_MARK = 0x02014b50, END_MARK = 0x06054b50, LOCATOR_MARK = 0x07064b50,
       END64_MARK = 0x06064b50 };
static const uint64_t BEYOND = 0xFFFFFFFF;   /* "look into the zip64 field" */

/* No deflate stream expands further than this (zlib, Technical Details, "Maximum Compression Factor"). */
enum { DEFLATE_RATIO = 1032 };

/* A file in memory. */
typedef struct span {
    const unsigned char *bytes;
    uint64_t size;
} span;

typedef struct entry {
    const char *name;            /* not terminated                                                   */
    size_t name_size;
    uint64_t method, flags, checksum, packed, size, offset;
} entry;

int dcl__is_zip(const unsigned char *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "PK", 2) == 0 && (bytes[2] == 3 || bytes[2] == 5);
}

static dcl_status damaged(dcl_error *error, const char *what)
{
    return dcl__fail(error, DCL_EFORMAT, "the .npz file is damaged: %s; save or copy it again", what);
}

static int fits(span file, uint64_t offset, uint64_t size)
{
    return offset <= file.size && size <= file.size - offset;
}

/* ---- The directory ---- */

/* The place of the end record; it may be followed by a comment of up to 65535 bytes. */
static dcl_status find_end(span file, uint64_t *end, dcl_error *error)
{
    for (uint64_t back = END_SIZE; back <= file.size && back <= END_SIZE + 65535; back++) {
        *end = file.size - back;
        if (dcl__little_endian(file.bytes + *end, 4) == END_MARK)
            return DCL_OK;
    }
    return damaged(error, "it has no directory at its end");
}

/* Offset and number of the directory's entries, from the end record or from that of zip64 before it. */
static dcl_status find_directory(span file, uint64_t *offset, uint64_t *count, dcl_error *error)
{
    uint64_t end = 0;
    dcl_status status = find_end(file, &end, error);
    if (status)
        return status;
    *count = dcl__little_endian(file.bytes + end + 10, 2);
    *offset = dcl__little_endian(file.bytes + end + 16, 4);
    if (end < LOCATOR_SIZE || dcl__little_endian(file.bytes + end - LOCATOR_SIZE, 4) != LOCATOR_MARK)
        return DCL_OK;
    const uint64_t end64 = dcl__little_endian(file.bytes + end - LOCATOR_SIZE + 8, 8);
    if (!fits(file, end64, END64_SIZE) || dcl__little_endian(file.bytes + end64, 4) != END64_MARK)
        return damaged(error, "its zip64 directory is not where it should be");
    *count = dcl__little_endian(file.bytes + end64 + 32, 8);
    *offset = dcl__little_endian(file.bytes + end64 + 48, 8);
    return DCL_OK;
}

/* Takes what did not fit into 32 bits from the zip64 field, which has it in this order. */
static dcl_status read_extra(const unsigned char *extra, uint64_t size, entry *e, dcl_error *error)
{
    uint64_t *const wide[] = {&e->size, &e->packed, &e->offset};
    while (size >= 4) {
        const uint64_t kind = dcl__little_endian(extra, 2), length = dcl__little_endian(extra + 2, 2);
        if (length > size - 4)
            break;
        const unsigned char *at = extra + 4, *stop = at + length;
        for (int i = 0; kind == 1 && i < 3; i++)
            if (*wide[i] == BEYOND && stop - at >= 8) {
                *wide[i] = dcl__little_endian(at, 8);
                at += 8;
            }
        extra = stop;
        size -= 4 + length;
    }
    return e->size == BEYOND || e->packed == BEYOND || e->offset == BEYOND
         ? damaged(error, "the size of an entry is missing") : DCL_OK;
}

/* Reads the directory's entry at *at and steps over it. */
static dcl_status read_entry(span file, uint64_t *at, entry *e, dcl_error *error)
{
    if (!fits(file, *at, CENTRAL_SIZE) || dcl__little_endian(file.bytes + *at, 4) != CENTRAL_MARK)
        return damaged(error, "its directory is cut off");
    const unsigned char *head = file.bytes + *at;
    const uint64_t name = dcl__little_endian(head + 28, 2), extra = dcl__little_endian(head + 30, 2);
    const uint64_t length = CENTRAL_SIZE + name + extra + dcl__little_endian(head + 32, 2);
    if (!fits(file, *at, length))
        return damaged(error, "its directory is cut off");
    *e = (entry){.name = (const char *)head + CENTRAL_SIZE, .name_size = name, .flags = dcl__little_endian(head + 8, 2),
                 .method = dcl__little_endian(head + 10, 2), .checksum = dcl__little_endian(head + 16, 4),
                 .packed = dcl__little_endian(head + 20, 4), .size = dcl__little_endian(head + 24, 4),
                 .offset = dcl__little_endian(head + 42, 4)};
    *at += length;
    return read_extra(head + CENTRAL_SIZE + name, extra, e, error);
}

/* ---- Content ---- */

static dcl_status unpack(const unsigned char *packed, const entry *e, unsigned char *content, dcl_error *error)
{
    z_stream stream = {.next_in = (unsigned char *)packed, .next_out = content};
    uint64_t in = e->packed, out = e->size;
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return dcl__no_memory(error, "decompression", 0);
    int code = Z_OK;
    while (code == Z_OK) {
        const unsigned part_in = in < UINT32_MAX ? (unsigned)in : UINT32_MAX;
        const unsigned part_out = out < UINT32_MAX ? (unsigned)out : UINT32_MAX;
        stream.avail_in = part_in;
        stream.avail_out = part_out;
        code = inflate(&stream, Z_NO_FLUSH);
        in -= part_in - stream.avail_in;
        out -= part_out - stream.avail_out;
    }
    inflateEnd(&stream);
    return code == Z_STREAM_END && out == 0 ? DCL_OK : damaged(error, "an entry cannot be decompressed");
}

/* The content of an entry, to be freed with free(). */
static dcl_status extract(span file, const entry *e, unsigned char **content, dcl_error *error)
{
    if (!fits(file, e->offset, LOCAL_SIZE) || dcl__little_endian(file.bytes + e->offset, 4) != LOCAL_MARK)
        return damaged(error, "an entry is not where the directory says");
    const unsigned char *head = file.bytes + e->offset;
    const uint64_t data = e->offset + LOCAL_SIZE + dcl__little_endian(head + 26, 2) + dcl__little_endian(head + 28, 2);
    if (!fits(file, data, e->packed) || (e->method == STORED && e->packed != e->size) ||
        e->size / DEFLATE_RATIO > e->packed)
        return damaged(error, "an entry is cut off, or its size is wrong");
    *content = malloc(e->size ? e->size : 1);
    if (!*content)
        return dcl__no_memory(error, "an array", (int64_t)e->size);
    dcl_status status = DCL_OK;
    if (e->method == STORED)
        memcpy(*content, file.bytes + data, e->size);
    else
        status = unpack(file.bytes + data, e, *content, error);
    if (status == DCL_OK && crc32_z(0, *content, e->size) != e->checksum)
        status = damaged(error, "the checksum of an entry is wrong");
    return status;
}

static dcl_status parse_array(const unsigned char *content, size_t size, uint32_t dtype, dcl__array *array,
                              dcl_error *error)
{
    dcl__source *source;
    dcl_status status = dcl__source_open_memory(content, size, &source, error);
    if (status)
        return status;
    status = dcl__npy_reader.read(source, dtype, array, error);
    dcl__source_close(source);
    return status;
}

static dcl_status add_entry(span file, const entry *e, const char *name, uint32_t dtype, dcl__archive *archive,
                            dcl_error *error)
{
    unsigned char *content = NULL;
    dcl__array array = {0};
    if (e->flags & 1)
        return dcl__fail(error, DCL_EFORMAT, "it is encrypted; save it without a password");
    if (e->method != STORED && e->method != DEFLATED)
        return dcl__fail(error, DCL_EFORMAT, "it is compressed by method %" PRIu64 ", only deflate is supported; save "
                         "it with numpy.savez", e->method);
    dcl_status status = extract(file, e, &content, error);
    if (status == DCL_OK)
        status = parse_array(content, e->size, dtype, &array, error);
    free(content);
    if (status == DCL_OK)
        return dcl__archive_add(archive, name, &array, error);
    dcl__array_free(&array);
    return status;
}

dcl_status dcl__npz_parse(const unsigned char *bytes, size_t size, uint32_t dtype, dcl__archive *archive,
                          dcl_error *error)
{
    const span file = {bytes, size};
    uint64_t at = 0, count = 0;
    dcl_status status = find_directory(file, &at, &count, error);
    for (uint64_t i = 0; i < count && status == DCL_OK; i++) {
        entry e;
        status = read_entry(file, &at, &e, error);
        if (status)
            return status;
        const int is_npy = e.name_size > 4 && memcmp(e.name + e.name_size - 4, ".npy", 4) == 0;
        char *name = dcl__format(error, "%.*s", (int)(e.name_size - (is_npy ? 4 : 0)), e.name);
        status = !name ? DCL_ENOMEM : add_entry(file, &e, name, dtype, archive, error);
        if (status && name)
            dcl__prefix(error, status, "array '%.100s'", name);
        free(name);
    }
    return status;
}

/* ---- Writing ---- */

/* An array as it lies in the file. */
typedef struct placed {
    char header[512];
    size_t header_size, data_size;
    uint32_t checksum;
    uint64_t offset;
} placed;

static void put(unsigned char *to, uint64_t number, int width)
{
    for (int i = 0; i < width; i++)
        to[i] = (unsigned char)(number >> 8 * i);
}

/* The fields that both headers of an entry share: version, flags, method, time, checksum, sizes, length of the name. */
static void put_common(unsigned char *to, const placed *p, const char *name)
{
    put(to, 20, 2);
    put(to + 2, 0, 2);
    put(to + 4, STORED, 2);
    put(to + 6, 0, 2);
    put(to + 8, 0x21, 2);        /* 1 January 1980 */
    put(to + 10, p->checksum, 4);
    put(to + 14, p->header_size + p->data_size, 4);
    put(to + 18, p->header_size + p->data_size, 4);
    put(to + 22, strlen(name) + 4, 2);
    put(to + 24, 0, 2);
}

static dcl_status place(const dcl__entry *e, uint64_t offset, placed *p, dcl_error *error)
{
    int64_t count = 0;
    dcl__shape_count(e->array.rank, e->array.dim, &count);
    p->header_size = dcl__npy_header(&e->array, p->header);
    p->data_size = (size_t)(count * dcl__dtype_size(e->array.dtype));
    p->checksum = (uint32_t)crc32_z(crc32_z(0, (const unsigned char *)p->header, p->header_size), e->array.data,
                                    p->data_size);
    p->offset = offset;
    if (strlen(e->name) > 60000 || offset + p->header_size + p->data_size >= BEYOND)
        return dcl__fail(error, DCL_EUNSUPPORTED, "an .npz beyond 4 GiB cannot be written; use .safetensors");
    return DCL_OK;
}

static uint64_t write_local(dcl__output *output, const dcl__entry *e, const placed *p)
{
    unsigned char head[LOCAL_SIZE] = {0};
    put(head, LOCAL_MARK, 4);
    put_common(head + 4, p, e->name);
    dcl__output_write(output, head, sizeof head);
    dcl__output_write(output, e->name, strlen(e->name));
    dcl__output_write(output, ".npy", 4);
    dcl__output_write(output, p->header, p->header_size);
    dcl__output_write(output, e->array.data, p->data_size);
    return sizeof head + strlen(e->name) + 4 + p->header_size + p->data_size;
}

static uint64_t write_central(dcl__output *output, const dcl__entry *e, const placed *p)
{
    unsigned char head[CENTRAL_SIZE] = {0};
    put(head, CENTRAL_MARK, 4);
    put(head + 4, 20, 2);
    put_common(head + 6, p, e->name);
    put(head + 42, p->offset, 4);
    dcl__output_write(output, head, sizeof head);
    dcl__output_write(output, e->name, strlen(e->name));
    dcl__output_write(output, ".npy", 4);
    return sizeof head + strlen(e->name) + 4;
}

static dcl_status write_all(dcl__output *output, const dcl__archive *archive, placed *places, dcl_error *error)
{
    unsigned char end[END_SIZE] = {0};
    uint64_t offset = 0, directory = 0;
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < archive->count && status == DCL_OK; i++) {
        status = place(&archive->entries[i], offset, &places[i], error);
        if (status == DCL_OK)
            offset += write_local(output, &archive->entries[i], &places[i]);
    }
    for (size_t i = 0; i < archive->count && status == DCL_OK; i++)
        directory += write_central(output, &archive->entries[i], &places[i]);
    put(end, END_MARK, 4);
    put(end + 8, archive->count, 2);
    put(end + 10, archive->count, 2);
    put(end + 12, directory, 4);
    put(end + 16, offset, 4);
    dcl__output_write(output, end, sizeof end);
    return status;
}

dcl_status dcl__npz_write(const char *file, const dcl__archive *archive, dcl_error *error)
{
    dcl__output output;
    if (archive->count > 60000)
        return dcl__fail(error, DCL_EUNSUPPORTED, "%s: more than 60000 arrays are too many for an .npz", file);
    placed *places = calloc(archive->count + 1, sizeof *places);
    if (!places)
        return dcl__no_memory(error, "the directory of an .npz", (int64_t)(archive->count * sizeof *places));
    dcl_status status = dcl__output_open(file, &output, error);
    if (status == DCL_OK) {
        status = write_all(&output, archive, places, error);
        if (status) {
            dcl__output_discard(&output);
            dcl__prefix(error, status, "%s", file);
        } else {
            status = dcl__output_commit(&output, error);
        }
    }
    free(places);
    return status;
}
