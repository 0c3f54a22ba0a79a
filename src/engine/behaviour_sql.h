/*
 * The statements of the behaviour rollup: raw rows → haystat.intents → behaviour_*.
 *
 * The tenant is the parameter {tenant:String}.
 */
#ifndef HS_ENGINE_BEHAVIOUR_SQL_H
#define HS_ENGINE_BEHAVIOUR_SQL_H

#include "base/buf.h"
#include "engine/rollup_kind.h"
#include "model/behaviour.h"
#include "port/source.h"

struct hs_behaviour_ask {
    const struct hs_rollup_window *window;
    struct hs_source_lists counted, actions, tracked; /* of the tenant's applications */
    uint64_t slice, slices;                           /* of the hashes of the intents' groups */
};

/* SELECT of how many searches the window's intents are made of. */
void hs_behaviour_count_sql(const struct hs_behaviour_ask *ask, struct hs_buf *out);
/* INSERT of the window's intents, of one slice. */
void hs_behaviour_intents_sql(const struct hs_behaviour_ask *ask, struct hs_buf *out);
/* INSERT of those that are none any more, as deleted; after all slices. */
void hs_behaviour_deleted_sql(const struct hs_rollup_window *window, struct hs_buf *out);
/* INSERT of the window's cells of a level: minutes from intents, others from the next finer. */
void hs_behaviour_cells_sql(enum hs_level level, const struct hs_rollup_window *window,
                            struct hs_buf *out);
/* INSERT of zeros for cells of the level that were not written again. */
void hs_behaviour_zeros_sql(enum hs_level level, const struct hs_rollup_window *window,
                            struct hs_buf *out);

#endif
