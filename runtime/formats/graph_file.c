/* graph_file.c: graphs as JSON files. */
#include "formats/graph_file.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/registry.h"
#include "core/schema.h"
#include "core/tensor.h"
#include "formats/graph_attributes.h"
#include "formats/json.h"

static const char format[] = "dropcl-graph/1";

/* ---- Writing ---- */

static json_t *put_nonzero(json_t *entry, const char *key, double number)
{
    return number == 0 && !signbit(number) ? entry : dcl__json_put(entry, key, dcl__json_from_number(number));
}

static json_t *write_source(const dcl_graph *graph, dcl_value value)
{
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    dcl_initial initial = dcl_value_initial(graph, value);
    int kind = dcl_value_kind(graph, value);
    json_t *entry = dcl__json_put(json_object(), "name", json_string(dcl_value_name(graph, value)));
    entry = dcl__json_put(entry, "shape", dcl__json_from_integers(tensor->dim, tensor->rank));
    if (kind == DCL_VALUE_INPUT && tensor->dtype == DCL_I64)
        entry = dcl__json_put(entry, "dtype", json_string("i64"));
    if (kind == DCL_VALUE_CONSTANT)
        return dcl__json_put(entry, "fill", dcl__json_from_number(initial.fill));
    entry = put_nonzero(entry, "fill", initial.fill);
    entry = put_nonzero(entry, "deviation", initial.deviation);
    return initial.stream ? dcl__json_put(entry, "stream", json_integer(initial.stream)) : entry;
}

static json_t *write_sources(const dcl_graph *graph, int kind)
{
    json_t *list = json_array();
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++)
        if (dcl_value_kind(graph, value) == kind)
            list = dcl__json_append(list, write_source(graph, value));
    return list;
}

/* Adds a list or object unless it is empty. */
static json_t *put_filled(json_t *entry, const char *key, json_t *member)
{
    if (!member || json_array_size(member) || json_object_size(member))
        return dcl__json_put(entry, key, member);
    json_decref(member);
    return entry;
}

static json_t *write_node(const dcl_graph *graph, const dcl_node_info *node)
{
    json_t *inputs = json_array();
    for (uint32_t i = 0; i < node->input_count; i++) {
        dcl_value value = node->inputs[i];
        inputs = dcl__json_append(inputs, value ? json_string(dcl_value_name(graph, value)) : json_null());
    }
    json_t *entry = dcl__json_put(json_object(), "name", json_string(node->name));
    entry = dcl__json_put(entry, "op", json_string(node->op->name));
    entry = put_filled(entry, "inputs", inputs);
    return put_filled(entry, "attributes", dcl__attributes_write(node));
}

static json_t *write_nodes(const dcl_graph *graph)
{
    json_t *list = json_array();
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++) {
        dcl_node_info node = dcl_graph_node(graph, i);
        list = dcl__json_append(list, write_node(graph, &node));
    }
    return list;
}

static json_t *write_assignments(const dcl_graph *graph)
{
    json_t *object = json_object();
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++) {
        dcl_value assigned = dcl_value_assigned(graph, value);
        if (assigned)
            object = dcl__json_put(object, dcl_value_name(graph, value),
                                   json_string(dcl_value_name(graph, assigned)));
    }
    return object;
}

static json_t *write_results(const dcl_graph *graph)
{
    json_t *object = json_object();
    for (size_t i = 0; i < dcl_graph_result_count(graph); i++)
        object = dcl__json_put(object, dcl_graph_result_name(graph, i),
                               json_string(dcl_value_name(graph, dcl_graph_result_value(graph, i))));
    return object;
}

dcl_status dcl__graph_write(const dcl_graph *graph, const char *file, dcl_error *error)
{
    dcl_status status = dcl_graph_status(graph, error);
    if (status)
        return dcl__prefix(error, status, "%s", file);
    json_t *root = dcl__json_put(json_object(), "format", json_string(format));
    root = dcl__json_put(root, "dtype", json_string(dcl__dtype_name(dcl_graph_dtype(graph))));
    root = dcl__json_put(root, "seed", dcl__json_from_unsigned(dcl_graph_seed(graph)));
    root = dcl__json_put(root, "inputs", write_sources(graph, DCL_VALUE_INPUT));
    root = dcl__json_put(root, "parameters", write_sources(graph, DCL_VALUE_PARAMETER));
    root = dcl__json_put(root, "constants", write_sources(graph, DCL_VALUE_CONSTANT));
    root = dcl__json_put(root, "nodes", write_nodes(graph));
    root = dcl__json_put(root, "assign", write_assignments(graph));
    root = dcl__json_put(root, "results", write_results(graph));
    status = dcl__json_write(file, root, error);
    json_decref(root);
    return status;
}

