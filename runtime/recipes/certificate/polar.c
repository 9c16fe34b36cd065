/* polar.c: the largest singular value of Z: a bound from above, and pairs of vectors that come near it. */
#include "recipes/certificate/polar.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "recipes/certificate/lanczos.h"
#include "recipes/common/sum.h"

/* Up to this side all eigenvectors cost little; beyond it Lanczos' method finds the leading ones sooner, where they are
 * no more than this part of the side. */
enum { ALL_VECTORS_SIDE = 256, FEW_VECTORS = 16, STEPS_SHARE = 3, MOST_STEPS = 1000 };

dcl_status dcl__atoms_make(dcl__atoms *atoms, int64_t rows, int64_t columns, int64_t count, dcl_error *error)
{
    const size_t number = (size_t)(count > 0 ? count : 1);
    atoms->count = count;
    atoms->u = malloc((size_t)rows * number * sizeof *atoms->u);
    atoms->v = malloc((size_t)columns * number * sizeof *atoms->v);
    atoms->level = malloc(number * sizeof *atoms->level);
    if (!atoms->u || !atoms->v || !atoms->level)
        return dcl__no_memory(error, "new units", (rows + columns) * count * (int64_t)sizeof *atoms->u);
    return DCL_OK;
}

void dcl__atoms_free(dcl__atoms *atoms)
{
    free(atoms->u);
    free(atoms->v);
    free(atoms->level);
    *atoms = (dcl__atoms){.most = atoms->most, .above = atoms->above};
}

/* By insertion: there are few of them. */
int64_t dcl__choose_highest(const double *level, int64_t count, double above, int64_t most, int64_t *chosen)
{
    int64_t number = 0;
    for (int64_t i = 0; i < count && most > 0; i++) {
        if (!(level[i] > above) || (number == most && level[i] <= level[chosen[number - 1]]))
            continue;
        int64_t place = number < most ? number++ : number - 1;
        for (; place > 0 && level[chosen[place - 1]] < level[i]; place--)
            chosen[place] = chosen[place - 1];
        chosen[place] = i;
    }
    return number;
}

/* ---- Pairs from singular vectors of one side ---- */

/* The other side of each vector, and its length: the value of the pair. */
static dcl_status pair_up(const dcl__slope *slope, int transpose, const double *vectors, int64_t count, double *others,
                          double *values, dcl_error *error)
{
    const int64_t length = transpose ? slope->columns : slope->rows;
    dcl_status status = dcl__slope_multiply(slope, transpose, vectors, count, others, error);
    for (int64_t i = 0; i < count && status == DCL_OK; i++) {
        values[i] = cblas_dnrm2((int)length, others + i, (int)count);
        for (int64_t a = 0; a < length; a++)
            others[a * count + i] /= values[i] > 0 ? values[i] : 1;
    }
    return status;
}

/* Columns of a row-major matrix side by side in fewer columns: those numbered by `kept`. */
static void keep_columns(const double *from, int64_t rows, int64_t count, const int64_t *kept, int64_t number,
                         double *to)
{
    for (int64_t a = 0; a < rows; a++)
        for (int64_t i = 0; i < number; i++)
            to[a * number + i] = from[a * count + kept[i]];
}

static dcl_status make_atoms(const dcl__slope *slope, int transpose, const double *vectors, const double *others,
                             const double *values, int64_t count, dcl__atoms *atoms, dcl_error *error)
{
    int64_t *kept = malloc((size_t)count * sizeof *kept);
    if (!kept)
        return dcl__no_memory(error, "new units", count * (int64_t)sizeof *kept);
    const int64_t most = count < atoms->most ? count : atoms->most;
    const int64_t number = dcl__choose_highest(values, count, atoms->above, most, kept);
    dcl_status status = dcl__atoms_make(atoms, slope->rows, slope->columns, number, error);
    if (status == DCL_OK) {
        keep_columns(transpose ? vectors : others, slope->rows, count, kept, number, atoms->u);
        keep_columns(transpose ? others : vectors, slope->columns, count, kept, number, atoms->v);
        for (int64_t i = 0; i < number; i++)
            atoms->level[i] = values[kept[i]];
    }
    free(kept);
    return status;
}

