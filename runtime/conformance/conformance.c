/* conformance.c: checks any op against the contract, from its own table of cases. */
#include "conformance/conformance.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/differences.h"
#include "conformance/trial.h"
#include "core/schema.h"
#include "core/tensor.h"

const char *dcl__mode_name(dcl__mode mode)
{
    static const char *const names[] = {"reference", "gradient", "determinism", "arguments", "speed"};
    return names[mode];
}

/* One check under way. */
typedef struct check {
    const dcl_registry *registry;
    const dcl__op *op;
    dcl_device *device;
    uint32_t dtype;
    dcl__finding *finding;
} check;

__attribute__((format(printf, 3, 4)))
static void conclude(check *c, dcl__verdict verdict, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->finding->text, sizeof c->finding->text, format, arguments);
    va_end(arguments);
    c->finding->verdict = verdict;
}

static void fail_case(check *c, const dcl_case *record, const char *text)
{
    conclude(c, DCL__FAILED, "case \"%s\"%s%s: %s", record->inputs, record->attributes ? " " : "",
             record->attributes ? record->attributes : "", text);
}

static void try_case(check *c, const dcl_case *record, void (*run)(check *, const dcl__trial_case *))
{
    dcl__trial_case made;
    dcl_error error;
    if (dcl__case_make(c->op, record, 1, &made, &error))
        fail_case(c, record, error.text);
    else
        run(c, &made);
    dcl__case_free(&made);
    c->finding->cases += c->finding->verdict != DCL__FAILED;
}

/* Calls `run` for every case that is not meant to be refused, until one fails. */
static void each_case(check *c, void (*run)(check *, const dcl__trial_case *))
{
    for (const dcl_case *record = c->op->op.cases; record && record->inputs; record++)
        if (!(record->flags & DCL_CASE_REFUSED) && c->finding->verdict != DCL__FAILED)
            try_case(c, record, run);
}

/* Calls `run` for the last case that is not meant to be refused. */
static void last_case(check *c, void (*run)(check *, const dcl__trial_case *))
{
    const dcl_case *last = NULL;
    for (const dcl_case *record = c->op->op.cases; record && record->inputs; record++)
        last = record->flags & DCL_CASE_REFUSED ? last : record;
    if (last)
        try_case(c, last, run);
}

/* ---- Reference ---- */

/* The largest |device - reference| / (1 + |reference|); infinite when one is NaN and the other is not. */
static double difference(const dcl__outcome *a, const dcl__outcome *b, uint32_t *output, int64_t *index)
{
    double worst = 0;
    for (uint32_t k = 0; k < a->count; k++)
        for (int64_t i = 0; i < a->tensors[k].count; i++) {
            double x = a->data[k][i], y = b->data[k][i];
            double d = x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y) / (1 + fabs(y));
            if (isnan(d) || d > worst) {
                worst = isnan(d) ? INFINITY : d;
                *output = k;
                *index = i;
            }
        }
    return worst;
}

static void compare(check *c, const dcl__trial_case *made, const dcl__outcome *found, const dcl__outcome *wanted)
{
    char text[256];
    uint32_t k = 0;
    int64_t i = 0;
    double tolerance = c->dtype == DCL_F64 ? made->record->tolerance_f64 : made->record->tolerance_f32;
    double worst = difference(found, wanted, &k, &i);
    if (worst <= tolerance)
        return;
    snprintf(text, sizeof text, "output '%s'[%lld] is %.9g, the reference says %.9g: off by %.2g, allowed %.2g",
             c->op->op.outputs[k].name, (long long)i, found->data[k][i], wanted->data[k][i], worst, tolerance);
    fail_case(c, made->record, text);
}

static void check_reference(check *c, const dcl__trial_case *made)
{
    dcl__outcome found = {0}, wanted = {0};
    dcl_error error;
    if (dcl__trial_device(made, c->device, c->dtype, 0xA5, &found, &error) ||
        dcl__trial_reference(made, c->dtype, &wanted, &error))
        fail_case(c, made->record, error.text);
    else
        compare(c, made, &found, &wanted);
    dcl__outcome_free(&found);
    dcl__outcome_free(&wanted);
}

