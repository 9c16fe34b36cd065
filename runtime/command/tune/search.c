/* search.c: the search of `dropcl tune`: which variant, and which parameters of its kernels, are fastest.
 *
 * Each variant has a point: the best parameters so far. A step replaces those of one kernel, by turns near the
 * point and from everywhere, always in the same order, so that an interrupted search goes on where it stopped.
 * A set of parameters first passes the self-test; then it must be faster over all classes of shapes (geometric
 * mean), in a short duel with the point and in a long one: both are timed by turns, because the speed of a machine
 * changes while it is measured. CLBlast cannot be asked for its own parameters nor told to return to them, so that
 * its point is a whole set of ours, and put to use when it beats what its own took at the start.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/tune/tune.h"

/* Less than this is noise; a variant other than the device's standard one must gain more. */
static const double gain = 1.02, variant_gain = 1.05;

/* Rounds of a short and of a long duel, as far as a class takes no more than so many seconds. */
enum { SHORT = 3, LONG = 11 };
static const double most_seconds = 1;

/* A set that takes this much longer for one of the products is given up. */
static const double hopeless = 1.4;

enum { MOST_TURNS = 8, VARIANTS = 3 };

/* What is searched for a variant: kernels by turns, so many sets of each at most. */
typedef struct space {
    const char *variant;
    int turns, kernels[MOST_TURNS], most;
} space;

static const space spaces[VARIANTS] = {
    {"packed", 1, {DCL__PACKED}, 150},
    {"clblast", 8, {DCL__XGEMM, DCL__XGEMM, DCL__XGEMM, DCL__XGEMM_DIRECT, DCL__XGEMM, DCL__XGEMM,
                    DCL__XGEMM_DIRECT, DCL__GEMM_ROUTINE}, 400},
    {"plain", 0, {0}, 0},
};

/* Parameters and what they are worth; seconds 0: not measured. */
typedef struct point {
    dcl__tuning tuning;
    double seconds[DCL__SHAPES];
    double score;                /* speed over that of the variant's own parameters                  */
} point;

typedef struct variant {
    const space *space;
    int in_play;                 /* it belongs to the device, and passed the self-test               */
    point own, best;             /* with its own parameters, and with the best so far                */
} variant;

typedef struct state {
    const dcl__search *search;
    dcl__gemm_bench *bench;
    variant variants[VARIANTS];
    int64_t tried;               /* in this run                                                      */
    int is_ready;                /* all that an earlier run found was measured again                 */
} state;

static int is_over(const state *s)
{
    return dcl__now() > s->search->deadline || dcl__interrupted();
}

static double flops(const state *s, int shape)
{
    const dcl__sizes size = dcl__typical_sizes(s->search->device, shape);
    return 2.0 * (double)size.m * (double)size.n * (double)size.k;
}

static void show_progress(const state *s, const char *what)
{
    char text[160];
    if (!s->search->progress)
        return;
    const double left = s->search->deadline - dcl__now();
    int used = snprintf(text, sizeof text, "tune %s: %s, %lld tried", s->search->dtype == DCL_F64 ? "f64" : "f32",
                        what, (long long)s->tried);
    for (int i = 0; i < VARIANTS; i++)
        if (s->variants[i].in_play && s->variants[i].best.score > gain)
            used += snprintf(text + used, sizeof text - (size_t)used, ", %s %.2f x", spaces[i].variant,
                             s->variants[i].best.score);
    snprintf(text + used, sizeof text - (size_t)used, ", %.0f s left", left > 0 ? left : 0);
    dcl__progress_line(text);
}

/* ---- Measuring ---- */

static int compare_numbers(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *numbers, int count)
{
    qsort(numbers, (size_t)count, sizeof *numbers, compare_numbers);
    return (numbers[(count - 1) / 2] + numbers[count / 2]) / 2;
}

