/* graph_attributes.c: the attributes of a node as a JSON object, and back. */
#include "formats/graph_attributes.h"

#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/schema.h"
#include "formats/json.h"

/* ---- Writing ---- */

/* All attributes with their defaults, save that the required ones, which have none, are as given. */
static dcl_setting *resolve_defaults(const dcl_node_info *node)
{
    const dcl_op *op = node->op;
    dcl_setting required[64] = {{0}}, *defaults = NULL;
    size_t count = 0;
    for (const dcl_setting *setting = node->settings; setting->name && count < 63; setting++)
        if (dcl__attribute_find(op, setting->name)->flags & DCL_ATTRIBUTE_REQUIRED)
            required[count++] = *setting;
    return dcl__settings_resolve(op, required, &defaults, NULL) ? NULL : defaults;
}

/* Numbers are compared by their bits, because NaN and -0 count as well. */
static int is_same(uint32_t kind, const dcl_setting *a, const dcl_setting *b)
{
    switch (kind) {
    case DCL_NUMBER: return memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case DCL_STRING: return strcmp(a->string, b->string) == 0;
    case DCL_LIST:
        return a->count == b->count
            && (a->count == 0 || memcmp(a->list, b->list, (size_t)a->count * sizeof *a->list) == 0);
    default: return a->integer == b->integer;
    }
}

static json_t *write_setting(uint32_t kind, const dcl_setting *setting)
{
    switch (kind) {
    case DCL_NUMBER: return dcl__json_from_number(setting->number);
    case DCL_STRING: return json_string(setting->string);
    case DCL_LIST: return dcl__json_from_integers(setting->list, (size_t)setting->count);
    case DCL_FLAG: return json_boolean(setting->integer);
    default: return json_integer(setting->integer);
    }
}

json_t *dcl__attributes_write(const dcl_node_info *node)
{
    dcl_setting *defaults = resolve_defaults(node);
    json_t *object = defaults ? json_object() : NULL;
    for (size_t i = 0; object && node->settings[i].name; i++) {
        const dcl_setting *setting = &node->settings[i];
        const dcl_attribute *a = dcl__attribute_find(node->op, setting->name);
        if ((a->flags & DCL_ATTRIBUTE_REQUIRED) || !is_same(a->kind, setting, &defaults[i]))
            object = dcl__json_put(object, a->name, write_setting(a->kind, setting));
    }
    dcl__settings_free(node->op, defaults);
    return object;
}

/* ---- Reading ---- */

static dcl_status read_list(const json_t *object, const char *name, dcl_setting *setting, dcl_error *error)
{
    size_t count = json_array_size(json_object_get(object, name));
    int64_t *list = malloc((count + 1) * sizeof *list);
    if (!list)
        return dcl__no_memory(error, "a list attribute", (int64_t)((count + 1) * sizeof *list));
    setting->list = list;
    dcl_status status = dcl__json_get_integers(object, name, count, list, &count, error);
    setting->count = (int64_t)count;
    return status;
}

static dcl_status read_flag(const json_t *object, const char *name, dcl_setting *setting, dcl_error *error)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_boolean(value))
        return dcl__fail(error, DCL_EFORMAT, "'%s' must be true or false", name);
    setting->integer = json_is_true(value);
    return DCL_OK;
}

static dcl_status read_setting(const dcl_attribute *a, const json_t *object, dcl_setting *setting,
                               dcl_error *error)
{
    const json_t *text;
    dcl_status status;
    switch (a->kind) {
    case DCL_NUMBER: return dcl__json_get_number(object, a->name, &setting->number, error);
    case DCL_LIST: return read_list(object, a->name, setting, error);
    case DCL_FLAG: return read_flag(object, a->name, setting, error);
    case DCL_STRING:
        status = dcl__json_member(object, a->name, JSON_STRING, DCL__REQUIRED, &text, error);
        if (status)
            return status;
        setting->string = dcl__copy_string(json_string_value(text), error);
        return setting->string ? DCL_OK : DCL_ENOMEM;
    default: return dcl__json_get_integer(object, a->name, INT64_MIN, INT64_MAX, &setting->integer, error);
    }
}

dcl_status dcl__attributes_read(const dcl_op *op, const json_t *object, dcl_setting **settings,
                                dcl_error *error)
{
    size_t most = json_object_size(object) + 1, count = 0;
    dcl_setting *made = calloc(most, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "attributes", (int64_t)(most * sizeof *made));
    dcl_status status = DCL_OK;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        const dcl_attribute *a = dcl__attribute_find(op, name);
        made[count].name = name;
        if (a && !status)
            status = read_setting(a, object, &made[count], error);
        count++;
    }
    if (status) {
        dcl__settings_free(op, made);
        return dcl__prefix(error, status, "op '%s', attribute", op->name);
    }
    *settings = made;
    return DCL_OK;
}