/* From orthonormal vectors of the smaller side: what was reached, and atoms where some are wanted. */
static dcl_status reach(const dcl__slope *slope, const double *vectors, int64_t count, dcl__polar *polar,
                        dcl__atoms *atoms, dcl_error *error)
{
    const int transpose = slope->rows < slope->columns;  /* the vectors are u, and v = Z'u */
    const int64_t length = transpose ? slope->columns : slope->rows;
    double *others = malloc((size_t)(length * count) * sizeof *others);
    double *values = malloc((size_t)count * sizeof *values);
    dcl_status status = DCL_OK;
    if (!others || !values)
        status = dcl__no_memory(error, "singular vectors", length * count * (int64_t)sizeof *others);
    else
        status = pair_up(slope, transpose, vectors, count, others, values, error);
    for (int64_t i = 0; i < count && status == DCL_OK; i++)
        polar->reached = values[i] > polar->reached ? values[i] : polar->reached;
    if (status == DCL_OK && atoms && atoms->most > 0)
        status = make_atoms(slope, transpose, vectors, others, values, count, atoms, error);
    free(others);
    free(values);
    return status;
}

/* ---- From the Gram matrix ---- */

/* The Gram matrix G, a copy that LAPACK may overwrite, and eigenvectors (side x count, row-major). */
typedef struct gram {
    const dcl__slope *slope;
    int64_t side;
    int64_t block;               /* how many eigenvalues the bound is the sum of                     */
    double *matrix, *copy, *vectors;
    int64_t found;               /* eigenvectors                                                     */
    double *values;              /* about the eigenvalues of the first `block` of them, falling      */
    double trace;                /* sum of all eigenvalues                                           */
    double rounding;             /* of the matrix, in the 2-norm                                     */
} gram;

static dcl_status apply_gram(const void *user, const double *x, double *y, dcl_error *error)
{
    const gram *g = user;
    (void)error;
    cblas_dsymv(CblasRowMajor, CblasUpper, (int)g->side, 1, g->matrix, (int)g->side, x, 1, 0, y, 1);
    return DCL_OK;
}

/* With a level above 0: not longer than LAPACK would take. */
static dcl_status find_by_lanczos(gram *g, uint64_t seed, int64_t count, double level, int *has_all, dcl_error *error)
{
    const dcl__operator a = {g->side, apply_gram, g};
    const dcl__lanczos_options options = {.slack = 1e-12, .failure = 1e-10, .seed = seed, .vectors = count,
                                          .level = level, .steps = level > 0 ? g->side / STEPS_SHARE : 0,
                                          .stops = g->slope->stops, .user = g->slope->user};
    dcl__lanczos found;
    dcl_status status = dcl__lanczos_run(&a, &options, &found, error);
    g->values[0] = found.upper;
    g->vectors = found.vectors;
    g->found = found.count;
    *has_all = found.has_all_above;
    return status;
}

/* LAPACK's eigenvalues rise; its vectors stand one behind the other. */
static dcl_status find_all(gram *g, int64_t count, dcl_error *error)
{
    const int n = (int)g->side;
    double *values = malloc((size_t)n * sizeof *values), *found = malloc((size_t)(n * count) * sizeof *found);
    lapack_int *support = malloc((size_t)(2 * count) * sizeof *support), made = 0;
    g->vectors = malloc((size_t)(n * count) * sizeof *g->vectors);
    dcl_status status = DCL_OK;
    memcpy(g->copy, g->matrix, (size_t)n * (size_t)n * sizeof *g->copy);
    if (!values || !found || !support || !g->vectors)
        status = dcl__no_memory(error, "eigenvectors", 2 * n * count * (int64_t)sizeof *found);
    else if (LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'I', 'U', n, g->copy, n, 0, 0, (int)(n - count + 1), n, 0, &made,
                            values, found, n, support))
        status = dcl__fail(error, DCL_ENUMERIC, "the largest singular value cannot be computed: there are NaN, "
                           "infinity or numbers whose squares are no f64 numbers");
    for (int64_t i = 0; i < count && status == DCL_OK; i++)
        cblas_dcopy(n, found + (count - 1 - i) * n, 1, g->vectors + i, (int)count);
    for (int64_t i = 0; i < g->block && status == DCL_OK; i++)
        g->values[i] = values[count - 1 - i];
    g->found = count;
    free(values);
    free(found);
    free(support);
    return status;
}

