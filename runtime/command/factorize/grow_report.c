/* grow_report.c: everything that `dropcl factorize --solver grow` leaves in its folder and on the screen. */
#include <math.h>
#include <stdio.h>

#include "command/factorize/grow.h"
#include "command/files.h"
#include "command/words.h"
#include "core/tensor.h"
#include "formats/json.h"
#include "formats/output.h"
#include "recipes/certificate/loss.h"
#include "recipes/certificate/penalty.h"

static const char *penalty_name(const dcl__grow_facts *f)
{
    return dcl__penalty_find(f->problem->penalty)->name;
}

static int64_t known_entries(const dcl__grow_facts *f)
{
    const dcl_problem *p = f->problem;
    return p->data ? p->data->rows * p->data->columns : p->entries->count;
}

/* ---- report.json ---- */

static json_t *path_json(const dcl__grow_facts *f)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < f->point_count; k++) {
        const dcl__path_point *p = &f->points[k];
        list = dcl__json_append(list, json_pack(
            "{s:o, s:I, s:I, s:o, s:o, s:o, s:o, s:s}", "lambda", dcl__json_from_number(p->lambda), "rank",
            (json_int_t)p->rank, "width", (json_int_t)p->width, "objective", dcl__json_from_number(p->objective),
            "lower_bound", dcl__json_from_number(p->lower_bound), "relative_gap", dcl__json_from_number(p->gap),
            "seconds", dcl__json_from_number(p->seconds), "status", dcl__status_name(p->status)));
    }
    return list;
}

static json_t *describe_run(const dcl__grow_facts *f, const dcl_growth_result *r)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:n, s:n, s:n, s:I}",
                     "version", dcl_version(), "command", "factorize", "device", info->name,
                     "platform", info->platform, "driver", info->driver, "dtype", dcl__dtype_name(f->run->dtype),
                     "seed", (json_int_t)f->run->seed, "rows", (json_int_t)r->rows, "columns", (json_int_t)r->columns,
                     "entries", (json_int_t)known_entries(f), "width", (json_int_t)r->width, "solver", "grow", "noise",
                     "retain", "block", "steps", (json_int_t)r->steps);
}

static json_t *describe_problem(const dcl__grow_facts *f)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "penalty", penalty_name(f), "loss",
                     dcl__loss_find(f->problem->loss)->name, "lambda", dcl__json_from_number(f->problem->lambda),
                     "largest_lambda", dcl__json_number_or_null(f->largest_lambda), "mixture",
                     f->problem->penalty == DCL_PENALTY_ELASTIC ? dcl__json_from_number(f->problem->mixture)
                                                                : json_null());
}

static json_t *describe_certificate(const dcl_certificate *c)
{
    return json_pack("{s:o, s:o, s:o, s:n, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o, s:I, s:o}",
                     "data_term", dcl__json_from_number(c->data_term),
                     "regularizer", dcl__json_from_number(c->regularizer),
                     "objective", dcl__json_from_number(c->objective), "optimum",
                     "lower_bound", dcl__json_from_number(c->lower_bound),
                     "relative_gap", dcl__json_from_number(c->relative_gap), "polar", dcl__json_from_number(c->polar),
                     "polar_reached", dcl__json_from_number(c->polar_reached), "proof", dcl__proof_name(c->proof),
                     "exact", c->exact, "failure", dcl__json_from_number(c->failure),
                     "stationarity", dcl__json_from_number(c->stationarity),
                     "rank", (json_int_t)c->rank, "balance_error", dcl__json_from_number(c->balance_error));
}

static json_t *describe_result(const dcl__grow_facts *f, const dcl_growth_result *r)
{
    const dcl_device_counts counts = dcl_device_statistics(f->device);
    return json_pack("{s:o, s:o, s:o, s:n, s:o, s:s, s:s, s:I, s:I, s:I, s:o}",
                     "seconds", dcl__json_from_number(r->seconds),
                     "seconds_to_ready", dcl__json_from_number(f->ready),
                     "seconds_to_first_step", dcl__json_from_number(r->seconds_to_first_step), "tau",
                     "singular_values", dcl__json_from_numbers(r->values, (size_t)r->width),
                     "status", dcl__status_name(r->status),
                     "reason", r->reason, "rounds", (json_int_t)r->history_count,
                     "programs_compiled", (json_int_t)counts.programs_compiled,
                     "kernels_launched", (json_int_t)counts.kernels_launched, "path", path_json(f));
}

static json_t *describe(const dcl__grow_facts *f, const dcl_growth_result *r)
{
    json_t *report = dcl__json_join(describe_run(f, r), describe_problem(f));
    report = dcl__json_join(report, describe_certificate(&r->certificate));
    return dcl__json_join(report, describe_result(f, r));
}

/* ---- Files ---- */

