/* bench.c: `dropcl bench`: how fast a device computes, beside what one would use instead and its own limits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "benchmark/host.h"
#include "command/bench/report.h"
#include "command/bench/start.h"
#include "command/command.h"

enum { MOST_RECORDS = 72 };

enum benchmark { GEMM, STEP, ENTRIES, THRESHOLD, START, BENCHMARK_COUNT };
static const char *const names[BENCHMARK_COUNT] = {"gemm", "step", "entries", "threshold", "start"};

typedef struct request {
    const char *device;
    int wanted[BENCHMARK_COUNT];
    int dtype, json, quiet, scaling, without_limits;
    int64_t repeats;
    double retain;               /* NAN: 0.5 and 1, with another noise 0.5                           */
    int noise;                   /* the word of --noise; 0: dropout                                  */
    int64_t block;
    dcl__texts sizes;
} request;

/* What a run has and has found. */
typedef struct run {
    const request *request;
    dcl__tools tools;
    dcl__bench bench;
    dcl__limits limits;
    dcl__record records[MOST_RECORDS];
    dcl__scaling scalings[3];
    int record_count, scaling_count;
} run;

/* ---- Sizes ---- */

/* "2304", "2304x96" or "2304x2304x96": how many numbers there are, 0 when it is none of these. *rest is what
 * follows. */
static int read_size(const char *text, int64_t dim[3], const char **rest)
{
    int count = 0;
    for (char *end; count < 3; text = end + 1) {
        dim[count] = strtoll(text, &end, 10);
        if (end == text || dim[count] < 1 || dim[count] > 1000000)
            return 0;
        count++;
        *rest = end;
        if (*end != 'x')
            break;
    }
    return count;
}

/* "nn", "tn", "nt" or "tt", which may be left out. */
static int read_transpose(const char *text, uint32_t *transpose)
{
    *transpose = 0;
    if (!*text)
        return 1;
    if (strlen(text) != 3 || text[0] != ',' || !strchr("nt", text[1]) || !strchr("nt", text[2]))
        return 0;
    *transpose = (text[1] == 't' ? DCL_TRANSPOSE_A : 0) | (text[2] == 't' ? DCL_TRANSPOSE_B : 0);
    return 1;
}

static int read_gemm_size(const char *text, dcl__gemm_size *size)
{
    int64_t d[3];
    const char *rest;
    int count = read_size(text, d, &rest);
    *size = count == 3 ? (dcl__gemm_size){d[0], d[1], d[2], 0} : (dcl__gemm_size){d[0], d[0], d[0], 0};
    return (count == 3 || count == 1) && read_transpose(rest, &size->transpose);
}

static int read_step_size(const char *text, dcl__step_size *size)
{
    int64_t d[3];
    const char *rest;
    int good = read_size(text, d, &rest) == 3 && !*rest;
    *size = good ? (dcl__step_size){d[0], d[1], d[2], 1, DCL_NOISE_DROPOUT, 0} : (dcl__step_size){0};
    return good;
}

/* One entry in 50 is known. */
static int read_entries_size(const char *text, dcl__entries_size *size)
{
    dcl__step_size like;
    int good = read_step_size(text, &like);
    *size = (dcl__entries_size){like.m, like.n, like.width, (like.m * like.n + 49) / 50};
    return good;
}

static int read_threshold_size(const char *text, dcl__threshold_size *size)
{
    int64_t d[3];
    const char *rest;
    int count = read_size(text, d, &rest);
    *size = (dcl__threshold_size){d[0], count == 2 ? d[1] : d[0], 1};
    return (count == 1 || count == 2) && !*rest;
}

/* ---- Running ---- */

static int on_repeat(void *user, const char *what, int repeat, int repeats)
{
    const request *q = user;
    char line[160];
    snprintf(line, sizeof line, "%s: %d of %d", what, repeat + 1, repeats);
    if (dcl__shows_progress(q->quiet || q->json))
        dcl__progress_line(line);
    return dcl__interrupted();
}

/* The place of the next record; the caller has seen to it that there is one. */
static dcl__record *next_record(run *r)
{
    return &r->records[r->record_count];
}

/* Keeps what was measured when it is whole. */
static void keep(run *r, dcl_status status)
{
    r->record_count += status == DCL_OK && !dcl__interrupted();
}

