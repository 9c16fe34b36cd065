/* advance.h: training steps that can be ended in between. */
#ifndef DCL__ADVANCE_H
#define DCL__ADVANCE_H

#include "dropcl/dropcl.h"

/* Runs up to `steps` steps, and waits for them where `ends` is not NULL: it is asked several times a second
 * whether to stop, which *stopped then says. */
dcl_status dcl__advance(dcl_session *session, int64_t steps, int (*ends)(void *user), void *user, int *stopped,
                        dcl_error *error);

/* Whether training came to rest: the last quarter of its reports changed the objective by no more than 1 %. `objective`
 * is that of the first report, `stride` bytes lie from one to the next. Fewer than eight reports do not tell. */
int dcl__is_at_rest(const double *objective, size_t stride, size_t reports);

#endif
