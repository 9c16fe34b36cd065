/* tools.c: opens what most subcommands work with: the ops and a device. */
#include <stdio.h>

#include "command/command.h"

static void warn(void *user, uint32_t level, const char *text)
{
    (void)user;
    if (level >= DCL_LOG_WARNING)
        dcl__complain("%s", text);
}

dcl_status dcl__tools_open(dcl__tools *tools, const char *selector, const char *plugins, dcl_error *error)
{
    dcl_status status = dcl_registry_open(plugins, &tools->registry, error);
    const char *warning;
    for (size_t i = 0; status == DCL_OK && (warning = dcl_registry_warning(tools->registry, i)); i++)
        dcl__complain("%s", warning);
    if (status == DCL_OK)
        status = dcl_device_open(selector, &tools->device, error);
    if (status == DCL_OK)
        dcl_device_set_log(tools->device, warn, NULL);
    return status;
}

void dcl__tools_close(dcl__tools *tools)
{
    dcl_device_close(tools->device);
    dcl_registry_close(tools->registry);
}
