/* random.c: see random.h. */
#include "random.h"

#include <assert.h>

static uint64_t splitmix64(uint64_t *x) {
    uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k) {
    return (x << k) | (x >> (64 - k));
}

void neap_random_seed(neap_random *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) r->s[i] = splitmix64(&seed);
}

uint64_t neap_random_next(neap_random *r) {
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double neap_random_real(neap_random *r) {
    return (double)(neap_random_next(r) >> 11) * 0x1.0p-53;
}

uint64_t neap_random_below(neap_random *r, uint64_t n) {
    uint64_t x, skip;
    assert(n > 0);
    skip = (UINT64_MAX - n + 1) % n; /* 2^64 mod n: the lowest values would come once too often */
    do x = neap_random_next(r);
    while (x < skip);
    return x % n;
}
