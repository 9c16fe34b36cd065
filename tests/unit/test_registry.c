/* test_registry.c: behaviour of the list of ops: where plugins are looked for and what is passed over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "core/registry.h"

Suite *registry_suite(void);

static char folder[64];

static void setup(void)
{
    make_folder(folder);
    unsetenv("DROPCL_PLUGIN_PATH");
    open_ops();
}

static void teardown(void)
{
    close_ops();
    remove_folder(folder);
}

/* The file that brought an op. */
static const char *file_of(const char *name)
{
    for (size_t i = 0; i < dcl_registry_count(ops); i++)
        if (strcmp(dcl_registry_op(ops, i)->name, name) == 0)
            return dcl_registry_file(ops, i);
    ck_abort_msg("there is no op '%s'", name);
    return NULL;
}

/* Writes a file of that name into the folder; returns its path. */
static const char *write_file(const char *name, const char *content)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(content, file);
    fclose(file);
    return path;
}

/* Copies the plugin that brought an op into the folder. */
static void copy_plugin(const char *op, const char *name)
{
    char buffer[4096], path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *from = fopen(file_of(op), "rb"), *to = fopen(path, "wb");
    ck_assert(from && to);
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, from));)
        ck_assert_uint_eq(fwrite(buffer, 1, got, to), got);
    fclose(from);
    fclose(to);
}

START_TEST(the_plugins_beside_the_library_are_found)
{
    ck_assert_ptr_nonnull(dcl_registry_find(ops, "matmul"));
    ck_assert_ptr_nonnull(dcl_registry_find(ops, "adam"));
    ck_assert_ptr_null(dcl_registry_find(ops, "nothing_like_it"));
    ck_assert_ptr_null(dcl_registry_warning(ops, 0));
}
END_TEST

START_TEST(ops_are_listed_by_name_with_their_origin)
{
    for (size_t i = 0; i < dcl_registry_count(ops); i++) {
        const dcl_op *op = dcl_registry_op(ops, i);
        if (i)
            ck_assert_int_lt(strcmp(dcl_registry_op(ops, i - 1)->name, op->name), 0);
        ck_assert_ptr_eq(dcl_registry_find(ops, op->name), op);
        ck_assert_ptr_nonnull(strstr(dcl_registry_file(ops, i), ".dclop.so"));
        ck_assert_int_eq(dcl_registry_file(ops, i)[0], '/');
        ck_assert_str_ne(dcl_registry_plugin(ops, i)->id, "");
    }
}
END_TEST

START_TEST(an_unknown_op_suggests_a_near_name)
{
    dcl_error error;
    ASSERT_FAILS(dcl__registry_unknown(ops, "matmull", &error), DCL_EGRAPH, "did you mean 'matmul'?");
    ASSERT_FAILS(dcl__registry_unknown(ops, "ad", &error), DCL_EGRAPH, "did you mean 'add'?");
    ASSERT_FAILS(dcl__registry_unknown(ops, "xqzw", &error), DCL_EGRAPH, "there is no op 'xqzw'");
    ck_assert_ptr_null(strstr(error.text, "did you mean"));
}
END_TEST

