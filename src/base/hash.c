#define XXH_INLINE_ALL
#include "base/hash.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <xxhash.h>

#include "base/mem.h"

uint64_t hs_hash64(struct hs_str s)
{
    return XXH3_64bits(s.p, s.n);
}

uint64_t hs_hash64_seed(struct hs_str s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.p, s.n, seed);
}

struct hs_hash128 hs_hash128(struct hs_str s)
{
    XXH128_hash_t h = XXH3_128bits(s.p, s.n);

    return (struct hs_hash128){.lo = h.low64, .hi = h.high64};
}

struct hs_hash128 hs_hash128_seed(struct hs_str s, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(s.p, s.n, seed);

    return (struct hs_hash128){.lo = h.low64, .hi = h.high64};
}

/* Reflected polynomial of CRC32C. */
#define CRC32C_POLY 0x82F63B78U

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;

static void crc_table_fill(void)
{
    uint32_t i;
    int bit;

    for (i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? CRC32C_POLY : 0);
        crc_table[i] = crc;
    }
}

static uint32_t crc32c_table(uint32_t crc, const unsigned char *p, size_t n)
{
    pthread_once(&crc_once, crc_table_fill);
    while (n-- > 0)
        crc = crc >> 8 ^ crc_table[(crc ^ *p++) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const unsigned char *p,
                                                               size_t n)
{
    uint64_t wide = crc;

    while (n >= 8) {
        uint64_t word;

        memcpy(&word, p, sizeof(word));
        wide = __builtin_ia32_crc32di(wide, word);
        p += 8;
        n -= 8;
    }
    crc = (uint32_t)wide;
    while (n-- > 0)
        crc = __builtin_ia32_crc32qi(crc, *p++);
    return crc;
}
#endif

uint32_t hs_crc32c(uint32_t crc, const void *p, size_t n)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc32c_sse42(crc, p, n);
#endif
    return ~crc32c_table(crc, p, n);
}

void hs_sha256(struct hs_str s, unsigned char out[HS_SHA256_BYTES])
{
    int ok = EVP_Digest(s.p, s.n, out, NULL, EVP_sha256(), NULL);

    HS_ASSERT(ok == 1);
}

void hs_hmac_sha256(struct hs_str key, struct hs_str s, unsigned char out[HS_SHA256_BYTES])
{
    unsigned len = HS_SHA256_BYTES;
    const unsigned char *ok;

    ok = HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)s.p, s.n, out, &len);
    HS_ASSERT(ok != NULL);
}

bool hs_equal_secret(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

static uint64_t load64(const unsigned char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

static void store64(unsigned char *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

static uint64_t rotl(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

static inline void sip_rounds(uint64_t v[4], int rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[0] = rotl(v[0], 32);
        v[2] += v[3];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[2] = rotl(v[2], 32);
    }
}

static uint64_t sip_absorb(uint64_t v[4], struct hs_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned char last[8] = {0};
    uint64_t word;
    size_t i;

    for (i = 0; i + 8 <= s.n; i += 8) {
        word = load64(p + i);
        v[3] ^= word;
        sip_rounds(v, 2);
        v[0] ^= word;
    }
    if (s.n > i)
        memcpy(last, p + i, s.n - i);
    last[7] = (unsigned char)s.n;
    return load64(last);
}

/* SipHash-2-4 with 128-bit output; J.-P. Aumasson and D. J. Bernstein, 2012. */
void hs_siphash128(const unsigned char key[16], struct hs_str s, unsigned char out[16])
{
    uint64_t k0 = load64(key);
    uint64_t k1 = load64(key + 8);
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL ^ 0xee,
                     k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL};
    uint64_t last = sip_absorb(v, s);
    uint64_t half;

    v[3] ^= last;
    sip_rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xee;
    sip_rounds(v, 4);
    half = v[0] ^ v[1] ^ v[2] ^ v[3];
    store64(out, half);
    v[1] ^= 0xdd;
    sip_rounds(v, 4);
    half = v[0] ^ v[1] ^ v[2] ^ v[3];
    store64(out + 8, half);
}