static dcl_status run_gemm(run *r, dcl_error *error)
{
    static const char *const defaults[] = {"1024", "2304", "2304x2304x96", "60000x64x784", "784x64x60000,tn",
                                           "60000x784x64,nt", "200", "33x65x129"};
    const dcl__texts *given = &r->request->sizes;
    int count = given->count ? given->count : (int)(sizeof defaults / sizeof *defaults);
    dcl_status status = DCL_OK;
    for (int i = 0; i < count && status == DCL_OK && !dcl__interrupted(); i++) {
        dcl__gemm_size size;
        read_gemm_size(given->count ? given->items[i] : defaults[i], &size);
        status = dcl__bench_gemm(&r->bench, &size, next_record(r), error);
        keep(r, status);
    }
    return status;
}

/* The words of --noise are in an order of their own. */
static int noise_of(const request *q)
{
    static const int noises[] = {DCL_NOISE_DROPOUT, DCL_NOISE_DROPOUT, DCL_NOISE_DROPBLOCK, DCL_NOISE_DROPCONNECT};
    return noises[q->noise];
}

static dcl_status run_step(run *r, dcl_error *error)
{
    static const char *const defaults[] = {"2304x2304x96", "10000x784x64", "784x10000x256"};
    const double both[] = {0.5, 1}, *retain = isnan(r->request->retain) ? both : &r->request->retain;
    const dcl__texts *given = &r->request->sizes;
    const int noise = noise_of(r->request), is_other = noise != DCL_NOISE_DROPOUT;
    int count = given->count ? given->count : (int)(sizeof defaults / sizeof *defaults);
    dcl_status status = DCL_OK;
    for (int i = 0; i < count; i++)
        for (int k = 0; k < (retain == both && !is_other ? 2 : 1) && status == DCL_OK && !dcl__interrupted(); k++) {
            dcl__step_size size;
            read_step_size(given->count ? given->items[i] : defaults[i], &size);
            size.retain = retain[k];
            size.noise = noise;
            size.block = r->request->block;
            status = (is_other ? dcl__bench_noise : dcl__bench_step)(&r->bench, &size, next_record(r), error);
            keep(r, status);
        }
    return status;
}

static dcl_status run_scaling(run *r, dcl_error *error)
{
    const dcl__texts *given = &r->request->sizes;
    dcl_status status = DCL_OK;
    dcl__step_size base;
    read_step_size(given->count ? given->items[0] : "1000x800x32", &base);
    base.retain = isnan(r->request->retain) ? 0.5 : r->request->retain;
    for (int i = 0; i < 3 && status == DCL_OK && !dcl__interrupted(); i++) {
        status = dcl__bench_scaling(&r->bench, &base, i, &r->scalings[i], error);
        r->scaling_count += status == DCL_OK && !dcl__interrupted();
    }
    return status;
}

static dcl_status run_entries(run *r, dcl_error *error)
{
    static const char *const defaults[] = {"10000x10000x10", "10000x10000x64"};
    const dcl__texts *given = &r->request->sizes;
    int count = given->count ? given->count : (int)(sizeof defaults / sizeof *defaults);
    dcl_status status = DCL_OK;
    for (int i = 0; i < count && status == DCL_OK && !dcl__interrupted(); i++) {
        dcl__entries_size size;
        read_entries_size(given->count ? given->items[i] : defaults[i], &size);
        status = dcl__bench_entries(&r->bench, &size, next_record(r), error);
        keep(r, status);
    }
    return status;
}

static dcl_status run_threshold(run *r, dcl_error *error)
{
    const double surviving[] = {0.05, 1};
    const dcl__texts *given = &r->request->sizes;
    dcl_status status = DCL_OK;
    for (int i = 0; i < (given->count ? given->count : 1); i++)
        for (int k = 0; k < 2 && status == DCL_OK && !dcl__interrupted(); k++) {
            dcl__threshold_size size;
            read_threshold_size(given->count ? given->items[i] : "2304", &size);
            size.surviving = surviving[k];
            status = dcl__bench_threshold(&r->bench, &size, next_record(r), error);
            keep(r, status);
        }
    return status;
}

static dcl_status run_start(run *r, dcl_error *error)
{
    dcl_status status = dcl__bench_start(&r->bench, next_record(r), error);
    keep(r, status);
    keep(r, status);
    return status;
}

/* The limits are measured before and after all else: what disturbs the one may spare the other. */
static dcl_status measure_limits(run *r, dcl_error *error)
{
    const request *q = r->request;
    int needed = q->wanted[GEMM] || q->wanted[ENTRIES] || (q->wanted[STEP] && !q->scaling);
    if (!needed || q->without_limits || dcl__interrupted())
        return DCL_OK;
    dcl_status status = dcl__limits_measure(r->tools.device, r->bench.dtype, r->bench.repeats, &r->bench.watch,
                                            &r->limits, error);
    if (!dcl__interrupted())
        r->bench.limits = &r->limits;
    return status;
}

