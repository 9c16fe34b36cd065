/* dense.h: room for dense matrices on the host, and what LAPACK says of them. */
#ifndef DCL__DENSE_H
#define DCL__DENSE_H

#include "dropcl/dropcl.h"

/* Room for rows x columns numbers, all 0; free it with free(). NULL after DCL_ENOMEM, which says what it was for. */
double *dcl__doubles(int64_t rows, int64_t columns, const char *what, dcl_error *error);

/* The status of a call of LAPACKE that returned `info`; `what` was factored. */
dcl_status dcl__lapack(int64_t info, const char *what, dcl_error *error);

#endif