/* ---- Reading entries ---- */

/* A kind of entries: the key of their list, what one of them is called, and the keys that it may have. */
typedef struct section {
    const char *key, *word, *const *keys;
    int kind;                    /* DCL_VALUE_..., 0 for nodes                                       */
} section;

static const section inputs_section = {
    "inputs", "input", (const char *const[]){"name", "shape", "dtype", NULL}, DCL_VALUE_INPUT
};
static const section parameters_section = {
    "parameters", "parameter", (const char *const[]){"name", "shape", "fill", "deviation", "stream", NULL},
    DCL_VALUE_PARAMETER
};
static const section constants_section = {
    "constants", "constant", (const char *const[]){"name", "shape", "fill", NULL}, DCL_VALUE_CONSTANT
};
static const section nodes_section = {
    "nodes", "node", (const char *const[]){"name", "op", "inputs", "attributes", NULL}, 0
};

/* Checks that the i-th entry is an object with a name and without unknown keys. */
static dcl_status check_entry(const section *s, size_t i, const json_t *entry, dcl_error *error)
{
    const char *name;
    dcl_status status = dcl__json_check_type(entry, JSON_OBJECT, "it", error);
    if (!status)
        status = dcl__json_get_string(entry, "name", &name, error);
    if (status)
        return dcl__prefix(error, status, "entry %zu of '%s'", i + 1, s->key);
    status = dcl__json_check_keys(entry, s->keys, error);
    return status ? dcl__prefix(error, status, "%s '%s'", s->word, name) : DCL_OK;
}

static const char *entry_name(const json_t *entry)
{
    return json_string_value(json_object_get(entry, "name"));
}

/* ---- Reading inputs, parameters and constants ---- */

static dcl_status read_dtype(const json_t *entry, uint32_t *dtype, dcl_error *error)
{
    const json_t *text;
    dcl_status status = dcl__json_member(entry, "dtype", JSON_STRING, DCL__OPTIONAL, &text, error);
    if (status || !text)
        return status;
    if (strcmp(json_string_value(text), "i64") != 0)
        return dcl__fail(error, DCL_EFORMAT, "'dtype' is '%s'; write \"i64\" for indices and leave it out "
                         "for real values, which have the dtype of the graph", json_string_value(text));
    *dtype = DCL_I64;
    return DCL_OK;
}

static dcl_status read_source(dcl_graph *graph, int kind, const json_t *entry, dcl_error *error)
{
    const char *name = entry_name(entry);
    int64_t dim[DCL_MAX_RANK], stream = 0;
    size_t rank;
    uint32_t dtype = dcl_graph_dtype(graph);
    dcl_initial initial = {0};
    dcl_status status = dcl__json_get_integers(entry, "shape", DCL_MAX_RANK, dim, &rank, error);
    if (!status)
        status = read_dtype(entry, &dtype, error);
    if (!status)
        status = dcl__json_get_number(entry, "fill", &initial.fill, error);
    if (!status)
        status = dcl__json_get_number(entry, "deviation", &initial.deviation, error);
    if (!status)
        status = dcl__json_get_integer(entry, "stream", 0, UINT32_MAX, &stream, error);
    if (status)
        return status;
    initial.stream = (uint32_t)stream;
    if (kind == DCL_VALUE_INPUT)
        dcl_graph_input(graph, name, dtype, (uint32_t)rank, dim);
    else if (kind == DCL_VALUE_PARAMETER)
        dcl_graph_parameter(graph, name, (uint32_t)rank, dim, initial);
    else
        dcl_graph_constant(graph, name, (uint32_t)rank, dim, initial.fill);
    return dcl_graph_status(graph, error);
}

static dcl_status read_sources(dcl_graph *graph, const json_t *root, const section *s, dcl_error *error)
{
    const json_t *list;
    dcl_status status = dcl__json_member(root, s->key, JSON_ARRAY, DCL__OPTIONAL, &list, error);
    for (size_t i = 0; i < json_array_size(list) && !status; i++) {
        const json_t *entry = json_array_get(list, i);
        status = check_entry(s, i, entry, error);
        if (status)
            return status;
        status = read_source(graph, s->kind, entry, error);
        if (status)
            dcl__prefix(error, status, "%s '%s'", s->word, entry_name(entry));
    }
    return status;
}

/* ---- The order of nodes ---- */

