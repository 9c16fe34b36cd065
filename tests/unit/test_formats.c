/* test_formats.c: behaviour of the readers and writers of arrays, and of output files. */
#include <check.h>
#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/array.h"
#include "formats/npy.h"
#include "formats/output.h"

Suite *formats_suite(void);

typedef dcl_status read_function(const char *, uint32_t, dcl__array *, dcl_error *);

#define BYTES(text) text, sizeof(text) - 1
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* ---- A folder for each test, and files in it ---- */

static char folder[64];
static char path[512];

static void setup(void)
{
    strcpy(folder, "/tmp/dropcl-formats-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Removes what is in `name`, folders too, and `name` itself. */
static void remove_tree(const char *name)
{
    DIR *directory = opendir(name);
    if (!directory) {
        unlink(name);
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        char inner[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", name, entry->d_name);
        remove_tree(inner);
    }
    closedir(directory);
    rmdir(name);
}

static struct rlimit unlimited = {0, 0};

static void teardown(void)
{
    /* A limit that a test has set must not hinder what runs at the end of the process. */
    if (unlimited.rlim_max)
        setrlimit(RLIMIT_FSIZE, &unlimited);
    remove_tree(folder);
}

/* The number of entries in the test's folder. */
static int folder_entries(void)
{
    int count = -2;
    DIR *directory = opendir(folder);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *make_file(const char *name, const void *content, size_t size)
{
    FILE *stream = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_uint_eq(fwrite(content, 1, size, stream), size);
    ck_assert_int_eq(fclose(stream), 0);
    return path;
}

static const char *make_gzip(const char *name, const void *content, size_t size)
{
    gzFile stream = gzopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(stream);
    ck_assert_int_eq(gzwrite(stream, content, (unsigned)size), (int)size);
    ck_assert_int_eq(gzclose(stream), Z_OK);
    return path;
}

/* Puts version, length and header before the data; returns the size of the whole. */
static size_t npy_content(unsigned char *to, int version, const char *header, const void *data, size_t size)
{
    size_t length = strlen(header), begin = version == 1 ? 10 : 12;
    memset(to, 0, begin);
    memcpy(to, "\x93NUMPY", 6);
    to[6] = (unsigned char)version;
    to[8] = (unsigned char)(length & 255);
    to[9] = (unsigned char)(length >> 8);
    memcpy(to + begin, header, length);
    if (size)
        memcpy(to + begin + length, data, size);
    return begin + length + size;
}

static const char *make_npy(const char *name, int version, const char *header, const void *data, size_t size)
{
    unsigned char content[4096];
    return make_file(name, content, npy_content(content, version, header, data, size));
}

/* ---- What is expected of a file ---- */

/* Reads `path` as both dtypes and compares; NaN equals NaN. */
static void expect_array(uint32_t rank, const int64_t *dim, const double *values)
{
    for (uint32_t dtype = DCL_F32; dtype <= DCL_F64; dtype++) {
        dcl__array array;
        dcl_error error = {0};
        dcl_status status = dcl__array_read(path, dtype, &array, &error);
        ck_assert_msg(status == DCL_OK, "%s", error.text);
        ck_assert_uint_eq(array.dtype, dtype);
        ck_assert_uint_eq(array.rank, rank);
        int64_t count = 1, missing = 0;
        for (uint32_t i = 0; i < rank; i++) {
            ck_assert_int_eq(array.dim[i], dim[i]);
            count *= dim[i];
        }
        for (int64_t i = 0; i < count; i++) {
            double expected = dtype == DCL_F64 ? values[i] : (double)(float)values[i];
            if (isnan(expected))
                ck_assert_double_nan(dcl__array_get(&array, i));
            else
                ck_assert_double_eq(dcl__array_get(&array, i), expected);
            missing += isnan(expected) != 0;
        }
        ck_assert_int_eq(array.missing, missing);
        dcl__array_free(&array);
    }
}

#define EXPECT_MATRIX(rows, columns, ...) \
    expect_array(2, (int64_t[]){rows, columns}, (double[]){__VA_ARGS__})

/* `path` must be refused with a message that begins with it and holds `fragment`. */
static void expect_refused(read_function *read, dcl_status code, const char *fragment)
{
    dcl__array array = {.rank = 77};
    dcl_error error = {0};
    dcl_status status = read(path, DCL_F32, &array, &error);
    ck_assert_msg(status == code, "status %d instead of %d: %s", (int)status, (int)code, error.text);
    ck_assert_int_eq(error.code, code);
    ck_assert_msg(strncmp(error.text, path, strlen(path)) == 0, "%s", error.text);
    ck_assert_msg(strncmp(error.text + strlen(path), ": ", 2) == 0, "%s", error.text);
    ck_assert_msg(strstr(error.text, fragment) != NULL, "\"%s\" lacks \"%s\"", error.text, fragment);
    ck_assert_msg(array.rank == 77, "a failed read changed its output");
    ck_assert_int_eq(read(path, DCL_F32, &array, NULL), code);
}

/* ---- .npy ---- */

START_TEST(npy_round_trip_keeps_shape_and_bits)
{
    const int64_t dim[8] = {2, 3, 1, 2, 1, 1, 2, 1};
    double values[24];
    for (int i = 0; i < 24; i++)
        values[i] = i / 3.0 - 2;
    const int64_t counts[] = {1, 2, 6, 6, 12, 12, 12, 24, 24};
    uint32_t rank = (uint32_t)_i;
    for (uint32_t dtype = DCL_F32; dtype <= DCL_F64; dtype++) {
        dcl__array array;
        dcl_error error;
        ck_assert_int_eq(dcl__array_allocate(&array, dtype, rank, dim, &error), DCL_OK);
        for (int64_t i = 0; i < counts[rank]; i++) {
            dcl__array_set(&array, i, values[i]);
            values[i] = dcl__array_get(&array, i);
        }
        ck_assert_int_eq(dcl__npy_write(in_folder("a.npy"), &array, &error), DCL_OK);
        dcl__array_free(&array);
        expect_array(rank, dim, values);
    }
}
END_TEST

START_TEST(npy_writes_version_1_with_aligned_data)
{
    float data[2] = {1, 2};
    dcl__array array = {.dtype = DCL_F32, .rank = 1, .dim = {2}, .data = data};
    unsigned char content[256];
    ck_assert_int_eq(dcl__npy_write(in_folder("a.npy"), &array, NULL), DCL_OK);
    FILE *stream = fopen(path, "rb");
    size_t size = fread(content, 1, sizeof content, stream);
    fclose(stream);
    ck_assert_uint_eq(size, 128 + sizeof data);
    ck_assert_mem_eq(content, "\x93NUMPY\x01\x00\x76\x00", 10);
    const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }   ";
    ck_assert_mem_eq(content + 10, header, sizeof header - 1);
    ck_assert_int_eq(content[127], '\n');
    ck_assert_mem_eq(content + 128, "\0\0\x80\x3f\0\0\0\x40", 8);
}
END_TEST

/* Each type with three numbers in it. */
static const struct {
    const char *type, *data;
    size_t size;
    double values[3];
} npy_types[] = {
    {"<f8", BYTES("\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\xe0\x3f"), {1, -2, 0.5}},
    {">f8", BYTES("\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0\x3f\xe0\0\0\0\0\0\0"), {1, -2, 0.5}},
    {"<f4", BYTES("\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f"), {1, -2, 0.5}},
    {">f4", BYTES("\x3f\x80\0\0\xc0\0\0\0\x3f\0\0\0"), {1, -2, 0.5}},
    {"<f2", BYTES("\0\x3c\0\xc0\x01\0"), {1, -2, 5.9604644775390625e-08}},
    {">f2", BYTES("\x7c\0\xfc\0\x7e\0"), {INFINITY, -INFINITY, NAN}},
    {"|b1", BYTES("\0\1\1"), {0, 1, 1}},
    {"|i1", BYTES("\xff\x7f\x80"), {-1, 127, -128}},
    {"|u1", BYTES("\xff\x7f\x80"), {255, 127, 128}},
    {"<i2", BYTES("\xff\xff\1\0\0\x80"), {-1, 1, -32768}},
    {">i2", BYTES("\xff\xff\0\1\x80\0"), {-1, 1, -32768}},
    {"<u2", BYTES("\xff\xff\1\0\0\x80"), {65535, 1, 32768}},
    {">u2", BYTES("\xff\xff\0\1\x80\0"), {65535, 1, 32768}},
    {"<i4", BYTES("\xff\xff\xff\xff\1\0\0\0\0\0\0\x80"), {-1, 1, -2147483648.0}},
    {">i4", BYTES("\xff\xff\xff\xff\0\0\0\1\x80\0\0\0"), {-1, 1, -2147483648.0}},
    {"<u4", BYTES("\xff\xff\xff\xff\1\0\0\0\0\0\0\x80"), {4294967295.0, 1, 2147483648.0}},
    {">u4", BYTES("\xff\xff\xff\xff\0\0\0\1\x80\0\0\0"), {4294967295.0, 1, 2147483648.0}},
    {"<i8", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"), {-1, 1, -0x1p63}},
    {">i8", BYTES("\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\1\x80\0\0\0\0\0\0\0"), {-1, 1, -0x1p63}},
    {"<u8", BYTES("\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"), {2, 1, 0x1p63}},
    {">u8", BYTES("\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\x80\0\0\0\0\0\0\0"), {2, 1, 0x1p63}},
};

START_TEST(npy_reads_every_real_type)
{
    char header[128];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }\n",
             npy_types[_i].type);
    make_npy("a.npy", 1, header, npy_types[_i].data, npy_types[_i].size);
    expect_array(1, (int64_t[]){3}, npy_types[_i].values);
}
END_TEST

START_TEST(npy_reads_versions_1_to_3)
{
    make_npy("a.npy", _i, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n", "\1\2", 2);
    EXPECT_MATRIX(1, 2, 1, 2);
}
END_TEST

START_TEST(npy_reads_fortran_order)
{
    make_npy("a.npy", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }\n", "\1\2\3\4\5\6", 6);
    EXPECT_MATRIX(2, 3, 1, 3, 5, 2, 4, 6);
    make_npy("b.npy", 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }\n",
             "\1\2\3\4\5\6\7\10", 8);
    expect_array(3, (int64_t[]){2, 2, 2}, (double[]){1, 5, 3, 7, 2, 6, 4, 8});
}
END_TEST

START_TEST(npy_reads_arrays_longer_than_one_block)
{
    enum { LENGTH = 100000 };
    unsigned char *content = malloc(LENGTH + 256);
    double *values = malloc(LENGTH * sizeof *values);
    size_t begin = npy_content(content, 1, "{'descr': '|u1', 'fortran_order': True, 'shape': (100, 1000)}",
                               "", 0);
    for (int i = 0; i < LENGTH; i++) {
        content[begin + (size_t)i] = (unsigned char)(i % 251);
        values[i % 100 * 1000 + i / 100] = i % 251;
    }
    make_file("a.npy", content, begin + LENGTH);
    expect_array(2, (int64_t[]){100, 1000}, values);
    free(content);
    free(values);
}
END_TEST

START_TEST(npy_header_may_be_written_otherwise)
{
    make_npy("a.npy", 1, "{\"shape\":(2L,1L),\"fortran_order\":False,\"descr\":\"|u1\"}", "\1\2", 2);
    EXPECT_MATRIX(2, 1, 1, 2);
}
END_TEST

START_TEST(npy_is_recognised_by_content_before_name)
{
    make_npy("a.csv", 1, "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), }\n", "\1\2", 2);
    EXPECT_MATRIX(1, 2, 1, 2);
}
END_TEST

#define DESCRIBED(type) "{'descr': " type ", 'fortran_order': False, 'shape': (2, 2), }\n"
#define SHAPED(shape) "{'descr': '<f4', 'fortran_order': False, 'shape': " shape ", }\n"

/* The data are four bytes. */
static const struct {
    const char *header, *fragment;
} npy_refused[] = {
    {DESCRIBED("'<c8'"), "complex numbers (dtype '<c8'), which are not supported"},
    {DESCRIBED("'|O'"), "Python objects"},
    {DESCRIBED("'<U3'"), "strings"},
    {DESCRIBED("'|S3'"), "strings"},
    {DESCRIBED("'|V8'"), "records"},
    {DESCRIBED("'<M8[s]'"), "dates"},
    {DESCRIBED("'<f16'"), "unknown type (dtype '<f16')"},
    {DESCRIBED("''"), "unknown type"},
    {DESCRIBED("[('x', '<f4'), ('y', '<f4')]"), "structured dtype"},
    {DESCRIBED("7"), "'descr' is not a dtype"},
    {SHAPED("(2, 2)"), "announces 16 bytes of data, but the file holds only 4"},
    {SHAPED("()") " x", "more follows"},
    {SHAPED("(0, 3)"), "4 bytes too many follow"},
    {SHAPED("(1000000000, 1000000000)"), "announces 4000000000000000000 bytes"},
    {SHAPED("(4294967296, 4294967296)"), "the shape 4294967296x4294967296, too large"},
    {SHAPED("(0, 4294967296, 4294967296)"), "too large"},
    {SHAPED("(99999999999999999999, 1)"), "too large"},
    {SHAPED("(-1, 2)"), "'shape' holds something else than sizes"},
    {SHAPED("(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "more than 8 dimensions"},
    {SHAPED("(1.5, 2)"), "parenthesis"},
    {SHAPED("[1, 2]"), "'shape' is not a list of sizes"},
    {SHAPED("(1, "), "'shape' holds something else than sizes"},
    {"{'descr': '<f4', 'fortran_order': 1, 'shape': (1,)}", "neither True nor False"},
    {"{'descr': '<f4', 'fortran_order': False}", "lacks"},
    {"{'descr': '<f4', 'descr': '<f4'}", "unknown or repeated"},
    {"{'order': '<f4'}", "unknown or repeated"},
    {"{'descr' '<f4'}", "a key is missing"},
    {"{'descr': '<f4'", "a key is missing"},
    {"", "not a dictionary"},
};

START_TEST(npy_refuses_what_it_cannot_hold)
{
    make_npy("a.npy", 1, npy_refused[_i].header, "\0\0\0\0", 4);
    expect_refused(dcl__array_read, DCL_EFORMAT, npy_refused[_i].fragment);
}
END_TEST

START_TEST(npy_refuses_a_header_cut_anywhere)
{
    unsigned char content[256];
    size_t size = npy_content(content, 1, SHAPED("(1, 2)"), "12345678", 8);
    for (size_t cut = 1; cut < size; cut++) {
        make_file("a.npy", content, cut);
        expect_refused(dcl__array_read, DCL_EFORMAT, "");
    }
    make_file("a.npy", content, size - 3);
    expect_refused(dcl__array_read, DCL_EFORMAT, "announces 8 bytes of data, but the file holds only 5");
}
END_TEST

START_TEST(npy_counts_trailing_bytes)
{
    make_npy("a.npy", 1, SHAPED("(1,)"), "1234567", 7);
    expect_refused(dcl__array_read, DCL_EFORMAT, "3 bytes too many follow");
}
END_TEST

START_TEST(npy_refuses_other_versions_and_overlong_headers)
{
    make_npy("a.npy", 4, SHAPED("(1,)"), "1234", 4);
    expect_refused(dcl__array_read, DCL_EFORMAT, "version 4 of .npy is not supported");
    make_file("b.npy", BYTES("\x93NUMPY\2\0\xff\xff\xff\xff{"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "it is too long");
}
END_TEST

START_TEST(npy_sizes_beyond_32_bits_are_exact)
{
    make_npy("a.npy", 1, SHAPED("(6000000000,)"), "", 0);
    ck_assert_int_eq(truncate(path, (off_t)24000000000), 0);
    expect_refused(dcl__array_read, DCL_EFORMAT, "announces 24000000000 bytes of data, but the file holds "
                   "only 23999999923");
}
END_TEST

/* ---- Matrices ---- */

START_TEST(matrix_read_takes_a_finite_matrix)
{
    dcl__array array;
    make_file("a.csv", BYTES("1,2\n3,4\n"));
    ck_assert_int_eq(dcl__matrix_read(path, DCL_F64, &array, NULL), DCL_OK);
    ck_assert_int_eq(array.dim[1], 2);
    ck_assert_double_eq(((double *)array.data)[3], 4);
    dcl__array_free(&array);
    ck_assert_ptr_null(array.data);
    dcl__array_free(&array);
}
END_TEST

static const struct {
    const char *shape, *fragment;
} not_matrices[] = {
    {"()", "0-D array (scalar)"},
    {"(4,)", "1-D array (4), but a matrix (2-D) is needed"},
    {"(2, 1, 2)", "3-D array (2x1x2), but a matrix (2-D) is needed"},
    {"(0, 3)", "the matrix is empty (0x3)"},
    {"(3, 0)", "the matrix is empty (3x0)"},
};

START_TEST(matrix_read_refuses_other_shapes)
{
    const size_t sizes[] = {1, 4, 4, 0, 0};
    char header[128];
    snprintf(header, sizeof header, "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }\n",
             not_matrices[_i].shape);
    make_npy("a.npy", 1, header, "1234", sizes[_i]);
    expect_refused(dcl__matrix_read, DCL_EFORMAT, not_matrices[_i].fragment);
}
END_TEST

START_TEST(matrix_read_names_the_first_entry_that_is_not_finite)
{
    make_file("a.csv", BYTES("1,2,3\n4,5,\n7,inf,-inf\n"));
    expect_refused(dcl__matrix_read, DCL_EFORMAT, "3 of 9 entries are not finite");
    expect_refused(dcl__matrix_read, DCL_EFORMAT, "the first at row 2, column 3");
}
END_TEST

START_TEST(matrix_read_names_numbers_too_large_for_the_dtype)
{
    dcl__array array;
    make_file("a.csv", BYTES("1,2\n1e300,4\n"));
    expect_refused(dcl__matrix_read, DCL_EFORMAT, "too large for f32), the first at row 2, column 1");
    ck_assert_int_eq(dcl__matrix_read(path, DCL_F64, &array, NULL), DCL_OK);
    dcl__array_free(&array);
}
END_TEST

/* ---- Files that are no arrays at all ---- */

START_TEST(missing_file_is_told)
{
    in_folder("nothing.npy");
    expect_refused(dcl__array_read, DCL_EIO, "there is no such file");
    expect_refused(dcl__matrix_read, DCL_EIO, "there is no such file");
}
END_TEST

START_TEST(folder_instead_of_file_is_told)
{
    in_folder("");
    expect_refused(dcl__array_read, DCL_EIO, "this is a folder");
}
END_TEST

START_TEST(empty_file_is_told)
{
    make_file("a.npy", "", 0);
    expect_refused(dcl__array_read, DCL_EFORMAT, "the file is empty");
    make_gzip("a.npy.gz", "", 0);
    expect_refused(dcl__array_read, DCL_EFORMAT, "the file is empty once decompressed");
}
END_TEST

START_TEST(unreadable_file_is_told)
{
    make_file("a.csv", BYTES("1,2\n"));
    ck_assert_int_eq(chmod(path, 0), 0);
    /* The super-user may read everything. */
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    expect_refused(dcl__array_read, DCL_EIO, "the file may not be read (Permission denied)");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(failed_read_is_told)
{
    /* Address 0 of a process cannot be read. */
    strcpy(path, "/proc/self/mem");
    if (access(path, R_OK) == 0)
        expect_refused(dcl__array_read, DCL_EIO, "the file cannot be read: Input/output error");
}
END_TEST

START_TEST(path_through_a_file_is_told)
{
    make_file("a.csv", BYTES("1,2\n"));
    in_folder("a.csv/b.csv");
    expect_refused(dcl__array_read, DCL_EIO, "the file cannot be opened: Not a directory");
}
END_TEST

START_TEST(unknown_format_is_told)
{
    make_file("picture", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "the format of this file is unknown; give .npy");
}
END_TEST

START_TEST(wrong_name_is_told)
{
    make_file("a.npy", BYTES("1,2\n"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "not a .npy file, although its name says so");
    make_file("a.mtx", BYTES("1,2\n"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "not a Matrix Market file, although its name says so");
    make_file("train-images-idx3-ubyte", BYTES("1,2\n"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "not an IDX file, although its name says so");
    make_file("a.CSV", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "\"?\" is not a number");
}
END_TEST

START_TEST(integer_dtypes_are_refused)
{
    dcl__array array;
    dcl_error error;
    make_file("a.csv", BYTES("1,2\n"));
    ck_assert_int_eq(dcl__array_read(path, DCL_I64, &array, &error), DCL_EINVAL);
    ck_assert_ptr_nonnull(strstr(error.text, "a.csv: arrays are read as f32 or f64"));
}
END_TEST

/* ---- gzip ---- */

START_TEST(gzip_of_every_format_is_read)
{
    unsigned char content[256];
    size_t size = npy_content(content, 1, SHAPED("(1, 2)"), "\0\0\x80\x3f\0\0\0\x40", 8);
    make_gzip("a.npy.gz", content, size);
    EXPECT_MATRIX(1, 2, 1, 2);
    make_gzip("a", content, size);
    EXPECT_MATRIX(1, 2, 1, 2);
    make_gzip("a.csv.gz", BYTES("1,2\n"));
    EXPECT_MATRIX(1, 2, 1, 2);
    make_gzip("a.mtx.gz", BYTES("%%MatrixMarket matrix array real general\n1 2\n1\n2\n"));
    EXPECT_MATRIX(1, 2, 1, 2);
    make_gzip("a-ubyte.gz", BYTES("\0\0\x08\2\0\0\0\1\0\0\0\2\1\2"));
    EXPECT_MATRIX(1, 2, 1, 2);
}
END_TEST

START_TEST(gzip_cut_anywhere_is_refused)
{
    char content[256];
    make_gzip("a.csv.gz", BYTES("1,2,3,4\n5,6,7,8\n"));
    FILE *stream = fopen(path, "rb");
    size_t size = fread(content, 1, sizeof content, stream);
    fclose(stream);
    for (size_t cut = 2; cut < size; cut++) {
        make_file("b.csv.gz", content, cut);
        expect_refused(dcl__array_read, DCL_EFORMAT, "the gzip data ends too early");
    }
}
END_TEST

START_TEST(damaged_gzip_is_refused)
{
    char content[256];
    make_gzip("a.csv.gz", BYTES("1,2,3,4\n5,6,7,8\n"));
    FILE *stream = fopen(path, "rb");
    size_t size = fread(content, 1, sizeof content, stream);
    fclose(stream);
    content[size - 6] ^= 1;
    make_file("b.csv.gz", content, size);
    expect_refused(dcl__array_read, DCL_EFORMAT, "the gzip data is damaged (incorrect data check)");
    make_file("c.csv.gz", BYTES("\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    expect_refused(dcl__array_read, DCL_EFORMAT, "the gzip data is damaged");
}
END_TEST

/* Limits the memory of the process to 128 MiB more than it has; sanitizers need too much for that. */
static void limit_memory(void)
{
#ifndef SANITIZED
    long pages = 0;
    FILE *stream = fopen("/proc/self/statm", "r");
    if (stream && fscanf(stream, "%ld", &pages) == 1) {
        rlim_t most = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + ((rlim_t)128 << 20);
        setrlimit(RLIMIT_AS, &(struct rlimit){most, most});
    }
    if (stream)
        fclose(stream);
#endif
}

START_TEST(gzip_bomb_stops_at_the_announced_shape)
{
    size_t size = (size_t)32 << 20;
    unsigned char *content = calloc(size, 1);
    npy_content(content, 1, SHAPED("(2, 2)"), "", 0);
    make_gzip("a.npy.gz", content, size);
    free(content);
    limit_memory();
    expect_refused(dcl__array_read, DCL_EFORMAT, "at least ");
    expect_refused(dcl__array_read, DCL_EFORMAT, "bytes too many follow");
}
END_TEST

START_TEST(gzip_with_too_little_data_is_refused)
{
    unsigned char content[256];
    make_gzip("a.npy.gz", content, npy_content(content, 1, SHAPED("(2, 2)"), "12345678", 8));
    expect_refused(dcl__array_read, DCL_EFORMAT, "too early; it is truncated");
    make_gzip("b.npy.gz", content, npy_content(content, 1, SHAPED("(100000, 100000)"), "12345678", 8));
    limit_memory();
    expect_refused(dcl__array_read, DCL_EFORMAT, "announces 40000000000 bytes of data, but the file "
                   "holds at most");
}
END_TEST

/* ---- Matrix Market ---- */

#define MARKET(kind) "%%MatrixMarket matrix " kind "\n% a comment\n\n"

START_TEST(market_array_is_column_by_column)
{
    make_file("a.mtx", BYTES(MARKET("array real general") "2 3\n1\n2\n% between\n3\n4.5\n-5e0\n6"));
    EXPECT_MATRIX(2, 3, 1, 3, -5, 2, 4.5, 6);
}
END_TEST

START_TEST(market_array_symmetric_lists_the_lower_triangle)
{
    make_file("a.mtx", BYTES(MARKET("array integer symmetric") "3 3\n1\n2\n3\n4\n5\n6\n"));
    EXPECT_MATRIX(3, 3, 1, 2, 3, 2, 4, 5, 3, 5, 6);
}
END_TEST

START_TEST(market_array_skew_lists_below_the_diagonal)
{
    make_file("a.mtx", BYTES(MARKET("array real skew-symmetric") "3 3\n1\n2\n3\n"));
    EXPECT_MATRIX(3, 3, 0, -1, -2, 1, 0, -3, 2, 3, 0);
    make_file("b.mtx", BYTES(MARKET("array real skew-symmetric") "1 1\n"));
    EXPECT_MATRIX(1, 1, 0);
}
END_TEST

START_TEST(market_coordinate_fills_with_zero_and_sums_duplicates)
{
    make_file("a.mtx", BYTES("%%matrixmarket MATRIX Coordinate Real General\r\n"
                             "2 3 4\r\n1 1 1.5\r\n2 3 4\r\n 1\t1  2 \r\n1 2 -1\r\n"));
    EXPECT_MATRIX(2, 3, 3.5, -1, 0, 0, 0, 4);
}
END_TEST

START_TEST(market_coordinate_knows_pattern_and_symmetry)
{
    make_file("a.mtx", BYTES(MARKET("coordinate pattern general") "2 2 2\n1 2\n2 2\n"));
    EXPECT_MATRIX(2, 2, 0, 1, 0, 1);
    make_file("b.mtx", BYTES(MARKET("coordinate integer symmetric") "2 2 2\n1 1 7\n2 1 3\n"));
    EXPECT_MATRIX(2, 2, 7, 3, 3, 0);
    make_file("c.mtx", BYTES(MARKET("coordinate real skew-symmetric") "2 2 1\n2 1 3\n"));
    EXPECT_MATRIX(2, 2, 0, -3, 3, 0);
    make_file("d.mtx", BYTES(MARKET("coordinate real general") "2 2 0\n"));
    EXPECT_MATRIX(2, 2, 0, 0, 0, 0);
}
END_TEST

static const struct {
    const char *content, *fragment;
} market_refused[] = {
    {MARKET("array complex general") "1 1\n1 0\n", "line 1: complex numbers are not supported"},
    {MARKET("coordinate complex hermitian") "1 1 1\n1 1 1 0\n", "line 1: complex numbers are not supported"},
    {MARKET("array real"), "line 1: the first line must read %%MatrixMarket matrix, then array"},
    {MARKET("array pattern general") "1 1\n", "line 1: the first line must read"},
    {MARKET("dense real general") "1 1\n", "line 1: the first line must read"},
    {"%%MatrixMarket vector array real general\n1\n1\n", "line 1: the first line must read"},
    {MARKET("array real general"), "the file ends before the line with the sizes"},
    {MARKET("array real general") "2\n", "line 4: the sizes must be two whole numbers"},
    {MARKET("array real general") "2 x\n", "line 4: the sizes must be two whole numbers"},
    {MARKET("array real general") "-2 2\n", "line 4: the sizes must be two whole numbers"},
    {MARKET("coordinate real general") "2 2\n", "line 4: the sizes must be three whole numbers"},
    {MARKET("coordinate real general") "2 2 1 1\n", "line 4: the sizes must be three whole numbers"},
    {MARKET("array real symmetric") "2 3\n", "line 4: a symmetric matrix must have as many rows as columns"},
    {MARKET("array real general") "4294967296 4294967296\n", "line 4: the matrix is too large"},
    {MARKET("array real general") "100000 100000\n1\n", "announces 19999999999 bytes of data"},
    {MARKET("coordinate real general") "2 2 9000000000000000000\n", "line 4: no file holds so many entries"},
    {MARKET("coordinate real general") "2 2 1000\n1 1 1\n", "announces 3999 bytes of data"},
    {MARKET("coordinate real general") "1000000 1000000 1\n1 1 1\n", "line 4: only 1 entries of a 1000000x"},
    {MARKET("array real general") "2 1\n1\nx\n", "line 6: one number is needed here"},
    {MARKET("array real general") "2 1\n1 2\n", "line 5: one number is needed here"},
    {MARKET("array real general") "2 1\n1\n%\n", "the file ends after 1 of 2 entries"},
    {MARKET("array real general") "2 1\n1\n2\n3\n", "line 7: more than the announced 2 entries follow"},
    {MARKET("coordinate real general") "2 2 2\n1 1 1\n% more\n", "the file ends after 1 of 2 entries"},
    {MARKET("coordinate real general") "2 2 1\n1 1 1\n1 1 1\n", "line 6: more than the announced 1 entries"},
    {MARKET("coordinate real general") "2 2 1\n1 1\n", "line 5: an entry must be a row, a column and"},
    {MARKET("coordinate pattern general") "2 2 1\n1 1 1\n", "line 5: an entry must be a row and a column"},
    {MARKET("coordinate real general") "2 2 1\n0 1 1\n", "line 5: the entry (0, 1) is outside of the 2x2"},
    {MARKET("coordinate real general") "2 2 1\n1 3 1\n", "line 5: the entry (1, 3) is outside of the 2x2"},
    {MARKET("coordinate real symmetric") "2 2 1\n1 2 1\n", "line 5: the entry is above the diagonal"},
    {MARKET("coordinate real skew-symmetric") "2 2 1\n1 1 1\n", "line 5: the diagonal of a skew"},
};

START_TEST(market_refuses_invalid_content)
{
    make_file("a.mtx", market_refused[_i].content, strlen(market_refused[_i].content));
    expect_refused(dcl__array_read, DCL_EFORMAT, market_refused[_i].fragment);
}
END_TEST

#ifndef SANITIZED
START_TEST(matrix_that_does_not_fit_into_memory_is_told)
{
    make_file("a.mtx", BYTES(MARKET("coordinate real general") "11000 11000 1\n1 1 1\n"));
    limit_memory();
    expect_refused(dcl__array_read, DCL_ENOMEM, "out of host memory: an array 11000x11000 needs 484000000");
}
END_TEST
#endif

/* ---- CSV ---- */

/* Each is the 2 x 3 table 1 2.5 -3 / 4 5e2 .6. */
static const char *const csv_same[] = {
    "1,2.5,-3\n4,5e2,.6\n",
    "1,2.5,-3\n4,5e2,.6",
    "1,2.5,-3\r\n4,5e2,.6\r\n",
    "\xEF\xBB\xBF\061,2.5,-3\n4,5e2,.6\n",
    "1;2.5;-3\n4;5e2;.6\n",
    "1\t2.5\t-3\n4\t5e2\t.6\n",
    "1 2.5 -3\n4 5e2 .6\n",
    "  1   2.5  -3  \n 4 5e2\t .6\n",
    "1, 2.5 , -3\n4 ,5E+2,\t+.6\n",
    "a,b,c\n1,2.5,-3\n4,5e2,.6\n",
    "a b c\n1 2.5 -3\n4 5e2 .6\n",
    "\"a, first\",\"b \"\"two\"\"\",\"c\"\n1,2.5,-3\n4,5e2,.6\n",
    "\"1\",\"2.5\",\" -3 \"\n\"4\" , \"5e2\",.6\n",
    "\"1\" \"2.5\" \"-3\"\n4 5e2 \".6\" \n",
    "# made by hand\n\n1,2.5,-3\n# between\n4,5e2,.6\n\n \n",
};

START_TEST(csv_variants_read_alike)
{
    make_file("a.csv", csv_same[_i], strlen(csv_same[_i]));
    EXPECT_MATRIX(2, 3, 1, 2.5, -3, 4, 500, 0.6);
    make_file("table", csv_same[_i], strlen(csv_same[_i]));
    EXPECT_MATRIX(2, 3, 1, 2.5, -3, 4, 500, 0.6);
}
END_TEST

START_TEST(csv_empty_fields_and_nan_are_missing)
{
    make_file("a.csv", BYTES("1,,NaN\nNA, ,2\n\"\",nan,3\n,,\n"));
    EXPECT_MATRIX(4, 3, 1, NAN, NAN, NAN, NAN, 2, NAN, NAN, 3, NAN, NAN, NAN);
    make_file("b.tsv", BYTES("a\tb\n1\t\n\t\n"));
    EXPECT_MATRIX(2, 2, 1, NAN, NAN, NAN);
}
END_TEST

START_TEST(csv_of_one_column_is_a_matrix)
{
    make_file("a.csv", BYTES("value\n1\nnan\n3\n"));
    EXPECT_MATRIX(3, 1, 1, NAN, 3);
    make_file("b.csv", BYTES("5"));
    EXPECT_MATRIX(1, 1, 5);
}
END_TEST

START_TEST(csv_reads_lines_longer_than_one_block)
{
    enum { FIELDS = 20000 };
    char *content = malloc(FIELDS * 8);
    double *values = malloc(2 * FIELDS * sizeof *values);
    size_t size = 0;
    for (int i = 0; i < 2 * FIELDS; i++) {
        values[i] = i % 97;
        size += (size_t)sprintf(content + size, "%d%c", i % 97, (i + 1) % FIELDS ? ',' : '\n');
    }
    make_file("a.csv", content, size);
    expect_array(2, (int64_t[]){2, FIELDS}, values);
    free(content);
    free(values);
}
END_TEST

START_TEST(csv_numbers_do_not_depend_on_the_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
    int i = 0;
    while (!setlocale(LC_ALL, names[i]))
        i++;
    char before[8], after[8];
    snprintf(before, sizeof before, "%.1f", 2.5);
    make_file("a.csv", BYTES("1.5,2.25\n"));
    EXPECT_MATRIX(1, 2, 1.5, 2.25);
    snprintf(after, sizeof after, "%.1f", 2.5);
    ck_assert_str_eq(before, after);
}
END_TEST

static const struct {
    const char *content;
    size_t size;
    const char *fragment;
} csv_refused[] = {
    {BYTES("1,2,3\n4,5\n"), "line 2 has 2 fields, but line 1 has 3"},
    {BYTES("a,b\n\n# x\n1,2,3\n"), "line 2 is blank in the middle of the table"},
    {BYTES("a,b\n1,2\n1,2,\n"), "line 3 has 3 fields, but line 1 has 2"},
    {BYTES("1,2\n3,x\n"), "line 2, column 2: \"x\" is not a number"},
    {BYTES("1,x\n3,4\n"), "line 1, column 2: \"x\" is not a number; correct it, or remove the line if it is a header"},
    {BYTES("1,5;-,5\n3;4\n"), "line 1, column 1: \"1,5\" is not a number; correct it"},
    {BYTES("a,b\n3,x\n"), "line 2, column 2: \"x\" is not a number"},
    {BYTES("1;2\n1,5;2\n"), "line 2, column 1: \"1,5\" is not a number; write numbers with a decimal point"},
    {BYTES("1,2\n0x10,2\n"), "\"0x10\" is not a number"},
    {BYTES("1,2\n1e,2\n"), "\"1e\" is not a number"},
    {BYTES("1,2\n1.2.3,2\n"), "\"1.2.3\" is not a number"},
    {BYTES("1,2\n--1,2\n"), "\"--1\" is not a number"},
    {BYTES("1,2\n-,2\n"), "\"-\" is not a number"},
    {BYTES("1,2\nnan(7),2\n"), "\"nan(7)\" is not a number"},
    {BYTES("1,2\n\x01\x1b[2J,2\n"), "\"??[2J\" is not a number"},
    {BYTES("1,2\n" "01234567890123456789012345678901234567890123456789x,2\n"),
     "\"01234567890123456789012345678901234567890123...\" is not a number"},
    {BYTES("1,2\n" "x012345678901234567890123456789012345678901\xc3\xa4\xc3\xa4\xc3\xa4,2\n"),
     "\"x012345678901234567890123456789012345678901...\" is not a number"},
    {BYTES("1,2\n\"3,4\n"), "line 2, column 1: a quote is not closed"},
    {BYTES("1,2\n\"3\"4,4\n"), "line 2, column 1: a quote is not closed on its line, or text follows"},
    {BYTES("1 2\n\"3\"4 4\n"), "line 2, column 1: a quote is not closed on its line, or text follows"},
    {BYTES("1,2\n\n3,4\n"), "line 2 is blank in the middle of the table"},
    {BYTES("1\n\n3\n"), "line 2 is blank in the middle of the table"},
    {BYTES("a,b\n"), "the table has no rows, only a header"},
    {BYTES("\n\n"), "the table has no rows; it needs"},
    {BYTES("# only a comment\n"), "the table has no rows; it needs"},
    {BYTES("1,2\n3,\0\n"), "line 2 holds a zero byte"},
};

START_TEST(csv_refuses_invalid_content)
{
    make_file("a.csv", csv_refused[_i].content, csv_refused[_i].size);
    expect_refused(dcl__array_read, DCL_EFORMAT, csv_refused[_i].fragment);
}
END_TEST

/* ---- IDX ---- */

static const struct {
    const char *content;
    size_t size;
    double values[2];
} idx_types[] = {
    {BYTES("\0\0\x08\1\0\0\0\2\xff\1"), {255, 1}},
    {BYTES("\0\0\x09\1\0\0\0\2\xff\1"), {-1, 1}},
    {BYTES("\0\0\x0b\1\0\0\0\2\xff\xfe\0\1"), {-2, 1}},
    {BYTES("\0\0\x0c\1\0\0\0\2\xff\xff\xff\xfe\0\0\0\1"), {-2, 1}},
    {BYTES("\0\0\x0d\1\0\0\0\2\xc0\0\0\0\x3f\x80\0\0"), {-2, 1}},
    {BYTES("\0\0\x0e\1\0\0\0\2\xc0\0\0\0\0\0\0\0\x3f\xf0\0\0\0\0\0\0"), {-2, 1}},
};

START_TEST(idx_reads_every_type)
{
    make_file("labels", idx_types[_i].content, idx_types[_i].size);
    expect_array(1, (int64_t[]){2}, idx_types[_i].values);
}
END_TEST

START_TEST(idx_images_become_rows)
{
    make_file("a-idx2-ubyte", BYTES("\0\0\x08\2\0\0\0\2\0\0\0\2\1\2\3\4"));
    EXPECT_MATRIX(2, 2, 1, 2, 3, 4);
    make_file("a-idx3-ubyte", BYTES("\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\3\1\2\3\4\5\6"));
    EXPECT_MATRIX(2, 3, 1, 2, 3, 4, 5, 6);
    make_file("a-idx4-ubyte", BYTES("\0\0\x08\4\0\0\0\1\0\0\0\1\0\0\0\2\0\0\0\2\1\2\3\4"));
    EXPECT_MATRIX(1, 4, 1, 2, 3, 4);
}
END_TEST

static const struct {
    const char *content;
    size_t size;
    const char *fragment;
} idx_refused[] = {
    {BYTES("\0\0\x08\2\0\0\0\2\0\0\0\2\1\2\3"), "announces 4 bytes of data, but the file holds only 3"},
    {BYTES("\0\0\x08\1\0\0\0\2\1\2\3"), "1 bytes too many follow"},
    {BYTES("\0\0\x08\2\0\0\0\2\0\0"), "the file ends after 10 bytes, too early"},
    {BYTES("\0\0\x08\x09\0\0\0\1\0\0\0\1"), "the array has 9 dimensions; at most 8"},
    {BYTES("\0\0\x08\2\xff\xff\xff\xff\xff\xff\xff\xff\1"), "too large"},
    {BYTES("\0\0\x08\4\0\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"), "too large"},
    {BYTES("\0\0\x08\3\0\0\xff\xff\0\0\xff\xff\0\0\xff\xff\1"), "announces 281462092005375 bytes of data"},
    {BYTES("\0\0\x0a\1\0\0\0\1\1"), "not an IDX file"},
    {BYTES("\0\0\x08\0\1"), "not an IDX file"},
};

START_TEST(idx_refuses_invalid_content)
{
    make_file("a.idx", idx_refused[_i].content, idx_refused[_i].size);
    expect_refused(dcl__array_read, DCL_EFORMAT, idx_refused[_i].fragment);
}
END_TEST

/* ---- Output ---- */

static void expect_content(const char *name, const char *expected)
{
    char content[64] = "";
    FILE *stream = fopen(in_folder(name), "rb");
    ck_assert_ptr_nonnull(stream);
    size_t size = fread(content, 1, sizeof content - 1, stream);
    fclose(stream);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert_str_eq(content, expected);
}

/* `status` and `error` must tell that `path` failed because of `reason`. */
static void expect_failure(dcl_status status, const dcl_error *error, const char *reason)
{
    ck_assert_int_eq(status, DCL_EIO);
    ck_assert_msg(strncmp(error->text, path, strlen(path)) == 0 && error->text[strlen(path)] == ':', "%s",
                  error->text);
    ck_assert_msg(strstr(error->text, reason) != NULL, "\"%s\" lacks \"%s\"", error->text, reason);
}

START_TEST(output_appears_on_commit_only)
{
    dcl__output output;
    dcl_error error;
    make_file("a.txt", BYTES("old"));
    umask(027);
    ck_assert_int_eq(dcl__output_open(path, &output, &error), DCL_OK);
    fputs("new", output.stream);
    fflush(output.stream);
    expect_content("a.txt", "old");
    ck_assert_int_eq(dcl__output_commit(&output, &error), DCL_OK);
    expect_content("a.txt", "new");
    struct stat about;
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(about.st_mode & 0777, 0640);
    ck_assert_int_eq(folder_entries(), 1);
}
END_TEST

START_TEST(discarded_output_leaves_nothing)
{
    dcl__output output;
    dcl_error error;
    ck_assert_int_eq(dcl__output_open(in_folder("a.txt"), &output, &error), DCL_OK);
    fputs("text", output.stream);
    ck_assert_int_eq(folder_entries(), 1);
    dcl__output_discard(&output);
    ck_assert_int_eq(folder_entries(), 0);
}
END_TEST

START_TEST(two_outputs_to_one_name_do_not_mix)
{
    dcl__output first, second;
    ck_assert_int_eq(dcl__output_open(in_folder("a.txt"), &first, NULL), DCL_OK);
    ck_assert_int_eq(dcl__output_open(in_folder("a.txt"), &second, NULL), DCL_OK);
    fputs("first", first.stream);
    fputs("second", second.stream);
    ck_assert_int_eq(dcl__output_commit(&first, NULL), DCL_OK);
    expect_content("a.txt", "first");
    ck_assert_int_eq(dcl__output_commit(&second, NULL), DCL_OK);
    expect_content("a.txt", "second");
}
END_TEST

/* Lets every write beyond `bytes` bytes of a file fail, as on a full disk. */
static void limit_files(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &unlimited);
    struct rlimit limit = {bytes, unlimited.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* How much text is written, so that it fails in the last flush, or in the middle. */
static const int text_lines[] = {10, 100000};

START_TEST(failed_write_leaves_the_old_file_alone)
{
    dcl__output output;
    dcl_error error;
    make_file("a.txt", BYTES("old"));
    limit_files(20);
    ck_assert_int_eq(dcl__output_open(path, &output, &error), DCL_OK);
    for (int i = 0; i < text_lines[_i]; i++)
        fprintf(output.stream, "line %d\n", i);
    expect_failure(dcl__output_commit(&output, &error), &error, "cannot be written (File too large)");
    expect_content("a.txt", "old");
    ck_assert_int_eq(folder_entries(), 1);
}
END_TEST

START_TEST(failed_npy_write_leaves_nothing)
{
    dcl__array array;
    dcl_error error;
    ck_assert_int_eq(dcl__array_allocate(&array, DCL_F32, 2, (int64_t[]){300, 300}, &error), DCL_OK);
    limit_files(_i ? 100 : 5000);
    expect_failure(dcl__npy_write(in_folder("a.npy"), &array, &error), &error,
                   "cannot be written (File too large)");
    ck_assert_int_eq(folder_entries(), 0);
    dcl__array_free(&array);
}
END_TEST

START_TEST(full_disk_is_named)
{
    dcl__array array;
    dcl_error error;
    if (access("/dev/full", W_OK) != 0)
        return;
    strcpy(path, "/dev/full");
    ck_assert_int_eq(dcl__array_allocate(&array, DCL_F32, 2, (int64_t[]){300, 300}, &error), DCL_OK);
    expect_failure(dcl__npy_write(path, &array, &error), &error, "No space left on device");
    ck_assert_int_eq(access("/dev/full", W_OK), 0);
    dcl__array_free(&array);
}
END_TEST

START_TEST(output_without_its_folder_fails)
{
    dcl__output output;
    dcl_error error;
    expect_failure(dcl__output_open(in_folder("missing/a.txt"), &output, &error), &error,
                   "cannot be written (No such file or directory)");
}
END_TEST

START_TEST(output_over_a_folder_fails)
{
    dcl__output output;
    dcl_error error;
    expect_failure(dcl__output_open(in_folder(""), &output, &error), &error, "this is a folder");
}
END_TEST

START_TEST(output_into_an_unwritable_folder_fails)
{
    dcl__output output;
    dcl_error error;
    ck_assert_int_eq(chmod(folder, 0555), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    expect_failure(dcl__output_open(in_folder("a.txt"), &output, &error), &error,
                   "cannot be written (Permission denied)");
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0), 0);
    ck_assert_int_eq(chmod(folder, 0755), 0);
}
END_TEST

START_TEST(output_whose_name_became_a_folder_fails)
{
    dcl__output output;
    dcl_error error;
    ck_assert_int_eq(dcl__output_open(in_folder("a.txt"), &output, &error), DCL_OK);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    expect_failure(dcl__output_commit(&output, &error), &error, "Is a directory");
    ck_assert_int_eq(folder_entries(), 1);
}
END_TEST

START_TEST(folders_are_created_with_those_above)
{
    dcl_error error;
    struct stat about;
    const char *const names[] = {"a/b/c", "a/b/c", "a/b/d/", "a//e"};
    for (int i = 0; i < ROWS(names); i++) {
        ck_assert_int_eq(dcl__folder_create(in_folder(names[i]), &error), DCL_OK);
        ck_assert_int_eq(stat(path, &about), 0);
        ck_assert(S_ISDIR(about.st_mode));
    }
    ck_assert_int_eq(dcl__folder_create(".", &error), DCL_OK);
    ck_assert_int_eq(dcl__folder_create("/", &error), DCL_OK);
}
END_TEST

START_TEST(folder_over_a_file_fails)
{
    dcl_error error;
    make_file("a", BYTES("text"));
    expect_failure(dcl__folder_create(path, &error), &error, "the folder cannot be created (File exists)");
    ck_assert_int_eq(dcl__folder_create(in_folder("a/b"), &error), DCL_EIO);
    ck_assert_int_eq(dcl__folder_create("", &error), DCL_EIO);
}
END_TEST

/* ---- The suite ---- */

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    suite_add_tcase(suite, tests);
    return tests;
}

static void add_npy(Suite *suite)
{
    TCase *tests = add_case(suite, "npy");
    tcase_add_loop_test(tests, npy_round_trip_keeps_shape_and_bits, 0, DCL_MAX_RANK + 1);
    tcase_add_test(tests, npy_writes_version_1_with_aligned_data);
    tcase_add_loop_test(tests, npy_reads_every_real_type, 0, ROWS(npy_types));
    tcase_add_loop_test(tests, npy_reads_versions_1_to_3, 1, 4);
    tcase_add_test(tests, npy_reads_fortran_order);
    tcase_add_test(tests, npy_reads_arrays_longer_than_one_block);
    tcase_add_test(tests, npy_header_may_be_written_otherwise);
    tcase_add_test(tests, npy_is_recognised_by_content_before_name);
    tcase_add_loop_test(tests, npy_refuses_what_it_cannot_hold, 0, ROWS(npy_refused));
    tcase_add_test(tests, npy_refuses_a_header_cut_anywhere);
    tcase_add_test(tests, npy_counts_trailing_bytes);
    tcase_add_test(tests, npy_refuses_other_versions_and_overlong_headers);
    tcase_add_test(tests, npy_sizes_beyond_32_bits_are_exact);
}

static void add_matrix_and_files(Suite *suite)
{
    TCase *tests = add_case(suite, "matrix");
    tcase_add_test(tests, matrix_read_takes_a_finite_matrix);
    tcase_add_loop_test(tests, matrix_read_refuses_other_shapes, 0, ROWS(not_matrices));
    tcase_add_test(tests, matrix_read_names_the_first_entry_that_is_not_finite);
    tcase_add_test(tests, matrix_read_names_numbers_too_large_for_the_dtype);
    tests = add_case(suite, "files");
    tcase_add_test(tests, missing_file_is_told);
    tcase_add_test(tests, folder_instead_of_file_is_told);
    tcase_add_test(tests, empty_file_is_told);
    tcase_add_test(tests, unreadable_file_is_told);
    tcase_add_test(tests, failed_read_is_told);
    tcase_add_test(tests, path_through_a_file_is_told);
    tcase_add_test(tests, unknown_format_is_told);
    tcase_add_test(tests, wrong_name_is_told);
    tcase_add_test(tests, integer_dtypes_are_refused);
}

static void add_gzip(Suite *suite)
{
    TCase *tests = add_case(suite, "gzip");
    tcase_add_test(tests, gzip_of_every_format_is_read);
    tcase_add_test(tests, gzip_cut_anywhere_is_refused);
    tcase_add_test(tests, damaged_gzip_is_refused);
    tcase_add_test(tests, gzip_bomb_stops_at_the_announced_shape);
    tcase_add_test(tests, gzip_with_too_little_data_is_refused);
}

static void add_market(Suite *suite)
{
    TCase *tests = add_case(suite, "matrix market");
    tcase_add_test(tests, market_array_is_column_by_column);
    tcase_add_test(tests, market_array_symmetric_lists_the_lower_triangle);
    tcase_add_test(tests, market_array_skew_lists_below_the_diagonal);
    tcase_add_test(tests, market_coordinate_fills_with_zero_and_sums_duplicates);
    tcase_add_test(tests, market_coordinate_knows_pattern_and_symmetry);
    tcase_add_loop_test(tests, market_refuses_invalid_content, 0, ROWS(market_refused));
#ifndef SANITIZED
    tcase_add_test(tests, matrix_that_does_not_fit_into_memory_is_told);
#endif
}

static void add_csv_and_idx(Suite *suite)
{
    TCase *tests = add_case(suite, "csv");
    tcase_add_loop_test(tests, csv_variants_read_alike, 0, ROWS(csv_same));
    tcase_add_test(tests, csv_empty_fields_and_nan_are_missing);
    tcase_add_test(tests, csv_of_one_column_is_a_matrix);
    tcase_add_test(tests, csv_reads_lines_longer_than_one_block);
    tcase_add_test(tests, csv_numbers_do_not_depend_on_the_locale);
    tcase_add_loop_test(tests, csv_refuses_invalid_content, 0, ROWS(csv_refused));
    tests = add_case(suite, "idx");
    tcase_add_loop_test(tests, idx_reads_every_type, 0, ROWS(idx_types));
    tcase_add_test(tests, idx_images_become_rows);
    tcase_add_loop_test(tests, idx_refuses_invalid_content, 0, ROWS(idx_refused));
}

static void add_output(Suite *suite)
{
    TCase *tests = add_case(suite, "output");
    tcase_add_test(tests, output_appears_on_commit_only);
    tcase_add_test(tests, discarded_output_leaves_nothing);
    tcase_add_test(tests, two_outputs_to_one_name_do_not_mix);
    tcase_add_loop_test(tests, failed_write_leaves_the_old_file_alone, 0, ROWS(text_lines));
    tcase_add_loop_test(tests, failed_npy_write_leaves_nothing, 0, 2);
    tcase_add_test(tests, full_disk_is_named);
    tcase_add_test(tests, output_without_its_folder_fails);
    tcase_add_test(tests, output_over_a_folder_fails);
    tcase_add_test(tests, output_into_an_unwritable_folder_fails);
    tcase_add_test(tests, output_whose_name_became_a_folder_fails);
    tcase_add_test(tests, folders_are_created_with_those_above);
    tcase_add_test(tests, folder_over_a_file_fails);
}

Suite *formats_suite(void)
{
    Suite *suite = suite_create("formats");
    add_npy(suite);
    add_matrix_and_files(suite);
    add_gzip(suite);
    add_market(suite);
    add_csv_and_idx(suite);
    add_output(suite);
    return suite;
}
