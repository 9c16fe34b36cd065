/* rotation.h: the rotation under which all units of an arbitrary pair of factors weigh the same.
 *
 * That there is one follows from the theorem of Kakutani, Yamabe and Yujobo (1942, 1950) for the even function
 * |Ux| |Vx| on the sphere.
 */
#ifndef DROPCL_OPS_ROTATION_H
#define DROPCL_OPS_ROTATION_H

#include "dropcl/op.h"

/* R, width x width and orthogonal, such that all |U R e_i| |V R e_i| are equal but for rounding; the caller frees it.
 * factor[0] is U, rows[0] x width, factor[1] is V. Fails the call with DCL_ENUMERIC where none is found. */
dcl_status dcl__find_rotation(const dcl_host *host, dcl_call *call, double *const factor[2], const int64_t rows[2],
                              int64_t width, double **rotation);

#endif