/* Nodes in the order of the file, and their places in it by name. */
typedef struct node_list {
    const json_t *entries;
    json_t *places;
} node_list;

static const json_t *node_inputs(const node_list *nodes, size_t i)
{
    return json_object_get(json_array_get(nodes->entries, i), "inputs");
}

/* Writes the place of the node that makes the value; returns 0 when no node does. */
static int find_maker(const node_list *nodes, const char *name, size_t *place)
{
    size_t length = strlen(name), digits = 0;
    const json_t *found = json_object_getn(nodes->places, name, length);
    while (digits < length && isdigit((unsigned char)name[length - 1 - digits]))
        digits++;
    /* "NODE:1" is the second output of NODE, unless a node has this very name. */
    if (!found && digits && digits < length && name[length - 1 - digits] == ':')
        found = json_object_getn(nodes->places, name, length - 1 - digits);
    if (found)
        *place = (size_t)json_integer_value(found);
    return found != NULL;
}

/* A node whose makers are being put in order, and the input that is looked at next. */
typedef struct visit {
    size_t node, input;
} visit;

enum { UNSEEN, OPEN, DONE };

/* The open nodes from the one that is met again form the cycle. */
static dcl_status fail_cycle(const node_list *nodes, const visit *open, size_t count, size_t met,
                             dcl_error *error)
{
    char names[1024] = "";
    size_t first = 0, used = 0;
    while (open[first].node != met)
        first++;
    for (size_t i = first; i < count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s'%s'", i > first ? ", " : "",
                                 entry_name(json_array_get(nodes->entries, open[i].node)));
    return dcl__fail(error, DCL_EGRAPH, "a cycle: of the nodes %s%s each needs the next and the last one the "
                     "first; take one of these inputs away (what a step hands to the next one is a parameter "
                     "with an entry in 'assign')", names, used < sizeof names ? "" : "...");
}

/* Appends the node to the sequence, after all that it needs and that is not there yet. `open` has room for
 * all nodes. Without recursion, so that no file can exhaust the stack. */
static dcl_status put_in_order(const node_list *nodes, size_t node, unsigned char *states, visit *open,
                               size_t *sequence, size_t *count, dcl_error *error)
{
    size_t depth = 0, maker;
    if (states[node] == UNSEEN)
        open[depth++] = (visit){node, 0};
    while (depth) {
        visit *top = &open[depth - 1];
        states[top->node] = OPEN;
        const json_t *inputs = node_inputs(nodes, top->node);
        if (top->input == json_array_size(inputs)) {
            states[top->node] = DONE;
            sequence[(*count)++] = top->node;
            depth--;
            continue;
        }
        const char *name = json_string_value(json_array_get(inputs, top->input++));
        if (!name || !find_maker(nodes, name, &maker) || states[maker] == DONE)
            continue;
        if (states[maker] == OPEN)
            return fail_cycle(nodes, open, depth, maker, error);
        open[depth++] = (visit){maker, 0};
    }
    return DCL_OK;
}

/* Writes an order in which every node follows those that it needs,
the order of the file where that is one. */
static dcl_status find_order(const node_list *nodes, size_t *sequence, dcl_error *error)
{
    size_t total = json_array_size(nodes->entries), count = 0;
    unsigned char *states = calloc(total + 1, sizeof *states);
    visit *open = malloc((total + 1) * sizeof *open);
    dcl_status status = DCL_OK;
    if (!states || !open)
        status = dcl__no_memory(error, "the order of a graph", (int64_t)((total + 1) * sizeof *open));
    for (size_t i = 0; i < total && !status; i++)
        status = put_in_order(nodes, i, states, open, sequence, &count, error);
    free(states);
    free(open);
    return status;
}

/* ---- Reading nodes ---- */

static dcl_status check_inputs(const json_t *entry, dcl_error *error)
{
    const json_t *inputs;
    dcl_status status = dcl__json_member(entry, "inputs", JSON_ARRAY, DCL__OPTIONAL, &inputs, error);
    if (status)
        return status;
    if (json_array_size(inputs) > DCL_MAX_PORTS)
        return dcl__fail(error, DCL_EFORMAT, "'inputs' has %zu entries; no op has more than %d inputs",
                         json_array_size(inputs), DCL_MAX_PORTS);
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *input = json_array_get(inputs, i);
        if (!json_is_string(input) && !json_is_null(input))
            return dcl__fail(error, DCL_EFORMAT, "input %zu must be the name of a value in quotes, or null "
                             "for one that is left out", i + 1);
    }
    return DCL_OK;
}

