/*
 * Fast rollup: recomputes dirty windows whole, from raw rows into dim_1m and from its cells into
 * fast_1m, from minutes into 10m, 1h and 6h. One thread, under the lease "rollup/fast".
 *
 * When a minute is due:
 *   - while it is open or ended less than ROLLUP_RECENT_S ago: every max(rollup.open, its cost ÷
 *     rollup.cpu_share);
 *   - later: rollup.debounce after it was last computed.
 * A longer window is due once it has ended and no finer mark lies in it. Until then readers take
 * the finer windows (gateway/plan.c).
 *
 * A window is written with version = lease epoch << 32 | counter; then its mark is cleared, at the
 * generation that was read, and remembered in "rolled" until the next sync. A crash in between
 * repeats the window, which changes nothing.
 */
#ifndef HS_ENGINE_ROLLUP_H
#define HS_ENGINE_ROLLUP_H

#include "base/json_out.h"
#include "engine/loader.h"

struct hs_rollup;

int hs_rollup_start(const struct hs_loader_deps *deps, struct hs_rollup **out, struct hs_err *err);
/* NULL is a no-op. @blocks */
void hs_rollup_stop(struct hs_rollup *rollup);
/* {"dirty": …, "cost_ms": …, "every_ms": …}. @thread any */
void hs_rollup_status(struct hs_rollup *rollup, struct hs_json *json);

#endif
