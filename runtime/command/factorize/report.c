/* report.c: everything that `dropcl factorize` leaves in its folder and on the screen. */
#include "command/factorize/report.h"

#include <stdio.h>

#include "command/factorize/noise.h"
#include "command/factorize/picture.h"
#include "command/files.h"
#include "command/words.h"
#include "core/tensor.h"
#include "formats/json.h"
#include "formats/output.h"
#include "recipes/common/assess.h"

static const char *solver_name(int solver)
{
    static const char *const names[] = {"", "stochastic", "explicit", "closed-form"};
    return names[solver];
}

/* ---- report.json ---- */

/* The text, or null where it says nothing. */
static json_t *text_if(int says, const char *text)
{
    return says ? json_string(text) : json_null();
}

/* The rate of one unit or block alone, where it varies with their number. */
static double retain_of_one(const dcl_factorize_result *r)
{
    return 1 / (1 + r->noise.lambda / (double)r->blocks);
}

/* The kind of noise with its numbers. What belongs to other kinds is null. */
static json_t *describe_noise(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    static const char *const sides[] = {"", "u", "v", "both"};
    const dcl_noise *n = &r->noise;
    const int blocks = n->kind == DCL_NOISE_DROPBLOCK, both = n->side == DCL_SIDE_BOTH;
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:I, s:I, s:b}", "noise", dcl__noise_name(n->kind),
                     "side", text_if(n->side, sides[n->side]),
                     "mask", text_if(n->kind != DCL_NOISE_DROPCONNECT && n->kind != DCL_NOISE_NONE,
                                     n->mask == DCL_MASK_SAMPLE ? "sample" : "step"),
                     "block", blocks ? json_integer(n->block) : json_null(),
                     "retain", dcl__json_from_number(n->retain),
                     "retain_v", both ? dcl__json_from_number(n->retain_right) : json_null(),
                     "lambda", dcl__json_from_number(n->lambda), "variable_rate", f->rate_of_one,
                     "retain_one", f->rate_of_one ? dcl__json_from_number(retain_of_one(r)) : json_null(),
                     "width_found", (json_int_t)r->width_found, "width_trained", (json_int_t)r->width_trained,
                     "cut_off", r->cut_off);
}

/* What was run, and where. */
static json_t *describe_run(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    const dcl_device_info *info = dcl_device_describe(f->device);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s, s:I}",
                     "version", dcl_version(), "command", "factorize", "device", info->name,
                     "platform", info->platform, "driver", info->driver, "dtype", dcl__dtype_name(f->dtype),
                     "seed", (json_int_t)f->seed, "rows", (json_int_t)r->rows, "columns", (json_int_t)r->columns,
                     "width", (json_int_t)r->width, "solver", solver_name(f->solver), "steps", (json_int_t)r->steps);
}

/* The least objective, or a lower bound where that is all there is. */
static json_t *describe_optimum(const dcl_factorize_result *r)
{
    static const char *const words[] = {"yes", "no", "open"};
    const dcl_optimum *o = &r->optimum;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
                     "optimum", o->inexact ? json_null() : dcl__json_from_number(o->minimum),
                     "lower_bound", dcl__json_from_number(o->minimum - o->error),
                     "attained", text_if(r->noise.kind == DCL_NOISE_DROPBLOCK, words[o->attained]),
                     "convex_value", dcl__json_from_number(o->minimum - o->convex_gap),
                     "tau", dcl__json_from_number(o->tau),
                     "optimum_singular_values",
                     r->shrunk ? dcl__json_from_numbers(r->shrunk, (size_t)r->data_count) : json_null());
}

/* X, where there is one. */
static json_t *describe_data(const dcl_factorize_result *r)
{
    const int given = r->data_rank > 0;
    return json_pack("{s:I, s:o, s:o, s:o}", "features", (json_int_t)r->features,
                     "data_rank", given ? json_integer(r->data_rank) : json_null(),
                     "data_condition", given ? dcl__json_from_number(r->data_condition) : json_null(),
                     "constant", dcl__json_from_number(r->optimum.constant));
}

