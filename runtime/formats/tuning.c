/* tuning.c: what `dropcl tune` measured on a device, as a file; and the results of CLBlast's own tuners. */
#include "formats/tuning.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "formats/json.h"
#include "formats/output.h"

static const char format[] = "dropcl-tuning/1";

enum { MOST_TRIED = 1 << 24 };

/* ---- Place ---- */

/* Appends a name, with everything that is special in paths or shells as '-'. */
static void append_plain(char *to, size_t size, const char *name)
{
    size_t used = strlen(to);
    for (; *name && used + 1 < size; name++) {
        const int plain = isalnum((unsigned char)*name) && (unsigned char)*name < 128;
        if (plain || (used && to[used - 1] != '-'))
            to[used++] = plain ? *name : '-';
    }
    to[used] = '\0';
}

char *dcl__tuning_path(const dcl_device_info *info, dcl_error *error)
{
    char name[256] = "";
    append_plain(name, 100, info->platform);
    strcat(name, ".");
    append_plain(name, 240, info->name);
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0] == '/')
        return dcl__format(error, "%s/dropcl/tuning/%s.json", data, name);
    if (home && home[0] == '/')
        return dcl__format(error, "%s/.local/share/dropcl/tuning/%s.json", home, name);
    dcl__fail(error, DCL_EIO, "there is no folder for tuning results (set XDG_DATA_HOME or HOME to an absolute path)");
    return NULL;
}

/* ---- Writing ---- */

static json_t *parameters_json(int kernel, const int64_t *values)
{
    const dcl__kernel_space *space = dcl__kernel_space_of(kernel);
    json_t *object = json_object();
    for (int i = 0; i < space->count; i++)
        object = dcl__json_put(object, space->parameters[i].name, json_integer(values[i]));
    return object;
}

static json_t *kernels_json(const dcl__tuning *tuning)
{
    json_t *object = json_object();
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++)
        if (tuning->given[kernel])
            object = dcl__json_put(object, dcl__kernel_space_of(kernel)->name,
                                   parameters_json(kernel, tuning->values[kernel]));
    return object;
}

static json_t *tried_json(const int64_t *tried)
{
    json_t *object = json_object();
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++)
        if (tried[kernel])
            object = dcl__json_put(object, dcl__kernel_space_of(kernel)->name, json_integer(tried[kernel]));
    return object;
}

static json_t *classes_json(const dcl__tuning_results *results)
{
    json_t *object = json_object();
    for (int shape = 0; shape < DCL__SHAPES; shape++) {
        if (!results->tuning.variant[shape])
            continue;
        json_t *entry = dcl__json_put(json_object(), "variant", json_string(results->tuning.variant[shape]));
        entry = dcl__json_put(entry, "before", dcl__json_from_number(results->before[shape]));
        entry = dcl__json_put(entry, "after", dcl__json_from_number(results->after[shape]));
        object = dcl__json_put(object, dcl__shape_name(shape), entry);
    }
    return object;
}

static json_t *gains_json(const dcl__tuning_results *results)
{
    json_t *object = dcl__json_put(json_object(), "packed", dcl__json_from_number(results->packed_gain));
    return dcl__json_put(object, "clblast", dcl__json_from_number(results->clblast_gain));
}

static json_t *results_json(const dcl__tuning_results *results)
{
    json_t *object = dcl__json_put(json_object(), "classes", classes_json(results));
    object = dcl__json_put(object, "parameters", kernels_json(&results->tuning));
    object = dcl__json_put(object, "gains", gains_json(results));
    return dcl__json_put(object, "tried", tried_json(results->tried));
}

static json_t *file_json(const dcl_device_info *info, const dcl__tuning_file *file)
{
    json_t *object = dcl__json_put(json_object(), "format", json_string(format));
    object = dcl__json_put(object, "device", json_string(info->name));
    object = dcl__json_put(object, "platform", json_string(info->platform));
    object = dcl__json_put(object, "driver", json_string(info->driver));
    object = dcl__json_put(object, "version", json_string(info->version));
    object = dcl__json_put(object, "f32", results_json(&file->f32));
    return dcl__json_put(object, "f64", results_json(&file->f64));
}

