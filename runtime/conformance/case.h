/* case.h: a test case of an op made concrete: shapes, attributes and input data. */
#ifndef DCL__CASE_H
#define DCL__CASE_H

#include "core/host.h"

/* One case, with its inputs in double precision (i64 inputs hold whole numbers). */
typedef struct dcl__trial_case {
    const dcl__op *op;
    const dcl_case *record;
    dcl_setting *settings;       /* resolved; NULL when the case is refused before infer             */
    uint32_t input_count;
    uint32_t dtypes[DCL_MAX_PORTS];            /* DCL_REAL or DCL_I64; 0: left out                   */
    uint32_t ranks[DCL_MAX_PORTS];
    int64_t dims[DCL_MAX_PORTS][DCL_MAX_RANK];
    int64_t counts[DCL_MAX_PORTS];
    double *data[DCL_MAX_PORTS];
    int pattern;                 /* the input where a pattern of entries begins; -1: none            */
} dcl__trial_case;

/* Reads the case's text and draws its inputs from the seed. DCL_EPLUGIN names what is wrong in the text;
 * DCL_EGRAPH when the attributes are refused by the schema. Free with dcl__case_free, also on failure. */
dcl_status dcl__case_make(const dcl__op *op, const dcl_case *record, uint64_t seed, dcl__trial_case *made,
                          dcl_error *error);
void dcl__case_free(dcl__trial_case *made);

/* Infers the case for a real type: fills a call with input tensors, output tensors and scratch sizes. */
dcl_status dcl__case_infer(const dcl__trial_case *made, uint32_t real, dcl_call *call, dcl_error *error);

#endif
