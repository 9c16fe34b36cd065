/* table.c: the table test: every op of every plugin against the contract, on one device, in one type.
 *
 *     table [--plugin FILE] [--modes NAME,NAME] DEVICE f32|f64 [OP...]
 *
 * Prints a line for each op and a summary. Exit status: 0 all is well, 1 something failed, 77 there is no
 * such device. Where the device has no double precision, every check in f64 must be refused in words, and
 * so must a session; that it was refused is what is reported then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "conformance/conformance.h"
#include "core/tensor.h"

typedef struct options {
    const char *plugin, *modes, *device;
    uint32_t dtype;
    char **ops;                  /* names, ends with NULL; none: all ops                             */
} options;

typedef struct totals {
    int ops, passed, failed, refused, without;
} totals;

static int usage(void)
{
    fputs("usage: table [--plugin FILE] [--modes reference,gradient,...] DEVICE f32|f64 [OP...]\n", stderr);
    return 0;
}

/* 0 for any other word. */
static uint32_t read_dtype(const char *word)
{
    if (strcmp(word, "f64") == 0)
        return DCL_F64;
    return strcmp(word, "f32") == 0 ? DCL_F32 : 0;
}

static int read_options(char **arguments, options *given)
{
    *given = (options){0};
    for (arguments++; *arguments && strncmp(*arguments, "--", 2) == 0; arguments += 2) {
        if (!arguments[1])
            return usage();
        if (strcmp(*arguments, "--plugin") == 0)
            given->plugin = arguments[1];
        else if (strcmp(*arguments, "--modes") == 0)
            given->modes = arguments[1];
        else
            return usage();
    }
    if (!arguments[0] || !arguments[1])
        return usage();
    given->device = arguments[0];
    given->dtype = read_dtype(arguments[1]);
    given->ops = arguments + 2;
    return given->dtype ? 1 : usage();
}

static int is_chosen(const options *given, const char *op, const char *file)
{
    if (given->plugin) {
        const char *name = strrchr(given->plugin, '/');
        if (!strstr(file, name ? name : given->plugin))
            return 0;
    }
    if (!given->ops[0])
        return 1;
    for (char **name = given->ops; *name; name++)
        if (strcmp(*name, op) == 0)
            return 1;
    return 0;
}

static int mode_is_chosen(const options *given, dcl__mode mode)
{
    return !given->modes || strstr(given->modes, dcl__mode_name(mode)) != NULL;
}

/* Whether the device lacks what the check needs, so that only a refusal is right. */
static int must_be_refused(const options *given, const dcl_op *op, const dcl_device *device, dcl__mode mode)
{
    return (given->dtype == DCL_F64 || (op->needs & DCL_NEEDS_FP64)) && !dcl_device_describe(device)->fp64 &&
           mode != DCL__CHECK_ARGUMENTS;
}

/* Judges one finding and prints its part of the line. An op may do without a gradient, but not without
 * cases or a reference: it would not be tested. */
static void judge(const dcl__finding *finding, int refusal, totals *sum)
{
    const char *mode = dcl__mode_name(finding->mode);
    int not_applicable = finding->verdict == DCL__NOT_APPLICABLE;
    if (refusal && not_applicable && strstr(finding->text, "has no double precision")) {
        sum->refused++;
        printf("  %s refused", mode);
    } else if (finding->verdict == DCL__FAILED || refusal ||
               (not_applicable && finding->mode != DCL__CHECK_GRADIENT)) {
        sum->failed++;
        printf("\n  FAILED %s: %s\n", mode, *finding->text ? finding->text : "it should have been refused");
    } else if (not_applicable) {
        sum->without++;
        printf("  no %s", mode);
    } else {
        sum->passed++;
        printf(finding->mode == DCL__CHECK_SPEED ? "  %s" : "  %s %d", finding->mode == DCL__CHECK_SPEED
               ? finding->text : mode, finding->cases);
    }
}

static void check_op(const options *given, const dcl_registry *registry, const dcl__op *op,
                     dcl_device *device, totals *sum)
{
    printf("%-18s", op->op.name);
    for (int mode = 0; mode < DCL__MODE_COUNT; mode++) {
        dcl__finding finding;
        if (!mode_is_chosen(given, (dcl__mode)mode))
            continue;
        dcl__check_op(registry, op, device, given->dtype, (dcl__mode)mode, &finding);
        judge(&finding, must_be_refused(given, &op->op, device, (dcl__mode)mode), sum);
    }
    sum->ops++;
    putchar('\n');
    fflush(stdout);
}

/* A session in f64 on a device without it must be refused, and say why. */
static int session_is_refused(const dcl_registry *registry, dcl_device *device)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    dcl_error error = {0};
    dcl_status status = dcl_graph_create(registry, DCL_F64, 1, &graph, &error);
    if (status == DCL_OK)
        status = dcl_session_create(device, graph, &session, &error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    printf("a session in f64: %s\n", status ? error.text : "FAILED: it is not refused");
    return status == DCL_EUNSUPPORTED && strstr(error.text, "has no double precision");
}

static int run_table(const options *given, const dcl_registry *registry, dcl_device *device)
{
    totals sum = {0};
    const dcl_device_info *info = dcl_device_describe(device);
    if (given->dtype == DCL_F64 && !info->fp64)
        sum.failed += !session_is_refused(registry, device);
    for (size_t i = 0; i < dcl_registry_count(registry); i++) {
        const char *name = dcl_registry_op(registry, i)->name;
        if (is_chosen(given, name, dcl_registry_file(registry, i)))
            check_op(given, registry, dcl__registry_find(registry, name), device, &sum);
    }
    printf("%d ops on '%s' in %s: %d checks passed, %d failed, %d refused in words for lack of double "
           "precision; %d ops have no gradient\n", sum.ops, info->name, dcl__dtype_name(given->dtype),
           sum.passed, sum.failed, sum.refused, sum.without);
    return sum.failed || !sum.ops ? TEST_FAILED : TEST_PASSED;
}

int main(int argument_count, char **arguments)
{
    options given;
    dcl_registry *registry = NULL;
    dcl_device *device = NULL;
    int result;
    (void)argument_count;
    if (!read_options(arguments, &given))
        return TEST_FAILED;
    if (open_or_skip(given.device, given.plugin, &registry, &device, &result))
        return result;
    result = run_table(&given, registry, device);
    dcl_device_close(device);
    dcl_registry_close(registry);
    return result;
}
