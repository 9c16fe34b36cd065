/* reader.h: the one interface that all readers of array formats implement. */
#ifndef DCL__READER_H
#define DCL__READER_H

#include "formats/array.h"
#include "formats/source.h"

typedef struct dcl__reader {
    /* How names of such files end, without ".gz"; the list ends with NULL. */
    const char *endings[5];
    /* 1 when a file that begins with these bytes is of this format. NULL: the format has no mark. */
    int (*recognises)(const unsigned char *head, size_t size);
    /* Reads the whole source from its beginning into an empty array. The messages name no file, the
     * caller adds it; on failure the caller frees what the array already holds. */
    dcl_status (*read)(dcl__source *source, uint32_t dtype, dcl__array *array, dcl_error *error);
} dcl__reader;

#endif
