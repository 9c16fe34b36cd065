/* files.h: reading matrices and writing results, as several subcommands do. */
#ifndef DCL__FILES_H
#define DCL__FILES_H

#include "command/command.h"
#include "formats/array.h"
#include "formats/json.h"

/* "FOLDER/NAME" in a buffer of its own kind. */
typedef struct dcl__path {
    char text[4096];
} dcl__path;
dcl__path dcl__join(const char *folder, const char *name);

/* The folder for results. Start makes it where it is missing; end, with the command's status, takes away again
 * what start made when the command failed and nothing is in it. Zero it before; end is right also without start.
 *
 * Start takes a folder that is there only where nothing of the user's can be lost: none of the files that are read may
 * lie in it (DCL_EINVAL), and where files bear names of results, report.json or a checkpoint must say that an earlier
 * run left them (DCL_EIO): what bears such a name there is replaced. `inputs` lists what is read, NULL for what is not
 * given, and `further` names of results that only `dropcl lab` has, or is NULL. */
typedef struct dcl__results {
    const char *folder;
    int made;
} dcl__results;
dcl_status dcl__results_start(dcl__results *results, const char *folder, const dcl__texts *inputs,
                              const dcl__texts *further, dcl_error *error);
#define DCL__RESULTS_DOC \
    "folder for the results: a new one, or what an earlier run left; no data that are read lie in it"
void dcl__results_end(const dcl__results *results, dcl_status status);

/* Refuses a file to be written, NULL: none, that is one of those that are read (DCL_EINVAL). */
dcl_status dcl__check_output(const char *file, const dcl__texts *inputs, dcl_error *error);

/* To be called behind the first file of a run, so that what was there outlives a disk without room: removes whatever
 * any command may have left there, but what the run has `written` itself, so that nothing is taken for what belongs to
 * the new results. A report.json that says "unfinished" stands in until that of the run replaces it. */
dcl_status dcl__results_replace(const char *folder, const char *command, const dcl__texts *written, dcl_error *error);

/* Says on stderr that the first line of a file was taken for a header; "": it was not. */
void dcl__say_header(const char *file, const char *header);

/* Says on stderr that a table looks like one of entries: behind a header, three columns or four, the first two of whole
 * numbers. */
void dcl__hint_at_entries(const char *file, const dcl__array *array);

/* Reads an array or a matrix, the latter multiplied by `scale`, and says on stderr what was taken for a header. */
dcl_status dcl__read_array(const char *file, uint32_t dtype, dcl__array *array, dcl_error *error);
dcl_status dcl__read_scaled(const char *file, uint32_t dtype, double scale, dcl__array *array, dcl_error *error);

/* Writes an f64 matrix as .npy of `dtype`. */
dcl_status dcl__write_matrix(const char *folder, const char *name, uint32_t dtype, int64_t rows, int64_t columns,
                             const double *data, dcl_error *error);

/* Prints a report or a list for other programs, with all digits. */
void dcl__print_json(const json_t *object);

/* Fetches a value of a session into a new array, to be freed also after a failure; or writes it as a file. */
dcl_status dcl__fetch_value(dcl_session *session, const char *value, dcl__array *array, dcl_error *error);
dcl_status dcl__write_value(dcl_session *session, const char *value, const char *file, dcl_error *error);

#endif
