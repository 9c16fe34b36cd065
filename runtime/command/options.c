/* options.c: reads command lines by tables and writes their help. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"

/* ---- Help ---- */

static void print_option(const dcl__option *option)
{
    char head[96];
    snprintf(head, sizeof head, "%s %s", option->name, option->value ? option->value : "");
    if (strlen(head) <= 26)
        printf("  %-26s %s\n", head, option->doc);
    else
        printf("  %s\n  %-26s %s\n", head, "", option->doc);
}

static void print_help(const dcl__usage *usage)
{
    printf("usage: dropcl %s %s\n\n%s\n", usage->name, usage->arguments, usage->doc);
    if (usage->options && usage->options->name)
        printf("\noptions:\n");
    for (const dcl__option *option = usage->options; option && option->name; option++)
        print_option(option);
    if (usage->examples)
        printf("\nexamples:\n%s", usage->examples);
}

/* ---- Values ---- */

int dcl__read_integer(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return end != text && !*end && !errno;
}

int dcl__read_seed(const char *text, uint64_t *number)
{
    int64_t integer;
    if (!dcl__read_integer(text, &integer) || integer < 0)
        return 0;
    *number = (uint64_t)integer;
    return 1;
}

int dcl__read_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    if (end != text && *end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below || divisor == 0)
            return 0;
        *number /= divisor;
    }
    return end != text && !*end && *number - *number == 0;
}

/* The place of a word in "first|second", from 1; 0 when it is not there. */
static int find_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (int place = 1; length > 0; place++) {
        size_t found = strcspn(words, "|");
        if (found == length && strncmp(words, word, length) == 0)
            return place;
        if (!words[found])
            return 0;
        words += found + 1;
    }
    return 0;
}

static int add_text(dcl__texts *texts, const char *text)
{
    if (texts->count == (int)(sizeof texts->items / sizeof *texts->items))
        return 0;
    texts->items[texts->count++] = text;
    return 1;
}

/* Stores a value; NULL, or what it should have been. */
static const char *store(const dcl__option *option, const char *text)
{
    switch (option->kind) {
    case DCL__OPTION_TEXT:
        *(const char **)option->target = text;
        return NULL;
    case DCL__OPTION_INTEGER:
        return dcl__read_integer(text, option->target) && *(int64_t *)option->target > 0 ? NULL
                                                                                         : "an integer from 1 on";
    case DCL__OPTION_SEED:
        return dcl__read_seed(text, option->target) ? NULL : "an integer from 0 to 2^63 - 1";
    case DCL__OPTION_NUMBER:
        return dcl__read_number(text, option->target) ? NULL : "a number";
    case DCL__OPTION_POSITIVE:
        return dcl__read_number(text, option->target) && *(double *)option->target > 0 ? NULL : "a number above 0";
    case DCL__OPTION_FACTOR:
        return dcl__read_number(text, option->target) && *(double *)option->target != 0 ? NULL
                                                                                        : "a number other than 0";
    case DCL__OPTION_WORD:
        return (*(int *)option->target = find_word(option->value, text)) ? NULL : option->value;
    case DCL__OPTION_LIST:
        return add_text(option->target, text) ? NULL : "given at most 64 times";
    default:
        return NULL;
    }
}

/* ---- Reading ---- */

static const dcl__option *find_option(const dcl__usage *usage, const char *name, size_t length)
{
    for (const dcl__option *option = usage->options; option && option->name; option++)
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return option;
    return NULL;
}

/* Reads one option at argv[*at], "--name value" or "--name=value". */
static int read_option(const dcl__usage *usage, int argc, char **argv, int *at)
{
    const char *word = argv[*at], *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;
    const dcl__option *option = find_option(usage, word, equals ? (size_t)(equals - word) : strlen(word));
    if (!option)
        return dcl__misuse(usage->name, "there is no option %s", word);
    if (option->kind == DCL__OPTION_FLAG) {
        if (equals)
            return dcl__misuse(usage->name, "%s takes no value", option->name);
        *(int *)option->target = 1;
        return DCL__GO_ON;
    }
    const char *value = equals ? equals + 1 : ++*at < argc ? argv[*at] : NULL;
    if (!value || !*value)
        return dcl__misuse(usage->name, "%s needs a value: %s", option->name, option->value);
    const char *wanted = store(option, value);
    if (wanted)
        return dcl__misuse(usage->name, "%s: '%s' must be %s", option->name, value, wanted);
    return DCL__GO_ON;
}

int dcl__parse(const dcl__usage *usage, int argc, char **argv, const char *positional[DCL__MOST_ARGUMENTS])
{
    int count = 0, only_positional = 0;
    memset(positional, 0, DCL__MOST_ARGUMENTS * sizeof *positional);
    for (int i = 0; i < argc; i++) {
        if (!only_positional && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            print_help(usage);
            return DCL__EXIT_DONE;
        }
        if (!only_positional && strcmp(argv[i], "--") == 0) {
            only_positional = 1;
        } else if (!only_positional && argv[i][0] == '-' && argv[i][1]) {
            int result = read_option(usage, argc, argv, &i);
            if (result != DCL__GO_ON)
                return result;
        } else if (!argv[i][0]) {
            return dcl__misuse(usage->name, "an argument is empty; usage: dropcl %s %s", usage->name, usage->arguments);
        } else if (count == usage->most) {
            return dcl__misuse(usage->name, "unexpected argument '%s'", argv[i]);
        } else {
            positional[count++] = argv[i];
        }
    }
    if (count < usage->least)
        return dcl__misuse(usage->name, "usage: dropcl %s %s", usage->name, usage->arguments);
    return DCL__GO_ON;
}
