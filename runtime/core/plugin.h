/* plugin.h: loads one plugin file under the rules of the contract. */
#ifndef DCL__PLUGIN_H
#define DCL__PLUGIN_H

#include "core/error.h"

/* A loaded plugin: a zero-padded copy of its record. The library stays mapped for the life of the process. */
typedef struct dcl__plugin {
    dcl_plugin plugin;
    char *file;                  /* its real path; owned                                             */
} dcl__plugin;

/* Opens the file, finds `dcl_plugin_v1`, checks versions, sizes and every op's record, and calls init.
 * DCL_EPLUGIN names the file and the reason. */
dcl_status dcl__plugin_load(const char *file, dcl__plugin *plugin, dcl_error *error);

/* Copies an op's record into *op, with zeros for what the plugin's record does not have. */
void dcl__plugin_copy_op(const dcl_op *record, dcl_op *op);

#endif
