/* test_schema.c: behaviour of attributes: defaults, bounds, words, and their text form. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "core/schema.h"

Suite *schema_suite(void);

/* An op with one attribute of each kind; only its schema is used. */
static const dcl_attribute attributes[] = {
    {.name = "count", .doc = "how many", .kind = DCL_INTEGER, .fallback = 3, .least = 1, .most = 10},
    {.name = "rate", .doc = "how fast", .kind = DCL_NUMBER, .fallback = 0.5, .least = 0, .most = 1},
    {.name = "shift", .doc = "how far", .kind = DCL_NUMBER, .fallback = -2},
    {.name = "keep", .doc = "whether", .kind = DCL_FLAG, .fallback = 1},
    {.name = "mode", .doc = "in which way", .kind = DCL_STRING, .words = "fast|slow|very_slow"},
    {.name = "label", .doc = "any text", .kind = DCL_STRING},
    {.name = "axes", .doc = "where", .kind = DCL_LIST, .most = 7},
    {0},
};
static const dcl_op op = {.name = "made_up", .attributes = attributes};

static const dcl_attribute strict_attributes[] = {
    {.name = "shape", .doc = "lengths of the result", .kind = DCL_LIST, .flags = DCL_ATTRIBUTE_REQUIRED},
    {0},
};
static const dcl_op strict_op = {.name = "strict", .attributes = strict_attributes};
static const dcl_op plain_op = {.name = "plain"};

START_TEST(what_is_not_given_has_its_default)
{
    dcl_setting *made = NULL;
    dcl_error error;
    ASSERT_OK(dcl__settings_resolve(&op, NULL, &made, &error));
    ck_assert_int_eq(dcl__setting_find(made, "count")->integer, 3);
    ck_assert_double_eq(dcl__setting_find(made, "rate")->number, 0.5);
    ck_assert_double_eq(dcl__setting_find(made, "shift")->number, -2);
    ck_assert_int_eq(dcl__setting_find(made, "keep")->integer, 1);
    ck_assert_str_eq(dcl__setting_find(made, "mode")->string, "fast");
    ck_assert_str_eq(dcl__setting_find(made, "label")->string, "");
    ck_assert_int_eq(dcl__setting_find(made, "axes")->count, 0);
    ck_assert_ptr_null(dcl__setting_find(made, "other"));
    dcl__settings_free(&op, made);
}
END_TEST

START_TEST(settings_come_in_the_order_of_the_schema)
{
    const dcl_setting given[] = {
        {.name = "axes"}, {.name = "rate", .number = 1}, {.name = "count", .integer = 1}, {0}};
    dcl_setting *made = NULL;
    dcl_error error;
    ASSERT_OK(dcl__settings_resolve(&op, given, &made, &error));
    for (int i = 0; i < ROWS(attributes) - 1; i++)
        ck_assert_str_eq(made[i].name, attributes[i].name);
    ck_assert_ptr_null(made[ROWS(attributes) - 1].name);
    dcl__settings_free(&op, made);
}
END_TEST

START_TEST(given_texts_and_lists_are_copied)
{
    char label[] = "mine";
    int64_t axes[] = {2, 0};
    const dcl_setting given[] = {
        {.name = "label", .string = label}, {.name = "axes", .list = axes, .count = 2}, {0}};
    dcl_setting *made = NULL;
    dcl_error error;
    ASSERT_OK(dcl__settings_resolve(&op, given, &made, &error));
    label[0] = 'x';
    axes[0] = 5;
    ck_assert_str_eq(dcl__setting_find(made, "label")->string, "mine");
    ck_assert_int_eq(dcl__setting_find(made, "axes")->list[0], 2);
    dcl__settings_free(&op, made);
}
END_TEST

/* ---- As text: the form that cases and the command line use ---- */

static dcl_status resolve_text(const dcl_op *of, const char *text, dcl_setting **made, dcl_error *error)
{
    dcl_setting *given = NULL;
    dcl_status status = dcl__settings_parse(of, text, &given, error);
    if (status == DCL_OK)
        status = dcl__settings_resolve(of, given, made, error);
    dcl__settings_free(of, given);
    return status;
}

START_TEST(every_kind_is_read_from_text)
{
    dcl_setting *made = NULL;
    dcl_error error;
    ASSERT_OK(resolve_text(&op, "count=7 rate=1e-3 shift=-4.5 keep=0 mode=slow label=a-b axes=0,3,7", &made,
                           &error));
    ck_assert_int_eq(dcl__setting_find(made, "count")->integer, 7);
    ck_assert_double_eq(dcl__setting_find(made, "rate")->number, 1e-3);
    ck_assert_double_eq(dcl__setting_find(made, "shift")->number, -4.5);
    ck_assert_int_eq(dcl__setting_find(made, "keep")->integer, 0);
    ck_assert_str_eq(dcl__setting_find(made, "mode")->string, "slow");
    ck_assert_str_eq(dcl__setting_find(made, "label")->string, "a-b");
    const dcl_setting *axes = dcl__setting_find(made, "axes");
    ck_assert_int_eq(axes->count, 3);
    ck_assert_mem_eq(axes->list, ((const int64_t[]){0, 3, 7}), 3 * sizeof(int64_t));
    dcl__settings_free(&op, made);
}
END_TEST

