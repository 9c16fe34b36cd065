/* plot.c: draws one page of panels and writes it as SVG and PNG. */
#include "formats/plot.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/output.h"

/* ---- Measures ---------------------------------------------------------------------------------- */

/* In points, unless said otherwise. */
enum {
    PAGE_WIDTH = 800, PIXELS_PER_POINT = 2, MARGIN = 24, GAP = 22,
    TICK_LENGTH = 4, TICK_HEIGHT = 17, AXIS_LABEL_HEIGHT = 17, RIGHT_SPACE = 10,
    TITLE_HEIGHT = 18, NOTE_HEIGHT = 14, LEGEND_HEIGHT = 15, LEGEND_KEY = 16, LEGEND_SPACE = 10,
    HIGHEST_FRAME = 300, MOST_COLUMNS = 4, MOST_TICKS = 160, TEXT_SIZE = 512
};

/* Coordinates beyond these are left out, so that no span, tick or pad can overflow or lose its digits. */
static const double LARGEST = 1e300, SMALLEST = 1e-300;

/* Bars cover much of the page and are paler than lines. */
static const double BAR_STRENGTH = 0.7;

typedef struct text_style {
    double size, gray;
    cairo_font_weight_t weight;
} text_style;

static const text_style PAGE_TITLE = {17, 0.10, CAIRO_FONT_WEIGHT_BOLD};
static const text_style SUBTITLE = {11, 0.35, CAIRO_FONT_WEIGHT_NORMAL};
static const text_style TITLE = {12, 0.10, CAIRO_FONT_WEIGHT_BOLD};
static const text_style NOTE = {9.5, 0.40, CAIRO_FONT_WEIGHT_NORMAL};
static const text_style LEGEND = {9.5, 0.15, CAIRO_FONT_WEIGHT_NORMAL};
static const text_style AXIS_LABEL = {10.5, 0.15, CAIRO_FONT_WEIGHT_NORMAL};
static const text_style TICK_LABEL = {9.5, 0.25, CAIRO_FONT_WEIGHT_NORMAL};

static const double PALETTE[DCL__COLORS][3] = {
    {0.000, 0.447, 0.698}, {0.835, 0.369, 0.000}, {0.000, 0.620, 0.451}, {0.902, 0.624, 0.000},
    {0.800, 0.475, 0.655}, {0.337, 0.706, 0.914}, {0.150, 0.150, 0.150}, {0.941, 0.894, 0.259}
};

/* ---- Records ----------------------------------------------------------------------------------- */

typedef struct tick {
    double place;                /* on the scale of the axis                                         */
    char label[64];              /* "": a minor tick                                                 */
} tick;

/* `low` and `high` are on the scale of the axis: the values themselves, or their decimal logarithms. */
typedef struct axis {
    int logarithmic, integral;
    double low, high;
    int tick_count;
    tick ticks[MOST_TICKS];
} axis;

/* A panel with its axes, and its place on the page: of the cell, and of the frame inside it. */
typedef struct view {
    const dcl__panel *panel;
    axis x, y;
    double bar_gap;              /* smallest distance of two bars on the scale of the x axis         */
    int empty;
    double cell_left, cell_top, left, top, width, height;
} view;

typedef struct layout {
    const dcl__page *page;
    double height;
    view *views;
} layout;

typedef struct point {
    double x, y;
} point;

/* ---- Texts ------------------------------------------------------------------------------------- */

/* Bytes of the character at `text`, 0 for a control byte or one that Cairo would refuse. */
static int character_length(const unsigned char *text)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return text[0] >= 0x20 && text[0] != 0x7f;
    if (text[0] < 0xc2 || text[0] > 0xf4)
        return 0;
    int length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
    uint32_t code = text[0] & (0xffu >> (length + 1));
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    int surrogate = code >= 0xd800 && code <= 0xdfff;
    int unassignable = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe;
    return code < smallest[length] || code > 0x10ffff || surrogate || unassignable ? 0 : length;
}

/* Copies what fits of `text`, with room left for an ellipsis. Cairo would refuse the whole page for one
 * byte that is not UTF-8, and file names may hold any. */
static void clean_text(const char *text, char clean[TEXT_SIZE])
{
    const unsigned char *from = (const unsigned char *)text;
    size_t used = 0;
    while (*from && used < TEXT_SIZE - 8) {
        int length = character_length(from);
        if (length)
            memcpy(clean + used, from, (size_t)length);
        else
            clean[used] = '?';
        used += length ? (size_t)length : 1;
        from += length ? length : 1;
    }
    clean[used] = '\0';
}

