/* The inside of struct hs_otlp_reader, for the readers in this folder. */
#ifndef HS_COLLECTOR_OTLP_READER_INT_H
#define HS_COLLECTOR_OTLP_READER_INT_H

#include "base/arena.h"
#include "collector/otlp_group.h"
#include "collector/otlp_reader.h"
#include "collector/otlp_scrub.h"
#include "collector/otlp_search.h"

struct hs_otlp_reader {
    struct hs_otlp_groups groups;
    struct hs_otlp_scrub scrub;
    struct hs_otlp_searches searches;
    struct hs_arena arena;   /* rewritten bytes of the request */
    struct hs_buf rewritten; /* one rewritten message */
    struct hs_buf protobuf;  /* the body, when it came as JSON */
    struct hs_otlp_iter iter;
    struct hs_otlp_outcome *out;
    /* the section in work */
    unsigned section_n;             /* of iter: the section that the next three describe */
    unsigned resource_n;            /* of iter: the resource that `section` holds */
    struct hs_otlp_section section; /* scrubbed */
    int resource_rc, section_rc;    /* HS_ELIMIT: the items are rejected */
    bool section_added;             /* to groups */
    /* the first rejected item */
    uint64_t items_seen, first_rejected;
    char first_reason[128];
};

/* Makes the reader ready for a request and *out_body its body in protobuf form. HS_EINVAL. */
int hs_otlp_reader_start(struct hs_otlp_reader *reader, struct hs_intake *intake,
                         enum hs_otlp_signal signal, enum hs_otlp_encoding encoding,
                         struct hs_str *body, struct hs_err *err);

/* Scrubs the item's section, before the item is added. HS_OK; HS_EINVAL: malformed; HS_ELIMIT: no
 * memory. reader->section_rc tells whether its items can be kept. */
int hs_otlp_reader_enter(struct hs_otlp_reader *reader, struct hs_err *err);

/* Replaces a message by its rewritten form, which lives until the next request. HS_ELIMIT: no
 * memory. */
int hs_otlp_reader_rewrite(struct hs_otlp_reader *reader, enum hs_otlp_type type,
                           struct hs_str *message, struct hs_err *err);

/* Adds an item, and its section before the section's first. HS_OK (also when it was rejected for
 * its size; then *out_added is false); HS_ELIMIT. */
int hs_otlp_reader_add(struct hs_otlp_reader *reader, struct hs_str key,
                       const struct hs_otlp_item *item, bool *out_added, struct hs_err *err);

/* Whether a span or record of that time can be kept; 0 is no time. Each day is a partition of its
 * table, and one insert makes few of them: times of the next centuries, which no retention takes
 * away, would fill the store with partitions and hold up the loader. */
bool hs_otlp_reader_time_ok(const struct hs_otlp_reader *reader, uint64_t ns);

/* Counts a rejected item; why may be NULL when the reason says all. */
void hs_otlp_reader_reject(struct hs_otlp_reader *reader, enum hs_otlp_reject reason,
                           const struct hs_err *why);

/* Writes out->message. `what` is "spans" or "log records". */
void hs_otlp_reader_finish(struct hs_otlp_reader *reader, const char *what);

/* Returns rc. When it is HS_EINVAL and the body came as protobuf, err gets the fault's place. */
int hs_otlp_reader_explain(int rc, enum hs_otlp_signal signal, enum hs_otlp_encoding encoding,
                           struct hs_str body, struct hs_err *err);

#endif