/* Times one or two points of a variant by turns on the product of a class; their seconds are medians. */
static dcl_status time_class(const state *s, const variant *v, point *const points[2], int shape, int rounds,
                             dcl_error *error)
{
    double times[2][LONG];
    const double start = dcl__now();
    int done = 0;
    dcl_status status = DCL_OK;
    while (status == DCL_OK && done < rounds && (!done || dcl__now() - start < most_seconds)) {
        for (int i = 0; i < 2 && points[i] && status == DCL_OK; i++) {
            const double expected = done ? times[i][0] : points[i]->seconds[shape];
            status = dcl__gemm_tune(s->search->device, s->search->dtype, &points[i]->tuning, error);
            if (status == DCL_OK)
                status = dcl__gemm_bench_time(s->bench, v->space->variant, shape, expected, &times[i][done], error);
        }
        done++;
    }
    for (int i = 0; i < 2 && points[i] && status == DCL_OK; i++)
        points[i]->seconds[shape] = median(times[i], done);
    return status;
}

/* Geometric mean over the classes of the speeds of `p` over those of `other`. */
static double compare(const point *p, const point *other)
{
    double sum = 0;
    for (int shape = 0; shape < DCL__SHAPES; shape++)
        sum += log(other->seconds[shape] / p->seconds[shape]);
    return exp(sum / DCL__SHAPES);
}

static int is_measured(const point *p)
{
    int measured = 1;
    for (int shape = 0; shape < DCL__SHAPES; shape++)
        measured = measured && p->seconds[shape] > 0;
    return measured;
}

/* Times a point and its rival; the point's speed over the rival's, 0 when there is no hope. */
static dcl_status duel(const state *s, const variant *v, point *p, point *rival, int rounds, double *ratio,
                       dcl_error *error)
{
    static const int order[DCL__SHAPES] = {DCL__EVEN, DCL__SMALL, DCL__OUTER, DCL__INNER, DCL__NARROW};
    *ratio = 0;
    for (int i = 0; i < DCL__SHAPES; i++) {
        dcl_status status = time_class(s, v, (point *const[2]){p, rival}, order[i], rounds, error);
        if (status || dcl__interrupted() || p->seconds[order[i]] > hopeless * rival->seconds[order[i]])
            return status;
    }
    *ratio = compare(p, rival);
    return DCL_OK;
}

/* Whether a point's parameters pass the self-test. */
static dcl_status test(const state *s, const variant *v, const point *p, int *passed, dcl_error *error)
{
    dcl_status status = dcl__gemm_tune(s->search->device, s->search->dtype, &p->tuning, error);
    if (status == DCL_OK && dcl__gemm_bench_test(s->bench, v->space->variant, passed, NULL))
        *passed = 0;
    return status;
}

/* ---- Results ---- */

/* The variant of a device that is not tuned: that of its kind, or plain. */
static const variant *standard_variant(const state *s)
{
    const char *name = dcl__gemm_standard(s->search->device);
    for (int i = 0; i < VARIANTS; i++)
        if (s->variants[i].in_play && strcmp(spaces[i].variant, name) == 0)
            return &s->variants[i];
    return &s->variants[VARIANTS - 1];
}

static double best_seconds(const variant *v, int shape)
{
    return v->best.score > gain ? v->best.seconds[shape] : v->own.seconds[shape];
}

/* The variant of a class: the standard one unless another is clearly faster. */
static const variant *fastest_variant(const state *s, int shape)
{
    const variant *standard = standard_variant(s), *fastest = standard;
    for (int i = 0; i < VARIANTS; i++) {
        const variant *v = &s->variants[i];
        const double needed = best_seconds(fastest, shape) / (fastest == standard ? variant_gain : 1);
        if (v->in_play && v->own.seconds[shape] > 0 && best_seconds(v, shape) < needed)
            fastest = v;
    }
    return fastest;
}

/* What the best parameters of a variant gain; 0 when they are not put to use. */
static double kept_gain(const variant *v)
{
    return v->in_play && v->best.score > gain ? v->best.score : 0;
}

/* Writes what is known now to the results; those of an earlier run stay until they could be measured again. */
static void conclude(const state *s)
{
    dcl__tuning_results *results = s->search->results;
    const variant *standard = standard_variant(s);
    if (!s->is_ready && results->tuning.variant[DCL__EVEN])
        return;
    for (int shape = 0; shape < DCL__SHAPES; shape++) {
        if (!(standard->own.seconds[shape] > 0))
            continue;
        const variant *fastest = fastest_variant(s, shape);
        results->tuning.variant[shape] = fastest->space->variant;
        results->before[shape] = 1e-9 * flops(s, shape) / standard->own.seconds[shape];
        results->after[shape] = 1e-9 * flops(s, shape) / best_seconds(fastest, shape);
    }
    results->packed_gain = kept_gain(&s->variants[0]);
    results->clblast_gain = kept_gain(&s->variants[1]);
    for (int kernel = 0; kernel < DCL__KERNELS; kernel++) {
        const variant *v = &s->variants[kernel == DCL__PACKED ? 0 : 1];
        results->tuning.given[kernel] = kept_gain(v) > 0;
        memcpy(results->tuning.values[kernel], v->best.tuning.values[kernel], sizeof results->tuning.values[kernel]);
    }
}

