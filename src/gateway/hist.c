#include "gateway/hist.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/reader.h"

enum { ENTRY_BYTES = 10, SIGN = 0x8000, PLACE_MAX = HS_HIST_PLACES - 1 };

void hs_hist_init(struct hs_hist *hist)
{
    *hist = (struct hs_hist){.weight = hs_xcalloc(HS_HIST_PLACES, sizeof(*hist->weight)),
                             .from = HS_HIST_WORDS};
}

void hs_hist_fini(struct hs_hist *hist)
{
    hs_free(hist->weight);
    hist->weight = NULL;
}

/* The place of the lowest bit of *bits, which belong to a word; takes the bit off. */
static size_t next_place(size_t word, uint64_t *bits)
{
    size_t place = word * 64 + (size_t)__builtin_ctzll(*bits);

    *bits &= *bits - 1;
    return place;
}

void hs_hist_reset(struct hs_hist *hist)
{
    size_t word;

    for (word = hist->from; word < hist->to; word++) {
        while (hist->taken[word] != 0)
            hist->weight[next_place(word, &hist->taken[word])] = 0;
    }
    hist->total = 0;
    hist->from = HS_HIST_WORDS;
    hist->to = 0;
}

static void add(struct hs_hist *hist, size_t place, uint64_t weight)
{
    size_t word = place / 64;

    hist->weight[place] += weight;
    hist->taken[word] |= (uint64_t)1 << place % 64;
    hist->total += weight;
    hist->from = HS_MIN(hist->from, word);
    hist->to = HS_MAX(hist->to, word + 1);
}

/* Negative floats order the other way round, and before the others. */
static size_t place_of(unsigned bits)
{
    return bits & SIGN ? (size_t)(~bits & PLACE_MAX) : (size_t)(bits | SIGN);
}

static double value_at(size_t place)
{
    uint32_t bits = (uint32_t)(place & SIGN ? place & ~(size_t)SIGN : ~place & PLACE_MAX) << 16;
    float value;

    memcpy(&value, &bits, sizeof(value));
    return (double)value;
}

int hs_hist_add_state(struct hs_hist *hist, struct hs_str state, struct hs_err *err)
{
    struct hs_reader reader = hs_reader_of(state);
    uint64_t n = hs_reader_varint(&reader);
    size_t left = (size_t)(reader.end - reader.p);
    const unsigned char *p;

    if (!hs_reader_ok(&reader) || n != left / ENTRY_BYTES || left % ENTRY_BYTES != 0)
        return hs_err_set(err, HS_ECORRUPT, 0, "a state of %zu bytes does not hold its values",
                          state.n);
    for (p = reader.p; p < reader.end; p += ENTRY_BYTES) {
        uint64_t weight;

        memcpy(&weight, p + 2, sizeof(weight));
        add(hist, place_of(p[0] | (unsigned)p[1] << 8), weight);
    }
    return HS_OK;
}

void hs_hist_add(struct hs_hist *hist, const struct hs_hist *other)
{
    size_t word;

    for (word = other->from; word < other->to; word++) {
        uint64_t bits = other->taken[word];

        while (bits != 0) {
            size_t place = next_place(word, &bits);

            add(hist, place, other->weight[place]);
        }
    }
}

bool hs_hist_quantiles(const struct hs_hist *hist, const double *levels, size_t n, double *out)
{
    uint64_t bits = 0;
    uint64_t below = 0; /* weight up to and with the place */
    size_t word = hist->from;
    size_t place = 0;
    size_t i;

    if (hist->total == 0)
        return false;
    for (i = 0; i < n; i++) {
        uint64_t rank = HS_MIN((uint64_t)ceil(levels[i] * (double)hist->total), hist->total);

        while (below < HS_MAX(rank, (uint64_t)1)) {
            while (bits == 0)
                bits = hist->taken[word++];
            place = next_place(word - 1, &bits);
            below += hist->weight[place];
        }
        out[i] = value_at(place);
    }
    return true;
}