static void use_text_style(cairo_t *cr, const text_style *style)
{
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, style->weight);
    cairo_set_font_size(cr, style->size);
    cairo_set_source_rgb(cr, style->gray, style->gray, style->gray);
}

static double clean_width(cairo_t *cr, const char *clean)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, clean, &extents);
    return extents.x_advance;
}

/* Cleans the text and cuts it to `room`; returns its width. */
static double fit_text(cairo_t *cr, const text_style *style, double room, const char *text,
                       char fit[TEXT_SIZE])
{
    use_text_style(cr, style);
    clean_text(text, fit);
    size_t used = strlen(fit);
    while (used && clean_width(cr, fit) > room) {
        do
            used--;
        while (used && ((unsigned char)fit[used] & 0xc0) == 0x80);
        memcpy(fit + used, "…", sizeof "…");
    }
    return clean_width(cr, fit);
}

static double text_width(cairo_t *cr, const text_style *style, const char *text)
{
    char fit[TEXT_SIZE];
    return fit_text(cr, style, INFINITY, text, fit);
}

/* Writes text on the base line `y`; `align` is the part of its width that lies left of `x`. */
static void draw_text(cairo_t *cr, const text_style *style, double x, double y, double align, double room,
                      const char *text)
{
    char fit[TEXT_SIZE];
    double width = fit_text(cr, style, room, text ? text : "", fit);
    cairo_move_to(cr, x - align * width, y);
    cairo_show_text(cr, fit);
    cairo_new_path(cr);
}

/* ---- Ranges of the axes ------------------------------------------------------------------------ */

static int is_visible(const axis *a, double value)
{
    return a->logarithmic ? value >= SMALLEST && value <= LARGEST : fabs(value) <= LARGEST;
}

static double to_scale(const axis *a, double value)
{
    return a->logarithmic ? log10(value) : value;
}

static void widen(axis *a, double place)
{
    a->low = fmin(a->low, place);
    a->high = fmax(a->high, place);
}

static double series_x(const dcl__series *series, int64_t i)
{
    return series->x ? series->x[i] : (double)(i + 1);
}

static int is_point_visible(const view *v, const dcl__series *series, int64_t i)
{
    return is_visible(&v->x, series_x(series, i)) && is_visible(&v->y, series->y[i]);
}

static void measure_series(view *v, const dcl__series *series)
{
    double previous = NAN;
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(v, series, i))
            continue;
        double value = series_x(series, i), place = to_scale(&v->x, value), gap = fabs(place - previous);
        widen(&v->x, place);
        widen(&v->y, to_scale(&v->y, series->y[i]));
        v->x.integral = v->x.integral && value == floor(value);
        if (series->style == DCL__BARS && gap > 0 && gap < v->bar_gap)
            v->bar_gap = gap;
        previous = place;
    }
}

static int has_bars(const dcl__panel *panel)
{
    for (int i = 0; i < panel->series_count; i++)
        if (panel->series[i].style == DCL__BARS)
            return 1;
    return 0;
}

/* Gives the range some air, and a width where the data have none. Data that are nowhere negative keep an
 * axis that is nowhere negative. */
static void pad_axis(axis *a)
{
    double span = a->high - a->low, largest = fmax(fabs(a->low), fabs(a->high)), pad = 0.04 * span;
    if (span <= fmax(1e-9 * (a->logarithmic ? 1 : largest), SMALLEST)) {
        pad = a->logarithmic ? 0.5 : largest < SMALLEST || a->integral ? 1 : 0.1 * largest;
    } else if (!a->logarithmic && a->low >= 0) {
        a->high += pad;
        a->low = fmax(a->low - pad, 0);
        return;
    }
    a->high += pad;
    a->low -= pad;
}

