/* blocks.c: DropBlock and DropConnect beside their closed forms. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"

/* ---- Runs that stay until they are drawn ---- */

enum { MOST_RUNS = 8 };
typedef struct runs {
    dcl_factorization *factorization[MOST_RUNS];
    dcl_factorize_result result[MOST_RUNS];
} runs;

static void free_runs(runs *all)
{
    for (int i = 0; i < MOST_RUNS; i++)
        dcl_factorization_free(all->factorization[i]);
}

/* How far the factors are above the closed form, as a share of it. */
static double excess(const dcl_factorize_result *r)
{
    return r->assessment.objective / r->optimum.minimum - 1;
}

/* Values of the product as points on the line of those of the optimum. */
static void add_values(dcl__sheet *sheet, const dcl_factorize_result *r, int color, const char *label)
{
    int line = dcl__sheet_series(sheet, DCL__LINE, color, "%s", label);
    for (int64_t i = 0; i < r->data_count && i < r->width; i++)
        if (r->shrunk && r->shrunk[i] > 0)
            dcl__sheet_point(sheet, line, (double)(i + 1), r->shrunk[i]);
    int points = dcl__sheet_series(sheet, DCL__POINTS, color, NULL);
    sheet->series[points].thickness = 5;
    for (int64_t i = 0; i < r->width; i++)
        if (r->product_values[i] > 2e-3 * r->data_values[0])
            dcl__sheet_point(sheet, points, (double)(i + 1), r->product_values[i]);
}

/* The objective over the steps, above `base` as a share of it. */
static void add_history(dcl__sheet *sheet, const dcl_factorize_result *r, double base, int color, const char *label)
{
    int line = dcl__sheet_series(sheet, DCL__LINE, color, "%s", label);
    for (int64_t i = 0; i < r->history_count; i++)
        dcl__sheet_point(sheet, line, (double)r->history[i].step, fmax(r->history[i].objective / base - 1, 1e-7));
}

/* ---- DropBlock ---- */

enum { BLOCK = 4, COUNTS = 3 };
static const int64_t BLOCKS[COUNTS] = {2, 4, 16};
static const int COLORS[COUNTS + 1] = {DCL__VERMILION, DCL__BLUE, DCL__GREEN, DCL__PURPLE};
static const char *const BLOCK_LABEL[COUNTS] = {"2 blocks", "4 blocks", "16 blocks"};

static double convex_value(const dcl_factorize_result *r)
{
    return r->optimum.minimum - r->optimum.convex_gap;
}

static void add_block_panels(dcl__sheet *sheet, const runs *all)
{
    const dcl_factorize_result *two = &all->result[0];
    dcl__panel *panel = dcl__sheet_panel(sheet, "Above the convex value", "round", "relative excess");
    panel->log_y = 1;
    for (int i = 0; i < COUNTS; i++)
        add_history(sheet, &all->result[i], convex_value(&all->result[i]), COLORS[i], BLOCK_LABEL[i]);
    dcl__sheet_level(sheet, DCL__BLACK, two->optimum.convex_gap / convex_value(two), "pairing, 2 blocks");
    panel = dcl__sheet_panel(sheet, "Singular values", "index", "value");
    for (int i = 0; i < COUNTS; i++)
        add_values(sheet, &all->result[i], COLORS[i], BLOCK_LABEL[i]);
    dcl__sheet_note(sheet, "lines: closed form, dots: trained");
    panel = dcl__sheet_panel(sheet, "Weights of the blocks", "block", "weight / mean");
    for (int i = COUNTS - 1; i >= 0; i--) {
        const dcl_factorize_result *r = &all->result[i];
        double sum = 0;
        int series = dcl__sheet_series(sheet, i == COUNTS - 1 ? DCL__BARS : DCL__POINTS, COLORS[i], "%s",
                                      BLOCK_LABEL[i]);
        sheet->series[series].thickness = i == 0 ? 3.6 : 6.5;
        for (int64_t j = 0; j < r->blocks; j++)
            sum += r->products[j];
        for (int64_t j = 0; j < r->blocks; j++)
            dcl__sheet_point(sheet, series, (double)(j + 1), r->products[j] * (double)r->blocks / sum);
    }
}

