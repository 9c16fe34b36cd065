/* tune.c: `dropcl tune`: finds out what makes matrix products fast on a device, and keeps it for later runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/tune/tune.h"

enum { MOST_IMPORTS = 64 };

typedef struct request {
    const char *device;
    int dtype;                   /* 1 f32, 2 f64, 3 both                                             */
    double seconds;
    dcl__texts files;
    int clblast, json, quiet;
} request;

typedef struct run {
    const request *request;
    dcl_device *device;
    char *path;
    dcl__tuning_file file;
    dcl__import imports[MOST_IMPORTS];
} run;

static dcl_status save(void *user, dcl_error *error)
{
    const run *r = user;
    return dcl__tuning_write(r->path, dcl_device_describe(r->device), &r->file, error);
}

/* Opens the device as it is without tuning, and reads what an earlier run found. A file that is of no use any more
 * is replaced. */
static dcl_status open_device(run *r, dcl_error *error)
{
    dcl_status status = dcl_device_open(r->request->device, &r->device, error);
    if (status)
        return status;
    dcl__log_warnings(r->device);
    r->path = dcl__tuning_path(dcl_device_describe(r->device), error);
    if (!r->path)
        return DCL_EIO;
    dcl_error about;
    if (access(r->path, F_OK) == 0 && dcl__tuning_read(r->path, dcl_device_describe(r->device), &r->file, &about))
        dcl__complain("%s (the search starts anew)", about.text);
    return DCL_OK;
}

static dcl_status read_imports(run *r, int dtypes, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int i = 0; i < r->request->files.count && status == DCL_OK; i++) {
        dcl__import *import = &r->imports[i];
        import->file = r->request->files.items[i];
        status = dcl__clblast_results_read(import->file, &import->results, error);
        const int dtype = import->results.dtype == DCL_F64 ? 2 : 1;
        if (status == DCL_OK && !(dtypes & dtype))
            status = dcl__fail(error, DCL_EINVAL, "%s: these results are for %s, which is not tuned here (see --dtype)",
                               import->file, dtype == 2 ? "f64" : "f32");
        const char *here = dcl_device_describe(r->device)->name;
        if (status == DCL_OK && strcmp(import->results.device, here) != 0)
            dcl__complain("%s: measured on device '%s', not on '%s'; tried all the same", import->file,
                          import->results.device, here);
    }
    return status;
}

static dcl_status search(run *r, uint32_t dtype, double deadline, dcl_error *error)
{
    const int count = r->request->files.count;
    const dcl__search search = {
        .device = r->device, .dtype = dtype, .with_clblast = r->request->clblast || count > 0, .imports = r->imports,
        .import_count = count, .deadline = deadline, .progress = dcl__shows_progress(r->request->quiet),
        .results = dtype == DCL_F64 ? &r->file.f64 : &r->file.f32, .save = save, .user = r};
    return dcl__tune_search(&search, error);
}

/* Searches the wanted dtypes; those that come first leave their share of the time to the others. */
static dcl_status search_all(run *r, int dtypes, dcl_error *error)
{
    const double start = dcl__now(), end = start + r->request->seconds;
    dcl_status status = read_imports(r, dtypes, error);
    if (status == DCL_OK && (dtypes & 1))
        status = search(r, DCL_F32, dtypes == 3 ? (start + end) / 2 : end, error);
    if (status == DCL_OK && (dtypes & 2) && !dcl__interrupted())
        status = search(r, DCL_F64, end, error);
    return status;
}

static dcl_status print(const run *r, int dtypes, dcl_error *error)
{
    const dcl_device_info *info = dcl_device_describe(r->device);
    if (r->request->json) {
        char *text = dcl__tuning_json(info, &r->file);
        if (!text)
            return dcl__fail(error, DCL_ENOMEM, "the results cannot be written as JSON: host memory is out");
        puts(text);
        free(text);
        return DCL_OK;
    }
    printf("device   %s\nproducts in GFLOP/s, before and after tuning:\n\n", info->name);
    dcl__tune_print_imports(r->imports, r->request->files.count);
    if (dtypes & 1)
        dcl__tune_print(r->device, DCL_F32, &r->file.f32);
    if (dtypes & 2)
        dcl__tune_print(r->device, DCL_F64, &r->file.f64);
    printf("kept in %s; a second run goes on from there\n", r->path);
    return DCL_OK;
}

static dcl_status tune(run *r, dcl_error *error)
{
    dcl_status status = open_device(r, error);
    if (status)
        return status;
    const dcl_device_info *info = dcl_device_describe(r->device);
    const int dtypes = r->request->dtype ? r->request->dtype : info->fp64 ? 3 : 1;
    if ((dtypes & 2) && !info->fp64)
        return dcl__fail(error, DCL_EUNSUPPORTED, "device '%s' has no double precision (use --dtype f32)", info->name);
    dcl__catch_interrupts();
    status = search_all(r, dtypes, error);
    return status ? status : print(r, dtypes, error);
}

int dcl__command_tune(int argc, char **argv)
{
    request q = {.seconds = 60};
    const dcl__option options[] = {
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu (`dropcl devices`)", DCL__OPTION_TEXT, &q.device},
        {"--dtype", "f32|f64|both", "element type (default both where the device has f64)", DCL__OPTION_WORD, &q.dtype},
        {"--time", "SECONDS", "end after about so long (default 60)", DCL__OPTION_POSITIVE, &q.seconds},
        {"--import", "FILE", "try what a tuner of CLBlast found, also several times", DCL__OPTION_LIST, &q.files},
        {"--clblast", NULL, "search CLBlast's parameters also on CPU devices", DCL__OPTION_FLAG, &q.clblast},
        {"--json", NULL, "write the results as JSON", DCL__OPTION_FLAG, &q.json},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "tune", "[--time SECONDS] [--import FILE.json]...",
        "Measures which variant of the matrix product is fastest for each class of shapes on a device, and\n"
        "searches the parameters of its kernels. Whatever is faster first passes the self-test, then is kept in\n"
        "$XDG_DATA_HOME/dropcl/tuning, where later runs of dropcl find it. Ctrl-C keeps what was found; a second\n"
        "run goes on where the first one stopped. docs/tuning.md says more.",
        "  dropcl tune --device gpu --time 600\n  dropcl tune --import clblast_xgemm_1_32.json --dtype f32\n", options,
        0, 0};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    run r = {.request = &q};
    dcl_error error;
    dcl_status status = tune(&r, &error);
    dcl_device_close(r.device);
    free(r.path);
    return status == DCL_OK && dcl__interrupted() ? DCL__EXIT_INTERRUPTED : dcl__exit(status, &error);
}
