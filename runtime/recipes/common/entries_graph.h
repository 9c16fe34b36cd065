/* entries_graph.h: the known entries of a matrix as inputs of a graph. */
#ifndef DCL__ENTRIES_GRAPH_H
#define DCL__ENTRIES_GRAPH_H

#include "dropcl/dropcl.h"

/* Adds the inputs, and the loss of U V' at the entries; the gradients by u and v are the next two values. */
dcl_value dcl__entries_loss(dcl_graph *graph, const dcl_entries *entries, const char *loss, dcl_value u, dcl_value v);

/* Feeds a session of such a graph. */
dcl_status dcl__entries_feed(dcl_session *session, const dcl_entries *entries, dcl_error *error);

#endif
