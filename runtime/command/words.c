/* words.c: what reports call the constants of the library. */
#include "command/words.h"

const char *dcl__status_name(int status)
{
    static const char *const names[] = {"", "certified", "converged", "stopped"};
    return names[status];
}

const char *dcl__proof_name(int proof)
{
    static const char *const names[] = {"", "rigorous", "probable", "none"};
    return names[proof];
}

const char *dcl__units_name(int64_t count)
{
    return count == 1 ? "unit" : "units";
}
