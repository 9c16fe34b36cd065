/* npy.c: reading and writing NumPy's .npy format. */
#include "formats/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/binary.h"
#include "formats/output.h"

static const char mark[] = "\x93NUMPY";
enum { MARK_SIZE = 6, ALIGNMENT = 64, WORD_SIZE = 32 };

/* NumPy itself writes headers of some hundred bytes, and long ones for records only. */
enum { HEADER_MOST = 1 << 20 };

static int is_npy(const unsigned char *head, size_t size)
{
    return size >= MARK_SIZE && memcmp(head, mark, MARK_SIZE) == 0;
}

/* ---- The header, a Python dictionary ---- */

static dcl_status malformed(dcl_error *error, const char *what)
{
    return dcl__fail(error, DCL_EFORMAT, "the .npy header is malformed: %s; save the array again", what);
}

static void skip_blanks(const char **at)
{
    *at += strspn(*at, " \t\r\n");
}

/* Steps over `token` and returns 1 when the text goes on with it. */
static int accept(const char **at, const char *token)
{
    skip_blanks(at);
    size_t length = strlen(token);
    if (strncmp(*at, token, length) != 0)
        return 0;
    *at += length;
    return 1;
}

/* Reads a quoted string of fewer than WORD_SIZE characters. */
static int parse_string(const char **at, char word[WORD_SIZE])
{
    skip_blanks(at);
    char quote = **at;
    if (quote != '\'' && quote != '"')
        return 0;
    const char *begin = *at + 1, *end = strchr(begin, quote);
    if (!end || end - begin >= WORD_SIZE)
        return 0;
    memcpy(word, begin, (size_t)(end - begin));
    word[end - begin] = '\0';
    *at = end + 1;
    return 1;
}

static dcl_status refuse_type(dcl_error *error, const char *type)
{
    static const struct {
        const char *letters, *name;
    } known[] = {
        {"c", "complex numbers"}, {"O", "Python objects"}, {"SUaT", "strings"}, {"V", "records"},
        {"mM", "dates or time spans"},
    };
    const char *name = "numbers of an unknown type";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (type[1] && strchr(known[i].letters, type[1]))
            name = known[i].name;
    return dcl__fail(error, DCL_EFORMAT, "the array holds %s (dtype '%s'), which are not supported; save "
                     "real numbers, for instance as float32", name, type);
}

/* Parses "<f8": byte order, kind, width. */
static dcl_status parse_type(const char **at, dcl__element *element, dcl_error *error)
{
    static const char *const widths[] = {"f248", "i1248", "u1248", "b1"};
    char type[WORD_SIZE];
    if (accept(at, "["))
        return dcl__fail(error, DCL_EFORMAT, "the array holds records (a structured dtype), which are not "
                         "supported; save each field as an array of its own");
    if (!parse_string(at, type))
        return malformed(error, "'descr' is not a dtype");
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        if (type[0] && strchr("<>|=", type[0]) && type[1] == widths[i][0] && type[2]
            && strchr(widths[i] + 1, type[2]) && !type[3]) {
            element->kind = type[1] == 'b' ? 'u' : type[1];
            element->width = type[2] - '0';
            element->big_endian = type[0] == '>' || (type[0] == '=' && dcl__host_is_big_endian());
            return DCL_OK;
        }
    }
    return refuse_type(error, type);
}

static dcl_status parse_order(const char **at, int *fortran_order, dcl_error *error)
{
    *fortran_order = accept(at, "True");
    if (!*fortran_order && !accept(at, "False"))
        return malformed(error, "'fortran_order' is neither True nor False");
    return DCL_OK;
}

/* Parses "(3, 4)", "(3,)" or "()". */
static dcl_status parse_shape(const char **at, dcl__binary *binary, dcl_error *error)
{
    if (!accept(at, "("))
        return malformed(error, "'shape' is not a list of sizes in parentheses");
    while (!accept(at, ")")) {
        char *stop;
        skip_blanks(at);
        /* A size beyond 63 bits becomes the largest, which no file is long enough for. */
        long long size = strtoll(*at, &stop, 10);
        if (stop == *at || size < 0)
            return malformed(error, "'shape' holds something else than sizes");
        if (binary->rank == DCL_MAX_RANK)
            return dcl__fail(error, DCL_EFORMAT, "the array has more than %d dimensions; reshape it",
                             (int)DCL_MAX_RANK);
        binary->dim[binary->rank++] = size;
        /* Python 2 wrote 3L. */
        *at = stop + (*stop == 'L');
        int last = !accept(at, ",");
        skip_blanks(at);
        if (last && **at != ')')
            return malformed(error, "'shape' does not end with a parenthesis");
    }
    return DCL_OK;
}

