/* test_program.c: behaviour of kernel builds: messages, defines, the cache on disk, sizes of groups. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "core/buffer.h"
#include "core/program.h"

Suite *program_suite(void);

static const char writes_value[] =
    "__kernel void write_value(__global real *out, long count)\n"
    "{\n"
    "    long i = get_global_id(0);\n"
    "    if (i < count)\n"
    "        out[i] = (real)VALUE + i;\n"
    "}\n";

static dcl_error error;

static dcl__build build_of(const char *source, const char *defines)
{
    return (dcl__build){.owner = "made_up", .source = source, .real = DCL_F32, .defines = defines};
}

static dcl_status get_kernel(const char *source, const char *defines, const char *name, cl_kernel *kernel)
{
    const dcl__build build = build_of(source, defines);
    return dcl__kernel(device, &build, name, kernel, &error);
}

/* Runs write_value over `count` elements, with a group of that size (0: the host chooses). */
static void run_kernel(cl_kernel kernel, int64_t count, uint64_t group, float *found)
{
    cl_mem buffer = NULL;
    cl_long number = count;
    dcl_tensor tensor = {.size = sizeof tensor, .dtype = DCL_F32, .rank = 1, .dim = {count}, .count = count};
    ASSERT_OK(dcl__buffer_create(device, "out", count * 4, &buffer, &error));
    ck_assert_int_eq(clSetKernelArg(kernel, 0, sizeof buffer, &buffer), CL_SUCCESS);
    ck_assert_int_eq(clSetKernelArg(kernel, 1, sizeof number, &number), CL_SUCCESS);
    ASSERT_OK(dcl__enqueue(device, kernel, "write_value", 1, (const uint64_t[]){(uint64_t)count},
                           group ? &group : NULL, &error));
    ASSERT_OK(dcl__buffer_read(device, buffer, &tensor, DCL_F32, found, &error));
    dcl__buffer_release(device, buffer);
}

START_TEST(a_kernel_runs_with_its_defines)
{
    cl_kernel kernel;
    float found[5];
    ASSERT_OK(get_kernel(writes_value, "VALUE=7", "write_value", &kernel));
    run_kernel(kernel, 5, 0, found);
    ck_assert_float_eq(found[4], 11);
    ASSERT_OK(get_kernel(writes_value, "VALUE=-2.5 OTHER_2=1", "write_value", &kernel));
    run_kernel(kernel, 5, 0, found);
    ck_assert_float_eq(found[0], -2.5f);
}
END_TEST

START_TEST(any_range_and_group_covers_every_element)
{
    static const int64_t counts[] = {1, 3, 255, 257, 1000};
    static const uint64_t groups[] = {0, 1, 7, 64};
    float found[1000];
    cl_kernel kernel;
    ASSERT_OK(get_kernel(writes_value, "VALUE=1", "write_value", &kernel));
    for (int i = 0; i < ROWS(counts); i++)
        for (int j = 0; j < ROWS(groups); j++) {
            run_kernel(kernel, counts[i], groups[j], found);
            for (int64_t k = 0; k < counts[i]; k++)
                ck_assert_float_eq(found[k], (float)(1 + k));
        }
}
END_TEST

START_TEST(a_kernel_is_built_once)
{
    cl_kernel first, second;
    ASSERT_OK(get_kernel(writes_value, "VALUE=3", "write_value", &first));
    dcl_device_counts before = dcl_device_statistics(device);
    ASSERT_OK(get_kernel(writes_value, "VALUE=3", "write_value", &second));
    ck_assert_ptr_eq(first, second);
    ck_assert_int_eq(dcl_device_statistics(device).programs_compiled, before.programs_compiled);
    ck_assert_int_eq(dcl_device_statistics(device).programs_cached, before.programs_cached);
}
END_TEST

START_TEST(a_source_that_does_not_build_gives_the_compilers_log)
{
    cl_kernel kernel;
    static const char broken[] = "__kernel void broken(void) { undeclared_thing = 1; }\n";
    ASSERT_FAILS(get_kernel(broken, NULL, "broken", &kernel), DCL_EBUILD,
                 "the kernels of op 'made_up' do not build");
    ck_assert_ptr_nonnull(strstr(error.text, "undeclared_thing"));
    ck_assert_ptr_nonnull(strstr(error.text, dcl_device_describe(device)->name));
    ck_assert_ptr_nonnull(strstr(error.text, "-D DCL_REAL_BITS=32"));
}
END_TEST

