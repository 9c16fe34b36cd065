/* csv.h: tables of numbers as text: CSV and its relatives.
 *
 * One row a line. Fields are separated by tabs, semicolons, commas or blanks: the first of these, in this
 * order, that the first line holds. The first line is a header when none of its fields is a number or begins as one;
 * what has words beside numbers there is refused, for it may be a row with a slip. Where the first field of a header is
 * empty, the first column is an index, as pandas writes it, and is left out; its other fields may then also count the
 * columns: 0, 1, 2, ... Fields may be quoted ("1.5"). An empty field, NaN or NA is a missing entry, NaN in the array;
 * rows of one field cannot be left empty. Lines that begin with '#' are comments, blank lines may stand before and
 * after the table. Decimal points, no decimal commas. The result has rank 2.
 */
#ifndef DCL__CSV_H
#define DCL__CSV_H

#include "formats/reader.h"

extern const dcl__reader dcl__csv_reader;

#endif
