/* main.c: runs suites of unit tests: all of them, or those named as arguments. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tests/meson.build defines SUITES as SUITE(error) SUITE(tensor) ... */
#define SUITE(name) extern Suite *name##_suite(void);
SUITES
#undef SUITE

static const struct {
    const char *name;
    Suite *(*make)(void);
} suites[] = {
#define SUITE(name) {#name, name##_suite},
    SUITES
#undef SUITE
};

enum { SUITE_COUNT = sizeof suites / sizeof *suites };

/* Adds the suites of a name, or all for NULL; how many they were. */
static int add_suites(SRunner *runner, const char *name)
{
    int added = 0;
    for (int i = 0; i < SUITE_COUNT; i++)
        if (!name || strcmp(suites[i].name, name) == 0) {
            srunner_add_suite(runner, suites[i].make());
            added++;
        }
    return added;
}

int main(int argument_count, char **arguments)
{
    SRunner *runner = srunner_create(NULL);
    for (int i = 1; i < argument_count; i++)
        if (!add_suites(runner, arguments[i])) {
            fprintf(stderr, "there is no suite '%s'\n", arguments[i]);
            return EXIT_FAILURE;
        }
    if (argument_count < 2)
        add_suites(runner, NULL);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
