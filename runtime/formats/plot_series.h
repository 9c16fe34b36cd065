/* plot_series.h: draws series and levels into a frame, and their keys for a legend. */
#ifndef DCL__PLOT_SERIES_H
#define DCL__PLOT_SERIES_H

#include <cairo.h>

#include "formats/plot.h"
#include "formats/plot_axis.h"

/* In points, unless said otherwise. */
enum {
    DCL__PAGE_WIDTH = 800, DCL__PIXELS_PER_POINT = 2, DCL__HIGHEST_FRAME = 300, DCL__LEGEND_KEY = 16
};

/* Where data are drawn: two axes, and the place on the page. */
typedef struct dcl__frame {
    dcl__axis x, y;
    double bar_gap;              /* smallest distance of two bars on the scale of the x axis         */
    double left, top, width, height;
} dcl__frame;

/* Widens the axes, and narrows the gap of bars, to what the series has. */
void dcl__series_measure(dcl__frame *f, const dcl__series *series);

/* The place on the page of a place on the scale of an axis. */
double dcl__frame_x(const dcl__frame *f, double place);
double dcl__frame_y(const dcl__frame *f, double place);

void dcl__series_draw(cairo_t *cr, const dcl__frame *f, const dcl__series *series);
void dcl__level_draw(cairo_t *cr, const dcl__frame *f, const dcl__level *level);

/* Draws a series' sign for the legend, from `x` on at the height `y`. */
void dcl__series_draw_key(cairo_t *cr, const dcl__series *entry, double x, double y);

/* Draws a straight line in the present style. */
void dcl__segment_draw(cairo_t *cr, double x, double y, double along, double down);

#endif
