/* plot_series.c: draws series and levels into a frame, and their keys for a legend. */
#include "formats/plot_series.h"

#include <math.h>

/* Bars cover much of the page and are paler than lines. */
static const double BAR_STRENGTH = 0.7;

/* In the order of DCL__BLUE and the others. */
static const double PALETTE[DCL__COLORS][3] = {
    {0.000, 0.447, 0.698}, {0.835, 0.369, 0.000}, {0.000, 0.620, 0.451}, {0.902, 0.624, 0.000},
    {0.800, 0.475, 0.655}, {0.337, 0.706, 0.914}, {0.150, 0.150, 0.150}, {0.941, 0.894, 0.259}
};

typedef struct point {
    double x, y;
} point;

/* ---- Measuring ---- */

static double series_x(const dcl__series *series, int64_t i)
{
    return series->x ? series->x[i] : (double)(i + 1);
}

/* NaN stays what it is. */
static double series_y(const dcl__frame *f, const dcl__series *series, int64_t i)
{
    return series->y[i] < f->y.least ? f->y.least : series->y[i];
}

static int is_point_visible(const dcl__frame *f, const dcl__series *series, int64_t i)
{
    return dcl__axis_shows(&f->x, series_x(series, i)) && dcl__axis_shows(&f->y, series_y(f, series, i));
}

void dcl__series_measure(dcl__frame *f, const dcl__series *series)
{
    double previous = NAN;
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(f, series, i))
            continue;
        double value = series_x(series, i), place = dcl__axis_place(&f->x, value);
        double gap = fabs(place - previous);
        dcl__axis_cover(&f->x, value);
        dcl__axis_cover(&f->y, series_y(f, series, i));
        f->y.cut |= series->y[i] < f->y.least;
        if (series->style == DCL__BARS && gap > 0 && gap < f->bar_gap)
            f->bar_gap = gap;
        previous = place;
    }
}

/* ---- Colours and lines ---- */

/* `strength` 1 is the full colour, 0 is white. */
static void use_color(cairo_t *cr, int color, double strength)
{
    const double *rgb = PALETTE[(unsigned)color % DCL__COLORS], white = 1 - strength;
    cairo_set_source_rgb(cr, strength * rgb[0] + white, strength * rgb[1] + white, strength * rgb[2] + white);
}

static void use_line(cairo_t *cr, int color, int dashed, double pale, double thickness)
{
    static const double dashes[] = {5, 3};
    use_color(cr, color, 1 - pale);
    cairo_set_line_width(cr, thickness > 0 ? thickness : 1.4);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cr, dashed ? CAIRO_LINE_CAP_BUTT : CAIRO_LINE_CAP_ROUND);
    cairo_set_dash(cr, dashes, dashed ? 2 : 0, 0);
}

/* The thickness of a marked line is that of its points. */
static double line_thickness(const dcl__series *series)
{
    return series->style == DCL__MARKED ? 0.6 : series->thickness;
}

void dcl__segment_draw(cairo_t *cr, double x, double y, double along, double down)
{
    cairo_move_to(cr, x, y);
    cairo_rel_line_to(cr, along, down);
    cairo_stroke(cr);
}

/* ---- Series ---- */

double dcl__frame_x(const dcl__frame *f, double place)
{
    return f->left + f->width * (place - f->x.low) / (f->x.high - f->x.low);
}

double dcl__frame_y(const dcl__frame *f, double place)
{
    return f->top + f->height * (f->y.high - place) / (f->y.high - f->y.low);
}

