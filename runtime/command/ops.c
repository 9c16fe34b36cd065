/* ops.c: `dropcl ops`: lists the ops, their inputs, outputs and attributes. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/files.h"
#include "core/registry.h"
#include "core/schema.h"
#include "core/tensor.h"
#include "formats/json.h"

static void print_ports(const char *title, const dcl_port *ports)
{
    for (; ports && ports->name; ports++)
        printf("    %-10s %-14s %-8s %s%s\n", title, ports->name, dcl__dtype_name(ports->dtypes), ports->doc,
               ports->flags & DCL_PORT_OPTIONAL ? " (optional)" : "");
}

static void print_attribute(const dcl_attribute *a)
{
    printf("    %-10s %-14s %-8s %s (", "attribute", a->name, dcl__kind_name(a->kind), a->doc);
    if (a->flags & DCL_ATTRIBUTE_REQUIRED)
        printf("required");
    else if (a->kind == DCL_STRING)
        printf("default %.*s", (int)strcspn(a->words ? a->words : "''", "|"), a->words ? a->words : "''");
    else if (a->kind == DCL_LIST)
        printf("default empty");
    else
        printf("default %g", a->fallback);
    if (a->words)
        printf("; %s", a->words);
    if (a->least != 0 || a->most != 0)
        printf("; %g to %g", a->least, a->most);
    printf(")\n");
}

static void print_op(const dcl_registry *registry, size_t i)
{
    const dcl_op *op = dcl_registry_op(registry, i);
    const dcl_plugin *plugin = dcl_registry_plugin(registry, i);
    printf("%-20s %s\n", op->name, op->doc);
    printf("    %-10s %s %s, %s\n", "plugin", plugin->id, plugin->version, dcl_registry_file(registry, i));
    print_ports("input", op->inputs);
    print_ports("output", op->outputs);
    for (const dcl_attribute *a = op->attributes; a && a->name; a++)
        print_attribute(a);
    printf("    %-10s %s\n    %-10s %s\n\n", "gradient", op->gradient ? "yes" : "no", "waits",
           op->flags & DCL_OP_WAITS ? "yes, for the device" : "no");
}

static json_t *ports_json(const dcl_port *ports)
{
    json_t *list = json_array();
    for (; ports && ports->name; ports++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "name", ports->name, "doc", ports->doc,
                                              "dtypes", dcl__dtype_name(ports->dtypes),
                                              "optional", (ports->flags & DCL_PORT_OPTIONAL) != 0));
    return list;
}

static json_t *op_json(const dcl_registry *registry, size_t i)
{
    const dcl_op *op = dcl_registry_op(registry, i);
    const dcl_plugin *plugin = dcl_registry_plugin(registry, i);
    json_t *attributes = json_array();
    for (const dcl_attribute *a = op->attributes; a && a->name; a++)
        json_array_append_new(attributes, json_pack("{s:s, s:s, s:s, s:f, s:o, s:o, s:s?, s:b}", "name", a->name,
                                                    "doc", a->doc, "kind", dcl__kind_name(a->kind),
                                                    "default", a->fallback, "least", dcl__json_from_number(a->least),
                                                    "most", dcl__json_from_number(a->most),
                                                    "words", a->words,
                                                    "required", (a->flags & DCL_ATTRIBUTE_REQUIRED) != 0));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o}", "name", op->name, "doc",
                     op->doc, "plugin", plugin->id, "version", plugin->version,
                     "file", dcl_registry_file(registry, i), "gradient", op->gradient != NULL,
                     "waits", (op->flags & DCL_OP_WAITS) != 0, "inputs", ports_json(op->inputs),
                     "outputs", ports_json(op->outputs), "attributes", attributes);
}

/* Prints one op by name or all of them; the exit status. */
static int print_ops(const dcl_registry *registry, const char *wanted, int json)
{
    dcl_error error;
    json_t *list = json_array();
    if (wanted && !dcl_registry_find(registry, wanted)) {
        json_decref(list);
        return dcl__exit(dcl__registry_unknown(registry, wanted, &error), &error);
    }
    for (size_t i = 0; i < dcl_registry_count(registry); i++) {
        if (wanted && strcmp(dcl_registry_op(registry, i)->name, wanted))
            continue;
        if (json)
            json_array_append_new(list, op_json(registry, i));
        else
            print_op(registry, i);
    }
    if (json)
        dcl__print_json(list);
    json_decref(list);
    return DCL__EXIT_DONE;
}

int dcl__command_ops(int argc, char **argv)
{
    int json = 0;
    const char *plugins = NULL;
    const dcl__option options[] = {
        {"--json", NULL, "write JSON", DCL__OPTION_FLAG, &json},
        {"--plugins", "PATH", "further plugin files or folders, separated by ':'", DCL__OPTION_TEXT, &plugins},
        {0}};
    const dcl__usage usage = {"ops", "[NAME] [--json]", "Lists every op: its formula, plugin, inputs, outputs, "
                              "attributes and whether it has a\ngradient.", NULL, options, 0, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    dcl_registry *registry = NULL;
    dcl_error error;
    dcl_status status = dcl_registry_open(plugins, &registry, &error);
    if (status)
        return dcl__exit(status, &error);
    const char *warning;
    for (size_t i = 0; (warning = dcl_registry_warning(registry, i)); i++)
        dcl__complain("%s", warning);
    int result = print_ops(registry, positional[0], json);
    dcl_registry_close(registry);
    return result;
}
