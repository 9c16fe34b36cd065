/* picture.h: the picture of a factorization. */
#ifndef DCL__PICTURE_H
#define DCL__PICTURE_H

#include "dropcl/dropcl.h"

/* Draws objective and gap over steps, the singular values of Y, of U V' and of the optimum, and the products
 * of norms of all units, as SVG and PNG. `title` names the run. */
dcl_status dcl__picture_write(const char *svg_file, const char *png_file, const char *title,
                              const dcl_factorize_result *result, dcl_error *error);

#endif
