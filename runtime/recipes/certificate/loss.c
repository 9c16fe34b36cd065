/* loss.c: the losses that factorizations know, by id and by name. */
#include "recipes/certificate/loss.h"

#include <string.h>

static const dcl__loss *const losses[] = {&dcl__loss_squared, &dcl__loss_logistic};

enum { LOSS_COUNT = sizeof losses / sizeof *losses };

const dcl__loss *dcl__loss_find(int id)
{
    for (int i = 0; i < LOSS_COUNT; i++)
        if (losses[i]->id == id)
            return losses[i];
    return NULL;
}

const dcl__loss *dcl__loss_named(const char *name)
{
    for (int i = 0; i < LOSS_COUNT; i++)
        if (strcmp(losses[i]->name, name) == 0)
            return losses[i];
    return NULL;
}
