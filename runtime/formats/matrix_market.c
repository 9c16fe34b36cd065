/* matrix_market.c: reading the Matrix Market exchange format. */
#include "formats/matrix_market.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/text.h"

static const char mark[] = "%%MatrixMarket";

enum { GENERAL, SYMMETRIC, SKEW };

/* A dense array of up to this many entries is made however few are listed; a larger one, which a tiny file
 * can ask for, needs at least one listed entry in SPARSEST. */
static const int64_t always_dense = (int64_t)1 << 27;
enum { SPARSEST = 1024 };

typedef struct market {
    dcl__lines lines;
    dcl__array *array;           /* where the entries go: a dense array, or                          */
    dcl__triples *triples;       /* a list of those that are there                                   */
    int coordinate, pattern, symmetry;
    int64_t rows, columns;
    int64_t entries;             /* number of entries in the file                                    */
} market;

static int is_matrix_market(const unsigned char *head, size_t size)
{
    return size >= strlen(mark) && strncasecmp((const char *)head, mark, strlen(mark)) == 0;
}

static dcl_status fail_line(const market *market, dcl_error *error, const char *what)
{
    return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": %s", market->lines.number, what);
}

/* Finds the next word of the line; returns 0 at its end. *at moves behind the word. */
static int next_word(const char **at, const char **begin)
{
    *begin = *at + strspn(*at, " \t\r");
    *at = *begin + strcspn(*begin, " \t\r");
    return *at > *begin;
}

/* Reads the next word of the line as one of `choices`; its index, or -1. */
static int next_choice(const char **at, const char *const *choices)
{
    const char *begin;
    next_word(at, &begin);
    size_t length = (size_t)(*at - begin);
    for (int i = 0; choices[i]; i++)
        if (strlen(choices[i]) == length && strncasecmp(choices[i], begin, length) == 0)
            return i;
    return -1;
}

static int next_integer(const char **at, int64_t *integer)
{
    const char *begin;
    char *stop;
    if (!next_word(at, &begin))
        return 0;
    long long parsed = strtoll(begin, &stop, 10);
    *integer = parsed;
    return stop == *at;
}

static int next_number(const char **at, double *number)
{
    const char *begin;
    return next_word(at, &begin) && dcl__number_parse(begin, *at, number);
}

static int line_ends(const char *at)
{
    const char *begin;
    return !next_word(&at, &begin);
}

static dcl_status read_banner(market *market, dcl_error *error)
{
    static const char *const objects[] = {"matrix", NULL};
    static const char *const layouts[] = {"array", "coordinate", NULL};
    static const char *const fields[] = {"real", "double", "integer", "pattern", "complex", NULL};
    static const char *const symmetries[] = {"general", "symmetric", "skew-symmetric", "hermitian", NULL};
    const char *at = market->lines.text + strlen(mark);
    int object = next_choice(&at, objects);
    int layout = next_choice(&at, layouts);
    int field = next_choice(&at, fields);
    market->symmetry = next_choice(&at, symmetries);
    market->coordinate = layout == 1;
    market->pattern = field == 3;
    if (field == 4 || market->symmetry == 3)
        return fail_line(market, error, "complex numbers are not supported; save the real part, or real and "
                         "imaginary part side by side");
    if (object < 0 || layout < 0 || field < 0 || market->symmetry < 0
        || (market->pattern && (!market->coordinate || market->symmetry == SKEW)))
        return fail_line(market, error, "the first line must read %%MatrixMarket matrix, then array or "
                         "coordinate, then real, integer or (for coordinate) pattern, then general, "
                         "symmetric or skew-symmetric");
    return DCL_OK;
}

/* Goes to the next line that is neither blank nor a comment. */
static dcl_status next_line(market *market, int *more, dcl_error *error)
{
    dcl_status status;
    do {
        status = dcl__lines_next(&market->lines, more, error);
    } while (!status && *more && (*market->lines.text == '%' || line_ends(market->lines.text)));
    return status;
}

/* The number of entries that an array file lists. */
static int64_t listed_entries(const market *market)
{
    int64_t order = market->rows;
    if (market->symmetry == GENERAL)
        return market->rows * market->columns;
    return market->symmetry == SYMMETRIC ? order * (order + 1) / 2 : order * (order - 1) / 2;
}