START_TEST(distance_counts_single_letter_changes)
{
    ck_assert_uint_eq(dcl__distance("", ""), 0);
    ck_assert_uint_eq(dcl__distance("add", "add"), 0);
    ck_assert_uint_eq(dcl__distance("", "add"), 3);
    ck_assert_uint_eq(dcl__distance("add", ""), 3);
    ck_assert_uint_eq(dcl__distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(dcl__distance("flaw", "lawn"), 2);
}
END_TEST

START_TEST(gradients_are_summed_by_an_op_that_says_so)
{
    const dcl__op *accumulator = dcl__registry_accumulator(ops);
    ck_assert_ptr_nonnull(accumulator);
    ck_assert_uint_ne(accumulator->op.flags & DCL_OP_ACCUMULATES, 0);
}
END_TEST

START_TEST(a_plugin_that_is_named_twice_is_loaded_once)
{
    char path[1024];
    dcl_registry *again = NULL;
    dcl_error error;
    snprintf(path, sizeof path, "%s:%s", file_of("matmul"), file_of("matmul"));
    ASSERT_OK(dcl_registry_open(path, &again, &error));
    ck_assert_uint_eq(dcl_registry_count(again), dcl_registry_count(ops));
    dcl_registry_close(again);
}
END_TEST

START_TEST(a_file_that_is_named_must_load)
{
    dcl_registry *opened = NULL;
    dcl_error error;
    ASSERT_FAILS(dcl_registry_open("/no/such.dclop.so", &opened, &error), DCL_EPLUGIN, "/no/such.dclop.so");
    const char *path = write_file("text.dclop.so", "no library");
    ASSERT_FAILS(dcl_registry_open(path, &opened, &error), DCL_EPLUGIN, "text.dclop.so");
    path = write_file("empty.dclop.so", "");
    ASSERT_FAILS(dcl_registry_open(path, &opened, &error), DCL_EPLUGIN, "empty.dclop.so");
    ck_assert_ptr_null(opened);
}
END_TEST

START_TEST(a_file_of_a_folder_that_does_not_load_is_passed_over_with_a_warning)
{
    dcl_registry *opened = NULL;
    dcl_error error;
    write_file("text.dclop.so", "no library");
    write_file("ignored.so", "no library");
    write_file(".dclop.so", "no name before the suffix");
    ASSERT_OK(dcl_registry_open(folder, &opened, &error));
    ck_assert_uint_eq(dcl_registry_count(opened), dcl_registry_count(ops));
    ck_assert_ptr_nonnull(dcl_registry_warning(opened, 0));
    ck_assert_ptr_nonnull(strstr(dcl_registry_warning(opened, 0), "text.dclop.so"));
    ck_assert_ptr_null(dcl_registry_warning(opened, 1));
    dcl_registry_close(opened);
}
END_TEST

START_TEST(two_plugins_with_one_op_are_refused_with_both_files)
{
    dcl_registry *opened = NULL;
    dcl_error error;
    copy_plugin("matmul", "twin.dclop.so");
    setenv("DROPCL_PLUGIN_PATH", folder, 1);
    ASSERT_FAILS(dcl_registry_open(NULL, &opened, &error), DCL_EPLUGIN, "two plugins bring an op 'matmul'");
    ck_assert_ptr_nonnull(strstr(error.text, "twin.dclop.so"));
    ck_assert_ptr_nonnull(strstr(error.text, file_of("matmul")));
}
END_TEST

START_TEST(a_file_that_is_named_goes_before_one_that_is_found)
{
    dcl_registry *opened = NULL;
    dcl_error error;
    char file[128];
    copy_plugin("matmul", "twin.dclop.so");
    snprintf(file, sizeof file, "%s/twin.dclop.so", folder);
    ASSERT_OK(dcl_registry_open(file, &opened, &error));
    ck_assert_uint_eq(dcl_registry_count(opened), dcl_registry_count(ops));
    for (size_t i = 0; i < dcl_registry_count(opened); i++)
        if (strcmp(dcl_registry_op(opened, i)->name, "matmul") == 0)
            ck_assert_ptr_nonnull(strstr(dcl_registry_file(opened, i), "twin.dclop.so"));
    dcl_registry_close(opened);
    ASSERT_FAILS(dcl_registry_open(folder, &opened, &error), DCL_EPLUGIN, "two plugins bring an op 'matmul'");
}
END_TEST

START_TEST(the_current_folder_is_never_searched)
{
    dcl_registry *opened = NULL;
    dcl_error error;
    copy_plugin("matmul", "twin.dclop.so");
    ck_assert_int_eq(chdir(folder), 0);
    setenv("DROPCL_PLUGIN_PATH", "", 1);
    ASSERT_OK(dcl_registry_open("", &opened, &error));
    ck_assert_uint_eq(dcl_registry_count(opened), dcl_registry_count(ops));
    dcl_registry_close(opened);
}
END_TEST

Suite *registry_suite(void)
{
    return make_suite("registry", setup, teardown, (const TTest *[]){
        the_plugins_beside_the_library_are_found, ops_are_listed_by_name_with_their_origin,
        an_unknown_op_suggests_a_near_name, distance_counts_single_letter_changes,
        gradients_are_summed_by_an_op_that_says_so, a_plugin_that_is_named_twice_is_loaded_once,
        a_file_that_is_named_must_load, a_file_of_a_folder_that_does_not_load_is_passed_over_with_a_warning,
        two_plugins_with_one_op_are_refused_with_both_files, a_file_that_is_named_goes_before_one_that_is_found,
        the_current_folder_is_never_searched, NULL});
}
