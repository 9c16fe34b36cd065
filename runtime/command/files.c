/* files.c: reading matrices and writing results, as several subcommands do. */
#include "command/files.h"

#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "core/tensor.h"
#include "formats/checkpoint.h"
#include "formats/npy.h"
#include "formats/output.h"

dcl__path dcl__join(const char *folder, const char *name)
{
    dcl__path path;
    snprintf(path.text, sizeof path.text, "%s/%s", folder, name);
    return path;
}

/* ---- The folder for results ---- */

/* What commands leave, beside `dropcl lab`, whose experiments have files of their own. */
static const char CHECKPOINT[] = "checkpoint", REPORT[] = "report.json";
static const char *const RESULTS[] = {"U.npy", "V.npy", "singular_values.npy", "row_bias.npy", "column_bias.npy",
                                      "model.json", "rows.csv", "columns.csv", "weights.npz", "weights.safetensors",
                                      "path.csv", "history.csv", "report.svg", "report.png", REPORT, CHECKPOINT};
enum { RESULT_COUNT = sizeof RESULTS / sizeof *RESULTS };

/* Whether two paths lead to one folder, or one file. */
static int is_same(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Whether a file lies in the folder by this path, or the path is one of files and leads to the folder. */
static int lies_in(const char *path, const char *folder)
{
    struct stat about;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        return is_same(path, folder);
    char *copy = strdup(path);
    const int inside = copy && is_same(dirname(copy), folder);
    free(copy);
    return inside;
}

static dcl_status check_inputs(const char *folder, const dcl__texts *inputs, dcl_error *error)
{
    for (int i = 0; i < inputs->count; i++) {
        const char *const input = inputs->items[i];
        char *real = input ? realpath(input, NULL) : NULL;      /* a link may lead into the folder */
        const int inside = input && (lies_in(input, folder) || (real && lies_in(real, folder)));
        free(real);
        if (inside)
            return dcl__fail(error, DCL_EINVAL, "%s lies in the folder for the results, %s, which could replace it: "
                             "choose another folder with -o", input, folder);
    }
    return DCL_OK;
}

/* Whether report.json says that a run left the folder, of a given command where it is not NULL. */
static int has_report(const char *folder, const char *command)
{
    json_t *report = NULL;
    if (dcl__json_read(dcl__join(folder, REPORT).text, NULL, &report, NULL))
        return 0;
    const char *const found = json_string_value(json_object_get(report, "command"));
    const int is_ours = json_is_string(json_object_get(report, "version")) && found &&
                        (!command || strcmp(found, command) == 0);
    json_decref(report);
    return is_ours;
}

/* Whether report.json or a checkpoint says that a run left the folder. */
static int is_of_a_run(const char *folder)
{
    return dcl__checkpoint_exists(dcl__join(folder, CHECKPOINT).text) || has_report(folder, NULL);
}

static dcl_status check_name(const char *folder, const char *name, int is_known, dcl_error *error)
{
    struct stat about;
    const dcl__path path = dcl__join(folder, name);
    if (lstat(path.text, &about) != 0)
        return DCL_OK;
    if (!is_known)
        return dcl__fail(error, DCL_EIO, "%s: the results would replace it, and no run of dropcl left it here, as a "
                         "report.json would say: choose a new folder with -o", path.text);
    if (name != CHECKPOINT && stat(path.text, &about) == 0 && S_ISDIR(about.st_mode))
        return dcl__fail(error, DCL_EIO, "%s: this is a folder, where a file is to be written: choose a new folder "
                         "with -o", path.text);
    return DCL_OK;
}

dcl_status dcl__results_start(dcl__results *results, const char *folder, const dcl__texts *inputs,
                              const dcl__texts *further, dcl_error *error)
{
    *results = (dcl__results){.folder = folder, .made = access(folder, F_OK) != 0};
    if (results->made)
        dcl__take_away(folder);
    const int is_known = is_of_a_run(folder);
    dcl_status status = check_inputs(folder, inputs, error);
    for (int i = 0; i < RESULT_COUNT && status == DCL_OK; i++)
        status = check_name(folder, RESULTS[i], is_known, error);
    const int has_further = further && has_report(folder, "lab");
    for (int i = 0; further && i < further->count && status == DCL_OK; i++)
        status = check_name(folder, further->items[i], has_further, error);
    return status ? status : dcl__folder_create(folder, error);
}

dcl_status dcl__check_output(const char *file, const dcl__texts *inputs, dcl_error *error)
{
    for (int i = 0; i < inputs->count && file; i++)
        if (inputs->items[i] && is_same(file, inputs->items[i]))
            return dcl__fail(error, DCL_EINVAL, "%s is read, and would be replaced: choose another file with -o", file);
    return DCL_OK;
}

static int holds(const dcl__texts *texts, const char *text)
{
    for (int i = 0; i < texts->count; i++)
        if (strcmp(texts->items[i], text) == 0)
            return 1;
    return 0;
}

/* Says that a run of dropcl has the folder, whatever becomes of it. */
static dcl_status write_mark(const char *folder, const char *command, dcl_error *error)
{
    json_t *report = json_pack("{s:s, s:s, s:s}", "version", dcl_version(), "command", command, "status", "unfinished");
    const dcl_status status = dcl__json_write(dcl__join(folder, REPORT).text, report, error);
    json_decref(report);
    return status;
}

dcl_status dcl__results_replace(const char *folder, const char *command, const dcl__texts *written, dcl_error *error)
{
    const int is_known = is_of_a_run(folder);
    dcl_status status = write_mark(folder, command, error);
    for (int i = 0; status && !is_known && i < written->count; i++)
        unlink(dcl__join(folder, written->items[i]).text);       /* without the mark nobody would know whose they are */
    for (int i = 0; i < RESULT_COUNT && status == DCL_OK; i++) {
        const dcl__path path = dcl__join(folder, RESULTS[i]);
        if (RESULTS[i] == REPORT || holds(written, RESULTS[i]))
            continue;
        if (RESULTS[i] == CHECKPOINT)
            dcl__checkpoint_remove(path.text);
        else if (unlink(path.text) && errno != ENOENT)
            status = dcl__fail(error, DCL_EIO, "%s: it belongs to results that were here before, and cannot be removed "
                               "(%s)", path.text, strerror(errno));
    }
    return status;
}

void dcl__results_end(const dcl__results *results, dcl_status status)
{
    if (status && results->made)
        rmdir(results->folder);
}

/* ---- Reading and writing ---- */

void dcl__say_header(const char *file, const char *header)
{
    if (*header)
        dcl__complain("%s: the first line is a header: %s", file, header);
}

static int is_count(double number)
{
    return number >= 0 && number == floor(number);
}

void dcl__hint_at_entries(const char *file, const dcl__array *array)
{
    int counts = *array->header && array->rank == 2 && (array->dim[1] == 3 || array->dim[1] == 4);
    for (int64_t i = 0; counts && i < array->dim[0]; i++)
        counts = is_count(dcl__array_get(array, i * array->dim[1])) &&
                 is_count(dcl__array_get(array, i * array->dim[1] + 1));
    if (counts)
        dcl__complain("%s: hint: it is read as a matrix of %lld columns; entries, a row, a column and a value in each "
                      "line, are for `dropcl complete`", file, (long long)array->dim[1]);
}

dcl_status dcl__read_array(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error)
{
    const dcl_status status = dcl__array_read(file, dtype, array, error);
    if (status == DCL_OK)
        dcl__say_header(file, array->header);
    return status;
}

dcl_status dcl__read_scaled(const char *file, uint32_t dtype, double scale, dcl__array *array, dcl_error *error)
{
    dcl_status status = dcl__matrix_read(file, dtype, array, error);
    if (status)
        return status;
    dcl__say_header(file, array->header);
    if (scale == 1)
        return DCL_OK;
    int64_t count = array->dim[0] * array->dim[1];
    for (int64_t i = 0; i < count; i++)
        dcl__array_set(array, i, dcl__array_get(array, i) * scale);
    return DCL_OK;
}

dcl_status dcl__write_matrix(const char *folder, const char *name, uint32_t dtype, int64_t rows, int64_t columns,
                             const double *data, dcl_error *error)
{
    dcl__array array = {0};
    dcl__path path = dcl__join(folder, name);
    dcl_status status = dcl__array_allocate(&array, dtype, 2, (int64_t[]){rows, columns}, error);
    if (status)
        return status;
    dcl__convert(dtype, array.data, DCL_F64, data, rows * columns);
    status = dcl__npy_write(path.text, &array, error);
    dcl__array_free(&array);
    return status;
}

void dcl__print_json(const json_t *object)
{
    json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    putchar('\n');
}

dcl_status dcl__fetch_value(dcl_session *session, const char *value, dcl__array *array, dcl_error *error)
{
    const dcl_tensor *shape = dcl_session_tensor(session, value);
    uint32_t dtype = shape && (shape->dtype & DCL_REAL) ? shape->dtype : DCL_F64;
    dcl_status status = shape ? dcl__array_allocate(array, dtype, shape->rank, shape->dim, error) : DCL_OK;
    return status ? status : dcl_session_fetch(session, value, dtype, array->data, error);
}

dcl_status dcl__write_value(dcl_session *session, const char *value, const char *file, dcl_error *error)
{
    dcl__array array = {0};
    dcl_status status = dcl__fetch_value(session, value, &array, error);
    if (status == DCL_OK)
        status = dcl__npy_write(file, &array, error);
    dcl__array_free(&array);
    return status;
}
