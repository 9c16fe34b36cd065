/* test_device_list.c: which device a selector means, on made-up machines. */
#include <stdlib.h>
#include <string.h>

#include "common.h"

Suite *device_list_suite(void);

#define DEVICE(platform_, name_, type_, unified_, units_)                                         \
    {.platform = platform_, .name = name_, .vendor = platform_ " Inc", .type = DCL_TYPE_##type_,  \
     .unified_memory = unified_, .compute_units = units_}

/* A machine with one of everything. */
static const dcl_device_info everything[] = {
    DEVICE("Portable Computing Language", "pthread-AMD EPYC", CPU, 1, 64),
    DEVICE("rusticl", "llvmpipe (LLVM 15)", CPU, 1, 64),
    DEVICE("Graphics A", "Integrated Gen12", GPU, 1, 96),
    DEVICE("Graphics B", "Small Card", GPU, 0, 8),
    DEVICE("Graphics B", "Large Card", GPU, 0, 80),
    DEVICE("Signals", "Accelerator X", OTHER, 0, 500),
    DEVICE("Oclgrind", "Oclgrind Simulator", GPU, 0, 1000),
};
enum { POCL, LLVMPIPE, INTEGRATED, SMALL, LARGE, ACCELERATOR, OCLGRIND, EVERYTHING };

static char reason[128];

static void setup(void)
{
    unsetenv("DROPCL_DEVICE");
}

static size_t choose(const dcl_device_info *infos, size_t count, const char *selector)
{
    size_t chosen = 99;
    dcl_error error;
    ASSERT_OK(dcl_device_choose(infos, count, selector, &chosen, reason, &error));
    return chosen;
}

START_TEST(without_a_wish_the_largest_discrete_gpu_is_taken)
{
    ck_assert_uint_eq(choose(everything, EVERYTHING, NULL), LARGE);
    ck_assert_str_eq(reason, "default: discrete GPU");
    ck_assert_uint_eq(choose(everything, EVERYTHING, ""), LARGE);
}
END_TEST

/* From best to worst: each is chosen when the better ones are gone. */
START_TEST(the_ranks_are_discrete_integrated_other_cpu_software)
{
    static const struct {
        int device;
        const char *reason;
    } order[] = {
        {LARGE, "default: discrete GPU"},
        {INTEGRATED, "default: integrated GPU"},
        {ACCELERATOR, "default: accelerator, no GPU found"},
        {POCL, "default: CPU, no GPU found"},
        {LLVMPIPE, "default: a software renderer, nothing else is there"},
    };
    for (int i = 0; i < ROWS(order); i++) {
        dcl_device_info left[ROWS(order)];
        size_t count = 0;
        for (int j = ROWS(order) - 1; j >= i; j--)
            left[count++] = everything[order[j].device];
        ck_assert_uint_eq(choose(left, count, NULL), count - 1);
        ck_assert_str_eq(reason, order[i].reason);
    }
}
END_TEST

START_TEST(equals_keep_their_order)
{
    const dcl_device_info twins[] = {everything[LARGE], everything[LARGE]};
    ck_assert_uint_eq(choose(twins, 2, NULL), 0);
}
END_TEST

START_TEST(an_index_is_a_place_in_the_list)
{
    ck_assert_uint_eq(choose(everything, EVERYTHING, "0"), POCL);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "6"), OCLGRIND);
    ck_assert_str_eq(reason, "asked for: '6'");
}
END_TEST

START_TEST(a_type_means_the_best_of_it)
{
    ck_assert_uint_eq(choose(everything, EVERYTHING, "gpu"), LARGE);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "cpu"), POCL);
}
END_TEST

START_TEST(a_name_is_found_in_device_platform_and_vendor_in_any_case)
{
    ck_assert_uint_eq(choose(everything, EVERYTHING, "epyc"), POCL);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "RUSTICL"), LLVMPIPE);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "signals inc"), ACCELERATOR);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "Graphics B"), SMALL);
    ck_assert_uint_eq(choose(everything, EVERYTHING, "Card"), SMALL);
}
END_TEST

