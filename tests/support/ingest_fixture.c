#include "support/ingest_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/cache_memory/cache_memory.h"
#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "backend/stream_memory.h"
#include "base/fs.h"
#include "base/mem.h"

enum { WAIT_MS = 30000, STOP_MS = 2000, MESSAGES_MAX = 64 << 20 };

struct ack {
    struct ingest_gate *gate;
    struct held_ack held;
};

static void gate_done(void *arg, int rc, const struct hs_err *err)
{
    struct ack ack = *(struct ack *)arg;
    struct ingest_gate *gate = ack.gate;
    bool held;

    hs_free(arg);
    hs_mutex_lock(&gate->lock);
    held = gate->hold;
    if (held) {
        HS_ASSERT(gate->held_n < INGEST_HELD_MAX);
        gate->held[gate->held_n] = ack.held;
        gate->held[gate->held_n++].rc = rc;
        hs_cond_broadcast(&gate->changed);
    }
    hs_mutex_unlock(&gate->lock);
    if (!held)
        ack.held.done_fn(ack.held.arg, rc, err);
}

static int gate_append(struct hs_stream *base, enum hs_topic topic, const struct hs_batch *batch,
                       hs_append_done_fn *done_fn, void *arg, struct hs_err *err)
{
    struct ingest_gate *gate = (struct ingest_gate *)base;
    struct ack *ack = hs_xalloc(sizeof(*ack));
    int rc;

    *ack = (struct ack){gate, {done_fn, arg, HS_OK}};
    rc = hs_stream_append(gate->inner, topic, batch, gate_done, ack, err);
    if (rc != HS_OK)
        hs_free(ack);
    return rc;
}

static int gate_subscribe(struct hs_stream *base, const struct hs_subscription *subscription,
                          struct hs_consumer **out, struct hs_err *err)
{
    return hs_stream_subscribe(((struct ingest_gate *)base)->inner, subscription, out, err);
}

static void gate_stat(struct hs_stream *base, struct hs_stream_stat *out)
{
    hs_stream_stat(((struct ingest_gate *)base)->inner, out);
}

static void release(struct ingest_gate *gate)
{
    struct hs_err err = {0};

    hs_mutex_lock(&gate->lock);
    gate->hold = false;
    while (gate->held_n > 0) {
        struct held_ack held = gate->held[--gate->held_n];

        hs_mutex_unlock(&gate->lock);
        held.done_fn(held.arg, held.rc, &err);
        hs_mutex_lock(&gate->lock);
    }
    hs_mutex_unlock(&gate->lock);
}

static void gate_close(struct hs_stream *base)
{
    struct ingest_gate *gate = (struct ingest_gate *)base;

    if (!gate)
        return;
    release(gate);
    hs_stream_close(gate->inner);
    hs_cond_fini(&gate->changed);
    hs_mutex_fini(&gate->lock);
    hs_free(gate);
}

static const struct hs_stream_ops gate_ops = {
    .name = "gate",
    .caps = HS_STREAM_CAP_ATOMIC_LO,
    .append = gate_append,
    .subscribe = gate_subscribe,
    .stat = gate_stat,
    .close = gate_close,
};

static void must(int rc, const struct hs_err *err)
{
    if (rc != HS_OK)
        fail_msg("%s", err->text);
}

void ingest_fixture_set(struct ingest_fixture *fixture, const char *option, const char *value)
{
    struct hs_err err;

    must(hs_conf_set(&fixture->conf, hs_str_c(option), hs_str_c(value), &err), &err);
}

static void open_stream(struct ingest_fixture *f)
{
    struct hs_stream *inner;
    struct hs_err err;

    must(hs_stream_memory_ops.open(&f->conf, hs_clock_system(), &inner, &err), &err);
    f->fault = stream_fault_new(inner);
    f->gate = hs_xalloc(sizeof(*f->gate));
    f->gate->base.ops = &gate_ops;
    f->gate->inner = f->fault;
    hs_mutex_init(&f->gate->lock, HS_RANK_BACKEND);
    hs_cond_init(&f->gate->changed);
}

struct ingest_fixture *ingest_fixture_new(void)
{
    struct ingest_fixture *f = hs_xalloc(sizeof(*f));
    const struct hs_clock *clock = hs_clock_system();
    struct hs_err err;

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_ingest_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    hs_conf_init(&f->conf);
    ingest_fixture_set(f, "data", f->dir);
    ingest_fixture_set(f, "http.connections_max", "1500");
    ingest_fixture_set(f, "http.connections_ip_max", "1500");
    must(hs_metadata_sqlite_ops.open(&f->conf, &f->metadata, &err), &err);
    must(hs_tenants_create(f->metadata, clock, HS_STR(HS_TENANT_DEFAULT), 0, &err), &err);
    must(hs_keys_open(f->metadata, clock, &f->conf, &f->keys, &err), &err);
    must(hs_cache_memory_ops.open(&f->conf, clock, &f->cache, &err), &err);
    open_stream(f);
    return f;
}

