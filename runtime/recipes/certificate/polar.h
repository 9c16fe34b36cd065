/* polar.h: the polar function sup u'Zv over ||u|| <= 1, ||v|| <= 1: bounded from above, and the atoms that reach it.
 *
 * A lower bound of the objective stays valid with any upper bound of the polar, and becomes false with an estimate from
 * below, which is what power iteration gives. So every polar says both: what is proven and what was reached.
 */
#ifndef DCL__POLAR_H
#define DCL__POLAR_H

#include "recipes/certificate/slope.h"

typedef struct dcl__polar {
    double upper;                /* never below the true value                                       */
    double reached;              /* u'Zv of a pair that was found; upper = reached (1 + rounding) when exact */
    int proof;                   /* DCL_PROOF_...                                                    */
    double failure;              /* DCL_PROOF_PROBABLE: probability that `upper` is not true         */
} dcl__polar;

/* Pairs of norm 1 with large u'Zv, the largest first; all of them above the wanted level. */
typedef struct dcl__atoms {
    int64_t most;                /* how many are wanted, at most; 0: only the bound                  */
    double above;                /* and of those only with u'Zv above this                           */
    int64_t count;
    double *u, *v;               /* rows x count and columns x count, row-major, made by the polar   */
    double *level;               /* their u'Zv                                                       */
} dcl__atoms;

/* Makes room for `count` atoms; to be freed also after a failure. */
dcl_status dcl__atoms_make(dcl__atoms *atoms, int64_t rows, int64_t columns, int64_t count, dcl_error *error);
void dcl__atoms_free(dcl__atoms *atoms);

/* The places of the highest of `count` levels, the highest first: those above `above`, `most` at most (the room of
 * `chosen`). Returns how many. */
int64_t dcl__choose_highest(const double *level, int64_t count, double above, int64_t most, int64_t *chosen);

/* The largest singular value of Z, and leading singular pairs. Where the smaller side is at most DCL__SMALL_SIDE, or at
 * most DCL__GRAM_SIDE with no more than DCL__GRAM_SHARE numbers in a Gram matrix for each known entry: from that, G; a
 * Cholesky factorization of s I - G that runs to its end proves an upper bound, with explicit
 * constants for all rounding (Higham 2002, theorem 10.3). Else by Lanczos from a random start (lanczos.h), whose upper
 * bound is true with probability 1 - failure; it goes on until that is at most `slack` above the largest value found,
 * relative. */
enum { DCL__SMALL_SIDE = 512, DCL__GRAM_SIDE = 2048, DCL__GRAM_SHARE = 16 };
dcl_status dcl__spectral_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                               dcl__atoms *atoms, dcl_error *error);

/* The same for the length of the `block` largest singular values: sqrt(sigma_1^2 + ... + sigma_block^2). By Lanczos'
 * method, the smaller of sqrt(block) times the largest and the length of all. */
dcl_status dcl__spectral_squares(const dcl__slope *slope, int64_t block, double slack, uint64_t seed,
                                 dcl__polar *polar, dcl_error *error);

/* The two ways of dcl__spectral_polar, of a matrix of any size. */
dcl_status dcl__spectral_polar_small(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                                     dcl__atoms *atoms, dcl_error *error);
dcl_status dcl__spectral_polar_large(const dcl__slope *slope, double slack, double failure, uint64_t seed,
                                     dcl__polar *polar, dcl__atoms *atoms, dcl_error *error);

/* The longest row of Z, and long rows with the unit vectors of their places. */
dcl_status dcl__row_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar, dcl__atoms *atoms,
                          dcl_error *error);

#endif