static dcl_status parse_sizes(market *market, dcl_error *error)
{
    const char *at = market->lines.text;
    int64_t count;
    int complete = next_integer(&at, &market->rows) && next_integer(&at, &market->columns)
                && (!market->coordinate || next_integer(&at, &market->entries));
    if (!complete || !line_ends(at) || market->rows < 0 || market->columns < 0 || market->entries < 0)
        return fail_line(market, error, market->coordinate
                         ? "the sizes must be three whole numbers: rows, columns and listed entries"
                         : "the sizes must be two whole numbers: rows and columns");
    if (!dcl__shape_count(2, (int64_t[]){market->rows, market->columns}, &count))
        return fail_line(market, error, "the matrix is too large for any memory; correct the sizes");
    if (market->symmetry != GENERAL && market->rows != market->columns)
        return fail_line(market, error, "a symmetric matrix must have as many rows as columns");
    if (!market->coordinate)
        market->entries = listed_entries(market);
    return DCL_OK;
}

/* Allocates the array once the file can be long enough for its entries. */
static dcl_status allocate(market *market, uint32_t dtype, dcl_error *error)
{
    /* The shortest lines are "1 1" and "0", and the last line may lack its end. */
    int64_t shortest = market->coordinate ? 4 : 2;
    int64_t count = market->rows * market->columns;
    if (market->entries > INT64_MAX / shortest)
        return fail_line(market, error, "no file holds so many entries; correct the sizes");
    dcl_status status = dcl__source_require(market->lines.source, market->entries * shortest - 1, error);
    if (!status && market->triples && (market->rows > INT32_MAX || market->columns > INT32_MAX))
        return fail_line(market, error, "a matrix of known entries has at most 2^31 - 1 rows and columns");
    if (status || market->triples)
        return status;
    if (count > always_dense && count / SPARSEST > market->entries)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": only %" PRId64 " entries of a %" PRId64 "x%"
                         PRId64 " matrix are listed, and a dense array of this size is needed; pick fewer "
                         "rows and columns", market->lines.number, market->entries, market->rows,
                         market->columns);
    return dcl__array_allocate(market->array, dtype, 2, (int64_t[]){market->rows, market->columns}, error);
}

static dcl_status read_sizes(market *market, uint32_t dtype, dcl_error *error)
{
    int more;
    dcl_status status = next_line(market, &more, error);
    if (status)
        return status;
    if (!more)
        return fail_line(market, error, "the file ends before the line with the sizes; it is truncated");
    status = parse_sizes(market, error);
    return status ? status : allocate(market, dtype, error);
}

static dcl_status add(market *market, int64_t row, int64_t column, double value, dcl_error *error)
{
    if (market->triples)
        return dcl__triples_add(market->triples, (dcl__triple){row, column, value, 1}, error);
    int64_t index = row * market->columns + column;
    dcl__array_set(market->array, index, dcl__array_get(market->array, index) + value);
    return DCL_OK;
}

/* Adds an entry and its mirror image; row and column count from 0. */
static dcl_status add_entry(market *market, int64_t row, int64_t column, double value, dcl_error *error)
{
    dcl_status status = add(market, row, column, value, error);
    if (status == DCL_OK && market->symmetry != GENERAL && row != column)
        status = add(market, column, row, market->symmetry == SKEW ? -value : value, error);
    return status;
}

static dcl_status check_position(const market *market, int64_t row, int64_t column, dcl_error *error)
{
    if (row < 1 || row > market->rows || column < 1 || column > market->columns)
        return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": the entry (%" PRId64 ", %" PRId64 ") is "
                         "outside of the %" PRId64 "x%" PRId64 " matrix; rows and columns count from 1",
                         market->lines.number, row, column, market->rows, market->columns);
    if (market->symmetry != GENERAL && row < column)
        return fail_line(market, error, "the entry is above the diagonal; a symmetric file lists those on "
                         "and below it only");
    if (market->symmetry == SKEW && row == column)
        return fail_line(market, error, "the diagonal of a skew-symmetric matrix is zero and not listed");
    return DCL_OK;
}

