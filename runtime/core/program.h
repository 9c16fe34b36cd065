/* program.h: kernels by name: built on first use, kept in memory, and cached on disk. */
#ifndef DCL__PROGRAM_H
#define DCL__PROGRAM_H

#include "core/device.h"

/* What a kernel is built from. */
typedef struct dcl__build {
    const char *owner;           /* the op, for messages                                             */
    const char *source;          /* static text: compared by address                                 */
    uint32_t real;               /* DCL_F32 or DCL_F64                                                */
    const char *defines;         /* "NAME=number NAME=number", or NULL                               */
} dcl__build;

/* The kernel of a name, owned by the device until it is closed. Options are -D only, so that OpenCL C 1.2
 * compilers all take them. DCL_EBUILD has the compiler's log, the options, device and driver. */
dcl_status dcl__kernel(dcl_device *device, const dcl__build *build, const char *name, cl_kernel *kernel,
                       dcl_error *error);

/* Enqueues a kernel whose arguments are set: `local` NULL chooses a size that the kernel and device allow;
 * global sizes are rounded up to whole groups. */
dcl_status dcl__enqueue(dcl_device *device, cl_kernel kernel, const char *name, uint32_t dims,
                        const uint64_t *global, const uint64_t *local, dcl_error *error);

/* Frees all programs and their kernels; release first saves those that were built from source. No kernel may be
 * in use; discard is for programs that were only tried. */
void dcl__programs_release(dcl_device *device);
void dcl__programs_discard(dcl_device *device);

#endif
