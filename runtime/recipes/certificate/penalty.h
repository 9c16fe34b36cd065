/* penalty.h: what a unit costs: theta(u, v) = ||u||_u ||v||_v, one file a penalty.
 *
 * A penalty knows its size, how to shrink a factor, and its polar, exactly or bounded from above. Those which are sums
 * of squares instead (dropout, DropBlock) have no polar, but a lower bound of their own.
 */
#ifndef DCL__PENALTY_H
#define DCL__PENALTY_H

#include "recipes/certificate/polar.h"

typedef struct dcl__penalty {
    int id;                      /* DCL_PENALTY_...                                                  */
    const char *name, *doc;      /* "l1-l2"; what it favours, in some words                          */
    int is_certifiable;          /* the polar is exact, so that a gap can close; else only bounded   */
    /* ||u||_u or ||v||_v (side 0, 1) of `length` numbers `stride` apart; infinity outside of the domain. */
    double (*norm)(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride);
    /* x becomes the minimiser of ||x - given||^2 / 2 + weight ||x|| in the norm of the side. */
    void (*shrink)(const dcl_problem *problem, int side, double weight, double *x, int64_t length, int64_t stride);
    /* NULL: sums of squares. */
    dcl_status (*polar)(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar, dcl__atoms *atoms,
                        dcl_error *error);
    /* Sums of squares: the whole regularizer, lambda included, and a cost for which loss* at t Z less t^2 cost is a
     * lower bound for every t; `polar` receives how far that can be trusted. NULL for the others. */
    dcl_status (*squares)(const dcl__slope *slope, double slack, uint64_t seed, double *regularizer, double *cost,
                          dcl__polar *polar, dcl_error *error);
} dcl__penalty;

/* The penalty of an id or of a name; NULL when there is none. The i-th of all, NULL past the end. */
const dcl__penalty *dcl__penalty_find(int id);
const dcl__penalty *dcl__penalty_named(const char *name);
const dcl__penalty *dcl__penalty_at(size_t i);

extern const dcl__penalty dcl__penalty_nuclear, dcl__penalty_l1_l2, dcl__penalty_l2_l1, dcl__penalty_l1_l1,
    dcl__penalty_l1_nonnegative, dcl__penalty_nonnegative, dcl__penalty_elastic, dcl__penalty_dropout,
    dcl__penalty_dropblock;

#endif
