/* common.h: what the suites share: ops, a device, graphs in few words, checks of errors, a folder. */
#ifndef DCL__TEST_COMMON_H
#define DCL__TEST_COMMON_H

#include <check.h>

#include "dropcl/dropcl.h"

/* The call must succeed; its sentence is shown when it does not. Both macros use a dcl_error `error`. */
#define ASSERT_OK(call)                                                                     \
    do {                                                                                    \
        dcl_status status_ = (call);                                                        \
        ck_assert_msg(status_ == DCL_OK, "status %d: %s", (int)status_, error.text);        \
    } while (0)

/* The call must fail with that code, and its sentence must have that part. */
#define ASSERT_FAILS(call, expected, part)                                                  \
    do {                                                                                    \
        error.text[0] = '\0';                                                               \
        ck_assert_int_eq((call), (expected));                                               \
        ck_assert_int_eq(error.code, (expected));                                           \
        ck_assert_msg(strstr(error.text, (part)) != NULL, "'%s' lacks '%s'", error.text, (part)); \
    } while (0)

#define ROWS(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* A suite of one case. `setup` and `teardown` run around every test, in its process; NULL: none. `tests`
 * ends with NULL. */
Suite *make_suite(const char *name, SFun setup, SFun teardown, const TTest *const *tests);

/* ---- Ops and a device, for every test of a suite ---- */

extern dcl_registry *ops;
extern dcl_device *device;

void open_ops(void);
void close_ops(void);

/* The ops, and the device that DROPCL_TEST_DEVICE selects, PoCL without it. */
void open_device(void);
void close_device(void);

/* ---- Graphs ---- */

dcl_graph *new_graph(uint32_t dtype);

dcl_value vector_parameter(dcl_graph *graph, const char *name, int64_t length, dcl_initial initial);
dcl_value matrix_parameter(dcl_graph *graph, const char *name, int64_t rows, int64_t columns,
                           dcl_initial initial);
dcl_value vector_input(dcl_graph *graph, const char *name, int64_t length);

/* A node of a name of the graph's choosing, with all defaults. */
dcl_value unary(dcl_graph *graph, const char *op, dcl_value x);
dcl_value binary(dcl_graph *graph, const char *op, dcl_value x, dcl_value y);

/* parameter := parameter - rate * gradient, by the op sgd. */
void descend(dcl_graph *graph, dcl_value parameter, dcl_value gradient, double rate);

/* A session of the graph on the device; a graph with a failure is a failed test. */
dcl_session *new_session(const dcl_graph *graph);

/* The named result or parameter, `count` elements, in double precision. */
void fetch(dcl_session *session, const char *name, double *data);
void feed(dcl_session *session, const char *name, const double *data);
void step(dcl_session *session, int64_t steps);

/* ---- Numbers and folders ---- */

/* `count` numbers from [-1, 1), the same for the same seed. */
void draw(uint64_t seed, double *data, int64_t count);

/* Makes an empty folder under the temporary folder; and removes one with its files and folders. */
void make_folder(char folder[64]);
void remove_folder(const char *folder);

#endif
