/* device.h: an open OpenCL device: context, queue, counters, and what is cached for it. */
#ifndef DCL__DEVICE_H
#define DCL__DEVICE_H

#include "core/opencl.h"

typedef struct dcl__program dcl__program;
typedef struct dcl__gemm dcl__gemm;

struct dcl_device {
    dcl_device_info info;
    char reason[128];
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;
    dcl_device_counts counts;
    dcl__program *programs;      /* program.c's list, newest first                                   */
    dcl__gemm *gemm;             /* blas.c's state, NULL before the first product                    */
    dcl_log_function log;
    void *log_user;
};

/* Sends a formatted line to the device's log function, if it has one. */
__attribute__((format(printf, 3, 4)))
void dcl__log(const dcl_device *device, uint32_t level, const char *format, ...);

#endif
