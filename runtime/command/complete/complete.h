/* complete.h: what `dropcl complete` leaves behind and `dropcl predict` reads. */
#ifndef DCL__COMPLETE_H
#define DCL__COMPLETE_H

#include "dropcl/dropcl.h"
#include "formats/entries.h"

/* What was done, beside the result. */
typedef struct dcl__complete_facts {
    const dcl_device *device;
    const char *folder, *source; /* `source`: the file of the entries                                */
    const dcl__entry_table *table, *held;    /* all entries; those of a holdout file, or none        */
    const dcl_entries *training, *holdout;   /* holdout: NULL: none                                  */
    const dcl_completion_options *options;
    double seconds;
    int json, status;            /* status: DCL_CERTIFIED ... of the chosen lambda                   */
} dcl__complete_facts;

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
    double least, most;          /* of the known values                                              */
    dcl_predictor predictor;
} dcl__model;

dcl_status dcl__model_write(const char *folder, const dcl__entry_table *table, const dcl_predictor *predictor,
                            dcl_error *error);
/* To be freed also after a failure. */
dcl_status dcl__model_read(const char *folder, dcl__model *model, dcl_error *error);
void dcl__model_free(dcl__model *model);

#endif
