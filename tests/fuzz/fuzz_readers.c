/* fuzz_readers.c: no file, however broken, may crash a reader or be taken for what it is not.
 *
 * Two programs from one file. With libFuzzer, for long runs:
 *     clang -fsanitize=fuzzer,address,undefined -DDROPCL_LIBFUZZER ...
 * Without it, for the test suite: fuzz_readers [MUTATIONS] changes small valid files of each format in
 * MUTATIONS ways each (default 1500), the same ones in every run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#include "formats/archive.h"
#include "formats/entries.h"
#include "formats/tuning.h"

static char folder[] = "/tmp/dropcl-fuzz-XXXXXX";
static char path[64];

static void remove_files(void)
{
    unlink(path);
    rmdir(folder);
}

static void require(int holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_readers: %s; the file is left as %s\n", what, path);
    abort();
}

static void prepare_folder(void)
{
    if (*path)
        return;
    require(mkdtemp(folder) != NULL, "no temporary folder");
    snprintf(path, sizeof path, "%s/input", folder);
    atexit(remove_files);
}

static void write_file(const uint8_t *data, size_t size)
{
    /* A new file each time: some file systems flush one that is overwritten, which takes long. */
    unlink(path);
    FILE *stream = fopen(path, "wb");
    require(stream && fwrite(data, 1, size, stream) == size, "the temporary file cannot be written");
    fclose(stream);
}

/* Sums all entries, so that a sanitizer sees every byte, and counts them. */
static void check_array(const dcl__array *array)
{
    int64_t count;
    require(array->rank <= DCL_MAX_RANK, "a rank is too large");
    require(dcl__shape_count(array->rank, array->dim, &count), "a shape is too large");
    require(array->missing >= 0 && array->missing <= count, "the number of missing entries is wrong");
    volatile double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum = sum + dcl__array_get(array, i);
}

