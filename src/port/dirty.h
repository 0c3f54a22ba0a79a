/*
 * Dirty marks: which windows of which tenant must be computed again. A mark is a metadata entry
 * whose version is its generation: it is cleared only at the version that was read before
 * computing.
 *
 *     space "dirty"   "<level>/<tenant>/<start, seconds, %012>"   level is 1m, 10m, 1h or 6h
 *     space "rolled"  the same keys: cleared since the last sync. After a power loss they are dirty
 *                     again, because the cells computed from them may be gone.
 *
 * Those are of the fast rollup; "behaviour_dirty" and "behaviour_rolled" of the behaviour
 * rollup, whose levels begin with 10m.
 */
#ifndef HS_PORT_DIRTY_H
#define HS_PORT_DIRTY_H

#include "base/str.h"
#include "port/metadata.h"

struct hs_dirty_spaces {
    const char *dirty, *rolled;
};

extern const struct hs_dirty_spaces hs_dirty_fast, hs_dirty_behaviour;

enum { HS_DIRTY_KEY_MAX = 320 };

/* Each is a whole number of the one before. */
enum hs_level { HS_LEVEL_1M, HS_LEVEL_10M, HS_LEVEL_1H, HS_LEVEL_6H, HS_LEVEL_N };

const char *hs_level_name(enum hs_level level); /* "1m" */
int64_t hs_level_s(enum hs_level level);        /* 60 */
/* How long the store keeps cells of the level (TTL in sql/): 30 days. */
int64_t hs_level_kept_s(enum hs_level level);

/* The mark's key; returns its length. */
size_t hs_dirty_key(enum hs_level level, struct hs_str tenant, int64_t start_s,
                    char out[HS_DIRTY_KEY_MAX]);
/* Starts of the first and the last block (10m) with intents that a search or an action in
 * [from_s, to_s] may belong to; model/behaviour.h has the rules. */
void hs_dirty_blocks(int64_t from_s, int64_t to_s, int64_t *out_first_s, int64_t *out_last_s);
/* Takes a key apart; views into it. HS_ECORRUPT. */
int hs_dirty_parse(struct hs_str key, enum hs_level *out_level, struct hs_str *out_tenant,
                   int64_t *out_start_s);

#endif
