/* device_list.h: the devices of all OpenCL platforms, with their handles. */
#ifndef DCL__DEVICE_LIST_H
#define DCL__DEVICE_LIST_H

#include "core/opencl.h"

enum { DCL__MOST_LISTED = 128 };

typedef struct dcl__listed {
    cl_platform_id platform;
    cl_device_id id;
    dcl_device_info info;
} dcl__listed;

/* Fills list (room for DCL__MOST_LISTED) in the order of `clinfo -l`. DCL_ENODEVICE when there is none. */
dcl_status dcl__list_devices(dcl__listed *list, size_t *count, dcl_error *error);

#endif