static dcl_status check_node(const json_t *entry, dcl_error *error)
{
    const json_t *attributes;
    const char *op;
    dcl_status status = dcl__json_get_string(entry, "op", &op, error);
    if (!status)
        status = check_inputs(entry, error);
    if (!status)
        status = dcl__json_member(entry, "attributes", JSON_OBJECT, DCL__OPTIONAL, &attributes, error);
    return status ? dcl__prefix(error, status, "node '%s'", entry_name(entry)) : DCL_OK;
}

/* Checks the entries and notes their places. */
static dcl_status list_nodes(const dcl_graph *graph, node_list *nodes, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < json_array_size(nodes->entries) && !status; i++) {
        const json_t *entry = json_array_get(nodes->entries, i);
        status = check_entry(&nodes_section, i, entry, error);
        if (!status)
            status = check_node(entry, error);
        if (status)
            return status;
        const char *name = entry_name(entry);
        if (dcl_value_find(graph, name) || json_object_get(nodes->places, name))
            return dcl__fail(error, DCL_EGRAPH, "two values are named '%s'; rename one of them", name);
        if (json_object_set_new(nodes->places, name, json_integer((json_int_t)i)) != 0)
            status = dcl__no_memory(error, "the names of nodes", (int64_t)strlen(name));
    }
    return status;
}

/* The value of a name; DCL_EGRAPH when there is none. */
static dcl_status find_value(const dcl_graph *graph, const char *name, dcl_value *value, dcl_error *error)
{
    *value = dcl_value_find(graph, name);
    if (*value)
        return DCL_OK;
    return dcl__fail(error, DCL_EGRAPH, "'%s' is not in the file; name an input, parameter, constant or node "
                     "(\"NODE:1\" is the second output of a node)", name);
}

static dcl_status read_inputs(const dcl_graph *graph, const json_t *list, dcl_value values[DCL_MAX_PORTS],
                              dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (size_t i = 0; i < json_array_size(list) && !status; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name)
            status = find_value(graph, name, &values[i], error);
        if (status)
            dcl__prefix(error, status, "input %zu", i + 1);
    }
    return status;
}

/* What dcl_graph_apply needs to know of a node; the message of a failure does not name it. */
static dcl_status prepare_node(const dcl_graph *graph, const dcl_registry *registry, const json_t *entry,
                               dcl_value inputs[DCL_MAX_PORTS], dcl_setting **settings, dcl_error *error)
{
    const char *name = json_string_value(json_object_get(entry, "op"));
    const dcl_op *op = dcl_registry_find(registry, name);
    if (!op)
        return dcl__registry_unknown(registry, name, error);
    dcl_status status = read_inputs(graph, json_object_get(entry, "inputs"), inputs, error);
    return status ? status : dcl__attributes_read(op, json_object_get(entry, "attributes"), settings, error);
}

static dcl_status read_node(dcl_graph *graph, const dcl_registry *registry, const json_t *entry,
                            dcl_error *error)
{
    dcl_value inputs[DCL_MAX_PORTS] = {0};
    dcl_setting *settings;
    dcl_status status = prepare_node(graph, registry, entry, inputs, &settings, error);
    if (status)
        return dcl__prefix(error, status, "node '%s'", entry_name(entry));
    const char *op = json_string_value(json_object_get(entry, "op"));
    dcl_graph_apply(graph, entry_name(entry), op, inputs,
                    (uint32_t)json_array_size(json_object_get(entry, "inputs")), settings);
    dcl__settings_free(dcl_registry_find(registry, op), settings);
    return dcl_graph_status(graph, error);
}

static dcl_status read_listed_nodes(dcl_graph *graph, const dcl_registry *registry, node_list *nodes,
                                    dcl_error *error)
{
    size_t count = json_array_size(nodes->entries);
    dcl_status status = list_nodes(graph, nodes, error);
    if (status)
        return status;
    size_t *sequence = malloc((count + 1) * sizeof *sequence);
    if (!sequence)
        return dcl__no_memory(error, "the order of a graph", (int64_t)((count + 1) * sizeof *sequence));
    status = find_order(nodes, sequence, error);
    for (size_t i = 0; i < count && !status; i++)
        status = read_node(graph, registry, json_array_get(nodes->entries, sequence[i]), error);
    free(sequence);
    return status;
}

static dcl_status read_nodes(dcl_graph *graph, const dcl_registry *registry, const json_t *root,
                             dcl_error *error)
{
    node_list nodes = {.places = json_object()};
    dcl_status status = dcl__json_member(root, nodes_section.key, JSON_ARRAY, DCL__OPTIONAL, &nodes.entries,
                                         error);
    if (!status)
        status = read_listed_nodes(graph, registry, &nodes, error);
    json_decref(nodes.places);
    return status;
}

