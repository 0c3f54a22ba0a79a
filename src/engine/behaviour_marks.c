#include "engine/behaviour_marks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/rollup_marks.h"
#include "model/behaviour.h"

enum { LOOKUP_MS = 60000, LOOKUP_ARENA_BYTES = 64 << 20, ENDED_S = 60 };

static const struct hs_dirty_spaces purchase_spaces = {HS_SPACE_BEHAVIOUR_PURCHASES, NULL};

static int by_mark(const void *a, const void *b)
{
    const struct hs_behaviour_mark *x = a;
    const struct hs_behaviour_mark *y = b;

    if (x->purchases != y->purchases)
        return x->purchases ? 1 : -1;
    if (x->block_s != y->block_s)
        return x->block_s < y->block_s ? -1 : 1;
    return strcmp(x->tenant, y->tenant);
}

/* Marks of one minute, at most MARKS_A_MINUTE. */
enum { MARKS_A_MINUTE = (HS_INTENT_LENGTH_S + HS_INTENT_GAP_S + 60) / 600 + 3 };

static size_t marks_of_minute(const struct hs_minute *minute, struct hs_behaviour_mark *out)
{
    int64_t block_s = hs_level_s(HS_LEVEL_10M);
    int64_t first_s;
    int64_t last_s;
    size_t n = 0;

    hs_dirty_blocks(minute->minute_s, minute->minute_s + 59, &first_s, &last_s);
    for (; first_s <= last_s; first_s += block_s)
        out[n++] = (struct hs_behaviour_mark){.tenant = minute->tenant, .block_s = first_s};
    if (minute->touched & HS_TOUCH_PURCHASE)
        out[n++] = (struct hs_behaviour_mark){.tenant = minute->tenant,
                                              .block_s = minute->minute_s / block_s * block_s,
                                              .purchases = true};
    HS_ASSERT(n <= MARKS_A_MINUTE);
    return n;
}

size_t hs_behaviour_marks_of(const struct hs_minute *minutes, size_t n,
                             struct hs_behaviour_mark **out)
{
    struct hs_behaviour_mark *marks = hs_xcalloc(n * MARKS_A_MINUTE + 1, sizeof(*marks));
    size_t all = 0;
    size_t kept = 0;
    size_t i;

    for (i = 0; i < n; i++)
        all += marks_of_minute(&minutes[i], marks + all);
    qsort(marks, all, sizeof(*marks), by_mark);
    for (i = 0; i < all; i++) {
        if (kept == 0 || by_mark(&marks[kept - 1], &marks[i]) != 0)
            marks[kept++] = marks[i];
    }
    *out = marks;
    return kept;
}

/* The blocks of the searches after which something was bought in the mark's block. */
static int look_up(const struct hs_loader_deps *deps, const struct hs_mark *mark,
                   struct hs_arena *arena, struct hs_table *out, struct hs_err *err)
{
    const struct hs_param param = {.name = "tenant", .value = mark->tenant};
    struct hs_query query = {.params = &param,
                             .params_n = 1,
                             .user = HS_ANALYTICS_RW,
                             .timeout_ms = LOOKUP_MS};
    long long from_s = mark->start_s;
    long long to_s = mark->start_s + hs_level_s(HS_LEVEL_10M);
    struct hs_buf sql;
    int rc;

    hs_buf_init(&sql, 4096);
    hs_buf_addf(&sql,
                "SELECT DISTINCT toUnixTimestamp(toStartOfMinute(ts)) FROM haystat.search_by_query "
                "WHERE tenant = {tenant:String} AND ts >= toDateTime64(%lld, 6, 'UTC') AND ts < "
                "toDateTime64(%lld, 6, 'UTC') AND query_id IN (SELECT query_id FROM "
                "haystat.results WHERE tenant = {tenant:String} AND ts >= toDateTime64(%lld, 6, "
                "'UTC') AND ts < toDateTime64(%lld, 6, 'UTC') AND query_id != '' AND action IN "
                "('add_to_cart', 'purchase'))",
                from_s - HS_PURCHASE_WINDOW_S, to_s + HS_INTENT_GAP_S, from_s, to_s);
    query.sql = hs_buf_cstr(&sql);
    rc = hs_analytics_query(deps->analytics, &query, arena, out, err);
    hs_buf_fini(&sql);
    return rc;
}

static struct hs_metadata_op put_block(struct hs_arena *arena, const struct hs_behaviour_mark *mark)
{
    char key[HS_DIRTY_KEY_MAX];
    size_t n = hs_dirty_key(HS_LEVEL_10M, hs_str_c(mark->tenant), mark->block_s, key);

    return (struct hs_metadata_op){.action = HS_METADATA_PUT,
                                   .space = hs_dirty_behaviour.dirty,
                                   .key = hs_arena_copy(arena, hs_str_n(key, n))};
}

/* Marks the blocks of the minutes and clears the mark, at the generation that was read. */
static int replace_mark(const struct hs_loader_deps *deps, const struct hs_mark *mark,
                        const struct hs_table *found, struct hs_arena *arena, struct hs_err *err)
{
    struct hs_minute *minutes = hs_xcalloc(found->rows + 1, sizeof(*minutes));
    struct hs_behaviour_mark *marks = NULL;
    struct hs_metadata_op *ops;
    char *tenant = hs_xstrndup(mark->tenant.p, mark->tenant.n);
    size_t n;
    size_t i;
    int rc;

    for (i = 0; i < found->rows; i++)
        minutes[i] =
            (struct hs_minute){.tenant = tenant, .minute_s = (int64_t)found->columns[0].u64[i]};
    n = hs_behaviour_marks_of(minutes, found->rows, &marks);
    ops = hs_xcalloc(n + 1, sizeof(*ops));
    for (i = 0; i < n; i++)
        ops[i] = put_block(arena, &marks[i]);
    ops[n] = (struct hs_metadata_op){.action = HS_METADATA_DELETE,
                                     .expect = HS_EXPECT_VERSION,
                                     .space = HS_SPACE_BEHAVIOUR_PURCHASES,
                                     .key = mark->key,
                                     .version = mark->version};
    rc = hs_metadata_commit(deps->metadata, ops, n + 1, NULL, NULL, err);
    hs_free(ops);
    hs_free(marks);
    hs_free(tenant);
    hs_free(minutes);
    return rc == HS_ECONFLICT ? HS_OK : rc; /* marked again meanwhile: the next pass takes it up */
}

int hs_behaviour_mark_purchases(const struct hs_loader_deps *deps, int64_t wall_s,
                                struct hs_err *err)
{
    struct hs_marks marks = {.n = {0}};
    struct hs_arena arena;
    struct hs_table found;
    size_t i;
    int rc = hs_marks_read(deps->metadata, &purchase_spaces, &marks, err);

    hs_arena_init(&arena, LOOKUP_ARENA_BYTES);
    for (i = 0; rc == HS_OK && i < marks.n[HS_LEVEL_10M]; i++) {
        const struct hs_mark *mark = &marks.at[HS_LEVEL_10M][i];

        if (mark->start_s + hs_level_s(HS_LEVEL_10M) + ENDED_S > wall_s)
            continue;
        hs_arena_reset(&arena);
        rc = look_up(deps, mark, &arena, &found, err);
        if (rc == HS_OK)
            rc = replace_mark(deps, mark, &found, &arena, err);
    }
    hs_arena_fini(&arena);
    hs_marks_fini(&marks);
    return rc;
}
