/* balance.c: how the weights of the units become equal while dropout trains. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"
#include "core/error.h"

/* So many steps of dropout training bring the averaged factors within 1 %. */
enum { WIDTH = 8, SOLVERS = 2, STEPS = 16000 };
static const int SOLVER[SOLVERS] = {DCL_SOLVER_STOCHASTIC, DCL_SOLVER_EXPLICIT};
static const char *const NAME[SOLVERS] = {"dropout training", "expected objective"};
static const int COLOR[SOLVERS] = {DCL__BLUE, DCL__VERMILION};

/* How much lighter the last unit is than the first when training starts. */
static const double LIGHTEST = 0.1;

/* One run while it is watched. */
typedef struct watch {
    dcl_matrix y;
    dcl_factorization *factorization;
    double *u, *v;
    double lambda, step[512], spread[512];
    int looks;
    dcl_status status;
    dcl_error error;
} watch;

/* What the progress function sees; a failure there ends the run and is told behind it. */
static int look(void *user, const dcl_progress *progress)
{
    watch *w = user;
    dcl_session *session = dcl_factorization_session(w->factorization);
    dcl_assessment found;
    int known = w->looks > 0 && w->step[w->looks - 1] == (double)progress->step;
    if (known || w->looks == (int)(sizeof w->step / sizeof *w->step))
        return dcl__interrupted();
    w->status = dcl_session_fetch(session, "U", DCL_F64, w->u, &w->error);
    if (w->status == DCL_OK)
        w->status = dcl_session_fetch(session, "V", DCL_F64, w->v, &w->error);
    if (w->status == DCL_OK)
        w->status = dcl_dropout_assess(&w->y, w->u, w->v, WIDTH, w->lambda, &found, NULL, NULL, &w->error);
    if (w->status == DCL_OK) {
        w->step[w->looks] = (double)progress->step;
        w->spread[w->looks++] = found.balance_error;
    }
    return w->status || dcl__interrupted();
}

/* Starts from units of very different weight, or balance would be there by chance. */
static dcl_status tilt(dcl_session *session, const char *name, int64_t rows, double *room, dcl_error *error)
{
    if (!dcl_session_tensor(session, name))
        return DCL_OK;
    dcl_status status = dcl_session_fetch(session, name, DCL_F64, room, error);
    for (int64_t i = 0; i < rows * WIDTH; i++)
        room[i] *= pow(LIGHTEST, (double)(i % WIDTH) / (WIDTH - 1));
    return status ? status : dcl_session_feed(session, name, DCL_F64, room, error);
}

static dcl_status start(const dcl__lab *lab, watch *w, int solver, dcl_error *error)
{
    dcl_factorize_options options = dcl__lab_options(lab, &w->y, solver);
    options.width = WIDTH;
    options.retain = 1 / (1 + w->lambda);
    options.mask = solver == DCL_SOLVER_STOCHASTIC ? DCL_MASK_SAMPLE : DCL_MASK_STEP;
    options.steps = solver == DCL_SOLVER_STOCHASTIC ? STEPS : 0;
    options.as_trained = 1;
    options.progress = look;
    options.user = w;
    dcl_status status = dcl_factorization_create(lab->tools.registry, lab->tools.device, &w->y, &options,
                                                 &w->factorization, error);
    dcl_session *session = status == DCL_OK ? dcl_factorization_session(w->factorization) : NULL;
    if (status == DCL_OK)
        status = tilt(session, "U.iterate", w->y.rows, w->u, error);
    if (status == DCL_OK)
        status = tilt(session, "V.iterate", w->y.columns, w->v, error);
    if (status == DCL_OK)
        status = tilt(session, "V.trial", w->y.columns, w->v, error);
    return status;
}

static dcl_status finish(watch *w, dcl_factorize_result *result, dcl_error *error)
{
    dcl_status status = dcl_factorization_run(w->factorization, error);
    if (status == DCL_OK && w->status) {
        *error = w->error;
        status = w->status;
    }
    return status ? status : dcl_factorization_finish(w->factorization, result, error);
}

static dcl_status run(const dcl__lab *lab, watch *w, int solver, dcl_factorize_result *result, dcl_error *error)
{
    size_t count = (size_t)((w->y.rows + w->y.columns) * WIDTH);
    w->u = calloc(count, sizeof *w->u);
    w->v = w->u + w->y.rows * WIDTH;
    dcl_status status = w->u ? start(lab, w, solver, error)
                             : dcl__no_memory(error, "the factors", (int64_t)(count * sizeof *w->u));
    if (status == DCL_OK)
        status = finish(w, result, error);
    free(w->u);
    return status;
}

