/* rotation.c: the rotation under which all units of an arbitrary pair weigh the same: the heaviest and the lightest
 * are turned against each other, then all at once by the method of Levenberg and Marquardt.
 */
#include "rotation.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

/* The Gram matrices of both factors, scaled to mean diagonal 1, as the rotation R gathered so far leaves
 * them; weight[i] = |u_i| |v_i|. All matrices are width x width. */
typedef struct frame {
    int64_t width;
    double *room;                /* holds all of:                                                    */
    double *gram[2], *rotation, *spare[4];
    double *weight, *excess;
    lapack_int *pivot;
} frame;

enum { MOST_RESTARTS = 40, MOST_STEPS = 60 };

/* Largest relative difference between weights that counts as balanced. */
static const double balanced = 1e-11;

static void free_frame(frame *made)
{
    free(made->room);
    free(made->pivot);
}

/* factor' factor, divided by its mean diagonal entry. */
static void gram_of(const double *factor, int64_t rows, int64_t width, double *gram)
{
    double trace = 0;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < width; i++)
            for (int64_t j = 0; j < width; j++)
                gram[i * width + j] += factor[row * width + i] * factor[row * width + j];
    for (int64_t i = 0; i < width; i++)
        trace += gram[i * width + i];
    for (int64_t i = 0; i < width * width && trace > 0; i++)
        gram[i] *= (double)width / trace;
}

static dcl_status new_frame(const dcl_host *host, dcl_call *call, double *const factor[2], const int64_t rows[2],
                            int64_t width, frame *made)
{
    const int64_t area = width * width;
    double *room = dcl__numbers(host, call, 7 * width + 2, width);
    lapack_int *pivot = room ? calloc((size_t)width, sizeof *pivot) : NULL;
    if (!pivot) {
        free(room);
        return host->fail(call, DCL_ENOMEM, "there is not enough host memory for the rotation");
    }
    frame blank = {
        .width = width,
        .room = room,
        .gram = {room, room + area},
        .rotation = room + 2 * area,
        .spare = {room + 3 * area, room + 4 * area, room + 5 * area, room + 6 * area},
        .weight = room + 7 * area,
        .excess = room + 7 * area + width,
        .pivot = pivot,
    };
    for (int k = 0; k < 2; k++)
        gram_of(factor[k], rows[k], width, blank.gram[k]);
    for (int64_t i = 0; i < width; i++)
        blank.rotation[i * width + i] = 1;
    *made = blank;
    return DCL_OK;
}

/* Refreshes the weights; returns (largest - least) / mean, 0 when all are 0, and where the extremes are. */
static double imbalance(frame *made, int64_t *most, int64_t *least)
{
    double mean = 0;
    *most = *least = 0;
    for (int64_t i = 0; i < made->width; i++) {
        double square = made->gram[0][i * made->width + i] * made->gram[1][i * made->width + i];
        made->weight[i] = sqrt(fmax(square, 0));
        mean += made->weight[i] / (double)made->width;
        *most = made->weight[i] > made->weight[*most] ? i : *most;
        *least = made->weight[i] < made->weight[*least] ? i : *least;
    }
    return mean > 0 ? (made->weight[*most] - made->weight[*least]) / mean : 0;
}

static int is_balanced(frame *made)
{
    int64_t most, least;
    return imbalance(made, &most, &least) <= balanced;
}

/* Turns the columns i and j of both factors. */
static void turn_frame(frame *made, int64_t i, int64_t j, double c, double t)
{
    int64_t width = made->width;
    for (int k = 0; k < 2; k++) {
        double *low = made->gram[k] + i * width, *high = made->gram[k] + j * width;
        dcl__turn_columns(made->gram[k], width, width, i, j, c, t);
        for (int64_t column = 0; column < width; column++) {
            double kept = low[column];
            low[column] = c * kept - t * high[column];
            high[column] = t * kept + c * high[column];
        }
    }
    dcl__turn_columns(made->rotation, width, width, i, j, c, t);
}

/* Makes the weights of columns i and j equal: with p, d the half sum and half difference of the diagonal
 * entries and o the entry beside them, (p_u d_v + p_v d_u) cos 2x + (p_u o_v + p_v o_u) sin 2x = 0. */
