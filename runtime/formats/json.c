/* json.c: JSON files, and members of JSON objects with messages about what is wrong with them. */
#include "formats/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/output.h"
#include "formats/source.h"

/* ---- Reading files ---- */

/* A graph of thousands of nodes takes about 1 MiB. Parsed JSON takes up to fifty times its text. */
enum { FILE_MOST = 16 << 20 };

typedef struct input {
    dcl__source *source;
    size_t bytes;                /* so far                                                           */
    dcl_status status;
    dcl_error *error;
} input;

/* For json_load_callback: the next bytes, or (size_t)-1 after a failure. */
static size_t next_bytes(void *buffer, size_t room, void *data)
{
    input *in = data;
    const unsigned char *bytes;
    size_t size;
    in->status = dcl__source_view(in->source, &bytes, &size, in->error);
    if (in->status)
        return (size_t)-1;
    size = size < room ? size : room;
    in->bytes += size;
    if (in->bytes > FILE_MOST) {
        in->status = dcl__fail(in->error, DCL_EFORMAT, "the file is larger than %d MiB, which no file of "
                               "this format needs; give the right file", FILE_MOST >> 20);
        return (size_t)-1;
    }
    memcpy(buffer, bytes, size);
    dcl__source_skip(in->source, size);
    return size;
}

static dcl_status check_format(const json_t *object, const char *format, dcl_error *error)
{
    const char *found = json_string_value(json_object_get(object, "format"));
    if (!found)
        return dcl__fail(error, DCL_EFORMAT, "the file does not begin with {\"format\": \"%s\", so it is of "
                         "another kind; give the right file", format);
    if (strcmp(found, format) != 0)
        return dcl__fail(error, DCL_EFORMAT, "the file is of format '%s', but '%s' is needed; give the right "
                         "file, or use the version of dropcl that wrote it", found, format);
    return DCL_OK;
}

static dcl_status parse(dcl__source *source, const char *format, json_t **object, dcl_error *error)
{
    json_error_t about;
    input in = {.source = source, .error = error};
    json_t *parsed = json_load_callback(next_bytes, &in, JSON_REJECT_DUPLICATES, &about);
    dcl_status status = in.status;
    /* Jansson gives no reason when an allocation fails. */
    if (!parsed && !status && !*about.text)
        status = dcl__no_memory(error, "what is read from a file", (int64_t)in.bytes);
    if (!parsed && !status)
        status = dcl__fail(error, DCL_EFORMAT, "line %d, column %d: this is not JSON: %s", about.line,
                           about.column, about.text);
    if (!status && !json_is_object(parsed))
        status = dcl__fail(error, DCL_EFORMAT, "the file holds a list; it must hold an object, { ... }");
    if (!status && format)
        status = check_format(parsed, format, error);
    if (status)
        json_decref(parsed);
    else
        *object = parsed;
    return status;
}

dcl_status dcl__json_read(const char *file, const char *format, json_t **object, dcl_error *error)
{
    dcl__source *source;
    dcl_status status = dcl__source_open(file, &source, error);
    if (!status) {
        status = parse(source, format, object, error);
        dcl__source_close(source);
    }
    return status ? dcl__prefix(error, status, "%s", file) : DCL_OK;
}

/* ---- Writing ---- */

/* Containers up to this depth have an entry a line: the whole, and its members. */
enum { LINE_DEPTH = 2 };

/* Returns 0 when memory is out, as all these functions do. */
static int write_scalar(FILE *stream, const json_t *value)
{
    /* The fewest digits that give the same number back; 17 always do. */
    for (size_t digits = 15;; digits++) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
        json_t *again = text && digits < 17 ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        int done = !text || digits == 17 || (again && json_equal(again, value));
        if (text && done)
            fputs(text, stream);
        json_decref(again);
        free(text);
        if (done)
            return text != NULL;
    }
}

static void begin_line(FILE *stream, int depth)
{
    fprintf(stream, "\n%*s", 2 * depth, "");
}

static void begin_entry(FILE *stream, size_t i, int depth)
{
    if (i)
        fputs(depth < LINE_DEPTH ? "," : ", ", stream);
    if (depth < LINE_DEPTH)
        begin_line(stream, depth + 1);
}

static int write_value(FILE *stream, const json_t *value, int depth);

static int write_list(FILE *stream, const json_t *list, int depth)
{
    int complete = 1;
    for (size_t i = 0; i < json_array_size(list); i++) {
        begin_entry(stream, i, depth);
        complete = write_value(stream, json_array_get(list, i), depth + 1) && complete;
    }
    return complete;
}

