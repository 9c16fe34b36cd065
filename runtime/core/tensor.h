/* tensor.h: shapes of tensors, their element types, and conversion between them on the host. */
#ifndef DCL__TENSOR_H
#define DCL__TENSOR_H

#include "core/error.h"

/* Room for the text of any shape. */
enum { DCL__SHAPE_TEXT = 192 };

/* Fills a tensor record (no data). DCL_EINVAL for an unknown dtype, a rank above 8, a dimension below 1,
 * or a byte size beyond 63 bits; `name` names the tensor in the message. */
dcl_status dcl__tensor_init(dcl_tensor *tensor, const char *name, uint32_t dtype, uint32_t rank,
                            const int64_t *dim, dcl_error *error);

/* Writes the product of dim[0..rank) to *count and returns 1. Returns 0, and writes nothing, when a
 * dimension is negative, or when the dimensions that are not zero make so many 8-byte numbers that their
 * bytes do not fit into 63 bits; products of some of the dimensions then need no check of their own. */
int dcl__shape_count(uint32_t rank, const int64_t *dim, int64_t *count);

/* Bytes of one element, and of a whole tensor. */
int64_t dcl__dtype_size(uint32_t dtype);
int64_t dcl__tensor_bytes(const dcl_tensor *tensor);

/* "f32", "f64", "i64"; several are joined by '|'. The text is static. */
const char *dcl__dtype_name(uint32_t dtype);

/* The shape as "3x4", or "scalar", written into text; returns text. */
const char *dcl__shape_text(const dcl_tensor *tensor, char text[DCL__SHAPE_TEXT]);
const char *dcl__dimensions_text(uint32_t rank, const int64_t *dim, char text[DCL__SHAPE_TEXT]);

int dcl__same_shape(const dcl_tensor *a, const dcl_tensor *b);

/* Converts `count` elements; f32 and f64 convert into each other, i64 only into itself. */
void dcl__convert(uint32_t to_type, void *to, uint32_t from_type, const void *from, int64_t count);

#endif
