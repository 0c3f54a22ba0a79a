/*
 * The event stream: an append-only log of messages by topic, behind which stand the local segment
 * log, Kafka, or memory (tests).
 *
 * A message acknowledged by append's done_fn is durable: on disk in the local log, or acknowledged
 * by all in-sync replicas. Offsets grow by one a message within a (topic, partition) of a
 * stream_id; Kafka may leave gaps. A consumer's place is kept by the consumer itself (in metadata),
 * never here.
 */
#ifndef HS_PORT_STREAM_H
#define HS_PORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

enum hs_topic {
    HS_TOPIC_EVENTS,    /* search.events: JSON, one executed search a message */
    HS_TOPIC_RESULTS,   /* search.results: JSON, one action a message */
    HS_TOPIC_ERRORS,    /* search.errors: JSON, one failure a message */
    HS_TOPIC_SPANS,     /* search.spans: OTLP protobuf TracesData, one trace of a request */
    HS_TOPIC_LOGS,      /* search.logs: OTLP protobuf LogsData, one service of a request */
    HS_TOPIC_ANOMALIES, /* search.anomalies: JSON, incidents opened and closed */
    HS_TOPIC_DLQ,       /* search.dlq: JSON, what was refused after acceptance, with the reason */
    HS_TOPIC_N,
};
#define HS_TOPIC_BIT(topic) (1U << (topic))

/* "search.events"; NULL for a value out of range. @thread any */
const char *hs_topic_name(enum hs_topic topic);
/* HS_ENOTFOUND for other words. @thread any */
int hs_topic_parse(struct hs_str name, enum hs_topic *out);

enum {
    HS_STREAM_TENANT_MAX = 256,            /* bytes of a batch's tenant */
    HS_STREAM_KEY_MAX = 1024,              /* bytes of a message key */
    HS_STREAM_VALUE_MAX = 8 << 20,         /* bytes of one message value */
    HS_STREAM_BATCH_MAX = 100000,          /* messages of one batch */
    HS_STREAM_BATCH_BYTES_MAX = 128 << 20, /* keys and values of one batch */
};

struct hs_message {
    struct hs_str key; /* query id or trace id; may be empty */
    struct hs_str value;
};

/* Messages of one topic and one tenant, in order. All views are borrowed by append until it
 * returns: the backend copies (or compresses) what it keeps. */
struct hs_batch {
    struct hs_str tenant;
    uint32_t schema_version; /* of the messages' form; see schema/ */
    const struct hs_message *messages;
    size_t n;
};

/* Called once for each append that returned HS_OK, from a thread of the backend or from within
 * append itself. rc is HS_OK when every message of the batch is durable; else HS_EIO, HS_EAGAIN or
 * HS_ETIMEOUT: the batch may or may not be in the stream. Must not block. */
typedef void hs_append_done_fn(void *arg, int rc, const struct hs_err *err);

struct hs_record {
    uint64_t offset;
    int64_t appended_ns; /* wall clock of the appender; informative */
    uint32_t schema_version;
    struct hs_str tenant;
    struct hs_str key;
    struct hs_str value;
};

/* What one poll gives: messages of one (topic, partition), ascending offsets. Views are borrowed
 * until the consumer's next poll, seek or close. n == 0 means that the wait passed without any. */
struct hs_records {
    struct hs_str stream_id; /* UUID of the log; a cluster id for Kafka */
    enum hs_topic topic;
    uint32_t partition;
    const struct hs_record *records;
    size_t n;
    uint64_t next; /* the offset to read next in this (topic, partition) */
};

struct hs_position {
    enum hs_topic topic;
    uint32_t partition;
    uint64_t offset; /* the first offset that was not yet handled */
};

struct hs_lag {
    enum hs_topic topic;
    uint32_t partition;
    uint64_t start;    /* lowest offset still kept */
    uint64_t end;      /* offset that the next message will get */
    uint64_t position; /* next offset that this consumer reads */
};

struct hs_stream_stat {
    struct hs_str stream_id;  /* borrowed until close */
    uint64_t bytes_on_disk;   /* local log only, else 0 */
    uint64_t disk_free_bytes; /* local log only, else 0 */
    uint64_t disk_free_min_bytes;
    uint64_t append_queue_bytes; /* accepted by append, done_fn not yet called */
    bool refusing;               /* append answers HS_EAGAIN because the disk is full */
};

enum hs_stream_caps {
    HS_STREAM_CAP_PARTITIONS = 1 << 0, /* more than partition 0 may exist */
    HS_STREAM_CAP_ATOMIC_LO = 1 << 1,  /* offsets have no gaps */
};

struct hs_stream;
struct hs_consumer;

/* A consumer gained (topic, partition): the owner answers with the offset to start at. Called from
 * within poll. offset_start is the lowest kept offset, for gap checks. */
typedef uint64_t hs_assign_fn(void *arg, enum hs_topic topic, uint32_t partition,
                              uint64_t offset_start);
