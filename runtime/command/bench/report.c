/* report.c: what `dropcl bench` prints: tables that Markdown takes, or JSON. */
#include "command/bench/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/tensor.h"
#include "formats/json.h"

/* ---- Tables ---- */

enum { MOST_COLUMNS = 12, MOST_ROWS = 128, CELL = 48 };

typedef struct table {
    int columns, rows;           /* row 0 is the head                                                */
    char cell[MOST_ROWS][MOST_COLUMNS][CELL];
} table;

/* Puts a cell behind the last one of the last row. */
__attribute__((format(printf, 3, 4)))
static void put(table *t, int *column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(t->cell[t->rows][(*column)++], CELL, format, arguments);
    va_end(arguments);
}

static void put_number(table *t, int *column, const char *format, double number)
{
    char text[CELL] = "-";
    if (!isnan(number))
        snprintf(text, sizeof text, format, number);
    put(t, column, "%s", text);
}

/* "12.3 (12.1..14.0)" */
static void put_spread(table *t, int *column, const char *format, dcl__spread spread, double scale)
{
    char median[CELL / 3], least[CELL / 3], most[CELL / 3];
    snprintf(median, sizeof median, format, spread.median * scale);
    snprintf(least, sizeof least, format, spread.least * scale);
    snprintf(most, sizeof most, format, spread.most * scale);
    put(t, column, "%s (%s..%s)", median, least, most);
}

static void print_row(const table *t, int row, const int *width)
{
    for (int c = 0; c < t->columns; c++)
        printf(c == 0 ? "| %-*s |" : " %*s |", width[c], t->cell[row][c]);
    putchar('\n');
}

static void print_table(const table *t)
{
    int width[MOST_COLUMNS] = {0};
    for (int r = 0; r < t->rows; r++)
        for (int c = 0; c < t->columns; c++)
            width[c] = (int)strlen(t->cell[r][c]) > width[c] ? (int)strlen(t->cell[r][c]) : width[c];
    print_row(t, 0, width);
    for (int c = 0; c < t->columns; c++)
        printf(c == 0 ? "|:%.*s-|" : "-%.*s:|", width[c], "------------------------------------------------");
    putchar('\n');
    for (int r = 1; r < t->rows; r++)
        print_row(t, r, width);
    putchar('\n');
}

static void put_head(table *t, const char *const *head)
{
    t->columns = 0;
    for (t->rows = 0; head[t->columns];)
        put(t, &t->columns, "%s", head[t->columns]);
    t->rows = 1;
}

/* ---- One kind of row a benchmark ---- */

static void put_times(table *t, int *column, const dcl__record *record)
{
    put_spread(t, column, "%.4g", record->seconds, 1e3);
    put_spread(t, column, "%.4g", record->other_seconds, 1e3);
    put_spread(t, column, "%.2f", record->ratio, 1);
}

/* Times, and what they say of the work that is done in them. */
static void put_work(table *t, int *column, const dcl__record *record)
{
    put_times(t, column, record);
    put_number(t, column, "%.1f", record->flops / record->seconds.median / 1e9);
    put_number(t, column, "%.0f", 100 * record->limit_fraction);
    put(t, column, "%s", record->limit ? record->limit : "-");
    put_number(t, column, "%.0f", record->launches);
}

static void put_gemm(table *t, const dcl__record *record)
{
    int column = 0;
    put(t, &column, "%s %s", record->shape, record->detail);
    put_work(t, &column, record);
    put_number(t, &column, "%.0f", 1e6 * record->launch_seconds);
    put_number(t, &column, "%.2f", record->compute_ratio.median);
}

/* Of dropout and of another noise. */
static void put_step(table *t, const dcl__record *record)
{
    int column = 0;
    put(t, &column, "%s, %s", record->shape, record->detail);
    put_work(t, &column, record);
    put_number(t, &column, "%.1f", record->bytes_peak / 1048576);
    put_number(t, &column, "%.1f", record->bytes_budget / 1048576);
}

static void put_entries(table *t, const dcl__record *record)
{
    int column = 0;
    put(t, &column, "%s, %s", record->shape, record->detail);
    put_work(t, &column, record);
    put_number(t, &column, "%.1e", record->value_error);
}

static void put_threshold(table *t, const dcl__record *record)
{
    int column = 0;
    put(t, &column, "%s, %s", record->shape, record->detail);
    put_times(t, &column, record);
    put_number(t, &column, "%.1e", record->value_error);
    put_number(t, &column, "%.1e", record->tau_error);
}

static void put_start(table *t, const dcl__record *record)
{
    int column = 0;
    put(t, &column, "%s", record->detail);
    put_spread(t, &column, "%.3f", record->seconds, 1);
}

