#include "base/rand.h"

#include <errno.h>
#include <math.h>
#include <sys/random.h>

#include "base/mem.h"

void hs_rand_secret(void *out, size_t n)
{
    unsigned char *p = out;

    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);

        HS_ASSERT(got > 0 || errno == EINTR);
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

/* splitmix64, as the authors of xoshiro advise for seeding. */
static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15ULL);

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
    return z ^ z >> 31;
}

void hs_rand_init(struct hs_rand *rand, uint64_t seed)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rand->s); i++)
        rand->s[i] = splitmix(&seed);
}

static uint64_t rotl(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

uint64_t hs_rand_u64(struct hs_rand *rand)
{
    uint64_t *s = rand->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t hs_rand_below(struct hs_rand *rand, uint64_t n)
{
    uint64_t limit;
    uint64_t v;

    HS_ASSERT(n > 0);
    limit = UINT64_MAX - UINT64_MAX % n;
    do {
        v = hs_rand_u64(rand);
    } while (v >= limit);
    return v % n;
}

double hs_rand_double(struct hs_rand *rand)
{
    return (double)(hs_rand_u64(rand) >> 11) * 0x1.0p-53;
}

double hs_rand_normal(struct hs_rand *rand)
{
    double u = 1.0 - hs_rand_double(rand); /* never 0 */

    return sqrt(-2.0 * log(u)) * cos(2.0 * 3.14159265358979323846 * hs_rand_double(rand));
}

void hs_uuid7(int64_t wall_ns, char out[HS_UUID_TEXT])
{
    static _Thread_local struct hs_rand rand;
    static _Thread_local int seeded;
    unsigned char b[16];
    uint64_t ms = (uint64_t)(wall_ns / HS_NS_PER_MS);
    uint64_t r[2];
    char hex[32];
    int i;

    if (!seeded) {
        hs_rand_secret(rand.s, sizeof(rand.s));
        seeded = 1;
    }
    r[0] = hs_rand_u64(&rand);
    r[1] = hs_rand_u64(&rand);
    memcpy(b, r, sizeof(b));
    for (i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (8 * (5 - i)));
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0F));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
    hs_hex_encode(b, sizeof(b), hex);
    memcpy(out, hex, 8);
    out[8] = '-';
    memcpy(out + 9, hex + 8, 4);
    out[13] = '-';
    memcpy(out + 14, hex + 12, 4);
    out[18] = '-';
    memcpy(out + 19, hex + 16, 4);
    out[23] = '-';
    memcpy(out + 24, hex + 20, 12);
}
