/* plot_axis.h: axes of pictures: their scales, ranges and ticks. */
#ifndef DCL__PLOT_AXIS_H
#define DCL__PLOT_AXIS_H

#include <cairo.h>

enum { DCL__MOST_TICKS = 160 };

typedef struct dcl__tick {
    double place;                /* on the scale of the axis                                         */
    char label[64];              /* "": a minor tick                                                 */
} dcl__tick;

/* `low` and `high` are on the scale of the axis: the values themselves, or their decimal logarithms. */
typedef struct dcl__axis {
    int logarithmic, integral;   /* integral: all values are whole numbers, and so are the ticks     */
    double low, high;
    double least;                /* smaller values are drawn as this one; -INFINITY: none            */
    int cut;                     /* there are such values                                            */
    int tick_count;
    dcl__tick ticks[DCL__MOST_TICKS];
} dcl__axis;

/* Whether a value can be shown: it is finite and, on a logarithmic axis, positive. */
int dcl__axis_shows(const dcl__axis *a, double value);

/* The value on the scale of the axis. */
double dcl__axis_place(const dcl__axis *a, double value);

/* Makes the range cover a place on the scale. */
void dcl__axis_widen(dcl__axis *a, double place);

/* The same for a value that is shown, which makes the axis integral no more unless it is whole. */
void dcl__axis_cover(dcl__axis *a, double value);

/* Gives the range some air, and a width where the data have none. Data that are nowhere negative keep an
 * axis that is nowhere negative. */
void dcl__axis_pad(dcl__axis *a);

/* Makes ticks about `spacing` points apart on an axis of `length` points, or closer where fewer than three
 * would have labels; returns how many steps that took. */
int dcl__axis_make_ticks(dcl__axis *a, double length, double spacing);

/* The same for an axis whose labels stand in a row: fewer where they would touch. */
void dcl__axis_make_row_ticks(cairo_t *cr, dcl__axis *a, double length, double spacing);

/* The width of the widest label of a tick. */
double dcl__axis_widest_label(cairo_t *cr, const dcl__axis *a);

#endif
