/* streams.h: which random numbers are whose. */
#ifndef DCL__STREAMS_H
#define DCL__STREAMS_H

#include <stdint.h>

/* Masks are keyed by 32 bits of the step: no two steps of a run share them, nor does a step share them with what
 * dcl__average_losses draws. */
static const int64_t DCL__MOST_STEPS = (int64_t)1 << 30;

/* Streams of random numbers: one use, one stream. */
enum {
    DCL__STREAM_U = 1,
    DCL__STREAM_V = 2,
    DCL__STREAM_MASK = 3,
    DCL__STREAM_BATCH = 4,
    DCL__STREAM_MASK_RIGHT = 5,
    DCL__STREAM_HOLDOUT = 6,
    DCL__STREAM_LANCZOS = 7,
    DCL__STREAM_WEIGHTS = 16,    /* and the number of the layer */
    DCL__STREAM_LAYER = 64       /* and the number of the layer */
};

#endif
