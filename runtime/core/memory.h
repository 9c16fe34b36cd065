/* memory.h: growing arrays and size arithmetic that cannot overflow. */
#ifndef DCL__MEMORY_H
#define DCL__MEMORY_H

#include "core/error.h"

/* Makes room for one more element: *array has `count` elements of `size` bytes and room for *capacity.
 * `what` names the array in the message. On failure everything stays as it was. */
dcl_status dcl__grow(void *array, size_t size, size_t count, size_t *capacity, const char *what,
                     dcl_error *error);

/* A copy of a string, to be freed with free(); NULL and a message when memory is out. */
char *dcl__copy_string(const char *text, dcl_error *error);

/* A formatted string, to be freed with free(); NULL and a message when memory is out. */
__attribute__((format(printf, 2, 3), nonnull(2)))
char *dcl__format(dcl_error *error, const char *format, ...);

/* *product = a * b for non-negative numbers; 0, or -1 when it does not fit. */
int dcl__multiply(int64_t a, int64_t b, int64_t *product);

/* Bytes as MiB, for messages. */
double dcl__mebibytes(int64_t bytes);

#endif