/* All eigenvectors of eigenvalues above a number, the largest `most` of them; found is 0 where there are none. */
static dcl_status find_above(gram *g, int64_t most, double level, dcl_error *error)
{
    const int n = (int)g->side;
    double *values = malloc((size_t)n * sizeof *values), *found = malloc((size_t)n * (size_t)n * sizeof *found);
    lapack_int *support = malloc((size_t)(2 * n) * sizeof *support), made = 0;
    g->vectors = malloc((size_t)(n * most) * sizeof *g->vectors);
    dcl_status status = DCL_OK;
    memcpy(g->copy, g->matrix, (size_t)n * (size_t)n * sizeof *g->copy);
    if (!values || !found || !support || !g->vectors)
        status = dcl__no_memory(error, "eigenvectors", n * (n + most) * (int64_t)sizeof *found);
    else if (LAPACKE_dsyevr(LAPACK_COL_MAJOR, 'V', 'V', 'U', n, g->copy, n, level, 2 * g->trace, 0, 0, 0, &made, values,
                            found, n, support))
        status = dcl__fail(error, DCL_ENUMERIC, "the eigenvalues of the Gram matrix do not converge");
    g->found = made < most ? made : most;
    for (int64_t i = 0; i < g->found && status == DCL_OK; i++)
        cblas_dcopy(n, found + (made - 1 - i) * n, 1, g->vectors + i, (int)g->found);
    if (status == DCL_OK && made > 0)
        g->values[0] = values[made - 1];
    free(values);
    free(found);
    free(support);
    return status;
}

/* Lanczos' method where few vectors of many are wanted, or few have an eigenvalue above the level; else LAPACK. */
static dcl_status find_leading(gram *g, uint64_t seed, int64_t count, double level, dcl_error *error)
{
    const int64_t few = g->side / FEW_VECTORS;
    int has_all = 0;
    dcl_status status = find_by_lanczos(g, seed, count < few ? count : few, count > few ? level * level : 0, &has_all,
                                        error);
    if (status || count <= few || has_all)
        return status;
    free(g->vectors);
    g->vectors = NULL;
    status = find_above(g, count, level * level, error);
    if (status || g->found > 0)
        return status;
    free(g->vectors);            /* what was reached is to be told in any case */
    g->vectors = NULL;
    return find_by_lanczos(g, seed, 1, 0, &has_all, error);
}

/* What an eigenvalue has above the last of the first `block`. */
static double above(const gram *g, int64_t i)
{
    return fmax(g->values[i] - g->values[g->block - 1], 0);
}

/* Whether s I - (G - W D W') has a Cholesky factorization, with W the first `block` - 1 eigenvectors and D what their
 * eigenvalues are above the next: all that is taken from s is about that one. */
static int has_cholesky(gram *g, double s)
{
    const int64_t n = g->side;
    for (int64_t i = 0; i < n * n; i++)
        g->copy[i] = -g->matrix[i];
    for (int64_t i = 0; i < g->block - 1; i++)
        cblas_dsyr(CblasRowMajor, CblasLower, (int)n, above(g, i), g->vectors + i, (int)g->found, g->copy, (int)n);
    for (int64_t i = 0; i < n; i++)
        g->copy[i * n + i] += s;
    return LAPACKE_dpotrf(LAPACK_COL_MAJOR, 'U', (int)n, g->copy, (int)n) == 0;
}

/* An upper bound of the sum of the `block` largest eigenvalues of the matrix that Z has in exact arithmetic. Where the
 * factorization of A = s I - G + W D W' runs to its end, A + E is R'R with ||E||_2 <= gamma_{n+1} / (1 - gamma_{n+1})
 * trace A (Higham 2002, theorem 10.3 and its proof; rows may be divided by a reciprocal, one rounding more), so that
 * G is below (s + ||E||) I + W D W', and the sum is at most block (s + ||E||) + sum d_i ||w_i||^2 (Ky Fan 1949). The
 * terms of A are rounded some times, each by less than its part of the traces; products of G below the normal numbers
 * lose absolutely. */
