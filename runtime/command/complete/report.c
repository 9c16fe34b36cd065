/* report.c: everything that `dropcl complete` leaves in its folder and on the screen. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "command/complete/complete.h"
#include "command/files.h"
#include "command/words.h"
#include "core/tensor.h"
#include "formats/json.h"
#include "formats/output.h"

static int is_trained(const dcl__complete_facts *f)
{
    return f->options->noise == DCL_NOISE_DROPOUT;
}

/* ---- report.json ---- */

static json_t *describe_run(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    const dcl_entries *e = &f->table->entries;
    const dcl_device_counts counts = dcl_device_statistics(f->device);
    const int trained = is_trained(f);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:s,"
                     " s:s?, s:o, s:n, s:o, s:o, s:I}",
                     "version", dcl_version(), "command", "complete", "device", info->name, "platform", info->platform,
                     "driver", info->driver, "dtype", dcl__dtype_name(f->options->dtype),
                     "seed", (json_int_t)f->options->seed, "rows", (json_int_t)e->rows,
                     "columns", (json_int_t)e->columns,
                     "entries", (json_int_t)e->count, "header", *f->table->header != '\0', "holdout_header",
                     *f->held->header != '\0', "duplicates", (json_int_t)f->table->duplicates,
                     "empty_rows", (json_int_t)f->table->empty_rows,
                     "empty_columns", (json_int_t)f->table->empty_columns,
                     "training_entries", (json_int_t)f->training->count,
                     "holdout_entries", (json_int_t)(f->holdout ? f->holdout->count : 0),
                     "width", (json_int_t)r->predictor.width, "solver", trained ? "stochastic" : "grow",
                     "noise", trained ? "dropout" : NULL, "retain",
                     dcl__json_number_or_null(trained ? 1 / (1 + r->path[r->chosen].lambda) : NAN), "block",
                     "steps", trained ? json_integer((json_int_t)r->history[r->history_count - 1].steps) : json_null(),
                     "seconds", dcl__json_from_number(f->seconds), "device_bytes_peak", (json_int_t)counts.bytes_peak);
}

static json_t *describe_baseline(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_baseline *b = r->predictor.baseline;
    return json_pack("{s:s, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "penalty",
                     is_trained(f) ? "dropout" : "nuclear", "unshrunk",
                     f->options->unshrink, "loss",
                     f->options->loss == DCL_LOSS_LOGISTIC ? "logistic" : "squared", "mean",
                     dcl__json_from_number(b->mean), "damping_row", dcl__json_from_number(b->damping_row),
                     "damping_column", dcl__json_from_number(b->damping_column),
                     "baseline_training_rmse", dcl__json_number_or_null(r->baseline_training.rmse),
                     "baseline_rmse", dcl__json_number_or_null(r->baseline_holdout.rmse),
                     "baseline_mae", dcl__json_number_or_null(r->baseline_holdout.mae));
}

static json_t *describe_point(const dcl_completion_point *p)
{
    const dcl_certificate *c = &p->certificate;
    return json_pack("{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:o, s:o, s:s}",
                     "lambda", dcl__json_from_number(p->lambda), "width", (json_int_t)p->width, "rank",
                     (json_int_t)p->rank, "data_term", dcl__json_from_number(c->data_term),
                     "regularizer", dcl__json_from_number(c->regularizer),
                     "objective", dcl__json_from_number(c->objective),
                     "lower_bound", dcl__json_from_number(c->lower_bound),
                     "relative_gap", dcl__json_from_number(c->relative_gap),
                     "polar", dcl__json_number_or_null(c->polar),
                     "stationarity", dcl__json_from_number(c->stationarity),
                     "balance_error", dcl__json_from_number(c->balance_error), "proof", dcl__proof_name(c->proof),
                     "exact", c->exact,
                     "training_rmse", dcl__json_number_or_null(p->training.rmse),
                     "training_mae", dcl__json_number_or_null(p->training.mae),
                     "holdout_rmse", dcl__json_number_or_null(p->holdout.rmse),
                     "holdout_mae", dcl__json_number_or_null(p->holdout.mae),
                     "status", dcl__status_name(p->status));
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
    fputs("lambda,rank,units,seconds,objective,lower_bound,gap,training_rmse,holdout_rmse,holdout_mae\n",
          output.stream);
    for (const dcl_completion_point *p = r->path; p < r->path + r->path_count; p++)
        fprintf(output.stream, "%.17g,%" PRId64 ",%" PRId64 ",%.6f,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g\n", p->lambda,
                p->rank, p->width, p->seconds, p->certificate.objective, p->certificate.lower_bound,
                p->certificate.relative_gap, p->training.rmse, p->holdout.rmse, p->holdout.mae);
    return dcl__output_commit(&output, error);
}

