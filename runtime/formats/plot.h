/* plot.h: draws one page of panels and writes it as SVG and PNG.
 *
 * The page is described by plain records; the axes, ticks, margins and legends follow from the data.
 * Legends stand above the frame, so that they never cover data. The caller owns everything it passes
 * and may free it after the call.
 */
#ifndef DCL__PLOT_H
#define DCL__PLOT_H

#include "dropcl/dropcl.h"

/* Colours that colour-blind readers tell apart (Okabe and Ito, 2008), the clearest first. */
enum {
    DCL__BLUE, DCL__VERMILION, DCL__GREEN, DCL__ORANGE, DCL__PURPLE, DCL__SKY, DCL__BLACK, DCL__YELLOW,
    DCL__COLORS
};

/* A marked line is thin, with a point at each place that the series has. Bars stand on 0, or on the lower edge of a
 * logarithmic axis. */
enum { DCL__LINE, DCL__POINTS, DCL__BARS, DCL__MARKED };

/* `count` points. A point is left out, and a line has a gap there, when a coordinate is NaN or beyond
 * 1e300, or not above 1e-300 on a logarithmic axis. Long series are thinned to what the page can show;
 * a line is thinned well only when x does not jump back and forth. */
typedef struct dcl__series {
    const char *label;           /* in the legend; NULL: not there                                   */
    int64_t count;
    const double *x;             /* NULL: 1, 2, 3, ...                                               */
    const double *y;
    int style;                   /* DCL__LINE, ...                                                   */
    int color;                   /* DCL__BLUE, ...                                                   */
    int dashed;                  /* lines only                                                       */
    double pale;                 /* lines and points: 0 is the full colour, 1 is white               */
    double thickness;            /* of lines, diameter of points; 0: 1.4 and 3.6 points              */
} dcl__series;

/* A dashed horizontal line across the panel. Left out where a point would be. */
typedef struct dcl__level {
    const char *label;           /* in the legend; NULL: not there                                   */
    double value;
    int color;
} dcl__level;

/* One pair of axes. Series are drawn in their order, levels over them. Texts may be NULL; those that are
 * too long are cut with an ellipsis, and bytes that are not UTF-8 are shown as '?'. Labels of logarithmic
 * axes say that they are. */
typedef struct dcl__panel {
    const char *title, *note;    /* the note is a small line under the title                         */
    const char *x_label, *y_label;
    int log_x, log_y;
    const dcl__series *series;
    int series_count;
    const dcl__level *levels;
    int level_count;
    int zero_x, zero_y;          /* a linear axis that begins at 0: of counts and times              */
    double least;                /* y below it is drawn on the lower edge, and the note says so; 0: nothing is, as it
                                    would stretch a logarithmic axis over decades that say nothing   */
    const char *empty;           /* said where there is nothing to draw; NULL: "no data"             */
} dcl__panel;

/* Panels fill the page row by row. Title and subtitle go on in further lines where one is too short. */
typedef struct dcl__page {
    const char *title, *subtitle;
    const dcl__panel *panels;
    int panel_count;             /* at least 1                                                       */
    int columns;                 /* 1 to 4                                                           */
} dcl__page;

/* Writes the page, 800 points wide, to `svg_file`, and with the same geometry, 1600 pixels wide, to
 * `png_file`; either may be NULL. Both files appear whole and together at the end, or not at all, save
 * that the SVG stays when the very last step of the PNG, its renaming, fails. The same page gives the
 * same PNG bytes. DCL_EINVAL: a page without panels or with unfit columns. DCL_EIO: a file cannot be
 * written. DCL_ENOMEM. [any-thread] */
dcl_status dcl__plot_write(const char *svg_file, const char *png_file, const dcl__page *page,
                           dcl_error *error);

#endif
