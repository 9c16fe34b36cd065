/* plot_text.h: text in pictures: styles, widths, and fitting into the room there is.
 *
 * Sizes are in points. Bytes that are not UTF-8 are shown as '?', because Cairo would refuse the whole
 * picture for one of them.
 */
#ifndef DCL__PLOT_TEXT_H
#define DCL__PLOT_TEXT_H

#include <cairo.h>
#include <stddef.h>

/* Styles. */
enum {
    DCL__PAGE_TITLE, DCL__SUBTITLE, DCL__TITLE, DCL__NOTE, DCL__LEGEND, DCL__AXIS_LABEL, DCL__TICK_LABEL
};

/* Bytes of a text that are drawn, at most. */
enum { DCL__TEXT_SIZE = 512 };

/* How many bytes of the text fit into `room`: whole words, one at least. */
size_t dcl__text_break(cairo_t *cr, int style, double room, const char *text);

/* The width of the text, uncut. */
double dcl__text_width(cairo_t *cr, int style, const char *text);

/* Writes text (NULL: none) on the base line `y`; `align` is the part of its width that lies left of `x`.
 * What is wider than `room` is cut with an ellipsis. */
void dcl__text_draw(cairo_t *cr, int style, double x, double y, double align, double room, const char *text);

#endif