char *dcl__tuning_json(const dcl_device_info *info, const dcl__tuning_file *file)
{
    json_t *object = file_json(info, file);
    char *text = object ? dcl__json_text(object) : NULL;
    json_decref(object);
    return text;
}

dcl_status dcl__tuning_write(const char *path, const dcl_device_info *info, const dcl__tuning_file *file,
                             dcl_error *error)
{
    char *folder = dcl__format(error, "%.*s", (int)(strrchr(path, '/') - path), path);
    json_t *object = file_json(info, file);
    dcl_status status = folder ? dcl__folder_create(folder, error) : DCL_ENOMEM;
    if (status == DCL_OK)
        status = dcl__json_write(path, object, error);
    json_decref(object);
    free(folder);
    return status;
}

/* ---- Reading ---- */

/* Reads all parameters of a kernel and checks that they can work; others are refused. */
static dcl_status read_parameters(const json_t *object, int kernel, int64_t *values, dcl_error *error)
{
    const dcl__kernel_space *space = dcl__kernel_space_of(kernel);
    const char *keys[DCL__MOST_PARAMETERS + 1] = {0};
    for (int i = 0; i < space->count; i++)
        keys[i] = space->parameters[i].name;
    dcl_status status = dcl__json_check_keys(object, keys, error);
    for (int i = 0; i < space->count && status == DCL_OK; i++) {
        const json_t *member;
        status = dcl__json_member(object, keys[i], JSON_INTEGER, DCL__REQUIRED, &member, error);
        if (status == DCL_OK)
            values[i] = json_integer_value(member);
    }
    return status || dcl__parameters_check(kernel, values, error) == DCL_OK ? status : DCL_EFORMAT;
}

static dcl_status read_kernels(const json_t *object, dcl__tuning *tuning, dcl_error *error)
{
    const char *keys[DCL__KERNELS + 1] = {0};
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++)
        keys[kernel] = dcl__kernel_space_of(kernel)->name;
    dcl_status status = dcl__json_check_keys(object, keys, error);
    for (int kernel = 0; kernel < DCL__KERNELS && status == DCL_OK; kernel++) {
        const json_t *member;
        status = dcl__json_member(object, keys[kernel], JSON_OBJECT, DCL__OPTIONAL, &member, error);
        if (status || !member)
            continue;
        status = read_parameters(member, kernel, tuning->values[kernel], error);
        tuning->given[kernel] = status == DCL_OK;
    }
    return status;
}

static dcl_status read_tried(const json_t *object, int64_t *tried, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int kernel = 0; kernel < DCL__KERNELS && status == DCL_OK; kernel++)
        status = dcl__json_get_integer(object, dcl__kernel_space_of(kernel)->name, 0, MOST_TRIED, &tried[kernel],
                                       error);
    return status;
}

static dcl_status read_gains(const json_t *object, dcl__tuning_results *results, dcl_error *error)
{
    dcl_status status = dcl__json_get_number(object, "packed", &results->packed_gain, error);
    return status ? status : dcl__json_get_number(object, "clblast", &results->clblast_gain, error);
}

static dcl_status read_class(const json_t *entry, int shape, dcl__tuning_results *results, dcl_error *error)
{
    const char *name;
    dcl_status status = dcl__json_get_string(entry, "variant", &name, error);
    if (status)
        return status;
    if (!(results->tuning.variant[shape] = dcl__gemm_variant_name(name)))
        return dcl__fail(error, DCL_EFORMAT, "there is no variant '%s'; there are: clblast, packed, plain", name);
    status = dcl__json_get_number(entry, "before", &results->before[shape], error);
    return status ? status : dcl__json_get_number(entry, "after", &results->after[shape], error);
}

static dcl_status read_classes(const json_t *object, dcl__tuning_results *results, dcl_error *error)
{
    const char *keys[DCL__SHAPES + 1] = {0};
    for (int shape = 0; shape < DCL__SHAPES; shape++)
        keys[shape] = dcl__shape_name(shape);
    dcl_status status = dcl__json_check_keys(object, keys, error);
    for (int shape = 0; shape < DCL__SHAPES && status == DCL_OK; shape++) {
        const json_t *entry;
        status = dcl__json_member(object, keys[shape], JSON_OBJECT, DCL__OPTIONAL, &entry, error);
        if (status == DCL_OK && entry)
            status = read_class(entry, shape, results, error);
    }
    return status;
}