static void measure_panel(view *v)
{
    const dcl__panel *panel = v->panel;
    v->x = (axis){.logarithmic = panel->log_x, .integral = 1, .low = INFINITY, .high = -INFINITY};
    v->y = (axis){.logarithmic = panel->log_y, .low = INFINITY, .high = -INFINITY};
    v->bar_gap = INFINITY;
    for (int i = 0; i < panel->series_count; i++)
        measure_series(v, &panel->series[i]);
    v->empty = v->x.low > v->x.high;
    if (v->empty)
        return;
    if (has_bars(panel)) {
        v->bar_gap = isinf(v->bar_gap) ? 1 : v->bar_gap;
        widen(&v->x, v->x.low - 0.5 * v->bar_gap);
        widen(&v->x, v->x.high + 0.5 * v->bar_gap);
        if (!panel->log_y)
            widen(&v->y, 0);
    }
    for (int i = 0; i < panel->level_count; i++)
        if (is_visible(&v->y, panel->levels[i].value))
            widen(&v->y, to_scale(&v->y, panel->levels[i].value));
    pad_axis(&v->x);
    pad_axis(&v->y);
}

/* ---- Ticks ------------------------------------------------------------------------------------- */

/* Writes `value` with so many decimals, as a multiple of 10^exponent unless that is 0, with a true minus
 * and raised digits: "−2.5×10⁻⁷". */
static void write_number(double value, int decimals, int exponent, char label[64])
{
    static const char *const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char digits[32];
    double mantissa = fabs(value / pow(10, exponent));
    snprintf(digits, sizeof digits, "%.*f", decimals, mantissa);
    int is_power = exponent != 0 && decimals == 0 && strcmp(digits, "1") == 0;
    int used = snprintf(label, 64, "%s%s", value < 0 ? "−" : "", is_power ? "10" : digits);
    if (exponent == 0 || value == 0)
        return;
    used += snprintf(label + used, 64 - (size_t)used, "%s%s", is_power ? "" : "×10", exponent < 0 ? "⁻" : "");
    snprintf(digits, sizeof digits, "%d", abs(exponent));
    for (const char *digit = digits; *digit; digit++)
        used += snprintf(label + used, 64 - (size_t)used, "%s", raised[*digit - '0']);
}

static void add_tick(axis *a, double value, const char *label)
{
    double place = to_scale(a, value), slack = 1e-9 * (a->high - a->low);
    if (a->tick_count == MOST_TICKS || place < a->low - slack || place > a->high + slack)
        return;
    tick *next = &a->ticks[a->tick_count++];
    next->place = place;
    snprintf(next->label, sizeof next->label, "%s", label);
}

/* The smallest step of 1, 2 or 5 times 10^exponent that takes at most `target` steps over the span. */
static double round_step(double span, int target, int integral, int *exponent)
{
    double least = span / target;
    *exponent = (int)floor(log10(least) + 1e-9);
    double leading = least / pow(10, *exponent);
    double factor = leading <= 1 + 1e-9 ? 1 : leading <= 2 + 1e-9 ? 2 : leading <= 5 + 1e-9 ? 5 : 10;
    if (integral && *exponent < 0) {
        factor = 1;
        *exponent = 0;
    } else if (factor == 10) {
        factor = 1;
        ++*exponent;
    }
    return factor * pow(10, *exponent);
}

/* Ticks at multiples of a round step between two values. All labels of an axis have the same form: plain
 * where at most five zeros are needed, else as multiples of one power of ten. */
static void add_linear_ticks(axis *a, double low, double high, int target)
{
    int exponent;
    double step = round_step(high - low, target, a->integral, &exponent);
    double first = ceil(low / step - 1e-6), last = floor(high / step + 1e-6);
    int leading = (int)floor(log10(step * fmax(1, fmax(fabs(first), fabs(last)))) + 1e-9);
    int common = leading >= 6 || leading < -3 ? leading : 0;
    int decimals = common > exponent ? common - exponent : 0;
    for (int i = 0; i <= (int)(last - first); i++) {
        char label[64];
        double value = (first + i) * step;
        write_number(value, value == 0 && common ? 0 : decimals, common, label);
        add_tick(a, value, label);
    }
}

/* Ticks at powers of ten, with 2 and 5 between them where there are few; minor ticks at the others. */
static void add_decade_ticks(axis *a, int target)
{
    double span = a->high - a->low;
    int exponent, few = span < 2, plain = a->low > -3.5 && a->high < 5.5;
    int stride = (int)round_step(span, target, 1, &exponent);
    for (int decade = (int)floor(a->low); decade <= (int)ceil(a->high); decade++) {
        for (int digit = 1; digit <= 9; digit++) {
            char label[64] = "";
            double value = digit * pow(10, decade);
            int labelled = few ? digit == 1 || digit == 2 || digit == 5 : digit == 1 && decade % stride == 0;
            if (labelled)
                write_number(value, plain && decade < 0 ? -decade : 0, plain ? 0 : decade, label);
            if (labelled || (digit == 1 && stride <= 5) || (stride == 1 && span <= 6))
                add_tick(a, value, label);
        }
    }
}

