/* common.c: what the suites share: ops, a device, graphs in few words, checks of errors, a folder. */
#include "common.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_SECONDS = 300 };     /* a first kernel build takes seconds, and machines may be busy */

Suite *make_suite(const char *name, SFun setup, SFun teardown, const TTest *const *tests)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, TIMEOUT_SECONDS);
    if (setup)
        tcase_add_checked_fixture(tcase, setup, teardown);
    for (; *tests; tests++)
        tcase_add_test(tcase, *tests);
    suite_add_tcase(suite, tcase);
    return suite;
}

/* ---- Ops and a device ---- */

dcl_registry *ops;
dcl_device *device;

void open_ops(void)
{
    dcl_error error;
    ASSERT_OK(dcl_registry_open(NULL, &ops, &error));
}

void close_ops(void)
{
    dcl_registry_close(ops);
    ops = NULL;
}

void open_device(void)
{
    dcl_error error;
    const char *selector = getenv("DROPCL_TEST_DEVICE");
    open_ops();
    selector = selector && *selector ? selector : "Portable Computing Language";
    ASSERT_OK(dcl_device_open(selector, &device, &error));
}

void close_device(void)
{
    dcl_device_close(device);
    device = NULL;
    close_ops();
}

/* ---- Graphs ---- */

dcl_graph *new_graph(uint32_t dtype)
{
    dcl_error error;
    dcl_graph *graph = NULL;
    ASSERT_OK(dcl_graph_create(ops, dtype, 1, &graph, &error));
    return graph;
}

dcl_value vector_parameter(dcl_graph *graph, const char *name, int64_t length, dcl_initial initial)
{
    return dcl_graph_parameter(graph, name, 1, &length, initial);
}

dcl_value matrix_parameter(dcl_graph *graph, const char *name, int64_t rows, int64_t columns,
                           dcl_initial initial)
{
    return dcl_graph_parameter(graph, name, 2, (int64_t[]){rows, columns}, initial);
}

dcl_value vector_input(dcl_graph *graph, const char *name, int64_t length)
{
    return dcl_graph_input(graph, name, DCL_REAL, 1, &length);
}

dcl_value unary(dcl_graph *graph, const char *op, dcl_value x)
{
    return dcl_graph_apply(graph, NULL, op, &x, 1, NULL);
}

dcl_value binary(dcl_graph *graph, const char *op, dcl_value x, dcl_value y)
{
    return dcl_graph_apply(graph, NULL, op, (dcl_value[]){x, y}, 2, NULL);
}

void descend(dcl_graph *graph, dcl_value parameter, dcl_value gradient, double rate)
{
    const dcl_tensor *shape = dcl_value_tensor(graph, parameter);
    dcl_value velocity = dcl_graph_constant(graph, NULL, shape->rank, shape->dim, 0);
    dcl_value updated = dcl_graph_apply(graph, NULL, "sgd", (dcl_value[]){parameter, velocity, gradient}, 3,
                                        (dcl_setting[]){{.name = "rate", .number = rate}, {0}});
    dcl_graph_assign(graph, parameter, updated);
}

dcl_session *new_session(const dcl_graph *graph)
{
    dcl_error error;
    dcl_session *session = NULL;
    ASSERT_OK(dcl_graph_status(graph, &error));
    ASSERT_OK(dcl_session_create(device, graph, &session, &error));
    return session;
}

void fetch(dcl_session *session, const char *name, double *data)
{
    dcl_error error;
    ASSERT_OK(dcl_session_fetch(session, name, DCL_F64, data, &error));
}

void feed(dcl_session *session, const char *name, const double *data)
{
    dcl_error error;
    ASSERT_OK(dcl_session_feed(session, name, DCL_F64, data, &error));
}

void step(dcl_session *session, int64_t steps)
{
    dcl_error error;
    ASSERT_OK(dcl_session_step(session, steps, &error));
}

/* ---- Numbers and folders ---- */

void draw(uint64_t seed, double *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t words[4];
        dcl_random_words(seed, 0, 0, (uint64_t)i, words);
        data[i] = words[0] * 0x1p-31 - 1;
    }
}

void make_folder(char folder[64])
{
    strcpy(folder, "/tmp/dropcl-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

void remove_folder(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
