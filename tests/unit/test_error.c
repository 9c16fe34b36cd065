/* test_error.c: behaviour of error sentences: code, prefixes, and cutting at the end. */
#include <string.h>

#include "common.h"
#include "core/error.h"

Suite *error_suite(void);

START_TEST(a_failure_is_a_code_and_a_sentence)
{
    dcl_error error;
    ck_assert_int_eq(dcl__fail(&error, DCL_EIO, "file '%s' line %d", "a.npy", 7), DCL_EIO);
    ck_assert_int_eq(error.code, DCL_EIO);
    ck_assert_str_eq(error.text, "file 'a.npy' line 7");
}
END_TEST

START_TEST(nobody_has_to_listen)
{
    ck_assert_int_eq(dcl__fail(NULL, DCL_EINVAL, "unheard"), DCL_EINVAL);
    ck_assert_int_eq(dcl__prefix(NULL, DCL_EGRAPH, "node"), DCL_EGRAPH);
    ck_assert_int_eq(dcl__no_memory(NULL, "a list", 8), DCL_ENOMEM);
}
END_TEST

START_TEST(a_long_sentence_is_cut_at_its_end)
{
    dcl_error error;
    char text[2 * sizeof error.text];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    dcl__fail(&error, DCL_EBUILD, "log: %s", text);
    ck_assert_uint_eq(strlen(error.text), sizeof error.text - 1);
    ck_assert_ptr_eq(strstr(error.text, "log: xxx"), error.text);
}
END_TEST

START_TEST(a_prefix_says_where_it_happened)
{
    dcl_error error;
    dcl__fail(&error, DCL_EGRAPH, "the shapes differ");
    ck_assert_int_eq(dcl__prefix(&error, DCL_EGRAPH, "node '%s'", "add.3"), DCL_EGRAPH);
    ck_assert_str_eq(error.text, "node 'add.3': the shapes differ");
}
END_TEST

START_TEST(prefixes_push_the_end_out)
{
    dcl_error error;
    char text[sizeof error.text];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    dcl__fail(&error, DCL_EBUILD, "%s", text);
    for (int i = 0; i < 3; i++)
        dcl__prefix(&error, DCL_EBUILD, "outer");
    ck_assert_uint_eq(strlen(error.text), sizeof error.text - 1);
    ck_assert_ptr_eq(strstr(error.text, "outer: outer: outer: xxx"), error.text);
}
END_TEST

START_TEST(a_prefix_longer_than_its_room_is_cut)
{
    dcl_error error;
    char text[2 * sizeof error.text];
    memset(text, 'p', sizeof text);
    text[sizeof text - 1] = '\0';
    dcl__fail(&error, DCL_EBUILD, "the reason");
    dcl__prefix(&error, DCL_EBUILD, "%s", text);
    ck_assert_ptr_nonnull(strstr(error.text, "ppp: the reason"));
}
END_TEST

START_TEST(missing_memory_is_told_with_its_size)
{
    dcl_error error;
    ASSERT_FAILS(dcl__no_memory(&error, "the list of ops", 4096), DCL_ENOMEM,
                 "the list of ops needs 4096 bytes");
}
END_TEST

START_TEST(every_status_has_words_of_its_own)
{
    for (int a = DCL_OK; a >= DCL_EINTERNAL; a--) {
        ck_assert_str_ne(dcl_status_text(a), "unknown status");
        for (int b = DCL_OK; b > a; b--)
            ck_assert_str_ne(dcl_status_text(a), dcl_status_text(b));
    }
    ck_assert_str_eq(dcl_status_text(DCL_EINTERNAL - 1), "unknown status");
    ck_assert_str_eq(dcl_status_text(1), "unknown status");
}
END_TEST

START_TEST(the_version_is_that_of_the_build)
{
    ck_assert_str_eq(dcl_version(), DROPCL_VERSION);
}
END_TEST

Suite *error_suite(void)
{
    return make_suite("error", NULL, NULL, (const TTest *[]){
        a_failure_is_a_code_and_a_sentence, nobody_has_to_listen, a_long_sentence_is_cut_at_its_end,
        a_prefix_says_where_it_happened, prefixes_push_the_end_out, a_prefix_longer_than_its_room_is_cut,
        missing_memory_is_told_with_its_size, every_status_has_words_of_its_own,
        the_version_is_that_of_the_build, NULL});
}