static const char *const accepted[] = {
    "", "count=1", "count=10", "rate=0", "rate=1", "shift=1e300", "mode=very_slow", "axes=", "axes=7",
    "label=", "  count=2   rate=0.25  ", NULL,
};

START_TEST(bounds_are_allowed_and_no_bounds_mean_none)
{
    dcl_error error;
    for (const char *const *text = accepted; *text; text++) {
        dcl_setting *made = NULL;
        ASSERT_OK(resolve_text(&op, *text, &made, &error));
        dcl__settings_free(&op, made);
    }
}
END_TEST

static const struct {
    const char *text, *says;
} refused[] = {
    {"count=0", "attribute 'count' is 0, it must be from 1 to 10"},
    {"count=11", "it must be from 1 to 10"},
    {"count=2.5", "'2.5' is no integer"},
    {"count=", "'' is no integer"},
    {"count=99999999999999999999", "is no integer"},
    {"rate=1.01", "attribute 'rate'"},
    {"rate=-1e-9", "attribute 'rate'"},
    {"rate=fast", "'fast' is no number"},
    {"rate=nan", "attribute 'rate' is not a number"},
    {"shift=1x", "'1x' is no number"},
    {"keep=2", "flag 'keep' is 2, it must be 0 or 1"},
    {"mode=medium", "'medium', it must be one of fast|slow|very_slow"},
    {"mode=", "it must be one of"},
    {"mode=fas", "it must be one of"},
    {"mode=fast|slow", "it must be one of"},
    {"axes=8", "it must be from 0 to 7"},
    {"axes=0,-1", "it must be from 0 to 7"},
    {"axes=1,x", "'x' is not a list of integers"},
    {"axes=1;2", "not a list of integers"},
    {"axes=1,99999999999999999999", "not a list of integers"},
    {"colour=3", "has no attribute 'colour'"},
    {"count", "'count' is not of the form name=value"},
    {"=3", "has no attribute ''"},
    {"count=1 count=2", "'count' is given twice"},
};

START_TEST(what_the_schema_does_not_allow_is_refused_by_name)
{
    dcl_error error;
    dcl_setting *made = NULL;
    ASSERT_FAILS(resolve_text(&op, refused[_i].text, &made, &error), DCL_EGRAPH, refused[_i].says);
    ck_assert_ptr_null(made);
}
END_TEST

START_TEST(unknown_and_missing_attributes_are_named)
{
    dcl_error error;
    dcl_setting *made = NULL;
    const dcl_setting unknown[] = {{.name = "colour"}, {0}};
    ASSERT_FAILS(dcl__settings_resolve(&op, unknown, &made, &error), DCL_EGRAPH,
                 "op 'made_up' has no attribute 'colour'");
    ASSERT_FAILS(dcl__settings_resolve(&plain_op, unknown, &made, &error), DCL_EGRAPH,
                 "op 'plain' has no attribute");
    ASSERT_FAILS(dcl__settings_resolve(&strict_op, NULL, &made, &error), DCL_EGRAPH,
                 "op 'strict' needs attribute 'shape'");
    ASSERT_FAILS(dcl__settings_parse(&plain_op, "colour=3", &made, &error), DCL_EGRAPH, "plain");
}
END_TEST

START_TEST(an_infinite_number_is_out_of_bounds)
{
    dcl_error error;
    dcl_setting *made = NULL;
    const dcl_setting given[] = {{.name = "rate", .number = INFINITY}, {0}};
    ASSERT_FAILS(dcl__settings_resolve(&op, given, &made, &error), DCL_EGRAPH, "attribute 'rate' is inf");
}
END_TEST

START_TEST(a_long_list_is_read_whole)
{
    enum { LENGTH = 1000 };
    char text[4 * LENGTH + 8] = "shape=";
    dcl_error error;
    dcl_setting *made = NULL;
    for (int i = 0; i < LENGTH; i++)
        sprintf(text + strlen(text), i ? ",%d" : "%d", i % 100);
    ASSERT_OK(resolve_text(&strict_op, text, &made, &error));
    ck_assert_int_eq(made[0].count, LENGTH);
    for (int i = 0; i < LENGTH; i++)
        ck_assert_int_eq(made[0].list[i], i % 100);
    dcl__settings_free(&strict_op, made);
}
END_TEST

START_TEST(kinds_and_ports_are_known)
{
    const dcl_port ports[] = {{.name = "x"}, {.name = "y"}, {0}};
    ck_assert_uint_eq(dcl__port_count(ports), 2);
    ck_assert_uint_eq(dcl__port_count(NULL), 0);
    ck_assert_str_eq(dcl__kind_name(DCL_LIST), "list");
    ck_assert_str_eq(dcl__kind_name(99), "unknown");
}
END_TEST

Suite *schema_suite(void)
{
    Suite *suite = make_suite("schema", NULL, NULL, (const TTest *[]){
        what_is_not_given_has_its_default, settings_come_in_the_order_of_the_schema,
        given_texts_and_lists_are_copied, every_kind_is_read_from_text,
        bounds_are_allowed_and_no_bounds_mean_none, unknown_and_missing_attributes_are_named,
        an_infinite_number_is_out_of_bounds, a_long_list_is_read_whole, kinds_and_ports_are_known, NULL});
    TCase *refusals = tcase_create("refused");
    tcase_add_loop_test(refusals, what_the_schema_does_not_allow_is_refused_by_name, 0, ROWS(refused));
    suite_add_tcase(suite, refusals);
    return suite;
}