/* It lost the partition: what is in flight must be finished or abandoned before this returns. */
typedef void hs_revoke_fn(void *arg, enum hs_topic topic, uint32_t partition);

struct hs_subscription {
    struct hs_str group; /* consumer group, [a-z0-9._-]{1,64} */
    uint32_t topics;     /* HS_TOPIC_BIT of each */
    bool durable;        /* pins the log: nothing at or past its released offset is deleted */
    hs_assign_fn *on_assign;
    hs_revoke_fn *on_revoke; /* may be NULL */
    void *arg;
};

struct hs_stream_ops {
    const char *name; /* the word used for `stream` in the configuration */
    unsigned caps;    /* enum hs_stream_caps */

    /* Opens or creates the stream. HS_EINVAL for bad options, HS_ECONFLICT when another process has
     * it, HS_ECORRUPT when what is stored can't be read past repair, HS_EIO. @blocks */
    int (*open)(const struct hs_conf *conf, const struct hs_clock *clock, struct hs_stream **out,
                struct hs_err *err);

    /* Takes the batch for appending. HS_OK: done_fn will be called once. HS_EAGAIN: queue or disk
     * full, nothing was done, done_fn is not called. HS_ELIMIT: the batch passes a limit above.
     * Never blocks on disk or network. A retry after a failed done_fn may double (dedup by event id
     * comes later). @thread any */
    int (*append)(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                  hs_append_done_fn *done_fn, void *arg, struct hs_err *err);

    /* Makes a consumer. HS_EINVAL for a bad group. The first polls call on_assign. @thread any */
    int (*subscribe)(struct hs_stream *stream, const struct hs_subscription *subscription,
                     struct hs_consumer **out, struct hs_err *err);

    /* @thread any */
    void (*stat)(struct hs_stream *stream, struct hs_stream_stat *out);

    /* Finishes queued appends (their done_fn are called), then frees. Consumers must be closed
     * before. NULL is a no-op. @blocks */
    void (*close)(struct hs_stream *stream);
};

struct hs_consumer_ops {
    /* Waits at most wait_ms for messages. Goes round robin over its (topic, partition)s. HS_OK with
     * n == 0: nothing came. HS_ECORRUPT: a stored record does not parse, or acknowledged messages
     * are missing; err names segment and offset, and the consumer stands before it; out->topic,
     * partition and next name the first offset that can be read again, so that the caller can
     * record a gap and seek there. HS_ENOTFOUND: the place asked for lies below the log's start;
     * out->topic, partition and next name it: the caller records a gap and seeks to next.
     * HS_EAGAIN: backend away. One thread at a time. @blocks */
    int (*poll)(struct hs_consumer *consumer, int wait_ms, struct hs_records *out,
                struct hs_err *err);

    /* Sets the next offset of an assigned (topic, partition). HS_EINVAL when it is not assigned. */
    int (*seek)(struct hs_consumer *consumer, const struct hs_position *position,
                struct hs_err *err);

    /* Everything below position->offset is durable elsewhere and may be deleted. Never goes back.
     * For Kafka this commits the group's offset for displays. @thread any */
    int (*release)(struct hs_consumer *consumer, const struct hs_position *position,
                   struct hs_err *err);

    /* Fills at most out_max rows, returns their number or a negative code. @thread any */
    int (*lag)(struct hs_consumer *consumer, struct hs_lag *out, size_t out_max,
               struct hs_err *err);

    /* NULL is a no-op. */
    void (*close)(struct hs_consumer *consumer);
};

/* First members of every backend's own structs. */
struct hs_stream {
    const struct hs_stream_ops *ops;
};
struct hs_consumer {
    const struct hs_consumer_ops *ops;
};

/* Call wrappers: they assert arguments, check the limits above and measure. Semantics as in the
 * slots. Nobody else writes stream->ops. */
int hs_stream_append(struct hs_stream *stream, enum hs_topic topic, const struct hs_batch *batch,
                     hs_append_done_fn *done_fn, void *arg, struct hs_err *err);
int hs_stream_subscribe(struct hs_stream *stream, const struct hs_subscription *subscription,
                        struct hs_consumer **out, struct hs_err *err);
void hs_stream_stat(struct hs_stream *stream, struct hs_stream_stat *out);
unsigned hs_stream_caps(const struct hs_stream *stream);
void hs_stream_close(struct hs_stream *stream);
int hs_consumer_poll(struct hs_consumer *consumer, int wait_ms, struct hs_records *out,
                     struct hs_err *err);
int hs_consumer_seek(struct hs_consumer *consumer, const struct hs_position *position,
                     struct hs_err *err);
int hs_consumer_release(struct hs_consumer *consumer, const struct hs_position *position,
                        struct hs_err *err);
int hs_consumer_lag(struct hs_consumer *consumer, struct hs_lag *out, size_t out_max,
                    struct hs_err *err);
void hs_consumer_close(struct hs_consumer *consumer);

#endif
