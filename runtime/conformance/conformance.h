/* conformance.h: checks any op against the contract, from its own table of cases.
 *
 * Modes:
 *   reference    every case on the device equals the op's plain C reference within the case's tolerance;
 *                no kernel writes out of bounds or into its inputs
 *   gradient     the graph that the op's gradient builds equals central differences of the reference
 *   determinism  three runs with different garbage in undefined memory give equal bits
 *   arguments    what the schema or a case refuses is refused with a sentence, and odd shapes do no harm
 *   speed        time of the device beside the reference, on the last case
 */
#ifndef DCL__CONFORMANCE_H
#define DCL__CONFORMANCE_H

#include "core/host.h"

typedef enum dcl__mode {
    DCL__CHECK_REFERENCE, DCL__CHECK_GRADIENT, DCL__CHECK_DETERMINISM, DCL__CHECK_ARGUMENTS, DCL__CHECK_SPEED,
    DCL__MODE_COUNT
} dcl__mode;

typedef enum dcl__verdict {
    DCL__PASSED, DCL__FAILED,
    DCL__NOT_APPLICABLE          /* the op has no reference or gradient, or the device no fp64; text says so */
} dcl__verdict;

/* What was found for one op in one mode. `text` is a sentence: what failed, or figures. */
typedef struct dcl__finding {
    const char *op;
    dcl__mode mode;
    uint32_t dtype;
    dcl__verdict verdict;
    int cases;                   /* how many were run                                                */
    char text[1024];
} dcl__finding;

/* "reference", "gradient", ... */
const char *dcl__mode_name(dcl__mode mode);

/* Checks one op in one mode; what goes wrong with the op is a finding, not an error of this function. The
 * registry must also have the ops sum and multiply (for gradient). */
void dcl__check_op(const dcl_registry *registry, const dcl__op *op, dcl_device *device, uint32_t dtype,
                   dcl__mode mode, dcl__finding *finding);

#endif