static void equalize(frame *made, int64_t i, int64_t j)
{
    double half_sum[2], half_difference[2], beside[2];
    for (int k = 0; k < 2; k++) {
        const double *gram = made->gram[k];
        half_sum[k] = (gram[i * made->width + i] + gram[j * made->width + j]) / 2;
        half_difference[k] = (gram[i * made->width + i] - gram[j * made->width + j]) / 2;
        beside[k] = gram[i * made->width + j];
    }
    double along = half_sum[0] * half_difference[1] + half_sum[1] * half_difference[0];
    double across = half_sum[0] * beside[1] + half_sum[1] * beside[0];
    double angle = across < 0 ? atan2(along, -across) / 2 : atan2(-along, across) / 2;
    turn_frame(made, i, j, cos(angle), -sin(angle));
}

/* Jacobi's way: again and again the heaviest and the lightest column. Reaches balance most of the time. */
static void equalize_extremes(frame *made)
{
    int64_t most, least;
    for (int64_t k = 0; k < 20 * made->width + 100 && imbalance(made, &most, &least) > balanced; k++)
        equalize(made, most, least);
}

/* to = op(x) y for width x width matrices. */
static void multiply(int64_t width, const double *x, int transpose_x, const double *y, double *to)
{
    memset(to, 0, (size_t)(width * width) * sizeof *to);
    for (int64_t i = 0; i < width; i++)
        for (int64_t k = 0; k < width; k++) {
            double factor = transpose_x ? x[k * width + i] : x[i * width + k];
            for (int64_t j = 0; j < width; j++)
                to[i * width + j] += factor * y[k * width + j];
        }
}

/* The squared weights minus their mean; returns the sum of squares. */
static double residual(double *const gram[2], int64_t width, double *excess)
{
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < width; i++) {
        excess[i] = gram[0][i * width + i] * gram[1][i * width + i];
        mean += excess[i] / (double)width;
    }
    for (int64_t i = 0; i < width; i++) {
        excess[i] -= mean;
        sum += excess[i] * excess[i];
    }
    return sum;
}

/* Subtracts the row means and the column means of a symmetric matrix, and adds the mean of all. */
static void center(double *matrix, int64_t width, double *mean)
{
    double all = 0;
    for (int64_t i = 0; i < width; i++) {
        mean[i] = 0;
        for (int64_t j = 0; j < width; j++)
            mean[i] += matrix[i * width + j] / (double)width;
        all += mean[i] / (double)width;
    }
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j < width; j++)
            matrix[i * width + j] += all - mean[i] - mean[j];
}

/* The damped step of Levenberg and Marquardt for the squared weights, as a skew matrix K in `skew`. Turning
 * by I + K changes squared weight i by the sum over j of slope_ij K_ji, slope = 2 (B_ii A_ij + A_ii B_ij).
 * So J J' has the sums of slope_ij^2 on its diagonal and -slope_ij slope_ji beside it: width x width, for all
 * width (width - 1) / 2 unknowns. `excess` is overwritten. Returns 0 when the system cannot be solved. */
static int damped_step(frame *made, double damping, double *slope, double *skew)
{
    int64_t width = made->width;
    const double *a = made->gram[0], *b = made->gram[1];
    double *normal = skew, *excess = made->excess;
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j < width; j++)
            slope[i * width + j] = 2 * (b[i * width + i] * a[i * width + j] +
                                        a[i * width + i] * b[i * width + j]);
    for (int64_t i = 0; i < width; i++) {
        double sum = 0;
        for (int64_t j = 0; j < width; j++) {
            sum += i == j ? 0 : slope[i * width + j] * slope[i * width + j];
            normal[i * width + j] = -slope[i * width + j] * slope[j * width + i];
        }
        normal[i * width + i] = sum;
    }
    center(normal, width, made->weight);
    for (int64_t i = 0; i < width; i++)
        normal[i * width + i] += damping;
    lapack_int n = (lapack_int)width;
    if (LAPACKE_dposv(LAPACK_COL_MAJOR, 'L', n, 1, normal, n, excess, n))
        return 0;
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j < width; j++)
            skew[i * width + j] = slope[i * width + j] * excess[i] - slope[j * width + i] * excess[j];
    return 1;
}

