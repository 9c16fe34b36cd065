/* philox.cl: the counter-based generator on the device; the host puts it before every op's source.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011), bit for bit what runtime/core/random.c computes.
 * key: (seed low, seed high, step, stream). The same key and index give the same four words everywhere.
 */
uint4 dcl_philox(uint4 key, ulong index)
{
    uint4 c = (uint4)((uint)index, (uint)(index >> 32), key.z, key.w);
    uint2 k = key.xy;
    for (int i = 0; i < 10; i++) {
        uint high0 = mul_hi(0xD2511F53u, c.x), low0 = 0xD2511F53u * c.x;
        uint high1 = mul_hi(0xCD9E8D57u, c.z), low1 = 0xCD9E8D57u * c.z;
        c = (uint4)(high1 ^ c.y ^ k.x, low1, high0 ^ c.w ^ k.y, low0);
        k += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}