static double prove(gram *g)
{
    const double n = (double)g->side, lines = (double)(g->slope->rows + g->slope->columns), b = (double)g->block;
    const double lost = g->rounding + n * lines * DBL_MIN;
    const double least = g->values[g->block - 1];
    double s = fmax(least, 0) * (1 + 4 * n * DBL_EPSILON) + g->trace * DBL_EPSILON;
    if (!(g->trace > 0))         /* that of Z's is less than what rounding takes of every eigenvalue */
        return n * lost;
    while (s < 2 * g->trace && !has_cholesky(g, s))
        s += fmax(s - least, g->trace * DBL_EPSILON);
    if (!(s < 2 * g->trace))
        return g->trace * (1 + n * DBL_EPSILON) + n * lost;  /* no eigenvalues have more than the sum of all */
    double taken = 0;
    for (int64_t i = 0; i < g->block - 1; i++)
        taken += above(g, i);
    const double size = n * s + taken;
    return b * (s + (dcl__gamma(n + 2) + (b > 1 ? dcl__gamma(3 * b) : 0)) * 1.01 * size + 2 * DBL_EPSILON * s + lost) +
           taken * (1 + dcl__gamma(n + b) + 64 * n * DBL_EPSILON);
}

/* A tenth of the slack may be lost by rounding, at a polar of lambda: sigma^2 is off by twice what sigma is. */
static double allowed_rounding(const dcl__slope *slope, double slack)
{
    return 0.2 * slack * slope->problem->lambda * slope->problem->lambda;
}

static dcl_status find_small(gram *g, double slack, uint64_t seed, dcl__polar *polar, dcl__atoms *atoms,
                             dcl_error *error)
{
    const int64_t wanted = atoms && atoms->most > g->block ? atoms->most : g->block;
    const int64_t count = wanted < g->side ? wanted : g->side;
    const int by_lanczos = g->side > ALL_VECTORS_SIDE && g->block == 1;
    dcl_status status = dcl__slope_gram(g->slope, allowed_rounding(g->slope, slack), g->matrix, &g->rounding, error);
    if (status)
        return status;
    for (int64_t i = 0; i < g->side; i++)
        g->trace += g->matrix[i * g->side + i];
    if (!isfinite(g->trace))
        return dcl__fail(error, DCL_ENUMERIC, "the largest singular value cannot be computed: squares are no f64 "
                         "numbers");
    status = by_lanczos && g->trace > 0 ? find_leading(g, seed, count, atoms ? atoms->above : 0, error)
                                        : find_all(g, count, error);
    if (status)
        return status;
    polar->upper = sqrt(prove(g)) * (1 + DBL_EPSILON) + 2 * g->slope->rounding;
    return reach(g->slope, g->vectors, g->found, polar, atoms, error);
}

static dcl_status polar_by_gram(const dcl__slope *slope, int64_t block, double slack, uint64_t seed,
                                dcl__polar *polar, dcl__atoms *atoms, dcl_error *error)
{
    const int64_t side = slope->rows < slope->columns ? slope->rows : slope->columns;
    gram g = {.slope = slope, .side = side, .block = block < side ? block : side};
    const size_t numbers = (size_t)side * (size_t)side;
    *polar = (dcl__polar){.proof = DCL_PROOF_RIGOROUS};
    g.matrix = malloc(numbers * sizeof *g.matrix);
    g.copy = malloc(numbers * sizeof *g.copy);
    g.values = malloc((size_t)g.block * sizeof *g.values);
    dcl_status status = DCL_OK;
    if (!g.matrix || !g.copy || !g.values)
        status = dcl__no_memory(error, "the Gram matrix", 2 * (int64_t)numbers * (int64_t)sizeof *g.matrix);
    else
        status = find_small(&g, slack, seed, polar, atoms, error);
    free(g.matrix);
    free(g.copy);
    free(g.values);
    free(g.vectors);
    return status;
}

dcl_status dcl__spectral_polar_small(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                                     dcl__atoms *atoms, dcl_error *error)
{
    return polar_by_gram(slope, 1, slack, seed, polar, atoms, error);
}

/* ---- By Lanczos' method ---- */

typedef struct normal {
    const dcl__slope *slope;
    int transpose;               /* ZZ' instead of Z'Z                                               */
    double *middle;
} normal;

static dcl_status apply_normal(const void *user, const double *x, double *y, dcl_error *error)
{
    const normal *a = user;
    dcl_status status = dcl__slope_multiply(a->slope, a->transpose, x, 1, a->middle, error);
    return status ? status : dcl__slope_multiply(a->slope, !a->transpose, a->middle, 1, y, error);
}