/* What came out. */
static json_t *describe_result(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    const dcl_assessment *a = &r->assessment;
    dcl_device_counts counts = dcl_device_statistics(f->device);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:b, s:o, s:o, s:o, s:s, s:I, s:I}",
                     "seconds", dcl__json_from_number(r->seconds),
                     "seconds_to_first_step", dcl__json_from_number(r->seconds_to_first_step),
                     "data_term", dcl__json_from_number(a->data_term),
                     "regularizer", dcl__json_from_number(a->regularizer),
                     "objective", dcl__json_from_number(a->objective),
                     "relative_gap", dcl__json_from_number(r->relative_gap), "rank", (json_int_t)a->rank,
                     "balance_error", dcl__json_from_number(a->balance_error), "balanced_last", r->balanced_last,
                     "singular_values", dcl__json_from_numbers(r->product_values, (size_t)r->width),
                     "data_singular_values", dcl__json_from_numbers(r->data_values, (size_t)r->data_count),
                     "unit_products", dcl__json_from_numbers(r->products, (size_t)r->blocks),
                     "status", dcl__status_name(r->status),
                     "programs_compiled", (json_int_t)counts.programs_compiled,
                     "kernels_launched", (json_int_t)counts.kernels_launched);
}

static json_t *describe(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    json_t *report = dcl__json_join(describe_run(f, r), describe_noise(f, r));
    report = dcl__json_join(report, describe_data(r));
    report = dcl__json_join(report, describe_optimum(r));
    return dcl__json_join(report, describe_result(f, r));
}

/* ---- Files and words ---- */

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

/* "retain 0.5, lambda 1" for dropout, and in front of it what another noise is. */
static void name_noise(const dcl__report_facts *f, const dcl_factorize_result *r, char *text, size_t size)
{
    static const char *const sides[] = {"", " on u", " on v", " on both"};
    const dcl_noise *n = &r->noise;
    char block[40] = "", right[80] = "";
    if (n->block > 1)
        snprintf(block, sizeof block, " of %lld", (long long)n->block);
    if (n->side == DCL_SIDE_BOTH)
        snprintf(right, sizeof right, " and %.4g", n->retain_right);
    if (f->rate_of_one)
        snprintf(right, sizeof right, " (%.4g for one %s of %lld)", retain_of_one(r), n->block > 1 ? "block" : "unit",
                 (long long)r->blocks);
    if (n->kind == DCL_NOISE_DROPOUT || n->kind == DCL_NOISE_NONE)
        snprintf(text, size, "%sretain %.4g%s, lambda %.4g", n->mask == DCL_MASK_SAMPLE ? "mask a sample, " : "",
                 n->retain, right, n->lambda);
    else
        snprintf(text, size, "%s%s%s, retain %.4g%s, lambda %.4g", dcl__noise_name(n->kind), block, sides[n->side],
                 n->retain, right, n->lambda);
}

static dcl_status draw(const dcl__report_facts *f, const dcl_factorize_result *r, dcl_error *error)
{
    char title[260], noise[160];
    name_noise(f, r, noise, sizeof noise);
    snprintf(title, sizeof title, "dropcl factorize: %lld \xc3\x97 %lld, width %lld, %s, %s", (long long)r->rows,
             (long long)r->columns, (long long)r->width, noise, solver_name(f->solver));
    dcl__path svg = dcl__join(f->folder, "report.svg"), png = dcl__join(f->folder, "report.png");
    return dcl__picture_write(svg.text, png.text, title, r, error);
}