static dcl_status write_history(const char *folder, const dcl_completion_result *r, dcl_error *error)
{
    dcl__output output;
    dcl_status status = dcl__output_open(dcl__join(folder, "history.csv").text, &output, error);
    if (status)
        return status;
    fputs("lambda,round,steps,seconds,units,objective,lower_bound,gap,polar\n", output.stream);
    for (const dcl_growth_round *h = r->history; h < r->history + r->history_count; h++)
        fprintf(output.stream, "%.17g,%" PRId64 ",%" PRId64 ",%.6f,%" PRId64 ",%.17g,%.17g,%.17g,%.17g\n", h->lambda,
                h->round, h->steps, h->seconds, h->width, h->objective, h->lower_bound, h->gap, h->polar);
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

/* On the holdout where there is one. */
static void print_errors(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_completion_point *p = &r->path[r->chosen];
    const dcl_prediction_error *errors = f->holdout ? &p->holdout : &p->training;
    printf("biases alone   rmse ");
    if (f->holdout)
        printf("%.6g on the holdout, ", r->baseline_holdout.rmse);
    printf("%.6g in training\n", r->baseline_training.rmse);
    printf("chosen         lambda %.6g, rank %lld, rmse %.6g, mae %.6g %s\n", p->lambda, (long long)p->rank,
           errors->rmse, errors->mae, f->holdout ? "on the holdout" : "in training");
}

/* The best of a path may lie beyond its end. */
static void print_hint(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    if (f->options->lambda >= 0 || r->stopped || r->path_count < 2)
        return;
    if (r->chosen == 0)
        printf("hint           the largest lambda is chosen, where factors are 0: biases alone predict best\n");
    if (r->chosen == r->path_count - 1)
        printf("hint           the last lambda of the path is chosen: --share below %.2g may lead to a better one\n",
               r->path[r->chosen].lambda / r->path[0].lambda);
}

static void print_summary(const dcl__complete_facts *f, const dcl_completion_result *r)
{
    const dcl_entries *e = &f->table->entries;
    const dcl_completion_point *p = &r->path[r->chosen];
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    printf("entries        %lld of %lld x %lld (%.3g %%), %lld set aside\n", (long long)e->count, (long long)e->rows,
           (long long)e->columns, 100 * (double)e->count / ((double)e->rows * (double)e->columns),
           (long long)(f->holdout ? f->holdout->count : 0));
    if (*f->table->header)
        printf("header         %s (the first line of the entries)\n", f->table->header);
    if (*f->held->header)
        printf("header         %s (the first line of the holdout)\n", f->held->header);
    if (f->table->duplicates > 0)
        printf("duplicates     %lld (an entry that is listed again counts with the mean of its values)\n",
               (long long)f->table->duplicates);
    printf("time           %.2f s\nfiles          %s: U.npy V.npy row_bias.npy column_bias.npy %smodel.json "
           "report.json path.csv history.csv report.svg report.png\n", f->seconds, f->folder,
           f->table->row_label.count > 0 ? "rows.csv columns.csv " : "");
    print_errors(f, r);
    print_hint(f, r);
    if (is_trained(f))
        printf("objective      %.9g, at least %.9g entry by entry; no certificate is known under dropout (%s)\n",
               p->certificate.objective, p->certificate.lower_bound, dcl__status_name(p->status));
    else
        printf("objective      %.9g, at least %.9g\ngap            %.2e (%s)\n", p->certificate.objective,
               p->certificate.lower_bound, p->certificate.relative_gap, dcl__status_name(p->status));
    print_path(r);
}

dcl_status dcl__report_completion(const dcl__complete_facts *f, const dcl_completion_result *r, dcl_error *error)
{
    json_t *report = describe(f, r);
    dcl_status status = dcl__model_write(f->folder, f->table, &r->predictor, error);
    if (status == DCL_OK)
        status = write_path(f->folder, r, error);
    if (status == DCL_OK)
        status = write_history(f->folder, r, error);
    if (status == DCL_OK)
        status = dcl__json_write(dcl__join(f->folder, "report.json").text, report, error);
    if (status == DCL_OK && f->json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (status == DCL_OK) {
        print_summary(f, r);
    }
    json_decref(report);
    return status ? status : dcl__draw_completion(f, r, error);
}
