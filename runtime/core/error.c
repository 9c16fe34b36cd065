/* error.c: writing errors: one sentence and a code into the caller's dcl_error. */
#include "core/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

dcl_status dcl__fail(dcl_error *error, dcl_status code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        error->code = code;
    }
    return code;
}

dcl_status dcl__prefix(dcl_error *error, dcl_status code, const char *format, ...)
{
    if (error) {
        char prefix[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(prefix, sizeof prefix, format, arguments);
        va_end(arguments);
        size_t used = strlen(prefix);
        memmove(error->text + used + 2, error->text, sizeof error->text - used - 2);
        memcpy(error->text, prefix, used);
        memcpy(error->text + used, ": ", 2);
        error->text[sizeof error->text - 1] = '\0';
        error->code = code;
    }
    return code;
}

dcl_status dcl__no_memory(dcl_error *error, const char *what, int64_t bytes)
{
    return dcl__fail(error, DCL_ENOMEM, "out of host memory: %s needs %" PRId64 " bytes", what, bytes);
}

const char *dcl_version(void)
{
    return DROPCL_VERSION;
}

const char *dcl_status_text(dcl_status code)
{
    switch (code) {
    case DCL_OK: return "success";
#define CASE(name, number, text) case name: return text;
    DCL_STATUS_MAP(CASE)
#undef CASE
    default: return "unknown status";
    }
}
