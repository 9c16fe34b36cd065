/* registry.c: finds plugin files and keeps the ops they bring, in the order of names. */
#include "core/registry.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/memory.h"
#include "core/plugin.h"

static const char suffix[] = ".dclop.so";

struct dcl_registry {
    dcl__op *ops;
    dcl__plugin **plugins;
    char **warnings;
    size_t op_count, op_capacity, plugin_count, plugin_capacity, warning_count, warning_capacity;
};

/* ---- Looking up ---- */

size_t dcl_registry_count(const dcl_registry *registry)
{
    return registry->op_count;
}

const dcl_op *dcl_registry_op(const dcl_registry *registry, size_t i)
{
    return &registry->ops[i].op;
}

const char *dcl_registry_file(const dcl_registry *registry, size_t i)
{
    return registry->ops[i].file;
}

const dcl_plugin *dcl_registry_plugin(const dcl_registry *registry, size_t i)
{
    return registry->ops[i].plugin;
}

const char *dcl_registry_warning(const dcl_registry *registry, size_t i)
{
    return i < registry->warning_count ? registry->warnings[i] : NULL;
}

static int compare_ops(const void *a, const void *b)
{
    return strcmp(((const dcl__op *)a)->op.name, ((const dcl__op *)b)->op.name);
}

const dcl__op *dcl__registry_find(const dcl_registry *registry, const char *name)
{
    dcl__op key = {.op.name = name};
    if (registry->op_count == 0)
        return NULL;
    return bsearch(&key, registry->ops, registry->op_count, sizeof key, compare_ops);
}

const dcl_op *dcl_registry_find(const dcl_registry *registry, const char *name)
{
    const dcl__op *found = dcl__registry_find(registry, name);
    return found ? &found->op : NULL;
}

const dcl__op *dcl__registry_accumulator(const dcl_registry *registry)
{
    for (size_t i = 0; i < registry->op_count; i++)
        if (registry->ops[i].op.flags & DCL_OP_ACCUMULATES)
            return &registry->ops[i];
    return NULL;
}

size_t dcl__distance(const char *a, const char *b)
{
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], length = strlen(b);
    if (length > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
        }
    }
    return row[length];
}

dcl_status dcl__registry_unknown(const dcl_registry *registry, const char *name, dcl_error *error)
{
    const char *nearest = NULL;
    size_t best = strlen(name) / 2 + 1;
    for (size_t i = 0; i < registry->op_count; i++)
        if (dcl__distance(name, registry->ops[i].op.name) < best) {
            nearest = registry->ops[i].op.name;
            best = dcl__distance(name, nearest);
        }
    return dcl__fail(error, DCL_EGRAPH, "there is no op '%s' among the %zu that are loaded%s%s%s (`dropcl ops` lists "
                     "them; DROPCL_PLUGIN_PATH adds plugins)", name, registry->op_count,
                     nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

/* ---- Adding plugins ---- */

static int is_loaded(const dcl_registry *registry, const char *file)
{
    char *real = realpath(file, NULL);
    int found = 0;
    for (size_t i = 0; real && !found && i < registry->plugin_count; i++)
        found = strcmp(registry->plugins[i]->file, real) == 0;
    free(real);
    return found;
}

/* What is named comes first, and is tried in place of an installed op of that name. */
static dcl_status add_op(dcl_registry *registry, const dcl__plugin *plugin, const dcl_op *record, int is_named,
                         dcl_error *error)
{
    const dcl__op *known = dcl__registry_find(registry, record->name);
    if (known && known->is_named && !is_named)
        return DCL_OK;
    if (known)
        return dcl__fail(error, DCL_EPLUGIN, "two plugins bring an op '%s': %s and %s (remove one of them)",
                         record->name, known->file, plugin->file);
    dcl_status status = dcl__grow(&registry->ops, sizeof *registry->ops, registry->op_count, &registry->op_capacity,
                                  "the list of ops", error);
    if (status)
        return status;
    dcl__op *added = &registry->ops[registry->op_count++];
    dcl__plugin_copy_op(record, &added->op);
    added->file = plugin->file;
    added->plugin = &plugin->plugin;
    added->is_named = is_named;
    qsort(registry->ops, registry->op_count, sizeof *registry->ops, compare_ops);
    return DCL_OK;
}

static dcl_status add_file(dcl_registry *registry, const char *file, int is_named, dcl_error *error)
{
    if (is_loaded(registry, file))
        return DCL_OK;
    dcl_status status = dcl__grow(&registry->plugins, sizeof *registry->plugins, registry->plugin_count,
                                  &registry->plugin_capacity, "the list of plugins", error);
    if (status)
        return status;
    dcl__plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin)
        return dcl__no_memory(error, "a plugin", sizeof *plugin);
    status = dcl__plugin_load(file, plugin, error);
    if (status) {
        free(plugin);
        return status;
    }
    registry->plugins[registry->plugin_count++] = plugin;
    for (const dcl_op *const *op = plugin->plugin.ops; status == DCL_OK && *op; op++)
        status = add_op(registry, plugin, *op, is_named, error);
    return status;
}

/* Notes why a file of a folder was passed over. */
static dcl_status warn(dcl_registry *registry, const char *text, dcl_error *error)
{
    dcl_status status = dcl__grow(&registry->warnings, sizeof *registry->warnings, registry->warning_count,
                                  &registry->warning_capacity, "the list of warnings", error);
    char *copy = status ? NULL : dcl__copy_string(text, error);
    if (!copy)
        return DCL_ENOMEM;
    registry->warnings[registry->warning_count++] = copy;
    return DCL_OK;
}

static int is_plugin_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length >= sizeof suffix && strcmp(entry->d_name + length - (sizeof suffix - 1), suffix) == 0;
}

