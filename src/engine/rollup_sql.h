/* The statements of the fast rollup. */
#ifndef HS_ENGINE_ROLLUP_SQL_H
#define HS_ENGINE_ROLLUP_SQL_H

#include "base/buf.h"
#include "engine/rollup_kind.h"

/* In the order in which they are written: the cells of fast come from those of dim. */
enum hs_rollup_family { HS_ROLLUP_DIM, HS_ROLLUP_FAST, HS_ROLLUP_FAMILY_N };

/* Appends INSERT … SELECT of the window's cells into fast_<level> or dim_<level>, from the next
 * finer level or from raw rows that satisfy `counted` (source.h); then those of fast come from the
 * cells of dim that were written before with this version. The tenant is the parameter
 * {tenant:String}. */
void hs_rollup_cells_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_str counted, struct hs_buf *out);
/* Appends the statement that comes after it: cells of the window that were not written again,
 * because their rows are gone, are replaced by zeros. */
void hs_rollup_zeros_sql(enum hs_rollup_family family, const struct hs_rollup_window *window,
                         struct hs_buf *out);

#endif
