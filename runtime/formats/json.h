/* json.h: JSON files, and members of JSON objects with messages about what is wrong with them.
 *
 * Numbers survive writing and reading exactly: whole numbers have 64 bits, other numbers are written with
 * as many digits as it takes, in every locale. Numbers that JSON does not know are the strings "infinity",
 * "-infinity" and "nan". Functions may be called from any thread, at once for different values.
 */
#ifndef DCL__JSON_H
#define DCL__JSON_H

#include <jansson.h>

#include "core/error.h"

/* Reads a file that holds one object, plain or compressed with gzip, of at most 16 MiB. DCL_EIO when it
 * cannot be read, DCL_EFORMAT when it is not JSON, repeats a key, or its member "format" is not `format`
 * (NULL: any). Messages begin with the path. Free the object with json_decref. */
dcl_status dcl__json_read(const char *file, const char *format, json_t **object, dcl_error *error);

/* Writes an object: each member on a line of its own, and each entry of a member that is a list or an
 * object. The file appears complete or not at all. `object` NULL stands for one that could not be made:
 * DCL_ENOMEM. Messages begin with the path. */
dcl_status dcl__json_write(const char *file, const json_t *object, dcl_error *error);

/* The text of a value on one line, to be freed with free(); NULL when memory is out. */
char *dcl__json_text(const json_t *value);

/* ---- Making: NULL when memory is out or a text is not UTF-8; an item NULL makes the whole NULL ---- */

/* Adds the item, of which it takes ownership, and returns the list or object. */
json_t *dcl__json_append(json_t *list, json_t *item);
json_t *dcl__json_put(json_t *object, const char *key, json_t *item);
/* Adds the members of `more`, of which it takes ownership, but for keys that the object has, and returns the object. */
json_t *dcl__json_join(json_t *object, json_t *more);

json_t *dcl__json_from_number(double number);
/* The same, but NaN, which stands for what there is not, becomes null. */
json_t *dcl__json_number_or_null(double number);
/* A number up to 2^53, which every program that reads JSON keeps; beyond it, a text of decimal digits. */
json_t *dcl__json_from_unsigned(uint64_t number);
json_t *dcl__json_from_numbers(const double *numbers, size_t count);
json_t *dcl__json_from_integers(const int64_t *integers, size_t count);

/* ---- Taking apart: the messages name the key, not the file; DCL_EFORMAT ---- */

/* Refuses keys other than those of `keys`, which ends with NULL, and names the allowed ones. */
dcl_status dcl__json_check_keys(const json_t *object, const char *const *keys, dcl_error *error);

/* Refuses a value that is not of the type; `what` names the value. */
dcl_status dcl__json_check_type(const json_t *value, json_type type, const char *what, dcl_error *error);

/* The member of a type; NULL where the key is missing, which is an error when it is required. */
enum { DCL__OPTIONAL, DCL__REQUIRED };
dcl_status dcl__json_member(const json_t *object, const char *key, json_type type, int required,
                            const json_t **member, dcl_error *error);

/* A required text that is not empty; borrowed from the object. */
dcl_status dcl__json_get_string(const json_t *object, const char *key, const char **text, dcl_error *error);

/* A number, a whole number as dcl__json_from_unsigned writes it, or one of a range; where the key is
 * missing, the target stays as it is. */
dcl_status dcl__json_get_number(const json_t *object, const char *key, double *number, dcl_error *error);
dcl_status dcl__json_get_unsigned(const json_t *object, const char *key, uint64_t *number, dcl_error *error);
dcl_status dcl__json_get_integer(const json_t *object, const char *key, int64_t least, int64_t most,
                                 int64_t *integer, dcl_error *error);

/* Copies a required list of whole numbers; at most `most` of them. */
dcl_status dcl__json_get_integers(const json_t *object, const char *key, size_t most, int64_t *integers,
                                  size_t *count, dcl_error *error);

#endif
