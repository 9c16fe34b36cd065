/* error.h: writing errors: one sentence and a code into the caller's dcl_error. */
#ifndef DCL__ERROR_H
#define DCL__ERROR_H

#include "dropcl/dropcl.h"

/* Writes the formatted sentence and returns `code`. `error` may be NULL. */
__attribute__((format(printf, 3, 4)))
dcl_status dcl__fail(dcl_error *error, dcl_status code, const char *format, ...);

/* Puts "PREFIX: " before the sentence that is already there; returns `code`. */
__attribute__((format(printf, 3, 4)))
dcl_status dcl__prefix(dcl_error *error, dcl_status code, const char *format, ...);

/* The sentence for a failed host allocation: what was to be allocated, and how much. */
dcl_status dcl__no_memory(dcl_error *error, const char *what, int64_t bytes);

#endif
