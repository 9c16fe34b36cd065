/* landscape.c: the loss of a linear autoencoder with two hidden units, and where descents on it end. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "command/lab/lab.h"

/* f(w) = (1 - |w|^2)^2 + lambda (w_1^4 + w_2^4). Minima (+-c, +-c) with c^2 = 1 / (2 + lambda), saddles (+-a, 0) and
 * (0, +-a) with a^2 = 1 / (1 + lambda), a maximum at 0; without lambda the minima are a circle. */
enum { STARTS = 16, RATES = 3, STEPS = 1500, GRID = 72, CONTOURS = 14, LOOKS = 100 };
static const double LAMBDA[RATES] = {0, 0.6, 2};
static const int COLORS[RATES] = {DCL__VERMILION, DCL__GREEN, DCL__PURPLE};
static const double STEP_SIZE = 0.01;

/* Half the edges of the part that is shown; their ratio is that of a panel, so that circles are round. */
static const double SHOWN_X = 1.94, SHOWN_Y = 1.3;

/* A point with its derivatives, as the device found them. */
typedef struct place {
    double w[2], f, gradient[2], hessian[2][2];
} place;

/* What is seen of one rate. */
typedef struct view {
    double lambda, distance, excess, slope, curvature; /* worst deviations from theory               */
    double at[LOOKS], above[LOOKS];    /* steps, and how far the worst descent was from the minimum  */
    int looks;
} view;

static double loss(double lambda, double x, double y)
{
    double rest = 1 - x * x - y * y;
    return rest * rest + lambda * (x * x * x * x + y * y * y * y);
}

/* ---- On the device ---- */

static dcl_value apply(dcl_graph *graph, const char *op, dcl_value x, dcl_value y, const dcl_setting *settings)
{
    return dcl_graph_apply(graph, NULL, op, (dcl_value[]){x, y}, y ? 2 : 1, settings);
}

static dcl_value scaled(dcl_graph *graph, dcl_value x, double by)
{
    return apply(graph, "scale", x, 0, (dcl_setting[]){{.name = "by", .number = by}, {0}});
}

/* The loss of every row of w. */
static dcl_value build_loss(dcl_graph *graph, dcl_value w, double lambda)
{
    const int64_t row[] = {1};
    const dcl_setting rows[] = {{.name = "axes", .list = row, .count = 1}, {0}};
    dcl_value squares = apply(graph, "square", w, 0, NULL), one = dcl_graph_constant(graph, "one", 0, NULL, 1);
    dcl_value rest = apply(graph, "subtract", one, apply(graph, "sum", squares, 0, rows), NULL);
    dcl_value fourth = apply(graph, "sum", apply(graph, "square", squares, 0, NULL), 0, rows);
    return apply(graph, "add", apply(graph, "square", rest, 0, NULL), scaled(graph, fourth, lambda), NULL);
}

/* A descent from every row of "W", with the first and second derivatives as further results. */
static void build(dcl_graph *graph, double lambda)
{
    static const char *const second[] = {"hessian 1", "hessian 2"};
    dcl_value w = dcl_graph_parameter(graph, "W", 2, (int64_t[]){STARTS, 2}, (dcl_initial){0}), gradient = 0;
    dcl_value f = build_loss(graph, w, lambda);
    dcl_graph_gradient(graph, apply(graph, "sum", f, 0, NULL), &w, 1, &gradient);
    dcl_graph_result(graph, "f", f);
    dcl_graph_result(graph, "gradient", gradient);
    for (int64_t i = 0; i < 2; i++) {
        const dcl_setting column[] = {{.name = "axis", .integer = 1}, {.name = "start", .integer = i},
                                      {.name = "count", .integer = 1}, {0}};
        dcl_value row = 0, slope = apply(graph, "sum", apply(graph, "slice", gradient, 0, column), 0, NULL);
        dcl_graph_gradient(graph, slope, &w, 1, &row);
        dcl_graph_result(graph, second[i], row);
    }
    dcl_graph_assign(graph, w, apply(graph, "subtract", w, scaled(graph, gradient, STEP_SIZE), NULL));
}

