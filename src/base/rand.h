/*
 * Randomness: secrets from the kernel, and a small seeded generator (xoshiro256**) for jitter,
 * simulation and tests. UUIDs are version 7: 48 bits of Unix milliseconds, then random bits.
 */
#ifndef HS_BASE_RAND_H
#define HS_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

/* From getrandom(2); aborts when the kernel has none. @thread any */
void hs_rand_secret(void *out, size_t n);

struct hs_rand {
    uint64_t s[4];
};

/* Equal seeds give equal sequences on every machine. */
void hs_rand_init(struct hs_rand *rand, uint64_t seed);
uint64_t hs_rand_u64(struct hs_rand *rand);
/* Uniform in [0, n), n > 0; without modulo bias. */
uint64_t hs_rand_below(struct hs_rand *rand, uint64_t n);
/* Uniform in [0, 1). */
double hs_rand_double(struct hs_rand *rand);
/* Normal with mean 0 and deviation 1 (Box–Muller, one value a call). */
double hs_rand_normal(struct hs_rand *rand);

enum { HS_UUID_TEXT = 36 };
/* Lower-case text form without NUL. Random bits come from a per-thread generator seeded by the
 * kernel: unique, not secret. @thread any */
void hs_uuid7(int64_t wall_ns, char out[HS_UUID_TEXT]);

#endif
