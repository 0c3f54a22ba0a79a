/*
 * A rollup: recomputes dirty windows whole, those of its base level from raw rows, coarser ones
 * from finer cells. One thread, under the lease "rollup/<kind>"; rollup_kind.h says what kinds
 * differ in.
 *
 * When a window of the base level is due, its kind says; recent ones come first, every max(the
 * kind's pace, their cost ÷ rollup.cpu_share). A coarser window is due once it has ended and no
 * finer mark lies in it. Until then readers take the finer windows (gateway/plan.c).
 *
 * A window is written with version = lease epoch << 32 | counter; then its mark is cleared, at the
 * generation that was read, and remembered as rolled until the next sync. A crash in between
 * repeats the window, which changes nothing.
 */
#ifndef HS_ENGINE_ROLLUP_H
#define HS_ENGINE_ROLLUP_H

#include "base/json_out.h"
#include "engine/rollup_kind.h"

struct hs_rollup;

int hs_rollup_start(const struct hs_rollup_kind *kind, const struct hs_loader_deps *deps,
                    struct hs_rollup **out, struct hs_err *err);
/* NULL is a no-op. @blocks */
void hs_rollup_stop(struct hs_rollup *rollup);
/* {"dirty_windows", "dirty_base_windows" (of those, of the base level, begun), "recent_cost_ms"}.
 * @thread any */
void hs_rollup_status(struct hs_rollup *rollup, struct hs_json *json);

#endif
