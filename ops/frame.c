/* frame.c: the rotations and projections that make units, or blocks of units, weigh the same.
 *
 * Blocks. The penalty of all B with B B' = S is least for weights w of DropBlock's norm, D^2 = S / w, if projections
 * F_i F_i' with the mean diag(w) exist (support.h). A value of weight 1 is in every block. Between 0 and 1 there are
 * n values with weights that sum to m, for k projections of rank m:
 * - m = 1, k >= n: rows sqrt(k w) of a k x k rotation whose columns have length 1, by Schur and Horn;
 * - m = n - 1, k >= n: the complements of such lines, for the weights 1 - w;
 * - else alternating projections between F F' = k diag(w) and F_i' F_i = I, from random starts, as long as that takes
 *   seconds; ended early they leave the weights nearly the same.
 * Two blocks need no search, whether or not such projections exist: two projections of rank b split into pairs of
 * lines, so that the i-th value goes with the i-th last of 2 b, and the least penalty is 1/2 sum (s_i + s_j)^2. */
#include "frame.h"

#include <cblas.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* ---- The chain of plane rotations ---- */

void dcl__chain_free(dcl__chain *plan)
{
    free(plan->plane);
    free(plan->turn);
}

dcl_status dcl__chain_new(const dcl_host *host, dcl_call *call, int64_t width, dcl__chain *plan)
{
    dcl__chain made = {.plane = calloc((size_t)width, 2 * sizeof *made.plane)};
    made.turn = made.plane ? dcl__numbers(host, call, width, 2) : NULL;
    if (!made.plane)
        host->fail(call, DCL_ENOMEM, "there is not enough host memory for the rotations");
    if (!made.turn) {
        dcl__chain_free(&made);
        return DCL_ENOMEM;
    }
    *plan = made;
    return DCL_OK;
}

/* Each rotation takes the last entry below the mean and the first above it; the one closer to the mean gets there,
 * and the other carries the rest on. What is not there yet stays diagonal, so that no matrix is needed. */
void dcl__chain_plan(double *diagonal, int64_t width, dcl__chain *plan)
{
    double mean = 0;
    for (int64_t i = 0; i < width; i++)
        mean += diagonal[i] / (double)width;
    double slack = 8 * DBL_EPSILON * mean;
    int64_t low = width - 1, high = 0;
    plan->count = 0;
    while (plan->count < width - 1) {
        while (low >= 0 && diagonal[low] >= mean - slack)
            low--;
        while (high < width && diagonal[high] <= mean + slack)
            high++;
        if (low < 0 || high >= width)
            return;
        double below = mean - diagonal[low], above = diagonal[high] - mean;
        double t = sqrt(fmin(below, above) / (below + above));
        int64_t k = plan->count++;
        plan->plane[2 * k] = low;
        plan->plane[2 * k + 1] = high;
        plan->turn[2 * k] = sqrt(1 - t * t);
        plan->turn[2 * k + 1] = t;
        diagonal[low] = below <= above ? mean : mean - (below - above);
        diagonal[high] = below <= above ? mean + (above - below) : mean;
    }
}

void dcl__turn_columns(double *matrix, int64_t rows, int64_t columns, int64_t i, int64_t j, double c, double t)
{
    for (int64_t row = 0; row < rows; row++) {
        double *entry = matrix + row * columns, low = entry[i], high = entry[j];
        entry[i] = c * low - t * high;
        entry[j] = t * low + c * high;
    }
}

/* ---- Frames: n x (k m), F = [F_1 ... F_k] ---- */

/* Projections that are wanted. */
typedef struct wanted {
    const dcl_host *host;
    dcl_call *call;
    int64_t n, m, k;
    const double *share;         /* k w, which sum to k m; falling                                   */
} wanted;

/* Column i of `lines`, n x k, has length 1, and row t the square length of entry t, rows orthogonal; for shares
 * that fall and sum to k >= n. */
static dcl_status find_lines(const wanted *w, const double *share, double *lines)
{
    double *turn = dcl__numbers(w->host, w->call, w->k + 1, w->k), *diagonal = turn ? turn + w->k * w->k : NULL;
    dcl__chain plan;
    dcl_status status = turn ? dcl__chain_new(w->host, w->call, w->k, &plan) : DCL_ENOMEM;
    if (status) {
        free(turn);
        return status;
    }
    memcpy(diagonal, share, (size_t)w->n * sizeof *diagonal);
    dcl__chain_plan(diagonal, w->k, &plan);
    for (int64_t i = 0; i < w->k; i++)
        turn[i * w->k + i] = 1;
    for (int64_t i = 0; i < plan.count; i++)
        dcl__turn_columns(turn, w->k, w->k, plan.plane[2 * i], plan.plane[2 * i + 1], plan.turn[2 * i],
                          plan.turn[2 * i + 1]);
    for (int64_t i = 0; i < w->n * w->k; i++)
        lines[i] = sqrt(share[i / w->k]) * turn[i];
    dcl__chain_free(&plan);
    free(turn);
    return DCL_OK;
}

