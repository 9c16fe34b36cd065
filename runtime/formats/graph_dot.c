/* graph_dot.c: draws a graph as Graphviz text. */
#include "formats/graph_dot.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "formats/graph_attributes.h"
#include "formats/json.h"
#include "formats/output.h"

/* Writes text of a label: what HTML or Graphviz would read as a mark is escaped. */
static void write_text(FILE *stream, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&': fputs("&amp;", stream); break;
        case '<': fputs("&lt;", stream); break;
        case '>': fputs("&gt;", stream); break;
        case '"': fputs("&quot;", stream); break;
        default: fputc((unsigned char)*text < 32 ? ' ' : *text, stream);
        }
    }
}

/* ---- Boxes ---- */

/* How a parameter starts: "0.5", "0.1 normal", "0.5 + 0.1 normal". */
static void write_initial(FILE *stream, dcl_initial initial)
{
    fputs("<br/><font point-size=\"9\">", stream);
    if (initial.fill != 0 || initial.deviation == 0)
        fprintf(stream, "%g%s", initial.fill, initial.deviation != 0 ? " + " : "");
    if (initial.deviation != 0)
        fprintf(stream, "%g normal", initial.deviation);
    fputs("</font>", stream);
}

/* Inputs, parameters and constants are drawn as `v1`, `v2`, ..., nodes as `n0`, ...,
 * results as `r0`, .... */
static void write_source(FILE *stream, const dcl_graph *graph, dcl_value value)
{
    static const char *const styles[] = {
        [DCL_VALUE_INPUT] = "shape=box, style=filled, fillcolor=\"#d9ecf7\", color=\"#0072b2\"",
        [DCL_VALUE_PARAMETER] = "shape=box, style=\"filled,bold\", fillcolor=\"#d5efe6\", color=\"#009e73\"",
        [DCL_VALUE_CONSTANT] = "shape=plain"
    };
    char shape[DCL__SHAPE_TEXT];
    dcl_initial initial = dcl_value_initial(graph, value);
    const dcl_tensor *tensor = dcl_value_tensor(graph, value);
    int kind = dcl_value_kind(graph, value);
    fprintf(stream, "  v%" PRId64 " [%s, label=<", value, styles[kind]);
    if (kind == DCL_VALUE_CONSTANT) {
        fprintf(stream, "%g>];\n", initial.fill);
        return;
    }
    fputs("<b>", stream);
    write_text(stream, dcl_value_name(graph, value));
    fprintf(stream, "</b><br/>%s%s", dcl__shape_text(tensor, shape), tensor->dtype == DCL_I64 ? " i64" : "");
    if (kind == DCL_VALUE_PARAMETER)
        write_initial(stream, initial);
    fputs(">];\n", stream);
}

/* Numbers with few digits, so that boxes stay narrow; returns 0 when memory is out. */
static int write_attribute(FILE *stream, const char *name, const json_t *value)
{
    char *text = json_is_real(value) ? dcl__format(NULL, "%g",
                                                   json_real_value(value)) : dcl__json_text(value);
    fputs("<br/><font point-size=\"9\">", stream);
    write_text(stream, name);
    fputs(" ", stream);
    write_text(stream, text ? text : "");
    fputs("</font>", stream);
    free(text);
    return text != NULL;
}

/* One line for each attribute that is not the default; returns 0 when memory is out. */
static int write_attributes(FILE *stream, const dcl_node_info *node)
{
    json_t *attributes = dcl__attributes_write(node), *value;
    const char *name;
    int complete = attributes != NULL;
    json_object_foreach(attributes, name, value)
        complete = write_attribute(stream, name, value) && complete;
    json_decref(attributes);
    return complete;
}

static int write_node(FILE *stream, const dcl_node_info *node, size_t i)
{
    fprintf(stream, "  n%zu [label=<<b>", i);
    write_text(stream, node->op->name);
    fputs("</b><br/><font point-size=\"9\" color=\"#666666\">", stream);
    write_text(stream, node->name);
    fputs("</font>", stream);
    int complete = write_attributes(stream, node);
    fputs(">];\n", stream);
    return complete;
}

