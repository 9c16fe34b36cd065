/* words.c: what reports call the constants of the library. */
#include "command/words.h"

#include <stdio.h>

const char *dcl__status_name(int status)
{
    static const char *const names[] = {"", "certified", "converged", "stopped"};
    return names[status];
}

const char *dcl__verdict(int status)
{
    static const char *const verdicts[] = {"", "certified", "not certified, converged", "not certified, stopped"};
    return verdicts[status];
}

const char *dcl__proof_name(int proof)
{
    static const char *const names[] = {"", "rigorous", "probable", "none", "closed form"};
    return names[proof];
}

dcl__sentence dcl__proof_sentence(const dcl_certificate *c)
{
    static const char *const truths[] = {
        "", "the lower bound is true, rounding included", "the lower bound is true but for a probability of",
        "there is no lower bound for this penalty and loss",
        "the lower bound is a closed form, in which LAPACK's rounding is estimated"};
    dcl__sentence sentence;
    char chance[60] = "";
    if (c->proof == DCL_PROOF_PROBABLE)
        snprintf(chance, sizeof chance, " %.0e over random starts", c->failure);
    snprintf(sentence.text, sizeof sentence.text, "%s%s%s", truths[c->proof], chance,
             c->exact ? "" : "; the gap need not close at the optimum");
    return sentence;
}

const char *dcl__polar_word(const dcl_certificate *c)
{
    return c->exact ? "" : "at most ";
}

const char *dcl__units_name(int64_t count)
{
    return count == 1 ? "unit" : "units";
}
