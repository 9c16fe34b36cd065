/* division.c: what a completion draws from its entries to set it aside. */
#include "command/complete/complete.h"

/* Draws of one seed, independent of each other. */
enum { HOLDOUT_DRAW = 0, TEST_DRAW = 1 };

static dcl_status take_out(double share, uint64_t seed, uint32_t draw, dcl_entries *entries, dcl_entries *aside,
                           dcl_error *error)
{
    dcl_entries rest;
    if (share == 0)
        return DCL_OK;
    dcl_status status = dcl_entries_split(entries, share, seed, draw, &rest, aside, error);
    if (status)
        return status;
    dcl_entries_release(entries);
    *entries = rest;
    return DCL_OK;
}

dcl_status dcl__set_aside(const dcl__division *d, dcl_entries *entries, dcl_entries *test, dcl_entries *holdout,
                          dcl_error *error)
{
    *test = *holdout = (dcl_entries){0};
    dcl_status status = take_out(d->test, d->seed, TEST_DRAW, entries, test, error);
    return status ? status : take_out(d->holdout, d->seed, HOLDOUT_DRAW, entries, holdout, error);
}
