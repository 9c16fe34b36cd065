/* sheet.c: pages of curves that grow point by point, written as pictures and as a table. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/files.h"
#include "command/lab/lab.h"
#include "core/error.h"
#include "core/memory.h"
#include "formats/output.h"

/* Whether there is room for one more; there is always, unless an experiment was changed without its sheet. */
static int has_room(dcl__sheet *sheet, int count, int most)
{
    if (sheet->status == DCL_OK && count >= most)
        sheet->status = dcl__fail(&sheet->error, DCL_EINTERNAL, "a sheet has room for %d parts of a kind only", most);
    return sheet->status == DCL_OK;
}

/* Keeps a text, NULL for NULL. */
static const char *keep(dcl__sheet *sheet, const char *text)
{
    if (!text || !has_room(sheet, sheet->text_count, DCL__SHEET_TEXTS))
        return NULL;
    char *copy = dcl__copy_string(text, &sheet->error);
    if (!copy)
        sheet->status = DCL_ENOMEM;
    else
        sheet->texts[sheet->text_count++] = copy;
    return copy;
}

static const char *keep_formatted(dcl__sheet *sheet, const char *format, va_list arguments)
{
    char text[512];
    if (!format)
        return NULL;
    vsnprintf(text, sizeof text, format, arguments);
    return keep(sheet, text);
}

dcl__panel *dcl__sheet_panel(dcl__sheet *sheet, const char *title, const char *x_label, const char *y_label)
{
    if (has_room(sheet, sheet->panel_count, DCL__SHEET_PANELS))
        sheet->panel_count++;
    dcl__panel *panel = &sheet->panels[sheet->panel_count > 0 ? sheet->panel_count - 1 : 0];
    *panel = (dcl__panel){.title = keep(sheet, title), .x_label = keep(sheet, x_label),
                          .y_label = keep(sheet, y_label), .series = sheet->series + sheet->series_count,
                          .levels = sheet->levels + sheet->level_count};
    return panel;
}

void dcl__sheet_note(dcl__sheet *sheet, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (sheet->panel_count > 0)
        sheet->panels[sheet->panel_count - 1].note = keep_formatted(sheet, format, arguments);
    va_end(arguments);
}

int dcl__sheet_series(dcl__sheet *sheet, int style, int color, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *label = keep_formatted(sheet, format, arguments);
    va_end(arguments);
    if (!has_room(sheet, sheet->series_count, DCL__SHEET_SERIES) || sheet->panel_count == 0)
        return 0;
    sheet->series[sheet->series_count] = (dcl__series){.label = label, .style = style, .color = color};
    sheet->panels[sheet->panel_count - 1].series_count++;
    return sheet->series_count++;
}

void dcl__sheet_point(dcl__sheet *sheet, int series, double x, double y)
{
    dcl__series *s = &sheet->series[series];
    size_t count = (size_t)s->count;
    if (sheet->status == DCL_OK)
        sheet->status = dcl__grow(&sheet->x[series], sizeof x, count, &sheet->room_x[series], "a curve", &sheet->error);
    if (sheet->status == DCL_OK)
        sheet->status = dcl__grow(&sheet->y[series], sizeof y, count, &sheet->room_y[series], "a curve", &sheet->error);
    if (sheet->status)
        return;
    sheet->x[series][count] = x;
    sheet->y[series][count] = y;
    s->x = sheet->x[series];
    s->y = sheet->y[series];
    s->count++;
}

void dcl__sheet_level(dcl__sheet *sheet, int color, double value, const char *label)
{
    if (!has_room(sheet, sheet->level_count, DCL__SHEET_LEVELS) || sheet->panel_count == 0)
        return;
    sheet->levels[sheet->level_count++] = (dcl__level){keep(sheet, label), value, color};
    sheet->panels[sheet->panel_count - 1].level_count++;
}

/* ---- Files ---- */

/* A field of a table; texts are quoted, and hold no quotes of their own. */
static void write_row(FILE *stream, const char *panel, const char *series, double x, double y)
{
    fprintf(stream, "\"%s\",\"%s\",", panel ? panel : "", series ? series : "");
    if (!isnan(x))
        fprintf(stream, "%.9g", x);
    fprintf(stream, ",%.9g\n", y);
}

static void write_panel(FILE *stream, const dcl__panel *panel)
{
    for (int i = 0; i < panel->series_count; i++)
        for (int64_t j = 0; j < panel->series[i].count; j++)
            if (!isnan(panel->series[i].y[j]))
                write_row(stream, panel->title, panel->series[i].label, panel->series[i].x[j], panel->series[i].y[j]);
    for (int i = 0; i < panel->level_count; i++)
        write_row(stream, panel->title, panel->levels[i].label, NAN, panel->levels[i].value);
}

static dcl_status write_table(const dcl__sheet *sheet, const char *file, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl__output_open(file, &output, error);
    if (status)
        return status;
    fputs("panel,series,x,y\n", output.stream);
    for (int i = 0; i < sheet->panel_count; i++)
        write_panel(output.stream, &sheet->panels[i]);
    return dcl__output_commit(&output, error);
}

/* The path of a result of the experiment. */
static dcl__path result_file(const dcl__lab *lab, const char *name, const char *ending)
{
    char file[128];
    snprintf(file, sizeof file, "%s.%s", name, ending);
    return dcl__join(lab->folder, file);
}

dcl_status dcl__sheet_write(const dcl__sheet *sheet, const dcl__lab *lab, const char *name, const char *title,
                            const char *subtitle, int columns, dcl_error *error)
{
    const dcl__page page = {title, subtitle, sheet->panels, sheet->panel_count, columns};
    if (sheet->status) {
        if (error)
            *error = sheet->error;
        return sheet->status;
    }
    dcl_status status = write_table(sheet, result_file(lab, name, "csv").text, error);
    if (status == DCL_OK)
        status = dcl__results_replace(lab->folder, "lab", &(dcl__texts){.count = 0}, error);
    return status ? status : dcl__plot_write(result_file(lab, name, "svg").text, result_file(lab, name, "png").text,
                                             &page, error);
}

void dcl__sheet_free(dcl__sheet *sheet)
{
    for (int i = 0; i < sheet->series_count; i++) {
        free(sheet->x[i]);
        free(sheet->y[i]);
    }
    for (int i = 0; i < sheet->text_count; i++)
        free(sheet->texts[i]);
}
