/* lanczos.c: the largest eigenvalue of a symmetric matrix without negative ones, bounded from above. */
#include "recipes/certificate/lanczos.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "core/random.h"
#include "recipes/common/streams.h"

/* What a Ritz vector that counts as exact may be off by, relative to the largest Ritz value. */
static const double EXACT_VECTOR = 1e-9;

/* Basis vectors stand one behind the other. */
typedef struct state {
    const dcl__operator *a;
    const dcl__lanczos_options *options;
    int64_t steps, room;
    double *basis, *alpha, *beta, *projection;
    double *ritz, *scratch;      /* Ritz values, rising                                              */
} state;

static dcl_status make_room(state *s, dcl_error *error)
{
    if (s->steps + 1 < s->room)
        return DCL_OK;
    const int64_t room = s->room + 32;
    double **const arrays[] = {&s->alpha, &s->beta, &s->projection, &s->ritz, &s->scratch, &s->basis};
    for (int i = 0; i < 6; i++) {
        const int64_t numbers = room * (i == 5 ? s->a->size : 1);
        double *larger = realloc(*arrays[i], (size_t)numbers * sizeof *larger);
        if (!larger)
            return dcl__no_memory(error, "the basis of Lanczos' method", numbers * (int64_t)sizeof *larger);
        *arrays[i] = larger;
    }
    s->room = room;
    return DCL_OK;
}

static dcl_status start(state *s, dcl_error *error)
{
    dcl_status status = make_room(s, error);
    if (status)
        return status;
    const dcl_initial normal = {.deviation = 1, .stream = DCL__STREAM_LANCZOS};
    dcl__random_normal(s->options->seed, normal, DCL_F64, s->basis, s->a->size);
    cblas_dscal((int)s->a->size, 1 / cblas_dnrm2((int)s->a->size, s->basis, 1), s->basis, 1);
    return DCL_OK;
}

/* Takes away the parts along the basis, and once more where little was left: then rounding has brought some back, and
 * twice is enough (Giraud, Langou, Rozloznik 2005). Returns the length of what is left. */
static double make_orthogonal(state *s, double *x)
{
    const int n = (int)s->a->size, k = (int)s->steps + 1;
    double length = cblas_dnrm2(n, x, 1), before = INFINITY;
    for (int pass = 0; pass < 2 && length < 0.5 * before; pass++) {
        before = length;
        cblas_dgemv(CblasRowMajor, CblasNoTrans, k, n, 1, s->basis, n, x, 1, 0, s->projection, 1);
        cblas_dgemv(CblasRowMajor, CblasTrans, k, n, -1, s->basis, n, s->projection, 1, 1, x, 1);
        length = cblas_dnrm2(n, x, 1);
    }
    return length;
}

/* One step more. The parts of A q along the last two vectors are large, and go first. */
static dcl_status step(state *s, dcl_error *error)
{
    const int n = (int)s->a->size;
    dcl_status status = make_room(s, error);
    if (status)
        return status;
    double *q = s->basis + s->steps * s->a->size, *next = q + n;
    status = s->a->apply(s->a->user, q, next, error);
    if (status)
        return status;
    s->alpha[s->steps] = cblas_ddot(n, q, 1, next, 1);
    cblas_daxpy(n, -s->alpha[s->steps], q, 1, next, 1);
    if (s->steps > 0)
        cblas_daxpy(n, -s->beta[s->steps - 1], q - n, 1, next, 1);
    s->beta[s->steps] = make_orthogonal(s, next);
    if (s->beta[s->steps] > 0)
        cblas_dscal(n, 1 / s->beta[s->steps], next, 1);
    s->steps++;
    return DCL_OK;
}

static dcl_status find_values(state *s, dcl_error *error)
{
    memcpy(s->ritz, s->alpha, (size_t)s->steps * sizeof *s->ritz);
    memcpy(s->scratch, s->beta, (size_t)s->steps * sizeof *s->scratch);
    if (LAPACKE_dsterf((int)s->steps, s->ritz, s->scratch) || !isfinite(s->ritz[s->steps - 1]))
        return dcl__fail(error, DCL_ENUMERIC, "the largest singular value cannot be computed: there are NaN, infinity "
                         "or numbers whose squares are no f64 numbers");
    return DCL_OK;
}

/* Vectors of the projection, for its `count` largest values: steps x count, one behind the other, values rising. */
static dcl_status decompose(state *s, int64_t count, double *vectors, dcl_error *error)
{
    const int k = (int)s->steps;
    double *values = malloc((size_t)k * sizeof *values);
    lapack_int *support = malloc((size_t)(2 * count) * sizeof *support), made = 0;
    dcl_status status = DCL_OK;
    memcpy(s->projection, s->alpha, (size_t)k * sizeof *s->projection);
    memcpy(s->scratch, s->beta, (size_t)k * sizeof *s->scratch);
    if (!values || !support)
        status = dcl__no_memory(error, "Ritz vectors", (k + count) * (int64_t)sizeof *values);
    else if (LAPACKE_dstevr(LAPACK_COL_MAJOR, 'V', 'I', k, s->projection, s->scratch, 0, 0, k - (int)count + 1, k, 0,
                            &made, values, vectors, k, support))
        status = dcl__fail(error, DCL_ENUMERIC, "Ritz vectors cannot be computed");
    free(values);
    free(support);
    return status;
}

/* ---- What is above a level ---- */

static int64_t count_above(const state *s)
{
    int64_t count = 0;
    while (count < s->steps && s->ritz[s->steps - 1 - count] > s->options->level)
        count++;
    return count;
}

