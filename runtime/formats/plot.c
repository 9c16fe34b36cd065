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
#include "formats/plot_series.h"
#include "formats/plot_text.h"

/* ---- Measures ---- */

/* In points, where they are lengths. */
enum {
    MARGIN = 24, GAP = 22, TICK_LENGTH = 4, TICK_HEIGHT = 17, AXIS_LABEL_HEIGHT = 17, RIGHT_SPACE = 10,
    TITLE_HEIGHT = 18, NOTE_HEIGHT = 14, LEGEND_HEIGHT = 15, LEGEND_SPACE = 10, MOST_COLUMNS = 4, MOST_LINES = 3
};

/* ---- Records ---- */

/* A panel with its place on the page: of the cell, and of the frame inside it. */
typedef struct view {
    const dcl__panel *panel;
    dcl__frame frame;
    int empty;
    double cell_left, cell_top;
} view;

typedef struct layout {
    const dcl__page *page;
    double height;
    view *views;
} layout;

/* ---- Ranges of the axes ---- */

static int has_bars(const dcl__panel *panel)
{
    for (int i = 0; i < panel->series_count; i++)
        if (panel->series[i].style == DCL__BARS)
            return 1;
    return 0;
}

static void measure_panel(view *v)
{
    dcl__frame *f = &v->frame;
    const dcl__panel *panel = v->panel;
    f->x = (dcl__axis){.logarithmic = panel->log_x, .integral = 1, .low = INFINITY, .high = -INFINITY};
    f->y = (dcl__axis){.logarithmic = panel->log_y, .integral = 1, .low = INFINITY, .high = -INFINITY};
    f->x.least = -INFINITY;
    f->y.least = panel->least > 0 ? panel->least : -INFINITY;
    f->bar_gap = INFINITY;
    for (int i = 0; i < panel->series_count; i++)
        dcl__series_measure(f, &panel->series[i]);
    v->empty = f->x.low > f->x.high;
    if (v->empty)
        return;
    if (has_bars(panel)) {
        f->bar_gap = isinf(f->bar_gap) ? 1 : f->bar_gap;
        dcl__axis_widen(&f->x, f->x.low - 0.5 * f->bar_gap);
        dcl__axis_widen(&f->x, f->x.high + 0.5 * f->bar_gap);
    }
    if (panel->zero_x && !panel->log_x)
        dcl__axis_widen(&f->x, 0);
    if ((panel->zero_y || has_bars(panel)) && !panel->log_y)
        dcl__axis_widen(&f->y, 0);
    for (int i = 0; i < panel->level_count; i++)
        if (dcl__axis_shows(&f->y, panel->levels[i].value))
            dcl__axis_cover(&f->y, panel->levels[i].value);
    dcl__axis_pad(&f->x);
    dcl__axis_pad(&f->y);
}

/* ---- Legend ---- */

static dcl__series legend_entry(const dcl__panel *panel, int i)
{
    if (i < panel->series_count)
        return panel->series[i];
    const dcl__level *level = &panel->levels[i - panel->series_count];
    return (dcl__series){.label = level->label, .style = DCL__LINE, .color = level->color, .dashed = 1};
}

/* Sets the legend in rows from `top` on, as wide as the cell allows; returns its height. Without `paint` it
 * is only measured. */
static double set_legend(cairo_t *cr, const view *v, double top, int paint)
{
    double x = 0, y = 0, height = 0, room = v->frame.width + RIGHT_SPACE;
    for (int i = 0; i < v->panel->series_count + v->panel->level_count; i++) {
        dcl__series entry = legend_entry(v->panel, i);
        if (!entry.label)
            continue;
        double width = fmin(DCL__LEGEND_KEY + dcl__text_width(cr, DCL__LEGEND, entry.label), room);
        if (x > 0 && x + width > room) {
            x = 0;
            y += LEGEND_HEIGHT;
        }
        if (paint) {
            dcl__series_draw_key(cr, &entry, v->frame.left + x, top + y + 7.5);
            dcl__text_draw(cr, DCL__LEGEND, v->frame.left + x + DCL__LEGEND_KEY, top + y + 11, 0,
                           room - DCL__LEGEND_KEY, entry.label);
        }
        x += width + LEGEND_SPACE;
        height = y + LEGEND_HEIGHT;
    }
    return height;
}

/* ---- Head of the page ---- */

/* Sets a text in lines across the page, from `top` on; returns their height. The last line that there may be is cut.
 * Without `paint` they are only measured. */