static dcl_status run_all(run *r, dcl_error *error)
{
    static dcl_status (*const functions[])(run *, dcl_error *) = {run_gemm, run_step, run_entries, run_threshold,
                                                                      run_start};
    const request *q = r->request;
    dcl_status status = measure_limits(r, error);
    for (int i = 0; i < BENCHMARK_COUNT && status == DCL_OK && !dcl__interrupted(); i++)
        if (q->wanted[i])
            status = i == STEP && q->scaling ? run_scaling(r, error) : functions[i](r, error);
    if (status == DCL_OK)
        status = measure_limits(r, error);
    for (int i = 0; i < r->record_count && r->bench.limits; i++)
        dcl__record_limit(&r->records[i], r->bench.limits);
    return status;
}

static dcl_status open_run(run *r, dcl_error *error)
{
    const request *q = r->request;
    dcl_status status = dcl__tools_open(&r->tools, q->device, NULL, error);
    if (status)
        return status;
    const dcl_device_info *info = dcl_device_describe(r->tools.device);
    r->bench = (dcl__bench){.registry = r->tools.registry, .selector = q->device, .device = r->tools.device,
                            .dtype = q->dtype == 2 ? DCL_F64 : DCL_F32, .repeats = (int)q->repeats,
                            .threads = dcl__host_threads(info), .watch = {on_repeat, (void *)q}};
    if (r->bench.dtype == DCL_F64 && !info->fp64) {
        dcl__complain("device '%s' has no double precision (leave out --dtype f64)", info->name);
        return DCL_EUNSUPPORTED;
    }
    return DCL_OK;
}

static dcl_status report(const run *r, dcl_error *error)
{
    const dcl__bench_results results = {.device = dcl_device_describe(r->tools.device), .limits = r->bench.limits,
                                        .threads = r->bench.threads, .records = r->records,
                                        .record_count = r->record_count, .scalings = r->scalings,
                                        .scaling_count = r->scaling_count};
    if (r->request->json)
        return dcl__bench_print_json(&results, error);
    dcl__bench_print(&results);
    return DCL_OK;
}

static int bench(const request *q)
{
    run *r = calloc(1, sizeof *r);
    dcl_error error;
    if (!r) {
        dcl__complain("out of host memory");
        return DCL__EXIT_OTHER;
    }
    r->request = q;
    dcl__catch_interrupts();
    dcl_status status = open_run(r, &error);
    if (status == DCL_OK)
        status = run_all(r, &error);
    dcl__progress_line(NULL);
    if (status == DCL_OK)
        status = report(r, &error);
    dcl__tools_close(&r->tools);
    free(r);
    return status ? dcl__exit(status, &error) : dcl__interrupted() ? DCL__EXIT_INTERRUPTED : DCL__EXIT_DONE;
}

/* ---- The command line ---- */

/* Marks the benchmarks that are named, or all. */
static int choose(request *q, const char *const *positional)
{
    int all = !positional[0];
    for (int i = 0; i < BENCHMARK_COUNT; i++)
        q->wanted[i] = all && !q->scaling;
    for (; *positional; positional++) {
        int i = 0;
        while (i < BENCHMARK_COUNT && strcmp(*positional, names[i]))
            i++;
        if (i == BENCHMARK_COUNT)
            return dcl__misuse("bench", "there is no benchmark '%s': gemm, step, entries, threshold or start",
                               *positional);
        q->wanted[i] = 1;
    }
    q->wanted[STEP] |= q->scaling;
    return DCL__GO_ON;
}

static int check_size(const request *q, const char *text)
{
    dcl__gemm_size gemm;
    dcl__step_size step;
    dcl__entries_size entries;
    dcl__threshold_size threshold;
    if (q->wanted[GEMM] && !read_gemm_size(text, &gemm))
        return dcl__misuse("bench", "--size '%s' of gemm must be MxNxK or N, with ,tn ,nt or ,tt for transposes", text);
    if (q->wanted[STEP] && !read_step_size(text, &step))
        return dcl__misuse("bench", "--size '%s' of step must be MxNxR", text);
    if (q->wanted[STEP] && q->block && step.width % q->block)
        return dcl__misuse("bench", "--size '%s': %lld units cannot be cut into blocks of %lld", text,
                           (long long)step.width, (long long)q->block);
    if (q->wanted[ENTRIES] && !read_entries_size(text, &entries))
        return dcl__misuse("bench", "--size '%s' of entries must be MxNxR", text);
    if (q->wanted[THRESHOLD] && !read_threshold_size(text, &threshold))
        return dcl__misuse("bench", "--size '%s' of threshold must be MxN or N", text);
    return DCL__GO_ON;
}

