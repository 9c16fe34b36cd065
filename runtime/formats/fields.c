/* fields.c: the fields of a line of a table. */
#include "formats/fields.h"

#include <stddef.h>

char dcl__find_separator(const char *line)
{
    static const char separators[] = "\t;,";
    for (const char *separator = separators; *separator; separator++) {
        int quoted = 0;
        for (const char *at = line; *at; at++) {
            quoted ^= *at == '"';
            if (*at == *separator && !quoted)
                return *separator;
        }
    }
    return ' ';
}

static int is_blank(char character, char separator)
{
    return character == ' ' || (character == '\t' && separator != '\t');
}

const char *dcl__skip_blanks(const char *at, char separator)
{
    while (is_blank(*at, separator))
        at++;
    return at;
}

static int ends_field(char character, char separator)
{
    return character == '\0' || character == separator || (separator == ' ' && character == '\t');
}

const char *dcl__find_field(const char *at, char separator, const char **begin, const char **end)
{
    at = dcl__skip_blanks(at, separator);
    int quoted = *at == '"';
    at += quoted;
    *begin = dcl__skip_blanks(at, separator);
    if (quoted) {
        while (*at && (*at != '"' || at[1] == '"'))
            at += *at == '"' ? 2 : 1;
        if (!*at)
            return NULL;
    } else {
        while (!ends_field(*at, separator))
            at++;
    }
    *end = at;
    while (*end > *begin && is_blank((*end)[-1], separator))
        --*end;
    at += quoted;
    if (separator != ' ')
        at = dcl__skip_blanks(at, separator);
    if (!ends_field(*at, separator))
        return NULL;
    return separator == ' ' ? dcl__skip_blanks(at, separator) : at;
}

const char *dcl__next_field(const char *end, char separator)
{
    if (*end == '\0')
        return NULL;
    return separator == ' ' ? end : end + 1;
}

void dcl__write_field(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (const char *at = text; *at; at++) {
        if (*at == '"')
            fputc('"', stream);
        fputc(*at, stream);
    }
    fputc('"', stream);
}
