/* test_tuning.c: classes of shapes, sets of parameters, files of results, and products that go by them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common.h"
#include "formats/tuning.h"

Suite *tuning_suite(void);

static char home[64];

/* ---- Classes of shapes ---- */

START_TEST(shapes_have_classes)
{
    static const struct {
        int64_t m, n, k;
        const char *name;
    } shapes[] = {
        {1, 1, 1, "small"}, {160, 160, 160, "small"}, {33, 65, 129, "small"}, {161, 160, 160, "even"},
        {1024, 1024, 1024, "even"}, {2304, 2304, 577, "even"}, {2304, 2304, 576, "outer"},
        {2304, 2304, 96, "outer"}, {60000, 784, 64, "outer"}, {784, 64, 60000, "inner"}, {64, 784, 60000, "inner"},
        {2304, 96, 9216, "inner"}, {2304, 96, 2304, "narrow"}, {96, 2304, 2304, "narrow"}, {60000, 64, 784, "narrow"},
        {INT64_C(1) << 40, INT64_C(1) << 40, INT64_C(1) << 40, "even"}, {INT64_MAX, 1, 1, "narrow"},
    };
    for (int i = 0; i < ROWS(shapes); i++) {
        const char *name = dcl__shape_name(dcl__shape_of(shapes[i].m, shapes[i].n, shapes[i].k));
        ck_assert_msg(strcmp(name, shapes[i].name) == 0, "%ld x %ld x %ld is %s, not %s", (long)shapes[i].m,
                      (long)shapes[i].n, (long)shapes[i].k, name, shapes[i].name);
    }
}
END_TEST

/* ---- Sets of parameters ---- */

static int64_t value_of(int kernel, const int64_t *values, const char *name)
{
    const dcl__kernel_space *space = dcl__kernel_space_of(kernel);
    for (int i = 0; i < space->count; i++)
        if (strcmp(space->parameters[i].name, name) == 0)
            return values[i];
    ck_abort_msg("%s has no %s", space->name, name);
}

START_TEST(a_search_starts_at_valid_parameters)
{
    dcl_error error;
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++) {
        int64_t values[DCL__MOST_PARAMETERS];
        dcl__parameters_start(kernel, values);
        ASSERT_OK(dcl__parameters_check(kernel, values, &error));
    }
}
END_TEST

/* Drawn sets are valid, keep to the device's limits, and are the same every time. */
START_TEST(drawn_parameters_can_run)
{
    const dcl_device_info info = {.work_group = 128, .local_bytes = 32768, .lanes_f32 = 8, .lanes_f64 = 4};
    dcl_error error;
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++)
        for (uint32_t i = 0; i < 100; i++) {
            int64_t values[DCL__MOST_PARAMETERS] = {0}, again[DCL__MOST_PARAMETERS] = {0};
            ck_assert(dcl__parameters_draw(&info, DCL_F32, kernel, i, NULL, values));
            ck_assert(dcl__parameters_draw(&info, DCL_F32, kernel, i, NULL, again));
            ck_assert_mem_eq(values, again, sizeof values);
            ASSERT_OK(dcl__parameters_check(kernel, values, &error));
            if (kernel == DCL__XGEMM) {
                ck_assert_int_le(value_of(kernel, values, "MDIMC") * value_of(kernel, values, "NDIMC"), 128);
                ck_assert_int_le(4 * value_of(kernel, values, "KWG") *
                                 (value_of(kernel, values, "SA") * value_of(kernel, values, "MWG") +
                                  value_of(kernel, values, "SB") * value_of(kernel, values, "NWG")), 32768);
            }
        }
}
END_TEST

START_TEST(near_parameters_differ_a_little)
{
    const dcl_device_info info = {.work_group = 1024, .local_bytes = 65536, .lanes_f32 = 8, .lanes_f64 = 4};
    int64_t start[DCL__MOST_PARAMETERS] = {0};
    int changed = 0;
    dcl__parameters_start(DCL__XGEMM, start);
    for (uint32_t i = 0; i < 100; i++) {
        int64_t values[DCL__MOST_PARAMETERS] = {0};
        ck_assert(dcl__parameters_draw(&info, DCL_F32, DCL__XGEMM, i, start, values));
        ck_assert_mem_ne(values, start, sizeof start);
        for (int j = 0; j < DCL__MOST_PARAMETERS; j++)
            changed += values[j] != start[j];
    }
    ck_assert_int_lt(changed, 100 * DCL__MOST_PARAMETERS / 2);
}
END_TEST

