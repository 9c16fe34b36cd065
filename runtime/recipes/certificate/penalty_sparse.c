/* penalty_sparse.c: penalties with ||u||_1 or ||v||_1, whose polar is the largest row or column of Z.
 *
 * The polar is convex in the factor with the l1 norm, so that one of the corners +-e_a of its ball reaches it: what is
 * left is the dual norm of a row. l2: its length; l1: its largest number; l2 without negative numbers: the length of
 * its positive part, or of its negative part with -e_a. */
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/certificate/penalty.h"
#include "recipes/common/norms.h"
#include "recipes/common/sum.h"

/* ---- The dual norms of a line ---- */

/* The length of the positive part of sign x. */
static double length_of_part(const double *x, int64_t count, double sign)
{
    dcl__sum sum = {0};
    for (int64_t i = 0; i < count; i++)
        if (sign * x[i] > 0)
            dcl__add(&sum, x[i] * x[i]);
    return sqrt(dcl__total(&sum));
}

static double length(const double *x, int64_t count)
{
    return dcl__norm_l2(x, count, 1);
}

static double largest(const double *x, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

static double larger_part(const double *x, int64_t count)
{
    return fmax(length_of_part(x, count, 1), length_of_part(x, count, -1));
}

/* The unit vectors that reach them, in place; the result is the sign of the corner. */
static double reach_length(double *x, int64_t count)
{
    cblas_dscal((int)count, 1 / length(x, count), x, 1);
    return 1;
}

static double reach_largest(double *x, int64_t count)
{
    const int64_t place = (int64_t)cblas_idamax((int)count, x, 1);
    const double sign = x[place] < 0 ? -1 : 1;
    memset(x, 0, (size_t)count * sizeof *x);
    x[place] = 1;
    return sign;
}

static double reach_part(double *x, int64_t count)
{
    const double plus = length_of_part(x, count, 1), minus = length_of_part(x, count, -1);
    const double sign = plus >= minus ? 1 : -1, norm = fmax(plus, minus);
    for (int64_t i = 0; i < count; i++)
        x[i] = fmax(sign * x[i], 0) / norm;
    return sign;
}

typedef struct kind {
    int transpose;               /* the corner stands for a column                                   */
    double (*measure)(const double *x, int64_t count);
    double (*reach)(double *x, int64_t count);
} kind;

static const kind rows_by_length = {0, length, reach_length}, columns_by_length = {1, length, reach_length},
                  rows_by_largest = {0, largest, reach_largest}, rows_by_part = {0, larger_part, reach_part};

/* ---- The polar ---- */

typedef struct search {
    const kind *kind;
    int64_t lines, length;
    double *level;               /* of every line                                                    */
    int64_t *chosen;             /* its lines, the highest first                                     */
    int64_t count;
    double *vectors;             /* one behind the other                                             */
} search;

static void measure(void *user, int64_t index, const double *numbers, const int64_t *places, int64_t count)
{
    search *s = user;
    (void)places;
    s->level[index] = s->kind->measure(numbers, count);
}

static void keep(void *user, int64_t index, const double *numbers, const int64_t *places, int64_t count)
{
    search *s = user;
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t j = 0; j < count && s->chosen[i] == index; j++)
            s->vectors[i * s->length + (places ? places[j] : j)] = numbers[j];
}

/* Corner and vector of each chosen line become the factors of an atom. */
static void fill(search *s, dcl__atoms *atoms)
{
    double *corner = s->kind->transpose ? atoms->v : atoms->u, *other = s->kind->transpose ? atoms->u : atoms->v;
    memset(corner, 0, (size_t)(s->lines * s->count) * sizeof *corner);
    for (int64_t i = 0; i < s->count; i++) {
        double *vector = s->vectors + i * s->length;
        corner[s->chosen[i] * s->count + i] = s->kind->reach(vector, s->length);
        for (int64_t j = 0; j < s->length; j++)
            other[j * s->count + i] = vector[j];
        atoms->level[i] = s->level[s->chosen[i]];
    }
}

static dcl_status find_atoms(const dcl__slope *slope, search *s, dcl__atoms *atoms, dcl_error *error)
{
    const int64_t most = atoms->most < s->lines ? atoms->most : s->lines;
    s->chosen = malloc((size_t)most * sizeof *s->chosen);
    if (!s->chosen)
        return dcl__no_memory(error, "new units", most * (int64_t)sizeof *s->chosen);
    s->count = dcl__choose_highest(s->level, s->lines, atoms->above, most, s->chosen);
    s->vectors = calloc((size_t)(s->count * s->length + 1), sizeof *s->vectors);
    if (!s->vectors)
        return dcl__no_memory(error, "new units", s->count * s->length * (int64_t)sizeof *s->vectors);
    dcl_status status = dcl__slope_each(slope, s->kind->transpose, keep, s, error);
    if (status == DCL_OK)
        status = dcl__atoms_make(atoms, slope->rows, slope->columns, s->count, error);
    if (status == DCL_OK)
        fill(s, atoms);
    return status;
}

