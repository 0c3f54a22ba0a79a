/*
 * What the store holds of an offset range: counting, finding, deleting and filling rows by their
 * identity. Used only when something went wrong; the loader's normal way never reads rows back.
 */
#ifndef HS_ENGINE_RANGE_H
#define HS_ENGINE_RANGE_H

#include "engine/intent.h"
#include "engine/rows.h"
#include "port/analytics.h"

enum { HS_RANGE_QUERY_MS = 60000, HS_INSERT_MS = 60000 };

/* The id of this start of the store: the row of haystat.store_start, which is made when missing.
 * Fails as hs_analytics_query does. @blocks */
int hs_store_start_id(struct hs_analytics *analytics, char out[HS_START_ID_MAX],
                      struct hs_err *err);

struct hs_range {
    const struct hs_origin *origin;
    enum hs_raw_table table;
    uint64_t lo, hi;
};

struct hs_range_count {
    uint64_t rows;     /* count() */
    uint64_t distinct; /* uniqExact of the identity */
};

int hs_range_count(struct hs_analytics *analytics, const struct hs_range *range,
                   struct hs_range_count *out, struct hs_err *err);
/* Deletes every row of the range and waits until it is done. */
int hs_range_delete(struct hs_analytics *analytics, const struct hs_range *range,
                    struct hs_err *err);
/* Inserts those of the block's rows (ids beside them) that the store lacks, under the token.
 * *out_filled is their number. One attempt; errors as hs_analytics_insert. */
int hs_range_fill(struct hs_analytics *analytics, const struct hs_range *range,
                  const struct hs_rows *rows, struct hs_str token, uint64_t *out_filled,
                  struct hs_err *err);

/* Inserts a block in groups of at most HS_ROWS_DAYS_MAX days, each under token + "/d<group>" when
 * there is more than one. One attempt for each; stops at the first that fails. */
int hs_insert_by_days(struct hs_analytics *analytics, const struct hs_block *block,
                      const struct hs_row_id *ids, struct hs_str token, struct hs_err *err);

#endif
