/* baseline.c: mean and biases of rows and columns, damped as far as the entries ask for.
 *
 * y_ab = mean + b_a + c_b + noise, with normal b, c and noise of unknown variances. Sweeps of coordinate descent find
 * the biases for given variances; after each, the variances are estimated anew, with what each bias may still vary by
 * (expectation maximisation: Dempster, Laird, Rubin 1977). The mean has no prior.
 */
#include <math.h>
#include <stdlib.h>

#include "core/error.h"
#include "dropcl/dropcl.h"

enum { MOST_SWEEPS = 200 };

/* Sweeps end when no bias moves by more than this part of the noise, and kappa by so much of itself. */
static const double STILL = 1e-6;

/* One side: rows or columns. */
typedef struct side {
    int64_t count;
    double *bias, *weight, *sum; /* sum of the weights of its entries; of weighted remainders        */
    double damping;
} side;

typedef struct fit {
    const dcl_entries *entries;
    dcl_baseline *baseline;
    side row, column;
    double weight;               /* of all entries                                                   */
    double noise;                /* variance                                                         */
} fit;

static double weight_of(const dcl_entries *e, int64_t i)
{
    return e->weight ? e->weight[i] : 1;
}

/* Adds what mean and the other side's bias leave of every entry to the sums of one side. */
static void gather(fit *f, int rows)
{
    const dcl_entries *e = f->entries;
    side *to = rows ? &f->row : &f->column;
    for (int64_t k = 0; k < to->count; k++)
        to->sum[k] = 0;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            const double other = rows ? f->column.bias[e->column[i]] : f->row.bias[a];
            to->sum[rows ? a : e->column[i]] += weight_of(e, i) * (e->value[i] - f->baseline->mean - other);
        }
}

/* The best biases of one side, and kappa anew; returns how far a bias moved at most. */
static double update_side(fit *f, int rows)
{
    side *s = rows ? &f->row : &f->column;
    double moved = 0, spread = 0;
    int64_t seen = 0;
    gather(f, rows);
    for (int64_t k = 0; k < s->count; k++) {
        const double bias = s->weight[k] > 0 ? s->sum[k] / (s->weight[k] + s->damping) : 0;
        moved = fmax(moved, fabs(bias - s->bias[k]));
        s->bias[k] = bias;
        if (s->weight[k] > 0) {
            spread += bias * bias + f->noise / (s->weight[k] + s->damping);
            seen++;
        }
    }
    if (spread > 0)
        s->damping = fmin(f->noise * (double)seen / spread, 1e12 * f->weight);
    return moved;
}

/* The mean of what the biases leave, and the variance of the noise. */
static void update_mean(fit *f)
{
    const dcl_entries *e = f->entries;
    double sum = 0, square = 0;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++)
            sum += weight_of(e, i) * (e->value[i] - f->row.bias[a] - f->column.bias[e->column[i]]);
    f->baseline->mean = sum / f->weight;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            const double rest = e->value[i] - f->baseline->mean - f->row.bias[a] - f->column.bias[e->column[i]];
            square += weight_of(e, i) * rest * rest;
        }
    /* Numbers that the biases used up: of each, the part that is not damped away. */
    double used = 1;
    for (int rows = 0; rows < 2; rows++) {
        const side *s = rows ? &f->row : &f->column;
        for (int64_t k = 0; k < s->count; k++)
            used += s->weight[k] > 0 ? s->weight[k] / (s->weight[k] + s->damping) : 0;
    }
    f->noise = square / fmax((double)e->count - used, 1);
}

static int make_side(int64_t count, double *bias, side *s)
{
    *s = (side){.count = count, .bias = bias, .weight = calloc((size_t)count, sizeof(double)),
                .sum = calloc((size_t)count, sizeof(double)), .damping = 1};
    return s->weight && s->sum;
}

static void weigh(fit *f)
{
    const dcl_entries *e = f->entries;
    for (int64_t a = 0; a < e->rows; a++)
        for (int64_t i = e->start[a]; i < e->start[a + 1]; i++) {
            f->row.weight[a] += weight_of(e, i);
            f->column.weight[e->column[i]] += weight_of(e, i);
            f->weight += weight_of(e, i);
        }
}

static void iterate(fit *f, int bias)
{
    update_mean(f);
    for (int sweep = 0; sweep < MOST_SWEEPS && bias == DCL_BIAS_BOTH && f->noise > 0; sweep++) {
        const double row = f->row.damping, column = f->column.damping;
        const double moved = fmax(update_side(f, 1), update_side(f, 0));
        update_mean(f);
        const int rows_still = fabs(f->row.damping - row) <= STILL * row;
        const int columns_still = fabs(f->column.damping - column) <= STILL * column;
        if (rows_still && columns_still && moved <= STILL * sqrt(f->noise))
            break;
    }
}

dcl_status dcl_baseline_fit(const dcl_entries *entries, int bias, dcl_baseline *baseline, dcl_error *error)
{
    *baseline = (dcl_baseline){.row = calloc((size_t)entries->rows, sizeof(double)),
                               .column = calloc((size_t)entries->columns, sizeof(double)),
                               .damping_row = INFINITY, .damping_column = INFINITY};
    if (bias < DCL_BIAS_NONE || bias > DCL_BIAS_BOTH)
        return dcl__fail(error, DCL_EINVAL, "biases are none of the constants of dropcl.h");
    if (entries->count < 1 && bias != DCL_BIAS_NONE)
        return dcl__fail(error, DCL_EINVAL, "without entries there is no mean (choose no biases, or give entries)");
    fit f = {.entries = entries, .baseline = baseline};
    const int made = make_side(entries->rows, baseline->row, &f.row) &
                     make_side(entries->columns, baseline->column, &f.column);
    dcl_status status = DCL_OK;
    if (!made || !baseline->row || !baseline->column) {
        status = dcl__no_memory(error, "biases", 3 * (entries->rows + entries->columns) * (int64_t)sizeof(double));
    } else if (bias != DCL_BIAS_NONE) {
        weigh(&f);
        iterate(&f, bias);
        if (bias == DCL_BIAS_BOTH) {
            baseline->damping_row = f.row.damping;
            baseline->damping_column = f.column.damping;
        }
    }
    free(f.row.weight);
    free(f.row.sum);
    free(f.column.weight);
    free(f.column.sum);
    return status;
}

void dcl_baseline_free(dcl_baseline *baseline)
{
    free(baseline->row);
    free(baseline->column);
    *baseline = (dcl_baseline){0};
}

/* ---- Predictions ---- */

double dcl_predict(const dcl_predictor *p, int64_t row, int64_t column)
{
    double sum = p->baseline->mean + p->baseline->row[row] + p->baseline->column[column];
    for (int64_t i = 0; i < p->width; i++)
        sum += p->u[row * p->width + i] * p->v[column * p->width + i];
    return p->loss == DCL_LOSS_LOGISTIC ? tanh(sum / 2) : sum;
}

dcl_prediction_error dcl_predictor_assess(const dcl_predictor *predictor, const dcl_entries *entries)
{
    double square = 0, size = 0, weight = 0;
    for (int64_t a = 0; a < entries->rows; a++)
        for (int64_t i = entries->start[a]; i < entries->start[a + 1]; i++) {
            const double rest = entries->value[i] - dcl_predict(predictor, a, entries->column[i]);
            square += weight_of(entries, i) * rest * rest;
            size += weight_of(entries, i) * fabs(rest);
            weight += weight_of(entries, i);
        }
    return (dcl_prediction_error){weight > 0 ? sqrt(square / weight) : NAN, weight > 0 ? size / weight : NAN};
}
