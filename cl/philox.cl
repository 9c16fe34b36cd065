/* philox.cl: the counter-based generator on the device; the host puts it before every op's source.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), bit for bit what runtime/core/random.c computes.
 * Products are of long integers: drivers for CPUs compute mul_hi from pieces of 16 bits.
 * key: (seed low, seed high, step, stream). The same key and index give the same four words everywhere.
 */
uint4 dcl_philox(uint4 key, ulong index)
{
    uint a = (uint)index, b = (uint)(index >> 32), c = key.z, d = key.w, k = key.x, l = key.y;
    for (int i = 0; i < 10; i++) {
        const ulong first = (ulong)0xD2511F53u * a, second = (ulong)0xCD9E8D57u * c;
        a = (uint)(second >> 32) ^ b ^ k;
        b = (uint)second;
        c = (uint)(first >> 32) ^ d ^ l;
        d = (uint)first;
        k += 0x9E3779B9u;
        l += 0xBB67AE85u;
    }
    return (uint4)(a, b, c, d);
}