static void judge_blocks(const runs *all, dcl__finding *finding)
{
    const dcl_factorize_result *two = &all->result[0];
    double below = 0, balance = 0;
    char attained[160] = "";
    for (int i = 0; i < COUNTS; i++) {
        const dcl_factorize_result *r = &all->result[i];
        below = fmax(below, (r->optimum.minimum - r->optimum.error) / r->assessment.objective - 1);
        balance = fmax(balance, r->assessment.balance_error);
        size_t used = 0;
        while (attained[used])
            used++;
        if (i > 0)
            snprintf(attained + used, sizeof attained - used, "; %s end within %.1e of the convex value%s",
                     BLOCK_LABEL[i], fabs(r->assessment.objective / convex_value(r) - 1),
                     r->optimum.attained == DCL_ATTAINED ? ", which is attained" : "");
    }
    finding->figure = fabs(excess(two));
    finding->allowed = 1e-4;
    finding->holds = finding->figure <= finding->allowed && two->optimum.attained == DCL_NOT_ATTAINED &&
                     below <= 1e-6 && balance <= 0.01 && all->result[COUNTS - 1].optimum.attained == DCL_ATTAINED;
    snprintf(finding->expected, sizeof finding->expected, "two blocks cannot reach the convex value, their minimum, by "
             "pairing singular values, is %.3g %% above it; many blocks reach it; no objective is below; all blocks "
             "weigh the same",
             100 * two->optimum.convex_gap / convex_value(two));
    snprintf(finding->found, sizeof finding->found, "trained, two blocks end %.3g %% above the convex value and within "
             "%.1e of the pairing%s; weights within "
             "%.1e", 100 * (two->assessment.objective / convex_value(two) - 1), finding->figure,
             attained, balance);
}

static dcl_status fit_blocks(const dcl__lab *lab, const dcl_matrix *y, runs *all, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int i = 0; i < COUNTS && status == DCL_OK; i++) {
        dcl_factorize_options options = dcl__lab_options(lab, y, DCL_SOLVER_EXPLICIT);
        options.noise = DCL_NOISE_DROPBLOCK;
        options.block = BLOCK;
        options.width = BLOCK * BLOCKS[i];
        options.retain = 0.5;
        options.steps = 1000;
        dcl__lab_show(lab, "dropblock: %s", BLOCK_LABEL[i]);
        status = dcl__lab_fit(lab, y, &options, &all->factorization[i], &all->result[i], error);
    }
    return status;
}

dcl_status dcl__lab_dropblock(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    runs all = {.factorization = {0}};
    dcl_matrix y = {0};
    dcl__sheet sheet = {.panel_count = 0};
    dcl_status status = dcl__lab_low_rank(lab, lab->quick ? 40 : 120, lab->quick ? 30 : 90, 8, 0.05, &y, error);
    if (status == DCL_OK)
        status = fit_blocks(lab, &y, &all, error);
    if (status == DCL_OK) {
        judge_blocks(&all, finding);
        add_block_panels(&sheet, &all);
        status = dcl__sheet_write(&sheet, lab, "dropblock", "DropBlock: few blocks cannot do what many can",
                                  "Blocks of 4 units, each kept with probability 0.5; training of the expected "
                                  "objective",
                                  3, error);
    }
    dcl__sheet_free(&sheet);
    free_runs(&all);
    free((void *)y.data);
    return status;
}

/* ---- DropConnect ---- */

enum { SIDES = 3 };
static const int SIDE[SIDES] = {DCL_SIDE_LEFT, DCL_SIDE_RIGHT, DCL_SIDE_BOTH};
static const char *const SIDE_LABEL[SIDES] = {"entries of U", "entries of V", "U and V"};
static const double RETAIN = 0.8, RETAIN_RIGHT = 0.6;