static void check_refusal(dcl_status status, const dcl_error *error)
{
    require(status == DCL_EFORMAT || status == DCL_ENOMEM, "a status is not one of a broken file");
    require(error->code == status, "status and error differ");
    require(strncmp(error->text, path, strlen(path)) == 0, "a message does not begin with the path");
    require(strlen(error->text) > strlen(path) + 10, "a message says nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the file as an array and as a matrix. */
static void try_arrays(void)
{
    dcl__array array;
    dcl_error error;
    dcl_status status = dcl__array_read(path, DCL_F32, &array, &error);
    if (status) {
        check_refusal(status, &error);
        return;
    }
    check_array(&array);
    dcl__array_free(&array);
    status = dcl__matrix_read(path, DCL_F64, &array, &error);
    if (status) {
        check_refusal(status, &error);
        return;
    }
    check_array(&array);
    dcl__array_free(&array);
}

/* The device of the seeds below. */
static const dcl_device_info here = {.name = "D", .platform = "P", .driver = "1", .version = "V"};

static void check_kernel(int kernel, const int64_t *values)
{
    require(dcl__parameters_check(kernel, values, NULL) == DCL_OK, "parameters are taken that cannot work");
}

/* Reads the file as results of `dropcl tune` and of a tuner of CLBlast's. */
static void try_tunings(void)
{
    dcl__tuning_file file;
    dcl__clblast_results results;
    dcl_error error;
    dcl_status status = dcl__tuning_read(path, &here, &file, &error);
    if (status)
        check_refusal(status, &error);
    for (int kernel = 0; kernel < DCL__KERNELS && !status; kernel++)
        if (file.f32.tuning.given[kernel])
            check_kernel(kernel, file.f32.tuning.values[kernel]);
    status = dcl__clblast_results_read(path, &results, &error);
    if (status)
        check_refusal(status, &error);
    else
        check_kernel(results.kernel, results.values);
}

/* Reads the file as an archive of arrays. */
static void try_archives(void)
{
    dcl__archive archive;
    dcl_error error;
    dcl_status status = dcl__archive_read(path, DCL_F32, &archive, &error);
    if (status) {
        check_refusal(status, &error);
        return;
    }
    for (size_t i = 0; i < archive.count; i++)
        check_array(&archive.entries[i].array);
    dcl__archive_free(&archive);
}

/* Rows are in order, and columns rise within each. */
static void check_entries(const dcl_entries *e)
{
    require(e->start[0] == 0 && e->start[e->rows] == e->count && e->count > 0, "the rows do not hold all entries");
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            require(e->column[i] >= 0 && e->column[i] < e->columns, "a column is outside");
            require(i == e->start[a] || e->column[i] > e->column[i - 1], "columns do not rise");
            require(e->value[i] - e->value[i] == 0, "a value is not finite");
        }
}

/* Reads the file as known entries, and again as pairs of those. */
static void try_entries(void)
{
    for (int layout = DCL__LAYOUT_AUTOMATIC; layout <= DCL__LAYOUT_MATRIX; layout++) {
        dcl__entry_table table;
        dcl__triples pairs;
        dcl_error error;
        dcl_status status = dcl__entries_read(path, layout, layout == DCL__LAYOUT_TRIPLETS, &table, &error);
        if (status) {
            check_refusal(status, &error);
        } else {
            check_entries(&table.entries);
            status = dcl__triples_read(path, &table, layout == DCL__LAYOUT_MATRIX, 0, 1, &pairs, &error);
            if (status)
                check_refusal(status, &error);
            dcl__triples_free(&pairs);
        }
        dcl__entries_free(&table);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare_folder();
    write_file(data, size);
    try_arrays();
    try_entries();
    try_archives();
    try_tunings();
    return 0;
}

#ifndef DROPCL_LIBFUZZER

enum { MOST = 4096 };            /* bytes of a mutated file */

typedef struct input {
    uint8_t bytes[MOST];
    size_t size;
} input;

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t size;
} seeds[] = {
    {BYTES("\x93NUMPY\1\0\x3e\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }  \n"
           "\0\0\x80\x3f\0\0\0\x40")},
    {BYTES("\x93NUMPY\2\0\x3e\0\0\0{'descr': '>i2', 'fortran_order': True, 'shape': (2, 2), }   \n"
           "\0\1\0\2\0\3\0\4")},
    {BYTES("%%MatrixMarket matrix array real general\n% comment\n2 3\n1\n2\n3\n4.5\n-5e0\n6\n")},
    {BYTES("%%MatrixMarket matrix array real skew-symmetric\n3 3\n1\n2\n3\n")},
    {BYTES("%%MatrixMarket matrix coordinate real general\n2 3 3\n1 1 1.5\n2 3 4\n1 1 2\n")},
    {BYTES("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n")},
    {BYTES("a,b,\"c \"\"d\"\"\"\n1,2.5,-3\n4,,NaN\n\"5\", 6 ,7e2\n")},
    {BYTES("user,film,rating\n1,10,4\n2,\"20\",2.5\n1,20,\n7,10,-1e3\n")},
    {BYTES("1 2 3\n4\t5 6\n# comment\n7 8 nan\n")},
    {BYTES("\xEF\xBB\xBF" "a;b\r\n1;2\r\n3;4\r\n")},
    {BYTES("\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\3\1\2\3\4\5\6")},
    {BYTES("\0\0\x0d\1\0\0\0\2\xc0\0\0\0\x3f\x80\0\0")},
    {BYTES("{\"format\": \"dropcl-tuning/1\", \"device\": \"D\", \"platform\": \"P\", \"driver\": \"1\", "
           "\"version\": \"V\", \"f32\": {\"classes\": {\"small\": {\"variant\": \"plain\", \"before\": 1, "
           "\"after\": 2.5}}, \"parameters\": {\"packed\": {\"LANES\": 8, \"ROWS\": 6, \"VECTORS\": 2, "
           "\"DEPTH\": 256}, \"GemmRoutine\": {\"XGEMM_MIN_INDIRECT_SIZE\": 99}}, \"gains\": {\"packed\": "
           "1.5}, \"tried\": {\"packed\": 9}}, "
           "\"f64\": {\"classes\": {}, \"parameters\": {}, \"gains\": {}, \"tried\": {}}}")},
    {BYTES("{\"kernel_family\": \"copy\", \"precision\": \"32\", \"device\": \"D\", \"results\": [{\"time\": 0.4, "
           "\"parameters\": {\"COPY_DIMX\": 8,\"COPY_DIMY\": 8,\"COPY_VW\": 1,\"COPY_WPT\": 1,\"PRECISION\": 32}}]}")},
    {BYTES("p\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"s"
           "hape\":[1,2],\"data_offsets\":[0,"
           "8]},\"b\":{\"dtype\":\"BF16\",\"shape"
           "\":[],\"data_offsets\":[8,10]}}  "
           "\000\000\200?\000\000\000@\200?")},
    {BYTES("PK\003\004-\000\000\000\010\000\000\000!\000\261FE\352\377\377\377\377\377\377\377\377\005\000\024\000"
           "a.npy\001\000\020\000\210\000\000\000\000\000\000\000N\000\000\000\000\000\000\000\233\354\027\352\033"
           "\020\311\310P\306P\255\236\222Z\234\\\244n\245\240n\223f\242\256\243\240\236\226_TR\224\230"
           "\027\237_\224\222\012\022wK\314)N\005\212\027g$\026\244\002\371\032\206:\012F\232:\012\265"
           "\012d\003.\006\206\006{\006\006\006\007\000PK\001\002-\003-\000\000\000\010\000\000\000!\000\261"
           "FE\352N\000\000\000\210\000\000\000\005\000\000\000\000\000\000\000\000\000\000\000\200\001\000\000\000"
           "\000a.npyPK\005\006\000\000\000\000\001\000\001\0003\000\000\000\205\000\000\000\000\000")},
};

/* Pieces that headers and numbers are made of. */
static const char *const pieces[] = {
    "0", "1", "-1", "9", "99999", "4294967296", "9223372036854775807", "99999999999999999999", "1e999", "nan",
    "inf", ",", ";", "\t", " ", "\n", "\r\n", "\"", "'", "(", ")", "}", "#", "%", "True", "<f8", "<c8", "|O",
    "symmetric", "complex", "\xff\xff\xff\xff", "\x7f\xff", "\x80",
};
enum { SEEDS = sizeof seeds / sizeof *seeds, PIECES = sizeof pieces / sizeof *pieces };

/* xorshift64 (Marsaglia, Xorshift RNGs, 2003): a number from 0 to `below` - 1. */
static size_t draw(uint64_t *state, size_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return below ? (size_t)(*state % below) : 0;
}

/* Replaces bytes[at .. at + removed) by `size` bytes; does nothing when the result would be too long. */
static void splice(input *input, size_t at, size_t removed, const void *bytes, size_t size)
{
    uint8_t copy[MOST];
    if (removed > input->size - at)
        removed = input->size - at;
    if (input->size - removed + size > MOST)
        return;
    memcpy(copy, bytes, size);
    memmove(input->bytes + at + size, input->bytes + at + removed, input->size - at - removed);
    memcpy(input->bytes + at, copy, size);
    input->size += size - removed;
}

static void mutate(input *input, uint64_t *state)
{
    size_t at = draw(state, input->size), length = draw(state, 16);
    size_t rest = length < input->size - at ? length : input->size - at;
    const char *piece = pieces[draw(state, PIECES)];
    uint8_t byte = (uint8_t)draw(state, 256);
    switch (draw(state, 6)) {
    case 0:
        if (input->size)
            input->bytes[at] ^= (uint8_t)(1 << byte % 8);
        break;
    case 1: splice(input, at, 1, &byte, 1); break;
    case 2: splice(input, at, length, "", 0); break;
    case 3: splice(input, at, length % 3, piece, strlen(piece)); break;
    case 4: splice(input, at, 0, input->bytes + at, rest); break;
    default: input->size = at; break;
    }
}

static void compress_input(input *input)
{
    uint8_t bytes[MOST];
    z_stream stream = {.next_in = input->bytes, .avail_in = (uInt)input->size, .next_out = bytes,
                       .avail_out = sizeof bytes};
    /* 16 more than the window asks for a gzip header. */
    require(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK
            && deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib fails");
    memcpy(input->bytes, bytes, stream.total_out);
    input->size = stream.total_out;
    deflateEnd(&stream);
}

/* Tries mutations of one seed: plain, compressed after the mutation, and compressed before it. */
static void try_seed(int seed, long mutations)
{
    uint64_t state = 88172645463325252u + (uint64_t)seed;
    for (long i = 0; i < mutations; i++) {
        input input = {.size = seeds[seed].size};
        memcpy(input.bytes, seeds[seed].bytes, input.size);
        if (i % 8 == 7)
            compress_input(&input);
        for (size_t left = i ? 1 + draw(&state, 4) : 0; left; left--)
            mutate(&input, &state);
        if (i % 8 == 6)
            compress_input(&input);
        LLVMFuzzerTestOneInput(input.bytes, input.size);
    }
}

/* Each seed must be a valid file of one kind, or its mutations would try little. */
static void check_seed(int seed)
{
    dcl__array array;
    dcl__archive archive = {0};
    dcl__tuning_file file;
    dcl__clblast_results results;
    prepare_folder();
    write_file((const uint8_t *)seeds[seed].bytes, seeds[seed].size);
    const int is_array = dcl__array_read(path, DCL_F64, &array, NULL) == DCL_OK;
    const int is_archive = dcl__archive_read(path, DCL_F64, &archive, NULL) == DCL_OK;
    require(is_array || is_archive || dcl__tuning_read(path, &here, &file, NULL) == DCL_OK ||
            dcl__clblast_results_read(path, &results, NULL) == DCL_OK, "a seed is not a valid file");
    if (is_array)
        dcl__array_free(&array);
    dcl__archive_free(&archive);
}

int main(int count, char **arguments)
{
    long mutations = count > 1 ? strtol(arguments[1], NULL, 10) : 1500;
    for (int seed = 0; seed < SEEDS; seed++) {
        check_seed(seed);
        try_seed(seed, mutations);
    }
    printf("%d files, %ld mutations of each: no crash\n", (int)SEEDS, mutations);
    return 0;
}

#endif