static int write_object(FILE *stream, const json_t *object, int depth)
{
    const char *key;
    json_t *value;
    size_t i = 0;
    int complete = 1;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        json_t *name = json_string(key);
        begin_entry(stream, i++, depth);
        complete = name && write_scalar(stream, name) && complete;
        fputs(": ", stream);
        complete = write_value(stream, value, depth + 1) && complete;
        json_decref(name);
    }
    return complete;
}

static int write_value(FILE *stream, const json_t *value, int depth)
{
    if (!json_is_array(value) && !json_is_object(value))
        return write_scalar(stream, value);
    int is_list = json_is_array(value);
    size_t count = is_list ? json_array_size(value) : json_object_size(value);
    fputc(is_list ? '[' : '{', stream);
    int complete = is_list ? write_list(stream, value, depth) : write_object(stream, value, depth);
    if (count && depth < LINE_DEPTH)
        begin_line(stream, depth);
    fputc(is_list ? ']' : '}', stream);
    return complete;
}

char *dcl__json_text(const json_t *value)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    int complete = stream && write_value(stream, value, LINE_DEPTH);
    if (stream && fclose(stream) == 0 && complete)
        return text;
    free(text);
    return NULL;
}

dcl_status dcl__json_write(const char *file, const json_t *object, dcl_error *error)
{
    dcl__output output;
    dcl_status status = object ? dcl__output_open(file, &output, error) : DCL_OK;
    if (status)
        return status;
    if (object && write_value(output.stream, object, 0)) {
        fputc('\n', output.stream);
        return dcl__output_commit(&output, error);
    }
    if (object)
        dcl__output_discard(&output);
    return dcl__fail(error, DCL_ENOMEM, "%s: the text of this file cannot be made: host memory is out, or a "
                     "name in it is not UTF-8", file);
}

/* ---- Making ---- */

json_t *dcl__json_append(json_t *list, json_t *item)
{
    if (json_array_append_new(list, item) == 0)
        return list;
    json_decref(list);
    return NULL;
}

json_t *dcl__json_put(json_t *object, const char *key, json_t *item)
{
    if (json_object_set_new(object, key, item) == 0)
        return object;
    json_decref(object);
    return NULL;
}

json_t *dcl__json_join(json_t *object, json_t *more)
{
    const int failed = json_object_update_missing(object, more) != 0;
    json_decref(more);
    if (!failed)
        return object;
    json_decref(object);
    return NULL;
}

json_t *dcl__json_from_number(double number)
{
    if (isnan(number))
        return json_string("nan");
    if (isinf(number))
        return json_string(number < 0 ? "-infinity" : "infinity");
    return json_real(number);
}

json_t *dcl__json_number_or_null(double number)
{
    return isnan(number) ? json_null() : dcl__json_from_number(number);
}

json_t *dcl__json_from_unsigned(uint64_t number)
{
    char digits[24];
    if (number <= UINT64_C(1) << 53)
        return json_integer((json_int_t)number);
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return json_string(digits);
}

json_t *dcl__json_from_numbers(const double *numbers, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        list = dcl__json_append(list, dcl__json_from_number(numbers[i]));
    return list;
}

json_t *dcl__json_from_integers(const int64_t *integers, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        list = dcl__json_append(list, json_integer(integers[i]));
    return list;
}

/* ---- Taking apart ---- */

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT: return "an object { }";
    case JSON_ARRAY: return "a list [ ]";
    case JSON_STRING: return "a text in quotes";
    case JSON_INTEGER: return "a whole number";
    case JSON_REAL: return "a number";
    case JSON_NULL: return "null";
    default: return "true or false";
    }
}

dcl_status dcl__json_check_keys(const json_t *object, const char *const *keys, dcl_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        const char *const *known = keys;
        while (*known && strcmp(*known, key) != 0)
            known++;
        if (*known)
            continue;
        char list[256];
        size_t used = 0;
        for (known = keys; *known && used < sizeof list; known++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", *known);
        return dcl__fail(error, DCL_EFORMAT, "the key '%s' is unknown; there are: %s", key, list);
    }
    return DCL_OK;
}

dcl_status dcl__json_check_type(const json_t *value, json_type type, const char *what, dcl_error *error)
{
    if (json_typeof(value) == type)
        return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "%s must be %s, not %s", what, type_name(type),
                     type_name(json_typeof(value)));
}