START_TEST(parameters_that_cannot_work_are_refused)
{
    int64_t values[DCL__MOST_PARAMETERS];
    dcl_error error;
    dcl__parameters_start(DCL__XGEMM, values);
    values[6] = 0;
    ASSERT_FAILS(dcl__parameters_check(DCL__XGEMM, values, &error), DCL_EINVAL, "MWG is 0, it must be from 1 to 1024");
    values[6] = 48;
    ASSERT_FAILS(dcl__parameters_check(DCL__XGEMM, values, &error), DCL_EINVAL, "cannot be built");
    dcl__parameters_start(DCL__PACKED, values);
    values[DCL__LANES] = 3;
    ASSERT_FAILS(dcl__parameters_check(DCL__PACKED, values, &error), DCL_EINVAL, "kernel 'packed' cannot be built");
}
END_TEST

/* ---- Files ---- */

static const dcl_device_info here = {.name = "A device (1)", .platform = "A platform", .driver = "1.2",
                                     .version = "OpenCL 1.2"};

static void setup(void)
{
    make_folder(home);
    setenv("XDG_DATA_HOME", home, 1);
    unsetenv("DROPCL_GEMM");
    open_ops();
}

static void teardown(void)
{
    remove_folder(home);
    close_ops();
}

static dcl__tuning_file some_results(void)
{
    dcl__tuning_file file = {0};
    file.f32.tuning.variant[DCL__SMALL] = dcl__gemm_variant_name("plain");
    file.f32.tuning.variant[DCL__EVEN] = dcl__gemm_variant_name("packed");
    for (int kernel = 0; kernel < DCL__KERNELS; kernel += 2) {
        file.f32.tuning.given[kernel] = 1;
        dcl__parameters_start(kernel, file.f32.tuning.values[kernel]);
    }
    file.f32.tried[DCL__PACKED] = 17;
    file.f32.before[DCL__SMALL] = 1.25;
    file.f32.after[DCL__SMALL] = 1.0 / 3;
    file.f32.packed_gain = 1.0625;
    file.f64.tried[DCL__XGEMM] = 1;
    return file;
}

static char *own_path(void)
{
    dcl_error error;
    char *path = dcl__tuning_path(&here, &error);
    ck_assert_msg(path != NULL, "%s", error.text);
    return path;
}

START_TEST(results_survive_a_file)
{
    const dcl__tuning_file written = some_results();
    dcl__tuning_file read;
    dcl_error error;
    char *path = own_path();
    ck_assert_ptr_nonnull(strstr(path, "/dropcl/tuning/A-platform.A-device-1-.json"));
    memset(&read, 7, sizeof read);
    ASSERT_OK(dcl__tuning_write(path, &here, &written, &error));
    ASSERT_OK(dcl__tuning_read(path, &here, &read, &error));
    ck_assert_mem_eq(&read, &written, sizeof read);
    free(path);
}
END_TEST

START_TEST(results_of_another_driver_are_refused)
{
    const dcl__tuning_file written = some_results();
    dcl__tuning_file read = {0};
    dcl_device_info now = here;
    dcl_error error;
    char *path = own_path();
    strcpy(now.driver, "1.3");
    ASSERT_OK(dcl__tuning_write(path, &here, &written, &error));
    ASSERT_FAILS(dcl__tuning_read(path, &now, &read, &error), DCL_EFORMAT,
                 "this was measured with driver '1.2', but now it is '1.3'; run `dropcl tune` again");
    ck_assert_int_eq(read.f32.tried[DCL__PACKED], 0);
    free(path);
}
END_TEST

static void write_text(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    ck_assert_ptr_nonnull(stream);
    fputs(text, stream);
    fclose(stream);
}