static const struct kind {
    const char *name, *head[MOST_COLUMNS];
    void (*put)(table *t, const dcl__record *record);
} kinds[] = {
    {"gemm", {"product m x n x k", "dropcl ms", "OpenBLAS ms", "ratio", "GFLOP/s", "% of limit", "limit", "launches",
              "launch us", "ratio without launch", NULL}, put_gemm},
    {"step", {"step m x n x r", "dropcl ms", "OpenBLAS ms", "ratio", "GFLOP/s kept", "% of limit", "limit", "launches",
              "peak MiB", "Y + 4 (U + V) MiB", NULL}, put_step},
    {"noise", {"step m x n x r", "ms", "dropout ms", "ratio", "GFLOP/s kept", "% of limit", "limit", "launches",
               "peak MiB", "Y + 4 (U + V) MiB", NULL}, put_step},
    {"entries", {"pass m x n x r", "dropcl ms", "plain C ms", "ratio", "GFLOP/s", "% of limit", "limit", "launches",
                 "value error", NULL}, put_entries},
    {"threshold", {"threshold m x n", "dropcl ms", "gesdd ms", "ratio", "value error", "tau error", NULL},
     put_threshold},
    {"start", {"first step of factorize", "seconds", NULL}, put_start},
};

static int has_records(const dcl__bench_results *results, const char *name)
{
    for (int i = 0; i < results->record_count; i++)
        if (strcmp(results->records[i].name, name) == 0)
            return 1;
    return 0;
}

static void print_records(const dcl__bench_results *results, const struct kind *kind, table *t)
{
    put_head(t, kind->head);
    for (int i = 0; i < results->record_count && t->rows < MOST_ROWS; i++)
        if (strcmp(results->records[i].name, kind->name) == 0) {
            kind->put(t, &results->records[i]);
            t->rows++;
        }
    if (t->rows > 1)
        print_table(t);
}

static void print_scalings(const dcl__bench_results *results, table *t)
{
    const char *const head[] = {"step from", "grown", "1 x ms", "2 x", "5 x", "10 x", "10 x / 1 x", "time exponent",
                                "1 x MiB", "10 x MiB", "memory exponent", NULL};
    put_head(t, head);
    for (int i = 0; i < results->scaling_count; i++, t->rows++) {
        const dcl__scaling *s = &results->scalings[i];
        int column = 0;
        put(t, &column, "%s", s->base);
        put(t, &column, "%s", s->dimension);
        for (int p = 0; p < DCL__SCALING_POINTS; p++)
            put_number(t, &column, "%.4g", 1e3 * s->seconds[p]);
        put_spread(t, &column, "%.2f", s->growth, 1);
        put_number(t, &column, "%.2f", s->time_exponent);
        put_number(t, &column, "%.1f", s->bytes[0] / 1048576);
        put_number(t, &column, "%.1f", s->bytes[DCL__SCALING_POINTS - 1] / 1048576);
        put_number(t, &column, "%.2f", s->memory_exponent);
    }
    if (t->rows > 1)
        print_table(t);
}

void dcl__bench_print(const dcl__bench_results *results)
{
    const dcl__limits *limits = results->limits;
    table *t = calloc(1, sizeof *t);
    printf("device    %s, %lld compute units\n", results->device->name, (long long)results->device->compute_units);
    if (limits)
        printf("limits    %.1f GFLOP/s (%s), %.1f GB/s (%s), launch %.0f us\n", limits->flops / 1e9, limits->arithmetic,
               limits->bytes / 1e9, limits->streaming, 1e6 * limits->launch);
    printf("beside    OpenBLAS with %d threads%s; median (least..most)\n\n", results->threads,
           has_records(results, "noise") ? ", a noise beside dropout" : "");
    for (size_t k = 0; t && k < sizeof kinds / sizeof *kinds; k++)
        print_records(results, &kinds[k], t);
    if (t)
        print_scalings(results, t);
    free(t);
}

/* ---- JSON ---- */

/* What there is no number for is null. */
static json_t *number(double value)
{
    return isnan(value) ? json_null() : dcl__json_from_number(value);
}

static json_t *put_json_spread(json_t *object, const char *name, dcl__spread spread)
{
    char key[64];
    snprintf(key, sizeof key, "%s_median", name);
    object = dcl__json_put(object, key, number(spread.median));
    snprintf(key, sizeof key, "%s_min", name);
    object = dcl__json_put(object, key, number(spread.least));
    snprintf(key, sizeof key, "%s_max", name);
    return dcl__json_put(object, key, number(spread.most));
}

