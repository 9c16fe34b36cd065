/* advance.c: training steps in parts, so that an interrupt is heard soon. */
#include "recipes/common/advance.h"

#include <math.h>

#include "core/clock.h"

/* Seconds that a part lasts, about. */
static const double PATIENCE = 0.1;

dcl_status dcl__advance(dcl_session *session, int64_t steps, int (*ends)(void *user), void *user, int *stopped,
                        dcl_error *error)
{
    dcl_status status = DCL_OK;
    if (!ends)
        return dcl_session_step(session, steps, error);
    for (int64_t part = 1; steps > 0 && status == DCL_OK && !*stopped; part *= 2) {
        const double start = dcl__now();
        part = part < steps ? part : steps;
        status = dcl_session_step(session, part, error);
        if (status == DCL_OK)
            status = dcl_session_wait(session, error);
        steps -= part;
        if (dcl__now() - start > PATIENCE)
            part = part / 4 > 0 ? part / 4 : 1;
        *stopped = steps > 0 && ends(user);
    }
    return status;
}

int dcl__is_at_rest(const double *objective, size_t stride, size_t reports)
{
    enum { FEWEST_REPORTS = 8 };
    if (reports < FEWEST_REPORTS)
        return 0;
    const double old = *(const double *)((const char *)objective + reports * 3 / 4 * stride);
    const double last = *(const double *)((const char *)objective + (reports - 1) * stride);
    return fabs(old - last) <= 0.01 * last;
}
