/* buffer.h: device memory: allocated and counted, copied to and from the host. */
#ifndef DCL__BUFFER_H
#define DCL__BUFFER_H

#include "core/device.h"

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

#endif
