/*
 * A collector behind a real HTTP server: memory stream, memory cache, keys over SQLite in a folder
 * of its own. Between the collector and the stream stand two decorators: one that fails on purpose
 * (stream_fault.h) and one that holds the acknowledgements back.
 */
#ifndef HS_TESTS_INGEST_FIXTURE_H
#define HS_TESTS_INGEST_FIXTURE_H

#include "base/thread.h"
#include "collector/collector.h"
#include "port/keys.h"
#include "support/http_raw.h"
#include "support/stream_fault.h"

struct held_ack {
    hs_append_done_fn *done_fn;
    void *arg;
    int rc;
};

enum { INGEST_HELD_MAX = 4096 };

/* What the test asks of the stream. */
struct ingest_gate {
    struct hs_stream base; /* first */
    struct hs_stream *inner;
    struct hs_mutex lock;
    struct hs_cond changed;
    bool hold;
    struct held_ack held[INGEST_HELD_MAX];
    size_t held_n;
};

struct ingest_fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_metadata *metadata;
    struct hs_keys *keys;
    struct hs_cache *cache;
    struct hs_stream *fault; /* for stream_fault_arm */
    struct ingest_gate *gate;
    struct hs_http_server *server;
    struct hs_collector *collector;
    char address[64]; /* the gateway's listener */
    char otlp[64];
};

/* Opens everything but the server; the test may then set options. */
struct ingest_fixture *ingest_fixture_new(void);
void ingest_fixture_start(struct ingest_fixture *fixture);
/* Closes in the order of `haystat serve`. */
void ingest_fixture_free(struct ingest_fixture *fixture);

void ingest_fixture_set(struct ingest_fixture *fixture, const char *option, const char *value);
/* Makes a key that counts at once. */
void ingest_fixture_key(struct ingest_fixture *fixture, unsigned scopes, const char *origins,
                        double rate, char out[HS_KEY_TEXT_LEN + 1]);

/* Acknowledgements are held from here on; release hands them out and ends that. */
void ingest_fixture_hold(struct ingest_fixture *fixture);
void ingest_fixture_wait_held(struct ingest_fixture *fixture, size_t n);
void ingest_fixture_release(struct ingest_fixture *fixture);

/* Sends a request line and headers (each ended by CRLF) with a body of that length. */
void ingest_send(struct raw_conn *conn, const char *target, const char *headers, const void *body,
                 size_t body_n);
/* One POST on a connection of its own. */
struct raw_reply ingest_post(const char *address, const char *target, const char *headers,
                             const char *body);
/* The messages of a topic that are in the stream, joined by newlines; the caller frees. */
char *ingest_fixture_messages(struct ingest_fixture *fixture, enum hs_topic topic, size_t *out_n);
size_t ingest_fixture_count(struct ingest_fixture *fixture, enum hs_topic topic);

#endif