static json_t *record_json(const dcl__record *r)
{
    const struct {
        const char *key;
        double value;
    } numbers[] = {{"flops", r->flops}, {"bytes", r->bytes}, {"gflops_per_second", r->flops / r->seconds.median / 1e9},
                   {"gbytes_per_second", r->bytes / r->seconds.median / 1e9},
                   {"percent_of_limit", 100 * r->limit_fraction}, {"launches", r->launches},
                   {"launch_seconds", r->launch_seconds}, {"bytes_peak", r->bytes_peak},
                   {"bytes_budget", r->bytes_budget}, {"value_error", r->value_error}, {"tau_error", r->tau_error}};
    json_t *object = json_object();
    object = dcl__json_put(object, "name", json_string(r->name));
    object = dcl__json_put(object, "shape", json_string(r->shape));
    object = dcl__json_put(object, "detail", json_string(r->detail));
    object = dcl__json_put(object, "dtype", json_string(dcl__dtype_name(r->dtype)));
    object = dcl__json_put(object, "repeats", json_integer(r->repeats));
    object = put_json_spread(object, "seconds", r->seconds);
    object = dcl__json_put(object, "other", *r->other ? json_string(r->other) : json_null());
    object = put_json_spread(object, "other_seconds", r->other_seconds);
    object = put_json_spread(object, "ratio", r->ratio);
    object = put_json_spread(object, "ratio_without_launch", r->compute_ratio);
    object = dcl__json_put(object, "limit", r->limit ? json_string(r->limit) : json_null());
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        object = dcl__json_put(object, numbers[i].key, number(numbers[i].value));
    return object;
}

static json_t *numbers_json(const double *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        list = dcl__json_append(list, number(values[i]));
    return list;
}

static json_t *scaling_json(const dcl__scaling *s)
{
    json_t *object = json_object();
    object = dcl__json_put(object, "dimension", json_string(s->dimension));
    object = dcl__json_put(object, "base", json_string(s->base));
    object = dcl__json_put(object, "repeats", json_integer(s->repeats));
    object = dcl__json_put(object, "factors", numbers_json(s->factor, DCL__SCALING_POINTS));
    object = dcl__json_put(object, "seconds", numbers_json(s->seconds, DCL__SCALING_POINTS));
    object = dcl__json_put(object, "bytes_peak", numbers_json(s->bytes, DCL__SCALING_POINTS));
    object = put_json_spread(object, "growth", s->growth);
    object = dcl__json_put(object, "time_exponent", number(s->time_exponent));
    return dcl__json_put(object, "memory_exponent", number(s->memory_exponent));
}

static json_t *device_json(const dcl_device_info *device, int threads)
{
    json_t *object = json_object();
    object = dcl__json_put(object, "name", json_string(device->name));
    object = dcl__json_put(object, "platform", json_string(device->platform));
    object = dcl__json_put(object, "driver", json_string(device->driver));
    object = dcl__json_put(object, "compute_units", json_integer(device->compute_units));
    return dcl__json_put(object, "openblas_threads", json_integer(threads));
}

static json_t *limits_json(const dcl__limits *limits)
{
    if (!limits)
        return json_null();
    json_t *object = json_object();
    object = dcl__json_put(object, "dtype", json_string(dcl__dtype_name(limits->dtype)));
    object = dcl__json_put(object, "gflops_per_second", number(limits->flops / 1e9));
    object = dcl__json_put(object, "arithmetic", json_string(limits->arithmetic));
    object = dcl__json_put(object, "gbytes_per_second", number(limits->bytes / 1e9));
    object = dcl__json_put(object, "streaming", json_string(limits->streaming));
    return dcl__json_put(object, "launch_seconds", number(limits->launch));
}

dcl_status dcl__bench_print_json(const dcl__bench_results *results, dcl_error *error)
{
    json_t *records = json_array(), *scalings = json_array(), *object = json_object();
    for (int i = 0; i < results->record_count; i++)
        records = dcl__json_append(records, record_json(&results->records[i]));
    for (int i = 0; i < results->scaling_count; i++)
        scalings = dcl__json_append(scalings, scaling_json(&results->scalings[i]));
    object = dcl__json_put(object, "device", device_json(results->device, results->threads));
    object = dcl__json_put(object, "limits", limits_json(results->limits));
    object = dcl__json_put(object, "records", records);
    object = dcl__json_put(object, "scaling", scalings);
    if (!object)
        return dcl__no_memory(error, "the results as JSON", 0);
    int failed = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    putchar('\n');
    return failed ? dcl__fail(error, DCL_EIO, "the standard output cannot be written") : DCL_OK;
}