static dcl_status fetch_places(dcl_session *session, place *places, dcl_error *error)
{
    double w[2 * STARTS], f[STARTS], gradient[2 * STARTS], hessian[2][2 * STARTS];
    dcl_status status = dcl_session_fetch(session, "W", DCL_F64, w, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "f", DCL_F64, f, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "gradient", DCL_F64, gradient, error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "hessian 1", DCL_F64, hessian[0], error);
    if (status == DCL_OK)
        status = dcl_session_fetch(session, "hessian 2", DCL_F64, hessian[1], error);
    for (int i = 0; i < STARTS && status == DCL_OK; i++) {
        places[i] = (place){.f = f[i]};
        for (int j = 0; j < 2; j++) {
            places[i].w[j] = w[2 * i + j];
            places[i].gradient[j] = gradient[2 * i + j];
            places[i].hessian[0][j] = hessian[0][2 * i + j];
            places[i].hessian[1][j] = hessian[1][2 * i + j];
        }
    }
    return status;
}

/* ---- Against theory ---- */

/* Two rings of starts, none of them on a line of symmetry. */
static void choose_starts(double starts[2 * STARTS])
{
    for (int i = 0; i < STARTS; i++) {
        double angle = acos(-1) * (i + 0.31) / (STARTS / 2), radius = i % 2 ? 1.27 : 0.2;
        starts[2 * i] = radius * cos(angle);
        starts[2 * i + 1] = radius * sin(angle);
    }
}

/* Four minima, four saddles, the maximum. */
enum { MINIMA = 4, SADDLES = 8, CRITICAL = 9 };
static void critical_points(double lambda, double points[2 * STARTS])
{
    double c = 1 / sqrt(2 + lambda), a = 1 / sqrt(1 + lambda);
    for (int i = 0; i < 2 * STARTS; i++)
        points[i] = 0;
    for (int i = 0; i < 4; i++) {
        points[2 * i] = i & 1 ? c : -c;
        points[2 * i + 1] = i & 2 ? c : -c;
        points[2 * (MINIMA + i) + i / 2] = i & 1 ? a : -a;
    }
}

/* The eigenvalues of the Hessian that theory has for a critical point, the smaller first. */
static void expected_curvature(double lambda, int i, double wanted[2])
{
    wanted[0] = i < MINIMA ? 8 * lambda / (2 + lambda) : i < SADDLES ? -4 * lambda / (1 + lambda) : -4;
    wanted[1] = i < SADDLES ? 8 : -4;
}

static void compare_ends(view *v, const place *ends)
{
    double c = 1 / sqrt(2 + v->lambda), least = v->lambda / (2 + v->lambda);
    for (int i = 0; i < STARTS; i++) {
        double x = fabs(ends[i].w[0]), y = fabs(ends[i].w[1]);
        double distance = v->lambda > 0 ? hypot(x - c, y - c) : fabs(hypot(x, y) - 1);
        v->distance = fmax(v->distance, distance);
        v->excess = fmax(v->excess, fabs(ends[i].f - least));
    }
}

static void compare_critical(view *v, const place *places)
{
    for (int i = 0; i < CRITICAL; i++) {
        const place *p = &places[i];
        double wanted[2], middle = 0.5 * (p->hessian[0][0] + p->hessian[1][1]);
        double half = hypot(0.5 * (p->hessian[0][0] - p->hessian[1][1]), p->hessian[0][1]);
        expected_curvature(v->lambda, i, wanted);
        v->slope = fmax(v->slope, hypot(p->gradient[0], p->gradient[1]));
        v->curvature = fmax(v->curvature, fmax(fabs(middle - half - wanted[0]), fabs(middle + half - wanted[1])));
    }
}

/* ---- The picture ---- */

/* Where the edge from value a to value b crosses 0, as a share. */
static double crossing(double a, double b)
{
    return a / (a - b);
}

/* Adds the segments of one level in one cell, whose corners go around from the lower left. */
static void add_cell(dcl__sheet *sheet, int series, const double corner[4], double left, double low, double wide,
                     double high)
{
    static const double at[5][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    int found = 0;
    for (int i = 0; i < 4; i++) {
        double a = corner[i], b = corner[(i + 1) % 4], t;
        if ((a < 0) == (b < 0))
            continue;
        t = crossing(a, b);
        dcl__sheet_point(sheet, series, left + wide * (at[i][0] + t * (at[i + 1][0] - at[i][0])),
                         low + high * (at[i][1] + t * (at[i + 1][1] - at[i][1])));
        if (++found % 2 == 0)
            dcl__sheet_point(sheet, series, NAN, NAN);
    }
}

/* Marching squares. */
static void add_contour(dcl__sheet *sheet, double lambda, double level, int color, double pale)
{
    int series = dcl__sheet_series(sheet, DCL__LINE, color, NULL);
    double wide = 2 * SHOWN_X / GRID, high = 2 * SHOWN_Y / GRID;
    sheet->series[series].pale = pale;
    sheet->series[series].thickness = 0.8;
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) {
            double x = i * wide - SHOWN_X, y = j * high - SHOWN_Y;
            const double corner[] = {loss(lambda, x, y) - level, loss(lambda, x + wide, y) - level,
                                     loss(lambda, x + wide, y + high) - level, loss(lambda, x, y + high) - level};
            add_cell(sheet, series, corner, x, y, wide, high);
        }
}

