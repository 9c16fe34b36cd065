/* penalty.c: the penalties, by id and by name. */
#include "recipes/certificate/penalty.h"

#include <string.h>

static const dcl__penalty *const penalties[] = {
    &dcl__penalty_nuclear, &dcl__penalty_l1_l2, &dcl__penalty_l2_l1, &dcl__penalty_l1_l1, &dcl__penalty_l1_nonnegative,
    &dcl__penalty_nonnegative, &dcl__penalty_elastic, &dcl__penalty_dropout, &dcl__penalty_dropblock,
};

enum { PENALTY_COUNT = sizeof penalties / sizeof *penalties };

const dcl__penalty *dcl__penalty_at(size_t i)
{
    return i < PENALTY_COUNT ? penalties[i] : NULL;
}

const dcl__penalty *dcl__penalty_find(int id)
{
    for (int i = 0; i < PENALTY_COUNT; i++)
        if (penalties[i]->id == id)
            return penalties[i];
    return NULL;
}

const dcl__penalty *dcl__penalty_named(const char *name)
{
    for (int i = 0; i < PENALTY_COUNT; i++)
        if (strcmp(penalties[i]->name, name) == 0)
            return penalties[i];
    return NULL;
}