static dcl_status save(const state *s, dcl_error *error)
{
    conclude(s);
    return s->search->save(s->search->user, error);
}

/* ---- Where the search starts ---- */

/* Times all variants with their own parameters, class by class. CLBlast's own are those of its database, before
 * any others were given to it. */
static dcl_status measure_own(state *s, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int i = 0; i < VARIANTS && status == DCL_OK; i++) {
        variant *v = &s->variants[i];
        show_progress(s, spaces[i].variant);
        if (v->in_play)
            status = test(s, v, &v->own, &v->in_play, error);
    }
    for (int shape = 0; shape < DCL__SHAPES && status == DCL_OK; shape++)
        for (int i = 0; i < VARIANTS && !is_over(s); i++) {
            variant *v = &s->variants[i];
            v->in_play = v->in_play && !time_class(s, v, (point *const[2]){&v->own, NULL}, shape, LONG, NULL);
        }
    if (status == DCL_OK && !standard_variant(s)->in_play)
        status = dcl__fail(error, DCL_EDEVICE, "no variant of the matrix product works on device '%s' (`dropcl "
                           "devices` says more)", dcl_device_describe(s->search->device)->name);
    return status;
}

/* What the best point is worth, beside the own parameters where one can return to them. */
static dcl_status settle(const state *s, variant *v, dcl_error *error)
{
    double ratio;
    dcl_status status = DCL_OK;
    if (v->space->kernels[0] == DCL__PACKED)
        status = duel(s, v, &v->best, &v->own, LONG, &ratio, error);
    else
        for (int shape = 0; shape < DCL__SHAPES && status == DCL_OK; shape++)
            status = time_class(s, v, (point *const[2]){&v->best, NULL}, shape, LONG, error);
    v->best.score = status == DCL_OK && is_measured(&v->best) ? compare(&v->best, &v->own) : 0;
    return status;
}

/* The point where the search of a variant starts: what an earlier run found; else the own parameters of packed, or
 * whole sets of first choices for CLBlast. One that does not work has the score 0. */
static dcl_status start_variant(state *s, variant *v, dcl_error *error)
{
    const dcl__tuning *found = &s->search->results->tuning;
    const int is_packed = v->space->kernels[0] == DCL__PACKED;
    const int first = is_packed ? DCL__PACKED : DCL__FIRST_CLBLAST, end = is_packed ? DCL__PACKED + 1 : DCL__KERNELS;
    int passed;
    for (int kernel = first; kernel < end; kernel++) {
        int64_t *values = v->best.tuning.values[kernel];
        v->best.tuning.given[kernel] = 1;
        if (found->given[kernel])
            memcpy(values, found->values[kernel], sizeof found->values[kernel]);
        else if (is_packed)
            dcl__packed_standard(s->search->device, s->search->dtype, values);
        else
            dcl__parameters_start(kernel, values);
    }
    show_progress(s, v->space->variant);
    dcl_status status = test(s, v, &v->best, &passed, error);
    return status || !passed ? status : settle(s, v, error);
}

/* ---- Searching ---- */

/* Takes a candidate for the best point when it is right, and faster by `margin` in two duels. *ratio: how much, 0
 * when it is hopeless. A candidate that a device cannot run is no failure. */
static dcl_status consider(state *s, variant *v, point *candidate, double margin, double *ratio, dcl_error *error)
{
    int passed;
    *ratio = 0;
    dcl_status status = test(s, v, candidate, &passed, error);
    if (status || !passed)
        return status;
    point rival = v->best;       /* what the best took when it was settled stays beside the own parameters */
    if (!(rival.score > 0))
        *ratio = margin;
    else if (duel(s, v, candidate, &rival, SHORT, ratio, NULL) || *ratio < margin ||
             duel(s, v, candidate, &rival, LONG, ratio, NULL) || *ratio < margin)
        return DCL_OK;
    v->best = *candidate;
    return settle(s, v, error);
}

