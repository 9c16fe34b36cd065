/* cache.c: `dropcl cache`: shows or clears the kernel cache. */
#include <inttypes.h>
#include <stdio.h>

#include "command/command.h"

int dcl__command_cache(int argc, char **argv)
{
    int clear = 0;
    const dcl__option options[] = {{"--clear", NULL, "remove all entries", DCL__OPTION_FLAG, &clear}, {0}};
    const dcl__usage usage = {"cache", "[--clear]", "Shows where compiled kernels and self-test results are kept, and "
                              "how much that is.\nAn entry is used only by the device and driver that made it.", NULL,
                              options, 0, 0};
    const char *positional[DCL__MOST_ARGUMENTS];
    int over = dcl__parse(&usage, argc, argv, positional);
    if (over != DCL__GO_ON)
        return over;
    char folder[1024];
    int64_t files = 0, bytes = 0;
    dcl_error error;
    dcl_status status = clear ? dcl_cache_clear(&files, &error)
                              : dcl_cache_describe(folder, sizeof folder, &files, &bytes, &error);
    if (status == DCL_OK && clear)
        printf("removed %" PRId64 " entries\n", files);
    else if (status == DCL_OK)
        printf("%s\n%" PRId64 " entries, %.1f KiB\n", folder, files, (double)bytes / 1024);
    return dcl__exit(status, &error);
}
