/* test_plot.c: tests of the plot drawer: every kind of data gives a whole picture, every failure none. */
#include <cairo.h>
#include <check.h>
#include <dirent.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/plot.h"
#include "formats/plot_axis.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static char folder[64], svg_file[96], png_file[96];

static void make_folder(void)
{
    strcpy(folder, "/tmp/dropcl-plot-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(svg_file, sizeof svg_file, "%s/page.svg", folder);
    snprintf(png_file, sizeof png_file, "%s/page.png", folder);
}

static void remove_folder(void)
{
    unlink(svg_file);
    unlink(png_file);
    ck_assert_int_eq(rmdir(folder), 0);
}

static int files_in_folder(void)
{
    int count = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry = readdir(entries); entry; entry = readdir(entries))
        count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

/* The content of a file, with a NUL after it, to be freed. */
static char *read_whole(const char *name, size_t *size)
{
    FILE *file = fopen(name, "rb");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *content = calloc(1, *size + 1);
    ck_assert_uint_eq(fread(content, 1, *size, file), *size);
    fclose(file);
    return content;
}

/* What the PNG has of a colour. */
typedef struct trace {
    int64_t count, first;        /* pixels; the first of them, row by row                            */
    int height;                  /* of the page                                                      */
} trace;

/* The pixels that are close to a colour given as 0xRRGGBB. */
static trace find_pixels(uint32_t color)
{
    trace found = {0};
    cairo_surface_t *surface = cairo_image_surface_create_from_png(png_file);
    ck_assert_int_eq(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS);
    ck_assert_int_eq(cairo_image_surface_get_width(surface), 1600);
    int height = cairo_image_surface_get_height(surface), stride = cairo_image_surface_get_stride(surface);
    const unsigned char *data = cairo_image_surface_get_data(surface);
    found.height = height;
    for (int64_t i = 0; i < (int64_t)height * 1600; i++) {
        uint32_t pixel;
        memcpy(&pixel, data + i / 1600 * stride + i % 1600 * 4, 4);
        int close = 1;
        for (int shift = 0; shift < 24; shift += 8)
            close = close && abs((int)(pixel >> shift & 255) - (int)(color >> shift & 255)) <= 3;
        if (close && found.count++ == 0)
            found.first = i;
    }
    cairo_surface_destroy(surface);
    return found;
}

static int64_t count_pixels(uint32_t color)
{
    return find_pixels(color).count;
}

enum { BLUE = 0x0072b2, PALE_BLUE = 0x4c9cc9, VERMILION = 0xd55e00 };

/* Writes the panels and checks what holds for every page. Returns the number of bytes of the SVG. */
static size_t write_panels(const dcl__panel *panels, int count)
{
    dcl_error error = {0};
    dcl__page page = {"title", "facts", panels, count, count < 4 ? count : 4};
    ck_assert_msg(dcl__plot_write(svg_file, png_file, &page, &error) == DCL_OK, "%s", error.text);
    ck_assert_int_eq(files_in_folder(), 2);
    size_t size;
    char *svg = read_whole(svg_file, &size);
    ck_assert_ptr_nonnull(strstr(svg, "</svg>"));
    ck_assert_ptr_nonnull(strstr(svg, "width=\"800pt\""));
    ck_assert_ptr_null(strstr(svg, "nan"));
    ck_assert_ptr_null(strstr(svg, "inf"));
    free(svg);
    return size;
}

/* How many letters the SVG shows. */
static int count_letters(void)
{
    size_t size;
    int count = 0;
    char *svg = read_whole(svg_file, &size);
    for (const char *at = strstr(svg, "<use "); at; at = strstr(at + 1, "<use "))
        count++;
    free(svg);
    return count;
}

static size_t write_series(dcl__series series, int log_x, int log_y)
{
    dcl__panel panel = {.log_x = log_x, .log_y = log_y, .series = &series, .series_count = 1};
    return write_panels(&panel, 1);
}

START_TEST(a_line_is_drawn_in_its_color)
{
    double y[] = {3, 1, 2};
    write_series((dcl__series){.count = 3, .y = y}, 0, 0);
    ck_assert_int_gt(count_pixels(BLUE), 1000);
    ck_assert_int_eq(count_pixels(VERMILION), 0);
}
END_TEST

START_TEST(a_line_has_a_gap_at_points_that_are_left_out)
{
    double whole[] = {1, 1, 1, 1, 1}, broken[] = {1, 1, NAN, 1, 1}, infinite[] = {1, 1, INFINITY, 1, 1};
    double zero[] = {1, 1, 0, 1, 1};
    write_series((dcl__series){.count = 5, .y = whole}, 0, 1);
    int64_t without_gap = count_pixels(BLUE);
    double *broken_ones[] = {broken, infinite, zero};
    for (int i = 0; i < COUNT(broken_ones); i++) {
        write_series((dcl__series){.count = 5, .y = broken_ones[i]}, 0, 1);
        ck_assert_int_lt(count_pixels(BLUE), without_gap * 6 / 10);
        ck_assert_int_gt(count_pixels(BLUE), without_gap * 4 / 10);
    }
}
END_TEST

/* Ranks and units are counted. */
START_TEST(axes_of_whole_numbers_have_whole_ticks)
{
    for (int last = 1; last <= 40; last += 13) {
        dcl__axis axis = {.integral = 1, .low = INFINITY, .high = -INFINITY};
        dcl__axis_cover(&axis, 0);
        dcl__axis_cover(&axis, last);
        dcl__axis_make_ticks(&axis, 200, 40);
        ck_assert_int_ge(axis.tick_count, 2);
        for (int i = 0; i < axis.tick_count; i++)
            ck_assert_ptr_null(strchr(axis.ticks[i].label, '.'));
        dcl__axis_cover(&axis, 0.5);
        ck_assert_int_eq(axis.integral, 0);
    }
}
END_TEST

START_TEST(what_is_nowhere_negative_has_an_axis_that_is_not)
{
    for (int last = 0; last <= 5; last += 5) {
        dcl__axis axis = {.integral = 1, .low = INFINITY, .high = -INFINITY};
        dcl__axis_cover(&axis, 0);
        dcl__axis_cover(&axis, last);
        dcl__axis_pad(&axis);
        ck_assert_double_eq(axis.low, 0);
        ck_assert_double_ge(axis.high, fmax(last, 1));
    }
}
END_TEST

START_TEST(an_axis_may_begin_at_zero)
{
    const double units[] = {8, 8};
    dcl__series series = {.count = 2, .y = units, .style = DCL__POINTS};
    dcl__panel panel = {.series = &series, .series_count = 1};
    write_panels(&panel, 1);
    const trace amid = find_pixels(BLUE);
    panel.zero_y = 1;
    write_panels(&panel, 1);
    const trace above = find_pixels(BLUE);
    ck_assert_int_lt(above.first / 1600, amid.first / 1600 - 100);
    panel.zero_x = 1;
    write_panels(&panel, 1);
    ck_assert_int_gt(find_pixels(BLUE).first % 1600, above.first % 1600 + 100);
}
END_TEST

START_TEST(a_marked_line_has_points)
{
    const double ends[] = {1, 5}, all[] = {1, 2, 3, 4, 5};
    write_series((dcl__series){.count = 2, .x = ends, .y = ends, .style = DCL__MARKED}, 0, 0);
    const int64_t two = count_pixels(BLUE);
    write_series((dcl__series){.count = 5, .x = all, .y = all, .style = DCL__MARKED}, 0, 0);
    ck_assert_int_gt(count_pixels(BLUE), two + 3 * 20);
}
END_TEST

/* One value of 1e-13 would stretch the axis, 0 is on no logarithmic axis, and NaN stays out. */
START_TEST(what_is_below_the_least_is_drawn_on_the_edge)
{
    const double tiny[] = {1, 1e-3, 1e-13, 0, -1e-9, NAN}, edge[] = {1, 1e-3, 9e-7, 9e-7, 9e-7, NAN};
    dcl__series series = {.count = 6, .y = tiny, .style = DCL__POINTS};
    dcl__panel panel = {.log_y = 1, .series = &series, .series_count = 1, .least = 1e-6};
    char *content[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        write_panels(&panel, 1);
        content[i] = read_whole(png_file, &size[i]);
        series.y = edge;
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_mem_eq(content[0], content[1], size[0]);
    const int letters = count_letters();
    const int64_t pixels = count_pixels(BLUE);
    write_series((dcl__series){.count = 2, .y = tiny, .style = DCL__POINTS}, 0, 1);
    ck_assert_int_gt(2 * pixels, 4 * count_pixels(BLUE));        /* five points here, two there */
    ck_assert_int_gt(letters, count_letters() + 20);             /* a note says it */
    free(content[0]);
    free(content[1]);
}
END_TEST

START_TEST(logarithmic_axes_say_so)
{
    const double y[] = {1, 2};
    int letters[2][2];
    for (int log = 0; log < 2; log++)
        for (int labelled = 0; labelled < 2; labelled++) {
            dcl__series series = {.count = 2, .y = y};
            dcl__panel panel = {.log_y = log, .y_label = labelled ? "abc" : NULL, .series = &series, .series_count = 1};
            write_panels(&panel, 1);
            letters[log][labelled] = count_letters();
        }
    ck_assert_int_eq(letters[0][1] - letters[0][0], 3);
    ck_assert_int_ge(letters[1][1] - letters[1][0], 3 + 5);
}
END_TEST

START_TEST(a_long_head_goes_on_in_further_lines)
{
    const char *const words = "a title of many words, none of which may be lost where one line is too short for all";
    dcl__panel panel = {.title = "panel"};
    dcl__page pages[] = {{"short", "short", &panel, 1, 1}, {words, "short", &panel, 1, 1},
                         {words, words, &panel, 1, 1}};
    int height[COUNT(pages)], letters[COUNT(pages)];
    for (int i = 0; i < COUNT(pages); i++) {
        ck_assert_int_eq(dcl__plot_write(svg_file, png_file, &pages[i], NULL), DCL_OK);
        height[i] = find_pixels(BLUE).height;
        letters[i] = count_letters();
    }
    ck_assert_int_gt(height[1], height[0] + 40);
    ck_assert_int_eq(height[2], height[1]);      /* one line is enough in small letters */
    ck_assert_int_ge(letters[1] - letters[0], 65);
    ck_assert_int_ge(letters[2] - letters[1], 65);
}
END_TEST

START_TEST(a_single_point_is_visible_in_every_style)
{
    double y[] = {42}, among_gaps[] = {NAN, 42, NAN};
    for (int style = DCL__LINE; style <= DCL__MARKED; style++) {
        uint32_t color = style == DCL__BARS ? PALE_BLUE : BLUE;
        write_series((dcl__series){.count = 1, .y = y, .style = style}, 0, 0);
        ck_assert_int_gt(count_pixels(color), 10);
        write_series((dcl__series){.count = 3, .y = among_gaps, .style = style}, 1, 1);
        ck_assert_int_gt(count_pixels(color), 10);
    }
}
END_TEST

START_TEST(panels_without_data_say_so_and_draw_nothing)
{
    double nothing[] = {NAN, INFINITY, -INFINITY}, negative[] = {0, -1, -DBL_MAX};
    dcl__series empty = {.y = nothing}, unusable = {.count = 3, .y = nothing};
    dcl__series below = {.count = 3, .y = negative};
    dcl__level level = {NULL, 1, DCL__VERMILION};
    dcl__panel panels[] = {
        {.title = "no series", .empty = "no units"}, {.title = "no points", .series = &empty, .series_count = 1},
        {.title = "not finite", .series = &unusable, .series_count = 1, .levels = &level, .level_count = 1},
        {.title = "not positive", .log_y = 1, .series = &below, .series_count = 1}
    };
    write_panels(panels, COUNT(panels));
    ck_assert_int_eq(count_pixels(BLUE), 0);
    ck_assert_int_eq(count_pixels(VERMILION), 0);
}
END_TEST

START_TEST(extreme_ranges_are_drawn)
{
    double huge[] = {-DBL_MAX, -1e300, 1e300, DBL_MAX}, denormal[] = {5e-324, 1e-320, 2e-320};
    double wide[] = {1e-300, 1, 1e300}, constant[] = {5, 5, 5}, zero[] = {0, 0, 0};
    double close[] = {1, 1 + DBL_EPSILON, 1 + 2 * DBL_EPSILON}, offset[] = {1e9 + 1, 1e9 + 4, 1e9 + 2};
    double negative[] = {-7e8, -3e8, -5e8};
    dcl__series series[] = {
        {.count = 4, .y = huge}, {.count = 3, .y = denormal}, {.count = 3, .y = wide},
        {.count = 3, .y = constant}, {.count = 3, .y = zero}, {.count = 3, .y = close},
        {.count = 3, .y = offset}, {.count = 3, .y = negative}
    };
    for (int i = 0; i < COUNT(series); i++)
        for (int style = DCL__LINE; style <= DCL__MARKED; style++) {
            dcl__panel panels[4];
            dcl__series over_itself = series[i];
            series[i].style = over_itself.style = style;
            over_itself.x = over_itself.y;
            for (int k = 0; k < 4; k++)
                panels[k] = (dcl__panel){.log_x = k & 1, .log_y = k >> 1, .series_count = 1,
                                         .series = k % 3 ? &series[i] : &over_itself};
            write_panels(panels, 4);
        }
}
END_TEST

START_TEST(long_series_are_thinned)
{
    enum { COUNT_OF_POINTS = 1000000 };
    double *y = malloc(COUNT_OF_POINTS * sizeof *y);
    ck_assert_ptr_nonnull(y);
    for (int i = 0; i < COUNT_OF_POINTS; i++)
        y[i] = 1 + i * 7919LL % 100003 + 1e-3 * i;
    size_t largest[] = {600000, 6000000, 600000, 6000000};
    for (int style = DCL__LINE; style <= DCL__MARKED; style++) {
        dcl__series series = {.count = COUNT_OF_POINTS, .y = y, .style = style};
        ck_assert_uint_lt(write_series(series, 0, 0), largest[style]);
    }
    free(y);
}
END_TEST

START_TEST(thinning_keeps_a_single_peak)
{
    enum { COUNT_OF_POINTS = 100000 };
    static double y[COUNT_OF_POINTS];
    write_series((dcl__series){.count = COUNT_OF_POINTS, .y = y}, 0, 0);
    int64_t flat = count_pixels(BLUE);
    y[54321] = 1;
    write_series((dcl__series){.count = COUNT_OF_POINTS, .y = y}, 0, 0);
    ck_assert_int_gt(count_pixels(BLUE), flat + 300);
}
END_TEST

START_TEST(levels_cross_the_panel)
{
    double y[] = {1, 2};
    dcl__series series = {.count = 2, .y = y, .style = DCL__POINTS};
    dcl__level levels[] = {{"inside", 1.5, DCL__VERMILION}, {"not a number", NAN, DCL__GREEN}};
    dcl__panel panel = {.series = &series, .series_count = 1, .levels = levels, .level_count = 2};
    write_panels(&panel, 1);
    ck_assert_int_gt(count_pixels(VERMILION), 1000);
}
END_TEST

START_TEST(any_bytes_are_accepted_as_text)
{
    char endless[5000];
    memset(endless, 'M', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    const char *texts[] = {
        "\xff\xfe", "cut off \xe2\x80", "overlong \xc0\x80", "surrogate \xed\xa0\x80",
        "beyond \xf8\x90\x80\x80", "control \n\t\x01",
        "not a character \xef\xbf\xbf", "", "‖uᵢ‖ S_τ(U Vᵀ)", endless
    };
    double y[] = {1, 2};
    for (int i = 0; i < COUNT(texts); i++) {
        dcl__series series = {.label = texts[i], .count = 2, .y = y};
        dcl__panel panel = {.title = texts[i], .note = texts[i], .x_label = texts[i], .y_label = texts[i],
                            .series = &series, .series_count = 1, .empty = texts[i]};
        write_panels(&panel, 1);
    }
}
END_TEST

START_TEST(the_same_page_gives_the_same_bytes)
{
    double y[] = {3, 1, 4, 1, 5};
    char *content[2];
    size_t size[2];
    for (int i = 0; i < 2; i++) {
        write_series((dcl__series){.label = "series", .count = 5, .y = y}, 0, 1);
        content[i] = read_whole(png_file, &size[i]);
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert_mem_eq(content[0], content[1], size[0]);
    free(content[0]);
    free(content[1]);
}
END_TEST

START_TEST(either_file_may_be_left_out)
{
    dcl__panel panel = {.title = "panel"};
    dcl__page page = {.panels = &panel, .panel_count = 1, .columns = 1};
    ck_assert_int_eq(dcl__plot_write(NULL, NULL, &page, NULL), DCL_OK);
    ck_assert_int_eq(files_in_folder(), 0);
    ck_assert_int_eq(dcl__plot_write(svg_file, NULL, &page, NULL), DCL_OK);
    ck_assert_int_eq(access(svg_file, F_OK), 0);
    ck_assert_int_eq(dcl__plot_write(NULL, png_file, &page, NULL), DCL_OK);
    ck_assert_int_eq(access(png_file, F_OK), 0);
}
END_TEST

START_TEST(unfit_pages_are_refused)
{
    dcl_error error;
    dcl__panel panel = {.title = "panel"};
    dcl__page pages[] = {{NULL, NULL, &panel, 0, 1}, {NULL, NULL, &panel, 1, 0}, {NULL, NULL, &panel, 1, 5}};
    for (int i = 0; i < COUNT(pages); i++)
        ck_assert_int_eq(dcl__plot_write(svg_file, png_file, &pages[i], &error), DCL_EINVAL);
    ck_assert_int_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_failing_file_is_named_and_nothing_remains)
{
    dcl_error error = {0};
    dcl__panel panel = {.title = "panel"};
    dcl__page page = {.panels = &panel, .panel_count = 1, .columns = 1};
    ck_assert_int_eq(dcl__plot_write(svg_file, "/nowhere/page.png", &page, &error), DCL_EIO);
    ck_assert_ptr_eq(strstr(error.text, "/nowhere/page.png: "), error.text);
    ck_assert_int_eq(files_in_folder(), 0);
    ck_assert_int_eq(dcl__plot_write("/dev/full", png_file, &page, &error), DCL_EIO);
    ck_assert_ptr_eq(strstr(error.text, "/dev/full: "), error.text);
    ck_assert_ptr_nonnull(strstr(error.text, "No space left on device"));
    ck_assert_int_eq(files_in_folder(), 0);
    ck_assert_int_eq(dcl__plot_write(svg_file, "/dev/full", &page, &error), DCL_EIO);
    ck_assert_ptr_eq(strstr(error.text, "/dev/full: "), error.text);
    ck_assert_int_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(a_page_too_high_for_png_is_refused_in_words)
{
    enum { PANELS = 100 };
    dcl_error error = {0};
    dcl__panel *panels = calloc(PANELS, sizeof *panels);
    ck_assert_ptr_nonnull(panels);
    dcl__page page = {.panels = panels, .panel_count = PANELS, .columns = 1};
    ck_assert_int_eq(dcl__plot_write(svg_file, png_file, &page, &error), DCL_EIO);
    ck_assert_ptr_eq(strstr(error.text, png_file), error.text);
    ck_assert_int_eq(files_in_folder(), 0);
    free(panels);
}
END_TEST

Suite *plot_suite(void);

Suite *plot_suite(void)
{
    Suite *suite = suite_create("plot");
    TCase *tests = tcase_create("plot");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_line_is_drawn_in_its_color);
    tcase_add_test(tests, a_line_has_a_gap_at_points_that_are_left_out);
    tcase_add_test(tests, axes_of_whole_numbers_have_whole_ticks);
    tcase_add_test(tests, what_is_nowhere_negative_has_an_axis_that_is_not);
    tcase_add_test(tests, an_axis_may_begin_at_zero);
    tcase_add_test(tests, a_marked_line_has_points);
    tcase_add_test(tests, what_is_below_the_least_is_drawn_on_the_edge);
    tcase_add_test(tests, logarithmic_axes_say_so);
    tcase_add_test(tests, a_long_head_goes_on_in_further_lines);
    tcase_add_test(tests, a_single_point_is_visible_in_every_style);
    tcase_add_test(tests, panels_without_data_say_so_and_draw_nothing);
    tcase_add_test(tests, extreme_ranges_are_drawn);
    tcase_add_test(tests, long_series_are_thinned);
    tcase_add_test(tests, thinning_keeps_a_single_peak);
    tcase_add_test(tests, levels_cross_the_panel);
    tcase_add_test(tests, any_bytes_are_accepted_as_text);
    tcase_add_test(tests, the_same_page_gives_the_same_bytes);
    tcase_add_test(tests, either_file_may_be_left_out);
    tcase_add_test(tests, unfit_pages_are_refused);
    tcase_add_test(tests, a_failing_file_is_named_and_nothing_remains);
    tcase_add_test(tests, a_page_too_high_for_png_is_refused_in_words);
    suite_add_tcase(suite, tests);
    return suite;
}