/* Replaces the parameters of one kernel in the point. */
static point replace(const variant *v, int kernel, const int64_t *values)
{
    point candidate = {.tuning = v->best.tuning};
    memcpy(candidate.tuning.values[kernel], values, sizeof candidate.tuning.values[kernel]);
    return candidate;
}

static int64_t count_tried(const state *s, const variant *v)
{
    int64_t sum = 0, seen = 0;
    for (int turn = 0; turn < v->space->turns; turn++) {
        const int kernel = v->space->kernels[turn];
        sum += seen & (1 << kernel) ? 0 : s->search->results->tried[kernel];
        seen |= 1 << kernel;
    }
    return sum;
}

/* One step; the kernel and its set follow from how many were tried. */
static dcl_status step(state *s, variant *v, dcl_error *error)
{
    const dcl_device_info *info = dcl_device_describe(s->search->device);
    const int kernel = v->space->kernels[count_tried(s, v) % v->space->turns];
    const uint32_t index = (uint32_t)s->search->results->tried[kernel]++;
    int64_t values[DCL__MOST_PARAMETERS] = {0};
    double ratio;
    show_progress(s, v->space->variant);
    s->tried++;
    if (!dcl__parameters_draw(info, s->search->dtype, kernel, index,
                              index % 2 ? NULL : v->best.tuning.values[kernel], values))
        return DCL_OK;
    point candidate = replace(v, kernel, values);
    return consider(s, v, &candidate, gain, &ratio, error);
}

/* Sets that CLBlast's tuners found elsewhere: taken when they are no slower. */
static dcl_status try_imports(state *s, dcl_error *error)
{
    variant *clblast = &s->variants[1];
    dcl_status status = DCL_OK;
    for (int i = 0; i < s->search->import_count && status == DCL_OK; i++) {
        dcl__import *import = &s->search->imports[i];
        if (import->results.dtype != s->search->dtype || !is_measured(&clblast->own) || is_over(s))
            continue;
        show_progress(s, "import");
        point candidate = replace(clblast, import->results.kernel, import->results.values);
        import->tried = 1;
        status = consider(s, clblast, &candidate, 1, &import->ratio, error);
        import->kept = memcmp(&clblast->best.tuning, &candidate.tuning, sizeof candidate.tuning) == 0;
    }
    return status;
}

/* Steps of all variants by turns. */
static dcl_status search_all(state *s, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int active = 1; active && status == DCL_OK && !is_over(s);) {
        active = 0;
        for (int i = 0; i < VARIANTS && status == DCL_OK && !is_over(s); i++) {
            variant *v = &s->variants[i];
            if (!is_measured(&v->own) || count_tried(s, v) >= v->space->most)
                continue;
            status = step(s, v, error);
            if (status == DCL_OK)
                status = save(s, error);
            active = 1;
        }
    }
    return status;
}

static dcl_status search_with(state *s, dcl_error *error)
{
    dcl_status status = measure_own(s, error);
    for (int i = 0; i < VARIANTS && status == DCL_OK; i++)
        if (is_measured(&s->variants[i].own) && s->variants[i].space->turns)
            status = start_variant(s, &s->variants[i], error);
    s->is_ready = !is_over(s);
    if (status == DCL_OK)
        status = try_imports(s, error);
    if (status == DCL_OK)
        status = search_all(s, error);
    return status ? status : save(s, error);
}

dcl_status dcl__tune_search(const dcl__search *search, dcl_error *error)
{
    const int is_cpu = dcl_device_describe(search->device)->type == DCL_TYPE_CPU;
    state s = {.search = search};
    for (int i = 0; i < VARIANTS; i++)
        s.variants[i].space = &spaces[i];
    s.variants[0].in_play = is_cpu;
    s.variants[1].in_play = !is_cpu || search->with_clblast || search->results->tuning.given[DCL__XGEMM];
    s.variants[2].in_play = 1;
    dcl_status status = dcl__gemm_bench_open(search->device, search->dtype, &s.bench, error);
    if (status)
        return status;
    status = search_with(&s, error);
    dcl__gemm_bench_close(s.bench);
    dcl__progress_line(NULL);
    return status;
}
