/* graph_attributes.h: the attributes of a node as a JSON object, and back.
 *
 * Integers are whole numbers, numbers are numbers, flags are true or false, strings are texts, lists are
 * lists of whole numbers.
 */
#ifndef DCL__GRAPH_ATTRIBUTES_H
#define DCL__GRAPH_ATTRIBUTES_H

#include <jansson.h>

#include "core/error.h"

/* An object of the attributes that are required or differ from their defaults, in the order of the op's
 * schema. NULL when memory is out or a text is not UTF-8. */
json_t *dcl__attributes_write(const dcl_node_info *node);

/* Makes settings for dcl_graph_apply out of the object (NULL: none). DCL_EFORMAT for a value of the wrong
 * type; the message names op and attribute. Whether the values are allowed is for dcl_graph_apply to say.
 * The settings borrow their names from `object`. Free them with dcl__settings_free. */
dcl_status dcl__attributes_read(const dcl_op *op, const json_t *object, dcl_setting **settings,
                                dcl_error *error);

#endif