static void make_ticks(axis *a, int target)
{
    /* Below this span (a factor of five) two labels from 1, 2, 5 are not certain. */
    const double narrow = 0.7;
    a->tick_count = 0;
    if (!a->logarithmic)
        add_linear_ticks(a, a->low, a->high, target);
    else if (a->high - a->low < narrow)
        add_linear_ticks(a, pow(10, a->low), pow(10, a->high), target);
    else
        add_decade_ticks(a, target);
}

static int label_count(const axis *a)
{
    int count = 0;
    for (int i = 0; i < a->tick_count; i++)
        count += a->ticks[i].label[0] != '\0';
    return count;
}

/* Makes ticks about `spacing` apart, or closer where fewer than three would have labels; returns how many
 * steps that took. */
static int make_spaced_ticks(axis *a, double length, double spacing)
{
    int least = (int)fmax(3, length / spacing), most = 2 * least, target = least;
    make_ticks(a, target);
    while (target < most && label_count(a) < 3)
        make_ticks(a, ++target);
    return target;
}

static double widest_label(cairo_t *cr, const axis *a)
{
    double widest = 0;
    for (int i = 0; i < a->tick_count; i++)
        widest = fmax(widest, text_width(cr, &TICK_LABEL, a->ticks[i].label));
    return widest;
}

static int are_labels_crowded(cairo_t *cr, const axis *a, double length)
{
    double needed = widest_label(cr, a) + 8, previous = -INFINITY;
    for (int i = 0; i < a->tick_count; i++) {
        double place = length * (a->ticks[i].place - a->low) / (a->high - a->low);
        if (!a->ticks[i].label[0])
            continue;
        if (place - previous < needed)
            return 1;
        previous = place;
    }
    return 0;
}

static void make_x_ticks(cairo_t *cr, view *v)
{
    int target = make_spaced_ticks(&v->x, v->width, 56);
    while (target > 1 && are_labels_crowded(cr, &v->x, v->width))
        make_ticks(&v->x, --target);
}

/* ---- Series ------------------------------------------------------------------------------------ */

static double page_x(const view *v, double place)
{
    return v->left + v->width * (place - v->x.low) / (v->x.high - v->x.low);
}

static double page_y(const view *v, double place)
{
    return v->top + v->height * (v->y.high - place) / (v->y.high - v->y.low);
}

static point locate(const view *v, const dcl__series *series, int64_t i)
{
    return (point){page_x(v, to_scale(&v->x, series_x(series, i))), page_y(v, to_scale(&v->y, series->y[i]))};
}

/* `strength` 1 is the full colour, 0 is white. */
static void use_color(cairo_t *cr, int color, double strength)
{
    const double *rgb = PALETTE[(unsigned)color % DCL__COLORS], white = 1 - strength;
    cairo_set_source_rgb(cr, strength * rgb[0] + white, strength * rgb[1] + white, strength * rgb[2] + white);
}

static void use_line(cairo_t *cr, int color, int dashed)
{
    static const double dashes[] = {5, 3};
    use_color(cr, color, 1);
    cairo_set_line_width(cr, 1.4);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(cr, dashes, dashed ? 2 : 0, 0);
}

/* Draws a line through many points: of those in one pixel column only the first, the lowest, the highest
 * and the last are kept, which leaves the same pixels. */
typedef struct pen {
    cairo_t *cr;
    double column;
    int in_column, drawn, high_before_low;
    point first, low, high, last, at;
} pen;

static void pen_draw_to(pen *p, point to)
{
    if (p->drawn && to.x == p->at.x && to.y == p->at.y)
        return;
    if (p->drawn++)
        cairo_line_to(p->cr, to.x, to.y);
    else
        cairo_move_to(p->cr, to.x, to.y);
    p->at = to;
}

static void pen_finish_column(pen *p)
{
    if (p->in_column) {
        pen_draw_to(p, p->first);
        pen_draw_to(p, p->high_before_low ? p->high : p->low);
        pen_draw_to(p, p->high_before_low ? p->low : p->high);
        pen_draw_to(p, p->last);
    }
    p->in_column = 0;
}