static dcl_status write_path(const dcl__grow_facts *f, dcl_error *error)
{
    dcl__path path = dcl__join(f->run->folder, "path.csv");
    dcl__output output;
    dcl_status status = dcl__output_open(path.text, &output, error);
    if (status)
        return status;
    dcl__write_path_columns(output.stream);
    fputc('\n', output.stream);
    for (int64_t k = 0; k < f->point_count; k++) {
        dcl__write_path_point(output.stream, &f->points[k]);
        fputc('\n', output.stream);
    }
    return dcl__output_commit(&output, error);
}

static dcl_status draw(const dcl__grow_facts *f, const dcl_growth_result *r, dcl_error *error)
{
    const char *folder = f->run->folder;
    char title[200];
    snprintf(title, sizeof title, "dropcl factorize: %lld \xc3\x97 %lld, penalty %s, \xce\xbb = %.4g, %lld %s",
             (long long)r->rows, (long long)r->columns, penalty_name(f), f->problem->lambda, (long long)r->width,
             dcl__units_name(r->width));
    dcl__path svg = dcl__join(folder, "report.svg"), png = dcl__join(folder, "report.png");
    return dcl__draw_grow(svg.text, png.text, title, f, r, error);
}

static dcl_status write_files(const dcl__grow_facts *f, const dcl_growth_result *r, const json_t *report,
                              dcl_error *error)
{
    const char *folder = f->run->folder;
    /* In double precision, so that the files are worth the gap that is reported. */
    dcl_status status = dcl__write_matrix(folder, "U.npy", DCL_F64, r->rows, r->width, r->u, error);
    if (status == DCL_OK)
        status = dcl__results_replace(folder, "factorize", &(dcl__texts){{"U.npy"}, 1}, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(folder, "V.npy", DCL_F64, r->columns, r->width, r->v, error);
    if (status == DCL_OK)
        status = dcl__write_history(folder, r->history, r->history_count, error);
    if (status == DCL_OK && f->run->grow->path > 0)
        status = write_path(f, error);
    return status ? status : dcl__json_write(dcl__join(folder, "report.json").text, report, error);
}

/* ---- Words ---- */

static void print_path(const dcl__grow_facts *f)
{
    printf("path           lambda         rank  objective       gap       seconds\n");
    for (int64_t k = 0; k < f->point_count; k++)
        printf("               %-12.6g %6lld  %-14.9g  %.2e  %.2f\n", f->points[k].lambda, (long long)f->points[k].rank,
               f->points[k].objective, f->points[k].gap, f->points[k].seconds);
}

static void print_summary(const dcl__grow_facts *f, const dcl_growth_result *r)
{
    const dcl_certificate *c = &r->certificate;
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    printf("problem        %lld x %lld, %lld entries, penalty %s, lambda %.6g, %s loss, grow, %s\n", (long long)r->rows,
           (long long)r->columns, (long long)known_entries(f), penalty_name(f), f->problem->lambda,
           dcl__loss_find(f->problem->loss)->name, dcl__dtype_name(f->run->dtype));
    printf("time           %.2f s, %lld rounds, %lld steps\n", r->seconds, (long long)r->history_count,
           (long long)r->steps);
    printf("files          %s: U.npy V.npy report.json history.csv %sreport.svg report.png\n", f->run->folder,
           f->run->grow->path > 0 ? "path.csv " : "");
    if (f->run->grow->path > 0)
        print_path(f);
    printf("objective      %.9g\n", c->objective);
    printf("lower bound    %.9g\n", c->lower_bound);
    printf("gap            %.2e (%s)\n", c->relative_gap, dcl__verdict(r->status));
    if (r->status != DCL_CERTIFIED)
        printf("reason         %s\n", r->reason);
    printf("proof          %s\n", dcl__proof_sentence(c).text);
    printf("polar          %s%.9g (lambda %.9g)\n", dcl__polar_word(c), c->polar, f->problem->lambda);
    printf("rank           %lld (%lld %s)\n", (long long)c->rank, (long long)r->width, dcl__units_name(r->width));
    if (r->width == 0 && r->status == DCL_CERTIFIED && c->exact && c->objective > 0)
        printf("hint           the best factors are none, from lambda %.6g on: below it units join\n", c->polar);
}

dcl_status dcl__report_grow(const dcl__grow_facts *facts, const dcl_growth_result *result, dcl_error *error)
{
    json_t *report = describe(facts, result);
    if (!report)
        return dcl__no_memory(error, "the report", 0);
    dcl_status status = write_files(facts, result, report, error);
    if (status == DCL_OK && facts->run->json)
        dcl__print_json(report);
    else if (status == DCL_OK)
        print_summary(facts, result);
    json_decref(report);
    return status ? status : draw(facts, result, error);
}
