/* minimise.c: L-BFGS in plain C, to find minima without any closed form. */
#include "minimise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 20, TRIALS = 60, REST = 10 };

/* A walk: where it stands, and its last steps with the change of the gradient along each. */
typedef struct walk {
    smooth_function *function;
    void *user;
    int64_t count, kept;         /* numbers; steps remembered since the memory was last emptied */
    double value;
    double *x, *gradient, *direction, *next_x, *next_gradient;
    double *steps, *changes;     /* MEMORY x count; step i is row i % MEMORY */
} walk;

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *y, double factor, const double *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        y[i] += factor * x[i];
}

/* direction = -(approximate inverse Hessian) gradient, by the two loops over the remembered steps. */
static void find_direction(walk *w)
{
    const int64_t n = w->count, oldest = w->kept > MEMORY ? w->kept - MEMORY : 0;
    double weights[MEMORY];
    for (int64_t i = 0; i < n; i++)
        w->direction[i] = -w->gradient[i];
    for (int64_t i = w->kept; i-- > oldest;) {
        const double *s = w->steps + i % MEMORY * n, *y = w->changes + i % MEMORY * n;
        weights[i % MEMORY] = dot(s, w->direction, n) / dot(s, y, n);
        add(w->direction, -weights[i % MEMORY], y, n);
    }
    if (w->kept > 0) {
        const double *s = w->steps + (w->kept - 1) % MEMORY * n, *y = w->changes + (w->kept - 1) % MEMORY * n;
        const double scale = dot(s, y, n) / dot(y, y, n);
        for (int64_t i = 0; i < n; i++)
            w->direction[i] *= scale;
    }
    for (int64_t i = oldest; i < w->kept; i++) {
        const double *s = w->steps + i % MEMORY * n, *y = w->changes + i % MEMORY * n;
        add(w->direction, weights[i % MEMORY] - dot(y, w->direction, n) / dot(s, y, n), s, n);
    }
}

/* Looks along the direction for a place that is lower by enough and where the slope has eased. Returns 0 when
 * rounding hides any such place. */
static int search_line(walk *w, double first)
{
    const double slope = dot(w->gradient, w->direction, w->count);
    double low = 0, high = INFINITY, length = first;
    for (int trial = 0; trial < TRIALS && slope < 0; trial++) {
        memcpy(w->next_x, w->x, (size_t)w->count * sizeof *w->x);
        add(w->next_x, length, w->direction, w->count);
        double value = w->function(w->next_x, w->next_gradient, w->user);
        if (!(value < w->value + 1e-4 * length * slope)) {
            high = length;
        } else if (dot(w->next_gradient, w->direction, w->count) < 0.9 * slope) {
            low = length;
        } else {
            w->value = value;
            return 1;
        }
        length = isinf(high) ? 2 * low : (low + high) / 2;
    }
    return 0;
}

/* Remembers the step from x to next_x and stands there. */
static void advance(walk *w)
{
    double *s = w->steps + w->kept % MEMORY * w->count, *y = w->changes + w->kept % MEMORY * w->count;
    for (int64_t i = 0; i < w->count; i++) {
        s[i] = w->next_x[i] - w->x[i];
        y[i] = w->next_gradient[i] - w->gradient[i];
        w->x[i] = w->next_x[i];
        w->gradient[i] = w->next_gradient[i];
    }
    if (dot(s, y, w->count) > 0)
        w->kept++;
}

/* One step; where the remembered curvature leads nowhere, it is forgotten, and the gradient is followed. */
static int step(walk *w)
{
    const double norm = sqrt(dot(w->gradient, w->gradient, w->count));
    if (norm <= 1e-13 * (1 + fabs(w->value)))
        return 0;
    find_direction(w);
    if (search_line(w, w->kept > 0 ? 1 : 1 / norm)) {
        advance(w);
        return 1;
    }
    const int again = w->kept > 0;
    w->kept = 0;
    return again;
}

double minimise(smooth_function *function, void *user, double *x, int64_t count, int64_t steps)
{
    double *numbers = calloc((size_t)count * (2 * MEMORY + 4), sizeof *numbers);
    if (!numbers)
        abort();
    walk w = {.function = function, .user = user, .count = count, .x = x, .gradient = numbers,
              .direction = numbers + count, .next_x = numbers + 2 * count, .next_gradient = numbers + 3 * count,
              .steps = numbers + 4 * count, .changes = numbers + (4 + MEMORY) * count};
    w.value = function(x, w.gradient, user);
    for (int rest = 0; steps > 0 && rest < REST; steps--) {
        const double before = w.value;
        if (!step(&w))
            break;
        rest = before - w.value <= 1e-13 * fabs(before) ? rest + 1 : 0;
    }
    free(numbers);
    return w.value;
}