/* Ends a stroke. One that has a single point becomes a dot. */
static void pen_lift(pen *p)
{
    pen_finish_column(p);
    if (p->drawn == 1) {
        cairo_new_sub_path(p->cr);
        cairo_arc(p->cr, p->at.x, p->at.y, 0.7, 0, 2 * acos(-1));
    }
    p->drawn = 0;
}

static void pen_add(pen *p, point to)
{
    double column = floor(to.x * PIXELS_PER_POINT);
    if (p->in_column && column != p->column)
        pen_finish_column(p);
    if (!p->in_column) {
        p->first = p->low = p->high = to;
        p->high_before_low = 0;
    } else if (to.y > p->low.y) {
        p->low = to;
        p->high_before_low = 1;
    } else if (to.y < p->high.y) {
        p->high = to;
        p->high_before_low = 0;
    }
    p->in_column = 1;
    p->column = column;
    p->last = to;
}

static void draw_line_series(cairo_t *cr, const view *v, const dcl__series *series)
{
    pen p = {.cr = cr};
    for (int64_t i = 0; i < series->count; i++) {
        if (is_point_visible(v, series, i))
            pen_add(&p, locate(v, series, i));
        else
            pen_lift(&p);
    }
    pen_lift(&p);
    use_line(cr, series->color, series->dashed);
    cairo_stroke(cr);
}

/* Adds a dot to the path: a stroke without length, which round caps make a disc. */
static void add_dot(cairo_t *cr, point at)
{
    cairo_move_to(cr, at.x, at.y);
    cairo_line_to(cr, at.x, at.y);
}

static void draw_dots(cairo_t *cr, int color)
{
    use_line(cr, color, 0);
    cairo_set_line_width(cr, 3.6);
    cairo_stroke(cr);
}

/* Draws at most one dot in each small cell of the frame: more would lie on each other. */
static void draw_point_series(cairo_t *cr, const view *v, const dcl__series *series)
{
    enum { CELL = 2, ACROSS = PAGE_WIDTH / CELL, DOWN = HIGHEST_FRAME / CELL + 1 };
    unsigned char taken[DOWN][ACROSS] = {{0}};
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(v, series, i))
            continue;
        point at = locate(v, series, i);
        unsigned char *cell = &taken[(int)(at.y - v->top) / CELL][(int)(at.x - v->left) / CELL];
        if (!*cell)
            add_dot(cr, at);
        *cell = 1;
    }
    draw_dots(cr, series->color);
}

/* Draws, of the bars in one pixel column, the longest in each direction. */
static void draw_bar_series(cairo_t *cr, const view *v, const dcl__series *series)
{
    struct {
        double middle, top, bottom;
    } columns[PAGE_WIDTH * PIXELS_PER_POINT] = {{0}};
    double base = page_y(v, v->panel->log_y ? v->y.low : 0);
    double width = fmax(0.78 * v->width * v->bar_gap / (v->x.high - v->x.low), 1.0 / PIXELS_PER_POINT);
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(v, series, i))
            continue;
        point end = locate(v, series, i);
        int column = (int)(end.x * PIXELS_PER_POINT);
        columns[column].middle = end.x;
        columns[column].top = fmax(columns[column].top, base - end.y);
        columns[column].bottom = fmax(columns[column].bottom, end.y - base);
    }
    for (int i = 0; i < PAGE_WIDTH * PIXELS_PER_POINT; i++) {
        double length = columns[i].top + columns[i].bottom;
        if (length > 0)
            cairo_rectangle(cr, columns[i].middle - 0.5 * width, base - columns[i].top, width, length);
    }
    use_color(cr, series->color, BAR_STRENGTH);
    cairo_fill(cr);
}

static void draw_series(cairo_t *cr, const view *v, const dcl__series *series)
{
    if (series->style == DCL__BARS)
        draw_bar_series(cr, v, series);
    else if (series->style == DCL__POINTS)
        draw_point_series(cr, v, series);
    else
        draw_line_series(cr, v, series);
}

static void draw_segment(cairo_t *cr, double x, double y, double along, double down)
{
    cairo_move_to(cr, x, y);
    cairo_rel_line_to(cr, along, down);
    cairo_stroke(cr);
}

static void draw_level(cairo_t *cr, const view *v, const dcl__level *level)
{
    if (!is_visible(&v->y, level->value))
        return;
    use_line(cr, level->color, 1);
    draw_segment(cr, v->left, page_y(v, to_scale(&v->y, level->value)), v->width, 0);
}

