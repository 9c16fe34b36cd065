/* test_entry_files.c: behaviour of the readers of known entries, and of names of rows and columns. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/entries.h"

Suite *entry_files_suite(void);

/* ---- A file ---- */

static char path[64];
static dcl__entry_table table;
static dcl_error error;

static void teardown(void)
{
    dcl__entries_free(&table);
    unlink(path);
}

static const char *write_file(const char *ending, const char *text)
{
    snprintf(path, sizeof path, "/tmp/dropcl-entries-%d%s", (int)getpid(), ending);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static dcl_status read_text(const char *ending, const char *text, int layout, int weights)
{
    dcl__entries_free(&table);
    return dcl__entries_read(write_file(ending, text), layout, weights, &table, &error);
}

static void expect(const char *ending, const char *text)
{
    const dcl_status status = read_text(ending, text, DCL__LAYOUT_AUTOMATIC, 0);
    ck_assert_msg(status == DCL_OK, "%s", error.text);
}

static void refuse(const char *ending, const char *text, const char *message)
{
    ck_assert_int_eq(read_text(ending, text, DCL__LAYOUT_AUTOMATIC, 0), DCL_EFORMAT);
    ck_assert_msg(strstr(error.text, message) != NULL, "\"%s\" does not say \"%s\"", error.text, message);
}

/* The value at a place, NAN where it is unknown. */
static double at(int64_t row, int64_t column)
{
    const dcl_entries *e = &table.entries;
    for (int64_t i = e->start[row]; i < e->start[row + 1]; i++)
        if (e->column[i] == column)
            return e->value[i];
    return NAN;
}

/* ---- Triplets ---- */

START_TEST(triplets_may_have_a_header_and_name_rows_and_columns)
{
    expect(".csv", "user,film,rating\nann,Alien,4\nbob,Brazil,2.5\nann,Brazil,1\n");
    ck_assert_int_eq(table.entries.rows, 2);
    ck_assert_int_eq(table.entries.columns, 2);
    ck_assert_int_eq(table.entries.count, 3);
    ck_assert_str_eq(table.row_label.items[0]->text, "ann");
    ck_assert_str_eq(table.column_label.items[1]->text, "Brazil");
    ck_assert(at(0, 0) == 4 && at(0, 1) == 1 && at(1, 1) == 2.5 && isnan(at(1, 0)));
}
END_TEST

START_TEST(a_first_line_that_may_be_an_entry_is_no_header)
{
    refuse(".csv", "a;x;4,5\nb;y;1\n", "line 1: the value \"4,5\"");
    refuse(".csv", "a,x,-.5.\nb,y,1\n", "line 1: the value \"-.5.\"");
    refuse(".csv", "1,7,x3\n2,8,1\n", "line 1: the value \"x3\"");
    refuse(".csv", "# ours\na,x,x3\nb,y,1\na,y,1\n", "line 2: the value \"x3\" is not a finite number, and the line");
    refuse(".csv", "a,x,x3\nb,x,1\n", "since its row or column is named again");
    expect(".csv", "# ours\nV1,V2,V3\na,x,3\n");
    ck_assert_int_eq(table.entries.count, 1);
    ck_assert_str_eq(table.header, "V1,V2,V3");
    expect(".csv", "a,x,3\n");
    ck_assert_str_eq(table.header, "");
}
END_TEST

START_TEST(whole_numbers_are_names_in_their_own_order)
{
    expect(".tsv", "10\t7\t1\n9\t100\t2\n");
    ck_assert_str_eq(table.row_label.items[0]->text, "9");
    ck_assert_str_eq(table.column_label.items[0]->text, "7");
    ck_assert(at(0, 1) == 2 && at(1, 0) == 1);
}
END_TEST

START_TEST(an_entry_listed_twice_is_the_mean_of_its_values)
{
    expect(".csv", "a,x,1\na,x,4\na,y,5\na,x,4\n");
    ck_assert_int_eq(table.entries.count, 2);
    ck_assert_int_eq(table.duplicates, 2);
    ck_assert_double_eq_tol(at(0, 0), 3, 1e-15);
}
END_TEST

START_TEST(a_missing_value_is_no_entry)
{
    expect(".csv", "a,x,1\na,y,\na,z,NaN\nb,x,0\n");
    ck_assert_int_eq(table.entries.count, 2);
    ck_assert_double_eq(at(1, 0), 0);
}
END_TEST

START_TEST(weights_are_a_fourth_field_above_0)
{
    ck_assert_int_eq(read_text(".csv", "a,x,1,2\na,x,4,1\nb,x,3,0.5\n", DCL__LAYOUT_AUTOMATIC, 1), DCL_OK);
    ck_assert_double_eq_tol(at(0, 0), 2, 1e-15);
    ck_assert_double_eq(table.entries.weight[0], 3);
    ck_assert_int_eq(read_text(".csv", "a,x,1,0\n", DCL__LAYOUT_AUTOMATIC, 1), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "above 0"));
}
END_TEST