/* Contour lines, the darker the lower, between the minimum and what the edges of the panel have. */
static void add_contours(dcl__sheet *sheet, double lambda)
{
    double least = lambda / (2 + lambda), most = loss(lambda, SHOWN_X, 0);
    /* The lowest would only fray the circle. */
    for (int i = lambda > 0 ? 1 : 4; i <= CONTOURS; i++) {
        double share = (double)i / CONTOURS;
        add_contour(sheet, lambda, least + 0.999 * (most - least) * pow(share, 4), DCL__BLUE, 0.1 + 0.65 * share);
    }
}

static int add_dots(dcl__sheet *sheet, int color, double thickness, const char *label)
{
    int series = label ? dcl__sheet_series(sheet, DCL__POINTS, color, "%s", label)
                       : dcl__sheet_series(sheet, DCL__POINTS, color, NULL);
    sheet->series[series].thickness = thickness;
    return series;
}

/* The circle of minima, or the four. */
static void add_minima(dcl__sheet *sheet, double lambda, const double *critical)
{
    if (lambda > 0) {
        int minima = add_dots(sheet, DCL__VERMILION, 8, "minima");
        for (int i = 0; i < MINIMA; i++)
            dcl__sheet_point(sheet, minima, critical[2 * i], critical[2 * i + 1]);
        int saddles = add_dots(sheet, DCL__ORANGE, 8, "saddles");
        for (int i = MINIMA; i < SADDLES; i++)
            dcl__sheet_point(sheet, saddles, critical[2 * i], critical[2 * i + 1]);
        return;
    }
    int circle = dcl__sheet_series(sheet, DCL__LINE, DCL__VERMILION, "minima");
    sheet->series[circle].thickness = 3;
    for (int half = -1; half <= 1; half += 2) {
        for (int i = 0; i <= 180; i++)
            dcl__sheet_point(sheet, circle, cos(acos(-1) * i / 180), half * sin(acos(-1) * i / 180));
        dcl__sheet_point(sheet, circle, NAN, NAN);
    }
}

static void start_panel(dcl__sheet *sheet, double lambda)
{
    double critical[2 * STARTS];
    char title[64];
    critical_points(lambda, critical);
    snprintf(title, sizeof title, "%s dropout, λ = %g", lambda > 1 ? "Large" : lambda > 0 ? "Small" : "No", lambda);
    dcl__sheet_panel(sheet, title, "w₁", "w₂");
    add_contours(sheet, lambda);
    add_minima(sheet, lambda, critical);
    int top = add_dots(sheet, DCL__SKY, 8, "maximum");
    dcl__sheet_point(sheet, top, 0, 0);
}

/* How far the worst descents of all rates are from the minimum. */
static void add_progress(const dcl__lab *lab, dcl__sheet *sheet, const view views[RATES])
{
    dcl__panel *panel = dcl__sheet_panel(sheet, "Descents", "step", "largest f − minimum");
    double rounding = lab->dtype == DCL_F64 ? 1e-16 : 1e-8;
    panel->log_y = 1;
    for (int i = 0; i < RATES; i++) {
        int series = dcl__sheet_series(sheet, DCL__LINE, COLORS[i], "λ = %g", LAMBDA[i]);
        for (int j = 0; j < views[i].looks; j++)
            dcl__sheet_point(sheet, series, views[i].at[j], fmax(views[i].above[j], rounding));
    }
}

/* ---- The experiment ---- */

/* Steps until the next look at the paths: they move fast in the beginning. */
static int64_t pause_after(int64_t step)
{
    return step < 60 ? 2 : step < 400 ? 20 : 100;
}

static void look(view *v, int64_t step, dcl__sheet *sheet, int first_path, const place *places)
{
    double worst = 0;
    for (int i = 0; i < STARTS; i++) {
        dcl__sheet_point(sheet, first_path + i, places[i].w[0], places[i].w[1]);
        worst = fmax(worst, fabs(places[i].f - v->lambda / (2 + v->lambda)));
    }
    v->at[v->looks] = (double)step;
    v->above[v->looks++] = worst;
}