/* Block i becomes the complement of line i: columns 2 to n of the reflection that takes a unit vector there. */
static void complement(const wanted *w, const double *lines, double *f)
{
    for (int64_t i = 0; i < w->k; i++) {
        const double sign = lines[i] > 0 ? 1 : -1, scale = 1 + fabs(lines[i]);
        for (int64_t row = 0; row < w->n; row++)
            for (int64_t column = 1; column < w->n; column++) {
                const double left = row == 0 ? sign * scale : lines[row * w->k + i];
                f[row * w->k * w->m + i * w->m + column - 1] =
                    (row == column) - left * lines[column * w->k + i] / scale;
            }
    }
}

static dcl_status find_complements(const wanted *w, double *f)
{
    double *lines = dcl__numbers(w->host, w->call, w->n, w->k + 1), *rest = lines ? lines + w->n * w->k : NULL;
    if (!lines)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < w->n; t++)       /* row t of the reversed order, so that the shares fall */
        rest[t] = (double)w->k - w->share[w->n - 1 - t];
    dcl_status status = find_lines(w, rest, lines);
    for (int64_t t = 0; t < w->n / 2 && !status; t++)
        for (int64_t i = 0; i < w->k; i++) {
            const double kept = lines[t * w->k + i];
            lines[t * w->k + i] = lines[(w->n - 1 - t) * w->k + i];
            lines[(w->n - 1 - t) * w->k + i] = kept;
        }
    if (!status)
        complement(w, lines, f);
    free(lines);
    return status;
}

/* ---- Alternating projections ---- */

enum { RESTARTS = 4, SWEEPS = 3000, PATIENCE = 100 };

static const double exact = 1e-13;

/* Operations of a whole search, some seconds; more change balance in digits that hardly count. */
static const double most_work = 1e11;

/* Room for one search. */
typedef struct search {
    double *best, *part, *left, *right, *values;
    int64_t sweeps;              /* that may still be done                                           */
} search;

/* A decomposition takes about 20 operations for each of rows x columns x the fewer of them. */
static int64_t affordable_sweeps(const wanted *w)
{
    const double sweep = 20.0 * (double)w->n * (double)(w->k * w->m) * (double)(w->n + w->m);
    return sweep < most_work ? (int64_t)(most_work / sweep) : 1;
}

/* A matrix becomes the nearest one with orthonormal rows, or columns where these are fewer. */
static dcl_status polar(const wanted *w, search *room, double *matrix, int64_t rows, int64_t columns)
{
    const int64_t least = rows < columns ? rows : columns;
    const lapack_int m = (lapack_int)rows, n = (lapack_int)columns, k = (lapack_int)least;
    dcl_status status = dcl__lapack_status(w->host, w->call, "dgesdd",
                                           LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', m, n, matrix, n, room->values,
                                                          room->left, k, room->right, n));
    if (!status)
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, room->left, k, room->right, n, 0, matrix, n);
    return status;
}

/* F F' = diag(share): the nearest is W^1/2 times the polar factor of W^1/2 F. */
static dcl_status fit_rows(const wanted *w, search *room, double *f)
{
    const int64_t columns = w->k * w->m;
    for (int64_t i = 0; i < w->n * columns; i++)
        f[i] *= sqrt(w->share[i / columns]);
    dcl_status status = polar(w, room, f, w->n, columns);
    for (int64_t i = 0; i < w->n * columns; i++)
        f[i] *= sqrt(w->share[i / columns]);
    return status;
}

/* Every block gets orthonormal columns; *off becomes the largest change of an entry. */
static dcl_status fit_blocks(const wanted *w, search *room, double *f, double *off)
{
    const int64_t columns = w->k * w->m;
    dcl_status status = DCL_OK;
    *off = 0;
    for (int64_t b = 0; b < w->k && !status; b++) {
        for (int64_t i = 0; i < w->n * w->m; i++)
            room->part[i] = f[i / w->m * columns + b * w->m + i % w->m];
        status = polar(w, room, room->part, w->n, w->m);
        for (int64_t i = 0; i < w->n * w->m && !status; i++) {
            double *entry = f + i / w->m * columns + b * w->m + i % w->m;
            *off = fmax(*off, fabs(*entry - room->part[i]));
            *entry = room->part[i];
        }
    }
    return status;
}