static point locate(const dcl__frame *f, const dcl__series *series, int64_t i)
{
    double x = dcl__axis_place(&f->x, series_x(series, i)), y = dcl__axis_place(&f->y, series_y(f, series, i));
    return (point){dcl__frame_x(f, x), dcl__frame_y(f, y)};
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
    double column = floor(to.x * DCL__PIXELS_PER_POINT);
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

static void draw_line_series(cairo_t *cr, const dcl__frame *f, const dcl__series *series)
{
    pen p = {.cr = cr};
    for (int64_t i = 0; i < series->count; i++) {
        if (is_point_visible(f, series, i))
            pen_add(&p, locate(f, series, i));
        else
            pen_lift(&p);
    }
    pen_lift(&p);
    use_line(cr, series->color, series->dashed, series->pale, line_thickness(series));
    cairo_stroke(cr);
}

/* Adds a dot to the path: a stroke without length, which round caps make a disc. */
static void add_dot(cairo_t *cr, point at)
{
    cairo_move_to(cr, at.x, at.y);
    cairo_line_to(cr, at.x, at.y);
}

static void draw_dots(cairo_t *cr, const dcl__series *series)
{
    use_line(cr, series->color, 0, series->pale, series->thickness > 0 ? series->thickness : 3.6);
    cairo_stroke(cr);
}

/* Draws at most one dot in each small cell of the frame: more would lie on each other. */
static void draw_point_series(cairo_t *cr, const dcl__frame *f, const dcl__series *series)
{
    enum { CELL = 2, ACROSS = DCL__PAGE_WIDTH / CELL, DOWN = DCL__HIGHEST_FRAME / CELL + 1 };
    unsigned char taken[DOWN][ACROSS] = {{0}};
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(f, series, i))
            continue;
        point at = locate(f, series, i);
        unsigned char *cell = &taken[(int)(at.y - f->top) / CELL][(int)(at.x - f->left) / CELL];
        if (!*cell)
            add_dot(cr, at);
        *cell = 1;
    }
    draw_dots(cr, series);
}

/* Draws, of the bars in one pixel column, the longest in each direction. */
static void draw_bar_series(cairo_t *cr, const dcl__frame *f, const dcl__series *series)
{
    struct {
        double middle, top, bottom;
    } columns[DCL__PAGE_WIDTH * DCL__PIXELS_PER_POINT] = {{0}};
    double base = dcl__frame_y(f, f->y.logarithmic ? f->y.low : 0);
    double width = fmax(0.78 * f->width * f->bar_gap / (f->x.high - f->x.low), 1.0 / DCL__PIXELS_PER_POINT);
    for (int64_t i = 0; i < series->count; i++) {
        if (!is_point_visible(f, series, i))
            continue;
        point end = locate(f, series, i);
        int column = (int)(end.x * DCL__PIXELS_PER_POINT);
        columns[column].middle = end.x;
        columns[column].top = fmax(columns[column].top, base - end.y);
        columns[column].bottom = fmax(columns[column].bottom, end.y - base);
    }
    for (int i = 0; i < DCL__PAGE_WIDTH * DCL__PIXELS_PER_POINT; i++) {
        double length = columns[i].top + columns[i].bottom;
        if (length > 0)
            cairo_rectangle(cr, columns[i].middle - 0.5 * width, base - columns[i].top, width, length);
    }
    use_color(cr, series->color, BAR_STRENGTH);
    cairo_fill(cr);
}

void dcl__series_draw(cairo_t *cr, const dcl__frame *f, const dcl__series *series)
{
    if (series->style == DCL__BARS)
        draw_bar_series(cr, f, series);
    else if (series->style == DCL__POINTS)
        draw_point_series(cr, f, series);
    else
        draw_line_series(cr, f, series);
    if (series->style == DCL__MARKED)
        draw_point_series(cr, f, series);
}

void dcl__level_draw(cairo_t *cr, const dcl__frame *f, const dcl__level *level)
{
    if (!dcl__axis_shows(&f->y, level->value))
        return;
    use_line(cr, level->color, 1, 0, 0);
    dcl__segment_draw(cr, f->left, dcl__frame_y(f, dcl__axis_place(&f->y, level->value)), f->width, 0);
}

void dcl__series_draw_key(cairo_t *cr, const dcl__series *entry, double x, double y)
{
    if (entry->style == DCL__BARS) {
        use_color(cr, entry->color, BAR_STRENGTH);
        cairo_rectangle(cr, x + 2, y - 4, 8, 8);
        cairo_fill(cr);
    } else if (entry->style == DCL__POINTS) {
        add_dot(cr, (point){x + 6, y});
        draw_dots(cr, entry);
    } else {
        use_line(cr, entry->color, entry->dashed, entry->pale, line_thickness(entry));
        dcl__segment_draw(cr, x, y, DCL__LEGEND_KEY - 4, 0);
    }
    if (entry->style == DCL__MARKED) {
        add_dot(cr, (point){x + 6, y});
        draw_dots(cr, entry);
    }
}
