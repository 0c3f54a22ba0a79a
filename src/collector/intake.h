/*
 * Intake: from a request's bytes to messages for the stream. An intake lives for one request: the
 * readers (native JSON, UBI, OTLP) call hs_intake_event for each event, or add span and log
 * messages themselves; then the collector appends the batches of all topics and answers when all
 * are durable.
 *
 * Everything personal is gone when a message is in a batch: redaction and pseudonyms happen inside
 * hs_intake_event and in the OTLP rewriter, never later.
 */
#ifndef HS_COLLECTOR_INTAKE_H
#define HS_COLLECTOR_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "collector/parser.h"
#include "collector/redact.h"
#include "model/event.h"
#include "port/stream.h"

enum hs_source { HS_SOURCE_NATIVE, HS_SOURCE_UBI, HS_SOURCE_SPAN };
/* "native", "ubi", "span" */
const char *hs_source_name(enum hs_source source);

/* What is the same for every event of a request. Borrowed for the life of the intake. */
struct hs_intake_rules {
    struct hs_str tenant;
    int64_t received_ns;  /* wall clock */
    int64_t late_max_ns;  /* older: receive time instead, flagged; ignored for imports */
    int64_t early_max_ns; /* further ahead: the same */
    int64_t retention_ns; /* imports: older is refused with HS_EINVAL */
    bool import;
    enum hs_source source;
    const struct hs_redactor *redactor;
    bool pseudonyms;
    unsigned char pseudonym_key[16];
    struct hs_str idempotency_key; /* header Idempotency-Key; empty: none */
};

/* Where a message lies in its topic's bytes: the value follows the key. */
struct hs_intake_place {
    size_t key_at, key_n, value_at, value_n;
};

/* One topic's messages, kept as offsets into one growing buffer until the request is read whole. */
struct hs_intake_topic {
    struct hs_buf bytes;
    struct hs_intake_place *messages; /* owned */
    size_t n, cap;
};

struct hs_intake_counts {
    uint64_t accepted;
    uint64_t time_future, time_late; /* timestamps replaced by receive time */
    uint64_t consent_dropped;        /* personal ids dropped for want of consent */
    uint64_t latency_refused;
    uint64_t schema_violations; /* UBI: accepted though the schema says no */
    struct hs_redact_counts redacted;
};

struct hs_intake {
    const struct hs_intake_rules *rules;
    struct hs_intake_topic topics[HS_TOPIC_N];
    struct hs_intake_counts counts;
    struct hs_buf scratch;   /* redacted and normalised texts of the event in work */
    struct hs_buf rebuilt;   /* results with their positions filled in */
    struct hs_arena texts;   /* redacted texts of the event in work */
    struct hs_arena ids;     /* event ids handed out */
    struct hs_parser parser; /* for the readers: one document at a time */
    struct hs_event event;   /* for the readers: the event in work */
    uint64_t bytes_max;      /* of all topics together */
};

/* bytes_max bounds the messages of one request. */
void hs_intake_init(struct hs_intake *intake, const struct hs_intake_rules *rules,
                    uint64_t bytes_max);
void hs_intake_fini(struct hs_intake *intake); /* NULL is a no-op */
/* Empty again under other rules, memory kept: intakes are pooled per thread. */
void hs_intake_reset(struct hs_intake *intake, const struct hs_intake_rules *rules);

/* A missing event_id becomes hash128(tenant, Idempotency-Key, index) as a UUID of version 8, or
 * without such a key a UUID of version 7. This makes the former from any text that a producer
 * repeats when it sends an event again. */
void hs_intake_derive_id(const struct hs_intake *intake, struct hs_str what, size_t index,
                         char out[36]);

/* Completes one event (id, times, source, trace id lower case, pseudonyms, consent, redaction,
 * normalised query, fingerprint, bot, application := service, kind := search, status) and adds its
 * messages: search → search.events (and search.errors when it failed, under the same event id),
 * error → search.errors, result → search.results. `index` is the event's place in the request, for
 * derived ids. out_id (may be NULL) gets the event id, valid until fini or reset. HS_EINVAL:
 * refused, err says which field, value and rule; HS_ELIMIT: bytes_max, err->sys is 0. A refused
 * event leaves nothing behind but its count. `event` is changed; its document may be too (texts are
 * redacted in place). event_type must be set, timestamp is I64 microseconds. */
int hs_intake_event(struct hs_intake *intake, struct hs_event *event, size_t index,
                    struct hs_str *out_id, struct hs_err *err);

/* Adds a ready message (OTLP). HS_ELIMIT. */
int hs_intake_message(struct hs_intake *intake, enum hs_topic topic, struct hs_str key,
                      struct hs_str value, struct hs_err *err);

/* The topic's messages as a batch for hs_stream_append: fills `messages` (room for n) with views
 * into the intake. Returns n. */
size_t hs_intake_messages(const struct hs_intake *intake, enum hs_topic topic,
                          struct hs_message *messages);

#endif
