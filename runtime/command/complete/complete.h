/* complete.h: what `dropcl complete` leaves behind, and `dropcl predict` and `dropcl certify` read. */
#ifndef DCL__COMPLETE_H
#define DCL__COMPLETE_H

#include "dropcl/dropcl.h"
#include "formats/entries.h"

/* What a run draws from its entries to set it aside: shares, 0: nothing. */
typedef struct dcl__division {
    double test, holdout;        /* of all entries; of what the test leaves                          */
    uint64_t seed;
} dcl__division;

/* Takes what a division draws out of the entries; test and holdout, empty where nothing is drawn, are to be released
 * also after a failure. */
dcl_status dcl__set_aside(const dcl__division *division, dcl_entries *entries, dcl_entries *test, dcl_entries *holdout,
                          dcl_error *error);

/* What was done, beside the result. */
typedef struct dcl__complete_facts {
    const dcl_device *device;
    const char *folder, *source; /* `source`: the file of the entries                                */
    int64_t entries;             /* of that file                                                     */
    const dcl__division *division;
    const dcl__entry_table *training, *holdout, *test;   /* holdout, test: NULL: none                */
    const dcl_completion_options *options;
    double seconds;
    int json;
} dcl__complete_facts;

/* What predicts without factors: "biases alone", "the mean alone" or "nothing (0)". */
const char *dcl__baseline_name(const dcl_completion_options *options);

/* Writes U.npy, V.npy, row_bias.npy, column_bias.npy, model.json, rows.csv and columns.csv (where they have names),
 * report.json, path.csv, history.csv, report.svg and report.png, and prints a summary. */
dcl_status dcl__report_completion(const dcl__complete_facts *facts, const dcl_completion_result *result,
                                  dcl_error *error);
dcl_status dcl__draw_completion(const dcl__complete_facts *facts, const dcl_completion_result *result,
                                dcl_error *error);

/* A model read from such a folder. */
typedef struct dcl__model {
    dcl__entry_table table;      /* sizes and names only                                             */
    dcl_baseline baseline;
    double *u, *v;
    double least, most;          /* of the values that were trained with                             */
    dcl_predictor predictor;
    dcl__division division;
} dcl__model;

dcl_status dcl__model_write(const char *folder, const dcl__entry_table *training, const dcl__division *division,
                            const dcl_predictor *predictor, dcl_error *error);
/* To be freed also after a failure. */
dcl_status dcl__model_read(const char *folder, dcl__model *model, dcl_error *error);
void dcl__model_free(dcl__model *model);

#endif
