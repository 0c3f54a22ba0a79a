/*
 * Marks of the behaviour rollup.
 *
 * The loader marks the blocks around each search and action (port/dirty.h). What is bought or
 * carted may belong to a search of a day ago: its own block is marked in
 *
 *     space "behaviour_purchases"   keys as in port/dirty.h, level 10m
 *
 * and once that block is over, the blocks of the searches are looked up and marked.
 */
#ifndef HS_ENGINE_BEHAVIOUR_MARKS_H
#define HS_ENGINE_BEHAVIOUR_MARKS_H

#include "engine/loader.h"
#include "engine/rows.h"

#define HS_SPACE_BEHAVIOUR_PURCHASES "behaviour_purchases"

/* A mark to put. */
struct hs_behaviour_mark {
    const char *tenant;
    int64_t block_s;
    bool purchases; /* in HS_SPACE_BEHAVIOUR_PURCHASES */
};

/* The marks that touched minutes make, each once. Returns their number; free *out with hs_free. */
size_t hs_behaviour_marks_of(const struct hs_minute *minutes, size_t n,
                             struct hs_behaviour_mark **out);

/* Takes up marks of purchases whose block has ended. @blocks */
int hs_behaviour_mark_purchases(const struct hs_loader_deps *deps, int64_t wall_s,
                                struct hs_err *err);

#endif
