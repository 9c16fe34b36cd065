/* start.c: how long `dropcl factorize` takes to its first step, with and without cached kernels. */
#include "command/bench/start.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "benchmark/spectrum.h"
#include "command/command.h"
#include "command/files.h"
#include "core/memory.h"

enum { ROWS = 300, COLUMNS = 200, RANK = 8 };

extern char **environ;

/* ---- The temporary folder ---- */

static int remove_entry(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about, (void)type, (void)where;
    return remove(path);
}

static void remove_tree(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static dcl_status make_folder(char folder[64], dcl_error *error)
{
    snprintf(folder, 64, "/tmp/dropcl-bench-XXXXXX");
    if (mkdtemp(folder))
        return DCL_OK;
    return dcl__fail(error, DCL_EIO, "%s: no temporary folder can be made (%s)", folder, strerror(errno));
}

static dcl_status write_data(const char *folder, dcl_error *error)
{
    double values[COLUMNS];
    dcl__spectrum_fill(values, COLUMNS, RANK);
    double *matrix = dcl__spectrum_matrix(ROWS, COLUMNS, values, error);
    if (!matrix)
        return DCL_ENOMEM;
    dcl_status status = dcl__write_matrix(folder, "Y.npy", DCL_F32, ROWS, COLUMNS, matrix, error);
    free(matrix);
    return status;
}

/* ---- One run ---- */

/* Runs `env CACHES... dropcl factorize ...` without its output and waits. Dropcl's kernel cache and those of
 * drivers are inside the folder. */
static int run_program(const char *folder, const char *device)
{
    static const char *const caches[] = {"XDG_CACHE_HOME", "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR",
                                         "CUDA_CACHE_PATH"};
    char program[4096] = "", variables[4][128];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    dcl__path data = dcl__join(folder, "Y.npy"), fit = dcl__join(folder, "fit");
    char *words[32] = {"env"};
    int count = 1;
    for (int i = 0; i < 4; i++) {
        snprintf(variables[i], sizeof variables[i], "%s=%s/cache", caches[i], folder);
        words[count++] = variables[i];
    }
    char *const command[] = {program, "factorize", data.text, "-o", fit.text, "--rank", "20", "--steps", "20",
                             "--quiet"};
    for (size_t i = 0; i < sizeof command / sizeof *command; i++)
        words[count++] = command[i];
    if (device) {
        words[count++] = "--device";
        words[count++] = (char *)device;
    }
    posix_spawn_file_actions_t actions;
    pid_t child;
    int result = -1, failed = length < 1 || posix_spawn_file_actions_init(&actions);
    if (failed)
        return -1;
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (posix_spawnp(&child, "env", &actions, NULL, words, environ) == 0)
        while (waitpid(child, &result, 0) < 0 && errno == EINTR)
            ;
    posix_spawn_file_actions_destroy(&actions);
    return result;
}

static dcl_status time_start(const char *folder, const char *device, double *seconds, dcl_error *error)
{
    dcl__path fit = dcl__join(folder, "fit"), file = dcl__join(fit.text, "report.json");
    remove_tree(fit.text);
    int result = run_program(folder, device);
    json_t *report = result == 0 ? json_load_file(file.text, 0, NULL) : NULL;
    json_t *first = json_object_get(report, "seconds_to_first_step");
    *seconds = json_number_value(first);
    json_decref(report);
    return first ? DCL_OK : dcl__fail(error, DCL_EDEVICE, "running `dropcl factorize` on a small matrix failed "
                                      "(run it yourself to see why)");
}

/* ---- The comparison ---- */

/* An empty cache, then what that run left there, by turns. */
static dcl_status compare(const dcl__bench *bench, const char *folder, dcl__comparison *times, dcl_error *error)
{
    dcl__path cache = dcl__join(folder, "cache");
    int wanted = times->repeats;
    dcl_status status = DCL_OK;
    for (times->repeats = 0; times->repeats < wanted && status == DCL_OK; times->repeats++) {
        int r = times->repeats;
        if (bench->watch.repeat(bench->watch.user, "start", r, wanted))
            break;
        remove_tree(cache.text);
        status = time_start(folder, bench->selector, &times->seconds[0][r], error);
        if (status == DCL_OK)
            status = time_start(folder, bench->selector, &times->seconds[1][r], error);
    }
    return dcl__interrupted() ? DCL_OK : status;    /* the interrupt came to the child as well */
}

dcl_status dcl__bench_start(const dcl__bench *bench, dcl__record records[2], dcl_error *error)
{
    static const char *const details[] = {"empty cache", "warm cache"};
    char folder[64];
    dcl__comparison times = {.repeats = bench->repeats};
    dcl_status status = make_folder(folder, error);
    if (status)
        return status;
    status = write_data(folder, error);
    if (status == DCL_OK)
        status = compare(bench, folder, &times, error);
    remove_tree(folder);
    for (int i = 0; i < 2; i++) {
        records[i] = dcl__record_empty("start", DCL_F32);
        snprintf(records[i].shape, sizeof records[i].shape, "%dx%dx%d", ROWS, COLUMNS, 20);
        snprintf(records[i].detail, sizeof records[i].detail, "%s", details[i]);
        records[i].repeats = times.repeats;
        records[i].seconds = dcl__spread_of_side(&times, i);
    }
    return status;
}
