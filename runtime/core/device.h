/* device.h: an open OpenCL device: context, queue, buffers, counters, and what is cached for it. */
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

/* Whether a buffer of that size can exist; the sentence has both sizes. */
dcl_status dcl__buffer_check(const dcl_device *device, const char *name, int64_t bytes, dcl_error *error);

/* Device memory, counted. `name` names the tensor in messages. Free with dcl__buffer_release; NULL is
 * allowed there. */
dcl_status dcl__buffer_create(dcl_device *device, const char *name, int64_t bytes, cl_mem *buffer,
                              dcl_error *error);
void dcl__buffer_release(dcl_device *device, cl_mem buffer);

/* Copies between host and device and waits; converts f32 <-> f64 in pieces where the types differ. */
dcl_status dcl__buffer_write(dcl_device *device, cl_mem buffer, const dcl_tensor *tensor, uint32_t dtype,
                             const void *data, dcl_error *error);
dcl_status dcl__buffer_read(dcl_device *device, cl_mem buffer, const dcl_tensor *tensor, uint32_t dtype,
                            void *data, dcl_error *error);

/* Sends a formatted line to the device's log function, if it has one. */
__attribute__((format(printf, 3, 4)))
void dcl__log(const dcl_device *device, uint32_t level, const char *format, ...);

#endif
