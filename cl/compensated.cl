/* compensated.cl: sums that keep what rounding takes from them, as losses are added up.
 *
 * A sum is a pair: the sum itself, and what rounding has lost from it. Products must not melt with additions, here or
 * where terms are made: so a loss has the same bits whichever kernel adds it up.
 */
#pragma OPENCL FP_CONTRACT OFF

/* sum + term; adds to *lost what the rounding of this addition loses (two-sum, Knuth 1969). `number` is real or a
 * vector of them. */
#define ADD_COMPENSATED(name, number)                                                                          \
    static inline number name(const number sum, const number term, number *lost)                               \
    {                                                                                                          \
        const number next = sum + term, part = next - sum;                                                     \
        *lost += (sum - (next - part)) + (term - part);                                                        \
        return next;                                                                                           \
    }
ADD_COMPENSATED(add_compensated, real)

/* Adds the pairs first..last - 1. */
real add_pairs(__global const real *pairs, const long first, const long last, real *lost)
{
    real sum = R(0.0);
    for (long i = first; i < last; i++) {
        sum = add_compensated(sum, pairs[2 * i], lost);
        *lost += pairs[2 * i + 1];
    }
    return sum;
}