/* Cayley's map: K becomes the orthogonal (I - K/2)^-1 (I + K/2). LAPACK sees everything transposed, which
 * gives the same, for the two factors commute. `spare` is overwritten. Returns 0 when it cannot be solved. */
static int cayley(frame *made, double *skew, double *spare)
{
    int64_t width = made->width;
    lapack_int n = (lapack_int)width;
    for (int64_t i = 0; i < width; i++)
        for (int64_t j = 0; j < width; j++) {
            double half = skew[i * width + j] / 2;
            spare[i * width + j] = (i == j) - half;
            skew[i * width + j] = (i == j) + half;
        }
    return LAPACKE_dgesv(LAPACK_COL_MAJOR, n, n, spare, n, made->pivot, skew, n) == 0;
}

static void exchange(double **x, double **y)
{
    double *kept = *x;
    *x = *y;
    *y = kept;
}

/* Turns the whole frame by an orthogonal matrix if that brings the squared weights closer to each other than
 * `before`. Returns 1 when it did. */
static int accept_turn(frame *made, const double *orthogonal, double before)
{
    double *between = made->spare[0], **turned = made->spare + 2;
    for (int k = 0; k < 2; k++) {
        multiply(made->width, orthogonal, 1, made->gram[k], between);
        multiply(made->width, between, 0, orthogonal, turned[k]);
    }
    if (!(residual(turned, made->width, made->excess) < before))
        return 0;
    exchange(&made->gram[0], &turned[0]);
    exchange(&made->gram[1], &turned[1]);
    multiply(made->width, made->rotation, 0, orthogonal, between);
    exchange(&made->rotation, &made->spare[0]);
    return 1;
}

/* Levenberg and Marquardt on R <- R Cayley(K): converges fast where the rotations of pairs stall. */
static void equalize_all(frame *made)
{
    double damping = 1e-2;
    for (int k = 0; k < MOST_STEPS && damping < 1e12 && !is_balanced(made); k++) {
        double before = residual(made->gram, made->width, made->excess), *skew = made->spare[1];
        int better = damped_step(made, damping, made->spare[0], skew) && cayley(made, skew, made->spare[0]) &&
                     accept_turn(made, skew, before);
        damping *= better ? 0.1 : 4;
    }
}

/* Turns random pairs of columns by random angles, the same for every run. */
static void shuffle(const dcl_host *host, frame *made, uint32_t attempt)
{
    const uint32_t key[4] = {0x62616c61u, 0x6e636521u, 0, attempt};
    uint32_t words[4], width = (uint32_t)made->width;
    for (uint32_t k = 0; k < 8 * width; k++) {
        host->random(key, k, words);
        double angle = 6.283185307179586477 * words[2] * 0x1p-32;
        int64_t i = words[0] % width, j = words[1] % width;
        if (i != j)
            turn_frame(made, i, j, cos(angle), sin(angle));
    }
}

static dcl_status balance_frame(const dcl_host *host, dcl_call *call, frame *made)
{
    for (uint32_t attempt = 0; attempt <= MOST_RESTARTS; attempt++) {
        if (attempt > 0)
            shuffle(host, made, attempt);
        equalize_extremes(made);
        equalize_all(made);
        if (is_balanced(made))
            return DCL_OK;
    }
    return host->fail(call, DCL_ENUMERIC, "no balancing rotation was found: use method=aligned");
}

dcl_status dcl__find_rotation(const dcl_host *host, dcl_call *call, double *const factor[2], const int64_t rows[2],
                              int64_t width, double **rotation)
{
    frame made;
    dcl_status status = new_frame(host, call, factor, rows, width, &made);
    if (status)
        return status;
    status = balance_frame(host, call, &made);
    double *found = status ? NULL : dcl__numbers(host, call, width, width);
    if (found)
        *rotation = memcpy(found, made.rotation, (size_t)(width * width) * sizeof *found);
    free_frame(&made);
    return status ? status : found ? DCL_OK : DCL_ENOMEM;
}