#define FILE_WITH(f32) "{\"format\": \"dropcl-tuning/1\", \"device\": \"A device (1)\", \"platform\": \"A platform\"," \
    "\"driver\": \"1.2\", \"version\": \"OpenCL 1.2\", \"f32\": " f32 ", \"f64\": {\"classes\": {}, " \
    "\"parameters\": {}, \"gains\": {}, \"tried\": {}}}"
#define PARAMETERS(text) FILE_WITH("{\"classes\": {}, \"gains\": {}, \"tried\": {}, \"parameters\": " text "}")

START_TEST(damaged_files_are_refused)
{
    static const struct {
        const char *text, *message;
    } files[] = {
        {"", "the file is empty"},
        {"{\"format\": \"dropcl-graph/1\"}", "the file is of format 'dropcl-graph/1'"},
        {"{\"format\": \"dropcl-tuning/1\"}", "the key 'device' is missing"},
        {FILE_WITH("1"), "'f32' must be an object"},
        {FILE_WITH("{}"), "the key 'classes' is missing"},
        {FILE_WITH("{\"classes\": {\"huge\": {}}}"), "the key 'huge' is unknown; there are: small, even"},
        {FILE_WITH("{\"classes\": {\"small\": {\"variant\": \"fast\"}}}"), "there is no variant 'fast'"},
        {FILE_WITH("{\"classes\": {}, \"parameters\": {}, \"gains\": {}, \"tried\": {\"packed\": -1}}"),
         "'packed' is -1"},
        {PARAMETERS("{\"Xgemv\": {}}"), "the key 'Xgemv' is unknown"},
        {PARAMETERS("{\"packed\": {\"LANES\": 8}}"), "the key 'ROWS' is missing"},
        {PARAMETERS("{\"packed\": {\"LANES\": 8, \"ROWS\": 0, \"VECTORS\": 2, \"DEPTH\": 256}}"),
         "ROWS is 0, it must be from 1 to 16"},
        {PARAMETERS("{\"packed\": {\"LANES\": 8, \"ROWS\": 6, \"VECTORS\": 2, \"DEPTH\": 250}}"), "cannot be built"},
        {PARAMETERS("{\"packed\": {\"LANES\": 8, \"ROWS\": 6.5, \"VECTORS\": 2, \"DEPTH\": 256}}"),
         "'ROWS' must be a whole number"},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/results.json", home);
    for (int i = 0; i < ROWS(files); i++) {
        dcl__tuning_file read;
        dcl_error error;
        write_text(path, files[i].text);
        ASSERT_FAILS(dcl__tuning_read(path, &here, &read, &error), DCL_EFORMAT, files[i].message);
        ck_assert_msg(strncmp(error.text, path, strlen(path)) == 0, "%s", error.text);
    }
}
END_TEST

/* ---- Files of CLBlast's tuners ---- */

#define RESULT(time, mwg) "{\"kernel\": \"Xgemm\", \"time\": " time ", \"parameters\": {\"GEMMK\": 0, \"KREG\": 1," \
    "\"KWG\": 32, \"KWI\": 2, \"MDIMA\": 16, \"MDIMC\": 16, \"MWG\": " mwg ", \"NDIMB\": 8, \"NDIMC\": 8, \"NWG\": 64" \
    ",\"PRECISION\": 32, \"SA\": 0, \"SB\": 0, \"STRM\": 0, \"STRN\": 0, \"VWM\": 1, \"VWN\": 4}}"
#define TUNER(family, precision, results) "{\"kernel_family\": \"" family "\", \"precision\": \"" precision "\", " \
    "\"best_kernel\": \"Xgemm\", \"device\": \"Some GPU\", \"results\": [" results "]}"

START_TEST(the_fastest_result_of_a_tuner_is_read)
{
    dcl__clblast_results results;
    dcl_error error;
    char path[128];
    snprintf(path, sizeof path, "%s/clblast.json", home);
    write_text(path, TUNER("xgemm_12", "64", RESULT("3.5", "16") "," RESULT("2.5", "64") "," RESULT("2.6", "32")));
    ASSERT_OK(dcl__clblast_results_read(path, &results, &error));
    ck_assert_uint_eq(results.dtype, DCL_F64);
    ck_assert_int_eq(results.kernel, DCL__XGEMM);
    ck_assert_int_eq(value_of(DCL__XGEMM, results.values, "MWG"), 64);
    ck_assert_int_eq(value_of(DCL__XGEMM, results.values, "VWN"), 4);
    ck_assert_str_eq(results.device, "Some GPU");
    write_text(path, TUNER("gemm_routine", "32", "{\"kernel\": \"Gemm_kernel_selection\", \"time\": 1.0, "
                           "\"parameters\": {\"XGEMM_MIN_INDIRECT_SIZE\": 448, \"PRECISION\": 32}}"));
    ASSERT_OK(dcl__clblast_results_read(path, &results, &error));
    ck_assert_int_eq(results.kernel, DCL__GEMM_ROUTINE);
    ck_assert_int_eq(results.values[0], 448);
}
END_TEST

START_TEST(other_results_of_tuners_are_refused)
{
    static const struct {
        const char *text, *message;
    } files[] = {
        {"{}", "the key 'kernel_family' is missing"},
        {TUNER("xaxpy", "32", RESULT("1", "64")), "results for the kernel 'xaxpy', which products do not use"},
        {TUNER("_1", "32", RESULT("1", "64")), "results for the kernel '_1'"},
        {TUNER("xgemm_1", "16", RESULT("1", "64")), "results for precision '16'"},
        {TUNER("xgemm_1", "32", ""), "'results' is empty"},
        {TUNER("xgemm_1", "32", "1"), "an entry of 'results' must be an object"},
        {TUNER("xgemm_1", "32", RESULT("1", "0")), "MWG is 0"},
        {TUNER("xgemm_direct_1", "32", RESULT("1", "64")), "the key 'GEMMK' is unknown"},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/clblast.json", home);
    for (int i = 0; i < ROWS(files); i++) {
        dcl__clblast_results results;
        dcl_error error;
        write_text(path, files[i].text);
        ASSERT_FAILS(dcl__clblast_results_read(path, &results, &error), DCL_EFORMAT, files[i].message);
    }
}
END_TEST

/* ---- Products that go by a tuning ---- */

/* m x n x k with whole numbers, so that sums are exact in any order; the kernels that it took. */
static int64_t assert_product(int64_t m, int64_t n, int64_t k, int ta)
{
    double *left = calloc((size_t)(m * k), sizeof *left), *right = calloc((size_t)(k * n), sizeof *right);
    double *product = calloc((size_t)(m * n), sizeof *product);
    for (int64_t i = 0; i < m * k; i++)
        left[i] = (double)(i * 7 % 5 - 2);
    for (int64_t i = 0; i < k * n; i++)
        right[i] = (double)(i * 3 % 7 - 3);
    dcl_graph *graph = new_graph(DCL_F32);
    dcl_value inputs[] = {matrix_parameter(graph, "a", ta ? k : m, ta ? m : k, (dcl_initial){0}),
                          matrix_parameter(graph, "b", k, n, (dcl_initial){0})};
    const dcl_setting settings[] = {{.name = "transpose_a", .integer = ta}, {0}};
    dcl_graph_result(graph, "product", dcl_graph_apply(graph, NULL, "matmul", inputs, 2, settings));
    dcl_session *session = new_session(graph);
    feed(session, "a", left);
    feed(session, "b", right);
    fetch(session, "product", product);
    const int64_t before = dcl_device_statistics(device).kernels_launched;
    fetch(session, "product", product);
    const int64_t launched = dcl_device_statistics(device).kernels_launched - before;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t q = 0; q < k; q++)
                sum += left[ta ? q * m + i : i * k + q] * right[q * n + j];
            ck_assert_msg(product[i * n + j] == sum, "%ldx%ldx%ld: [%ld, %ld] is %g, not %g", (long)m, (long)n,
                          (long)k, (long)i, (long)j, product[i * n + j], sum);
        }
    dcl_session_free(session);
    dcl_graph_free(graph);
    free(left);
    free(right);
    free(product);
    return launched;
}