static int write_boxes(FILE *stream, const dcl_graph *graph)
{
    int complete = 1;
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++)
        if (dcl_value_kind(graph, value) != DCL_VALUE_OUTPUT)
            write_source(stream, graph, value);
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++) {
        dcl_node_info node = dcl_graph_node(graph, i);
        complete = write_node(stream, &node, i) && complete;
    }
    for (size_t i = 0; i < dcl_graph_result_count(graph); i++) {
        fprintf(stream, "  r%zu [shape=box, style=\"rounded,filled,bold\", fillcolor=\"#fbe3d3\", "
                "color=\"#d55e00\", label=<<b>", i);
        write_text(stream, dcl_graph_result_name(graph, i));
        fputs("</b>>];\n", stream);
    }
    return complete;
}

/* ---- Edges ---- */

/* Where each value comes from: its box, and the name of its port when the node has several. */
typedef struct origin {
    char box[32];
    const char *port;
} origin;

/* By value; to be freed with free(); NULL when memory is out. */
static origin *find_origins(const dcl_graph *graph)
{
    origin *origins = calloc((size_t)dcl_graph_value_count(graph) + 1, sizeof *origins);
    for (dcl_value value = 1; origins && value <= dcl_graph_value_count(graph); value++)
        snprintf(origins[value].box, sizeof origins[value].box, "v%" PRId64, value);
    for (size_t i = 0; origins && i < dcl_graph_node_count(graph); i++) {
        dcl_node_info node = dcl_graph_node(graph, i);
        for (uint32_t k = 0; k < node.output_count; k++) {
            origin *made = &origins[node.output + k];
            snprintf(made->box, sizeof made->box, "n%zu", i);
            made->port = node.output_count > 1 ? node.op->outputs[k].name : NULL;
        }
    }
    return origins;
}

/* `style` is empty or further attributes of the edge. */
static void write_edge(FILE *stream, const dcl_graph *graph, const origin *origins, dcl_value value,
                       const char *to,
                       const char *style)
{
    char shape[DCL__SHAPE_TEXT];
    const origin *from = &origins[value];
    fprintf(stream, "  %s -> %s [label=<", from->box, to);
    if (from->port) {
        write_text(stream, from->port);
        fputs(" ", stream);
    }
    fprintf(stream, "%s>%s];\n", dcl__shape_text(dcl_value_tensor(graph, value), shape), style);
}

static void write_edges(FILE *stream, const dcl_graph *graph, const origin *origins)
{
    char to[32];
    for (size_t i = 0; i < dcl_graph_node_count(graph); i++) {
        dcl_node_info node = dcl_graph_node(graph, i);
        snprintf(to, sizeof to, "n%zu", i);
        for (uint32_t k = 0; k < node.input_count; k++)
            if (node.inputs[k])
                write_edge(stream, graph, origins, node.inputs[k], to, "");
    }
    for (size_t i = 0; i < dcl_graph_result_count(graph); i++) {
        snprintf(to, sizeof to, "r%zu", i);
        write_edge(stream, graph, origins, dcl_graph_result_value(graph, i), to, "");
    }
    for (dcl_value value = 1; value <= dcl_graph_value_count(graph); value++) {
        dcl_value assigned = dcl_value_assigned(graph, value);
        if (assigned)
            write_edge(stream, graph, origins, assigned, origins[value].box,
                       ", style=dashed, color=\"#009e73\", constraint=false");
    }
}

/* ---- Files ---- */

static int write_graph(FILE *stream, const dcl_graph *graph)
{
    origin *origins = find_origins(graph);
    if (!origins)
        return 0;
    fputs("digraph dropcl {\n"
          "  rankdir=TB; nodesep=0.35; ranksep=0.45; fontname=\"sans-serif\";\n"
          "  node [shape=box, style=rounded, fontname=\"sans-serif\", fontsize=11, color=\"#444444\"];\n"
          "  edge [fontname=\"sans-serif\", fontsize=9, fontcolor=\"#666666\", color=\"#666666\", "
          "arrowsize=0.7];\n",
          stream);
    int complete = write_boxes(stream, graph);
    write_edges(stream, graph, origins);
    fputs("}\n", stream);
    free(origins);
    return complete;
}

dcl_status dcl__graph_dot(const dcl_graph *graph, const char *file, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl_graph_status(graph, error);
    if (status)
        return dcl__prefix(error, status, "%s", file);
    status = dcl__output_open(file, &output, error);
    if (status)
        return status;
    if (write_graph(output.stream, graph))
        return dcl__output_commit(&output, error);
    dcl__output_discard(&output);
    return dcl__fail(error, DCL_ENOMEM, "%s: out of host memory for the drawing of the graph", file);
}
