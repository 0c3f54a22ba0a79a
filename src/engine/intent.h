/*
 * Intents: what the loader is about to insert, written to metadata before the insert, so that
 * whoever comes after a crash can finish it exactly.
 *
 * Value of an entry (base/buf.h varints and varint-length strings):
 *
 *     1  version
 *     lo hi  offsets, [lo, hi)
 *     epoch  of the owner's lease
 *     start  id of the store's start before the first insert
 *     poison number of poison rows found so far: part of the token
 *     n, then n expected row counts by enum hs_raw_table
 *     n, then n skips: offset delta, sub, reason
 *
 * Spaces and keys (P is "<stream_id>/<topic>/<partition>"):
 *
 *     positions  P            the first offset that is not loaded, decimal
 *     durable    P            the first offset that is not known to be synced, decimal
 *     intents    P            an intent, while its range is being inserted
 *     loaded     P/<lo %020>  the intent of a range in [durable, loaded)
 *     gaps       P/<lo %020>  "<lo> <hi>": offsets that were lost before they were loaded
 */
#ifndef HS_ENGINE_INTENT_H
#define HS_ENGINE_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "engine/rows.h"

#define HS_SPACE_POSITIONS "positions"
#define HS_SPACE_DURABLE "durable"
#define HS_SPACE_INTENTS "intents"
#define HS_SPACE_LOADED "loaded"
#define HS_SPACE_GAPS "gaps"

enum { HS_START_ID_MAX = 64, HS_PART_KEY_MAX = 112, HS_TOKEN_MAX = 320 };

enum hs_skip_reason {
    HS_SKIP_REPEAT = 1,    /* a repeat within the dedup window */
    HS_SKIP_MALFORMED = 2, /* the message does not map; dead-lettered */
    HS_SKIP_POISON = 3,    /* the store refuses the row; dead-lettered */
};

enum { HS_SKIP_ALL_SUBS = UINT32_MAX }; /* every row of the message */

struct hs_skip {
    uint64_t offset;
    uint32_t sub;
    uint8_t reason;
};

struct hs_intent {
    uint64_t lo, hi;
    uint64_t epoch;
    char start_id[HS_START_ID_MAX];
    uint64_t poison;
    uint64_t rows[HS_TABLE_N]; /* expected */
    struct hs_skip *skips;     /* owned, ordered by (offset, sub) */
    size_t skips_n, skips_cap;
};

void hs_intent_init(struct hs_intent *intent);
void hs_intent_fini(struct hs_intent *intent); /* NULL is a no-op */
void hs_intent_reset(struct hs_intent *intent);
/* Adds a skip; offsets come in ascending order but for poison, which is put in place. */
void hs_intent_skip(struct hs_intent *intent, uint64_t offset, uint32_t sub,
                    enum hs_skip_reason reason);
bool hs_intent_skips(const struct hs_intent *intent, uint64_t offset, uint32_t sub);
void hs_intent_expect(struct hs_intent *intent, const struct hs_rows *rows);

void hs_intent_encode(const struct hs_intent *intent, struct hs_buf *out);
/* HS_ECORRUPT. `out` is initialised by the caller. */
int hs_intent_decode(struct hs_str value, struct hs_intent *out, struct hs_err *err);

/* "<stream_id>/<topic>/<partition>" with a NUL; returns its length. */
size_t hs_part_key(const struct hs_origin *origin, char out[HS_PART_KEY_MAX]);
/* P/<lo %020>; returns its length. */
size_t hs_range_key(const char *part_key, uint64_t lo, char out[HS_PART_KEY_MAX + 24]);

#endif
