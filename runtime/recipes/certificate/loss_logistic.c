/* loss_logistic.c: log(1 + exp(-y x)) for y = -1 or 1: minus the logarithm of the probability that a logistic model
 * gives to y. */
#include <math.h>

#include "recipes/certificate/loss.h"

static double value(double y, double x)
{
    const double margin = y * x;
    return log1p(exp(-fabs(margin))) + fmax(-margin, 0);
}

/* y / (1 + exp(y x)), without overflow. */
static double slope(double y, double x)
{
    const double tail = exp(-fabs(x));
    return y * (y * x > 0 ? tail : 1) / (1 + tail);
}

/* -q log q - (1 - q) log(1 - q) for q = t y z; the conjugate is infinite where q is not from 0 to 1. */
static double dual(double y, double z, double t)
{
    const double q = t * z * y;
    if (q < 0 || q > 1)
        return -INFINITY;
    return (q > 0 ? -q * log(q) : 0) - (q < 1 ? (1 - q) * log1p(-q) : 0);
}

static int allows(double y)
{
    return y == 1 || y == -1;
}

const dcl__loss dcl__loss_logistic = {.id = DCL_LOSS_LOGISTIC, .name = "logistic", .curvature = 0.25, .value = value,
                                      .slope = slope, .dual = dual, .allows = allows, .domain = "-1 or 1"};
