/* random.h: the counter-based generator on the host. */
#ifndef DCL__RANDOM_H
#define DCL__RANDOM_H

#include "core/error.h"

/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011) with the
 * key (seed low, seed high, step, stream) that host->key fills: words for one index. [any-thread] */
void dcl__philox(const uint32_t key[4], uint64_t index, uint32_t words[4]);

/* Fills `count` elements of dtype f32 or f64 with fill + deviation * standard normal numbers (Box-Muller in
 * double precision), drawn from a stream of the seed at step 0. */
void dcl__random_normal(uint64_t seed, dcl_initial initial, uint32_t dtype, void *data, int64_t count);

#endif
