/* common.c: what the op tests share: opening a device, or skipping in words where it is not installed. */
#include "common.h"

#include <stdio.h>

dcl_status open_or_skip(const char *selector, const char *plugins, dcl_registry **ops, dcl_device **device,
                        int *result)
{
    dcl_error error;
    dcl_status status = dcl_device_open(selector, device, &error);
    if (status == DCL_OK && (status = dcl_registry_open(plugins, ops, &error)) != DCL_OK)
        dcl_device_close(*device);
    if (status)
        printf("%s: %s\n", status == DCL_ENODEVICE ? "skipped" : "failed", error.text);
    *result = status == DCL_ENODEVICE ? TEST_SKIPPED : status ? TEST_FAILED : TEST_PASSED;
    return status;
}
