/* limits.h: what a device can do at most, measured: arithmetic, memory traffic, and launching a kernel.
 *
 * The arithmetic limit is that of a kernel that only multiplies and adds in registers, the limit of memory that
 * of a kernel that only reads or copies an array larger than the caches; each the best of several vector widths.
 */
#ifndef DCL__LIMITS_H
#define DCL__LIMITS_H

#include "benchmark/compare.h"

typedef struct dcl__limits {
    uint32_t dtype;
    double flops;                /* a second; a multiplication with an addition counts as two        */
    double bytes;                /* a second, read or written                                        */
    double launch;               /* seconds to enqueue an empty kernel and wait for it               */
    char arithmetic[32], streaming[32];      /* which kernels these were                             */
} dcl__limits;

/* Measures them, `repeats` times each, of which the best counts; also better than what *limits has from before,
 * which must be zero at first. */
dcl_status dcl__limits_measure(dcl_device *device, uint32_t dtype, int repeats, const dcl__watch *watch,
                               dcl__limits *limits, dcl_error *error);

/* The least seconds for so much arithmetic and traffic; *binding says which of the two takes them:
 * "arithmetic" or "bandwidth". */
double dcl__limits_seconds(const dcl__limits *limits, double flops, double bytes, const char **binding);

/* Enqueues so many empty kernels with a group for each compute unit. */
dcl_status dcl__enqueue_nothing(dcl_device *device, uint32_t dtype, int64_t launches, dcl_error *error);

#endif