/* Roundings in a product with Z, one after another; `room` has a number for each column. */
static double longest_sum(const dcl__slope *slope, double *room)
{
    if (!slope->entry)
        return (double)(slope->rows + slope->columns + slope->width);
    double most = 0;
    const dcl_entries *entries = slope->problem->entries;
    memset(room, 0, (size_t)slope->columns * sizeof *room);
    for (int64_t a = 0; a < slope->rows; a++)
        most = fmax(most, (double)(entries->start[a + 1] - entries->start[a]));
    for (int64_t e = 0; e < entries->count; e++)
        most = fmax(most, ++room[entries->column[e]]);
    return most;
}

/* ||Z||_F, from above: what the slope adds is added in chunks. */
static double norm_of(const dcl__slope *slope)
{
    if (!slope->entry)
        return sqrt(slope->square) * (1 + dcl__gamma(DCL__SUM_CHUNK + 8));
    dcl__sum sum = {0};
    for (int64_t e = 0; e < slope->problem->entries->count; e++)
        dcl__add(&sum, slope->entry[e] * slope->entry[e]);
    return sqrt(dcl__total(&sum)) * (1 + 4 * DBL_EPSILON);
}

/* What the rounding of products with Z is relative to. Where all entries are there Z x is Y x less U (V'x), each of
 * which may be far larger than Z. */
static double size_of_products(const dcl__slope *slope)
{
    return slope->entry ? norm_of(slope) : slope->data_size + slope->factor_size;
}

dcl_status dcl__spectral_polar_large(const dcl__slope *slope, double slack, double failure, uint64_t seed,
                                     dcl__polar *polar, dcl__atoms *atoms, dcl_error *error)
{
    normal a = {.slope = slope, .transpose = slope->rows < slope->columns};
    const int64_t side = a.transpose ? slope->rows : slope->columns;
    const int64_t longer = slope->rows > slope->columns ? slope->rows : slope->columns;
    const int64_t wanted = atoms && atoms->most > 1 ? atoms->most : 1;
    const dcl__operator matrix = {side, apply_normal, &a};
    const dcl__lanczos_options options = {.slack = 2 * slack, .failure = failure, .seed = seed, .vectors = wanted,
                                          .steps = MOST_STEPS, .stops = slope->stops, .user = slope->user};
    dcl__lanczos found = {0};
    *polar = (dcl__polar){.proof = DCL_PROOF_PROBABLE, .failure = failure};
    a.middle = malloc((size_t)longer * sizeof *a.middle);
    if (!a.middle)
        return dcl__no_memory(error, "a vector", longer * (int64_t)sizeof *a.middle);
    dcl_status status = dcl__lanczos_run(&matrix, &options, &found, error);
    if (status == DCL_OK) {
        polar->upper = sqrt(found.upper) + 2 * dcl__gamma(longest_sum(slope, a.middle)) * size_of_products(slope) +
                       2 * slope->rounding;
        status = reach(slope, found.vectors, found.count, polar, atoms, error);
    }
    free(a.middle);
    dcl__lanczos_free(&found);
    return status;
}

/* Whether a Gram matrix is small, or small beside the entries. */
static int allows_gram(const dcl__slope *slope)
{
    const int64_t side = slope->rows < slope->columns ? slope->rows : slope->columns;
    const int is_dense = !slope->entry || side * side / DCL__GRAM_SHARE <= slope->problem->entries->count;
    return side <= DCL__SMALL_SIDE || (side <= DCL__GRAM_SIDE && is_dense);
}

dcl_status dcl__spectral_polar(const dcl__slope *slope, double slack, uint64_t seed, dcl__polar *polar,
                               dcl__atoms *atoms, dcl_error *error)
{
    return allows_gram(slope) ? dcl__spectral_polar_small(slope, slack, seed, polar, atoms, error)
                              : dcl__spectral_polar_large(slope, slack, 1e-10, seed, polar, atoms, error);
}

dcl_status dcl__spectral_squares(const dcl__slope *slope, int64_t block, double slack, uint64_t seed,
                                 dcl__polar *polar, dcl_error *error)
{
    if (allows_gram(slope))
        return polar_by_gram(slope, block, slack, seed, polar, NULL, error);
    dcl_status status = dcl__spectral_polar_large(slope, slack, 1e-10, seed, polar, NULL, error);
    if (status == DCL_OK)
        polar->upper = fmin(polar->upper * sqrt((double)block), norm_of(slope));
    return status;
}