static dcl_status read_results(const json_t *file, const char *dtype, dcl__tuning_results *results, dcl_error *error)
{
    const json_t *object, *classes, *parameters, *gains, *tried;
    dcl_status status = dcl__json_member(file, dtype, JSON_OBJECT, DCL__REQUIRED, &object, error);
    if (status == DCL_OK)
        status = dcl__json_member(object, "classes", JSON_OBJECT, DCL__REQUIRED, &classes, error);
    if (status == DCL_OK)
        status = read_classes(classes, results, error);
    if (status == DCL_OK)
        status = dcl__json_member(object, "parameters", JSON_OBJECT, DCL__REQUIRED, &parameters, error);
    if (status == DCL_OK)
        status = read_kernels(parameters, &results->tuning, error);
    if (status == DCL_OK)
        status = dcl__json_member(object, "gains", JSON_OBJECT, DCL__REQUIRED, &gains, error);
    if (status == DCL_OK)
        status = read_gains(gains, results, error);
    if (status == DCL_OK)
        status = dcl__json_member(object, "tried", JSON_OBJECT, DCL__REQUIRED, &tried, error);
    return status ? status : read_tried(tried, results->tried, error);
}

/* Refuses the results of another device or driver. */
static dcl_status check_origin(const json_t *object, const dcl_device_info *info, dcl_error *error)
{
    const struct {
        const char *key, *now;
    } origin[] = {{"device", info->name}, {"platform", info->platform}, {"driver", info->driver},
                  {"version", info->version}};
    for (size_t i = 0; i < sizeof origin / sizeof *origin; i++) {
        const char *then;
        dcl_status status = dcl__json_get_string(object, origin[i].key, &then, error);
        if (status)
            return status;
        if (strcmp(then, origin[i].now) != 0)
            return dcl__fail(error, DCL_EFORMAT, "this was measured with %s '%.200s', but now it is '%.200s'; run "
                             "`dropcl tune` again", origin[i].key, then, origin[i].now);
    }
    return DCL_OK;
}

dcl_status dcl__tuning_read(const char *path, const dcl_device_info *info, dcl__tuning_file *file, dcl_error *error)
{
    json_t *object = NULL;
    dcl__tuning_file read = {0};
    dcl_status status = dcl__json_read(path, format, &object, error);
    if (status)
        return status;
    status = check_origin(object, info, error);
    if (status == DCL_OK)
        status = read_results(object, "f32", &read.f32, error);
    if (status == DCL_OK)
        status = read_results(object, "f64", &read.f64, error);
    json_decref(object);
    if (status)
        return dcl__prefix(error, status, "%s", path);
    *file = read;
    return DCL_OK;
}

/* Reads the file and puts it to use; one that is not there is no failure when it is the user's own. */
static dcl_status load(dcl_device *device, const char *path, int is_own, dcl_error *error)
{
    dcl__tuning_file file;
    if (is_own && access(path, F_OK) && errno == ENOENT)
        return DCL_OK;
    dcl_status status = dcl__tuning_read(path, dcl_device_describe(device), &file, error);
    if (status == DCL_OK)
        status = dcl__gemm_tune(device, DCL_F32, &file.f32.tuning, error);
    return status ? status : dcl__gemm_tune(device, DCL_F64, &file.f64.tuning, error);
}

dcl_status dcl_device_load_tuning(dcl_device *device, const char *file, dcl_error *error)
{
    if (file)
        return load(device, file, 0, error);
    char *own = dcl__tuning_path(dcl_device_describe(device), NULL);
    dcl_status status = own ? load(device, own, 1, error) : DCL_OK;
    free(own);
    return status;
}

/* ---- Results of CLBlast's tuners ---- */