static int start_paths(dcl__sheet *sheet)
{
    int first = dcl__sheet_series(sheet, DCL__LINE, DCL__BLACK, "descents");
    for (int i = 1; i < STARTS; i++)
        dcl__sheet_series(sheet, DCL__LINE, DCL__BLACK, NULL);
    for (int i = 0; i < STARTS; i++)
        sheet->series[first + i].thickness = 0.9;
    return first;
}

/* Runs the descents and draws their paths. */
static dcl_status descend(view *v, dcl_session *session, dcl__sheet *sheet, dcl_error *error)
{
    place places[STARTS];
    double starts[2 * STARTS];
    int first = start_paths(sheet);
    choose_starts(starts);
    dcl_status status = dcl_session_feed(session, "W", DCL_F64, starts, error);
    for (int64_t step = 0; status == DCL_OK; step += pause_after(step)) {
        status = fetch_places(session, places, error);
        if (status || step >= STEPS || v->looks == LOOKS)
            break;
        look(v, step, sheet, first, places);
        status = dcl_session_step(session, pause_after(step), error);
    }
    if (status == DCL_OK)
        compare_ends(v, places);
    return status;
}

/* What the device finds at the critical points of theory. */
static dcl_status visit(view *v, dcl_session *session, dcl_error *error)
{
    place places[STARTS];
    double points[2 * STARTS];
    critical_points(v->lambda, points);
    dcl_status status = dcl_session_feed(session, "W", DCL_F64, points, error);
    if (status == DCL_OK)
        status = fetch_places(session, places, error);
    if (status == DCL_OK)
        compare_critical(v, places);
    return status;
}

static dcl_status explore(const dcl__lab *lab, view *v, dcl__sheet *sheet, dcl_error *error)
{
    dcl_graph *graph = NULL;
    dcl_session *session = NULL;
    dcl_status status = dcl_graph_create(lab->tools.registry, lab->dtype, lab->seed, &graph, error);
    if (status)
        return status;
    build(graph, v->lambda);
    status = dcl_session_create(lab->tools.device, graph, &session, error);
    if (status == DCL_OK)
        status = descend(v, session, sheet, error);
    if (status == DCL_OK)
        status = visit(v, session, error);
    dcl_session_free(session);
    dcl_graph_free(graph);
    return status;
}

static void judge(const dcl__lab *lab, const view views[RATES], dcl__finding *finding)
{
    view worst = {0};
    for (int i = 0; i < RATES; i++) {
        worst.distance = fmax(worst.distance, views[i].distance);
        worst.excess = fmax(worst.excess, views[i].excess);
        worst.slope = fmax(worst.slope, views[i].slope);
        worst.curvature = fmax(worst.curvature, views[i].curvature);
    }
    int fine = lab->dtype == DCL_F64;
    double room = fine ? 1e-8 : 1e-6;
    finding->figure = worst.distance;
    finding->allowed = fine ? 1e-6 : 1e-4;
    finding->holds = worst.distance <= finding->allowed && worst.excess <= room && worst.slope <= 10 * room &&
                     worst.curvature <= 100 * room;
    snprintf(finding->expected, sizeof finding->expected, "for λ = 0, 0.6 and 2, all %d descents end on the circle or "
             "at one of four minima (±c, ±c), c² = 1/(2+λ), with the value λ/(2+λ); "
             "between them are four strict saddles with the curvature −4λ/(1+λ)", STARTS);
    snprintf(finding->found, sizeof finding->found, "they end within %.1e of them, values within %.1e; at the "
             "predicted minima, saddles and maximum the gradient is below %.1e and both eigenvalues of the Hessian are "
             "within %.1e of theory", worst.distance, worst.excess, worst.slope, worst.curvature);
}

dcl_status dcl__lab_landscape(const dcl__lab *lab, dcl__finding *finding, dcl_error *error)
{
    dcl__sheet sheet = {0};
    view views[RATES] = {{0}};
    dcl_status status = DCL_OK;
    for (int i = 0; i < RATES && status == DCL_OK; i++) {
        views[i].lambda = LAMBDA[i];
        start_panel(&sheet, LAMBDA[i]);
        status = explore(lab, &views[i], &sheet, error);
    }
    add_progress(lab, &sheet, views);
    judge(lab, views, finding);
    if (status == DCL_OK)
        status = dcl__sheet_write(&sheet, lab, "landscape", "Dropout breaks the circle of minima into four",
                                  "A linear 1-2-1 autoencoder with tied weights: f(w) = (1 − |w|²)² + "
                                  "λ (w₁⁴ + w₂⁴)", 2, error);
    dcl__sheet_free(&sheet);
    return status;
}
