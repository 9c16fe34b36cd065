/* idx.h: the IDX format, in which MNIST and its relatives come.
 *
 * A file is: two zero bytes, the type (8 u1, 9 i1, 11 i2, 12 i4, 13 f4, 14 f8), the rank, a 32-bit size for
 * each dimension, then the numbers, row-major; everything big-endian. Rank 1 (labels) and 2 are read as
 * they are; each image of a rank 3 or higher file becomes one row: n x h x w is read as n x (h w).
 */
#ifndef DCL__IDX_H
#define DCL__IDX_H

#include "formats/reader.h"

extern const dcl__reader dcl__idx_reader;

#endif
