/* command.h: what the subcommands of `dropcl` share: options, messages, exit statuses, device and ops. */
#ifndef DCL__COMMAND_H
#define DCL__COMMAND_H

#include "core/clock.h"
#include "dropcl/dropcl.h"

/* Exit statuses (docs: README.md). */
enum {
    DCL__EXIT_DONE = 0, DCL__EXIT_OTHER = 1, DCL__EXIT_USAGE = 2, DCL__EXIT_INPUT = 3, DCL__EXIT_DEVICE = 4,
    DCL__EXIT_TOLERANCE = 5, DCL__EXIT_INTERRUPTED = 130
};

/* ---- Options ---- */

enum dcl__option_kind {
    DCL__OPTION_FLAG,            /* int *: 1 when given                                              */
    DCL__OPTION_TEXT,            /* const char **                                                    */
    DCL__OPTION_INTEGER,         /* int64_t *: from 1 on, so 0 may stand for none given             */
    DCL__OPTION_SEED,            /* uint64_t *                                                       */
    DCL__OPTION_NUMBER,          /* double *; also a ratio: 1/255                                    */
    DCL__OPTION_POSITIVE,        /* the same, above 0                                                */
    DCL__OPTION_FACTOR,          /* the same, not 0                                                  */
    DCL__OPTION_WORD,            /* int *: 1 for the first word of `value`, 2 for the second, ...    */
    DCL__OPTION_LIST             /* dcl__texts *: may be given several times                         */
};

typedef struct dcl__texts {
    const char *items[64];
    int count;
} dcl__texts;

typedef struct dcl__option {
    const char *name;            /* "--rank"; NULL ends a table                                      */
    const char *value;           /* what the help calls its value: "R"; for words "a|b|c"            */
    const char *doc;
    enum dcl__option_kind kind;
    void *target;                /* holds the default before, the value after                        */
} dcl__option;

/* One subcommand, as its help shows it. */
typedef struct dcl__usage {
    const char *name;            /* "factorize"                                                      */
    const char *arguments;       /* "Y -o DIR"                                                       */
    const char *doc;             /* some lines                                                       */
    const char *examples;        /* some lines, or NULL                                              */
    const dcl__option *options;
    int least, most;             /* number of positional arguments                                   */
} dcl__usage;

enum { DCL__MOST_ARGUMENTS = 8, DCL__GO_ON = -1 };

/* Reads the arguments behind the subcommand's name into the options' targets and `positional`. Returns
 * DCL__GO_ON, or the exit status when it is all over: 0 after --help, 2 after a complaint. */
int dcl__parse(const dcl__usage *usage, int argc, char **argv, const char *positional[DCL__MOST_ARGUMENTS]);

/* Reads a whole text as a number, "0.5" or a ratio "1/255", or as a seed; 0 when it is none. */
int dcl__read_number(const char *text, double *number);
int dcl__read_seed(const char *text, uint64_t *number);
int dcl__read_integer(const char *text, int64_t *number);

/* ---- Messages ---- */

/* "dropcl: TEXT" on stderr. */
__attribute__((format(printf, 1, 2)))
void dcl__complain(const char *format, ...);

/* Complains with the sentence of an error and returns the exit status that belongs to its code. */
int dcl__exit(dcl_status status, const dcl_error *error);

/* A usage complaint, with a pointer to the subcommand's help; returns 2. */
__attribute__((format(printf, 2, 3)))
int dcl__misuse(const char *command, const char *format, ...);

/* ---- Device and ops ---- */

/* What most subcommands work with. Zero it before dcl__tools_open. */
typedef struct dcl__tools {
    dcl_registry *registry;
    dcl_device *device;
} dcl__tools;

/* Opens a device; its warnings go to stderr, and what `dropcl tune` found for it is put to use. */
dcl_status dcl__open_device(const char *selector, dcl_device **device, dcl_error *error);
void dcl__log_warnings(dcl_device *device);

/* Opens the ops and the device; `plugins` NULL or a path as dcl_registry_open takes it. Close also after
 * a failure. */
dcl_status dcl__tools_open(dcl__tools *tools, const char *selector, const char *plugins, dcl_error *error);
void dcl__tools_close(dcl__tools *tools);

/* ---- Terminal ---- */

/* Whether progress is shown: stderr is a terminal and nobody asked for quiet. */
int dcl__shows_progress(int quiet);
/* Replaces the progress line; NULL removes it. */
void dcl__progress_line(const char *text);
/* From now on SIGINT and SIGTERM end the program at once, with a sentence: right until there is something to keep. */
void dcl__end_at_interrupts(void);
/* Such an end takes away this file or empty folder; the path is borrowed. */
void dcl__take_away(const char *path);
/* Catches them from now on; tells whether one came. */
void dcl__catch_interrupts(void);
int dcl__interrupted(void);
/* dcl__now() when the program started. */
double dcl__started(void);

/* ---- The subcommands: arguments behind the name, exit status ---- */

int dcl__command_balance(int argc, char **argv);
int dcl__command_bench(int argc, char **argv);
int dcl__command_cache(int argc, char **argv);
int dcl__command_certify(int argc, char **argv);
int dcl__command_check_op(int argc, char **argv);
int dcl__command_complete(int argc, char **argv);
int dcl__command_devices(int argc, char **argv);
int dcl__command_factorize(int argc, char **argv);
int dcl__command_lab(int argc, char **argv);
int dcl__command_new_op(int argc, char **argv);
int dcl__command_ops(int argc, char **argv);
int dcl__command_predict(int argc, char **argv);
int dcl__command_run(int argc, char **argv);
int dcl__command_threshold(int argc, char **argv);
int dcl__command_train(int argc, char **argv);
int dcl__command_tune(int argc, char **argv);

#endif
