/*
 * Dedup: drops repeats of (tenant, topic, event id) within a window of receive time. An open hash
 * table of 16-byte entries that grows to entries_max; beyond, the window shrinks from its old end,
 * which hs_dedup_window_s tells. Owned by the loader's thread.
 *
 * Receive times come from wall clocks, which jump. The newest one that counts therefore goes ahead
 * no faster than the time that hs_dedup_tick is told: a jump ahead ends no entry's window, and nor
 * does a backlog that is loaded faster than it came. Entries then live longer than the window.
 */
#ifndef HS_ENGINE_DEDUP_H
#define HS_ENGINE_DEDUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/rows.h"

struct hs_dedup {
    struct hs_dedup_id *entries; /* received_s 0: empty */
    size_t cap;                  /* a power of two */
    size_t used;                 /* entries in use, live or expired */
    size_t live_max;
    int32_t window_s;
    int32_t newest_s; /* largest received_s seen, as far as time has gone on */
    int64_t mono_ns;  /* of the last tick; 0: none, newest_s is not held back */
    int64_t ahead_ns; /* by which newest_s may still go ahead */
    int32_t floor_s;  /* entries received before are not known */
};

void hs_dedup_init(struct hs_dedup *dedup, size_t entries_max, int32_t window_s);
void hs_dedup_fini(struct hs_dedup *dedup);
/* The monotonic time is mono_ns, more than 0. To be called before the ids of a batch are added. */
void hs_dedup_tick(struct hs_dedup *dedup, int64_t mono_ns);
/* True and remembered when the id is new; false for a repeat. */
bool hs_dedup_add(struct hs_dedup *dedup, const struct hs_dedup_id *id);
/* Takes an id out again (its row was not loaded after all). */
void hs_dedup_forget(struct hs_dedup *dedup, const struct hs_dedup_id *id);
/* Seconds before the newest id that are really covered. */
int32_t hs_dedup_window_s(const struct hs_dedup *dedup);

#endif
