/* lab.h: what the experiments of `dropcl lab` share: their frame, their sheets of curves, and data for them. */
#ifndef DCL__LAB_H
#define DCL__LAB_H

#include "command/command.h"
#include "formats/plot.h"

/* What an experiment is run with. */
typedef struct dcl__lab {
    dcl__tools tools;
    const char *folder;          /* for the results                                                  */
    const char *data;            /* folder with Fashion-MNIST; may be missing                        */
    uint32_t dtype;              /* DCL_F32 or DCL_F64                                               */
    uint64_t seed;
    int quick, quiet;            /* quick: small sizes, for tests                                    */
} dcl__lab;

/* What an experiment says in the end. */
typedef struct dcl__finding {
    char expected[512], found[512];  /* clauses without a full stop                                  */
    int holds;
    double figure, allowed;      /* what decides, for instance the worst deviation                   */
} dcl__finding;

/* Runs one experiment: writes NAME.csv, NAME.svg and NAME.png to the folder and says what was found. An
 * experiment that was interrupted by a signal may end early with any finding. */
typedef dcl_status dcl__experiment(const dcl__lab *lab, dcl__finding *finding, dcl_error *error);

dcl__experiment dcl__lab_landscape, dcl__lab_equivalence, dcl__lab_spectrum, dcl__lab_balance, dcl__lab_dropblock,
                dcl__lab_dropconnect, dcl__lab_variable_rate, dcl__lab_learning_curve;

typedef struct dcl__experiment_entry {
    const char *name;
    const char *statement;       /* what theory says, for people: some sentences                     */
    dcl__experiment *run;
} dcl__experiment_entry;

/* Trains to the end. `*factorization` owns what the result points to and is to be freed also after a failure. */
dcl_status dcl__lab_fit(const dcl__lab *lab, const dcl_matrix *data, const dcl_factorize_options *options,
                        dcl_factorization **factorization, dcl_factorize_result *result, dcl_error *error);

/* The options all experiments start from: the seed of the lab, and an end when a signal comes. */
dcl_factorize_options dcl__lab_options(const dcl__lab *lab, const dcl_matrix *data, int solver);

/* Shows on a terminal what is going on. */
__attribute__((format(printf, 2, 3)))
void dcl__lab_show(const dcl__lab *lab, const char *format, ...);

/* ---- Data (lab_data.c) ---- */

/* rows x columns numbers: factors of rank `rank` with entries of variance 1, 1/2, 1/3, ... by column, scaled so
 * that the entries of the product have about variance 1, plus `noise` times standard normal numbers. The same
 * seed gives the same matrix on every machine. Free `data` with free(). */
dcl_status dcl__lab_low_rank(const dcl__lab *lab, int64_t rows, int64_t columns, int64_t rank, double noise,
                             dcl_matrix *matrix, dcl_error *error);

/* The first `rows` test images of Fashion-MNIST as rows of numbers from 0 to 1, or where the files are missing
 * a matrix of low rank of the same size. `*what` says which. Free `data` with free(). */
dcl_status dcl__lab_images(const dcl__lab *lab, int64_t rows, dcl_matrix *matrix, const char **what,
                           dcl_error *error);

/* ---- Sheets (lab_sheet.c) ---- */

/* A page of panels that grows point by point; all texts are copied. The first failure sticks: further calls do
 * nothing, and dcl__sheet_write returns it. Zero it before; free it in any case. */
enum { DCL__SHEET_PANELS = 12, DCL__SHEET_SERIES = 240, DCL__SHEET_LEVELS = 24, DCL__SHEET_TEXTS = 320 };
typedef struct dcl__sheet {
    dcl__panel panels[DCL__SHEET_PANELS];
    dcl__series series[DCL__SHEET_SERIES];
    dcl__level levels[DCL__SHEET_LEVELS];
    double *x[DCL__SHEET_SERIES], *y[DCL__SHEET_SERIES];
    size_t room_x[DCL__SHEET_SERIES], room_y[DCL__SHEET_SERIES];
    char *texts[DCL__SHEET_TEXTS];
    int panel_count, series_count, level_count, text_count;
    dcl_status status;
    dcl_error error;
} dcl__sheet;

/* Starts a panel; further calls are about it. Texts may be NULL. Returns it, for log_x and log_y. */
dcl__panel *dcl__sheet_panel(dcl__sheet *sheet, const char *title, const char *x_label, const char *y_label);
/* The small line under the title of the present panel. */
__attribute__((format(printf, 2, 3)))
void dcl__sheet_note(dcl__sheet *sheet, const char *format, ...);
/* Starts a series in the present panel; `format` NULL: not in the legend. Returns its number. */
__attribute__((format(printf, 4, 5)))
int dcl__sheet_series(dcl__sheet *sheet, int style, int color, const char *format, ...);
/* Adds a point; NaN for both makes a gap. */
void dcl__sheet_point(dcl__sheet *sheet, int series, double x, double y);
void dcl__sheet_level(dcl__sheet *sheet, int color, double value, const char *label);

/* Writes NAME.svg, NAME.png and NAME.csv: a row "panel,series,x,y" for each point that the picture shows, and for
 * each level one without x. */
dcl_status dcl__sheet_write(const dcl__sheet *sheet, const dcl__lab *lab, const char *name, const char *title,
                            const char *subtitle, int columns, dcl_error *error);
void dcl__sheet_free(dcl__sheet *sheet);

/* ---- The page (lab_page.c) ---- */

/* Writes index.html of the folder: a part for each experiment with its statement, its picture and its finding.
 * An entry of `failures` that is not empty says why an experiment could not be run. */
typedef struct dcl__outcome {
    const dcl__experiment_entry *entry;
    dcl__finding finding;
    char failure[512];
    double seconds;
} dcl__outcome;
dcl_status dcl__lab_page(const dcl__lab *lab, const dcl__outcome *outcomes, int count, dcl_error *error);

/* "NAME holds: expected ...; found ...", as one line without its end; returns `text`. */
const char *dcl__lab_sentence(const dcl__outcome *outcome, char *text, size_t size);

#endif
