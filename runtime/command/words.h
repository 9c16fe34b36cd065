/* words.h: what reports call the constants of the library. */
#ifndef DCL__WORDS_H
#define DCL__WORDS_H

#include <stdint.h>

/* DCL_CERTIFIED, ...: "certified", "converged" or "stopped". */
const char *dcl__status_name(int status);

/* DCL_PROOF_...: "rigorous", "probable" or "none". */
const char *dcl__proof_name(int proof);

/* "unit" after 1, else "units". */
const char *dcl__units_name(int64_t count);

#endif