/* A checkpoint that is there now is of this run. */
static dcl_status write_files(const dcl__report_facts *f, const dcl_factorize_result *r, const json_t *report,
                              dcl_error *error)
{
    /* Single precision would lose X'V where the condition of X is large. */
    const uint32_t v_dtype = r->data_rank > 0 ? DCL_F64 : f->dtype;
    dcl_status status = dcl__write_matrix(f->folder, "U.npy", f->dtype, r->rows, r->width, r->u, error);
    if (status == DCL_OK)
        status = dcl__results_replace(f->folder, "factorize", &(dcl__texts){{"U.npy", "checkpoint"}, 2}, error);
    if (status == DCL_OK)
        status = dcl__write_matrix(f->folder, "V.npy", v_dtype, r->features, r->width, r->v, error);
    if (status == DCL_OK)
        status = write_history(f->folder, r, error);
    return status ? status : dcl__json_write(dcl__join(f->folder, "report.json").text, report, error);
}

static void print_optimum(const dcl_factorize_result *r)
{
    const dcl_optimum *o = &r->optimum;
    if (!o->inexact && o->convex_gap > 0)
        printf("optimum        %.9g (of two blocks; they cannot reach the convex value, %.9g)\n", o->minimum,
               o->minimum - o->convex_gap);
    else if (!o->inexact)
        printf("optimum        %.9g (closed form, tau %.6g)\n", o->minimum, o->tau);
    else if (r->noise.kind == DCL_NOISE_DROPBLOCK)
        printf("lower bound    %.9g (the convex value, which %s)\n", o->minimum, o->attained == DCL_NOT_ATTAINED
               ? "so few blocks cannot reach" : "no blocks were found to reach");
    else
        printf("lower bound    %.9g (this noise has no closed form)\n", o->minimum);
}

/* By the same rule as that of the factors, where the singular values are known. */
static void print_rank(const dcl_factorize_result *r)
{
    const int64_t rank = r->shrunk ? dcl__rank_under_noise(r->shrunk, r->data_count) : r->optimum.rank;
    printf("rank           %lld (at the %s %lld)\n", (long long)r->assessment.rank,
           r->optimum.inexact ? "bound" : "optimum", (long long)rank);
}

static void print_summary(const dcl__report_facts *f, const dcl_factorize_result *r)
{
    printf("device         %s (%s)\n", dcl_device_describe(f->device)->name, dcl_device_reason(f->device));
    char noise[160];
    name_noise(f, r, noise, sizeof noise);
    printf("problem        %lld x %lld, width %lld, %s, %s, %s\n", (long long)r->rows, (long long)r->columns,
           (long long)r->width, noise, solver_name(f->solver), dcl__dtype_name(f->dtype));
    if (r->data_rank > 0)
        printf("data X         %lld features of rank %lld, condition %.3g; they leave %.9g of Y\n",
               (long long)r->features, (long long)r->data_rank, r->data_condition, r->optimum.constant);
    printf("time           %.2f s, %lld steps, the first done after %.2f s\n", r->seconds, (long long)r->steps,
           r->seconds_to_first_step);
    printf("files          %s: U.npy V.npy report.json history.csv report.svg report.png\n", f->folder);
    printf("objective      %.9g\n", r->assessment.objective);
    print_optimum(r);
    printf("gap            %.2e (%s)\n", r->relative_gap, dcl__status_name(r->status));
    if (r->width_found < r->width_trained)
        printf("width          %lld of %lld units would do\n", (long long)r->width_found, (long long)r->width_trained);
    if (r->cut_off)
        printf("width          the width is cut off: more --rank would lower the objective\n");
    print_rank(r);
    printf("balance error  %.2e%s\n", r->assessment.balance_error,
           r->balanced_last ? " (balanced by the last step)" : "");
}

dcl_status dcl__report_factorization(const dcl__report_facts *facts, const dcl_factorize_result *result,
                                     dcl_error *error)
{
    json_t *report = describe(facts, result);
    if (!report)
        return dcl__no_memory(error, "the report", 0);
    dcl_status status = write_files(facts, result, report, error);
    if (status == DCL_OK && facts->json)
        dcl__print_json(report);
    else if (status == DCL_OK)
        print_summary(facts, result);
    json_decref(report);
    return status ? status : draw(facts, result, error);
}