static void add_side_panels(dcl__sheet *sheet, const runs *all)
{
    static const char *const titles[] = {"Expected objective", "Random masks"};
    for (int stochastic = 0; stochastic < 2; stochastic++) {
        dcl__panel *panel = dcl__sheet_panel(sheet, titles[stochastic], stochastic ? "step" : "round",
                                             stochastic ? NULL : "relative excess");
        dcl__sheet_note(sheet, "above the closed form");
        panel->log_y = 1;
        panel->log_x = stochastic;
        for (int i = 0; i < SIDES; i++)
            add_history(sheet, &all->result[2 * i + stochastic], all->result[2 * i].optimum.minimum, COLORS[i],
                        SIDE_LABEL[i]);
        if (stochastic)
            dcl__sheet_level(sheet, DCL__BLACK, 0.02, "2 %");
        else
            dcl__sheet_level(sheet, DCL__BLACK, 1e-4, "10⁻⁴");
    }
    dcl__sheet_panel(sheet, "Singular values", "index", "value");
    for (int i = 0; i < SIDES; i++)
        add_values(sheet, &all->result[2 * i], COLORS[i], SIDE_LABEL[i]);
    dcl__sheet_note(sheet, "lines: closed form, dots: trained");
}

static void judge_sides(const runs *all, dcl__finding *finding)
{
    double explicit = 0, stochastic = 0;
    for (int i = 0; i < SIDES; i++) {
        explicit = fmax(explicit, fabs(excess(&all->result[2 * i])));
        stochastic = fmax(stochastic, fabs(excess(&all->result[2 * i + 1])));
    }
    double both = 1 / (RETAIN * RETAIN_RIGHT) - 1, used = all->result[2 * SIDES - 1].noise.lambda;
    finding->figure = fmax(explicit * 200, stochastic);
    finding->allowed = 0.02;
    finding->holds = finding->figure <= finding->allowed && fabs(used - both) <= 1e-9;
    snprintf(finding->expected, sizeof finding->expected, "masks on the entries of U, of V, or of both have the closed "
             "form of dropout with λᵤ = %.3g, λᵥ = %.3g, (1+λᵤ)(1+λᵥ)−"
             "1 = %.4g: the expected objective gets within 1e-4 of it, dropout training within 2 %%", 1 / RETAIN - 1,
             1 / RETAIN_RIGHT - 1, both);
    snprintf(finding->found, sizeof finding->found, "the worst of the three is %.1e above it with the expected "
             "objective and %.2g %% after dropout training", explicit, 100 * stochastic);
}

static dcl_status fit_sides(const dcl__lab *lab, const dcl_matrix *y, runs *all, dcl_error *error)
{
    dcl_status status = DCL_OK;
    for (int i = 0; i < 2 * SIDES && status == DCL_OK; i++) {
        dcl_factorize_options options = dcl__lab_options(lab, y, i % 2 ? DCL_SOLVER_STOCHASTIC : DCL_SOLVER_EXPLICIT);
        options.noise = DCL_NOISE_DROPCONNECT;
        options.side = SIDE[i / 2];
        options.width = 12;
        options.retain = options.side == DCL_SIDE_RIGHT ? RETAIN_RIGHT : RETAIN;
        options.retain_right = options.side == DCL_SIDE_BOTH ? RETAIN_RIGHT : 0;
        dcl__lab_show(lab, "dropconnect: %s", SIDE_LABEL[i / 2]);
        status = dcl__lab_fit(lab, y, &options, &all->factorization[i], &all->result[i], error);
    }
    return status;
}

dcl_status dcl__lab_dropconnect(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    runs all = {.factorization = {0}};
    dcl_matrix y = {0};
    dcl__sheet sheet = {.panel_count = 0};
    dcl_status status = dcl__lab_low_rank(lab, lab->quick ? 60 : 150, lab->quick ? 40 : 100, 12, 0.2, &y, error);
    if (status == DCL_OK)
        status = fit_sides(lab, &y, &all, error);
    if (status == DCL_OK) {
        judge_sides(&all, finding);
        add_side_panels(&sheet, &all);
        status = dcl__sheet_write(&sheet, lab, "dropconnect", "DropConnect is dropout with another rate",
                                  "12 units; each entry of U is kept with probability 0.8, each of V with 0.6", 3,
                                  error);
    }
    dcl__sheet_free(&sheet);
    free_runs(&all);
    free((void *)y.data);
    return status;
}