/* The kernel of a family: "xgemm_1", "xgemm_12", "xgemm_direct_2", "copy". */
static dcl_status find_family(const json_t *object, int *kernel, dcl_error *error)
{
    static const char *const families[DCL__KERNELS] = {
        [DCL__XGEMM] = "xgemm", [DCL__XGEMM_DIRECT] = "xgemm_direct", [DCL__COPY] = "copy", [DCL__PAD] = "pad",
        [DCL__TRANSPOSE] = "transpose", [DCL__PADTRANSPOSE] = "padtranspose", [DCL__GEMM_ROUTINE] = "gemm_routine"};
    const char *family;
    dcl_status status = dcl__json_get_string(object, "kernel_family", &family, error);
    if (status)
        return status;
    size_t length = strlen(family), digits = 0;
    while (digits < length && isdigit((unsigned char)family[length - 1 - digits]))
        digits++;
    if (digits && digits < length && family[length - 1 - digits] == '_')
        length -= digits + 1;
    for (*kernel = DCL__FIRST_CLBLAST; *kernel < DCL__KERNELS; ++*kernel)
        if (strlen(families[*kernel]) == length && strncmp(families[*kernel], family, length) == 0)
            return DCL_OK;
    return dcl__fail(error, DCL_EFORMAT, "these are results for the kernel '%.60s', which products do not use; give "
                     "those of clblast_tuner_xgemm, xgemm_direct, routine_xgemm, copy_fast, copy_pad, transpose_fast "
                     "or transpose_pad", family);
}

static dcl_status find_precision(const json_t *object, uint32_t *dtype, dcl_error *error)
{
    const char *precision;
    dcl_status status = dcl__json_get_string(object, "precision", &precision, error);
    if (status)
        return status;
    if (strcmp(precision, "32") != 0 && strcmp(precision, "64") != 0)
        return dcl__fail(error, DCL_EFORMAT, "these are results for precision '%.20s'; dropcl knows 32 and 64",
                         precision);
    *dtype = *precision == '3' ? DCL_F32 : DCL_F64;
    return DCL_OK;
}

/* The parameters of the result with the least time, which must be there. */
static dcl_status find_fastest(const json_t *object, const json_t **fastest, dcl_error *error)
{
    const json_t *list;
    double least = INFINITY;
    *fastest = NULL;
    dcl_status status = dcl__json_member(object, "results", JSON_ARRAY, DCL__REQUIRED, &list, error);
    for (size_t i = 0; status == DCL_OK && i < json_array_size(list); i++) {
        const json_t *entry = json_array_get(list, i), *parameters;
        double time = INFINITY;
        status = dcl__json_check_type(entry, JSON_OBJECT, "an entry of 'results'", error);
        if (status == DCL_OK)
            status = dcl__json_get_number(entry, "time", &time, error);
        if (status == DCL_OK)
            status = dcl__json_member(entry, "parameters", JSON_OBJECT, DCL__REQUIRED, &parameters, error);
        if (status == DCL_OK && time < least) {
            least = time;
            *fastest = parameters;
        }
    }
    if (status == DCL_OK && !*fastest)
        status = dcl__fail(error, DCL_EFORMAT, "'results' is empty: no parameters worked where this was measured");
    return status;
}

static dcl_status read_clblast(const json_t *object, dcl__clblast_results *results, dcl_error *error)
{
    const json_t *fastest;
    const char *device;
    dcl_status status = find_family(object, &results->kernel, error);
    if (status == DCL_OK)
        status = find_precision(object, &results->dtype, error);
    if (status == DCL_OK)
        status = dcl__json_get_string(object, "device", &device, error);
    if (status == DCL_OK)
        status = find_fastest(object, &fastest, error);
    if (status)
        return status;
    snprintf(results->device, sizeof results->device, "%s", device);
    json_t *parameters = json_copy((json_t *)(uintptr_t)fastest);
    if (!parameters)
        return dcl__no_memory(error, "the parameters of a kernel", DCL__MOST_PARAMETERS);
    json_object_del(parameters, "PRECISION");    /* written with the parameters, but none of them */
    status = read_parameters(parameters, results->kernel, results->values, error);
    json_decref(parameters);
    return status;
}

dcl_status dcl__clblast_results_read(const char *path, dcl__clblast_results *results, dcl_error *error)
{
    json_t *object = NULL;
    dcl__clblast_results read = {0};
    dcl_status status = dcl__json_read(path, NULL, &object, error);
    if (status)
        return status;
    status = read_clblast(object, &read, error);
    json_decref(object);
    if (status)
        return dcl__prefix(error, status, "%s", path);
    *results = read;
    return DCL_OK;
}
