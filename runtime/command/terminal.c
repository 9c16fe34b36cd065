/* terminal.c: messages, the progress line and interrupts. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"

static volatile sig_atomic_t interrupted;
static int line_shown;

void dcl__progress_line(const char *text)
{
    if (!text && !line_shown)
        return;
    fprintf(stderr, "\r\033[K%s", text ? text : "");
    fflush(stderr);
    line_shown = text != NULL;
}

int dcl__shows_progress(int quiet)
{
    return !quiet && isatty(STDERR_FILENO);
}

static void write_message(const char *format, va_list arguments)
{
    dcl__progress_line(NULL);
    fputs("dropcl: ", stderr);
    vfprintf(stderr, format, arguments);
}

void dcl__complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

int dcl__misuse(const char *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_message(format, arguments);
    va_end(arguments);
    fprintf(stderr, " (dropcl %s --help explains it)\n", command);
    return DCL__EXIT_USAGE;
}

int dcl__exit(dcl_status status, const dcl_error *error)
{
    if (status == DCL_OK)
        return DCL__EXIT_DONE;
    dcl__complain("%s", error->text);
    switch (status) {
    case DCL_EINVAL:
        return DCL__EXIT_USAGE;
    case DCL_EIO:
    case DCL_EFORMAT:
    case DCL_EGRAPH:
    case DCL_EPLUGIN:
        return DCL__EXIT_INPUT;
    case DCL_ENODEVICE:
    case DCL_EDEVICE:
    case DCL_EBUILD:
    case DCL_EUNSUPPORTED:
        return DCL__EXIT_DEVICE;
    default:
        return DCL__EXIT_OTHER;
    }
}

/* A second signal ends the program at once, as without this. */
static void note_signal(int number)
{
    interrupted = 1;
    signal(number, SIG_DFL);
}

void dcl__catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int dcl__interrupted(void)
{
    return interrupted;
}
