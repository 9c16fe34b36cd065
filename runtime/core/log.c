/* log.c: sends lines to the log function of a device. */
#include <stdarg.h>
#include <stdio.h>

#include "core/device.h"

void dcl_device_set_log(dcl_device *device, dcl_log_function log, void *user)
{
    device->log = log;
    device->log_user = user;
}

void dcl__log(const dcl_device *device, uint32_t level, const char *format, ...)
{
    if (!device->log)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    device->log(device->log_user, level, text);
}