/* ---- Gradient ---- */

static void check_gradient(check *c, const dcl__trial_case *made)
{
    dcl_error error;
    if (made->record->flags & DCL_CASE_NO_GRADIENT) {
        c->finding->cases--;
        return;
    }
    if (dcl__check_differences(c->registry, made, c->device, c->dtype, &error))
        fail_case(c, made->record, error.text);
}

/* ---- Determinism ---- */

static int same_bits(const dcl__outcome *a, const dcl__outcome *b)
{
    for (uint32_t k = 0; k < a->count; k++)
        if (memcmp(a->data[k], b->data[k], (size_t)a->tensors[k].count * sizeof(double)) != 0)
            return 0;
    return 1;
}

static void check_determinism(check *c, const dcl__trial_case *made)
{
    static const uint8_t garbage[] = {0xA5, 0x3C, 0xFF};
    dcl__outcome first = {0}, again = {0};
    dcl_error error = {0};
    dcl_status status = dcl__trial_device(made, c->device, c->dtype, garbage[0], &first, &error);
    for (int run = 1; run < 3 && status == DCL_OK && c->finding->verdict != DCL__FAILED; run++) {
        status = dcl__trial_device(made, c->device, c->dtype, garbage[run], &again, &error);
        if (status == DCL_OK && !same_bits(&first, &again))
            fail_case(c, made->record, "two runs on the same data give different bits (a race, or memory that is "
                                       "read before it is written)");
        dcl__outcome_free(&again);
    }
    if (status)
        fail_case(c, made->record, error.text);
    dcl__outcome_free(&first);
}

/* ---- Arguments ---- */

/* A number outside an attribute's bounds must be refused by name. */
static void check_bounds(check *c, const dcl_attribute *a)
{
    if (a->least == 0 && a->most == 0)
        return;
    /* Far enough to be another double, also beyond 2^53. */
    const double outside[] = {a->least - 1 - 1e-9 * fabs(a->least), a->most + 1 + 1e-9 * fabs(a->most)};
    for (int i = 0; i < 2; i++) {
        const int64_t list[] = {(int64_t)outside[i]};
        const dcl_setting given[] = {{.name = a->name, .integer = (int64_t)outside[i], .number = outside[i],
                                      .list = list, .count = 1}, {0}};
        dcl_setting *settings = NULL;
        dcl_error error = {0};
        if (fabs(outside[i]) > 9e18)
            continue;
        if (dcl__settings_resolve(&c->op->op, given, &settings, &error) == DCL_OK) {
            dcl__settings_free(&c->op->op, settings);
            conclude(c, DCL__FAILED, "attribute '%s' takes %g, outside its bounds", a->name, outside[i]);
        }
    }
}

static void check_refused(check *c, const dcl_case *record)
{
    dcl__trial_case made;
    dcl_call call;
    dcl_error error = {0};
    dcl_status status = dcl__case_make(c->op, record, 1, &made, &error);
    if (status == DCL_OK)
        status = dcl__case_infer(&made, c->dtype, &call, &error);
    if (status == DCL_OK)
        fail_case(c, record, "it is meant to be refused, but infer takes it");
    else if (strstr(error.text, "without a reason"))
        fail_case(c, record, error.text);
    dcl__case_free(&made);
    c->finding->cases++;
}

