/*
 * What tests of the event stream share: a stream in a folder of its own, appends that wait for
 * their done_fn, and a consumer that collects. Failures end the test through cmocka.
 */
#ifndef HS_TESTS_SUPPORT_STREAM_KIT_H
#define HS_TESTS_SUPPORT_STREAM_KIT_H

#include <pthread.h>

#include "backend/stream_local/io_int.h"
#include "port/stream.h"

enum { STREAM_KIT_WAIT_S = 30 };

struct stream_kit {
    const struct hs_stream_ops *ops;
    const struct hs_stream_io *io; /* for the local log; NULL: the system's */
    char data[64];
    struct hs_conf conf;
    struct hs_stream *stream;
};

/* Counts calls of done_fn; kit_done is the function, this its arg. */
struct kit_acks {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    unsigned ok, failed;
    int rc; /* of the last failure */
    struct hs_err err;
};

/* Makes the folder and options with small segments; opens nothing. */
void stream_kit_init(struct stream_kit *kit, const struct hs_stream_ops *ops);
void stream_kit_open(struct stream_kit *kit);
void stream_kit_close(struct stream_kit *kit);
/* Closes and removes the folder. */
void stream_kit_fini(struct stream_kit *kit);
/* <data>/stream/<name> */
const char *stream_kit_path(const struct stream_kit *kit, const char *name, char out[256]);

void kit_acks_init(struct kit_acks *acks);
void kit_done(void *arg, int rc, const struct hs_err *err);
/* Waits, at most STREAM_KIT_WAIT_S, until n were called back. */
void kit_acks_wait(struct kit_acks *acks, unsigned n);

/* Appends n messages with keys "k<first>…" and values of value_n bytes that begin with "v<first>…"
 * for tenant "t1", schema version 7, and waits. Returns append's or done_fn's code. */
int stream_kit_append(struct stream_kit *kit, enum hs_topic topic, unsigned first, unsigned n,
                      size_t value_n);
/* The same; asserts HS_OK. */
void stream_kit_put(struct stream_kit *kit, enum hs_topic topic, unsigned first, unsigned n,
                    size_t value_n);

/* A consumer that begins each topic at `position`. */
struct kit_reader {
    struct hs_consumer *consumer;
    uint64_t position;
    uint64_t start_seen; /* offset_start of the last on_assign */
    unsigned assigned_n;
};
void kit_reader_open(struct kit_reader *reader, struct stream_kit *kit, const char *group,
                     uint32_t topics, bool durable, uint64_t position);
void kit_reader_close(struct kit_reader *reader);
/* Polls until `n` messages came, all of topic, offsets from..from+n-1, whose numbers (the "k<i>" of
 * the key) run from `first`. */
void kit_reader_expect(struct kit_reader *reader, enum hs_topic topic, uint64_t from,
                       unsigned first, unsigned n);
/* Asserts that nothing more is there. */
void kit_reader_expect_end(struct kit_reader *reader);
/* A poll that must fail with rc; returns next. */
uint64_t kit_reader_expect_fail(struct kit_reader *reader, int rc, struct hs_err *err);
void kit_reader_seek(struct kit_reader *reader, enum hs_topic topic, uint64_t offset);
void kit_reader_release(struct kit_reader *reader, enum hs_topic topic, uint64_t offset);
struct hs_lag kit_reader_lag(struct kit_reader *reader, enum hs_topic topic);
/* Waits, bounded, until the topic's lowest kept offset is at least `start`. */
void kit_reader_wait_start(struct kit_reader *reader, enum hs_topic topic, uint64_t start);

#endif