/* From what f holds until the rows fit exactly and the blocks up to *off; ends early where nothing gets better. */
static dcl_status alternate(const wanted *w, search *room, double *f, double *off)
{
    double before = INFINITY;
    dcl_status status = fit_rows(w, room, f);
    *off = INFINITY;
    for (int sweep = 0; sweep < SWEEPS && room->sweeps > 0 && *off > exact && !status; sweep++, room->sweeps--) {
        status = fit_blocks(w, room, f, off);
        if (!status)
            status = fit_rows(w, room, f);
        if (sweep % PATIENCE == 0) {
            if (*off > 0.95 * before)
                break;
            before = *off;
        }
    }
    return status;
}

static void draw(const wanted *w, uint32_t attempt, double *f)
{
    const uint32_t key[4] = {0x626c6f63u, 0x6b730000u, 0, attempt};
    uint32_t words[4];
    for (int64_t i = 0; i < w->n * w->k * w->m; i++) {
        w->host->random(key, (uint64_t)i, words);
        f[i] = (double)words[0] * 0x1p-31 - 1;
    }
}

static dcl_status run_search(const wanted *w, search *room, double *f)
{
    double least = INFINITY;
    dcl_status status = DCL_OK;
    for (uint32_t attempt = 0; attempt < RESTARTS && room->sweeps > 0 && least > 10 * exact && !status; attempt++) {
        double off;
        draw(w, attempt, f);
        status = alternate(w, room, f, &off);
        if (off < least) {
            least = off;
            memcpy(room->best, f, (size_t)(w->n * w->k * w->m) * sizeof *f);
        }
    }
    memcpy(f, room->best, (size_t)(w->n * w->k * w->m) * sizeof *f);
    return status;
}

static dcl_status find_by_search(const wanted *w, double *f)
{
    const int64_t columns = w->k * w->m;
    double *all = dcl__numbers(w->host, w->call, w->n, 2 * columns + w->m + w->n + 1);
    if (!all)
        return DCL_ENOMEM;
    search room = {.best = all, .part = all + w->n * columns, .sweeps = affordable_sweeps(w)};
    room.right = room.part + w->n * w->m;
    room.left = room.right + w->n * columns;
    room.values = room.left + w->n * w->n;
    dcl_status status = run_search(w, &room, f);
    free(all);
    return status;
}

/* F F' = diag(share) to rounding. */
static dcl_status find_frames(const wanted *w, double *f)
{
    if (w->m == 1 && w->k >= w->n)
        return find_lines(w, w->share, f);
    if (w->m == w->n - 1 && w->k >= w->n)
        return find_complements(w, f);
    return find_by_search(w, f);
}

/* ---- Blocks ---- */

/* Two blocks: value i and value 2 b - 1 - i, 0 where there is none, are the two ends of a pair. */
static void pair_up(const double *s, int64_t count, int64_t block, double *b)
{
    for (int64_t i = 0; i < block && i < count; i++) {
        const int64_t j = 2 * block - 1 - i;
        double *row = b + i * 2 * block;
        row[i] = row[block + i] = sqrt(s[i] / 2);
        if (j < count) {
            row = b + j * 2 * block;
            row[i] = sqrt(s[j] / 2);
            row[block + i] = -row[i];
        }
    }
}

/* The values from `whole` on in B: sqrt(s / (k w)) F on the last columns of every block. */
static dcl_status place_parts(const wanted *w, const double *s, int64_t whole, int64_t block, double *b)
{
    const int64_t columns = w->k * w->m;
    double *f = dcl__numbers(w->host, w->call, w->n, columns);
    dcl_status status = f ? find_frames(w, f) : DCL_ENOMEM;
    for (int64_t i = 0; i < w->n * columns && !status; i++) {
        const int64_t column = i % columns;
        b[(whole + i / columns) * w->k * block + column / w->m * block + whole + column % w->m] =
            sqrt(s[whole + i / columns] / w->share[i / columns]) * f[i];
    }
    free(f);
    return status;
}

dcl_status dcl__blocks_find(const dcl_host *host, dcl_call *call, const double *s, int64_t count, int64_t block,
                            int64_t blocks, double *b)
{
    int64_t whole = count;
    if (blocks == 2) {
        pair_up(s, count, block, b);
        return DCL_OK;
    }
    const double level = count > block ? dcl__support_level(s, count, block, &whole) : 0;
    const int64_t part = count - whole;
    if (part > blocks * (block - whole))     /* no such projections: then no value is in every block */
        whole = 0;
    for (int64_t t = 0; t < whole * blocks; t++)
        b[t / blocks * blocks * block + t % blocks * block + t / blocks] = sqrt(s[t / blocks] / (double)blocks);
    if (part == 0)
        return DCL_OK;
    double *share = dcl__numbers(host, call, 1, count);
    if (!share)
        return DCL_ENOMEM;
    for (int64_t t = 0; t < count; t++)
        share[t] = (double)blocks * fmin(s[t] / level, 1);
    const wanted parts = {host, call, count - whole, block - whole, blocks, share + whole};
    dcl_status status = place_parts(&parts, s, whole, block, b);
    free(share);
    return status;
}
