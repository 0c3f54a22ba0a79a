#include "engine/rollup_marks.h"

#include <stdio.h>

#include "base/mem.h"

enum { MARKS_A_PAGE = 4096, MARKS_ARENA_BYTES = 512 << 20 };

static int parse_mark(const struct hs_entry *entry, struct hs_mark *out, struct hs_err *err)
{
    enum hs_level level;

    out->key = entry->key;
    out->version = entry->version;
    if (hs_dirty_parse(entry->key, &level, &out->tenant, &out->start_s) != HS_OK)
        return hs_err_set(err, HS_ECORRUPT, 0, "dirty mark \"%.*s\" does not parse",
                          HS_STR_ARG(entry->key));
    return HS_OK;
}

static int read_level(struct hs_metadata *metadata, const char *space, struct hs_marks *marks,
                      enum hs_level level, struct hs_entry *page, struct hs_err *err)
{
    struct hs_str after = HS_STR("");
    char prefix[16];
    size_t cap = 0;
    size_t n = 0;
    size_t i;
    int prefix_n = snprintf(prefix, sizeof(prefix), "%s/", hs_level_name(level));
    int rc;

    do {
        rc = hs_metadata_scan(metadata, space, hs_str_n(prefix, (size_t)prefix_n), after,
                              &marks->arena, page, MARKS_A_PAGE, &n, err);
        if (rc == HS_OK && marks->n[level] + n > cap) {
            cap = cap * 2 + MARKS_A_PAGE;
            marks->at[level] = hs_xrealloc(marks->at[level], cap, sizeof(struct hs_mark));
        }
        for (i = 0; rc == HS_OK && i < n; i++) {
            struct hs_mark *mark = &marks->at[level][marks->n[level]++];

            *mark = (struct hs_mark){.due = false};
            rc = parse_mark(&page[i], mark, err);
            after = page[i].key;
        }
    } while (rc == HS_OK && n == MARKS_A_PAGE && marks->n[level] < HS_MARKS_MAX);
    return rc;
}

int hs_marks_read(struct hs_metadata *metadata, const struct hs_dirty_spaces *spaces,
                  struct hs_marks *marks, struct hs_err *err)
{
    struct hs_entry *page = hs_xcalloc(MARKS_A_PAGE, sizeof(*page));
    int rc = HS_OK;
    int level;

    *marks = (struct hs_marks){.n = {0}};
    hs_arena_init(&marks->arena, MARKS_ARENA_BYTES);
    for (level = 0; level < HS_LEVEL_N && rc == HS_OK; level++)
        rc = read_level(metadata, spaces->dirty, marks, (enum hs_level)level, page, err);
    hs_free(page);
    return rc;
}

void hs_marks_fini(struct hs_marks *marks)
{
    int level;

    for (level = 0; level < HS_LEVEL_N; level++) {
        hs_free(marks->at[level]);
        marks->at[level] = NULL;
        marks->n[level] = 0;
    }
    hs_arena_fini(&marks->arena);
}

size_t hs_marks_count(const struct hs_marks *marks)
{
    size_t n = 0;
    int level;

    for (level = 0; level < HS_LEVEL_N; level++)
        n += marks->n[level];
    return n;
}

/* Index of the first mark at or after (tenant, start). */
static size_t lower_bound(const struct hs_mark *at, size_t n, struct hs_str tenant, int64_t start_s)
{
    size_t lo = 0;

    while (n > 0) {
        const struct hs_mark *mark = &at[lo + n / 2];
        int order = hs_str_cmp(mark->tenant, tenant);

        if (order < 0 || (order == 0 && mark->start_s < start_s)) {
            lo += n / 2 + 1;
            n -= n / 2 + 1;
        } else {
            n /= 2;
        }
    }
    return lo;
}

bool hs_marks_finer_within(const struct hs_marks *marks, enum hs_level level,
                           const struct hs_mark *mark)
{
    int64_t end_s = mark->start_s + hs_level_s(level);
    int finer;

    for (finer = 0; finer < (int)level; finer++) {
        size_t i = lower_bound(marks->at[finer], marks->n[finer], mark->tenant, mark->start_s);

        if (i < marks->n[finer] && hs_str_eq(marks->at[finer][i].tenant, mark->tenant) &&
            marks->at[finer][i].start_s < end_s)
            return true;
    }
    return false;
}

size_t hs_marks_group(const struct hs_marks *marks, enum hs_level level, size_t i, size_t max)
{
    const struct hs_mark *first = &marks->at[level][i];
    size_t n = 1;

    while (i + n < marks->n[level] && n < max) {
        const struct hs_mark *next = &first[n];

        if (!next->due || !hs_str_eq(next->tenant, first->tenant) ||
            next->start_s != first->start_s + (int64_t)n * hs_level_s(level))
            break;
        n++;
    }
    return n;
}