/* Whether the Ritz vectors of the `count` largest values are exact. A + E has the Ritz pair exactly where ||E||_2 is
 * the last beta times the last number of the pair's vector of the projection. */
static dcl_status find_whether_exact(state *s, int64_t count, int *exact, dcl_error *error)
{
    const int64_t k = s->steps;
    double *vectors = malloc((size_t)(k * count) * sizeof *vectors);
    dcl_status status = vectors ? decompose(s, count, vectors, error)
                                : dcl__no_memory(error, "Ritz vectors", k * count * (int64_t)sizeof *vectors);
    *exact = 1;
    for (int64_t i = 0; i < count && status == DCL_OK; i++)
        *exact &= s->beta[k - 1] * fabs(vectors[(i + 1) * k - 1]) <= EXACT_VECTOR * s->ritz[k - 1];
    free(vectors);
    return status;
}

/* More values above the level than vectors are wanted; steps only add to them (Cauchy's interlacing). */
static int has_too_many(const state *s)
{
    return s->options->level > 0 && count_above(s) > s->options->vectors;
}

/* Whether the vectors of all values above the level, no more than are wanted, are exact, and there is a value below. */
static dcl_status find_whether_all(state *s, int *has_all, dcl_error *error)
{
    const int64_t above = count_above(s);
    *has_all = above < s->steps && above <= s->options->vectors;
    return *has_all && above > 0 ? find_whether_exact(s, above, has_all, error) : DCL_OK;
}

/* ---- Bounds ---- */

/* log p(theta_1 (1 + growth)); what is left of a vector that rounding alone made counts as rounding. */
static double log_polynomial(const state *s, double growth)
{
    const double largest = s->ritz[s->steps - 1], least = 4 * (double)s->steps * 0x1p-53 * largest;
    double sum = 0;
    for (int64_t j = 0; j < s->steps; j++)
        sum += log(largest - s->ritz[j] + growth * largest) - log(fmax(s->beta[j], least));
    return sum;
}

/* The largest eigenvalue is at most 1 + growth times the largest Ritz value. */
static double find_growth(const state *s)
{
    const double n = (double)s->a->size, c = s->options->failure / sqrt(2 * n / acos(-1)) / 2;
    const double worst = pow(sinh(asinh(1 / c) / (double)(2 * s->steps - 1)), 2);
    double low = log(1e-17), high = log(worst);
    if (s->steps >= s->a->size)
        return 0;
    for (int i = 0; i < 60 && low < high; i++) {
        const double middle = (low + high) / 2;
        if (log_polynomial(s, exp(middle)) >= -log(c))
            high = middle;
        else
            low = middle;
    }
    return fmin(worst, exp(high));
}

/* ---- Ritz vectors ---- */

static dcl_status find_vectors(state *s, dcl__lanczos *found, dcl_error *error)
{
    const int64_t k = s->steps, n = s->a->size, count = s->options->vectors < k ? s->options->vectors : k;
    double *small = malloc((size_t)(k * count) * sizeof *small);
    found->vectors = malloc((size_t)(n * count) * sizeof *found->vectors);
    dcl_status status = DCL_OK;
    if (!small || !found->vectors)
        status = dcl__no_memory(error, "Ritz vectors", (n + k) * count * (int64_t)sizeof *small);
    else
        status = decompose(s, count, small, error);
    for (int64_t i = 0; status == DCL_OK && i < count; i++)
        cblas_dgemv(CblasRowMajor, CblasTrans, (int)k, (int)n, 1, s->basis, (int)n, small + (count - 1 - i) * k, 1, 0,
                    found->vectors + i, (int)count);
    found->count = count;
    free(small);
    return status;
}

static dcl_status iterate(state *s, dcl__lanczos *found, dcl_error *error)
{
    const int64_t limit = s->options->steps > 0 && s->options->steps < s->a->size ? s->options->steps : s->a->size;
    int64_t next = 4;
    dcl_status status = start(s, error);
    for (int over = 0; status == DCL_OK && !over;) {
        status = step(s, error);
        over = s->steps >= limit || (status == DCL_OK && !(s->beta[s->steps - 1] > 0)) ||
               (s->options->stops && s->options->stops(s->options->user));
        if (status || (!over && s->steps < next))
            continue;
        next = s->steps + 1 + s->steps / 8;
        status = find_values(s, error);
        found->value = s->ritz[s->steps - 1];
        const double growth = found->value > 0 ? find_growth(s) : 0;
        found->upper = found->value * (1 + growth);
        over = over || has_too_many(s);
        if (s->options->level > 0 && status == DCL_OK)
            status = find_whether_all(s, &found->has_all_above, error);
        over = over || (growth <= s->options->slack && (found->has_all_above || !(s->options->level > 0)));
    }
    found->steps = s->steps;
    return status;
}

dcl_status dcl__lanczos_run(const dcl__operator *a, const dcl__lanczos_options *options, dcl__lanczos *found,
                            dcl_error *error)
{
    state s = {.a = a, .options = options};
    *found = (dcl__lanczos){0};
    dcl_status status = iterate(&s, found, error);
    if (status == DCL_OK && options->vectors > 0)
        status = find_vectors(&s, found, error);
    double *const arrays[] = {s.basis, s.alpha, s.beta, s.projection, s.ritz, s.scratch};
    for (int i = 0; i < 6; i++)
        free(arrays[i]);
    return status;
}

void dcl__lanczos_free(dcl__lanczos *found)
{
    free(found->vectors);
    *found = (dcl__lanczos){0};
}
