/* differences.h: an op's gradient against central differences of its reference. */
#ifndef DCL__DIFFERENCES_H
#define DCL__DIFFERENCES_H

#include "conformance/case.h"

/* Builds a graph with the op, an objective (a random weighted sum of its outputs) and its gradient, runs it
 * on the device, and compares up to 12 elements of every input's gradient with central differences of the
 * reference in double precision (of the device in f64 where there is no reference). DCL_EPLUGIN names the
 * element that differs. */
dcl_status dcl__check_differences(const dcl_registry *registry, const dcl__trial_case *made, dcl_device *device,
                                  uint32_t dtype, dcl_error *error);

#endif
