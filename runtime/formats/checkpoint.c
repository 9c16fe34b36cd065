/* checkpoint.c: the state of a session in a folder, to go on from there later. */
#include "formats/checkpoint.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "formats/json.h"
#include "formats/npy.h"
#include "formats/output.h"

static const char format[] = "dropcl-checkpoint/1";

enum { DATA_NAME = 64 };

/* ---- Names ---- */

/* Makes "FOLDER/NAME.npy", to be freed with free(). */
static char *parameter_path(const char *folder, const char *name, dcl_error *error)
{
    size_t used = strlen(folder), room = used + 3 * strlen(name) + sizeof "/.npy";
    char *path = malloc(room);
    if (!path) {
        dcl__no_memory(error, "the name of a file", (int64_t)room);
        return NULL;
    }
    used = (size_t)snprintf(path, room, "%s/", folder);
    for (const char *at = name; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        int plain = byte < 128 && (isalnum(byte) || byte == '_' || byte == '-' || (byte == '.' && at > name));
        used += (size_t)snprintf(path + used, room - used, plain ? "%c" : "%%%02X", byte);
    }
    snprintf(path + used, room - used, ".npy");
    return path;
}

/* "step-123" and "step-123-2" are folders of parameters. */
static int is_data_name(const char *name)
{
    size_t length = strlen(name), digits = strncmp(name, "step-", 5) == 0 ? strspn(name + 5,
                                                                                   "0123456789") : 0;
    return digits && length < DATA_NAME && (!name[5 + digits] || strcmp(name + 5 + digits, "-2") == 0);
}

/* Removes a folder of parameters; what else lies in it keeps it. */
static void remove_data(const char *path)
{
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        int ours = (length > 4 && strcmp(entry->d_name + length - 4, ".npy") == 0) || strstr(entry->d_name,
                                                                                             ".npy.");
        if (ours)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory)
        closedir(directory);
    rmdir(path);
}

/* Removes the folders of parameters other than `kept`: the last checkpoint and what interrupted ones left. */
static void remove_others(const char *folder, const char *kept)
{
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char *path = is_data_name(entry->d_name) && strcmp(entry->d_name, kept) != 0
                   ? dcl__format(NULL, "%s/%s", folder, entry->d_name) : NULL;
        if (path)
            remove_data(path);
        free(path);
    }
    if (directory)
        closedir(directory);
}

/* ---- Writing ---- */

static dcl_status write_parameter(const char *folder, dcl_session *session, const dcl_graph *graph,
                                  dcl_value value,
                                  dcl_error *error)
{
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    const char *name = dcl_value_name(graph, value);
    dcl__array array = {0};
    char *path = parameter_path(folder, name, error);
    dcl_status status = path ? dcl__array_allocate(&array, tensor->dtype, tensor->rank, tensor->dim, error)
                             : DCL_ENOMEM;
    if (!status)
        status = dcl_session_fetch(session, name, tensor->dtype, array.data, error);
    if (!status)
        status = dcl__npy_write(path, &array, error);
    dcl__array_free(&array);
    free(path);
    return status;
}

static dcl_status write_parameters(const char *folder, dcl_session *session, const dcl_graph *graph,
                                   dcl_error *error)
{
    dcl_status status = dcl__folder_create(folder, error);
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph) && !status; value++)
        if (dcl_value_kind(graph, value) == DCL_VALUE_PARAMETER)
            status = write_parameter(folder, session, graph, value, error);
    return status;
}

static json_t *describe(const dcl_session *session, const dcl_graph *graph, const char *data)
{
    json_t *parameters = json_object();
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++) {
        const dcl_tensor *tensor = dcl_value_tensor(graph, value);
        if (dcl_value_kind(graph, value) == DCL_VALUE_PARAMETER)
            parameters = dcl__json_put(parameters, dcl_value_name(graph, value),
                                       dcl__json_from_integers(tensor->dim, tensor->rank));
    }
    json_t *object = dcl__json_put(json_object(), "format", json_string(format));
    object = dcl__json_put(object, "step", json_integer(dcl_session_steps(session)));
    object = dcl__json_put(object, "dtype", json_string(dcl__dtype_name(dcl_graph_dtype(graph))));
    object = dcl__json_put(object, "seed", dcl__json_from_unsigned(dcl_graph_seed(graph)));
    object = dcl__json_put(object, "folder", json_string(data));
    return dcl__json_put(object, "parameters", parameters);
}