static dcl_status parse_header(const char *at, dcl__binary *binary, dcl_error *error)
{
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    int seen[3] = {0};
    if (!accept(&at, "{"))
        return malformed(error, "it is not a dictionary");
    while (!accept(&at, "}")) {
        char key[WORD_SIZE];
        int which = 0;
        if (!parse_string(&at, key) || !accept(&at, ":"))
            return malformed(error, "a key is missing");
        while (which < 3 && strcmp(key, keys[which]) != 0)
            which++;
        if (which == 3 || seen[which]++)
            return malformed(error, "a key is unknown or repeated");
        dcl_status status = which == 0 ? parse_type(&at, &binary->element, error)
                          : which == 1 ? parse_order(&at, &binary->fortran_order, error)
                                       : parse_shape(&at, binary, error);
        if (status)
            return status;
        accept(&at, ",");
    }
    skip_blanks(&at);
    if (*at || !seen[0] || !seen[1] || !seen[2])
        return malformed(error, "it lacks 'descr', 'fortran_order' or 'shape', or more follows them");
    return DCL_OK;
}

/* ---- Reading ---- */

/* Reads mark, version and length of the header. */
static dcl_status read_preamble(dcl__source *source, uint32_t *length, dcl_error *error)
{
    const unsigned char *head;
    size_t head_size;
    dcl_status status = dcl__source_view(source, &head, &head_size, error);
    if (status)
        return status;
    if (!is_npy(head, head_size))
        return dcl__fail(error, DCL_EFORMAT, "this is not a .npy file, although its name says so: its first "
                         "bytes are not those of one; give the right file or rename it");
    unsigned char bytes[MARK_SIZE + 2], size[4] = {0};
    status = dcl__source_read(source, bytes, sizeof bytes, error);
    if (status)
        return status;
    unsigned version = bytes[MARK_SIZE];
    if (version < 1 || version > 3)
        return dcl__fail(error, DCL_EFORMAT, "version %u of .npy is not supported, only 1, 2 and 3; save the "
                         "array with another NumPy", version);
    status = dcl__source_read(source, size, version == 1 ? 2 : 4, error);
    if (status)
        return status;
    *length = (uint32_t)size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    if (*length > HEADER_MOST)
        return malformed(error, "it is too long");
    return dcl__source_require(source, *length, error);
}

static dcl_status read_header(dcl__source *source, dcl__binary *binary, dcl_error *error)
{
    uint32_t length = 0;
    dcl_status status = read_preamble(source, &length, error);
    if (status)
        return status;
    char *header = calloc(length + 1, 1);
    if (!header)
        return dcl__no_memory(error, "the .npy header", length);
    status = dcl__source_read(source, header, length, error);
    if (!status)
        status = parse_header(header, binary, error);
    free(header);
    return status;
}

static dcl_status read_npy(dcl__source *source, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    dcl__binary binary = {0};
    dcl_status status = read_header(source, &binary, error);
    return status ? status : dcl__binary_read(source, &binary, dtype, array, error);
}

const dcl__reader dcl__npy_reader = {{".npy", NULL}, is_npy, read_npy};

/* ---- Writing ---- */

size_t dcl__npy_header(const dcl__array *array, char header[512])
{
    char shape[256] = "";
    size_t used = 0, begin = MARK_SIZE + 4;
    for (uint32_t i = 0; i < array->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%" PRId64 "%s", i ? " " : "",
                                 array->dim[i], array->rank == 1 || i + 1 < array->rank ? "," : "");
    size_t end = begin + (size_t)snprintf(header + begin, 512 - begin,
                                          "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
                                          dcl__host_is_big_endian() ? '>' : '<',
                                          array->dtype == DCL_F64 ? "f8" : "f4", shape);
    size_t size = (end + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memset(header + end, ' ', size - end);
    header[size - 1] = '\n';
    memcpy(header, mark, MARK_SIZE);
    header[MARK_SIZE] = 1;
    header[MARK_SIZE + 1] = 0;
    header[MARK_SIZE + 2] = (char)((size - begin) & 255);
    header[MARK_SIZE + 3] = (char)((size - begin) >> 8);
    return size;
}

dcl_status dcl__npy_write(const char *file, const dcl__array *array, dcl_error *error)
{
    char header[512];
    int64_t count;
    dcl__output output;
    if (!dcl__shape_count(array->rank, array->dim, &count))
        return dcl__fail(error, DCL_EINVAL, "%s: the shape of the array is invalid", file);
    dcl_status status = dcl__output_open(file, &output, error);
    if (status)
        return status;
    dcl__output_write(&output, header, dcl__npy_header(array, header));
    dcl__output_write(&output, array->data, (size_t)(count * dcl__dtype_size(array->dtype)));
    return dcl__output_commit(&output, error);
}
