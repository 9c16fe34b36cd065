/* trial.h: runs a case on a device inside guarded buffers, or by the op's reference on the host. */
#ifndef DCL__TRIAL_H
#define DCL__TRIAL_H

#include "conformance/case.h"

/* What came out, in double precision. */
typedef struct dcl__outcome {
    uint32_t count;
    dcl_tensor tensors[DCL_MAX_PORTS];
    double *data[DCL_MAX_PORTS];
    double seconds;
} dcl__outcome;

/* Runs the case on the device. Every buffer lies between two guards, and undefined memory is filled with
 * `garbage`; a kernel that writes into a guard, or into an input, fails with DCL_EPLUGIN. */
dcl_status dcl__trial_device(const dcl__trial_case *made, dcl_device *device, uint32_t real, uint8_t garbage,
                             dcl__outcome *outcome, dcl_error *error);

/* Runs the op's reference. */
dcl_status dcl__trial_reference(const dcl__trial_case *made, uint32_t real, dcl__outcome *outcome,
                                dcl_error *error);

void dcl__outcome_free(dcl__outcome *outcome);

#endif
