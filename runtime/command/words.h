/* words.h: what reports call the constants of the library. */
#ifndef DCL__WORDS_H
#define DCL__WORDS_H

#include "dropcl/dropcl.h"

/* DCL_CERTIFIED, ...: "certified", "converged" or "stopped". */
const char *dcl__status_name(int status);
/* The same behind a gap that a certificate proves: "certified", "not certified, converged", ... */
const char *dcl__verdict(int status);

/* DCL_PROOF_...: "rigorous", "probable", "none" or "closed form". */
const char *dcl__proof_name(int proof);

/* How far the lower bound of a certificate can be trusted, in a sentence. */
typedef struct dcl__sentence {
    char text[160];
} dcl__sentence;
dcl__sentence dcl__proof_sentence(const dcl_certificate *certificate);

/* "at most ", where a polar that no formula gives is only bounded; else "". */
const char *dcl__polar_word(const dcl_certificate *certificate);

/* "unit" after 1, else "units". */
const char *dcl__units_name(int64_t count);

#endif
