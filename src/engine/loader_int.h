/* Private to the loader's files. */
#ifndef HS_ENGINE_LOADER_INT_H
#define HS_ENGINE_LOADER_INT_H

#include "base/atomic.h"
#include "base/metric.h"
#include "base/thread.h"
#include "engine/dedup.h"
#include "engine/intent.h"
#include "engine/loader.h"
#include "engine/range.h"
#include "port/lease.h"

enum {
    PARTS_MAX = 256,            /* (topic, partition)s of one loader */
    LOADER_TOPICS_WAIT_MS = 50, /* longest wait of one poll */
    RETRY_MIN_MS = 100,
    RETRY_MAX_MS = 5000,
    METADATA_ARENA_BYTES = 64 << 20,
    SOURCES_KNOWN = 8192,
};

/* One (topic, partition) that this loader owns. */
struct hs_part {
    struct hs_origin origin;
    char stream_id[64];
    char key[HS_PART_KEY_MAX];
    struct hs_lease lease;
    int64_t lease_renewed_ns;    /* mono */
    bool recovered;              /* open intent and unsynced ranges have been seen to */
    int64_t takeover_check_ns;   /* mono; 0: nothing to check */
    uint64_t check_lo, check_hi; /* offsets that the takeover check counts */
    uint64_t loaded;
    uint64_t durable;
    struct hs_rows rows;     /* of the range in work */
    struct hs_intent intent; /* of the range in work: lo, hi, skips */
    bool busy;               /* the range in work has messages */
    bool sent_before;        /* an insert of the range may have reached the store before */
    bool verifying;          /* the range in work was loaded before; its intent is in "loaded" */
};

/* Publishes positions to other threads. */
struct hs_part_view {
    enum hs_topic topic;
    uint32_t partition;
    uint64_t loaded, durable;
    uint64_t syncable; /* what a sync may call durable: not past what is yet to be checked */
};

struct hs_loader {
    struct hs_loader_deps deps;
    struct hs_consumer *consumer;
    struct hs_thread thread;
    struct hs_flag stop;
    struct hs_part *parts[PARTS_MAX];
    size_t parts_n;
    struct hs_dedup dedup;
    struct hs_part *mapping;        /* whose rows the keep function decides on */
    bool full;                      /* no more messages into this batch */
    int64_t load_ns;                /* how long the last batch took from closing to commit */
    int64_t stuck_since_ns;         /* mono time of the first of a row of failures; 0: none */
    int64_t stuck_logged_ns;        /* mono */
    char start_id[HS_START_ID_MAX]; /* of the store, as last seen; "" when to be read again */
    struct hs_mutex lock;           /* guards views, synced, dedup_window_s and asked */
    struct hs_cond wake;            /* signalled by stop */
    struct hs_part_view views[PARTS_MAX];
    size_t views_n;
    struct hs_part_view synced[PARTS_MAX]; /* durable positions on their way to the loader */
    size_t synced_n;
    struct hs_consumer *asked; /* the consumer while other threads may ask for its lag, or NULL */
    int32_t dedup_window_s;
    uint64_t sources_known[SOURCES_KNOWN]; /* hashes of sources that metadata knows; a cache */
};

/* loader_insert.c: inserts all tables of the part's range, whatever it takes. HS_OK, HS_ECONFLICT
 * (the lease went to somebody else: drop the range), HS_EAGAIN (stop was asked). */
int hs_part_insert(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);
/* Makes the store hold exactly the rows of part->rows for part->intent's range, by counting. */
int hs_part_make_whole(struct hs_loader *loader, struct hs_part *part, const char *why,
                       struct hs_err *err);

/* A step worked: the loader is stuck no more. */
void hs_loader_works(struct hs_loader *loader);

/* loader_poison.c */
/* Whether ClickHouse's code means that a row's value is refused. */
bool hs_refuses_a_row(int code);
/* Takes poison rows out of part->rows: skips in the intent, which is committed, and dead letters.
 * HS_EAGAIN: no single row is refused, or so many that it cannot be the rows. */
int hs_part_drop_poison(struct hs_loader *loader, struct hs_part *part, const struct hs_err *why,
                        struct hs_err *err);

/* loader_recover.c: adopts the open intent and, after a power loss, verifies what was not synced.
 * Same results as hs_part_insert. */
int hs_part_recover(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);
/* Maps [intent.lo, intent.hi) again into part->rows, leaving out the intent's skips. Messages
 * with skips in `poison` (may be NULL) are dead-lettered with poison_why. HS_ENOTFOUND: the stream
 * does not have the range any more. */
int hs_part_replay(struct hs_loader *loader, struct hs_part *part, const struct hs_intent *poison,
                   const struct hs_err *poison_why, struct hs_err *err);
/* Counts rows of the ranges that were in flight at takeover or were repaired since; excess is
 * deleted, what lacks is filled. */
int hs_part_takeover_check(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);
/* Fills dedup from the store. */
int hs_loader_fill_dedup(struct hs_loader *loader, struct hs_err *err);

/* loader_commit.c */
int hs_parts_commit_intents(struct hs_loader *loader, struct hs_err *err);
int hs_parts_commit_loaded(struct hs_loader *loader, struct hs_err *err);
/* The same for one part alone (recovery). */
int hs_part_commit_intent(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);
int hs_part_commit_loaded(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);
/* Marks the minutes of part->rows dirty again. */
int hs_part_commit_marks(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);

/* Has the rows of [lo, hi) counted again after engine.takeover_check. */
void hs_part_check_later(struct hs_loader *loader, struct hs_part *part, uint64_t lo, uint64_t hi);
/* Writes down that offsets were lost. */
void hs_part_record_gap(struct hs_loader *loader, struct hs_part *part, uint64_t lo, uint64_t hi);
/* The open intent cannot be finished, its messages are gone: the position moves past it. */
int hs_part_commit_skipped(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);

/* loader_dlq.c: appends what was refused to search.dlq and waits until it is durable. */
int hs_loader_dead_letter(struct hs_loader *loader, const struct hs_part *part,
                          const struct hs_record *record, const char *reason,
                          const struct hs_err *why, struct hs_err *err);

/* Shown in the status too. */
extern struct hs_metric hs_loader_repeats, hs_loader_dead_letters, hs_loader_gaps;

/* The consumer's lag, 0 rows while there is no consumer. @thread any */
int hs_loader_lag(struct hs_loader *loader, struct hs_lag *out, size_t out_max);
/* Asks the loader's thread to take over a durable position and to release it. @thread any */
void hs_loader_set_durable(struct hs_loader *loader, enum hs_topic topic, uint32_t partition,
                           uint64_t durable);

/* Waits with back-off after a failure; false when stop was asked. *wait_ms grows. Says loudly, once
 * in a while, when failures go on. */
bool hs_loader_back_off(struct hs_loader *loader, int64_t *wait_ms);
/* Renews the part's lease when a third of its life is over. */
int hs_part_hold_lease(struct hs_loader *loader, struct hs_part *part, struct hs_err *err);

#endif