static const char *const without_match[] = {"7", "99999999999999999999", "1x", "nothing like it", "-1", NULL};

START_TEST(what_matches_nothing_is_refused_by_name)
{
    for (const char *const *selector = without_match; *selector; selector++) {
        size_t chosen = 99;
        dcl_error error;
        ASSERT_FAILS(dcl_device_choose(everything, EVERYTHING, *selector, &chosen, reason, &error),
                     DCL_ENODEVICE, *selector);
        ck_assert_uint_eq(chosen, 99);
    }
}
END_TEST

START_TEST(a_type_that_is_not_there_is_refused)
{
    size_t chosen;
    dcl_error error;
    ASSERT_FAILS(dcl_device_choose(everything, 1, "gpu", &chosen, NULL, &error), DCL_ENODEVICE, "'gpu'");
    ASSERT_FAILS(dcl_device_choose(everything, 0, NULL, &chosen, NULL, &error), DCL_ENODEVICE, "no device");
}
END_TEST

START_TEST(the_environment_replaces_the_default_only)
{
    size_t chosen;
    dcl_error error;
    setenv("DROPCL_DEVICE", "small card", 1);
    ck_assert_uint_eq(choose(everything, EVERYTHING, NULL), SMALL);
    ck_assert_str_eq(reason, "DROPCL_DEVICE is 'small card'");
    ck_assert_uint_eq(choose(everything, EVERYTHING, "cpu"), POCL);
    setenv("DROPCL_DEVICE", "", 1);
    ck_assert_uint_eq(choose(everything, EVERYTHING, NULL), LARGE);
    setenv("DROPCL_DEVICE", "missing", 1);
    ASSERT_FAILS(dcl_device_choose(everything, EVERYTHING, NULL, &chosen, NULL, &error), DCL_ENODEVICE,
                 "'missing' from DROPCL_DEVICE");
}
END_TEST

START_TEST(the_devices_of_this_machine_are_described)
{
    dcl_device_info infos[64], few[1] = {{0}};
    size_t count = 0, again = 0;
    dcl_error error;
    ASSERT_OK(dcl_device_list(infos, 64, &count, &error));
    ck_assert_uint_ge(count, 1);
    for (size_t i = 0; i < count && i < 64; i++) {
        ck_assert_str_ne(infos[i].name, "");
        ck_assert_int_gt(infos[i].memory_bytes, 0);
        ck_assert_int_gt(infos[i].work_group, 0);
        ck_assert(infos[i].type >= DCL_TYPE_CPU && infos[i].type <= DCL_TYPE_OTHER);
    }
    ASSERT_OK(dcl_device_list(few, 0, &again, &error));
    ck_assert_uint_eq(again, count);
    ck_assert_str_eq(few[0].name, "");
}
END_TEST

START_TEST(a_machine_without_drivers_is_told_what_to_install)
{
    char folder[64];
    size_t count = 0;
    dcl_error error;
    make_folder(folder);
    setenv("OCL_ICD_VENDORS", folder, 1);
    ASSERT_FAILS(dcl_device_list(NULL, 0, &count, &error), DCL_ENODEVICE, "pocl-opencl-icd");
    remove_folder(folder);
}
END_TEST

Suite *device_list_suite(void)
{
    return make_suite("device_list", setup, NULL, (const TTest *[]){
        without_a_wish_the_largest_discrete_gpu_is_taken,
        the_ranks_are_discrete_integrated_other_cpu_software, equals_keep_their_order,
        an_index_is_a_place_in_the_list, a_type_means_the_best_of_it,
        a_name_is_found_in_device_platform_and_vendor_in_any_case, what_matches_nothing_is_refused_by_name,
        a_type_that_is_not_there_is_refused, the_environment_replaces_the_default_only,
        the_devices_of_this_machine_are_described, a_machine_without_drivers_is_told_what_to_install, NULL});
}
