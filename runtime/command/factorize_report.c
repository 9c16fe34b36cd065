/* factorize_report.c: everything that `dropcl factorize` leaves in its folder and on the screen. */
#include "command/factorize_report.h"

#include <stdio.h>

#include "command/files.h"
#include "command/picture.h"
#include "core/tensor.h"
#include "formats/output.h"
#include "formats/json.h"

static const char *solver_name(int solver)
{
    static const char *const names[] = {"", "stochastic", "explicit", "closed-form"};
    return names[solver];
}

static const char *status_name(int status)
{
    static const char *const names[] = {"", "certified", "converged", "stopped"};
    return names[status];
}

static json_t *numbers_json(const double *numbers, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, dcl__json_from_number(numbers[i]));
    return list;
}

/* What was run, and where. */
static json_t *describe_run(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:o, s:o, s:n, s:I}",
                     "version", dcl_version(), "command", "factorize", "device", info->name,
                     "platform", info->platform, "driver", info->driver, "dtype", dcl__dtype_name(f->dtype),
                     "seed", (json_int_t)f->seed, "rows", (json_int_t)r->rows, "columns", (json_int_t)r->columns,
                     "width", (json_int_t)r->width, "noise", f->dropout ? "dropout" : "none",
                     "solver", solver_name(f->solver), "retain", dcl__json_from_number(1 / (1 + r->optimum.lambda)),
                     "lambda", dcl__json_from_number(r->optimum.lambda), "block", "steps", (json_int_t)r->steps);
}

/* What came out. */
static json_t *describe_result(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    const dcl_assessment *a = &r->assessment;
    dcl_device_counts counts = dcl_device_statistics(f->device);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I}",
                     "seconds", dcl__json_from_number(r->seconds),
                     "seconds_to_first_step", dcl__json_from_number(r->seconds_to_first_step),
                     "data_term", dcl__json_from_number(a->data_term), "regularizer", dcl__json_from_number(a->regularizer),
                     "objective", dcl__json_from_number(a->objective), "optimum", dcl__json_from_number(r->optimum.minimum),
                     "lower_bound", dcl__json_from_number(r->optimum.minimum - r->optimum.error),
                     "relative_gap", dcl__json_from_number(r->relative_gap), "rank", (json_int_t)a->rank,
                     "tau", dcl__json_from_number(r->optimum.tau), "balance_error", dcl__json_from_number(a->balance_error),
                     "singular_values", numbers_json(r->product_values, r->width),
                     "data_singular_values", numbers_json(r->data_values, r->data_count),
                     "unit_products", numbers_json(r->products, r->width), "status", status_name(r->status),
                     "programs_compiled", (json_int_t)counts.programs_compiled,
                     "kernels_launched", (json_int_t)counts.kernels_launched);
}

static dcl_status write_history(const char *folder, const dcl_factorize_result *r, dcl_error *error)
{
    dcl__path path = dcl__join(folder, "history.csv");
    dcl__output output;
    dcl_status status = dcl__output_open(path.text, &output, error);
    if (status)
        return status;
    fputs("step,seconds,objective,relative_gap\n", output.stream);
    for (int64_t i = 0; i < r->history_count; i++)
        fprintf(output.stream, "%lld,%.6f,%.17g,%.17g\n", (long long)r->history[i].step, r->history[i].seconds,
                r->history[i].objective, r->history[i].gap);
    return dcl__output_commit(&output, error);
}

static dcl_status write_files(const dcl__report_facts *f, const dcl_factorize_result *r, const json_t *report,
                              dcl_error *error)
{
    char title[160];
    snprintf(title, sizeof title, "dropcl factorize: %lld \xc3\x97 %lld, width %lld, retain %.4g, %s", (long long)r->rows,
             (long long)r->columns, (long long)r->width, 1 / (1 + r->optimum.lambda), solver_name(f->solver));
    dcl__path svg = dcl__join(f->folder, "report.svg"), png = dcl__join(f->folder, "report.png");
    dcl__path json = dcl__join(f->folder, "report.json");
    dcl_status status = dcl__write_matrix(f->folder, "U.npy", f->dtype, r->rows, r->width, r->u, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(f->folder, "V.npy", f->dtype, r->columns, r->width, r->v, error);
    if (status == DCL_OK)
        status = write_history(f->folder, r, error);
    if (status == DCL_OK)
        status = dcl__picture_write(svg.text, png.text, title, r, error);
    return status ? status : dcl__json_write(json.text, report, error);
}

static void print_summary(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    printf("problem        %lld x %lld, width %lld, retain %.4g, %s, %s\n", (long long)r->rows, (long long)r->columns,
           (long long)r->width, 1 / (1 + r->optimum.lambda), solver_name(f->solver), dcl__dtype_name(f->dtype));
    printf("time           %.2f s, %lld steps, the first done after %.2f s\n", r->seconds, (long long)r->steps,
           r->seconds_to_first_step);
    printf("files          %s: U.npy V.npy report.json history.csv report.svg report.png\n", f->folder);
    printf("objective      %.9g\n", r->assessment.objective);
    printf("optimum        %.9g (closed form, tau %.6g)\n", r->optimum.minimum, r->optimum.tau);
    printf("gap            %.2e (%s)\n", r->relative_gap, status_name(r->status));
    printf("rank           %lld (at the optimum %lld)\n", (long long)r->assessment.rank, (long long)r->optimum.rank);
    printf("balance error  %.2e\n", r->assessment.balance_error);
}

dcl_status dcl__report_factorization(const dcl__report_facts *facts, const dcl_factorize_result *result,
                                     dcl_error *error)
{
    json_t *report = describe_run(facts, result), *more = describe_result(facts, result);
    if (!report || !more || json_object_update(report, more)) {
        json_decref(report);
        json_decref(more);
        return dcl__no_memory(error, "the report", 0);
    }
    json_decref(more);
    dcl_status status = write_files(facts, result, report, error);
    if (status == DCL_OK && facts->json) {
        json_dumpf(report, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (status == DCL_OK) {
        print_summary(facts, result);
    }
    json_decref(report);
    return status;
}
