/* loss.h: how far predictions are from entries, entry by entry: one small record a loss.
 *
 * loss(y, x) is convex in the prediction x. Its conjugate bounds the convex problem from below: for z = -loss'(y, x)
 * and 0 <= t <= lambda / polar(Z), the sum of dual(y, z, t) is at most the least objective (Haeffele, Vidal, 2019).
 * A new loss is one file, and a line in loss.c. All functions are [any-thread].
 */
#ifndef DCL__LOSS_H
#define DCL__LOSS_H

#include "dropcl/dropcl.h"

typedef struct dcl__loss {
    int id;                      /* DCL_LOSS_...                                                     */
    const char *name;            /* "squared"                                                        */
    double curvature;            /* the second derivative in x is never above                        */
    double (*value)(double y, double x);
    double (*slope)(double y, double x);             /* -d value / d x                               */
    double (*dual)(double y, double z, double t);    /* -conjugate(-t z), z as slope gives it        */
    int is_quadratic;            /* 1: dual is t z y - t^2 z^2 / (2 curvature), and the best t is known */
    int (*allows)(double y);     /* whether an entry may be y                                        */
    const char *domain;          /* what it allows, in words: "finite numbers", "-1 or 1"            */
} dcl__loss;

/* The loss of an id, or of a name; NULL when there is none that factorizations know. */
const dcl__loss *dcl__loss_find(int id);
const dcl__loss *dcl__loss_named(const char *name);

extern const dcl__loss dcl__loss_squared, dcl__loss_logistic;

#endif