/* Random ranks and sizes: infer may take or refuse them, but a refusal needs a reason. */
static void check_odd_shapes(check *c, const dcl__trial_case *made)
{
    dcl__trial_case odd = *made;
    for (uint32_t trial = 0; trial < 32 && c->finding->verdict != DCL__FAILED; trial++) {
        for (uint32_t i = 0; i < odd.input_count; i++) {
            uint32_t words[4];
            dcl_random_words(trial, 0, i, 0, words);
            odd.ranks[i] = words[0] % (DCL_MAX_RANK + 1);
            for (uint32_t d = 0; d < odd.ranks[i]; d++)
                odd.dims[i][d] = 1 + (words[1] >> 3 * d) % 7;
        }
        dcl_call call;
        dcl_error error = {0};
        if (dcl__case_infer(&odd, c->dtype, &call, &error) && strstr(error.text, "without a reason"))
            fail_case(c, made->record, error.text);
    }
}

static void check_arguments(check *c)
{
    for (const dcl_attribute *a = c->op->op.attributes; a && a->name; a++)
        check_bounds(c, a);
    for (const dcl_case *record = c->op->op.cases; record && record->inputs; record++)
        if ((record->flags & DCL_CASE_REFUSED) && c->finding->verdict != DCL__FAILED)
            check_refused(c, record);
    if (c->finding->verdict != DCL__FAILED)
        each_case(c, check_odd_shapes);
}

/* ---- Speed ---- */

static void check_speed(check *c, const dcl__trial_case *made)
{
    enum { RUNS = 5 };
    double best = INFINITY, reference = INFINITY;
    dcl_error error = {0};
    for (int run = 0; run < RUNS; run++) {
        dcl__outcome outcome = {0};
        if (dcl__trial_device(made, c->device, c->dtype, 0, &outcome, &error)) {
            fail_case(c, made->record, error.text);
            return;
        }
        best = fmin(best, outcome.seconds);
        dcl__outcome_free(&outcome);
        if (c->op->op.reference && dcl__trial_reference(made, c->dtype, &outcome, &error) == DCL_OK)
            reference = fmin(reference, outcome.seconds);
        dcl__outcome_free(&outcome);
    }
    char beside[48] = "there is no reference";
    if (isfinite(reference))
        snprintf(beside, sizeof beside, "%.0f us by the reference", reference * 1e6);
    conclude(c, DCL__PASSED, "last case \"%s\": %.0f us on the device, %s", made->record->inputs, best * 1e6, beside);
}

/* ---- All ---- */

static void run_check(check *c, dcl__mode mode)
{
    switch (mode) {
    case DCL__CHECK_REFERENCE: each_case(c, check_reference); break;
    case DCL__CHECK_GRADIENT: each_case(c, check_gradient); break;
    case DCL__CHECK_DETERMINISM: each_case(c, check_determinism); break;
    case DCL__CHECK_SPEED: last_case(c, check_speed); break;
    default: check_arguments(c);
    }
}

void dcl__check_op(const dcl_registry *registry, const dcl__op *op, dcl_device *device, uint32_t dtype,
                   dcl__mode mode, dcl__finding *finding)
{
    check c = {registry, op, device, dtype, finding};
    *finding = (dcl__finding){.op = op->op.name, .mode = mode, .dtype = dtype, .verdict = DCL__PASSED};
    int needs_fp64 = dtype == DCL_F64 || (op->op.needs & DCL_NEEDS_FP64);
    if (!op->op.cases)
        conclude(&c, DCL__NOT_APPLICABLE, "the op has no cases");
    else if (needs_fp64 && !device->info.fp64 && mode != DCL__CHECK_ARGUMENTS)
        conclude(&c, DCL__NOT_APPLICABLE, "device '%s' has no double precision", device->info.name);
    else if (mode == DCL__CHECK_REFERENCE && !op->op.reference)
        conclude(&c, DCL__NOT_APPLICABLE, "the op has no reference");
    else if (mode == DCL__CHECK_GRADIENT && !op->op.gradient)
        conclude(&c, DCL__NOT_APPLICABLE, "the op has no gradient");
    else
        run_check(&c, mode);
    if (finding->verdict == DCL__PASSED && finding->cases == 0)
        conclude(&c, DCL__FAILED, "none of the op's cases is for this mode");
}
