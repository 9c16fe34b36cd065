/* check_op.c: `dropcl check-op`: checks op plugins against the contract. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "conformance/conformance.h"

typedef struct request {
    const char *device, *plugin; /* plugin: a file, NULL for what is installed                       */
    const char *op;              /* one op by name, NULL for all of the plugin                       */
    int dtype, mode;             /* 1 f32, 2 f64, 3 both; 0 or 1 + dcl__mode                         */
} request;

static const char *verdict_name(dcl__verdict verdict)
{
    static const char *const names[] = {"ok", "FAILED", "-"};
    return names[verdict];
}

/* One line; the sum of failures. */
static int print_finding(const dcl__finding *finding)
{
    char cases[24] = "";
    if (finding->verdict == DCL__PASSED && finding->mode != DCL__CHECK_SPEED)
        snprintf(cases, sizeof cases, "%d cases", finding->cases);
    printf("%-20s %-4s %-12s %-7s %s%s\n", finding->op, finding->dtype == DCL_F64 ? "f64" : "f32",
           dcl__mode_name(finding->mode), verdict_name(finding->verdict), cases, finding->text);
    return finding->verdict == DCL__FAILED;
}

static int check_one(const dcl__tools *tools, const request *r, const dcl__op *op)
{
    int failures = 0;
    for (int dtype = 1; dtype <= 2; dtype++)
        for (int mode = 0; mode < DCL__MODE_COUNT; mode++) {
            if (!(r->dtype & dtype) || (r->mode && r->mode != mode + 1))
                continue;
            dcl__finding finding;
            dcl__check_op(tools->registry, op, tools->device, dtype == 2 ? DCL_F64 : DCL_F32, (dcl__mode)mode,
                          &finding);
            failures += print_finding(&finding);
            fflush(stdout);
        }
    return failures;
}

/* Whether the i-th op came from the plugin file, or the folder of plugins, that was asked for. */
static int is_asked_for(const dcl__tools *tools, const request *r, size_t i)
{
    const char *file = dcl_registry_file(tools->registry, i);
    if (r->op && strcmp(r->op, dcl_registry_op(tools->registry, i)->name))
        return 0;
    char *real = r->plugin ? realpath(r->plugin, NULL) : NULL;
    size_t length = real ? strlen(real) : 0;
    int asked = !real || (strncmp(file, real, length) == 0 && (!file[length] || file[length] == '/'));
    free(real);
    return asked;
}

static int check_all(const dcl__tools *tools, const request *r)
{
    int failures = 0, count = 0;
    for (size_t i = 0; i < dcl_registry_count(tools->registry); i++)
        if (is_asked_for(tools, r, i)) {
            failures += check_one(tools, r, dcl__registry_find(tools->registry,
                                                               dcl_registry_op(tools->registry, i)->name));
            count++;
        }
    if (count == 0) {
        dcl__complain("there is no op '%s' (`dropcl ops` lists them)", r->op ? r->op : r->plugin);
        return DCL__EXIT_INPUT;
    }
    printf("%d %s on '%s': %s\n", count, count == 1 ? "op" : "ops", dcl_device_describe(tools->device)->name,
           failures ? "FAILED" : "all checks passed");
    return failures ? DCL__EXIT_OTHER : DCL__EXIT_DONE;
}

int dcl__command_check_op(int argc, char **argv)
{
    request r = {.dtype = 0};
    const dcl__option options[] = {
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &r.device},
        {"--dtype", "f32|f64|both", "element type (default both where the device has f64)", DCL__OPTION_WORD, &r.dtype},
        {"--mode", "reference|gradient|determinism|arguments|speed", "only this mode", DCL__OPTION_WORD, &r.mode},
        {"--op", "NAME", "only this op", DCL__OPTION_TEXT, &r.op},
        {0}};
    const dcl__usage usage = {
        "check-op", "[FILE] [--op NAME]",
        "Runs the test cases that ops bring, in five modes: against their plain C reference, gradients\n"
        "by finite differences, determinism, bad arguments, speed. FILE is a plugin (NAME.dclop.so);\n"
        "without it all installed ops are checked. Exit status 1 when a check fails.",
        "  dropcl check-op ./softplus.dclop.so\n  dropcl check-op --op matmul --device gpu\n", options, 0, 1};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    r.plugin = positional[0];
    dcl__tools tools = {0};
    dcl_error error;
    dcl_status status = dcl__tools_open(&tools, r.device, r.plugin, &error);
    if (status == DCL_OK && r.dtype == 0)
        r.dtype = dcl_device_describe(tools.device)->fp64 ? 3 : 1;
    int result = status ? dcl__exit(status, &error) : check_all(&tools, &r);
    dcl__tools_close(&tools);
    return result;
}
