/* test_archive.c: files of named arrays: what is written is read again, and what is damaged is refused. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common.h"
#include "formats/archive.h"
#include "formats/npy.h"

Suite *archive_suite(void);

static char folder[64], path[128];

static void setup(void)
{
    make_folder(folder);
    snprintf(path, sizeof path, "%s/archive", folder);
}

static void teardown(void)
{
    remove_folder(folder);
}

typedef dcl_status write_function(const char *, const dcl__archive *, dcl_error *);
static write_function *const writers[] = {dcl__npz_write, dcl__safetensors_write};

/* A matrix, a vector, a scalar, and an array of rank 3. */
static dcl__archive example(uint32_t dtype)
{
    static const struct {
        const char *name;
        uint32_t rank;
        int64_t dim[3];
    } arrays[] = {{"layers.0.weight", 2, {3, 5}}, {"layers.0.bias", 1, {3}}, {"one", 0, {0}}, {"cube", 3, {2, 3, 4}}};
    dcl__archive archive = {0};
    dcl_error error;
    for (int i = 0; i < ROWS(arrays); i++) {
        dcl__array array = {0};
        int64_t count;
        ASSERT_OK(dcl__array_allocate(&array, dtype, arrays[i].rank, arrays[i].dim, &error));
        dcl__shape_count(array.rank, array.dim, &count);
        for (int64_t k = 0; k < count; k++)
            dcl__array_set(&array, k, 0.1 * (double)k + i);
        ASSERT_OK(dcl__archive_add(&archive, arrays[i].name, &array, &error));
    }
    return archive;
}

static void assert_equal(const dcl__archive *one, const dcl__archive *two)
{
    ck_assert_uint_eq(one->count, two->count);
    for (size_t i = 0; i < one->count; i++) {
        const dcl__array *a = &one->entries[i].array, *b = dcl__archive_find(two, one->entries[i].name);
        int64_t count;
        ck_assert_ptr_nonnull(b);
        ck_assert_uint_eq(a->rank, b->rank);
        ck_assert_int_eq(memcmp(a->dim, b->dim, a->rank * sizeof *a->dim), 0);
        dcl__shape_count(a->rank, a->dim, &count);
        for (int64_t k = 0; k < count; k++)
            ck_assert_double_eq(dcl__array_get(a, k), dcl__array_get(b, k));
    }
}

/* The bytes of the file, to be freed. */
static unsigned char *slurp(size_t *size)
{
    FILE *stream = fopen(path, "rb");
    unsigned char *bytes = malloc(1 << 16);
    *size = fread(bytes, 1, 1 << 16, stream);
    fclose(stream);
    return bytes;
}

static void spill(const void *bytes, size_t size)
{
    FILE *stream = fopen(path, "wb");
    ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
}

START_TEST(what_is_written_is_read_again)
{
    for (int w = 0; w < 2; w++)
        for (uint32_t dtype = DCL_F32; dtype <= DCL_F64; dtype++) {
            dcl__archive archive = example(dtype), read = {0};
            dcl_error error;
            ASSERT_OK(writers[w](path, &archive, &error));
            ASSERT_OK(dcl__archive_read(path, DCL_F64, &read, &error));
            assert_equal(&archive, &read);
            dcl__archive_free(&archive);
            dcl__archive_free(&read);
        }
}
END_TEST

START_TEST(the_same_arrays_give_the_same_bytes)
{
    for (int w = 0; w < 2; w++) {
        unsigned char *bytes[2];
        size_t size[2];
        for (int i = 0; i < 2; i++) {
            dcl__archive archive = example(DCL_F32);
            dcl_error error;
            ASSERT_OK(writers[w](path, &archive, &error));
            dcl__archive_free(&archive);
            bytes[i] = slurp(&size[i]);
        }
        ck_assert_uint_eq(size[0], size[1]);
        ck_assert_int_eq(memcmp(bytes[0], bytes[1], size[0]), 0);
        free(bytes[0]);
        free(bytes[1]);
    }
}
END_TEST

/* Where the first file of a .npz begins, which its checksum covers: a header and the numbers. */
enum { SUMMED = 30 + 19 };

/* Every prefix is refused or, where only trailing blanks of nothing are missing, still whole; no byte of noise makes
 * a crash. */