/* A file of a folder that does not load is passed over; a clash of op names or a lack of memory is not. */
static dcl_status add_from_folder(dcl_registry *registry, const char *file, dcl_error *error)
{
    dcl_error found = {0};
    size_t plugins = registry->plugin_count;
    dcl_status status = add_file(registry, file, 0, &found);
    if (status == DCL_EPLUGIN && registry->plugin_count == plugins)
        return warn(registry, found.text, error);
    return status ? dcl__fail(error, status, "%s", found.text) : DCL_OK;
}

static dcl_status add_folder(dcl_registry *registry, const char *folder, dcl_error *error)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_plugin_name, alphasort);
    if (count < 0)
        return dcl__fail(error, DCL_EPLUGIN, "plugin folder %s cannot be read", folder);
    dcl_status status = DCL_OK;
    for (int i = 0; i < count; i++) {
        char *file = status ? NULL : dcl__format(error, "%s/%s", folder, entries[i]->d_name);
        if (!status)
            status = file ? add_from_folder(registry, file, error) : DCL_ENOMEM;
        free(file);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* ---- Where to look ---- */

static int is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The folders of a ':'-separated list, or its files; `names`: those are what somebody asks for. */
static dcl_status add_parts(dcl_registry *registry, const char *path, int folders, int names, dcl_error *error)
{
    char *copy = dcl__copy_string(path, error), *rest;
    if (!copy)
        return DCL_ENOMEM;
    dcl_status status = DCL_OK;
    for (char *part = strtok_r(copy, ":", &rest); part && status == DCL_OK; part = strtok_r(NULL, ":", &rest))
        if (is_folder(part) == folders)
            status = folders ? add_folder(registry, part, error) : add_file(registry, part, names, error);
    free(copy);
    return status;
}

/* Files first, since what is named goes before what is found. */
static dcl_status add_path(dcl_registry *registry, const char *path, int names, dcl_error *error)
{
    dcl_status status = add_parts(registry, path, 0, names, error);
    return status ? status : add_parts(registry, path, 1, names, error);
}

/* The folder of the plugins that come with dropcl: dropcl/ops beside the library where it is installed,
 * ops beside the library in a build folder. */
static int own_folder(char folder[PATH_MAX])
{
    static const char *const places[] = {"dropcl/ops", "ops"};
    Dl_info library;
    char real[PATH_MAX];
    if (!dladdr(places, &library) || !library.dli_fname || !realpath(library.dli_fname, real))
        return 0;
    *(strrchr(real, '/')) = '\0';
    for (int i = 0; i < 2; i++)
        if ((size_t)snprintf(folder, PATH_MAX, "%s/%s", real, places[i]) < PATH_MAX && is_folder(folder))
            return 1;
    return 0;
}

dcl_status dcl_registry_open(const char *path, dcl_registry **registry, dcl_error *error)
{
    dcl_registry *opened = calloc(1, sizeof *opened);
    if (!opened)
        return dcl__no_memory(error, "the registry of ops", sizeof *opened);
    const char *variable = getenv("DROPCL_PLUGIN_PATH");
    char own[PATH_MAX];
    dcl_status status = path ? add_path(opened, path, 1, error) : DCL_OK;
    if (status == DCL_OK && variable)
        status = add_path(opened, variable, 0, error);
    if (status == DCL_OK && own_folder(own))
        status = add_folder(opened, own, error);
    if (status)
        dcl_registry_close(opened);
    else
        *registry = opened;
    return status;
}

void dcl_registry_close(dcl_registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->plugin_count; i++) {
        free(registry->plugins[i]->file);
        free(registry->plugins[i]);
    }
    for (size_t i = 0; i < registry->warning_count; i++)
        free(registry->warnings[i]);
    free(registry->plugins);
    free(registry->warnings);
    free(registry->ops);
    free(registry);
}
