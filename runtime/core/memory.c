/* memory.c: growing arrays and size arithmetic that cannot overflow. */
#include "core/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dcl_status dcl__grow(void *array, size_t size, size_t count, size_t *capacity, const char *what,
                     dcl_error *error)
{
    if (count < *capacity)
        return DCL_OK;
    size_t room = *capacity ? 2 * *capacity : 16;
    void *old;
    memcpy(&old, array, sizeof old);
    void *grown = realloc(old, room * size);
    if (!grown)
        return dcl__no_memory(error, what, (int64_t)(room * size));
    memcpy(array, &grown, sizeof grown);
    *capacity = room;
    return DCL_OK;
}

char *dcl__copy_string(const char *text, dcl_error *error)
{
    return dcl__format(error, "%s", text);
}

char *dcl__format(dcl_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = malloc((size_t)length + 1);
    if (!text) {
        dcl__no_memory(error, "a text", length + 1);
        return NULL;
    }
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

int dcl__multiply(int64_t a, int64_t b, int64_t *product)
{
    return __builtin_mul_overflow(a, b, product) ? -1 : 0;
}

double dcl__mebibytes(int64_t bytes)
{
    return (double)bytes / 1048576;
}