/* A third of 3 * 0.1 is not 0.1. */
START_TEST(what_is_listed_once_keeps_its_value)
{
    ck_assert_int_eq(read_text(".csv", "a,x,0.1,3\nb,x,3,1\n", DCL__LAYOUT_AUTOMATIC, 1), DCL_OK);
    ck_assert_double_eq(at(0, 0), 0.1);
}
END_TEST

START_TEST(weights_of_what_holds_no_triplets_are_refused)
{
    const char *const texts[] = {"1,7,4\n2,8,2\n", "1,2,3,4,5\n",
                                 "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 5\n"};
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(read_text(i < 2 ? ".csv" : ".mtx", texts[i], DCL__LAYOUT_AUTOMATIC, 1), DCL_EFORMAT);
        ck_assert_ptr_nonnull(strstr(error.text, "which this file is not"));
        unlink(path);
    }
    ck_assert_int_eq(read_text(".csv", "1,2,3,4\n", DCL__LAYOUT_MATRIX, 1), DCL_EFORMAT);
}
END_TEST

/* Within quotes, and without: 5" is a size of discs. */
START_TEST(quotes_are_parts_of_names)
{
    expect(".csv", "item,shop,price\n\"5\"\" disc\",a,1\n5\" disc,b,2\n\"x\",a,3\n");
    ck_assert_uint_eq(table.row_label.count, 2);
    ck_assert_str_eq(table.row_label.items[0]->text, "5\" disc");
    ck_assert(at(0, 0) == 1 && at(0, 1) == 2);
}
END_TEST

/* As spreadsheets write them. */
START_TEST(a_byte_order_mark_is_no_part_of_the_header)
{
    expect(".csv", "\xEF\xBB\xBF\"user, or guest\",film,rating\r\nann,Alien,4\r\n");
    ck_assert_int_eq(table.entries.count, 1);
    ck_assert_str_eq(table.column_label.items[0]->text, "Alien");
}
END_TEST

START_TEST(names_of_thousands_of_letters_are_refused)
{
    char text[5032] = "b,x,1\n";
    memset(text + 6, 'a', 5000);
    strcpy(text + 5006, ",x,1\n");
    refuse(".csv", text, "line 2: a name of a row or column has 5000 bytes");
}
END_TEST

START_TEST(what_is_wrong_in_a_triplet_is_said_with_its_line)
{
    refuse(".csv", "a,x,1\nb,y,good\n", "line 2: the value \"good\"");
    refuse(".csv", "a,x,1\nb,y\n", "line 2 has 2 fields");
    refuse(".csv", "a,x,1\nDoe, John,y,4\n", "line 2 has 4 fields, but the first has 3");
    refuse(".csv", "a,x,inf\n", "line 1: the value \"inf\"");
    refuse(".csv", "a,x,1\n,y,2\n", "line 2: the row is empty");
    refuse(".csv", "user,film,rating\n", "no entry");
    refuse(".csv", "a,x,\n", "no entry");
}
END_TEST

/* ---- Coordinates ---- */

START_TEST(coordinates_that_are_not_listed_are_unknown_and_zeros_are_entries)
{
    expect(".mtx", "%%MatrixMarket matrix coordinate real general\n% ratings\n3 4 3\n1 1 5\n3 4 -1\n1 2 0\n");
    ck_assert_int_eq(table.entries.rows, 3);
    ck_assert_int_eq(table.entries.columns, 4);
    ck_assert_int_eq(table.entries.count, 3);
    ck_assert_int_eq(table.empty_rows, 1);
    ck_assert_int_eq(table.empty_columns, 1);
    ck_assert_uint_eq(table.row_label.count, 0);
    ck_assert(at(0, 0) == 5 && at(2, 3) == -1 && at(0, 1) == 0 && isnan(at(1, 1)));
}
END_TEST

START_TEST(a_large_sparse_matrix_needs_no_dense_one)
{
    expect(".mtx", "%%MatrixMarket matrix coordinate real general\n1000000 1000000 2\n1 1000000 5\n1000000 1 1\n");
    ck_assert_int_eq(table.entries.count, 2);
    ck_assert_int_eq(table.empty_rows, 999998);
}
END_TEST

