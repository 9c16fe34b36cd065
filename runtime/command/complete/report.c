/* report.c: everything that `dropcl complete` leaves in its folder and on the screen. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "command/complete/complete.h"
#include "command/files.h"
#include "command/growth_tables.h"
#include "command/words.h"
#include "core/tensor.h"
#include "formats/json.h"
#include "formats/output.h"

static int is_trained(const dcl__complete_facts *f)
{
    return f->options->noise == DCL_NOISE_DROPOUT;
}

/* What the library takes where nothing was said (dcl_completion_options). */
static int bias_of(const dcl_completion_options *o)
{
    return o->bias ? o->bias : o->loss == DCL_LOSS_LOGISTIC ? DCL_BIAS_NONE : DCL_BIAS_BOTH;
}

const char *dcl__baseline_name(const dcl_completion_options *options)
{
    static const char *const names[] = {"", "nothing (0)", "the mean alone", "biases alone"};
    return names[bias_of(options)];
}

static const char *const biases[] = {"", "none", "mean", "both"};

/* ---- report.json ---- */

static json_int_t count_of(const dcl__entry_table *part)
{
    return part ? part->entries.count : 0;
}

static int has_header(const dcl__entry_table *part)
{
    return part && *part->header != '\0';
}

static json_t *describe_run(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    const dcl_entries *e = &f->training->entries;
    const dcl_device_counts counts = dcl_device_statistics(f->device);
    const int trained = is_trained(f);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s,"
                     " s:s?, s:o, s:n, s:o, s:o, s:I}",
                     "version", dcl_version(), "command", "complete", "device", info->name, "platform", info->platform,
                     "driver", info->driver, "dtype", dcl__dtype_name(f->options->dtype),
                     "seed", (json_int_t)f->options->seed, "rows", (json_int_t)e->rows,
                     "columns", (json_int_t)e->columns,
                     "entries", (json_int_t)f->entries, "duplicates", (json_int_t)f->training->duplicates,
                     "empty_rows", (json_int_t)f->training->empty_rows,
                     "empty_columns", (json_int_t)f->training->empty_columns,
                     "training_entries", (json_int_t)e->count, "holdout_entries", count_of(f->holdout),
                     "test_entries", count_of(f->test),
                     "width", (json_int_t)r->predictor.width, "solver", trained ? "stochastic" : "grow",
                     "noise", trained ? "dropout" : NULL, "retain",
                     dcl__json_number_or_null(trained ? 1 / (1 + r->path[r->chosen].lambda) : NAN), "block",
                     "steps", trained ? json_integer((json_int_t)r->history[r->history_count - 1].steps) : json_null(),
                     "seconds", dcl__json_from_number(f->seconds), "device_bytes_peak", (json_int_t)counts.bytes_peak);
}

static json_t *describe_baseline(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_baseline *b = r->predictor.baseline;
    return json_pack("{s:b, s:b, s:b, s:s, s:b, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "header", has_header(f->training), "holdout_header", has_header(f->holdout), "test_header",
                     has_header(f->test), "penalty", is_trained(f) ? "dropout" : "nuclear", "unshrunk",
                     f->options->unshrink, "loss",
                     f->options->loss == DCL_LOSS_LOGISTIC ? "logistic" : "squared",
                     "bias", biases[bias_of(f->options)], "mean",
                     dcl__json_from_number(b->mean), "damping_row", dcl__json_from_number(b->damping_row),
                     "damping_column", dcl__json_from_number(b->damping_column),
                     "baseline_training_rmse", dcl__json_number_or_null(r->baseline_training.rmse),
                     "baseline_rmse", dcl__json_number_or_null(r->baseline_holdout.rmse),
                     "baseline_mae", dcl__json_number_or_null(r->baseline_holdout.mae));
}

/* Errors on entries that neither the fit nor the choice of lambda has seen. */
typedef struct test_errors {
    dcl_prediction_error model, baseline;    /* NAN without a test                                   */
} test_errors;

static test_errors test(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_predictor baseline = {.baseline = r->predictor.baseline, .loss = r->predictor.loss};
    if (!f->test)
        return (test_errors){{NAN, NAN}, {NAN, NAN}};
    return (test_errors){dcl_predictor_assess(&r->predictor, &f->test->entries),
                         dcl_predictor_assess(&baseline, &f->test->entries)};
}

static json_t *describe_test(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const test_errors t = test(f, r);
    return json_pack("{s:o, s:o, s:o, s:o}", "test_rmse", dcl__json_number_or_null(t.model.rmse),
                     "test_mae", dcl__json_number_or_null(t.model.mae),
                     "baseline_test_rmse", dcl__json_number_or_null(t.baseline.rmse),
                     "baseline_test_mae", dcl__json_number_or_null(t.baseline.mae));
}

