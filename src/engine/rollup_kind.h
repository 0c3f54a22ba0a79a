/*
 * What differs between the rollups that rollup.c keeps up to date.
 *
 *     fast        counts, errors, latency, zero results, scores: minutes from raw rows
 *     behaviour   intents and what became of them: blocks of ten minutes from raw rows
 */
#ifndef HS_ENGINE_ROLLUP_KIND_H
#define HS_ENGINE_ROLLUP_KIND_H

#include "base/atomic.h"
#include "engine/loader.h"
#include "port/dirty.h"

struct hs_rollup_window {
    enum hs_level level;
    int64_t from_s, to_s; /* [from, to), multiples of the level */
    bool from_rows;       /* not from finer cells; always at the kind's base level */
    uint64_t version;
};

/* One group of windows to compute, or what is known of a mark before that. */
struct hs_rollup_job {
    const struct hs_loader_deps *deps;
    struct hs_flag *stop;   /* then its statements are not sent */
    struct hs_str query_id; /* how the ids of its statements begin */
    struct hs_str tenant;
    const struct hs_rollup_window *window;
};

/* When a window of the base level was last computed. */
struct hs_rollup_age {
    const struct hs_conf *conf;
    int64_t start_s, wall_s;
    int64_t since_s; /* computed so long ago; INT64_MAX: not by this process */
};

struct hs_rollup_kind {
    const char *name;   /* of its lease rollup/<name> and its metrics */
    const char *thread; /* its name */
    const struct hs_dirty_spaces *spaces;
    enum hs_level base;  /* is computed from raw rows, and marked by the loader */
    int64_t recent_s;    /* base windows that ended less long ago are computed first, at a pace */
    int64_t group_s_max; /* of raw rows of one job */
    int64_t (*pace_ms)(const struct hs_conf *conf); /* least time between passes over recent ones */
    bool (*due)(const struct hs_rollup_age *age);
    /* Whether a window coarser than the base has to come from raw rows all the same. */
    bool (*needs_rows)(enum hs_level level, int64_t start_s, int64_t wall_s);
    /* Before a pass; may be NULL. @blocks */
    int (*prepare)(const struct hs_loader_deps *deps, int64_t wall_s, struct hs_err *err);
    /* Writes all cells of the job's windows. HS_EINVAL, HS_ELIMIT: these cannot be computed, others
     * may. @blocks */
    int (*write)(const struct hs_rollup_job *job, struct hs_err *err);
};

extern const struct hs_rollup_kind hs_rollup_fast, hs_rollup_behaviour;

/* Runs a statement with the parameter {tenant:String}; the text may have failed. HS_EAGAIN: stop
 * was asked. @blocks */
int hs_rollup_exec(const struct hs_rollup_job *job, struct hs_buf *sql, struct hs_err *err);

#endif
