/* source.c: the bytes of a file, or of memory, in order, decompressed when it is a gzip file. */
#include "formats/source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* No deflate stream expands further than this (zlib, Technical Details, "Maximum Compression Factor"). */
enum { DEFLATE_RATIO = 1032 };

struct dcl__source {
    gzFile stream;               /* also reads files that are not compressed; NULL: memory           */
    const unsigned char *rest;   /* of memory: what is not read yet                                  */
    size_t rest_size;
    int64_t most;                /* no more bytes than this can come                                 */
    int exact;                   /* 1: exactly `most` bytes come                                     */
    int64_t position;            /* bytes consumed                                                   */
    size_t begin, end;           /* what is read but not consumed: bytes[begin..end)                 */
    unsigned char bytes[65536];
};

static dcl_status stream_failed(int code, const char *why, dcl_error *error)
{
    /* zlib puts the name it gave the stream, "<fd:3>: ", before its sentence. */
    const char *sentence = strstr(why, ": ");
    switch (code) {
    case Z_BUF_ERROR:
        return dcl__fail(error, DCL_EFORMAT, "the gzip data ends too early, the file is truncated; "
                         "copy or download it again");
    case Z_ERRNO:
        return dcl__fail(error, DCL_EIO, "the file cannot be read: %s", sentence ? sentence + 2 : why);
    case Z_MEM_ERROR:
        return dcl__no_memory(error, "reading a file", (int64_t)sizeof(dcl__source));
    default:
        return dcl__fail(error, DCL_EFORMAT, "the gzip data is damaged (%s); copy or download the file again",
                         sentence ? sentence + 2 : why);
    }
}

static void fill_from_memory(dcl__source *source)
{
    const size_t size = source->rest_size < sizeof source->bytes ? source->rest_size : sizeof source->bytes;
    memcpy(source->bytes, source->rest, size);
    source->rest += size;
    source->rest_size -= size;
    source->begin = 0;
    source->end = size;
}

static dcl_status fill(dcl__source *source, dcl_error *error)
{
    if (source->begin < source->end)
        return DCL_OK;
    if (!source->stream) {
        fill_from_memory(source);
        return DCL_OK;
    }
    int code, size = gzread(source->stream, source->bytes, sizeof source->bytes);
    const char *why = gzerror(source->stream, &code);
    if (size < 0 || code < 0)
        return stream_failed(code, why, error);
    source->begin = 0;
    source->end = (size_t)size;
    return DCL_OK;
}

/* Reads the first bytes, which tell whether the file is compressed. */
static dcl_status begin(dcl__source *source, const struct stat *about, dcl_error *error)
{
    dcl_status status = fill(source, error);
    if (status)
        return status;
    int plain = gzdirect(source->stream);
    if (source->end == 0)
        return dcl__fail(error, DCL_EFORMAT, "the file is empty%s; fill it, or give another one",
                         plain ? "" : " once decompressed");
    source->most = INT64_MAX;
    if (S_ISREG(about->st_mode))
        source->most = (int64_t)about->st_size * (plain ? 1 : DEFLATE_RATIO);
    source->exact = plain && S_ISREG(about->st_mode);
    return DCL_OK;
}

static dcl_status open_descriptor(const char *file, int *descriptor, struct stat *about, dcl_error *error)
{
    *descriptor = open(file, O_RDONLY | O_CLOEXEC);
    if (*descriptor < 0 && errno == ENOENT)
        return dcl__fail(error, DCL_EIO, "there is no such file; check the path");
    if (*descriptor < 0 && (errno == EACCES || errno == EPERM))
        return dcl__fail(error, DCL_EIO, "the file may not be read (%s); change its permissions",
                         strerror(errno));
    if (*descriptor < 0 || fstat(*descriptor, about) != 0) {
        dcl__fail(error, DCL_EIO, "the file cannot be opened: %s", strerror(errno));
    } else if (S_ISDIR(about->st_mode)) {
        dcl__fail(error, DCL_EIO, "this is a folder, not a file; give a file in it");
    } else {
        return DCL_OK;
    }
    if (*descriptor >= 0)
        close(*descriptor);
    return DCL_EIO;
}

dcl_status dcl__source_open(const char *file, dcl__source **source, dcl_error *error)
{
    int descriptor;
    struct stat about;
    dcl_status status = open_descriptor(file, &descriptor, &about, error);
    if (status)
        return status;
    dcl__source *opened = calloc(1, sizeof *opened);
    if (opened)
        opened->stream = gzdopen(descriptor, "rb");
    if (!opened || !opened->stream) {
        free(opened);
        close(descriptor);
        return dcl__no_memory(error, "opening a file", (int64_t)sizeof *opened);
    }
    status = begin(opened, &about, error);
    if (status)
        dcl__source_close(opened);
    else
        *source = opened;
    return status;
}

dcl_status dcl__source_open_memory(const void *bytes, size_t size, dcl__source **source, dcl_error *error)
{
    dcl__source *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dcl__no_memory(error, "reading an array", (int64_t)sizeof *opened);
    opened->rest = bytes;
    opened->rest_size = size;
    opened->most = (int64_t)size;
    opened->exact = 1;
    *source = opened;
    return DCL_OK;
}

void dcl__source_close(dcl__source *source)
{
    if (source->stream)
        gzclose(source->stream);
    free(source);
}

dcl_status dcl__source_view(dcl__source *source, const unsigned char **bytes, size_t *size, dcl_error *error)
{
    dcl_status status = fill(source, error);
    *bytes = source->bytes + source->begin;
    *size = status ? 0 : source->end - source->begin;
    return status;
}

void dcl__source_skip(dcl__source *source, size_t size)
{
    source->begin += size;
    source->position += (int64_t)size;
}

dcl_status dcl__source_read(dcl__source *source, void *to, size_t size, dcl_error *error)
{
    unsigned char *next = to;
    while (size) {
        const unsigned char *bytes;
        size_t part;
        dcl_status status = dcl__source_view(source, &bytes, &part, error);
        if (status)
            return status;
        if (!part)
            return dcl__fail(error, DCL_EFORMAT, "the file ends after %" PRId64 " bytes, too early; it is "
                             "truncated, or its header is wrong", source->position);
        if (part > size)
            part = size;
        memcpy(next, bytes, part);
        dcl__source_skip(source, part);
        next += part;
        size -= part;
    }
    return DCL_OK;
}

dcl_status dcl__source_require(const dcl__source *source, int64_t bytes, dcl_error *error)
{
    int64_t rest = source->most - source->position;
    if (bytes <= rest)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "the header announces %" PRId64 " bytes of data, but the file holds "
                     "%s %" PRId64 "; it is truncated, or its header is wrong", bytes,
                     source->exact ? "only" : "at most", rest);
}

dcl_status dcl__source_limit(dcl__source *source, int64_t bytes, dcl_error *error)
{
    int64_t rest = source->most - source->position;
    if (!source->exact) {
        dcl_status status = fill(source, error);
        if (status)
            return status;
        rest = (int64_t)(source->end - source->begin);
    }
    if (rest <= bytes)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "%s%" PRId64 " bytes too many follow the announced data; the header "
                     "is wrong, or something was appended", source->exact ? "" : "at least ", rest - bytes);
}
