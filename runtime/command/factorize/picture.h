/* picture.h: the picture of a factorization. */
#ifndef DCL__PICTURE_H
#define DCL__PICTURE_H

#include "dropcl/dropcl.h"

/* Singular values below this part of the largest are drawn on the lower edge: rounding, and what a descent leaves of
 * units that go, would stretch the logarithmic axis. */
#define DCL__LEAST_VALUE 1e-4

/* Draws objective and gap over steps, the singular values of Y, of U V' and of the optimum, and the products
 * of norms of all units, as SVG and PNG. `title` names the run. */
dcl_status dcl__picture_write(const char *svg_file, const char *png_file, const char *title,
                              const dcl_factorize_result *result, dcl_error *error);

#endif
