/* round_curves.h: the rounds of a growth as curves of a picture. */
#ifndef DCL__ROUND_CURVES_H
#define DCL__ROUND_CURVES_H

#include "dropcl/dropcl.h"
#include "formats/plot.h"

/* Where lambda changes, all are NAN at a point of its own, which breaks a line there: what is drawn by time is not one
 * descent, but one for each lambda. */
typedef struct dcl__round_curves {
    int64_t count;
    double *seconds, *objective, *bound, *gap, *units;
    dcl__series descents[2], gaps;
    dcl__level tolerance;
} dcl__round_curves;

/* `tolerance` is of the gap; 0: the default. Free also after a failure. */
dcl_status dcl__round_curves_make(const dcl_growth_round *history, int64_t rounds, double tolerance,
                                  dcl__round_curves *curves, dcl_error *error);
void dcl__round_curves_free(dcl__round_curves *curves);

/* Panels that live as long as the curves: objective and lower bound, and the gap, over time. */
dcl__panel dcl__descent_panel(const dcl__round_curves *curves);
dcl__panel dcl__gap_panel(const dcl__round_curves *curves);

/* A gap so small is none: what is below it is drawn on the lower edge. */
double dcl__least_gap(const dcl__round_curves *curves);

#endif
