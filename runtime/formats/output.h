/* output.h: files that appear complete or not at all, and folders for them.
 *
 *     dcl__output output;
 *     status = dcl__output_open("report.json", &output, error);
 *     if (status)
 *         return status;
 *     fprintf(output.stream, ...);
 *     return dcl__output_commit(&output, error);
 *
 * The text goes to a temporary file in the same folder, which takes the final name in commit. Writers need
 * not check each fprintf to the stream: commit fails when one of them failed. What exists under the final
 * name is kept until then, and kept for good after a failure. A device or a pipe (/dev/stdout) is written
 * directly; a symbolic link is replaced. Functions may be called from any thread, at once for different
 * outputs. Messages begin with the final path.
 */
#ifndef DCL__OUTPUT_H
#define DCL__OUTPUT_H

#include <stdio.h>

#include "core/error.h"

typedef struct dcl__output {
    FILE *stream;
    char *path;                  /* final name                                                       */
    char *temporary;             /* name until then; NULL: written directly                          */
    int failure;                 /* error number of the first dcl__output_write that failed          */
} dcl__output;

/* DCL_EIO when the file cannot be created. After success, call commit or discard once. */
dcl_status dcl__output_open(const char *path, dcl__output *output, dcl_error *error);

/* Writes `bytes` bytes; a failure is kept for commit to report. For data larger than the stream's buffer,
 * whose failure fprintf and fwrite would let commit know of, but not its reason. */
void dcl__output_write(dcl__output *output, const void *data, size_t bytes);

/* Writes everything to the disk and gives the file its final name. On failure (DCL_EIO) nothing remains.
 * Either way the output is closed. */
dcl_status dcl__output_commit(dcl__output *output, dcl_error *error);

/* Closes the output; nothing remains of it. */
void dcl__output_discard(dcl__output *output);

/* Creates the folder and those above it where they are missing; it must be writable. */
dcl_status dcl__folder_create(const char *path, dcl_error *error);

#endif
