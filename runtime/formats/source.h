/* source.h: the bytes of a file, or of memory, in order, decompressed when it is a gzip file.
 *
 * Messages name no file; the caller puts it before them. One source is used by one thread at a time.
 */
#ifndef DCL__SOURCE_H
#define DCL__SOURCE_H

#include "core/error.h"

typedef struct dcl__source dcl__source;

/* Opens a file that is not empty. DCL_EIO with a sentence of its own for a missing file, a folder, and a
 * file that may not be read; DCL_EFORMAT for an empty file or broken gzip. */
dcl_status dcl__source_open(const char *file, dcl__source **source, dcl_error *error);
/* Bytes in memory, which are not decompressed and must stay until the source is closed; at least one. */
dcl_status dcl__source_open_memory(const void *bytes, size_t size, dcl__source **source, dcl_error *error);
void dcl__source_close(dcl__source *source);

/* Points *bytes to the next *size bytes without consuming them; *size is 0 at the end of the file only.
 * The first view holds the first 64 KiB, or all of a smaller file. Valid until the next call. */
dcl_status dcl__source_view(dcl__source *source, const unsigned char **bytes, size_t *size,
                            dcl_error *error);
/* Consumes `size` bytes, at most what the last view held. */
void dcl__source_skip(dcl__source *source, size_t size);

/* Copies and consumes exactly `size` bytes; a file that ends before is refused as truncated. */
dcl_status dcl__source_read(dcl__source *source, void *to, size_t size, dcl_error *error);

/* Refuses the file when it cannot hold `bytes` more bytes: exactly so for a plain file; for a gzip file by
 * the best ratio that deflate can reach. Pipes pass. To be called before memory is allocated. */
dcl_status dcl__source_require(const dcl__source *source, int64_t bytes, dcl_error *error);

/* Refuses the file when more than `bytes` bytes follow; says how many are too many. Where the end is not
 * known in advance (gzip, pipes) it looks only a few bytes ahead, so it is repeated with 0 bytes left. */
dcl_status dcl__source_limit(dcl__source *source, int64_t bytes, dcl_error *error);

#endif