/* ---- Legend ------------------------------------------------------------------------------------ */

static dcl__series legend_entry(const dcl__panel *panel, int i)
{
    if (i < panel->series_count)
        return panel->series[i];
    const dcl__level *level = &panel->levels[i - panel->series_count];
    return (dcl__series){.label = level->label, .style = DCL__LINE, .color = level->color, .dashed = 1};
}

static void draw_key(cairo_t *cr, const dcl__series *entry, double x, double y)
{
    if (entry->style == DCL__BARS) {
        use_color(cr, entry->color, BAR_STRENGTH);
        cairo_rectangle(cr, x + 2, y - 4, 8, 8);
        cairo_fill(cr);
    } else if (entry->style == DCL__POINTS) {
        add_dot(cr, (point){x + 6, y});
        draw_dots(cr, entry->color);
    } else {
        use_line(cr, entry->color, entry->dashed);
        draw_segment(cr, x, y, LEGEND_KEY - 4, 0);
    }
}

/* Sets the legend in rows from `top` on, as wide as the cell allows; returns its height. Without `paint` it
 * is only measured. */
static double set_legend(cairo_t *cr, const view *v, double top, int paint)
{
    double x = 0, y = 0, height = 0, room = v->width + RIGHT_SPACE;
    for (int i = 0; i < v->panel->series_count + v->panel->level_count; i++) {
        dcl__series entry = legend_entry(v->panel, i);
        if (!entry.label)
            continue;
        double width = fmin(LEGEND_KEY + text_width(cr, &LEGEND, entry.label), room);
        if (x > 0 && x + width > room) {
            x = 0;
            y += LEGEND_HEIGHT;
        }
        if (paint) {
            draw_key(cr, &entry, v->left + x, top + y + 7.5);
            draw_text(cr, &LEGEND, v->left + x + LEGEND_KEY, top + y + 11, 0, room - LEGEND_KEY, entry.label);
        }
        x += width + LEGEND_SPACE;
        height = y + LEGEND_HEIGHT;
    }
    return height;
}

/* ---- Panels ------------------------------------------------------------------------------------ */

static void draw_x_axis(cairo_t *cr, const view *v)
{
    double bottom = v->top + v->height;
    for (int i = 0; i < v->x.tick_count; i++) {
        const tick *t = &v->x.ticks[i];
        double x = page_x(v, t->place);
        cairo_set_source_rgb(cr, 0.90, 0.90, 0.90);
        if (t->label[0])
            draw_segment(cr, x, v->top, 0, v->height);
        cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
        draw_segment(cr, x, bottom, 0, t->label[0] ? TICK_LENGTH : 0.5 * TICK_LENGTH);
        draw_text(cr, &TICK_LABEL, x, bottom + TICK_LENGTH + 10, 0.5, INFINITY, t->label);
    }
    draw_text(cr, &AXIS_LABEL, v->left + 0.5 * v->width, bottom + TICK_HEIGHT + 13, 0.5, v->width,
              v->panel->x_label);
}

static void draw_y_axis(cairo_t *cr, const view *v)
{
    for (int i = 0; i < v->y.tick_count; i++) {
        const tick *t = &v->y.ticks[i];
        double y = page_y(v, t->place);
        cairo_set_source_rgb(cr, 0.90, 0.90, 0.90);
        if (t->label[0])
            draw_segment(cr, v->left, y, v->width, 0);
        cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
        draw_segment(cr, v->left, y, t->label[0] ? -TICK_LENGTH : -0.5 * TICK_LENGTH, 0);
        draw_text(cr, &TICK_LABEL, v->left - TICK_LENGTH - 3, y + 3.4, 1, INFINITY, t->label);
    }
    cairo_save(cr);
    cairo_translate(cr, v->cell_left + 10, v->top + 0.5 * v->height);
    cairo_rotate(cr, -0.5 * acos(-1));
    draw_text(cr, &AXIS_LABEL, 0, 0, 0.5, v->height, v->panel->y_label);
    cairo_restore(cr);
}