START_TEST(damage_is_refused)
{
    for (int w = 0; w < 2; w++) {
        dcl__archive archive = example(DCL_F32), read = {0};
        dcl_error error;
        size_t size;
        ASSERT_OK(writers[w](path, &archive, &error));
        unsigned char *bytes = slurp(&size);
        for (size_t cut = 0; cut < size; cut++) {
            spill(bytes, cut);
            ck_assert_int_eq(dcl__archive_read(path, DCL_F32, &read, &error), DCL_EFORMAT);
            ck_assert_ptr_nonnull(strstr(error.text, path));
        }
        for (size_t at = 0; at < size; at++) {
            bytes[at] ^= 0xFF;
            spill(bytes, size);
            const dcl_status status = dcl__archive_read(path, DCL_F32, &read, &error);
            ck_assert(status == DCL_OK || status == DCL_EFORMAT || status == DCL_EUNSUPPORTED);
            ck_assert(writers[w] != dcl__npz_write || at < SUMMED || at >= SUMMED + 128 + 8 || status == DCL_EFORMAT);
            if (status == DCL_OK)
                dcl__archive_free(&read);
            bytes[at] ^= 0xFF;
        }
        free(bytes);
        dcl__archive_free(&archive);
    }
}
END_TEST

START_TEST(a_wrong_checksum_is_noticed)
{
    dcl__archive archive = example(DCL_F32), read = {0};
    dcl_error error;
    size_t size;
    ASSERT_OK(dcl__npz_write(path, &archive, &error));
    unsigned char *bytes = slurp(&size);
    bytes[30 + 19 + 128 + 2] ^= 1;       /* a number of the first array */
    spill(bytes, size);
    ASSERT_FAILS(dcl__archive_read(path, DCL_F32, &read, &error), DCL_EFORMAT, "checksum");
    ck_assert_ptr_nonnull(strstr(error.text, "layers.0.weight"));
    free(bytes);
    dcl__archive_free(&archive);
}
END_TEST

static void put(unsigned char *to, uint64_t number, int width)
{
    for (int i = 0; i < width; i++)
        to[i] = (unsigned char)(number >> 8 * i);
}

