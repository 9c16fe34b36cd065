/* picture.c: the picture of a factorization. */
#include "command/factorize/picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/error.h"
#include "formats/plot.h"

enum { MOST_VALUES = 100 };

/* The curves, taken apart from the records. */
typedef struct curves {
    double *step, *objective, *gap, *shrunk, *reached;
    int64_t values, known;       /* singular values shown, and of Y those that are known             */
} curves;

static dcl_status make_curves(const dcl_factorize_result *r, curves *c, dcl_error *error)
{
    size_t rows = (size_t)r->history_count;
    const int64_t shown = r->spectrum < MOST_VALUES ? r->spectrum : MOST_VALUES;
    size_t count = 3 * rows + 2 * (size_t)shown;
    double *room = malloc(count * sizeof *room);
    if (!room)
        return dcl__no_memory(error, "the picture", (int64_t)(count * sizeof *room));
    *c = (curves){room, room + rows, room + 2 * rows, room + 3 * rows, room + 3 * rows + shown, shown,
                  r->data_count < shown ? r->data_count : shown};
    for (size_t i = 0; i < rows; i++) {
        c->step[i] = (double)r->history[i].step;
        c->objective[i] = r->history[i].objective;
        c->gap[i] = r->history[i].gap;
    }
    for (int64_t i = 0; i < c->values; i++) {
        c->shrunk[i] = r->shrunk && i < r->data_count ? r->shrunk[i] : NAN;
        c->reached[i] = i < r->width ? r->product_values[i] : NAN;
    }
    return DCL_OK;
}

static dcl_status draw(const char *svg_file, const char *png_file, const char *title, const dcl_factorize_result *r,
                       const curves *c, dcl_error *error)
{
    char facts[256], data[64] = "Y";
    if (r->data_count < r->spectrum)
        snprintf(data, sizeof data, "Y (%lld of %lld computed)", (long long)r->data_count, (long long)r->spectrum);
    const dcl__series objective[] = {
        {"reached", r->history_count, c->step, c->objective, DCL__LINE, DCL__BLUE, 0, 0, 0}};
    const dcl__series gap[] = {{"gap", r->history_count, c->step, c->gap, DCL__LINE, DCL__VERMILION, 0, 0, 0}};
    const dcl__series values[] = {
        {data, c->known, NULL, r->data_values, DCL__LINE, DCL__BLACK, 0, 0, 0},
        {"optimum: Y shrunk by \xcf\x84", c->values, NULL, c->shrunk, DCL__LINE, DCL__ORANGE, 0, 0, 0},
        {"reached, U V\xe1\xb5\x80", c->values, NULL, c->reached, DCL__POINTS, DCL__BLUE, 0, 0, 0}};
    const int blocks = r->noise.block > 1, inexact = r->optimum.inexact;
    const dcl__series products[] = {{"reached", r->blocks, NULL, r->products, DCL__BARS, DCL__SKY, 0, 0, 0}};
    const dcl__level optimum[] = {{inexact ? "lower bound" : "closed-form optimum", r->optimum.minimum, DCL__BLACK}};
    const dcl__level balanced[] = {{inexact ? "of the lower bound" : "optimum", r->optimum.product, DCL__BLACK}};
    const dcl__panel panels[] = {
        {.title = "Objective", .x_label = "step", .y_label = "objective", .log_y = 1, .series = objective,
         .series_count = 1, .levels = optimum, .level_count = 1},
        {.title = inexact ? "Gap to the lower bound" : "Gap to the optimum", .x_label = "step",
         .y_label = inexact ? "(objective \xe2\x88\x92 bound) / objective"
                            : "(objective \xe2\x88\x92 optimum) / objective",
         .log_y = 1, .series = gap, .series_count = 1},
        {.title = "Singular values", .x_label = "index", .y_label = "value", .log_y = 1, .series = values,
         .series_count = 3, .least = DCL__LEAST_VALUE * (r->data_count ? r->data_values[0] : 0), .zero_x = 1},
        {.title = blocks ? "Weight of the blocks" : "Weight of the units", .x_label = blocks ? "block" : "unit",
         .y_label = blocks ? "\xe2\x80\x96U\xe1\xb5\xa2 V\xe1\xb5\xa2\xe1\xb5\x80\xe2\x80\x96"
                           : "\xe2\x80\x96u\xe1\xb5\xa2\xe2\x80\x96 \xe2\x80\x96v\xe1\xb5\xa2\xe2\x80\x96",
         .series = products, .series_count = 1, .levels = balanced, .level_count = 1, .zero_x = 1}};
    snprintf(facts, sizeof facts, "objective %.6g, %s %.6g, gap %.1e, rank %lld, balance error %.1e",
             r->assessment.objective, inexact ? "lower bound" : "optimum", r->optimum.minimum, r->relative_gap,
             (long long)r->assessment.rank, r->assessment.balance_error);
    const dcl__page page = {title, facts, panels, 4, 2};
    return dcl__plot_write(svg_file, png_file, &page, error);
}

dcl_status dcl__picture_write(const char *svg_file, const char *png_file, const char *title,
                              const dcl_factorize_result *result, dcl_error *error)
{
    curves c = {0};
    dcl_status status = make_curves(result, &c, error);
    if (status == DCL_OK)
        status = draw(svg_file, png_file, title, result, &c, error);
    free(c.step);
    return status;
}