/* Blocks of 4 units where nothing else is said. */
static int check_noise(request *q)
{
    const int has_blocks = noise_of(q) == DCL_NOISE_DROPBLOCK;
    if (q->noise && (!q->wanted[STEP] || q->scaling))
        return dcl__misuse("bench", "--noise is for step: name it");
    if (q->block && !has_blocks)
        return dcl__misuse("bench", "--block is the size of DropBlock's blocks, it needs --noise dropblock");
    q->block = has_blocks && !q->block ? 4 : q->block;
    return DCL__GO_ON;
}

static int check_request(request *q, const char *const *positional)
{
    int over = choose(q, positional);
    if (over == DCL__GO_ON)
        over = check_noise(q);
    if (over != DCL__GO_ON)
        return over;
    if (q->repeats > DCL__MOST_REPEATS)
        return dcl__misuse("bench", "--repeats is %lld, it must be from 1 to %d", (long long)q->repeats,
                           DCL__MOST_REPEATS);
    if (!isnan(q->retain) && !(q->retain > 0 && q->retain <= 1))
        return dcl__misuse("bench", "--retain is %g, it must be above 0 and at most 1", q->retain);
    if (q->sizes.count && q->wanted[GEMM] + q->wanted[STEP] + q->wanted[ENTRIES] + q->wanted[THRESHOLD] != 1)
        return dcl__misuse("bench", "--size is for one of gemm, step, entries and threshold: name which");
    if (q->sizes.count > 16)
        return dcl__misuse("bench", "--size is given %d times, 16 are enough", q->sizes.count);
    for (int i = 0; i < q->sizes.count && over == DCL__GO_ON; i++)
        over = check_size(q, q->sizes.items[i]);
    return over;
}

int dcl__command_bench(int argc, char **argv)
{
    request q = {.dtype = 1, .repeats = 7, .retain = NAN};
    const dcl__option options[] = {
        {"--size", "SIZE", "MxNxK of a product (,tn ,nt ,tt: transposed), MxNxR of a step or of entries, MxN of a "
         "threshold; repeatable", DCL__OPTION_LIST, &q.sizes},
        {"--retain", "T", "of a step (default 0.5 and 1, with another noise 0.5)", DCL__OPTION_NUMBER, &q.retain},
        {"--noise", "dropout|dropblock|dropconnect", "of a step (default dropout): another noise is timed beside "
         "dropout", DCL__OPTION_WORD, &q.noise},
        {"--block", "B", "units in a block of dropblock (default 4)", DCL__OPTION_INTEGER, &q.block},
        {"--scaling", NULL, "instead of steps: how time and memory of a step grow with m, n and r", DCL__OPTION_FLAG,
         &q.scaling},
        {"--repeats", "N", "timings of each side (default 7)", DCL__OPTION_INTEGER, &q.repeats},
        {"--no-limits", NULL, "do not measure what the device can do at most", DCL__OPTION_FLAG, &q.without_limits},
        {"--dtype", "f32|f64", "precision (default f32)", DCL__OPTION_WORD, &q.dtype},
        {"--device", "SELECTOR", "index, part of a name, gpu or cpu", DCL__OPTION_TEXT, &q.device},
        {"--json", NULL, "print JSON instead of tables", DCL__OPTION_FLAG, &q.json},
        {"--quiet", NULL, "no progress line", DCL__OPTION_FLAG, &q.quiet},
        {0}};
    const dcl__usage usage = {
        "bench", "[gemm] [step] [entries] [threshold] [start] [options]",
        "Measures matrix products, training steps, passes over the known entries of a matrix, thresholds\n"
        "of singular values and the start, each by turns with what one would use instead (OpenBLAS,\n"
        "LAPACK or loops in C, with as many threads as the device has compute units), and beside what the\n"
        "device can do at most. A ratio below 1 means that dropcl is faster. docs/performance.md explains\n"
        "the figures. Use a quiet machine.",
        "  dropcl bench gemm\n"
        "  dropcl bench step --size 5000x3000x64 --retain 0.7\n"
        "  dropcl bench step --noise dropconnect\n"
        "  dropcl bench threshold --size 4608\n"
        "  dropcl bench --scaling\n", options, 0, BENCHMARK_COUNT};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over == DCL__GO_ON)
        over = check_request(&q, positional);
    return over == DCL__GO_ON ? bench(&q) : over;
}
