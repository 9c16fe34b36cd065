/* round_curves.h: the rounds of a growth as curves of a picture. */
#ifndef DCL__ROUND_CURVES_H
#define DCL__ROUND_CURVES_H

#include "dropcl/dropcl.h"

/* Where lambda changes, all are NAN at a point of its own, which breaks a line there: what is drawn by time is not one
 * descent, but one for each lambda. */
typedef struct dcl__round_curves {
    int64_t count;
    double *seconds, *objective, *bound, *gap, *units;
} dcl__round_curves;

/* Free also after a failure. */
dcl_status dcl__round_curves_make(const dcl_growth_round *history, int64_t rounds, dcl__round_curves *curves,
                                  dcl_error *error);
void dcl__round_curves_free(dcl__round_curves *curves);

#endif
