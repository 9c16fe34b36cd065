/* main.c: the program `dropcl`: finds the subcommand and runs it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"

static const struct {
    const char *name, *doc;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"factorize", "fit Y ~ U V' with dropout, beside the optimum that theory predicts", dcl__command_factorize},
    {"complete", "predict the missing entries of a matrix, certified", dcl__command_complete},
    {"predict", "values for given rows and columns, by a completed matrix", dcl__command_predict},
    {"train", "train a network with dropout on labelled samples", dcl__command_train},
    {"threshold", "the closed-form optimum of a matrix", dcl__command_threshold},
    {"certify", "how far any factors are from the best that there are", dcl__command_certify},
    {"balance", "turn factors until all units weigh the same", dcl__command_balance},
    {"lab", "show the statements of the theory: a picture and a sentence for each", dcl__command_lab},
    {"run", "run or train a graph file", dcl__command_run},
    {"devices", "list the OpenCL devices and which one is the default", dcl__command_devices},
    {"ops", "list the ops, their inputs, outputs and attributes", dcl__command_ops},
    {"check-op", "check an op plugin against the contract", dcl__command_check_op},
    {"new-op", "write the skeleton of an op plugin", dcl__command_new_op},
    {"bench", "measure products, steps, thresholds and the start beside OpenBLAS and LAPACK", dcl__command_bench},
    {"tune", "find out what makes matrix products fast on a device", dcl__command_tune},
    {"cache", "show or clear the kernel cache", dcl__command_cache},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static double started;

double dcl__started(void)
{
    return started;
}

static void print_help(void)
{
    printf("usage: dropcl COMMAND ...\n\n"
           "Trains dropout-regularised low-rank models on any OpenCL device and tells how far the result\n"
           "is from the global optimum.\n\ncommands:\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        printf("  %-12s%s\n", commands[i].name, commands[i].doc);
    printf("\n`dropcl COMMAND --help` explains a command. Environment: DROPCL_DEVICE (a device as for --device),\n"
           "DROPCL_PLUGIN_PATH (more op plugins), DROPCL_GEMM (clblast, packed or plain), XDG_CACHE_HOME (kernel\n"
           "cache), XDG_DATA_HOME (tuning results).\n"
           "Exit status: 0 done, 2 usage, 3 bad input, 4 no usable device, 5 tolerance not reached, 1 anything\n"
           "else, 130 interrupted.\n");
}

/* The command's exit status, or that of a failed write when its results did not get through. */
static int close_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    dcl__complain("the standard output cannot be written (%s)", strerror(errno ? errno : EIO));
    return status ? status : DCL__EXIT_INPUT;
}

static int run(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "--help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        print_help();
        return argc > 1 ? DCL__EXIT_DONE : DCL__EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("dropcl %s\n", dcl_version());
        return DCL__EXIT_DONE;
    }
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    dcl__complain("there is no command '%s' (dropcl --help lists them)", name);
    return DCL__EXIT_USAGE;
}

int main(int argc, char **argv)
{
    started = dcl__now();
    dcl__end_at_interrupts();
    return close_output(run(argc, argv));
}
