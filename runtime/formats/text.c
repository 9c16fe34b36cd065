/* text.c: lines and numbers of text files, for the formats that are text. */
#include "formats/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

dcl_status dcl__lines_open(dcl__lines *lines, dcl__source *source, dcl_error *error)
{
    const unsigned char *bytes;
    size_t size;
    dcl_status status = dcl__source_view(source, &bytes, &size, error);
    if (status)
        return status;
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        dcl__source_skip(source, 3);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain)
        return dcl__fail(error, DCL_ENOMEM, "out of host memory: the C locale cannot be made");
    *lines = (dcl__lines){.source = source, .plain = plain};
    lines->outer = uselocale(plain);
    return DCL_OK;
}

void dcl__lines_close(dcl__lines *lines)
{
    uselocale(lines->outer);
    freelocale(lines->plain);
    free(lines->text);
}

/* Appends to the line and terminates it. */
static dcl_status append(dcl__lines *lines, const unsigned char *bytes, size_t size, dcl_error *error)
{
    size_t need = lines->length + size + 1;
    if (need > lines->capacity) {
        size_t capacity = need + need / 2;
        char *text = realloc(lines->text, capacity);
        if (!text)
            return dcl__no_memory(error, "one line of text", (int64_t)capacity);
        lines->text = text;
        lines->capacity = capacity;
    }
    memcpy(lines->text + lines->length, bytes, size);
    lines->length += size;
    lines->text[lines->length] = '\0';
    if (memchr(bytes, '\0', size))
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 " holds a zero byte, so this is not a text file "
                         "in ASCII or UTF-8; convert it, or give it the ending of its format", lines->number);
    return DCL_OK;
}

static void strip_line_end(dcl__lines *lines)
{
    char *end = lines->text + lines->length;
    if (end > lines->text && end[-1] == '\n')
        end--;
    if (end > lines->text && end[-1] == '\r')
        end--;
    *end = '\0';
    lines->length = (size_t)(end - lines->text);
}

dcl_status dcl__lines_next(dcl__lines *lines, int *more, dcl_error *error)
{
    int complete = 0;
    lines->length = 0;
    lines->number++;
    while (!complete) {
        const unsigned char *bytes;
        size_t size;
        dcl_status status = dcl__source_view(lines->source, &bytes, &size, error);
        if (status)
            return status;
        if (!size)
            break;
        const unsigned char *line_end = memchr(bytes, '\n', size);
        if (line_end)
            size = (size_t)(line_end - bytes) + 1;
        status = append(lines, bytes, size, error);
        if (status)
            return status;
        dcl__source_skip(lines->source, size);
        complete = line_end != NULL;
    }
    *more = lines->length > 0;
    if (*more)
        strip_line_end(lines);
    return DCL_OK;
}

/* The words for what is not a finite number; `begin` is after the sign. */
static int parse_word(const char *begin, const char *end, double *number)
{
    static const char *const words[] = {"nan", "na", "inf", "infinity"};
    for (int i = 0; i < 4; i++) {
        size_t length = strlen(words[i]);
        if (length == (size_t)(end - begin) && strncasecmp(begin, words[i], length) == 0) {
            *number = i < 2 ? NAN : INFINITY;
            return 1;
        }
    }
    return 0;
}

int dcl__number_parse(const char *begin, const char *end, double *number)
{
    const char *unsigned_begin = begin + (begin < end && (*begin == '+' || *begin == '-'));
    if (parse_word(unsigned_begin, end, number)) {
        *number = *begin == '-' ? -*number : *number;
        return 1;
    }
    /* strtod also takes hexadecimal numbers and leading blanks. */
    for (const char *at = begin; at < end; at++)
        if (!strchr("0123456789+-.eE", *at))
            return 0;
    char *stop;
    double parsed = strtod(begin, &stop);
    if (begin == end || stop != end)
        return 0;
    *number = parsed;
    return 1;
}

int dcl__number_resembled(const char *begin, const char *end)
{
    double number;
    const char *at = begin;
    at += at < end && (*at == '+' || *at == '-');
    at += at < end && (*at == '.' || *at == ',');
    return (at < end && isdigit((unsigned char)*at)) || dcl__number_parse(begin, end, &number);
}

const char *dcl__excerpt(const char *begin, const char *end, char excerpt[DCL__EXCERPT])
{
    size_t length = (size_t)(end - begin), most = DCL__EXCERPT - 4;
    int cut = length > most;
    if (cut) {
        length = most;
        /* Not in the middle of a UTF-8 character. */
        while (length && ((unsigned char)begin[length] & 0xC0) == 0x80)
            length--;
    }
    for (size_t i = 0; i < length; i++)
        excerpt[i] = (unsigned char)begin[i] < 32 || begin[i] == 127 ? '?' : begin[i];
    memcpy(excerpt + length, cut ? "..." : "", cut ? 4 : 1);
    return excerpt;
}

void dcl__keep_header(const char *line, int indexed, char header[DCL__HEADER])
{
    char excerpt[DCL__EXCERPT];
    snprintf(header, DCL__HEADER, "%s%s", dcl__excerpt(line, line + strlen(line), excerpt),
             indexed ? ", and the first column, unnamed, is an index left out" : "");
}
