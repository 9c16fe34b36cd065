/* terminal.c: messages, the progress line and interrupts. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"

static volatile sig_atomic_t interrupted, line_shown;

/* What an end at once takes away: the folder for results and a file that grows. */
enum { MOST_PATHS = 2 };
static const char *volatile paths[MOST_PATHS];

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

static void write_text(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;                  /* nobody is there to be told                                       */
}

/* Calls nothing but what a signal may interrupt. */
static void end_at_once(int number)
{
    (void)number;
    if (line_shown)
        write_text("\r\033[K");
    write_text("dropcl: interrupted before there was anything to keep\n");
    for (int i = MOST_PATHS; i-- > 0;)
        if (paths[i] && unlink(paths[i]))
            rmdir(paths[i]);
    _exit(DCL__EXIT_INTERRUPTED);
}

static void handle_interrupts(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void dcl__end_at_interrupts(void)
{
    handle_interrupts(end_at_once);
}

void dcl__take_away(const char *path)
{
    for (int i = 0; i < MOST_PATHS && path; i++)
        if (!paths[i]) {
            paths[i] = path;
            return;
        }
}

void dcl__catch_interrupts(void)
{
    if (!interrupted)
        handle_interrupts(note_signal);
}

int dcl__interrupted(void)
{
    return interrupted;
}
