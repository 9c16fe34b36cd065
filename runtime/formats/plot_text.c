/* plot_text.c: text in pictures: styles, widths, and fitting into the room there is. */
#include "formats/plot_text.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct text_style {
    double size, gray;
    cairo_font_weight_t weight;
} text_style;

static const text_style styles[] = {
    [DCL__PAGE_TITLE] = {17, 0.10, CAIRO_FONT_WEIGHT_BOLD},
    [DCL__SUBTITLE] = {11, 0.35, CAIRO_FONT_WEIGHT_NORMAL},
    [DCL__TITLE] = {12, 0.10, CAIRO_FONT_WEIGHT_BOLD},
    [DCL__NOTE] = {9.5, 0.40, CAIRO_FONT_WEIGHT_NORMAL},
    [DCL__LEGEND] = {9.5, 0.15, CAIRO_FONT_WEIGHT_NORMAL},
    [DCL__AXIS_LABEL] = {10.5, 0.15, CAIRO_FONT_WEIGHT_NORMAL},
    [DCL__TICK_LABEL] = {9.5, 0.25, CAIRO_FONT_WEIGHT_NORMAL}
};

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

/* Copies what fits of `text`, with room left for an ellipsis. File names may hold any bytes. */
static void clean_text(const char *text, char clean[DCL__TEXT_SIZE])
{
    const unsigned char *from = (const unsigned char *)text;
    size_t used = 0;
    while (*from && used < DCL__TEXT_SIZE - 8) {
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

static void use_text_style(cairo_t *cr, int style)
{
    const text_style *s = &styles[style];
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, s->weight);
    cairo_set_font_size(cr, s->size);
    cairo_set_source_rgb(cr, s->gray, s->gray, s->gray);
}

static double clean_width(cairo_t *cr, const char *clean)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cr, clean, &extents);
    return extents.x_advance;
}

/* Cleans the text and cuts it to `room`; returns its width. */
static double fit_text(cairo_t *cr, int style, double room, const char *text, char fit[DCL__TEXT_SIZE])
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

double dcl__text_width(cairo_t *cr, int style, const char *text)
{
    char fit[DCL__TEXT_SIZE];
    return fit_text(cr, style, INFINITY, text, fit);
}

size_t dcl__text_break(cairo_t *cr, int style, double room, const char *text)
{
    size_t fits = 0, end = strcspn(text, " ");
    do {
        char words[DCL__TEXT_SIZE];
        snprintf(words, sizeof words, "%.*s", (int)(end < sizeof words ? end : sizeof words), text);
        if (fits > 0 && dcl__text_width(cr, style, words) > room)
            break;
        fits = end;
        end += strspn(text + end, " ");
        end += strcspn(text + end, " ");
    } while (end > fits && end < DCL__TEXT_SIZE);
    return fits;
}

void dcl__text_draw(cairo_t *cr, int style, double x, double y, double align, double room, const char *text)
{
    char fit[DCL__TEXT_SIZE];
    double width = fit_text(cr, style, room, text ? text : "", fit);
    cairo_move_to(cr, x - align * width, y);
    cairo_show_text(cr, fit);
    cairo_new_path(cr);
}
