/* variable.c: a rate that varies with the width, which finds the rank of the data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"

enum { WIDTHS = 8, RANK = 10 };
static const int64_t WIDTH[WIDTHS] = {4, 6, 8, 10, 12, 16, 24, 40};
static const double RETAIN = 0.97, NOISE = 0.01;

typedef struct study {
    dcl_factorization *factorization[WIDTHS];
    dcl_factorize_result result[WIDTHS];
    double fixed[WIDTHS];        /* the least objective at a fixed rate                              */
} study;

static dcl_status fit(const dcl__lab *lab, const dcl_matrix *y, int i, study *s, dcl_error *error)
{
    dcl_factorize_options options = dcl__lab_options(lab, y, DCL_SOLVER_EXPLICIT);
    dcl_factorization *fixed = NULL;
    dcl_factorize_result result;
    options.retain = RETAIN;
    options.width = WIDTH[i];
    options.variable_rate = 1;
    dcl__lab_show(lab, "variable-rate: %lld units", (long long)WIDTH[i]);
    dcl_status status = dcl__lab_fit(lab, y, &options, &s->factorization[i], &s->result[i], error);
    options.solver = DCL_SOLVER_CLOSED_FORM;
    options.variable_rate = 0;
    if (status == DCL_OK)
        status = dcl__lab_fit(lab, y, &options, &fixed, &result, error);
    if (status == DCL_OK)
        s->fixed[i] = result.optimum.minimum;
    dcl_factorization_free(fixed);
    return status;
}

static void add_objectives(dcl__sheet *sheet, const study *s)
{
    dcl__panel *panel = dcl__sheet_panel(sheet, "Objective", "units while training", "objective");
    panel->log_y = panel->log_x = 1;
    int fixed = dcl__sheet_series(sheet, DCL__LINE, DCL__VERMILION, "fixed rate, closed form");
    for (int i = 0; i < WIDTHS; i++)
        dcl__sheet_point(sheet, fixed, (double)WIDTH[i], s->fixed[i]);
    int variable = dcl__sheet_series(sheet, DCL__POINTS, DCL__BLUE, "rate that varies, trained");
    sheet->series[variable].thickness = 6;
    for (int i = 0; i < WIDTHS; i++)
        dcl__sheet_point(sheet, variable, (double)WIDTH[i], s->result[i].assessment.objective);
    dcl__sheet_level(sheet, DCL__BLACK, s->result[WIDTHS - 1].optimum.minimum, "closed form");
}

static void add_widths(dcl__sheet *sheet, const study *s)
{
    dcl__panel *panel = dcl__sheet_panel(sheet, "Units that are left", "units while training", "units found");
    panel->log_x = 1;
    int found = dcl__sheet_series(sheet, DCL__POINTS, DCL__BLUE, "found");
    sheet->series[found].thickness = 6;
    for (int i = 0; i < WIDTHS; i++)
        dcl__sheet_point(sheet, found, (double)WIDTH[i], (double)s->result[i].width);
    dcl__sheet_level(sheet, DCL__BLACK, (double)s->result[WIDTHS - 1].optimum.rank, "ρ of theory");
}

static void judge(const study *s, dcl__finding *finding)
{
    const dcl_optimum *optimum = &s->result[WIDTHS - 1].optimum;
    double worst = 0, least_above = INFINITY;
    int found = 1;
    for (int i = 0; i < WIDTHS; i++) {
        double above = s->result[i].assessment.objective / optimum->minimum - 1;
        if (WIDTH[i] < optimum->rank) {
            least_above = fmin(least_above, above);
            continue;
        }
        worst = fmax(worst, fabs(above));
        found = found && s->result[i].width == optimum->rank;
    }
    finding->figure = worst;
    finding->allowed = 1e-4;
    finding->holds = found && worst <= finding->allowed && least_above > finding->allowed;
    snprintf(finding->expected, sizeof finding->expected, "with a rate that varies with the width, any number of units "
             "from ρ = %lld on gives the same optimum within 1e-4, and exactly ρ units are found; fewer give more",
             (long long)optimum->rank);
    snprintf(finding->found, sizeof finding->found, "from ρ to %lld units the objectives are within %.1e of the closed "
             "form, %s; fewer units give at least %.2g %% more", (long long)WIDTH[WIDTHS - 1], worst,
             found ? "and ρ units are found each time" : "but another number of units is found", 100 * least_above);
}

dcl_status dcl__lab_variable_rate(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    study s = {.fixed = {0}};
    dcl_matrix y = {0};
    dcl__sheet sheet = {.panel_count = 0};
    dcl_status status = dcl__lab_low_rank(lab, lab->quick ? 60 : 150, lab->quick ? 50 : 120, RANK, NOISE, &y, error);
    for (int i = 0; i < WIDTHS && status == DCL_OK; i++)
        status = fit(lab, &y, i, &s, error);
    if (status == DCL_OK) {
        judge(&s, finding);
        add_objectives(&sheet, &s);
        add_widths(&sheet, &s);
        status = dcl__sheet_write(&sheet, lab, "variable-rate", "A rate that grows with the width finds the rank",
                                  "Y has rank 10 and noise of 0.01; one unit alone would be kept with probability 0.97",
                                  2, error);
    }
    dcl__sheet_free(&sheet);
    for (int i = 0; i < WIDTHS; i++)
        dcl_factorization_free(s.factorization[i]);
    free((void *)y.data);
    return status;
}
