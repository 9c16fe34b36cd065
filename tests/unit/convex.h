/* convex.h: the convex problems behind certificates, solved for the product X itself by proximal gradient descent: what
 * a lower bound is held against, with no code of the library. */
#ifndef DCL__TEST_CONVEX_H
#define DCL__TEST_CONVEX_H

#include "dropcl/dropcl.h"

enum { ROWS_OF_X = 12, COLUMNS_OF_X = 9, NUMBERS_OF_X = ROWS_OF_X * COLUMNS_OF_X };

/* Loss of row-major y with a weight for each number, 0 where it is unknown, plus lambda times Omega. */
typedef struct convex {
    int loss, penalty;           /* nuclear to l1-nonnegative, whose Omega is known                  */
    double lambda;
    double y[NUMBERS_OF_X], weight[NUMBERS_OF_X];
} convex;

double convex_objective(const convex *c, const double *x);

/* Walks from x = 0 until nothing changes; returns the least objective. (Beck, Teboulle 2009, with the restarts of
 * O'Donoghue, Candes 2015.) */
double convex_minimise(const convex *c, double *x);

/* Factors of x whose sum of norms is Omega(x); room for FACTOR_WIDTH columns each. */
enum { FACTOR_WIDTH = NUMBERS_OF_X };
int64_t convex_factors(const convex *c, const double *x, double *u, double *v);

/* rows x columns: their singular value decomposition; u rows x count, values, v columns x count, count the smaller. */
void decompose(const double *x, int64_t rows, int64_t columns, double *u, double *values, double *v);

#endif
