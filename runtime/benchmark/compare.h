/* compare.h: times of several ways to do one thing, taken by turns in one run.
 *
 * By turns, because the clock of a processor drifts: a ratio is the median of the ratios of neighbours. Before
 * every timing there is a pause, because workers of OpenBLAS spin for some 30 ms after a call and would take the
 * processor from the device's; then some untimed calls. Both alike for all.
 */
#ifndef DCL__COMPARE_H
#define DCL__COMPARE_H

#include "core/error.h"

enum { DCL__MOST_SIDES = 4, DCL__MOST_REPEATS = 101 };

/* One way. `run` does it `calls` times and waits for the end. */
typedef struct dcl__side {
    dcl_status (*run)(void *user, int64_t calls, dcl_error *error);
    void *user;
    double least;                /* seconds that one timing lasts at least                           */
    int64_t fewest;              /* calls that one timing holds at least; 0: one                     */
    const double *part;          /* where run leaves the seconds that count; NULL: all of them count */
    int64_t calls;               /* calls of a timing, found by dcl__compare                         */
} dcl__side;

/* Told before each repeat; a result other than 0 ends the comparison with the repeats so far. */
typedef int (*dcl__repeat_function)(void *user, const char *what, int repeat, int repeats);

typedef struct dcl__comparison {
    int repeats;                 /* as many as wanted before, as many as there are after             */
    double seconds[DCL__MOST_SIDES][DCL__MOST_REPEATS];  /* of one call                              */
} dcl__comparison;

typedef struct dcl__spread {
    double median, least, most;
} dcl__spread;

/* What a comparison reports to while it goes on. */
typedef struct dcl__watch {
    dcl__repeat_function repeat;
    void *user;
} dcl__watch;

/* Fills comparison->seconds of `count` sides; `what` names the whole for the watch. */
dcl_status dcl__compare(const dcl__watch *watch, const char *what, dcl__side *sides, int count,
                        dcl__comparison *comparison, dcl_error *error);

/* Of the times of a side, of the ratios of two, and of any numbers; all NAN for none. */
dcl__spread dcl__spread_of_side(const dcl__comparison *comparison, int side);
dcl__spread dcl__spread_of_ratio(const dcl__comparison *comparison, int side, int other);
dcl__spread dcl__spread_of(const double *numbers, int count);

/* The exponent b of y = a x^b: the slope of the least squares line through the logarithms. */
double dcl__exponent(const double *x, const double *y, int count);

#endif
