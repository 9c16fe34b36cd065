/* text.h: lines and numbers of text files, for the formats that are text.
 *
 * Numbers are read alike in every locale: while lines are open, the calling thread works in the "C"
 * locale. Messages name no file; the caller puts it before them.
 */
#ifndef DCL__TEXT_H
#define DCL__TEXT_H

#include <locale.h>

#include "formats/source.h"

typedef struct dcl__lines {
    dcl__source *source;
    char *text;                  /* the line, without its end, NUL-terminated                        */
    int64_t number;              /* of the line, from 1                                              */
    size_t length, capacity;
    locale_t plain, outer;
} dcl__lines;

/* Begins at the first line, after a byte order mark of UTF-8. Call dcl__lines_close after success, in the
 * same thread. */
dcl_status dcl__lines_open(dcl__lines *lines, dcl__source *source, dcl_error *error);
void dcl__lines_close(dcl__lines *lines);

/* Reads the next line, which may end with LF or CR LF; *more becomes 0 when there is none. A zero byte is
 * refused, because the file is not text then. */
dcl_status dcl__lines_next(dcl__lines *lines, int *more, dcl_error *error);

/* Writes the number that the text from `begin` up to `end` spells and returns 1; returns 0 for anything
 * else. Decimal numbers, "nan", "NA", "inf" and "infinity" in any case, each with an optional sign. What
 * is beyond the range of a double becomes infinite or zero. The byte at `end` must be readable. */
int dcl__number_parse(const char *begin, const char *end, double *number);

/* Whether the text is a number or begins as one, like "4,5": with a digit, behind a sign and a point or not. */
int dcl__number_resembled(const char *begin, const char *end);

/* Copies the text from `begin` up to `end` for a message: control characters replaced, long text cut. */
enum { DCL__EXCERPT = 48 };
const char *dcl__excerpt(const char *begin, const char *end, char excerpt[DCL__EXCERPT]);

/* Keeps a header for a message, which also says where the first column is left out as an index. */
enum { DCL__HEADER = DCL__EXCERPT + 64 };
void dcl__keep_header(const char *line, int indexed, char header[DCL__HEADER]);

#endif