START_TEST(coordinates_out_of_range_are_refused)
{
    refuse(".mtx", "%%MatrixMarket matrix coordinate real general\n3 4 1\n4 1 5\n", "line 3");
    refuse(".mtx", "%%MatrixMarket matrix coordinate real general\n3 4 1\n1 0 5\n", "outside");
    refuse(".mtx", "%%MatrixMarket matrix coordinate real general\n3 4 2\n1 1 5.0000\n", "1 of 2");
    refuse(".mtx", "%%MatrixMarket matrix coordinate real general\n3 4 0\n", "no entry");
    refuse(".mtx", "3 3 2\n1 1 3\n3 2 4\n", "begin with %%MatrixMarket");
}
END_TEST

START_TEST(symmetric_coordinates_stand_for_both_halves)
{
    expect(".mtx", "%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 5\n3 3 1\n");
    ck_assert_int_eq(table.entries.count, 3);
    ck_assert(at(0, 1) == 5 && at(1, 0) == 5);
}
END_TEST

/* ---- A matrix with holes ---- */

START_TEST(a_table_of_another_width_is_a_matrix_with_holes)
{
    expect(".csv", "1,2,3,4\n5,,NaN,8\n");
    ck_assert_int_eq(table.entries.rows, 2);
    ck_assert_int_eq(table.entries.count, 6);
    ck_assert(isnan(at(1, 1)) && at(1, 3) == 8);
}
END_TEST

START_TEST(the_layout_can_be_said_where_it_is_ambiguous)
{
    ck_assert_int_eq(read_text(".csv", "1,2,3\n4,5,\n", DCL__LAYOUT_MATRIX, 0), DCL_OK);
    ck_assert_int_eq(table.entries.columns, 3);
    ck_assert_int_eq(table.entries.count, 5);
    ck_assert_int_eq(read_text(".csv", "1,2,3\n4,5,6\n", DCL__LAYOUT_TRIPLETS, 0), DCL_OK);
    ck_assert_int_eq(table.entries.count, 2);
}
END_TEST

START_TEST(a_matrix_without_any_entry_is_refused)
{
    refuse(".csv", "NaN,NaN,NaN,NaN\n", "no entry");
    refuse(".csv", "1,2,inf,4\n", "infinite");
}
END_TEST

/* ---- Pairs ---- */

static dcl_status read_pairs(const char *text, int unknown, dcl__triples *triples)
{
    return dcl__triples_read(write_file(".pairs.csv", text), &table, 0, 0, unknown, triples, &error);
}

START_TEST(pairs_go_by_the_names_of_the_matrix)
{
    dcl__triples pairs;
    expect(".csv", "ann,Alien,4\nbob,Brazil,2\n");
    unlink(path);
    ck_assert_int_eq(read_pairs("user,film\nbob,Alien\nann,Brazil,3\n", 0, &pairs), DCL_OK);
    ck_assert_uint_eq(pairs.count, 2);
    ck_assert_str_eq(pairs.header, "user,film");
    ck_assert(pairs.items[0].row == 1 && pairs.items[0].column == 0 && isnan(pairs.items[0].value));
    ck_assert(pairs.items[1].row == 0 && pairs.items[1].column == 1);
    dcl__triples_free(&pairs);
    ck_assert_int_eq(read_pairs("bob,Alien\neve,Alien\n", 0, &pairs), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "line 2: the row \"eve\""));
    dcl__triples_free(&pairs);
    ck_assert_int_eq(read_pairs("bob,Alien\neve,Alien\n", 1, &pairs), DCL_OK);
    ck_assert(pairs.items[1].row == -1 && pairs.items[1].column == 0);
    ck_assert_str_eq(pairs.unknown.items[0]->text, "eve");
    dcl__triples_free(&pairs);
}
END_TEST

START_TEST(pairs_pass_over_what_follows)
{
    dcl__triples pairs;
    expect(".csv", "ann,Alien,4\nbob,Brazil,2\n");
    unlink(path);
    ck_assert_int_eq(read_pairs("bob,Alien,seen twice\nann,Brazil,,x\n", 0, &pairs), DCL_OK);
    ck_assert_uint_eq(pairs.count, 2);
    ck_assert(pairs.items[0].row == 1 && pairs.items[0].column == 0);
    dcl__triples_free(&pairs);
}
END_TEST

/* A header holds no numbers, so that numbers which are unknown are not taken for one. */
START_TEST(a_first_pair_of_unknown_numbers_is_no_header)
{
    dcl__triples pairs;
    expect(".csv", "1,7,4\n2,8,2\n");
    unlink(path);
    ck_assert_int_eq(read_pairs("3,9\n1,7\n", 0, &pairs), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "line 1: the row \"3\""));
    dcl__triples_free(&pairs);
    ck_assert_int_eq(read_pairs("3,9\n1,7\n", 1, &pairs), DCL_OK);
    ck_assert_uint_eq(pairs.count, 2);
    ck_assert(pairs.items[0].row == -1 && pairs.items[0].column == -2);
    ck_assert_str_eq(pairs.unknown.items[1]->text, "9");
    dcl__triples_free(&pairs);
    ck_assert_int_eq(read_pairs("user,film\n1,7\n", 0, &pairs), DCL_OK);
    ck_assert_uint_eq(pairs.count, 1);
    dcl__triples_free(&pairs);
}
END_TEST