static double set_lines(cairo_t *cr, int style, double top, double height, double base, const char *text, int paint)
{
    const double room = DCL__PAGE_WIDTH - 2 * MARGIN;
    double used = 0;
    for (int line = 1; text && *text; line++) {
        char words[DCL__TEXT_SIZE];
        size_t length = line < MOST_LINES ? dcl__text_break(cr, style, room, text) : strlen(text);
        snprintf(words, sizeof words, "%.*s", (int)fmin((double)length, sizeof words), text);
        if (paint)
            dcl__text_draw(cr, style, MARGIN, top + used + base, 0, room, words);
        text += length + strspn(text + length, " ");
        used += height;
    }
    return used;
}

/* Title and subtitle; returns their height with the space below. */
static double set_head(cairo_t *cr, const dcl__page *page, int paint)
{
    double y = set_lines(cr, DCL__PAGE_TITLE, MARGIN, 24, 15, page->title, paint);
    y += set_lines(cr, DCL__SUBTITLE, MARGIN + y, 18, 11, page->subtitle, paint);
    return y > 0 ? y + 12 : 0;
}

/* ---- Panels ---- */

/* The small line under the title. */
static const char *note_of(const view *v)
{
    return v->panel->note || !v->frame.y.cut ? v->panel->note : "smaller values are drawn on the lower edge";
}

static void draw_axis_label(cairo_t *cr, double x, double y, double room, const char *label, int logarithmic)
{
    char marked[128];
    if (!label)
        return;
    snprintf(marked, sizeof marked, "%s%s", label, logarithmic ? " (log)" : "");
    dcl__text_draw(cr, DCL__AXIS_LABEL, x, y, 0.5, room, marked);
}

static void draw_x_axis(cairo_t *cr, const view *v)
{
    const dcl__frame *f = &v->frame;
    double bottom = f->top + f->height;
    for (int i = 0; i < f->x.tick_count; i++) {
        const dcl__tick *t = &f->x.ticks[i];
        double x = dcl__frame_x(f, t->place);
        cairo_set_source_rgb(cr, 0.90, 0.90, 0.90);
        if (t->label[0])
            dcl__segment_draw(cr, x, f->top, 0, f->height);
        cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
        dcl__segment_draw(cr, x, bottom, 0, t->label[0] ? TICK_LENGTH : 0.5 * TICK_LENGTH);
        dcl__text_draw(cr, DCL__TICK_LABEL, x, bottom + TICK_LENGTH + 10, 0.5, INFINITY, t->label);
    }
    draw_axis_label(cr, f->left + 0.5 * f->width, bottom + TICK_HEIGHT + 13, f->width, v->panel->x_label,
                    f->x.logarithmic);
}

static void draw_y_axis(cairo_t *cr, const view *v)
{
    const dcl__frame *f = &v->frame;
    for (int i = 0; i < f->y.tick_count; i++) {
        const dcl__tick *t = &f->y.ticks[i];
        double y = dcl__frame_y(f, t->place);
        cairo_set_source_rgb(cr, 0.90, 0.90, 0.90);
        if (t->label[0])
            dcl__segment_draw(cr, f->left, y, f->width, 0);
        cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
        dcl__segment_draw(cr, f->left, y, t->label[0] ? -TICK_LENGTH : -0.5 * TICK_LENGTH, 0);
        dcl__text_draw(cr, DCL__TICK_LABEL, f->left - TICK_LENGTH - 3, y + 3.4, 1, INFINITY, t->label);
    }
    cairo_save(cr);
    cairo_translate(cr, v->cell_left + 10, f->top + 0.5 * f->height);
    cairo_rotate(cr, -0.5 * acos(-1));
    draw_axis_label(cr, 0, 0, f->height + 2 * TICK_HEIGHT, v->panel->y_label, f->y.logarithmic);
    cairo_restore(cr);
}

static void draw_frame(cairo_t *cr, const view *v)
{
    const dcl__frame *f = &v->frame;
    cairo_set_line_width(cr, 0.75);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_SQUARE);
    cairo_set_dash(cr, NULL, 0, 0);
    if (v->empty) {
        dcl__text_draw(cr, DCL__SUBTITLE, f->left + 0.5 * f->width, f->top + 0.5 * f->height, 0.5, f->width,
                       v->panel->empty ? v->panel->empty : "no data");
    } else {
        draw_x_axis(cr, v);
        draw_y_axis(cr, v);
    }
    cairo_set_source_rgb(cr, 0.40, 0.40, 0.40);
    dcl__segment_draw(cr, f->left, f->top, 0, f->height);
    dcl__segment_draw(cr, f->left, f->top + f->height, f->width, 0);
}