static dcl_status parse_coordinate(market *market, dcl_error *error)
{
    const char *at = market->lines.text;
    int64_t row, column;
    double value = 1;
    int complete = next_integer(&at, &row) && next_integer(&at, &column)
                && (market->pattern || next_number(&at, &value));
    if (!complete || !line_ends(at))
        return fail_line(market, error, market->pattern ? "an entry must be a row and a column"
                         : "an entry must be a row, a column and a number");
    dcl_status status = check_position(market, row, column, error);
    if (!status && market->triples && !isfinite(value))
        return isnan(value) ? DCL_OK : fail_line(market, error, "the value is infinite");
    return status ? status : add_entry(market, row - 1, column - 1, value, error);
}

/* Parses a line of an array file, whose entry is at (*row, *column), and goes on to the next position. */
static dcl_status parse_element(market *market, int64_t *row, int64_t *column, dcl_error *error)
{
    const char *at = market->lines.text;
    double value;
    if (!next_number(&at, &value) || !line_ends(at))
        return fail_line(market, error, "one number is needed here");
    dcl_status status = add_entry(market, *row, *column, value, error);
    if (++*row == market->rows) {
        ++*column;
        *row = market->symmetry == GENERAL ? 0 : *column + (market->symmetry == SKEW);
    }
    return status;
}

static dcl_status read_entries(market *market, dcl_error *error)
{
    int64_t row = market->symmetry == SKEW, column = 0;
    for (int64_t entry = 0;; entry++) {
        int more;
        dcl_status status = next_line(market, &more, error);
        if (status || (!more && entry == market->entries))
            return status;
        if (!more)
            return dcl__fail(error, DCL_EFORMAT, "the file ends after %" PRId64 " of %" PRId64 " entries; it "
                             "is truncated, or its sizes are wrong", entry, market->entries);
        if (entry == market->entries)
            return dcl__fail(error, DCL_EFORMAT, "line %" PRId64 ": more than the announced %" PRId64
                             " entries follow; correct the sizes", market->lines.number, market->entries);
        status = market->coordinate ? parse_coordinate(market, error)
                                    : parse_element(market, &row, &column, error);
        if (status)
            return status;
    }
}

static dcl_status read_market(market *market, uint32_t dtype, dcl_error *error)
{
    int more;
    dcl_status status = dcl__lines_next(&market->lines, &more, error);
    if (status)
        return status;
    if (!more || !is_matrix_market((unsigned char *)market->lines.text, market->lines.length))
        return fail_line(market, error, "this is not a Matrix Market file, although its name says so: it "
                         "does not begin with %%MatrixMarket; give the right file or rename it");
    status = read_banner(market, error);
    if (!status)
        status = read_sizes(market, dtype, error);
    return status ? status : read_entries(market, error);
}

static dcl_status read_opened(market *market, dcl__source *source, uint32_t dtype, dcl_error *error)
{
    dcl_status status = dcl__lines_open(&market->lines, source, error);
    if (status)
        return status;
    status = read_market(market, dtype, error);
    dcl__lines_close(&market->lines);
    return status;
}

static dcl_status read_matrix_market(dcl__source *source, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    market market = {.array = array};
    return read_opened(&market, source, dtype, error);
}

int dcl__is_coordinate(const unsigned char *head, size_t size)
{
    static const char object[] = "matrix", layout[] = "coordinate";
    const char *at = (const char *)head + strlen(mark);
    if (!is_matrix_market(head, size) || !memchr(head, '\n', size))
        return 0;
    at += strspn(at, " \t");
    if (strncasecmp(at, object, strlen(object)) != 0)
        return 0;
    at += strlen(object);
    return strncasecmp(at + strspn(at, " \t"), layout, strlen(layout)) == 0;
}

dcl_status dcl__read_coordinates(dcl__source *source, dcl__triples *triples, dcl_error *error)
{
    market market = {.triples = triples};
    const int64_t rows = triples->rows, columns = triples->columns;
    dcl_status status = read_opened(&market, source, DCL_F64, error);
    if (status)
        return status;
    if (rows > 0 && (market.rows > rows || market.columns > columns))
        return dcl__fail(error, DCL_EFORMAT, "the file is of a %" PRId64 " x %" PRId64 " matrix, but the matrix is %"
                         PRId64 " x %" PRId64, market.rows, market.columns, rows, columns);
    if (rows == 0) {
        triples->rows = market.rows;
        triples->columns = market.columns;
    }
    return DCL_OK;
}

const dcl__reader dcl__matrix_market_reader = {{".mtx", ".mm", NULL}, is_matrix_market, read_matrix_market};
