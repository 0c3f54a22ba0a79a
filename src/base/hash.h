/*
 * Hashes. XXH3 for tables, dedup and fingerprints (fast, stable across versions and machines, not
 * for secrets), CRC32C for stored records, SHA-256 and HMAC for keys and pseudonyms.
 */
#ifndef HS_BASE_HASH_H
#define HS_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct hs_hash128 {
    uint64_t lo, hi;
};

/* XXH3, seed 0. @thread any */
uint64_t hs_hash64(struct hs_str s);
struct hs_hash128 hs_hash128(struct hs_str s);
/* Both with a seed, e.g. a tenant's hash, so that equal ids of two tenants differ. */
uint64_t hs_hash64_seed(struct hs_str s, uint64_t seed);
struct hs_hash128 hs_hash128_seed(struct hs_str s, uint64_t seed);

/* CRC32C (Castagnoli), the one of SSE4.2, iSCSI and Kafka; crc is 0 at the start and the former
 * result when the data comes in pieces. @thread any */
uint32_t hs_crc32c(uint32_t crc, const void *p, size_t n);

enum { HS_SHA256_BYTES = 32 };
void hs_sha256(struct hs_str s, unsigned char out[HS_SHA256_BYTES]);
void hs_hmac_sha256(struct hs_str key, struct hs_str s, unsigned char out[HS_SHA256_BYTES]);
/* Takes the same time wherever they differ. */
bool hs_equal_secret(const void *a, const void *b, size_t n);
/* Keyed 128-bit hash for many short strings (SipHash-2-4): pseudonyms. */
void hs_siphash128(const unsigned char key[16], struct hs_str s, unsigned char out[16]);

#endif