/* ---- The picture ---- */

static void add_spreads(dcl__sheet *sheet, const watch watches[SOLVERS])
{
    dcl__panel *panel = dcl__sheet_panel(sheet, "Spread of the weights", "step or round", "largest / mean − 1");
    panel->log_x = panel->log_y = 1;
    for (int s = 0; s < SOLVERS; s++) {
        int series = dcl__sheet_series(sheet, DCL__LINE, COLOR[s], "%s", NAME[s]);
        for (int i = 0; i < watches[s].looks; i++)
            dcl__sheet_point(sheet, series, watches[s].step[i], fmax(watches[s].spread[i], 1e-9));
    }
    dcl__sheet_level(sheet, DCL__BLACK, 0.01, "1 %");
}

static void add_weights(dcl__sheet *sheet, const dcl_factorize_result results[SOLVERS])
{
    dcl__sheet_panel(sheet, "Weights in the end", "unit",
                     "‖uᵢ‖ ‖vᵢ‖");
    int bars = dcl__sheet_series(sheet, DCL__BARS, DCL__SKY, "%s", NAME[0]);
    for (int64_t i = 0; i < WIDTH; i++)
        dcl__sheet_point(sheet, bars, (double)(i + 1), results[0].products[i]);
    int points = dcl__sheet_series(sheet, DCL__POINTS, COLOR[1], "%s", NAME[1]);
    for (int64_t i = 0; i < WIDTH; i++)
        dcl__sheet_point(sheet, points, (double)(i + 1), results[1].products[i]);
    dcl__sheet_level(sheet, DCL__BLACK, results[0].optimum.product, "optimum, τ/λ");
}

static dcl_status draw(const dcl__lab *lab, const watch watches[SOLVERS], const dcl_factorize_result results[SOLVERS],
                       dcl_error *error)
{
    char subtitle[160];
    dcl__sheet sheet = {0};
    add_spreads(&sheet, watches);
    add_weights(&sheet, results);
    snprintf(subtitle, sizeof subtitle, "%lld × %lld, %d units, each kept with probability %.2g for every column; the "
             "last one starts %.0f times lighter than the "
             "first", (long long)watches->y.rows, (long long)watches->y.columns, WIDTH,
             1 / (1 + watches->lambda), 1 / (LIGHTEST * LIGHTEST));
    dcl_status status = dcl__sheet_write(&sheet, lab, "balance", "Dropout makes all units weigh the same", subtitle, 2,
                                         error);
    dcl__sheet_free(&sheet);
    return status;
}

static void judge(const watch watches[SOLVERS], const dcl_factorize_result results[SOLVERS], dcl__finding *finding)
{
    double ends[] = {results[0].assessment.balance_error, results[1].assessment.balance_error};
    finding->figure = fmax(ends[0], ends[1]);
    finding->allowed = 0.01;
    finding->holds = finding->figure <= finding->allowed;
    snprintf(finding->expected, sizeof finding->expected, "the weights ‖uᵢ‖ "
             "‖vᵢ‖ of all units come within 1 %% of each other, at τ/λ = %.5g",
             results[0].optimum.product);
    snprintf(finding->found, sizeof finding->found, "the heaviest unit is above the mean by %.3g %% after dropout "
             "training and by %.3g %% with the expected objective, where the start had %.3g "
             "%%", 100 * ends[0], 100 * ends[1],
             100 * watches[0].spread[0]);
}

dcl_status dcl__lab_balance(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    watch *watches = calloc(SOLVERS, sizeof *watches);
    dcl_factorize_result results[SOLVERS] = {{0}};
    dcl_matrix y = {0};
    if (!watches)
        return dcl__no_memory(error, "an experiment", (int64_t)(SOLVERS * sizeof *watches));
    dcl_status status = dcl__lab_low_rank(lab, 200, 200, WIDTH, 0.1, &y, error);
    for (int s = 0; s < SOLVERS && status == DCL_OK; s++) {
        watches[s].y = y;
        watches[s].lambda = 0.5;
        dcl__lab_show(lab, "balance: %s", NAME[s]);
        status = run(lab, &watches[s], SOLVER[s], &results[s], error);
    }
    if (status == DCL_OK) {
        judge(watches, results, finding);
        status = draw(lab, watches, results, error);
    }
    for (int s = 0; s < SOLVERS; s++)
        dcl_factorization_free(watches[s].factorization);
    free(watches);
    free((void *)y.data);
    return status;
}
