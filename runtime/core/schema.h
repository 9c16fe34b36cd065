/* schema.h: checks attributes against an op's schema and fills in the defaults. */
#ifndef DCL__SCHEMA_H
#define DCL__SCHEMA_H

#include "core/error.h"

/* All attributes of an op, in the order of its schema, as an owned table that ends with name == NULL.
 * `given` may be NULL. DCL_EGRAPH names the attribute: unknown, missing, out of bounds, not an allowed word.
 * Free with dcl__settings_free. */
dcl_status dcl__settings_resolve(const dcl_op *op, const dcl_setting *given, dcl_setting **settings,
                                 dcl_error *error);
void dcl__settings_free(const dcl_op *op, dcl_setting *settings);

/* The setting of a name in a table, or NULL. */
const dcl_setting *dcl__setting_find(const dcl_setting *settings, const char *name);

/* The attribute of a name in an op's schema, or NULL. */
const dcl_attribute *dcl__attribute_find(const dcl_op *op, const char *name);

/* "integer", "number", "flag", "string", "list". */
const char *dcl__kind_name(uint32_t kind);

/* Reads "name=value name=3,4" into an owned table for dcl__settings_resolve; free with
 * dcl__settings_free. The syntax of test cases and of the command line. */
dcl_status dcl__settings_parse(const dcl_op *op, const char *text, dcl_setting **settings, dcl_error *error);

/* Number of rows of a table of ports (NULL: 0). */
uint32_t dcl__port_count(const dcl_port *ports);

#endif