static json_t *describe_point(const dcl_completion_point *p)
{
    const dcl_certificate *c = &p->certificate;
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:s,"
                     " s:s}", "lambda", dcl__json_from_number(p->lambda), "width", (json_int_t)p->width, "rank",
                     (json_int_t)p->rank, "data_term", dcl__json_from_number(c->data_term),
                     "regularizer", dcl__json_from_number(c->regularizer),
                     "objective", dcl__json_from_number(c->objective),
                     "lower_bound", dcl__json_from_number(c->lower_bound),
                     "relative_gap", dcl__json_from_number(c->relative_gap),
                     "polar", dcl__json_number_or_null(c->polar),
                     "stationarity", dcl__json_from_number(c->stationarity),
                     "balance_error", dcl__json_from_number(c->balance_error), "proof", dcl__proof_name(c->proof),
                     "exact", c->exact, "failure", dcl__json_from_number(c->failure),
                     "training_rmse", dcl__json_number_or_null(p->training.rmse),
                     "training_mae", dcl__json_number_or_null(p->training.mae),
                     "holdout_rmse", dcl__json_number_or_null(p->holdout.rmse),
                     "holdout_mae", dcl__json_number_or_null(p->holdout.mae),
                     "status", dcl__status_name(p->status), "reason", p->reason);
}

static json_t *describe_path(const dcl_completion_result *r)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->path_count; k++) {
        json_t *point = describe_point(&r->path[k]);
        list = dcl__json_append(list, dcl__json_put(point, "seconds", dcl__json_from_number(r->path[k].seconds)));
    }
    return list;
}

/* The figures of the chosen lambda stand beside those of the run. */
static json_t *describe(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    json_t *report = dcl__json_join(describe_run(f, r), describe_baseline(f, r));
    report = dcl__json_join(report, describe_test(f, r));
    report = dcl__json_join(report, describe_point(&r->path[r->chosen]));
    return dcl__json_put(report, "path", describe_path(r));
}

/* ---- Tables ---- */

static dcl_status write_path(const char *folder, const dcl_completion_result *r, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl__output_open(dcl__join(folder, "path.csv").text, &output, error);
    if (status)
        return status;
    dcl__write_path_columns(output.stream);
    fputs(",training_rmse,holdout_rmse,holdout_mae\n", output.stream);
    for (const dcl_completion_point *p = r->path; p < r->path + r->path_count; p++) {
        const dcl__path_point point = {p->lambda, p->certificate.objective, p->certificate.lower_bound,
                                       p->certificate.relative_gap, p->seconds, p->width, p->rank, p->status};
        dcl__write_path_point(output.stream, &point);
        fprintf(output.stream, ",%.17g,%.17g,%.17g\n", p->training.rmse, p->holdout.rmse, p->holdout.mae);
    }
    return dcl__output_commit(&output, error);
}

/* ---- The screen ---- */

static void print_path(const dcl_completion_result *r)
{
    printf("\n      lambda   rank      gap  training rmse  holdout rmse\n");
    for (int64_t k = 0; k < r->path_count; k++) {
        const dcl_completion_point *p = &r->path[k];
        printf("%12.6g %6lld %8.1e %14.6g ", p->lambda, (long long)p->rank, p->certificate.relative_gap,
               p->training.rmse);
        if (isnan(p->holdout.rmse))
            printf("%13s", "none");
        else
            printf("%13.6g", p->holdout.rmse);
        printf("%s\n", k == r->chosen ? "  chosen" : "");
    }
}

/* On the holdout where there is one; where it has chosen, its error is a little too good. */
static void print_errors(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_completion_point *p = &r->path[r->chosen];
    const dcl_prediction_error *errors = f->holdout ? &p->holdout : &p->training;
    const test_errors t = test(f, r);
    printf("%-14s rmse ", dcl__baseline_name(f->options));
    if (f->holdout)
        printf("%.6g on the holdout, ", r->baseline_holdout.rmse);
    printf("%.6g in training\n", r->baseline_training.rmse);
    printf("chosen         lambda %.6g, rank %lld, rmse %.6g, mae %.6g %s\n", p->lambda, (long long)p->rank,
           errors->rmse, errors->mae, !f->holdout ? "in training" : r->path_count > 1 ? "on the holdout that chose it"
                                                                                      : "on the holdout");
    if (f->test)
        printf("               rmse %.6g, mae %.6g on the test (%s: rmse %.6g, mae %.6g)\n", t.model.rmse, t.model.mae,
               dcl__baseline_name(f->options), t.baseline.rmse, t.baseline.mae);
}

