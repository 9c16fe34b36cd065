/* compare.c: times of several ways to do one thing, taken by turns in one run. */
#include "benchmark/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"

/* Seconds of calls before a timing: threads that wake from a pause may share one processor at first, until the
 * system spreads them (some 25 ms). Calls longer than LONG_CALL need none: that is a small part of them. */
static const double WARM_UP = 0.05, LONG_CALL = 0.25;
enum { MOST_CALLS = 1000 };

/* ---- Timing ---- */

static void rest(void)
{
    const struct timespec pause = {0, 150000000};
    nanosleep(&pause, NULL);
}

static dcl_status time_calls(const dcl__side *side, int64_t calls, double *seconds, dcl_error *error)
{
    double start = dcl__now();
    dcl_status status = side->run(side->user, calls, error);
    *seconds = (side->part ? *side->part : dcl__now() - start) / (double)calls;
    return status;
}

/* Finds how many calls a timing takes. The first call of all, which may compile kernels, does not count. */
static dcl_status calibrate(dcl__side *side, double *seconds, dcl_error *error)
{
    rest();
    dcl_status status = time_calls(side, 1, seconds, error);
    if (status == DCL_OK && *seconds < 10 * LONG_CALL)
        status = time_calls(side, 1, seconds, error);
    double calls = fmin(ceil(side->least / fmax(*seconds, 1e-9)), MOST_CALLS);
    side->calls = (int64_t)fmax(calls, side->fewest > 0 ? (double)side->fewest : 1);
    return status;
}

static dcl_status warm_up(const dcl__side *side, dcl_error *error)
{
    double ignored, start = dcl__now();
    dcl_status status = DCL_OK;
    do
        status = time_calls(side, side->calls, &ignored, error);
    while (status == DCL_OK && dcl__now() - start < WARM_UP);
    return status;
}

static dcl_status time_side(const dcl__side *side, double expected, double *seconds, dcl_error *error)
{
    rest();
    dcl_status status = expected < LONG_CALL ? warm_up(side, error) : DCL_OK;
    return status ? status : time_calls(side, side->calls, seconds, error);
}

dcl_status dcl__compare(const dcl__watch *watch, const char *what, dcl__side *sides, int count,
                        dcl__comparison *comparison, dcl_error *error)
{
    double expected[DCL__MOST_SIDES];
    dcl_status status = DCL_OK;
    int wanted = comparison->repeats;
    for (int s = 0; s < count && status == DCL_OK; s++)
        status = calibrate(&sides[s], &expected[s], error);
    for (comparison->repeats = 0; status == DCL_OK && comparison->repeats < wanted; comparison->repeats++) {
        int r = comparison->repeats;
        if (watch->repeat && watch->repeat(watch->user, what, r, wanted))
            break;
        for (int i = 0; i < count && status == DCL_OK; i++) {
            int s = r % 2 ? count - 1 - i : i;      /* there and back, so that a drift cancels */
            status = time_side(&sides[s], expected[s], &comparison->seconds[s][r], error);
        }
    }
    return status;
}

/* ---- Statistics ---- */

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

dcl__spread dcl__spread_of(const double *numbers, int count)
{
    double sorted[DCL__MOST_REPEATS];
    if (count < 1)
        return (dcl__spread){NAN, NAN, NAN};
    memcpy(sorted, numbers, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare_numbers);
    return (dcl__spread){(sorted[(count - 1) / 2] + sorted[count / 2]) / 2, sorted[0], sorted[count - 1]};
}

dcl__spread dcl__spread_of_side(const dcl__comparison *comparison, int side)
{
    return dcl__spread_of(comparison->seconds[side], comparison->repeats);
}

dcl__spread dcl__spread_of_ratio(const dcl__comparison *comparison, int side, int other)
{
    double ratios[DCL__MOST_REPEATS];
    for (int r = 0; r < comparison->repeats; r++)
        ratios[r] = comparison->seconds[side][r] / comparison->seconds[other][r];
    return dcl__spread_of(ratios, comparison->repeats);
}

double dcl__exponent(const double *x, const double *y, int count)
{
    double mean_x = 0, mean_y = 0, above = 0, below = 0;
    for (int i = 0; i < count; i++) {
        mean_x += log(x[i]) / count;
        mean_y += log(y[i]) / count;
    }
    for (int i = 0; i < count; i++) {
        above += (log(x[i]) - mean_x) * (log(y[i]) - mean_y);
        below += (log(x[i]) - mean_x) * (log(x[i]) - mean_x);
    }
    return above / below;
}
