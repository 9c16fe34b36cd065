/* minimise.h: L-BFGS in plain C, to find minima without any closed form. */
#ifndef DCL__TEST_MINIMISE_H
#define DCL__TEST_MINIMISE_H

#include <stdint.h>

/* The value of a function at x; sets its gradient there. */
typedef double smooth_function(const double *x, double *gradient, void *user);

/* Walks from x, `count` numbers, downhill to where ten steps have not changed the value by 1e-13 of it each, or
 * `steps` steps far. Leaves the place in x and returns the value there. (Liu and Nocedal 1989; weak Wolfe line
 * search by bisection, Lewis and Overton 2013.) */
double minimise(smooth_function *function, void *user, double *x, int64_t count, int64_t steps);

#endif
