/* schema.c: checks attributes against an op's schema and fills in the defaults. */
#include "core/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

static size_t attribute_count(const dcl_op *op)
{
    size_t count = 0;
    while (op->attributes && op->attributes[count].name)
        count++;
    return count;
}

uint32_t dcl__port_count(const dcl_port *ports)
{
    uint32_t count = 0;
    while (ports && ports[count].name)
        count++;
    return count;
}

const char *dcl__kind_name(uint32_t kind)
{
    static const char *const names[] = {"unknown", "integer", "number", "flag", "string", "list"};
    return names[kind <= DCL_LIST ? kind : 0];
}

const dcl_setting *dcl__setting_find(const dcl_setting *settings, const char *name)
{
    for (; settings && settings->name; settings++)
        if (strcmp(settings->name, name) == 0)
            return settings;
    return NULL;
}

const dcl_attribute *dcl__attribute_find(const dcl_op *op, const char *name)
{
    for (const dcl_attribute *a = op->attributes; a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

/* ---- Checking ---- */

/* Whether `word` is one of "first|second|third". */
static int is_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == length && strncmp(at, word, length) == 0)
            return 1;
    return 0;
}

static dcl_status check_number(const dcl_op *op, const dcl_attribute *a, double number, dcl_error *error)
{
    if (isnan(number))
        return dcl__fail(error, DCL_EGRAPH, "op '%s': attribute '%s' is not a number", op->name, a->name);
    if ((a->least != 0 || a->most != 0) && (number < a->least || number > a->most))
        return dcl__fail(error, DCL_EGRAPH, "op '%s': attribute '%s' is %g, it must be from %g to %g", op->name,
                         a->name, number, a->least, a->most);
    return DCL_OK;
}

static dcl_status check_setting(const dcl_op *op, const dcl_attribute *a, const dcl_setting *setting,
                                dcl_error *error)
{
    dcl_status status = DCL_OK;
    switch (a->kind) {
    case DCL_NUMBER:
        return check_number(op, a, setting->number, error);
    case DCL_INTEGER:
        return check_number(op, a, (double)setting->integer, error);
    case DCL_FLAG:
        if (setting->integer != 0 && setting->integer != 1)
            return dcl__fail(error, DCL_EGRAPH, "op '%s': flag '%s' is %" PRId64 ", it must be 0 or 1", op->name,
                             a->name, setting->integer);
        return DCL_OK;
    case DCL_STRING:
        if (a->words && !is_word(a->words, setting->string))
            return dcl__fail(error, DCL_EGRAPH, "op '%s': attribute '%s' is '%s', it must be one of %s", op->name,
                             a->name, setting->string, a->words);
        return DCL_OK;
    default:
        for (int64_t i = 0; i < setting->count && status == DCL_OK; i++)
            status = check_number(op, a, (double)setting->list[i], error);
        return status;
    }
}

static dcl_status check_names(const dcl_op *op, const dcl_setting *given, dcl_error *error)
{
    for (; given && given->name; given++)
        if (!dcl__attribute_find(op, given->name))
            return dcl__fail(error, DCL_EGRAPH, "op '%s' has no attribute '%s' (`dropcl ops %s` lists them)", op->name,
                             given->name, op->name);
    return DCL_OK;
}

/* ---- Filling in ---- */

/* An owned copy of the first word of "first|second", or of "". */
static char *default_word(const char *words, dcl_error *error)
{
    words = words ? words : "";
    return dcl__format(error, "%.*s", (int)strcspn(words, "|"), words);
}

static dcl_status copy_list(const dcl_setting *given, dcl_setting *made, dcl_error *error)
{
    if (given->count < 0)
        return dcl__fail(error, DCL_EGRAPH, "a list attribute has a negative count");
    size_t bytes = (size_t)(given->count > 0 ? given->count : 1) * sizeof(int64_t);
    int64_t *list = malloc(bytes);
    if (!list)
        return dcl__no_memory(error, "a list attribute", (int64_t)bytes);
    if (given->count > 0)
        memcpy(list, given->list, (size_t)given->count * sizeof *list);
    made->list = list;
    made->count = given->count;
    return DCL_OK;
}

static dcl_status resolve_one(const dcl_op *op, const dcl_attribute *a, const dcl_setting *given,
                              dcl_setting *made, dcl_error *error)
{
    static const dcl_setting none = {0};
    if (!given && (a->flags & DCL_ATTRIBUTE_REQUIRED))
        return dcl__fail(error, DCL_EGRAPH, "op '%s' needs attribute '%s' (%s)", op->name, a->name, a->doc);
    made->name = a->name;
    if (a->kind == DCL_STRING) {
        made->string = given && given->string ? dcl__copy_string(given->string, error) : default_word(a->words, error);
        if (!made->string)
            return DCL_ENOMEM;
    } else if (a->kind == DCL_LIST) {
        dcl_status status = copy_list(given ? given : &none, made, error);
        if (status)
            return status;
    } else if (a->kind == DCL_NUMBER) {
        made->number = given ? given->number : a->fallback;
    } else {
        made->integer = given ? given->integer : (int64_t)a->fallback;
    }
    return given ? check_setting(op, a, made, error) : DCL_OK;
}

