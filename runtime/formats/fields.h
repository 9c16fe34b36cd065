/* fields.h: the fields of a line of a table: what separates them, blanks and quotes around them. */
#ifndef DCL__FIELDS_H
#define DCL__FIELDS_H

#include <stdio.h>

/* What separates the fields of a line: the first of tab, semicolon and comma that stands outside of quotes, else
 * blanks. */
char dcl__find_separator(const char *line);

/* Where the first field of a line begins; *at == '\0' there: the line is blank. */
const char *dcl__skip_blanks(const char *at, char separator);

/* Sets [*begin, *end) to the text of the field at `at`, without blanks and quotes around it. Returns where
 * the field ends, or NULL when a quote is not closed or is followed by text. */
const char *dcl__find_field(const char *at, char separator, const char **begin, const char **end);

/* Where the next field begins, given the end of one; NULL when that was the last. */
const char *dcl__next_field(const char *end, char separator);

/* Writes a text as a field within quotes, those that are part of it doubled. */
void dcl__write_field(FILE *stream, const char *text);

#endif
