/*
 * Takes what is personal out of OTLP messages. Every string of a span, log record, resource or
 * scope is free text to the redactor: names, messages, attribute values at any depth, log bodies.
 * Attributes that name a person or a session (user.id, session.id, …) become pseudonyms, the same
 * that an event's user_id becomes.
 *
 * Most messages have nothing to change: check says so without writing, and the caller copies their
 * bytes as they are. write makes the changed form. What is not in OTLP's schema is kept as it is,
 * or left out when the redactor finds something in it.
 */
#ifndef HS_COLLECTOR_OTLP_SCRUB_H
#define HS_COLLECTOR_OTLP_SCRUB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "collector/intake.h"
#include "net/pb.h"

enum {
    HS_OTLP_ATTRIBUTES_MAX = 1024, /* of one span, event, link, log record, resource or scope */
};

enum hs_otlp_type {
    HS_OTLP_TYPE_SPAN,
    HS_OTLP_TYPE_EVENT,
    HS_OTLP_TYPE_LINK,
    HS_OTLP_TYPE_STATUS,
    HS_OTLP_TYPE_LOG,
    HS_OTLP_TYPE_RESOURCE,
    HS_OTLP_TYPE_SCOPE,
    HS_OTLP_TYPE_ATTR,  /* KeyValue */
    HS_OTLP_TYPE_ENTRY, /* KeyValue inside a value: its key is free text too */
    HS_OTLP_TYPE_VALUE, /* AnyValue */
    HS_OTLP_TYPE_ARRAY,
    HS_OTLP_TYPE_KVLIST,
    HS_OTLP_TYPE_N,
};

struct hs_otlp_scrub {
    const struct hs_intake_rules *rules; /* borrowed */
    struct hs_redact_counts *counts;     /* borrowed; what write redacted */
    struct hs_buf text;                  /* one redacted text */
    bool drop_persons;                   /* write leaves out attributes that name a person */
    uint64_t persons_dropped;            /* by write */
};

void hs_otlp_scrub_init(struct hs_otlp_scrub *scrub);
void hs_otlp_scrub_fini(struct hs_otlp_scrub *scrub);

/* 1: something must change; 0: nothing; HS_EINVAL: malformed; HS_ELIMIT: more than
 * HS_OTLP_DEPTH_MAX levels or HS_OTLP_ATTRIBUTES_MAX attributes, err says which. */
int hs_otlp_scrub_check(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                        struct hs_err *err);
/* The same for one LEN field of a message, for callers that walk the fields themselves; they count
 * the attributes. */
int hs_otlp_scrub_field(struct hs_otlp_scrub *scrub, enum hs_otlp_type type,
                        const struct hs_pb_field *field, struct hs_err *err);

/* Appends the changed form of a message that check accepted. */
void hs_otlp_scrub_write(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                         struct hs_buf *out);

#endif