dcl_status dcl__settings_resolve(const dcl_op *op, const dcl_setting *given, dcl_setting **settings,
                                 dcl_error *error)
{
    dcl_status status = check_names(op, given, error);
    if (status)
        return status;
    size_t count = attribute_count(op);
    dcl_setting *made = calloc(count + 1, sizeof *made);
    if (!made)
        return dcl__no_memory(error, "attributes", (int64_t)((count + 1) * sizeof *made));
    for (size_t i = 0; i < count && status == DCL_OK; i++)
        status = resolve_one(op, &op->attributes[i], dcl__setting_find(given, op->attributes[i].name), &made[i],
                             error);
    if (status)
        dcl__settings_free(op, made);
    else
        *settings = made;
    return status;
}

void dcl__settings_free(const dcl_op *op, dcl_setting *settings)
{
    for (dcl_setting *setting = settings; setting && setting->name; setting++) {
        const dcl_attribute *a = dcl__attribute_find(op, setting->name);
        if (a && a->kind == DCL_STRING)
            free((void *)(uintptr_t)setting->string);
        if (a && a->kind == DCL_LIST)
            free((void *)(uintptr_t)setting->list);
    }
    free(settings);
}

/* ---- Parsing ---- */

/* A whole number; *end is where it ends, NULL for one that 64 bits do not hold. */
static int64_t parse_integer(const char *text, char **end)
{
    errno = 0;
    int64_t integer = strtoll(text, end, 10);
    if (errno == ERANGE)
        *end = NULL;
    return integer;
}

static dcl_status parse_list(const char *text, dcl_setting *setting, dcl_error *error)
{
    size_t most = 1;
    for (const char *at = text; *at; at++)
        most += *at == ',';
    int64_t *list = malloc(most * sizeof *list), count = 0;
    if (!list)
        return dcl__no_memory(error, "a list attribute", (int64_t)(most * sizeof *list));
    setting->list = list;
    for (char *end; *text; text = *end == ',' ? end + 1 : end) {
        list[count++] = parse_integer(text, &end);
        if (!end || end == text || (*end && *end != ','))
            return dcl__fail(error, DCL_EGRAPH, "'%s' is not a list of integers like 3,4", text);
    }
    setting->count = count;
    return DCL_OK;
}

static dcl_status parse_value(const dcl_attribute *a, const char *text, dcl_setting *setting, dcl_error *error)
{
    char *end = NULL;
    setting->name = a->name;
    if (a->kind == DCL_STRING)
        return (setting->string = dcl__copy_string(text, error)) ? DCL_OK : DCL_ENOMEM;
    if (a->kind == DCL_LIST)
        return parse_list(text, setting, error);
    if (a->kind == DCL_NUMBER)
        setting->number = strtod(text, &end);
    else
        setting->integer = parse_integer(text, &end);
    if (!end || end == text || *end)
        return dcl__fail(error, DCL_EGRAPH, "attribute '%s': '%s' is no %s", a->name, text, dcl__kind_name(a->kind));
    return DCL_OK;
}

/* One "name=value" into `setting`, the first free row of `known`; `word` is cut at the '='. */
static dcl_status parse_word(const dcl_op *op, char *word, const dcl_setting *known, dcl_setting *setting,
                             dcl_error *error)
{
    char *equals = strchr(word, '=');
    if (!equals)
        return dcl__fail(error, DCL_EGRAPH, "'%s' is not of the form name=value", word);
    *equals = '\0';
    const dcl_attribute *a = dcl__attribute_find(op, word);
    if (!a)
        return dcl__fail(error, DCL_EGRAPH, "op '%s' has no attribute '%s'", op->name, word);
    if (dcl__setting_find(known, word))
        return dcl__fail(error, DCL_EGRAPH, "attribute '%s' is given twice", word);
    return parse_value(a, equals + 1, setting, error);
}

dcl_status dcl__settings_parse(const dcl_op *op, const char *text, dcl_setting **settings, dcl_error *error)
{
    size_t count = 0;
    dcl_setting *made = calloc(attribute_count(op) + 1, sizeof *made);
    char *copy = dcl__copy_string(text ? text : "", error), *rest = NULL;
    dcl_status status = made && copy ? DCL_OK : dcl__no_memory(error, "attributes", (int64_t)sizeof *made);
    for (char *word = copy ? strtok_r(copy, " ", &rest) : NULL; word && status == DCL_OK;
         word = strtok_r(NULL, " ", &rest))
        status = parse_word(op, word, made, &made[count++], error);
    free(copy);
    if (status)
        dcl__settings_free(op, made);
    else
        *settings = made;
    return status;
}