static void bind_one(struct ingest_fixture *f, unsigned index, char out[64])
{
    struct hs_buf text;
    struct hs_err err;

    hs_buf_init(&text, 64);
    must(hs_http_server_listen(f->server, index, "127.0.0.1:0", &text, &err), &err);
    snprintf(out, 64, "%s", hs_buf_cstr(&text));
    hs_buf_fini(&text);
}

void ingest_fixture_start(struct ingest_fixture *f)
{
    const struct hs_collector_deps deps = {&f->conf, hs_clock_system(), &f->gate->base, f->cache,
                                           f->keys};
    struct hs_err err;

    must(hs_http_server_new(&f->conf, hs_clock_system(), &f->server, &err), &err);
    bind_one(f, 0, f->address);
    bind_one(f, 1, f->otlp);
    must(hs_collector_new(&deps, &f->collector, &err), &err);
    must(hs_collector_routes(f->collector, f->server, 1U << 0, 1U << 1, &err), &err);
    must(hs_http_server_start(f->server, &err), &err);
}

void ingest_fixture_free(struct ingest_fixture *f)
{
    if (f->server)
        hs_http_server_stop(f->server, STOP_MS);
    hs_stream_close(&f->gate->base);
    hs_http_server_free(f->server);
    hs_collector_free(f->collector);
    hs_keys_close(f->keys);
    hs_cache_close(f->cache);
    hs_metadata_close(f->metadata);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
}

void ingest_fixture_key(struct ingest_fixture *f, unsigned scopes, const char *origins, double rate,
                        char out[HS_KEY_TEXT_LEN + 1])
{
    const struct hs_key_spec spec = {.tenant = HS_STR(HS_TENANT_DEFAULT),
                                     .name = HS_STR("test"),
                                     .scopes = scopes,
                                     .origins = hs_str_c(origins),
                                     .rate = rate};
    char id[HS_KEY_ID_LEN + 1];
    struct hs_err err;

    must(hs_keys_create(f->metadata, hs_clock_system(), &spec, out, id, &err), &err);
    must(hs_keys_reload(f->keys, &err), &err);
}

void ingest_fixture_hold(struct ingest_fixture *f)
{
    hs_mutex_lock(&f->gate->lock);
    f->gate->hold = true;
    hs_mutex_unlock(&f->gate->lock);
}

void ingest_fixture_wait_held(struct ingest_fixture *f, size_t n)
{
    struct ingest_gate *gate = f->gate;

    hs_mutex_lock(&gate->lock);
    while (gate->held_n < n) {
        if (!hs_cond_wait_ms(&gate->changed, &gate->lock, WAIT_MS))
            fail_msg("%zu of %zu batches were appended", gate->held_n, n);
    }
    hs_mutex_unlock(&gate->lock);
}

void ingest_fixture_release(struct ingest_fixture *f)
{
    release(f->gate);
}

void ingest_send(struct raw_conn *conn, const char *target, const char *headers, const void *body,
                 size_t body_n)
{
    assert_true(raw_sendf(conn,
                          "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n",
                          target, body_n, headers));
    assert_true(raw_send(conn, body, body_n));
}

struct raw_reply ingest_post(const char *address, const char *target, const char *headers,
                             const char *body)
{
    struct raw_reply reply;
    struct raw_conn conn;

    raw_open(&conn, address);
    ingest_send(&conn, target, headers, body, strlen(body));
    reply = raw_read(&conn, false);
    raw_close(&conn);
    return reply;
}

static uint64_t from_start(void *arg, enum hs_topic topic, uint32_t partition,
                           uint64_t offset_start)
{
    (void)arg;
    (void)topic;
    (void)partition;
    return offset_start;
}

char *ingest_fixture_messages(struct ingest_fixture *f, enum hs_topic topic, size_t *out_n)
{
    const struct hs_subscription subscription = {.group = HS_STR("test"),
                                                 .topics = HS_TOPIC_BIT(topic),
                                                 .on_assign = from_start};
    struct hs_consumer *consumer;
    struct hs_records records;
    struct hs_buf out;
    struct hs_err err;

    hs_buf_init(&out, MESSAGES_MAX);
    *out_n = 0;
    must(hs_stream_subscribe(&f->gate->base, &subscription, &consumer, &err), &err);
    do {
        must(hs_consumer_poll(consumer, 10, &records, &err), &err);
        for (size_t i = 0; i < records.n; i++) {
            hs_buf_add_str(&out, records.records[i].value);
            hs_buf_add_char(&out, '\n');
        }
        *out_n += records.n;
    } while (records.n > 0);
    hs_consumer_close(consumer);
    hs_buf_add_char(&out, '\0');
    assert_true(hs_buf_ok(&out));
    return out.p;
}

size_t ingest_fixture_count(struct ingest_fixture *f, enum hs_topic topic)
{
    size_t n;

    hs_free(ingest_fixture_messages(f, topic, &n));
    return n;
}