/* Chooses a folder for the parameters that the present checkpoint does not use. */
static void choose_data(const char *file, int64_t step, char data[DATA_NAME])
{
    json_t *present = NULL;
    snprintf(data, DATA_NAME, "step-%" PRId64, step);
    if (dcl__json_read(file, format, &present, NULL) == DCL_OK) {
        const char *used = json_string_value(json_object_get(present, "folder"));
        if (used && strcmp(used, data) == 0)
            snprintf(data, DATA_NAME, "step-%" PRId64 "-2", step);
        json_decref(present);
    }
}

dcl_status dcl__checkpoint_write(const char *folder, dcl_session *session, const dcl_graph *graph,
                                 dcl_error *error)
{
    char data[DATA_NAME];
    char *file = dcl__format(error, "%s/checkpoint.json", folder), *path = NULL;
    if (!file)
        return DCL_ENOMEM;
    choose_data(file, dcl_session_steps(session), data);
    path = dcl__format(error, "%s/%s", folder, data);
    dcl_status status = path ? write_parameters(path, session, graph, error) : DCL_ENOMEM;
    if (!status) {
        json_t *object = describe(session, graph, data);
        status = dcl__json_write(file, object, error);
        json_decref(object);
    }
    if (!status)
        remove_others(folder, data);
    else if (path)
        remove_data(path);
    free(path);
    free(file);
    return status;
}

/* ---- Reading ---- */

/* What checkpoint.json says. The texts are borrowed from `object`. */
typedef struct record {
    json_t *object;
    const char *data, *dtype;
    const json_t *parameters;
    int64_t step;
    uint64_t seed;
} record;

static dcl_status read_record(record *r, dcl_error *error)
{
    static const char *const keys[] = {"format", "step", "dtype", "seed", "folder", "parameters", NULL};
    dcl_status status = dcl__json_check_keys(r->object, keys, error);
    if (!status)
        status = dcl__json_get_string(r->object, "dtype", &r->dtype, error);
    if (!status)
        status = dcl__json_get_string(r->object, "folder", &r->data, error);
    if (!status)
        status = dcl__json_get_integer(r->object, "step", 0, INT64_MAX, &r->step, error);
    if (!status)
        status = dcl__json_get_unsigned(r->object, "seed", &r->seed, error);
    if (!status)
        status = dcl__json_member(r->object, "parameters", JSON_OBJECT, DCL__REQUIRED, &r->parameters, error);
    if (status)
        return status;
    return is_data_name(r->data) ? DCL_OK : dcl__fail(error, DCL_EFORMAT, "'folder' is '%s', which is no "
                                                      "name of a folder that a checkpoint has", r->data);
}

static dcl_status check_parameter(const record *r, const dcl_graph *graph, dcl_value value, dcl_error *error)
{
    char one[DCL__SHAPE_TEXT], two[DCL__SHAPE_TEXT];
    const char *name = dcl_value_name(graph, value);
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    int64_t dim[DCL_MAX_RANK];
    size_t rank;
    if (!json_object_get(r->parameters, name))
        return dcl__fail(error, DCL_EINVAL, "the checkpoint lacks parameter '%s' of the graph; it belongs to "
                         "another graph", name);
    dcl_status status = dcl__json_get_integers(r->parameters, name, DCL_MAX_RANK, dim, &rank, error);
    if (status)
        return status;
    if (rank != tensor->rank || memcmp(dim, tensor->dim, rank * sizeof *dim) != 0)
        return dcl__fail(error, DCL_EINVAL, "parameter '%s' is %s in the checkpoint, but %s in the graph; "
                         "they belong to different graphs", name, dcl__dimensions_text((uint32_t)rank, dim,
                                                                                       one),
                         dcl__shape_text(tensor, two));
    return DCL_OK;
}

static dcl_status check_graph(const record *r, const dcl_graph *graph, dcl_error *error)
{
    const char *dtype = dcl__dtype_name(dcl_graph_dtype(graph)), *name;
    json_t *shape;
    dcl_status status = DCL_OK;
    if (strcmp(r->dtype, dtype) != 0)
        return dcl__fail(error, DCL_EINVAL, "the checkpoint holds %s, but the graph computes in %s; use the "
                         "dtype of the checkpoint", r->dtype, dtype);
    if (r->seed != dcl_graph_seed(graph))
        return dcl__fail(error, DCL_EINVAL, "the checkpoint was made with the seed %" PRIu64 ", but the "
                         "graph has the seed %" PRIu64 "; use the seed of the checkpoint", r->seed,
    dcl_graph_seed(graph));
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph) && !status; value++)
        if (dcl_value_kind(graph, value) == DCL_VALUE_PARAMETER)
            status = check_parameter(r, graph, value, error);
    json_object_foreach((json_t *)(uintptr_t)r->parameters, name, shape)
        if (!status && dcl_value_kind(graph, dcl_value_find(graph, name)) != DCL_VALUE_PARAMETER)
            status = dcl__fail(error, DCL_EINVAL,
                               "the graph lacks parameter '%s' of the checkpoint; it is another graph",
                               name);
    return status;
}