/* ---- Reading assignments and results ---- */

static dcl_status assign(dcl_graph *graph, const char *name, dcl_value value, dcl_error *error)
{
    dcl_value parameter = dcl_value_find(graph, name);
    if (dcl_value_kind(graph, parameter) != DCL_VALUE_PARAMETER)
        return dcl__fail(error, DCL_EGRAPH,
                         "'%s' is no parameter of the graph; only parameters can be assigned", name);
    return dcl_graph_assign(graph, parameter, value) ? dcl_graph_status(graph, error) : DCL_OK;
}

static dcl_status add_result(dcl_graph *graph, const char *name, dcl_value value, dcl_error *error)
{
    return dcl_graph_result(graph, name, value) ? dcl_graph_status(graph, error) : DCL_OK;
}

/* Reads an object of names of values and does `use` with each member. */
static dcl_status read_names(dcl_graph *graph, const json_t *root, const char *key,
                             dcl_status (*use)(dcl_graph *, const char *, dcl_value, dcl_error *),
dcl_error *error)
{
    const json_t *object;
    const char *name;
    json_t *text;
    dcl_status status = dcl__json_member(root, key, JSON_OBJECT, DCL__OPTIONAL, &object, error);
    json_object_foreach((json_t *)(uintptr_t)object, name, text) {
        dcl_value value;
        if (!status)
            status = dcl__json_check_type(text, JSON_STRING, "the name of a value", error);
        if (!status)
            status = find_value(graph, json_string_value(text), &value, error);
        if (!status)
            status = use(graph, name, value, error);
        if (status)
            return dcl__prefix(error, status, "'%s' in '%s'", name, key);
    }
    return status;
}

/* ---- Reading files ---- */

static dcl_status read_head(const json_t *root, uint32_t *dtype, uint64_t *seed, dcl_error *error)
{
    static const char *const keys[] = {"format", "dtype", "seed", "inputs", "parameters", "constants",
                                       "nodes",
                                       "assign", "results", NULL};
    const char *name;
    dcl_status status = dcl__json_check_keys(root, keys, error);
    if (!status)
        status = dcl__json_get_string(root, "dtype", &name, error);
    if (!status)
        status = dcl__json_get_unsigned(root, "seed", seed, error);
    if (status)
        return status;
    *dtype = strcmp(name, "f32") == 0 ? DCL_F32 : strcmp(name, "f64") == 0 ? DCL_F64 : 0;
    return *dtype ? DCL_OK : dcl__fail(error, DCL_EFORMAT, "'dtype' is '%s'; it must be \"f32\" or \"f64\"",
                                       name);
}

static dcl_status read_body(dcl_graph *graph, const dcl_registry *registry, const json_t *root,
                            dcl_error *error)
{
    dcl_status status = read_sources(graph, root, &inputs_section, error);
    if (!status)
        status = read_sources(graph, root, &parameters_section, error);
    if (!status)
        status = read_sources(graph, root, &constants_section, error);
    if (!status)
        status = read_nodes(graph, registry, root, error);
    if (!status)
        status = read_names(graph, root, "assign", assign, error);
    return status ? status : read_names(graph, root, "results", add_result, error);
}

static dcl_status read_graph(const json_t *root, const dcl_registry *registry, uint32_t dtype,
                             const uint64_t *seed, dcl_graph **graph, dcl_error *error)
{
    uint32_t file_dtype;
    uint64_t file_seed = 0;
    dcl_graph *made;
    dcl_status status = read_head(root, &file_dtype, &file_seed, error);
    if (!status)
        status = dcl_graph_create(registry, dtype ? dtype : file_dtype, seed ? *seed : file_seed, &made,
                                  error);
    if (status)
        return status;
    status = read_body(made, registry, root, error);
    if (status)
        dcl_graph_free(made);
    else
        *graph = made;
    return status;
}

dcl_status dcl__graph_read(const char *file, const dcl_registry *registry, uint32_t dtype,
                           const uint64_t *seed,
                           dcl_graph **graph, dcl_error *error)
{
    json_t *root;
    dcl_status status = dcl__json_read(file, format, &root, error);
    if (status)
        return status;
    status = read_graph(root, registry, dtype, seed, graph, error);
    json_decref(root);
    return status ? dcl__prefix(error, status, "%s", file) : DCL_OK;
}