START_TEST(a_kernel_that_is_not_there_is_named)
{
    cl_kernel kernel;
    ASSERT_FAILS(get_kernel(writes_value, "VALUE=3", "read_value", &kernel), DCL_EDEVICE,
                 "kernel 'read_value'");
    ck_assert_ptr_nonnull(strstr(error.text, "CL_INVALID_KERNEL_NAME"));
    ASSERT_OK(get_kernel(writes_value, "VALUE=3", "write_value", &kernel));
}
END_TEST

static const char *const bad_defines[] = {
    "VALUE", "VALUE=", "=3", "VALUE=x", "value=3", "VALUE=3;", "VALUE=1\" -I/", "3V=1", "VALUE=3 -I/tmp",
    "VALUE=--3", NULL,
};

START_TEST(only_names_with_numbers_can_be_defined)
{
    cl_kernel kernel;
    for (const char *const *defines = bad_defines; *defines; defines++)
        ASSERT_FAILS(get_kernel(writes_value, *defines, "write_value", &kernel), DCL_EINVAL,
                     "is not a define of the form NAME=number");
}
END_TEST

START_TEST(too_many_defines_are_refused)
{
    char defines[2000] = "";
    cl_kernel kernel;
    while (strlen(defines) < 1900)
        strcat(defines, "VALUE=1 ");
    ASSERT_FAILS(get_kernel(writes_value, defines, "write_value", &kernel), DCL_EINVAL, "define");
}
END_TEST

START_TEST(double_precision_is_another_program)
{
    cl_kernel single, twice;
    ASSERT_OK(get_kernel(writes_value, "VALUE=3", "write_value", &single));
    dcl__build build = build_of(writes_value, "VALUE=3");
    build.real = DCL_F64;
    ASSERT_OK(dcl__kernel(device, &build, "write_value", &twice, &error));
    ck_assert_ptr_ne(single, twice);
}
END_TEST

/* ---- The cache on disk ---- */

/* Trains a little in a process of its own; how many programs it compiled and how many it read. */
static dcl_device_counts train_elsewhere(void)
{
    int ends[2], status;
    dcl_device_counts counts;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        open_device();
        dcl_graph *graph = new_graph(DCL_F32);
        dcl_value x = vector_parameter(graph, "x", 9, (dcl_initial){.fill = 1}), gradient;
        dcl_graph_gradient(graph, unary(graph, "sum_squares", x), &x, 1, &gradient);
        descend(graph, x, gradient, 0.1);
        dcl_session *session = new_session(graph);
        step(session, 3);
        ASSERT_OK(dcl_session_wait(session, &error));
        counts = dcl_device_statistics(device);
        dcl_session_free(session);
        dcl_graph_free(graph);
        close_device();          /* saves the kernels */
        _exit(write(ends[1], &counts, sizeof counts) != sizeof counts);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(ends[0], &counts, sizeof counts), sizeof counts);
    return counts;
}

START_TEST(a_second_process_compiles_nothing)
{
    char folder[64];
    make_folder(folder);
    setenv("XDG_CACHE_HOME", folder, 1);
    dcl_device_counts first = train_elsewhere(), second = train_elsewhere();
    ck_assert_int_gt(first.programs_compiled, 0);
    ck_assert_int_eq(first.programs_cached, 0);
    ck_assert_int_eq(second.programs_compiled, 0);
    ck_assert_int_eq(second.programs_cached, first.programs_compiled);
    remove_folder(folder);
}
END_TEST

Suite *program_suite(void)
{
    Suite *suite = make_suite("program", open_device, close_device, (const TTest *[]){
        a_kernel_runs_with_its_defines, any_range_and_group_covers_every_element, a_kernel_is_built_once,
        a_source_that_does_not_build_gives_the_compilers_log, a_kernel_that_is_not_there_is_named,
        only_names_with_numbers_can_be_defined, too_many_defines_are_refused,
        double_precision_is_another_program, NULL});
    TCase *cache = tcase_create("cache");
    tcase_set_timeout(cache, 300);
    tcase_add_test(cache, a_second_process_compiles_nothing);
    suite_add_tcase(suite, cache);
    return suite;
}