dcl_status dcl__json_member(const json_t *object, const char *key, json_type type, int required,
                            const json_t **member, dcl_error *error)
{
    char what[64];
    *member = json_object_get(object, key);
    if (!*member && required)
        return dcl__fail(error, DCL_EFORMAT, "the key '%s' is missing; add it with %s as its value", key,
                         type_name(type));
    snprintf(what, sizeof what, "'%s'", key);
    return *member ? dcl__json_check_type(*member, type, what, error) : DCL_OK;
}

dcl_status dcl__json_get_string(const json_t *object, const char *key, const char **text, dcl_error *error)
{
    const json_t *member;
    dcl_status status = dcl__json_member(object, key, JSON_STRING, DCL__REQUIRED, &member, error);
    if (status)
        return status;
    if (json_string_length(member) == 0)
        return dcl__fail(error, DCL_EFORMAT, "'%s' is empty; write something there", key);
    *text = json_string_value(member);
    return DCL_OK;
}

/* The number that "infinity", "-infinity" or "nan" stands for; 0 for anything else. */
static int parse_word(const json_t *value, double *number)
{
    static const struct {
        const char *word;
        double number;
    } words[] = {{"infinity", INFINITY}, {"-infinity", -INFINITY}, {"nan", NAN}};
    for (int i = 0; json_is_string(value) && i < 3; i++) {
        if (strcmp(json_string_value(value), words[i].word) == 0) {
            *number = words[i].number;
            return 1;
        }
    }
    return 0;
}

dcl_status dcl__json_get_number(const json_t *object, const char *key, double *number, dcl_error *error)
{
    const json_t *member = json_object_get(object, key);
    if (!member || parse_word(member, number))
        return DCL_OK;
    if (!json_is_number(member))
        return dcl__fail(error, DCL_EFORMAT,
                         "'%s' must be a number, \"infinity\", \"-infinity\" or \"nan\", not %s", key,
                         type_name(json_typeof(member)));
    *number = json_number_value(member);
    return DCL_OK;
}

dcl_status dcl__json_get_unsigned(const json_t *object, const char *key, uint64_t *number, dcl_error *error)
{
    const json_t *member = json_object_get(object, key);
    const char *digits = json_string_value(member);
    if (json_is_integer(member) && json_integer_value(member) >= 0) {
        *number = (uint64_t)json_integer_value(member);
        return DCL_OK;
    }
    errno = 0;
    unsigned long long parsed = digits ? strtoull(digits, NULL, 10) : 0;
    if (member && (!digits || !*digits || digits[strspn(digits, "0123456789")] || errno))
        return dcl__fail(error, DCL_EFORMAT, "'%s' must be a whole number from 0 to 18446744073709551615, in "
                         "quotes when it is above 9223372036854775807", key);
    *number = member ? parsed : *number;
    return DCL_OK;
}

dcl_status dcl__json_get_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                                 int64_t *integer, dcl_error *error)
{
    const json_t *member;
    dcl_status status = dcl__json_member(object, key, JSON_INTEGER, DCL__OPTIONAL, &member, error);
    if (status || !member)
        return status;
    int64_t value = json_integer_value(member);
    if (value < least || value > most)
        return dcl__fail(error, DCL_EFORMAT, "'%s' is %" PRId64 "; it must be from %" PRId64 " to %" PRId64,
                         key, value,
                         least, most);
    *integer = value;
    return DCL_OK;
}

dcl_status dcl__json_get_integers(const json_t *object, const char *key, size_t most, int64_t *integers,
                                  size_t *count, dcl_error *error)
{
    const json_t *list;
    dcl_status status = dcl__json_member(object, key, JSON_ARRAY, DCL__REQUIRED, &list, error);
    if (status)
        return status;
    if (json_array_size(list) > most)
        return dcl__fail(error, DCL_EFORMAT, "'%s' has %zu entries; it may have at most %zu", key,
                         json_array_size(list), most);
    for (size_t i = 0; i < json_array_size(list); i++) {
        char what[96];
        const json_t *entry = json_array_get(list, i);
        snprintf(what, sizeof what, "entry %zu of '%.60s'", i + 1, key);
        status = dcl__json_check_type(entry, JSON_INTEGER, what, error);
        if (status)
            return status;
        integers[i] = json_integer_value(entry);
    }
    *count = json_array_size(list);
    return DCL_OK;
}
