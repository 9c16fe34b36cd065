/* graph_dot.h: draws a graph as Graphviz text. */
#ifndef DCL__GRAPH_DOT_H
#define DCL__GRAPH_DOT_H

#include "dropcl/dropcl.h"

/* Writes the graph in the language of Graphviz (`dot -Tsvg FILE`): inputs, parameters, constants, nodes with
 * the attributes that differ from their defaults, results; the shapes stand at the edges; a dashed edge leads
 * from a value to the parameter that takes it at the end of a step. The file appears complete or not at all.
 * DCL_EIO when it cannot be written, DCL_ENOMEM. Messages begin with the path. [any-thread] */
dcl_status dcl__graph_dot(const dcl_graph *graph, const char *file, dcl_error *error);

#endif