/* The best of a path may lie beyond its end. */
static void print_hint(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    if (f->options->lambda >= 0 || r->stopped || r->path_count < 2)
        return;
    if (r->chosen == 0)
        printf("hint           the largest lambda is chosen, where factors are 0: they do not help\n");
    if (r->chosen == r->path_count - 1)
        printf("hint           the last lambda of the path is chosen: --share below %.2g may lead to a better one\n",
               r->path[r->chosen].lambda / r->path[0].lambda);
}

/* Entries that the matrix has too; both have their columns in order. */
static int64_t count_shared(const dcl_entries *a, const dcl_entries *b)
{
    int64_t shared = 0;
    for (int64_t row = 0; row < a->rows; row++)
        for (int64_t i = a->start[row], k = b->start[row]; i < a->start[row + 1] && k < b->start[row + 1];) {
            const int64_t left = a->column[i], right = b->column[k];
            shared += left == right;
            i += left <= right;
            k += right <= left;
        }
    return shared;
}

static void print_shared(const dcl_entries *others, const dcl__entry_table *part, const char *name, const char *use)
{
    const int64_t shared = count_shared(others, &part->entries);
    if (shared > 0)
        printf("hint           %lld of the %lld entries of the %s are %s, so that its error is too small: leave them "
               "out of the matrix\n", (long long)shared, (long long)part->entries.count, name, use);
}

/* What a file of a holdout or a test should not have. */
static void print_part(const dcl__complete_facts *f, const dcl__entry_table *part, const char *name)
{
    if (!part)
        return;
    if (part->duplicates > 0)
        printf("duplicates     %lld in the %s\n", (long long)part->duplicates, name);
    print_shared(&f->training->entries, part, name, "trained with");
}

static void print_header(const dcl__entry_table *part, const char *name)
{
    if (has_header(part))
        printf("header         %s (the first line of the %s)\n", part->header, name);
}

static void print_certificate(const dcl__complete_facts *f, const dcl_completion_point *p)
{
    const dcl_certificate *c = &p->certificate;
    if (is_trained(f)) {
        printf("objective      %.9g, at least %.9g entry by entry; no certificate is known under dropout (%s)\n",
               c->objective, c->lower_bound, dcl__status_name(p->status));
        return;
    }
    printf("objective      %.9g, at least %.9g\ngap            %.2e (%s)\n", c->objective, c->lower_bound,
           c->relative_gap, dcl__verdict(p->status));
    if (p->status != DCL_CERTIFIED)
        printf("reason         %s\n", p->reason);
    printf("proof          %s\n", dcl__proof_sentence(c).text);
}

static void print_summary(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_entries *e = &f->training->entries;
    const dcl_completion_point *p = &r->path[r->chosen];
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    printf("entries        %lld of %lld x %lld (%.3g %%), holdout %lld, test %lld\n", (long long)f->entries,
           (long long)e->rows, (long long)e->columns,
           100 * (double)f->entries / ((double)e->rows * (double)e->columns), (long long)count_of(f->holdout),
           (long long)count_of(f->test));
    print_header(f->training, "entries");
    print_header(f->holdout, "holdout");
    print_header(f->test, "test");
    if (f->training->duplicates > 0)
        printf("duplicates     %lld (an entry that is listed again counts with the mean of its values)\n",
               (long long)f->training->duplicates);
    print_part(f, f->holdout, "holdout");
    print_part(f, f->test, "test");
    if (f->holdout && f->test)
        print_shared(&f->holdout->entries, f->test, "test", "chosen by");
    printf("time           %.2f s\nfiles          %s: U.npy V.npy row_bias.npy column_bias.npy %smodel.json "
           "report.json path.csv history.csv report.svg report.png\n", f->seconds, f->folder,
           f->training->row_label.count > 0 ? "rows.csv columns.csv " : "");
    print_errors(f, r);
    print_hint(f, r);
    print_certificate(f, p);
    print_path(r);
}

dcl_status dcl__report_completion(const dcl__complete_facts *f, const dcl_completion_result *r, dcl_error *error)
{
    json_t *report = describe(f, r);
    dcl_status status = dcl__model_write(f->folder, f->training, f->division, &r->predictor, error);
    if (status == DCL_OK)
        status = write_path(f->folder, r, error);
    if (status == DCL_OK)
        status = dcl__write_history(f->folder, r->history, r->history_count, error);
    if (status == DCL_OK)
        status = dcl__json_write(dcl__join(f->folder, "report.json").text, report, error);
    if (status == DCL_OK && f->json)
        dcl__print_json(report);
    else if (status == DCL_OK)
        print_summary(f, r);
    json_decref(report);
    return status ? status : dcl__draw_completion(f, r, error);
}