static dcl_status read_parameter(const char *folder, const dcl_graph *graph, dcl_value value,
                                 dcl__array *array,
                                 dcl_error *error)
{
    char one[DCL__SHAPE_TEXT], two[DCL__SHAPE_TEXT];
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    char *path = parameter_path(folder, dcl_value_name(graph, value), error);
    dcl_status status = path ? dcl__array_read(path, tensor->dtype, array, error) : DCL_ENOMEM;
    if (!status && (array->rank != tensor->rank || memcmp(array->dim, tensor->dim,
                                                          array->rank * sizeof *array->dim)))
        status = dcl__fail(error, DCL_EFORMAT, "%s: the file holds %s numbers, but checkpoint.json says %s; "
                           "it was changed since", path, dcl__dimensions_text(array->rank, array->dim, one),
                           dcl__shape_text(tensor, two));
    free(path);
    return status;
}

static dcl_status feed_parameters(const char *folder, dcl_session *session, const dcl_graph *graph,
                                  dcl__array *arrays, dcl_error *error)
{
    dcl_value count = dcl_graph_value_count(graph);
    dcl_status status = DCL_OK;
    for (dcl_value value = 1; value <= count && !status; value++)
        if (dcl_value_kind(graph, value) == DCL_VALUE_PARAMETER)
            status = read_parameter(folder, graph, value, &arrays[value - 1], error);
    for (dcl_value value = 1; value <= count && !status; value++)
        if (dcl_value_kind(graph, value) == DCL_VALUE_PARAMETER)
            status = dcl_session_feed(session, dcl_value_name(graph, value), dcl_graph_dtype(graph),
                                      arrays[value - 1].data, error);
    return status;
}

/* Reads all parameters into arrays, one for each value of the graph, and feeds them then. */
static dcl_status restore(const char *folder, const record *r, dcl_session *session, const dcl_graph *graph,
                          dcl_error *error)
{
    size_t count = (size_t)dcl_graph_value_count(graph);
    dcl__array *arrays = calloc(count + 1, sizeof *arrays);
    char *path = dcl__format(error, "%s/%s", folder, r->data);
    dcl_status status = arrays ? DCL_OK : dcl__no_memory(error, "a checkpoint",
                                                         (int64_t)(count * sizeof *arrays));
    if (!path || status)
        status = DCL_ENOMEM;
    else
        status = feed_parameters(path, session, graph, arrays, error);
    if (!status)
        dcl_session_set_steps(session, r->step);
    for (size_t i = 0; arrays && i < count; i++)
        dcl__array_free(&arrays[i]);
    free(arrays);
    free(path);
    return status;
}

dcl_status dcl__checkpoint_read(const char *folder, dcl_session *session, const dcl_graph *graph,
                                dcl_error *error)
{
    record r = {0};
    char *file = dcl__format(error, "%s/checkpoint.json", folder);
    if (!file)
        return DCL_ENOMEM;
    dcl_status status = dcl__json_read(file, format, &r.object, error);
    if (!status) {
        status = read_record(&r, error);
        if (!status)
            status = check_graph(&r, graph, error);
        if (status)
            dcl__prefix(error, status, "%s", file);
        else
            status = restore(folder, &r, session, graph, error);
        json_decref(r.object);
    }
    free(file);
    return status;
}

int dcl__checkpoint_exists(const char *folder)
{
    char *file = dcl__format(NULL, "%s/checkpoint.json", folder);
    json_t *object = NULL;
    const int exists = file && dcl__json_read(file, format, &object, NULL) == DCL_OK;
    json_decref(object);
    free(file);
    return exists;
}

void dcl__checkpoint_remove(const char *folder)
{
    char *file = dcl__format(NULL, "%s/checkpoint.json", folder);
    if (file)
        unlink(file);
    free(file);
    remove_others(folder, "");
    rmdir(folder);
}
