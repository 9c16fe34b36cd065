/* matrix_market.h: the Matrix Market exchange format (Boisvert, Pozo and Remington, NISTIR 5935, 1996).
 *
 * `array` (dense, column by column) and `coordinate` (row, column, value); real, integer and pattern
 * (listed entries are 1); general, symmetric and skew-symmetric (the lower triangle is listed). The result
 * is dense: entries that are not listed are 0, those listed twice are summed. One entry a line.
 */
#ifndef DCL__MATRIX_MARKET_H
#define DCL__MATRIX_MARKET_H

#include "formats/entries.h"
#include "formats/reader.h"

extern const dcl__reader dcl__matrix_market_reader;

/* Whether a file begins as one of coordinates. */
int dcl__is_coordinate(const unsigned char *head, size_t size);

/* The listed entries as triples, without those that are NaN. Where triples->rows is above 0, the matrix of the file
 * must not be larger than triples says; else its sizes are written there. */
dcl_status dcl__read_coordinates(dcl__source *source, dcl__triples *triples, dcl_error *error);

#endif
