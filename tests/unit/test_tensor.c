/* test_tensor.c: behaviour of shapes, their sizes and texts, and of conversion between element types. */
#include <string.h>

#include "common.h"
#include "core/tensor.h"

Suite *tensor_suite(void);

START_TEST(a_tensor_counts_its_elements)
{
    dcl_tensor tensor;
    dcl_error error;
    ASSERT_OK(dcl__tensor_init(&tensor, "Y", DCL_F64, 3, (int64_t[]){2, 3, 5}, &error));
    ck_assert_int_eq(tensor.count, 30);
    ck_assert_int_eq(dcl__tensor_bytes(&tensor), 240);
    ck_assert_uint_eq(tensor.size, sizeof tensor);
}
END_TEST

START_TEST(a_scalar_has_one_element)
{
    dcl_tensor tensor;
    dcl_error error;
    ASSERT_OK(dcl__tensor_init(&tensor, "loss", DCL_F32, 0, NULL, &error));
    ck_assert_int_eq(tensor.count, 1);
    ck_assert_int_eq(dcl__tensor_bytes(&tensor), 4);
}
END_TEST

static const struct {
    uint32_t dtype, rank;
    int64_t dim[9];
    const char *says;
} refused[] = {
    {0, 1, {3}, "unknown element type"},
    {DCL_REAL, 1, {3}, "unknown element type"},
    {DCL_F32, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "at most 8"},
    {DCL_F32, 2, {3, 0}, "dimension 1 of tensor 'Y' is 0"},
    {DCL_F32, 1, {-4}, "is -4"},
    {DCL_F32, 2, {INT64_C(1) << 32, INT64_C(1) << 32}, "too large"},
    {DCL_F32, 8, {1 << 8, 1 << 8, 1 << 8, 1 << 8, 1 << 8, 1 << 8, 1 << 8, 1 << 8}, "too large"},
    {DCL_F32, 1, {INT64_C(1) << 60}, "too large"},      /* in f64 it would not fit */
    {DCL_F64, 1, {INT64_C(1) << 60}, "too large"},
    {DCL_I64, 1, {INT64_MAX}, "too large"},
};

START_TEST(impossible_tensors_are_refused_and_nothing_is_written)
{
    dcl_tensor tensor;
    dcl_error error;
    for (int i = 0; i < ROWS(refused); i++) {
        memset(&tensor, 0x5A, sizeof tensor);
        ASSERT_FAILS(
            dcl__tensor_init(&tensor, "Y", refused[i].dtype, refused[i].rank, refused[i].dim, &error),
            DCL_EINVAL, refused[i].says);
        ck_assert_int_eq(tensor.count, 0x5A5A5A5A5A5A5A5A);
    }
}
END_TEST

START_TEST(the_largest_tensor_still_counts)
{
    dcl_tensor tensor;
    dcl_error error;
    ASSERT_OK(dcl__tensor_init(&tensor, "Y", DCL_F32, 1, (int64_t[]){INT64_MAX / 8}, &error));
    ck_assert_int_eq(dcl__tensor_bytes(&tensor), INT64_MAX / 8 * 4);
}
END_TEST

START_TEST(shapes_read_like_they_are_written)
{
    dcl_tensor tensor;
    dcl_error error;
    char text[DCL__SHAPE_TEXT];
    ASSERT_OK(dcl__tensor_init(&tensor, "Y", DCL_F32, 2, (int64_t[]){300, 200}, &error));
    ck_assert_str_eq(dcl__shape_text(&tensor, text), "300x200");
    ASSERT_OK(dcl__tensor_init(&tensor, "Y", DCL_F32, 0, NULL, &error));
    ck_assert_str_eq(dcl__shape_text(&tensor, text), "scalar");
    ASSERT_OK(
        dcl__tensor_init(&tensor, "Y", DCL_F32, 8, (int64_t[]){1, 2, 3, 4, 5, 6, 7, 1000000007}, &error));
    ck_assert_str_eq(dcl__shape_text(&tensor, text), "1x2x3x4x5x6x7x1000000007");
}
END_TEST

START_TEST(equal_shapes_have_equal_rank_and_dimensions)
{
    dcl_tensor row, column, vector;
    dcl__tensor_init(&row, "row", DCL_F32, 2, (int64_t[]){1, 6}, NULL);
    dcl__tensor_init(&column, "column", DCL_F32, 2, (int64_t[]){6, 1}, NULL);
    dcl__tensor_init(&vector, "vector", DCL_F64, 1, (int64_t[]){6}, NULL);
    ck_assert_int_eq(dcl__same_shape(&row, &row), 1);
    ck_assert_int_eq(dcl__same_shape(&row, &column), 0);
    ck_assert_int_eq(dcl__same_shape(&row, &vector), 0);
}
END_TEST

START_TEST(real_types_convert_into_each_other)
{
    const double wide[] = {0.1, -2, 1e300};
    float narrow[3];
    double back[3];
    dcl__convert(DCL_F32, narrow, DCL_F64, wide, 3);
    ck_assert_float_eq(narrow[0], 0.1f);
    ck_assert_float_eq(narrow[1], -2);
    ck_assert_float_infinite(narrow[2]);
    dcl__convert(DCL_F64, back, DCL_F32, narrow, 2);
    ck_assert_double_eq(back[0], (double)0.1f);
    dcl__convert(DCL_F64, back, DCL_F64, wide, 3);
    ck_assert_mem_eq(back, wide, sizeof wide);
}
END_TEST

START_TEST(types_have_names)
{
    ck_assert_str_eq(dcl__dtype_name(DCL_F32), "f32");
    ck_assert_str_eq(dcl__dtype_name(DCL_F64), "f64");
    ck_assert_str_eq(dcl__dtype_name(DCL_I64), "i64");
    ck_assert_str_eq(dcl__dtype_name(DCL_REAL), "f32|f64");
    ck_assert_str_eq(dcl__dtype_name(64), "unknown");
}
END_TEST

Suite *tensor_suite(void)
{
    return make_suite("tensor", NULL, NULL, (const TTest *[]){
        a_tensor_counts_its_elements, a_scalar_has_one_element,
        impossible_tensors_are_refused_and_nothing_is_written, the_largest_tensor_still_counts,
        shapes_read_like_they_are_written, equal_shapes_have_equal_rank_and_dimensions,
        real_types_convert_into_each_other, types_have_names, NULL});
}