static void draw_panel(cairo_t *cr, const view *v)
{
    const dcl__frame *f = &v->frame;
    const dcl__panel *panel = v->panel;
    double y = v->cell_top;
    dcl__text_draw(cr, DCL__TITLE, f->left, y + 12, 0, f->width, panel->title);
    y += panel->title ? TITLE_HEIGHT : 0;
    dcl__text_draw(cr, DCL__NOTE, f->left, y + 9, 0, f->width, note_of(v));
    y += note_of(v) ? NOTE_HEIGHT : 0;
    set_legend(cr, v, y, 1);
    draw_frame(cr, v);
    if (v->empty)
        return;
    for (int i = 0; i < panel->series_count; i++)
        dcl__series_draw(cr, f, &panel->series[i]);
    for (int i = 0; i < panel->level_count; i++)
        dcl__level_draw(cr, f, &panel->levels[i]);
}

/* ---- Layout ---- */

static double cell_width(const dcl__page *page)
{
    return (DCL__PAGE_WIDTH - 2.0 * MARGIN - GAP * (page->columns - 1.0)) / page->columns;
}

/* Gives the frames of one column the same edges, wide enough for every label left of them. */
static void lay_column(cairo_t *cr, const layout *l, int column)
{
    const dcl__page *page = l->page;
    double cell = cell_width(page), room = 0, left = MARGIN + column * (cell + GAP);
    for (int i = column; i < page->panel_count; i += page->columns) {
        view *v = &l->views[i];
        v->frame.height = fmin(0.58 * cell, DCL__HIGHEST_FRAME);
        if (!v->empty)
            dcl__axis_make_ticks(&v->frame.y, v->frame.height, 34);
        double label = v->panel->y_label ? AXIS_LABEL_HEIGHT : 0;
        room = fmax(room, label + dcl__axis_widest_label(cr, &v->frame.y) + TICK_LENGTH + 3);
    }
    for (int i = column; i < page->panel_count; i += page->columns) {
        view *v = &l->views[i];
        v->cell_left = left;
        v->frame.left = left + room;
        v->frame.width = cell - room - RIGHT_SPACE;
        if (!v->empty)
            dcl__axis_make_row_ticks(cr, &v->frame.x, v->frame.width, 56);
    }
}

/* Gives the frames of one row the same height and place, below the longest head; returns where it ends. */
static double lay_row(cairo_t *cr, const layout *l, int first, double top)
{
    double head = 0, bottom = top;
    int end = first + l->page->columns;
    for (int i = first; i < end && i < l->page->panel_count; i++) {
        const view *v = &l->views[i];
        double texts = (v->panel->title ? TITLE_HEIGHT : 0) + (note_of(v) ? NOTE_HEIGHT : 0);
        head = fmax(head, texts + set_legend(cr, v, 0, 0) + 6);
    }
    for (int i = first; i < end && i < l->page->panel_count; i++) {
        view *v = &l->views[i];
        double label = v->panel->x_label ? AXIS_LABEL_HEIGHT : 0;
        v->cell_top = top;
        v->frame.top = top + head;
        bottom = fmax(bottom, v->frame.top + v->frame.height + TICK_HEIGHT + label);
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
    double y = MARGIN + set_head(cr, page, 0);
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
    cairo_t *cr = cairo_create(surface);
    use_exact_fonts(cr);
    cairo_scale(cr, scale, scale);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    set_head(cr, l->page, 1);
    for (int i = 0; i < l->page->panel_count; i++)
        draw_panel(cr, &l->views[i]);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    return status;
}

/* ---- Files ---- */

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
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(write_bytes, to, DCL__PAGE_WIDTH,
                                                                   l->height);
    cairo_status_t status = draw_page(surface, l, 1);
    cairo_surface_finish(surface);
    status = status ? status : cairo_surface_status(surface);
    cairo_surface_destroy(surface);
    return status;
}

static cairo_status_t write_png(const layout *l, picture *to)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24,
                                                          DCL__PAGE_WIDTH * DCL__PIXELS_PER_POINT,
                                                          (int)(l->height * DCL__PIXELS_PER_POINT));
    cairo_status_t status = draw_page(surface, l, DCL__PIXELS_PER_POINT);
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
