/* spectrum.c: singular values of trained products beside the thresholded ones of the data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"

enum { WIDTH = 32, ROWS = 500, STEPS = 8000, SOLVERS = 2 };
static const double RETAIN = 0.5;
static const int SOLVER[SOLVERS] = {DCL_SOLVER_STOCHASTIC, DCL_SOLVER_EXPLICIT};
static const char *const NAME[SOLVERS] = {"dropout training", "expected objective"};

/* Runs that are kept until their values have been drawn. */
typedef struct runs {
    dcl_factorization *factorization[SOLVERS];
    dcl_factorize_result result[SOLVERS];
} runs;

static double optimal_value(const dcl_factorize_result *r, int64_t i)
{
    return i < r->optimum.rank ? r->data_values[i] - r->optimum.tau : 0;
}

/* The largest |singular value - optimal one|, as a share of the largest of the data. */
static double deviation(const dcl_factorize_result *r)
{
    double worst = 0;
    for (int64_t i = 0; i < r->width; i++)
        worst = fmax(worst, fabs(r->product_values[i] - optimal_value(r, i)));
    return worst / r->data_values[0];
}

static void add_values(dcl__sheet *sheet, const runs *all)
{
    const dcl_factorize_result *r = &all->result[0];
    dcl__panel *panel = dcl__sheet_panel(sheet, "Singular values", "index", "value");
    panel->log_y = 1;
    int data = dcl__sheet_series(sheet, DCL__LINE, DCL__BLACK, "data Y");
    int optimum = dcl__sheet_series(sheet, DCL__LINE, DCL__ORANGE, "optimum, σ − τ");
    for (int64_t i = 0; i < r->data_count && i < WIDTH; i++)
        dcl__sheet_point(sheet, data, (double)(i + 1), r->data_values[i]);
    for (int64_t i = 0; i < r->optimum.rank; i++)
        dcl__sheet_point(sheet, optimum, (double)(i + 1), optimal_value(r, i));
    for (int s = 0; s < SOLVERS; s++) {
        int reached = dcl__sheet_series(sheet, DCL__POINTS, s ? DCL__VERMILION : DCL__BLUE, "%s", NAME[s]);
        sheet->series[reached].thickness = s ? 2.4 : 5;
        for (int64_t i = 0; i < r->width; i++)
            if (all->result[s].product_values[i] > 1e-3 * r->data_values[0])
                dcl__sheet_point(sheet, reached, (double)(i + 1), all->result[s].product_values[i]);
    }
    dcl__sheet_level(sheet, DCL__GREEN, r->optimum.tau, "threshold τ");
}

static void add_deviations(dcl__sheet *sheet, const runs *all)
{
    dcl__sheet_panel(sheet, "Distance from the optimum", "index",
                     "difference / σ₁, %");
    for (int s = 0; s < SOLVERS; s++) {
        const dcl_factorize_result *r = &all->result[s];
        int series = dcl__sheet_series(sheet, DCL__LINE, s ? DCL__VERMILION : DCL__BLUE, "%s", NAME[s]);
        for (int64_t i = 0; i < r->width; i++)
            dcl__sheet_point(sheet, series, (double)(i + 1),
                             100 * (r->product_values[i] - optimal_value(r, i)) / r->data_values[0]);
    }
}

static void judge(const runs *all, dcl__finding *finding)
{
    const dcl_factorize_result *r = &all->result[0];
    double stochastic = deviation(&all->result[0]), explicit = deviation(&all->result[1]);
    finding->figure = fmax(stochastic, explicit);
    finding->allowed = 0.01;
    finding->holds = finding->figure <= finding->allowed;
    snprintf(finding->expected, sizeof finding->expected, "the singular values of UVᵀ are those of Y less "
             "τ = %.5g, and %lld of %lld are left, each within 1 %% of the largest of Y", r->optimum.tau,
             (long long)r->optimum.rank, (long long)r->width);
    snprintf(finding->found, sizeof finding->found, "after dropout training they differ by at most %.2g %%, with the "
             "expected objective by %.2g %%", 100 * stochastic, 100 * explicit);
}

static dcl_status fit(const dcl__lab *lab, const dcl_matrix *y, runs *all, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int s = 0; s < SOLVERS && status == DCL_OK; s++) {
        dcl_factorize_options options = dcl__lab_options(lab, y, SOLVER[s]);
        options.width = WIDTH;
        options.retain = RETAIN;
        options.steps = SOLVER[s] == DCL_SOLVER_STOCHASTIC ? STEPS : 0;
        dcl__lab_show(lab, "spectrum: %s", NAME[s]);
        status = dcl__lab_fit(lab, y, &options, &all->factorization[s], &all->result[s], error);
    }
    return status;
}

static dcl_status draw(const dcl__lab *lab, const dcl_matrix *y, const char *what, const runs *all, dcl_error *error)
{
    char subtitle[160];
    dcl__sheet sheet = {0};
    add_values(&sheet, all);
    add_deviations(&sheet, all);
    snprintf(subtitle, sizeof subtitle, "%s, %lld × %lld, %d units, each kept with probability %g", what,
             (long long)y->rows, (long long)y->columns, WIDTH, RETAIN);
    dcl_status status = dcl__sheet_write(&sheet, lab, "spectrum", "Dropout shrinks every singular value by τ",
                                         subtitle, 2, error);
    dcl__sheet_free(&sheet);
    return status;
}

dcl_status dcl__lab_spectrum(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    dcl_matrix y = {0};
    const char *what;
    runs all = {.factorization = {0}};
    dcl_status status = dcl__lab_images(lab, lab->quick ? 150 : ROWS, &y, &what, error);
    if (status == DCL_OK)
        status = fit(lab, &y, &all, error);
    if (status == DCL_OK) {
        judge(&all, finding);
        status = draw(lab, &y, what, &all, error);
    }
    for (int s = 0; s < SOLVERS; s++)
        dcl_factorization_free(all.factorization[s]);
    free((void *)y.data);
    return status;
}