static void draw_frame(cairo_t *cr, const view *v)
{
    cairo_set_line_width(cr, 0.75);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_SQUARE);
    cairo_set_dash(cr, NULL, 0, 0);
    if (v->empty) {
        draw_text(cr, &SUBTITLE, v->left + 0.5 * v->width, v->top + 0.5 * v->height, 0.5, v->width,
                  "no data");
    } else {
        draw_x_axis(cr, v);
        draw_y_axis(cr, v);
    }
    cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
    draw_segment(cr, v->left, v->top, 0, v->height);
    draw_segment(cr, v->left, v->top + v->height, v->width, 0);
}

static void draw_panel(cairo_t *cr, const view *v)
{
    const dcl__panel *panel = v->panel;
    double y = v->cell_top;
    draw_text(cr, &TITLE, v->left, y + 12, 0, v->width, panel->title);
    y += panel->title ? TITLE_HEIGHT : 0;
    draw_text(cr, &NOTE, v->left, y + 9, 0, v->width, panel->note);
    y += panel->note ? NOTE_HEIGHT : 0;
    set_legend(cr, v, y, 1);
    draw_frame(cr, v);
    if (v->empty)
        return;
    for (int i = 0; i < panel->series_count; i++)
        draw_series(cr, v, &panel->series[i]);
    for (int i = 0; i < panel->level_count; i++)
        draw_level(cr, v, &panel->levels[i]);
}

/* ---- Layout ------------------------------------------------------------------------------------ */

static double cell_width(const dcl__page *page)
{
    return (PAGE_WIDTH - 2.0 * MARGIN - GAP * (page->columns - 1.0)) / page->columns;
}

/* Gives the frames of one column the same edges, wide enough for every label left of them. */
static void lay_column(cairo_t *cr, const layout *l, int column)
{
    const dcl__page *page = l->page;
    double cell = cell_width(page), room = 0, left = MARGIN + column * (cell + GAP);
    for (int i = column; i < page->panel_count; i += page->columns) {
        view *v = &l->views[i];
        v->height = fmin(0.58 * cell, HIGHEST_FRAME);
        if (!v->empty)
            make_spaced_ticks(&v->y, v->height, 34);
        double label = v->panel->y_label ? AXIS_LABEL_HEIGHT : 0;
        room = fmax(room, label + widest_label(cr, &v->y) + TICK_LENGTH + 3);
    }
    for (int i = column; i < page->panel_count; i += page->columns) {
        view *v = &l->views[i];
        v->cell_left = left;
        v->left = left + room;
        v->width = cell - room - RIGHT_SPACE;
        if (!v->empty)
            make_x_ticks(cr, v);
    }
}

/* Gives the frames of one row the same height and place, below the longest head; returns where it ends. */
static double lay_row(cairo_t *cr, const layout *l, int first, double top)
{
    double head = 0, bottom = top;
    int end = first + l->page->columns;
    for (int i = first; i < end && i < l->page->panel_count; i++) {
        const view *v = &l->views[i];
        double texts = (v->panel->title ? TITLE_HEIGHT : 0) + (v->panel->note ? NOTE_HEIGHT : 0);
        head = fmax(head, texts + set_legend(cr, v, 0, 0) + 6);
    }
    for (int i = first; i < end && i < l->page->panel_count; i++) {
        view *v = &l->views[i];
        double label = v->panel->x_label ? AXIS_LABEL_HEIGHT : 0;
        v->cell_top = top;
        v->top = top + head;
        bottom = fmax(bottom, v->top + v->height + TICK_HEIGHT + label);
    }
    return bottom;
}

static void lay_page(cairo_t *cr, layout *l)
{
    const dcl__page *page = l->page;
    for (int i = 0; i < page->panel_count; i++) {
        l->views[i].panel = &page->panels[i];
        measure_panel(&l->views[i]);
    }
    for (int column = 0; column < page->columns; column++)
        lay_column(cr, l, column);
    double y = MARGIN + (page->title ? 24 : 0) + (page->subtitle ? 18 : 0);
    y += page->title || page->subtitle ? 12 : 0;
    for (int first = 0; first < page->panel_count; first += page->columns)
        y = lay_row(cr, l, first, y) + GAP;
    l->height = ceil(y - GAP + MARGIN);
}

/* Without this, texts would be measured in whole pixels and SVG and PNG would differ. */
static void use_exact_fonts(cairo_t *cr)
{
    cairo_font_options_t *options = cairo_font_options_create();
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cr, options);
    cairo_font_options_destroy(options);
}

