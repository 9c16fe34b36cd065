/* plot_axis.c: axes of pictures: their scales, ranges and ticks. */
#include "formats/plot_axis.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/plot_text.h"

/* Coordinates beyond these are left out, so that no span, tick or pad can overflow or lose its digits. */
static const double LARGEST = 1e300, SMALLEST = 1e-300;

/* From here on nobody counts, and further on all numbers are whole. */
static const double MOST_COUNTED = 1e9;

/* ---- Ranges ---- */

int dcl__axis_shows(const dcl__axis *a, double value)
{
    return a->logarithmic ? value >= SMALLEST && value <= LARGEST : fabs(value) <= LARGEST;
}

double dcl__axis_place(const dcl__axis *a, double value)
{
    return a->logarithmic ? log10(value) : value;
}

void dcl__axis_widen(dcl__axis *a, double place)
{
    a->low = fmin(a->low, place);
    a->high = fmax(a->high, place);
}

void dcl__axis_cover(dcl__axis *a, double value)
{
    dcl__axis_widen(a, dcl__axis_place(a, value));
    a->integral = a->integral && value == floor(value) && fabs(value) <= MOST_COUNTED;
}

void dcl__axis_pad(dcl__axis *a)
{
    double span = a->high - a->low, largest = fmax(fabs(a->low), fabs(a->high)), pad = 0.04 * span;
    if (span <= fmax(1e-9 * (a->logarithmic ? 1 : largest), SMALLEST)) {
        pad = a->logarithmic ? 0.5 : largest < SMALLEST || a->integral ? 1 : 0.1 * largest;
    }
    const double edge = a->cut ? dcl__axis_place(a, a->least) : !a->logarithmic && a->low >= 0 ? 0 : -INFINITY;
    a->high += pad;
    a->low = fmax(a->low - pad, edge);
}

/* ---- Ticks ---- */

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

static void add_tick(dcl__axis *a, double value, const char *label)
{
    double place = dcl__axis_place(a, value), slack = 1e-9 * (a->high - a->low);
    if (a->tick_count == DCL__MOST_TICKS || place < a->low - slack || place > a->high + slack)
        return;
    dcl__tick *next = &a->ticks[a->tick_count++];
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
static void add_linear_ticks(dcl__axis *a, double low, double high, int target)
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
static void add_decade_ticks(dcl__axis *a, int target)
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

static void make_ticks(dcl__axis *a, int target)
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

static int label_count(const dcl__axis *a)
{
    int count = 0;
    for (int i = 0; i < a->tick_count; i++)
        count += a->ticks[i].label[0] != '\0';
    return count;
}

int dcl__axis_make_ticks(dcl__axis *a, double length, double spacing)
{
    int least = (int)fmax(3, length / spacing), most = 2 * least, target = least;
    make_ticks(a, target);
    while (target < most && label_count(a) < 3)
        make_ticks(a, ++target);
    return target;
}

double dcl__axis_widest_label(cairo_t *cr, const dcl__axis *a)
{
    double widest = 0;
    for (int i = 0; i < a->tick_count; i++)
        widest = fmax(widest, dcl__text_width(cr, DCL__TICK_LABEL, a->ticks[i].label));
    return widest;
}

static int are_labels_crowded(cairo_t *cr, const dcl__axis *a, double length)
{
    double needed = dcl__axis_widest_label(cr, a) + 8, previous = -INFINITY;
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

void dcl__axis_make_row_ticks(cairo_t *cr, dcl__axis *a, double length, double spacing)
{
    int target = dcl__axis_make_ticks(a, length, spacing);
    while (target > 1 && are_labels_crowded(cr, a, length))
        make_ticks(a, --target);
}
