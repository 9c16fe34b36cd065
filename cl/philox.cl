/* philox.cl: the counter-based generator on the device; the host puts it before every op's source.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), bit for bit what runtime/core/random.c computes.
 * Products are of long integers: drivers for CPUs compute mul_hi from pieces of 16 bits.
 * key: (seed low, seed high, step, stream). The same key and index give the same four words everywhere.
 */

/* Ten rounds on the words c0 to c3 of counters, with keys k0 and k1: variables of type `word`, uint or a vector of
 * them; `wide` is that of ulong. */
#define DCL_PHILOX_ROUNDS(word, wide, c0, c1, c2, c3, k0, k1)                             \
    for (int i_ = 0; i_ < 10; i_++) {                                                     \
        const wide product0_ = convert_##wide(c0) * (wide)(0xD2511F53u);                  \
        const wide product1_ = convert_##wide(c2) * (wide)(0xCD9E8D57u);                  \
        c0 = convert_##word(product1_ >> 32) ^ c1 ^ k0;                                   \
        c1 = convert_##word(product1_);                                                   \
        c2 = convert_##word(product0_ >> 32) ^ c3 ^ k1;                                   \
        c3 = convert_##word(product0_);                                                   \
        k0 += (word)(0x9E3779B9u);                                                        \
        k1 += (word)(0xBB67AE85u);                                                        \
    }

uint4 dcl_philox(uint4 key, ulong index)
{
    uint c0 = (uint)index, c1 = (uint)(index >> 32), c2 = key.z, c3 = key.w, k0 = key.x, k1 = key.y;
    DCL_PHILOX_ROUNDS(uint, ulong, c0, c1, c2, c3, k0, k1)
    return (uint4)(c0, c1, c2, c3);
}