START_TEST(triplets_of_a_matrix_need_a_value)
{
    dcl__triples held;
    expect(".csv", "ann,Alien,4\nbob,Brazil,2\n");
    unlink(path);
    const char *const text = "user,film,rating,weight\nbob,Alien,3,2\nann,Brazil,,1\n";
    ck_assert_int_eq(dcl__triples_read(write_file(".csv", text), &table, 1, 0, 0, &held, &error), DCL_OK);
    ck_assert_uint_eq(held.count, 1);
    ck_assert(held.items[0].row == 1 && held.items[0].column == 0 && held.items[0].value == 3);
    dcl__triples_free(&held);
    ck_assert_int_eq(dcl__triples_read(write_file(".csv", "bob,Alien\n"), &table, 1, 0, 0, &held, &error), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "line 1 has 2 fields, but 3 are needed"));
    dcl__triples_free(&held);
    ck_assert_int_eq(dcl__triples_read(write_file(".csv", text), &table, 1, 1, 0, &held, &error), DCL_OK);
    ck_assert_double_eq(held.items[0].weight, 2);
    dcl__triples_free(&held);
    const char *const matrix = "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 5\n";
    ck_assert_int_eq(dcl__triples_read(write_file(".mtx", matrix), &table, 1, 1, 0, &held, &error), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "which this file is not"));
    dcl__triples_free(&held);
}
END_TEST

START_TEST(pairs_are_positions_where_the_matrix_has_no_names)
{
    dcl__triples pairs;
    expect(".mtx", "%%MatrixMarket matrix coordinate real general\n3 4 1\n1 1 5\n");
    unlink(path);
    ck_assert_int_eq(read_pairs("3,4\n", 0, &pairs), DCL_OK);
    ck_assert(pairs.items[0].row == 2 && pairs.items[0].column == 3);
    dcl__triples_free(&pairs);
    ck_assert_int_eq(read_pairs("4,4\n", 0, &pairs), DCL_EFORMAT);
    ck_assert_ptr_nonnull(strstr(error.text, "outside"));
    dcl__triples_free(&pairs);
}
END_TEST

Suite *entry_files_suite(void)
{
    Suite *suite = suite_create("entry_files");
    TCase *tests = tcase_create("known entries");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, triplets_may_have_a_header_and_name_rows_and_columns);
    tcase_add_test(tests, a_first_line_that_may_be_an_entry_is_no_header);
    tcase_add_test(tests, whole_numbers_are_names_in_their_own_order);
    tcase_add_test(tests, an_entry_listed_twice_is_the_mean_of_its_values);
    tcase_add_test(tests, a_missing_value_is_no_entry);
    tcase_add_test(tests, weights_are_a_fourth_field_above_0);
    tcase_add_test(tests, what_is_listed_once_keeps_its_value);
    tcase_add_test(tests, weights_of_what_holds_no_triplets_are_refused);
    tcase_add_test(tests, quotes_are_parts_of_names);
    tcase_add_test(tests, a_byte_order_mark_is_no_part_of_the_header);
    tcase_add_test(tests, names_of_thousands_of_letters_are_refused);
    tcase_add_test(tests, what_is_wrong_in_a_triplet_is_said_with_its_line);
    tcase_add_test(tests, coordinates_that_are_not_listed_are_unknown_and_zeros_are_entries);
    tcase_add_test(tests, a_large_sparse_matrix_needs_no_dense_one);
    tcase_add_test(tests, coordinates_out_of_range_are_refused);
    tcase_add_test(tests, symmetric_coordinates_stand_for_both_halves);
    tcase_add_test(tests, a_table_of_another_width_is_a_matrix_with_holes);
    tcase_add_test(tests, the_layout_can_be_said_where_it_is_ambiguous);
    tcase_add_test(tests, a_matrix_without_any_entry_is_refused);
    tcase_add_test(tests, pairs_go_by_the_names_of_the_matrix);
    tcase_add_test(tests, pairs_pass_over_what_follows);
    tcase_add_test(tests, a_first_pair_of_unknown_numbers_is_no_header);
    tcase_add_test(tests, triplets_of_a_matrix_need_a_value);
    tcase_add_test(tests, pairs_are_positions_where_the_matrix_has_no_names);
    suite_add_tcase(suite, tests);
    return suite;
}