/* A length is a sum of so many squares: half of its rounding, and that of the root. BLAS may scale squares by the
 * largest number so far, five roundings for each; where it does not, squares below the normal numbers are lost. */
static dcl_status find_polar(const dcl__slope *slope, const kind *kind, dcl__polar *polar, dcl__atoms *atoms,
                             dcl_error *error)
{
    search s = {.kind = kind, .lines = kind->transpose ? slope->columns : slope->rows,
                .length = kind->transpose ? slope->rows : slope->columns};
    *polar = (dcl__polar){.proof = DCL_PROOF_RIGOROUS};
    s.level = malloc((size_t)s.lines * sizeof *s.level);
    if (!s.level)
        return dcl__no_memory(error, "the lengths of rows", s.lines * (int64_t)sizeof *s.level);
    dcl_status status = dcl__slope_each(slope, kind->transpose, measure, &s, error);
    if (status == DCL_OK)
        polar->reached = largest(s.level, s.lines);
    const double rounding = kind->measure == largest ? 0 : dcl__gamma(2.5 * (double)s.length + 8);
    polar->upper = polar->reached * (1 + rounding) + slope->rounding * 2 + sqrt((double)s.length * DBL_MIN);
    if (status == DCL_OK && atoms && atoms->most > 0)
        status = find_atoms(slope, &s, atoms, error);
    free(s.level);
    free(s.chosen);
    free(s.vectors);
    return status;
}

dcl_status dcl__row_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                          dcl__atoms *atoms, dcl_error *error)
{
    (void)slack;
    (void)seed;
    return find_polar(slope, &rows_by_length, polar, atoms, error);
}

static dcl_status l2_l1_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                              dcl__atoms *atoms, dcl_error *error)
{
    (void)slack;
    (void)seed;
    return find_polar(slope, &columns_by_length, polar, atoms, error);
}

static dcl_status l1_l1_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                              dcl__atoms *atoms, dcl_error *error)
{
    (void)slack;
    (void)seed;
    return find_polar(slope, &rows_by_largest, polar, atoms, error);
}

static dcl_status l1_nonnegative_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                                       dcl__atoms *atoms, dcl_error *error)
{
    (void)slack;
    (void)seed;
    return find_polar(slope, &rows_by_part, polar, atoms, error);
}

/* ---- Sizes ---- */

static double l1_l2_norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    (void)problem;
    return (side == 0 ? dcl__norm_l1 : dcl__norm_l2)(x, length, stride);
}

static double l2_l1_norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    return l1_l2_norm(problem, !side, x, length, stride);
}

static double l1_l1_norm(const dcl_problem *problem, int side, const double *x, int64_t length, int64_t stride)
{
    (void)side;
    return l1_l2_norm(problem, 0, x, length, stride);
}

static double l1_nonnegative_norm(const dcl_problem *problem, int side, const double *x, int64_t length,
                                  int64_t stride)
{
    (void)problem;
    return (side == 0 ? dcl__norm_l1 : dcl__norm_nonnegative)(x, length, stride);
}

static void l1_l2_shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length,
                         int64_t stride)
{
    (void)problem;
    (side == 0 ? dcl__shrink_l1 : dcl__shrink_l2)(weight, x, length, stride);
}

static void l2_l1_shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length,
                         int64_t stride)
{
    l1_l2_shrink(problem, !side, weight, x, length, stride);
}

static void l1_l1_shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length,
                         int64_t stride)
{
    (void)side;
    l1_l2_shrink(problem, 0, weight, x, length, stride);
}

static void l1_nonnegative_shrink(const dcl_problem *problem, int side, double weight, double *x, int64_t length,
                                  int64_t stride)
{
    (void)problem;
    (side == 0 ? dcl__shrink_l1 : dcl__shrink_nonnegative)(weight, x, length, stride);
}

const dcl__penalty dcl__penalty_l1_l2 = {.id = DCL_PENALTY_L1_L2, .name = "l1-l2", .doc = "few rows",
                                         .is_certifiable = 1, .norm = l1_l2_norm, .shrink = l1_l2_shrink,
                                         .polar = dcl__row_polar};
const dcl__penalty dcl__penalty_l2_l1 = {.id = DCL_PENALTY_L2_L1, .name = "l2-l1", .doc = "few columns",
                                         .is_certifiable = 1, .norm = l2_l1_norm, .shrink = l2_l1_shrink,
                                         .polar = l2_l1_polar};
const dcl__penalty dcl__penalty_l1_l1 = {.id = DCL_PENALTY_L1_L1, .name = "l1-l1", .doc = "few entries",
                                         .is_certifiable = 1, .norm = l1_l1_norm, .shrink = l1_l1_shrink,
                                         .polar = l1_l1_polar};
const dcl__penalty dcl__penalty_l1_nonnegative = {.id = DCL_PENALTY_L1_NONNEGATIVE, .name = "l1-nonnegative",
                                                  .doc = "few rows, v not negative", .is_certifiable = 1,
                                                  .norm = l1_nonnegative_norm, .shrink = l1_nonnegative_shrink,
                                                  .polar = l1_nonnegative_polar};