static void assert_products(void)
{
    for (int ta = 0; ta < 2; ta++) {
        assert_product(33, 65, 129, ta);
        assert_product(50, 333, 700, ta);
        assert_product(7, 5, 3000, ta);
    }
}

START_TEST(packed_is_right_with_any_tile)
{
    static const int64_t tiles[][4] = {{4, 3, 1, 48}, {16, 16, 8, 1024}};
    for (int i = 0; i < ROWS(tiles); i++) {
        dcl__tuning tuning = {.given = {[DCL__PACKED] = 1}};
        dcl_error error;
        setenv("DROPCL_GEMM", "packed", 1);
        open_device();
        memcpy(tuning.values[DCL__PACKED], tiles[i], sizeof tiles[i]);
        ASSERT_OK(dcl__gemm_tune(device, DCL_F32, &tuning, &error));
        assert_products();
        close_device();
    }
}
END_TEST

/* With parameters other than CLBlast's own; small products go by one of its kernels, larger ones by the other. */
START_TEST(clblast_is_right_with_parameters_of_a_tuning)
{
    dcl__tuning tuning = {.given = {[DCL__XGEMM] = 1, [DCL__XGEMM_DIRECT] = 1, [DCL__GEMM_ROUTINE] = 1}};
    dcl_error error;
    setenv("DROPCL_GEMM", "clblast", 1);
    open_device();
    dcl__parameters_start(DCL__XGEMM, tuning.values[DCL__XGEMM]);
    dcl__parameters_start(DCL__XGEMM_DIRECT, tuning.values[DCL__XGEMM_DIRECT]);
    tuning.values[DCL__GEMM_ROUTINE][0] = 100;
    ASSERT_OK(dcl__gemm_tune(device, DCL_F32, &tuning, &error));
    assert_products();
    close_device();
}
END_TEST

