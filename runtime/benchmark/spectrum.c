/* spectrum.c: dense matrices of known singular values. */
#include "benchmark/spectrum.h"

#include <math.h>
#include <stdlib.h>

double dcl__spectrum_fill(double *values, int64_t count, int64_t surviving)
{
    double last = surviving < count ? 0.4 : 0.5, sum = 0;
    for (int64_t i = 0; i < surviving; i++) {
        values[i] = 1 - (1 - last) * (double)i / (double)surviving;
        sum += values[i];
    }
    for (int64_t i = surviving; i < count; i++)
        values[i] = 0.3 * (1 - (double)(i - surviving) / (double)(count - surviving));
    double next = surviving < count ? values[surviving] : 0;
    double tau = (values[surviving - 1] + next) / 2;
    /* tau = lambda sum / (count + lambda surviving), solved for lambda */
    return tau * (double)count / (sum - tau * (double)surviving);
}

/* Disjoint pairs of columns and how far each is turned. */
typedef struct turn {
    int64_t first, second;
    double cosine, sine;
} turn;

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* A new random pairing of the columns; `order` holds a permutation of them. */
static void draw_turns(turn *turns, int64_t *order, int64_t columns, uint64_t *state)
{
    for (int64_t i = columns - 1; i > 0; i--) {
        int64_t other = (int64_t)(next_random(state) % (uint64_t)(i + 1)), kept = order[i];
        order[i] = order[other], order[other] = kept;
    }
    for (int64_t i = 0; i < columns / 2; i++) {
        double angle = 6.283185307179586 * (double)next_random(state) / 2147483648.0;
        turns[i] = (turn){order[2 * i], order[2 * i + 1], cos(angle), sin(angle)};
    }
}

static void turn_columns(double *matrix, int64_t rows, int64_t columns, const turn *turns)
{
    for (int64_t i = 0; i < rows; i++) {
        double *row = matrix + i * columns;
        for (const turn *t = turns; t < turns + columns / 2; t++) {
            double a = row[t->first], b = row[t->second];
            row[t->first] = t->cosine * a - t->sine * b;
            row[t->second] = t->sine * a + t->cosine * b;
        }
    }
}

/* Multiplies by an orthogonal matrix from the right. A round doubles the entries that one column reaches. */
static int mix_columns(double *matrix, int64_t rows, int64_t columns, uint64_t seed)
{
    turn *turns = calloc((size_t)columns, sizeof *turns);
    int64_t *order = calloc((size_t)columns, sizeof *order);
    int rounds = 3 + (int)ceil(log2((double)columns));
    if (turns && order) {
        for (int64_t i = 0; i < columns; i++)
            order[i] = i;
        for (int round = 0; round < rounds; round++) {
            draw_turns(turns, order, columns, &seed);
            turn_columns(matrix, rows, columns, turns);
        }
    }
    int done = turns && order;
    free(turns);
    free(order);
    return done;
}

static void transpose(int64_t rows, int64_t columns, const double *from, double *to)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

double *dcl__spectrum_matrix(int64_t m, int64_t n, const double *values, dcl_error *error)
{
    double *across = calloc((size_t)(m * n), sizeof *across), *matrix = calloc((size_t)(m * n), sizeof *matrix);
    int done = 0;
    if (across && matrix) {
        for (int64_t i = 0; i < m && i < n; i++)
            across[i * m + i] = values[i];
        done = mix_columns(across, n, m, 1);
        transpose(n, m, across, matrix);
        done = done && mix_columns(matrix, m, n, 2);
    }
    free(across);
    if (done)
        return matrix;
    free(matrix);
    dcl__no_memory(error, "a matrix of known singular values", 2 * m * n * (int64_t)sizeof *matrix);
    return NULL;
}
