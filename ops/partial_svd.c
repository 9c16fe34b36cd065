/* partial_svd.c: the singular triplets of a matrix above a threshold, and no more. */
#include "partial_svd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VERIFY = 3 };             /* blocks that grow from a fresh start before it counts as empty    */
enum { NEAR = 1000 };            /* times the tolerance: two blocks more may suffice                  */
enum { LEAST_BLOCKS = 6 };       /* bases that hold fewer blocks are not worth while                 */

/* What residuals may come to together, and what rounding adds to the error, in units of the largest value. */
static double tolerance(const dcl__krylov *k)
{
    return k->y->dtype == DCL_F32 ? 5e-6 : 1e-11;
}

/* Sums of n numbers of one sign err by about sqrt(n) units. */
static double rounding(const dcl__krylov *k)
{
    return k->epsilon * sqrt((double)(k->length[DCL__SHORT] + k->length[DCL__LONG]));
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The threshold of min ||Y - X||_F^2 + (lambda / width) ||X||_*^2 over rank X <= width: the largest
 * lambda A_q / (width + lambda q) over q <= width, with A_q the sum of the first q values (Cavazza et al.,
 * AISTATS 2018; Mianjy, Arora and Vidal, ICML 2018). Values at or below it do not raise it. */
double dcl__threshold_at(const dcl__threshold *threshold, const double *values, int64_t count)
{
    double sum = 0, tau = 0, width = (double)threshold->width;
    if (threshold->tau >= 0)
        return threshold->tau;
    for (int64_t q = 1; q <= threshold->width && q <= count; q++) {
        sum += values[q - 1];
        tau = fmax(tau, sum * (threshold->lambda / (width + threshold->lambda * (double)q)));
    }
    return tau;
}

/* Wide blocks make few products and fast ones, narrow ones need fewer columns of them. */
int dcl__partial_plan(int64_t rows, int64_t columns, int64_t width, int64_t *block, int64_t *capacity)
{
    const int64_t most = smaller(rows, columns), wanted = smaller(width, most);
    *block = most < 320 ? 8 : most < 640 || wanted <= 16 ? 16 : 32;
    *capacity = 2 * (wanted + 2 * *block);
    if (*capacity < LEAST_BLOCKS * *block)
        *capacity = LEAST_BLOCKS * *block;
    *capacity = smaller(*capacity, most / 3);
    return *capacity >= LEAST_BLOCKS * *block;
}

/* ---- One look at what was found ---- */

typedef struct search {
    dcl__partial_svd *svd;
    dcl__threshold threshold;    /* in units of scale                                                */
    int64_t wanted;              /* values wanted at most                                            */
    int64_t limit;               /* columns of the bases before a restart                            */
    int64_t next;                /* columns of V at which to look again                              */
    int64_t verified;            /* values when a fresh block was taken up; -1 before                */
    int restarted;
    double tau, residual;        /* in units of scale; of the triplets above tau                     */
    double next_residual;        /* of the first triplet that is not                                 */
} search;

/* ||Y' u - s v|| of triplet t: ||R p||. */
static double residual_of(const dcl__krylov *k, const dcl__svd *svd, int64_t t)
{
    double square = 0;
    for (int64_t w = 0; w < k->pending; w++) {
        double sum = 0;
        for (int64_t i = k->coupled; i < svd->rows; i++)
            sum += k->r[w * k->capacity + i] * svd->left[t * svd->rows + i];
        square += sum * sum;
    }
    return sqrt(square);
}

static dcl_status decompose(dcl__partial_svd *svd)
{
    dcl__krylov *k = &svd->k;
    const int64_t rows = k->count[DCL__LONG], columns = k->count[DCL__SHORT];
    double *copy = dcl__numbers(k->host, k->call, rows, columns);
    if (!copy)
        return DCL_ENOMEM;
    for (int64_t i = 0; i < rows; i++)
        memcpy(copy + i * columns, k->b + i * k->capacity, (size_t)columns * sizeof *copy);
    dcl__svd_free(&svd->triplets);
    dcl_status status = dcl__svd_lapack(k->host, k->call, rows, columns, copy, 1, &svd->triplets);
    free(copy);
    return status;
}

/* Decomposes B and judges its triplets. */
static dcl_status look(search *s)
{
    dcl__partial_svd *svd = s->svd;
    dcl__krylov *k = &svd->k;
    dcl_status status = decompose(svd);
    if (status)
        return status;
    const double *values = svd->triplets.values;
    const int64_t count = smaller(s->wanted, svd->triplets.count);
    k->norm = fmax(k->norm, values[0]);
    s->tau = dcl__threshold_at(&s->threshold, values, count);
    const double cut = fmax(s->tau, 8 * k->epsilon * k->norm);
    double square = 0;
    for (svd->count = 0; svd->count < count && values[svd->count] > cut; svd->count++)
        square += pow(residual_of(k, &svd->triplets, svd->count), 2);
    s->residual = sqrt(square);
    s->next_residual = svd->count < svd->triplets.count ? residual_of(k, &svd->triplets, svd->count) : INFINITY;
    return DCL_OK;
}

/* How many values may be above the threshold, estimated from a random start: the weight of a Ritz vector in the
 * first block stands for weight * n / b values of y (stochastic Lanczos quadrature; Ubaru, Chen, Saad 2017). */
static double expected_count(const search *s)
{
    const dcl__svd *ritz = &s->svd->triplets;
    const dcl__krylov *k = &s->svd->k;
    double before = 0, sum = 0, tau = 0, expected = 0, width = (double)s->threshold.width;
    for (int64_t t = 0; t < ritz->count; t++) {
        double stands_for = 0, value = ritz->values[t];
        for (int64_t i = 0; i < k->block; i++)
            stands_for += pow(ritz->right[t * ritz->columns + i], 2) * (double)k->length[DCL__SHORT] / (double)k->block;
        stands_for = fmin(stands_for, (double)s->wanted - before);
        before += stands_for;
        sum += stands_for * value;
        tau = s->threshold.tau >= 0 ? s->threshold.tau
                                    : fmax(tau, sum * (s->threshold.lambda / (width + s->threshold.lambda * before)));
        expected = value > tau ? before : expected;
    }
    return expected;
}

/* ---- Decisions ---- */

/* The triplets above the threshold have converged, and at first the one below it well enough to see that it is. */
static int has_settled(const search *s)
{
    const dcl__krylov *k = &s->svd->k;
    const double allowed = tolerance(k) * k->norm;
    if (s->residual > allowed)
        return 0;
    return s->svd->count == s->wanted || k->pending == 0 || s->verified >= 0 ||
           s->next_residual <= fmax(0.1 * s->tau, allowed);
}

/* A fresh block has grown long enough, or led to nothing, and no more values showed. */
static int is_verified(const search *s)
{
    return s->verified == s->svd->count;
}

/* So many values are above the threshold, or so slowly do they converge, that LAPACK is quicker. */
static int is_hopeless(const search *s)
{
    const dcl__krylov *k = &s->svd->k;
    const int64_t count = s->svd->count;
    if (!s->restarted && expected_count(s) > (double)k->capacity / 2)
        return 1;
    const int64_t products = (k->y->dtype == DCL_F32 ? 3 : 6) * k->length[DCL__SHORT];
    return count + (VERIFY + 1) * k->block > k->capacity || k->products > products;
}

/* Room for two and a half times the values that are expected: less means more restarts, more means larger
 * decompositions. */
static void set_limit(search *s)
{
    const dcl__krylov *k = &s->svd->k;
    double expected = fmax((double)s->svd->count, s->restarted ? 0 : expected_count(s));
    int64_t limit = (int64_t)(2.5 * expected) + 2 * k->block;
    if (limit < LEAST_BLOCKS * k->block)
        limit = LEAST_BLOCKS * k->block;
    if (s->restarted && limit < s->limit)
        limit = s->limit;
    s->limit = smaller(limit, k->capacity);
}

static dcl_status restart(search *s, int64_t keep)
{
    s->restarted = 1;
    return dcl__krylov_restart(&s->svd->k, &s->svd->triplets, keep);
}

/* Keeps what is found and looks for more from a fresh start. */
static dcl_status verify(search *s)
{
    dcl__krylov *k = &s->svd->k;
    dcl_status status = restart(s, s->svd->count);
    if (!status)
        status = dcl__krylov_draw(k);
    s->verified = s->svd->count;
    s->next = k->count[DCL__SHORT] + VERIFY * k->block;
    return status;
}

/* Goes on: with larger bases while there is room, else with the better part of them. Looks again when they are half
 * as large again or full; when little is missing, after two blocks. */
static dcl_status go_on(search *s)
{
    dcl__krylov *k = &s->svd->k;
    const int64_t count = s->svd->count, near = s->residual <= NEAR * tolerance(k) * k->norm;
    dcl_status status = DCL_OK;
    set_limit(s);
    if (k->count[DCL__SHORT] + 2 * k->block > s->limit) {
        int64_t more = (s->limit - count - k->block) / 3, keep = count + (more > k->block / 2 ? more : k->block / 2);
        status = restart(s, smaller(keep, s->svd->triplets.count));
        s->next = s->limit;
    } else {
        s->next = k->count[DCL__SHORT] * 3 / 2;
    }
    s->next = smaller(near ? k->count[DCL__SHORT] + 2 * k->block : s->next, s->limit - k->block);
    return status;
}

static int is_time_to_look(const search *s)
{
    const dcl__krylov *k = &s->svd->k;
    return k->pending == 0 || k->count[DCL__SHORT] >= s->next || k->count[DCL__SHORT] + 2 * k->block > k->capacity;
}

static dcl_status run(search *s, int *found)
{
    dcl__krylov *k = &s->svd->k;
    dcl_status status = dcl__krylov_draw(k);
    while (!status) {
        status = dcl__krylov_grow(k);
        if (status || !is_time_to_look(s))
            continue;
        status = look(s);
        if (status || (*found = has_settled(s) && is_verified(s)) || is_hopeless(s))
            break;
        status = has_settled(s) ? verify(s) : go_on(s);
    }
    return status;
}

dcl_status dcl__partial_svd_run(const dcl_host *host, dcl_call *call, const dcl_tensor *y,
                                const dcl__threshold *threshold, int *found, dcl__partial_svd *svd)
{
    int64_t block, capacity, most = smaller(y->dim[0], y->dim[1]);
    memset(svd, 0, sizeof *svd);
    dcl__partial_plan(y->dim[0], y->dim[1], threshold->width, &block, &capacity);
    dcl_status status = dcl__krylov_open(host, call, y, block, capacity, &svd->k);
    const double scale = svd->k.scale;
    *found = !status && scale == 0;
    svd->tau = threshold->tau > 0 ? threshold->tau : 0;
    if (status || *found)
        return status;
    search s = {.svd = svd, .threshold = *threshold, .wanted = smaller(threshold->width, most), .verified = -1,
                .next = 3 * block};
    if (s.threshold.tau > 0)
        s.threshold.tau /= scale;
    status = run(&s, found);
    svd->tau = threshold->tau < 0 ? s.tau * scale : threshold->tau;
    for (int64_t t = 0; t < svd->count; t++)
        svd->triplets.values[t] *= scale;
    svd->error = (s.residual + rounding(&svd->k) * svd->k.norm) * scale;
    return status;
}

void dcl__partial_svd_free(dcl__partial_svd *svd)
{
    dcl__krylov_close(&svd->k);
    dcl__svd_free(&svd->triplets);
}
