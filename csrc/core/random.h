/* random.h: the runtime's one source of randomness: xoshiro256** seeded through splitmix64
 * (Blackman and Vigna, public domain). Not for secrets. Same seed, same numbers: a run can be
 * repeated. */
#ifndef NEAP_CORE_RANDOM_H
#define NEAP_CORE_RANDOM_H

#include <stdint.h>

/* State of one generator; plain memory. All zero is not valid: seed it first. */
typedef struct neap_random {
    uint64_t s[4];
} neap_random;

/* Makes the sequence that belongs to `seed`; every value is good, 0 too. */
void neap_random_seed(neap_random *, uint64_t seed);
/* Gets the next 64 bits. */
uint64_t neap_random_next(neap_random *);
/* Gets a number in [0, 1), 53 bits fine. */
double neap_random_real(neap_random *);
/* Gets an integer in [0, n), every one equally likely; n > 0. */
uint64_t neap_random_below(neap_random *, uint64_t n);

#endif
