/* equivalence.c: the mean of dropout's random losses beside its expected objective, along training. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"

enum { ROWS = 100, COLUMNS = 160, RATES = 3, WIDTHS = 3, POINTS = 12 };
static const double RETAIN[RATES] = {0.1, 0.5, 0.9};
static const int64_t WIDTH[WIDTHS] = {10, 40, 160};
static const int COLORS[WIDTHS] = {DCL__BLUE, DCL__VERMILION, DCL__GREEN};

/* One point of a curve. */
typedef struct sample {
    double step, mean, objective, error;         /* error: standard error of the mean                */
} sample;

typedef struct curves {
    sample samples[RATES][WIDTHS][POINTS];
    int64_t draws;
    int points;
} curves;

/* How many standard errors the mean is off. */
static double score(const sample *s)
{
    return (s->mean - s->objective) / fmax(s->error, 1e-300);
}

/* ---- Training ---- */

static dcl_status take_sample(dcl_factorization *f, int64_t draws, sample *s, dcl_error *error)
{
    double deviation;
    s->step = (double)dcl_session_steps(dcl_factorization_session(f));
    dcl_status status = dcl_factorization_expectation(f, draws, &s->mean, &deviation, &s->objective, error);
    if (status == DCL_OK)
        s->error = deviation / sqrt((double)draws);
    return status;
}

/* Steps grow so that the points lie evenly on a logarithmic axis: 1, 2, 4, ... */
static dcl_status train(const dcl__lab *lab, const dcl_matrix *y, int rate, int width, curves *c, dcl_error *error)
{
    dcl_factorize_options options = dcl__lab_options(lab, y, DCL_SOLVER_STOCHASTIC);
    dcl_factorization *f = NULL;
    options.retain = RETAIN[rate];
    options.width = WIDTH[width];
    options.seed += (uint64_t)(rate * WIDTHS + width);
    dcl__lab_show(lab, "equivalence: theta %g, %lld units", RETAIN[rate], (long long)WIDTH[width]);
    dcl_status status = dcl_factorization_create(lab->tools.registry, lab->tools.device, y, &options, &f, error);
    for (int i = 0; i < c->points && status == DCL_OK && !dcl__interrupted(); i++) {
        status = dcl_session_step(dcl_factorization_session(f), i == 0 ? 1 : (int64_t)1 << (i - 1), error);
        if (status == DCL_OK)
            status = take_sample(f, c->draws, &c->samples[rate][width][i], error);
    }
    dcl_factorization_free(f);
    return status;
}

/* ---- The picture ---- */

static void add_losses(dcl__sheet *sheet, const curves *c, int rate)
{
    char title[64];
    snprintf(title, sizeof title, "Loss, θ = %g", RETAIN[rate]);
    dcl__panel *panel = dcl__sheet_panel(sheet, title, "step", rate == 0 ? "loss" : NULL);
    panel->log_x = panel->log_y = 1;
    for (int w = 0; w < WIDTHS; w++) {
        int line = dcl__sheet_series(sheet, DCL__LINE, COLORS[w], "expected, %lld units", (long long)WIDTH[w]);
        int dots = dcl__sheet_series(sheet, DCL__POINTS, COLORS[w], NULL);
        sheet->series[dots].thickness = 5;
        for (int i = 0; i < c->points; i++) {
            const sample *s = &c->samples[rate][w][i];
            dcl__sheet_point(sheet, line, s->step, s->objective);
            dcl__sheet_point(sheet, dots, s->step, s->mean);
        }
    }
    dcl__sheet_note(sheet, "dots: mean of %lld random losses", (long long)c->draws);
}

static void add_scores(dcl__sheet *sheet, const curves *c, int rate)
{
    char title[64];
    snprintf(title, sizeof title, "Difference, θ = %g", RETAIN[rate]);
    dcl__panel *panel = dcl__sheet_panel(sheet, title, "step", rate == 0 ? "standard errors" : NULL);
    panel->log_x = 1;
    for (int w = 0; w < WIDTHS; w++) {
        int dots = dcl__sheet_series(sheet, DCL__POINTS, COLORS[w], "%lld units", (long long)WIDTH[w]);
        for (int i = 0; i < c->points; i++)
            dcl__sheet_point(sheet, dots, c->samples[rate][w][i].step, score(&c->samples[rate][w][i]));
    }
    dcl__sheet_level(sheet, DCL__BLACK, 4, "4 standard errors");
    dcl__sheet_level(sheet, DCL__BLACK, -4, NULL);
}

static dcl_status draw(const dcl__lab *lab, const curves *c, dcl_error *error)
{
    dcl__sheet sheet = {.panel_count = 0};
    for (int rate = 0; rate < RATES; rate++)
        add_losses(&sheet, c, rate);
    for (int rate = 0; rate < RATES; rate++)
        add_scores(&sheet, c, rate);
    dcl_status status = dcl__sheet_write(&sheet, lab, "equivalence", "Dropout is a regulariser in expectation",
                                         "Y is 100 × 160; random masks against ‖Y − UVᵀ‖² + λ Σ ‖uᵢ‖² "
                                         "‖vᵢ‖², λ = (1 − θ)/θ",
                                         3, error);
    dcl__sheet_free(&sheet);
    return status;
}

static void judge(const curves *c, dcl__finding *finding)
{
    double worst = 0;
    int all = 0, within = 0;
    for (int rate = 0; rate < RATES; rate++)
        for (int w = 0; w < WIDTHS; w++)
            for (int i = 0; i < c->points; i++, all++) {
                double off = fabs(score(&c->samples[rate][w][i]));
                worst = fmax(worst, off);
                within += off <= 1;
            }
    finding->figure = worst;
    finding->allowed = 4;
    finding->holds = worst <= finding->allowed;
    snprintf(finding->expected, sizeof finding->expected, "the mean of %lld random losses is the explicit objective, "
             "at each of %d points of training with θ = 0.1, 0.5, 0.9 and 10, 40, 160 units, within 4 standard errors",
             (long long)c->draws, all);
    snprintf(finding->found, sizeof finding->found, "the largest difference is %.2f standard errors, and %d of %d "
             "points are within one", worst, within, all);
}

dcl_status dcl__lab_equivalence(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    curves c = {.draws = lab->quick ? 100 : 1000, .points = lab->quick ? 3 : POINTS};
    dcl_matrix y = {0};
    dcl_status status = dcl__lab_low_rank(lab, ROWS, COLUMNS, 20, 0.1, &y, error);
    for (int rate = 0; rate < RATES; rate++)
        for (int width = 0; width < WIDTHS && status == DCL_OK && !dcl__interrupted(); width++)
            status = train(lab, &y, rate, width, &c, error);
    if (status == DCL_OK) {
        judge(&c, finding);
        status = draw(lab, &c, error);
    }
    free((void *)y.data);
    return status;
}
