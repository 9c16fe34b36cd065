/* loss_squared.c: (y - x)^2. */
#include <math.h>

#include "recipes/certificate/loss.h"

static double value(double y, double x)
{
    return (y - x) * (y - x);
}

static double slope(double y, double x)
{
    return 2 * (y - x);
}

/* The conjugate of (y - x)^2 at s is s y + s^2 / 4. */
static double dual(double y, double z, double t)
{
    return t * z * (y - t * z / 4);
}

static int allows(double y)
{
    return isfinite(y);
}

const dcl__loss dcl__loss_squared = {.id = DCL_LOSS_SQUARED, .name = "squared", .curvature = 2, .value = value,
                                     .slope = slope, .dual = dual, .is_quadratic = 1, .allows = allows,
                                     .domain = "finite numbers"};