/* One array, packed by deflate, its sizes in zip64 fields, as NumPy's savez_compressed writes large ones. */
static size_t make_deflated(unsigned char *file, const dcl__array *array, size_t data_size)
{
    unsigned char content[1024], packed[2048];
    const size_t header = dcl__npy_header(array, (char *)content), size = header + data_size;
    memcpy(content + header, array->data, data_size);
    z_stream stream = {.next_in = content, .avail_in = (unsigned)size, .next_out = packed, .avail_out = sizeof packed};
    ck_assert_int_eq(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    ck_assert_int_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    const size_t length = stream.total_out;
    deflateEnd(&stream);
    unsigned char *at = file;
    memset(file, 0, 4096);
    put(at, 0x04034b50, 4), put(at + 26, 5, 2);
    memcpy(at + 30, "a.npy", 5), memcpy(at + 35, packed, length);
    at += 35 + length;
    const size_t directory = (size_t)(at - file);
    put(at, 0x02014b50, 4), put(at + 10, 8, 2), put(at + 16, crc32(0, content, (unsigned)size), 4);
    put(at + 20, 0xFFFFFFFF, 4), put(at + 24, 0xFFFFFFFF, 4), put(at + 28, 5, 2), put(at + 30, 20, 2);
    memcpy(at + 46, "a.npy", 5);
    put(at + 51, 1, 2), put(at + 53, 16, 2), put(at + 55, size, 8), put(at + 63, length, 8);
    at += 71;
    const size_t end64 = (size_t)(at - file);
    put(at, 0x06064b50, 4), put(at + 4, 44, 8), put(at + 24, 1, 8), put(at + 32, 1, 8), put(at + 40, 71, 8);
    put(at + 48, directory, 8);
    at += 56;
    put(at, 0x07064b50, 4), put(at + 8, end64, 8), put(at + 16, 1, 4);
    at += 20;
    put(at, 0x06054b50, 4), put(at + 8, 0xFFFF, 2), put(at + 10, 0xFFFF, 2), put(at + 16, 0xFFFFFFFF, 4);
    return (size_t)(at + 22 - file);
}

START_TEST(deflate_and_zip64_are_read)
{
    unsigned char file[4096];
    dcl__array array = {0};
    dcl__archive read = {0};
    dcl_error error;
    ASSERT_OK(dcl__array_allocate(&array, DCL_F64, 2, (int64_t[]){4, 5}, &error));
    for (int64_t k = 0; k < 20; k++)
        dcl__array_set(&array, k, (double)k / 3);
    spill(file, make_deflated(file, &array, 20 * sizeof(double)));
    ASSERT_OK(dcl__archive_read(path, DCL_F64, &read, &error));
    ck_assert_uint_eq(read.count, 1);
    ck_assert_str_eq(read.entries[0].name, "a");
    ck_assert_int_eq(memcmp(read.entries[0].array.data, array.data, 20 * sizeof(double)), 0);
    dcl__archive_free(&read);
    dcl__array_free(&array);
}
END_TEST

/* ---- .safetensors ---- */

static dcl_status read_safetensors(const char *header, const void *data, size_t size, dcl__archive *read,
                                   dcl_error *error)
{
    unsigned char file[1024];
    const size_t length = strlen(header);
    put(file, length, 8);
    memcpy(file + 8, header, length);
    if (size)
        memcpy(file + 8 + length, data, size);
    spill(file, 8 + length + size);
    return dcl__archive_read(path, DCL_F64, read, error);
}

START_TEST(every_float_of_safetensors_is_read)
{
    const struct {
        const char *type;
        unsigned char bytes[8];
        int width;
    } numbers[] = {{"F64", {0, 0, 0, 0, 0, 0, 0xF8, 0xBF}, 8}, {"F32", {0, 0, 0xC0, 0xBF}, 4}, {"F16", {0, 0xBE}, 2},
                   {"BF16", {0xC0, 0xBF}, 2}};
    for (int i = 0; i < ROWS(numbers); i++) {
        char header[256];
        dcl__archive read = {0};
        dcl_error error;
        snprintf(header, sizeof header, "{\"__metadata__\": {\"format\": \"pt\"}, \"a\": {\"dtype\": \"%s\", "
                 "\"shape\": [1, 1], \"data_offsets\": [0, %d]}}", numbers[i].type, numbers[i].width);
        ASSERT_OK(read_safetensors(header, numbers[i].bytes, (size_t)numbers[i].width, &read, &error));
        ck_assert_double_eq(dcl__array_get(dcl__archive_find(&read, "a"), 0), -1.5);
        dcl__archive_free(&read);
    }
}
END_TEST

START_TEST(wrong_safetensors_are_refused)
{
    static const struct {
        const char *header, *part;
    } wrong[] = {
        {"{\"a\": {\"dtype\": \"I64\", \"shape\": [1], \"data_offsets\": [0, 8]}}", "I64"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [2], \"data_offsets\": [0, 8]}}", "data_offsets"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [-1], \"data_offsets\": [0, 8]}}", "'a'"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [1], \"data_offsets\": [8, 16]}}", "data_offsets"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [1], \"data_offsets\": [-8, 0]}}", "data_offsets"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [1], \"data_offsets\": [0]}}", "data_offsets"},
        {"{\"a\": {\"dtype\": \"F64\", \"shape\": [1152921504606846976], \"data_offsets\": [0, 8]}}", "too large"},
        {"{\"a\": 3}", "'a'"},
        {"{\"a\": {\"dtype\": \"F64\"}}", "shape"},
        {"{\"a\"", "JSON"},
        {"[1]", "neither"},
    };
    const double number = 1;
    for (int i = 0; i < ROWS(wrong); i++) {
        dcl__archive read = {0};
        dcl_error error;
        ASSERT_FAILS(read_safetensors(wrong[i].header, &number, 8, &read, &error), DCL_EFORMAT, wrong[i].part);
    }
}
END_TEST

START_TEST(two_arrays_of_a_name_are_refused)
{
    dcl__archive archive = example(DCL_F32);
    dcl__array array = {0};
    dcl_error error;
    ASSERT_OK(dcl__array_allocate(&array, DCL_F32, 1, (int64_t[]){2}, &error));
    ASSERT_FAILS(dcl__archive_add(&archive, "one", &array, &error), DCL_EFORMAT, "two arrays");
    ck_assert_ptr_null(array.data);
    ASSERT_FAILS(dcl__archive_read("/nowhere/at/all", DCL_F32, &archive, &error), DCL_EIO, "/nowhere/at/all");
    dcl__archive_free(&archive);
}
END_TEST

Suite *archive_suite(void)
{
    return make_suite("archive", setup, teardown, (const TTest *[]){
        what_is_written_is_read_again, the_same_arrays_give_the_same_bytes, damage_is_refused,
        a_wrong_checksum_is_noticed, deflate_and_zip64_are_read, every_float_of_safetensors_is_read,
        wrong_safetensors_are_refused, two_arrays_of_a_name_are_refused, NULL});
}