static cairo_status_t make_layout(layout *l)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1);
    cairo_t *cr = cairo_create(surface);
    use_exact_fonts(cr);
    lay_page(cr, l);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t draw_page(cairo_surface_t *surface, const layout *l, double scale)
{
    double room = PAGE_WIDTH - 2 * MARGIN;
    cairo_t *cr = cairo_create(surface);
    use_exact_fonts(cr);
    cairo_scale(cr, scale, scale);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    draw_text(cr, &PAGE_TITLE, MARGIN, MARGIN + 15, 0, room, l->page->title);
    draw_text(cr, &SUBTITLE, MARGIN, MARGIN + (l->page->title ? 24 : 0) + 11, 0, room, l->page->subtitle);
    for (int i = 0; i < l->page->panel_count; i++)
        draw_panel(cr, &l->views[i]);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    return status;
}

/* ---- Files ------------------------------------------------------------------------------------- */

/* One of the two files while it is written. */
typedef struct picture {
    const char *name;
    dcl__output output;          /* zeros while it is not open                                       */
    int write_error;             /* errno of the first write that failed                             */
} picture;

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned length)
{
    picture *to = closure;
    errno = 0;
    if (fwrite(bytes, 1, length, to->output.stream) == length)
        return CAIRO_STATUS_SUCCESS;
    to->write_error = to->write_error ? to->write_error : errno;
    return CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t write_svg(const layout *l, picture *to)
{
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_bytes, to, PAGE_WIDTH, l->height);
    cairo_status_t status = draw_page(surface, l, 1);
    cairo_surface_finish(surface);
    status = status ? status : cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t write_png(const layout *l, picture *to)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAGE_WIDTH * PIXELS_PER_POINT,
                                                          (int)(l->height * PIXELS_PER_POINT));
    cairo_status_t status = draw_page(surface, l, PIXELS_PER_POINT);
    status = status ? status : cairo_surface_write_to_png_stream(surface, write_bytes, to);
    cairo_surface_destroy(surface);
    return status;
}

static dcl_status check_cairo(cairo_status_t status, const picture *p, dcl_error *error)
{
    if (status == CAIRO_STATUS_SUCCESS)
        return DCL_OK;
    const char *reason = p->write_error ? strerror(p->write_error) : cairo_status_to_string(status);
    return dcl__fail(error, status == CAIRO_STATUS_NO_MEMORY ? DCL_ENOMEM : DCL_EIO,
                     "%s: the picture cannot be written: %s", p->name, reason);
}

static dcl_status draw_picture(const layout *l, picture *to,
                               cairo_status_t (*draw)(const layout *, picture *), dcl_error *error)
{
    if (!to->name)
        return DCL_OK;
    dcl_status status = dcl__output_open(to->name, &to->output, error);
    return status ? status : check_cairo(draw(l, to), to, error);
}

static dcl_status commit_picture(picture *p, dcl_error *error)
{
    return p->name ? dcl__output_commit(&p->output, error) : DCL_OK;
}

static dcl_status write_pictures(const layout *l, picture *svg, picture *png, dcl_error *error)
{
    dcl_status status = draw_picture(l, svg, write_svg, error);
    if (!status)
        status = draw_picture(l, png, write_png, error);
    if (!status)
        status = commit_picture(svg, error);
    if (!status)
        status = commit_picture(png, error);
    dcl__output_discard(&svg->output);
    dcl__output_discard(&png->output);
    return status;
}

dcl_status dcl__plot_write(const char *svg_file, const char *png_file, const dcl__page *page,
                           dcl_error *error)
{
    if (page->panel_count < 1 || page->columns < 1 || page->columns > MOST_COLUMNS)
        return dcl__fail(error, DCL_EINVAL,
                         "a picture needs at least 1 panel and 1 to %d columns, not %d panels in %d columns",
                         MOST_COLUMNS, page->panel_count, page->columns);
    if (!svg_file && !png_file)
        return DCL_OK;
    size_t count = (size_t)page->panel_count;
    picture svg = {.name = svg_file}, png = {.name = png_file};
    layout l = {.page = page, .views = calloc(count, sizeof *l.views)};
    if (!l.views)
        return dcl__no_memory(error, "the layout of a picture", (int64_t)(count * sizeof *l.views));
    dcl_status status = check_cairo(make_layout(&l), svg_file ? &svg : &png, error);
    if (!status)
        status = write_pictures(&l, &svg, &png, error);
    free(l.views);
    return status;
}