START_TEST(each_class_goes_by_its_variant)
{
    dcl__tuning tuning = {.variant = {[DCL__EVEN] = dcl__gemm_variant_name("packed"),
                                      [DCL__SMALL] = dcl__gemm_variant_name("plain"),
                                      [DCL__OUTER] = dcl__gemm_variant_name("packed")}};
    const char *name, *note;
    dcl_error error;
    open_device();
    ASSERT_OK(dcl__gemm_tune(device, DCL_F32, &tuning, &error));
    ASSERT_OK(dcl_device_gemm(device, DCL_F32, &name, &note, &error));
    ck_assert_str_eq(name, "packed");
    ck_assert_str_eq(note, "tuned; self-test passed");
    ck_assert_int_eq(assert_product(40, 50, 60, 0), 1);          /* plain has one kernel                 */
    ck_assert_int_eq(assert_product(300, 310, 350, 0), 2);       /* packed packs first what is not small */
    close_device();
}
END_TEST

START_TEST(the_users_own_file_is_put_to_use)
{
    dcl__tuning_file file = {0};
    const char *name, *note;
    dcl_error error;
    open_device();
    ASSERT_OK(dcl_device_load_tuning(device, NULL, &error));     /* there is none yet */
    char *path = dcl__tuning_path(dcl_device_describe(device), &error);
    ASSERT_FAILS(dcl_device_load_tuning(device, path, &error), DCL_EIO, path);
    file.f32.tuning.variant[DCL__EVEN] = dcl__gemm_variant_name("plain");
    ASSERT_OK(dcl__tuning_write(path, dcl_device_describe(device), &file, &error));
    ASSERT_OK(dcl_device_load_tuning(device, NULL, &error));
    ASSERT_OK(dcl_device_gemm(device, DCL_F32, &name, &note, &error));
    ck_assert_str_eq(name, "plain");
    ck_assert_str_eq(note, "tuned; self-test passed");
    free(path);
    close_device();
}
END_TEST

Suite *tuning_suite(void)
{
    return make_suite("tuning", setup, teardown, (const TTest *[]){
        shapes_have_classes, a_search_starts_at_valid_parameters, drawn_parameters_can_run,
        near_parameters_differ_a_little, parameters_that_cannot_work_are_refused, results_survive_a_file,
        results_of_another_driver_are_refused, damaged_files_are_refused, the_fastest_result_of_a_tuner_is_read,
        other_results_of_tuners_are_refused, packed_is_right_with_any_tile,
        clblast_is_right_with_parameters_of_a_tuning, each_class_goes_by_its_variant,
        the_users_own_file_is_put_to_use, NULL});
}
