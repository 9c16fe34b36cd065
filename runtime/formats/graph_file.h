/* graph_file.h: graphs as JSON files; docs/graph-format.md describes the format. */
#ifndef DCL__GRAPH_FILE_H
#define DCL__GRAPH_FILE_H

#include "dropcl/dropcl.h"

/* Writes the graph. The file appears complete or not at all. The same graph gives the same bytes, also
 * after it was written and read. DCL_EIO when the file cannot be written; the failure of the graph when one
 * of its builders failed. [any-thread] */
dcl_status dcl__graph_write(const dcl_graph *graph, const char *file, dcl_error *error);

/* Reads a graph whose ops are all in the registry. `dtype` is DCL_F32, DCL_F64, or 0 for the file's; `seed`
 * NULL means the file's. The nodes may be in any order in the file; those that already follow what they
 * need keep theirs. DCL_EIO when the file cannot be read, DCL_EFORMAT when it is not a graph file,
 * DCL_EGRAPH and others when the graph is not sound. Messages begin with the path of the file and name the
 * node. Free the graph with dcl_graph_free. [any-thread] */
dcl_status dcl__graph_read(const char *file, const dcl_registry *registry, uint32_t dtype,
                           const uint64_t *seed,
                           dcl_graph **graph, dcl_error *error);

#endif
