/* The dirty marks of one pass of the rollup, by level and ordered by (tenant, start). */
#ifndef HS_ENGINE_ROLLUP_MARKS_H
#define HS_ENGINE_ROLLUP_MARKS_H

#include "base/arena.h"
#include "port/dirty.h"

enum { HS_MARKS_MAX = 200000 /* of one level; what is beyond waits for a later pass */ };

struct hs_mark {
    struct hs_str tenant;
    int64_t start_s;
    struct hs_str key; /* of the metadata entry */
    uint64_t version;
    bool due;
};

struct hs_marks {
    struct hs_arena arena;
    struct hs_mark *at[HS_LEVEL_N];
    size_t n[HS_LEVEL_N];
};

/* HS_ECORRUPT: a key does not parse. The caller ends with hs_marks_fini in any case. @blocks */
int hs_marks_read(struct hs_metadata *metadata, const struct hs_dirty_spaces *spaces,
                  struct hs_marks *marks, struct hs_err *err);
void hs_marks_fini(struct hs_marks *marks);
size_t hs_marks_count(const struct hs_marks *marks);

/* Whether a mark of a finer level lies within the window of `mark`, which is of `level`. */
bool hs_marks_finer_within(const struct hs_marks *marks, enum hs_level level,
                           const struct hs_mark *mark);

/* How many marks from the i-th on are due neighbours of one tenant, at most max. */
size_t hs_marks_group(const struct hs_marks *marks, enum hs_level level, size_t i, size_t max);

#endif
