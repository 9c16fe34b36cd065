/* tools.c: opens what most subcommands work with: the ops and a device. */
#include <stdio.h>

#include "command/command.h"

static void warn(void *user, uint32_t level, const char *text)
{
    (void)user;
    if (level >= DCL_LOG_WARNING)
        dcl__complain("%s", text);
}

void dcl__log_warnings(dcl_device *device)
{
    dcl_device_set_log(device, warn, NULL);
}

dcl_status dcl__open_device(const char *selector, dcl_device **device, dcl_error *error)
{
    dcl_error about;
    dcl_status status = dcl_device_open(selector, device, error);
    if (status)
        return status;
    dcl__log_warnings(*device);
    if (dcl_device_load_tuning(*device, NULL, &about))
        dcl__complain("%s (products run untuned)", about.text);
    return DCL_OK;
}

dcl_status dcl__tools_open(dcl__tools *tools, const char *selector, const char *plugins, dcl_error *error)
{
    dcl_status status = dcl_registry_open(plugins, &tools->registry, error);
    const char *warning;
    for (size_t i = 0; status == DCL_OK && (warning = dcl_registry_warning(tools->registry, i)); i++)
        dcl__complain("%s", warning);
    return status ? status : dcl__open_device(selector, &tools->device, error);
}

void dcl__tools_close(dcl__tools *tools)
{
    dcl_device_close(tools->device);
    dcl_registry_close(tools->registry);
}
