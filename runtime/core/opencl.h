/* opencl.h: the one place where OpenCL calls are checked. */
#ifndef DCL__OPENCL_H
#define DCL__OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include "core/error.h"

/* The symbolic name of an OpenCL or CLBlast status: "CL_OUT_OF_RESOURCES"; "unknown code" otherwise. */
const char *dcl__cl_name(int code);

/* DCL_OK when code is CL_SUCCESS. Otherwise DCL_EDEVICE and the sentence
 * "CALL failed with NAME (CODE) while WHAT", where WHAT is formatted. */
__attribute__((format(printf, 4, 5)))
dcl_status dcl__cl_check(dcl_error *error, int code, const char *call, const char *what, ...);

#endif
