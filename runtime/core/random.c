/* random.c: the counter-based generator on the host. */
#include "core/random.h"

#include <math.h>

void dcl__philox(const uint32_t key[4], uint64_t index, uint32_t words[4])
{
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = key[2], c3 = key[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

void dcl_random_words(uint64_t seed, uint32_t step, uint32_t stream, uint64_t index, uint32_t words[4])
{
    const uint32_t key[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), step, stream};
    dcl__philox(key, index, words);
}

/* The two normal numbers of Box and Muller (1958) from two words each: 53 bits are enough for both. */
static void normal_pair(const uint32_t words[4], double pair[2])
{
    double radius = ((double)words[0] + 1 + words[1] * 0x1p-32) * 0x1p-32;
    double angle = 6.283185307179586477 * ((double)words[2] + words[3] * 0x1p-32) * 0x1p-32;
    double length = sqrt(-2 * log(radius < 1 ? radius : 1));
    pair[0] = length * cos(angle);
    pair[1] = length * sin(angle);
}

void dcl__random_normal(uint64_t seed, dcl_initial initial, uint32_t dtype, void *data, int64_t count)
{
    double pair[2] = {0, 0};
    for (int64_t i = 0; i < count; i++) {
        if (initial.deviation != 0 && i % 2 == 0) {
            uint32_t words[4];
            dcl_random_words(seed, 0, initial.stream, (uint64_t)i / 2, words);
            normal_pair(words, pair);
        }
        double number = initial.fill + initial.deviation * pair[i % 2];
        if (dtype == DCL_F32)
            ((float *)data)[i] = (float)number;
        else
            ((double *)data)[i] = number;
    }
}
