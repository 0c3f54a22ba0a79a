#include "analysis/novelty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { GAP_STEP = 8 };

void hs_novelty_init(struct hs_novelty *novelty)
{
    *novelty = (struct hs_novelty){.blocks_n = 0};
}

void hs_novelty_fini(struct hs_novelty *novelty)
{
    size_t i;

    for (i = 0; i < novelty->blocks_n; i++)
        hs_free(novelty->blocks[i]);
    hs_free(novelty->blocks);
    hs_novelty_init(novelty);
}

/* ---- search */

/* The first value of a block that is >= value, n when there is none. */
static size_t place_in(const struct hs_novelty_block *block, double value)
{
    size_t low = 0;
    size_t high = block->n;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (block->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The last block whose first value is <= value, else the first block. */
static size_t block_of(const struct hs_novelty *novelty, double value)
{
    size_t low = 0;
    size_t high = novelty->blocks_n;

    while (high - low > 1) {
        size_t middle = (low + high) / 2;

        if (novelty->blocks[middle]->values[0] <= value)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double distance(const struct hs_novelty *novelty, size_t at, size_t place, double value)
{
    const struct hs_novelty_block *block = novelty->blocks[at];
    double nearest = INFINITY;

    if (place > 0)
        nearest = value - block->values[place - 1];
    if (place < block->n)
        nearest = fmin(nearest, block->values[place] - value);
    else if (at + 1 < novelty->blocks_n)
        nearest = fmin(nearest, novelty->blocks[at + 1]->values[0] - value);
    return nearest;
}

/* ---- growth */

static void add_block(struct hs_novelty *novelty, size_t at)
{
    if (novelty->blocks_n == novelty->blocks_max) {
        novelty->blocks_max = novelty->blocks_max ? 2 * novelty->blocks_max : 4;
        novelty->blocks =
            (struct hs_novelty_block **)hs_xrealloc((void *)novelty->blocks, novelty->blocks_max,
                                                    sizeof(*novelty->blocks));
    }
    memmove((void *)(novelty->blocks + at + 1), (const void *)(novelty->blocks + at),
            (novelty->blocks_n - at) * sizeof(*novelty->blocks));
    novelty->blocks[at] = hs_xalloc(sizeof(**novelty->blocks));
    novelty->blocks_n++;
}

/* Splits a full block into halves. */
static void split(struct hs_novelty *novelty, size_t at)
{
    struct hs_novelty_block *low;
    struct hs_novelty_block *high;

    add_block(novelty, at + 1);
    low = novelty->blocks[at];
    high = novelty->blocks[at + 1];
    high->n = low->n / 2;
    low->n -= high->n;
    memcpy(high->values, low->values + low->n, high->n * sizeof(*high->values));
}

static void insert(struct hs_novelty *novelty, size_t at, size_t place, double value)
{
    struct hs_novelty_block *block;

    if (novelty->blocks[at]->n == HS_NOVELTY_BLOCK) {
        split(novelty, at);
        if (place > novelty->blocks[at]->n) {
            place -= novelty->blocks[at]->n;
            at++;
        }
    }
    block = novelty->blocks[at];
    memmove(block->values + place + 1, block->values + place,
            (block->n - place) * sizeof(*block->values));
    block->values[place] = value;
    block->n++;
    novelty->values_n++;
}

/* ---- thinning */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static void gather(const struct hs_novelty *novelty, double *out)
{
    size_t i;

    for (i = 0; i < novelty->blocks_n; i++) {
        memcpy(out, novelty->blocks[i]->values, novelty->blocks[i]->n * sizeof(*out));
        out += novelty->blocks[i]->n;
    }
}

/* Of every eighth gap: sorting all would take longer than all else. */
static double median_gap(const double *values)
{
    double gaps[HS_NOVELTY_VALUES_MAX / GAP_STEP];
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(gaps); i++)
        gaps[i] = values[i * GAP_STEP + 1] - values[i * GAP_STEP];
    qsort(gaps, HS_ARRAY_LEN(gaps), sizeof(*gaps), compare_doubles);
    return gaps[HS_ARRAY_LEN(gaps) / 2];
}

static void append(struct hs_novelty *novelty, double value)
{
    size_t n = novelty->blocks_n;

    if (n == 0 || novelty->blocks[n - 1]->n == HS_NOVELTY_BLOCK / 2) {
        add_block(novelty, n);
        n++;
    }
    novelty->blocks[n - 1]->values[novelty->blocks[n - 1]->n++] = value;
    novelty->values_n++;
}

/* Keeps the two ends and those that are more than the median gap above the last one kept: some half
 * of them. */
static void thin(struct hs_novelty *novelty)
{
    const size_t n = HS_NOVELTY_VALUES_MAX;
    double *values = hs_xcalloc(n, sizeof(*values));
    double gap;
    double kept;
    size_t i;

    gather(novelty, values);
    hs_novelty_fini(novelty);
    gap = median_gap(values);
    kept = values[0];
    append(novelty, kept);
    for (i = 1; i < n; i++) {
        if (values[i] - kept <= gap && i + 1 < n)
            continue;
        kept = values[i];
        append(novelty, kept);
    }
    hs_free(values);
}

double hs_novelty_push(struct hs_novelty *novelty, double value)
{
    size_t at;
    size_t place;
    double nearest;

    HS_ASSERT(isfinite(value));
    if (novelty->blocks_n == 0) {
        append(novelty, value);
        return -1;
    }
    at = block_of(novelty, value);
    place = place_in(novelty->blocks[at], value);
    nearest = distance(novelty, at, place, value);
    if (nearest > 0) {
        insert(novelty, at, place, value);
        if (novelty->values_n == HS_NOVELTY_VALUES_MAX)
            thin(novelty);
    }
    return nearest;
}
