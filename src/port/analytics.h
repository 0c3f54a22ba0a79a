/*
 * Analytics: ClickHouse over HTTP, the embedded store and a cluster alike.
 */
#ifndef HS_PORT_ANALYTICS_H
#define HS_PORT_ANALYTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"
#include "model/block.h"
#include "model/table.h"

/* A query parameter: {name:Type} in the SQL text. The value is plain text; the backend escapes. */
struct hs_param {
    const char *name;
    struct hs_str value;
};

enum hs_analytics_user {
    HS_ANALYTICS_RW, /* engine, migrations */
    HS_ANALYTICS_RO, /* gateway */
};

struct hs_query {
    const char *sql; /* without FORMAT clause */
    const struct hs_param *params;
    size_t params_n;
    enum hs_analytics_user user;
    int64_t timeout_ms;        /* > 0; also sent as max_execution_time */
    uint64_t rows_read_max;    /* 0: no bound; beyond: HS_ELIMIT, err->sys = 158 */
    uint64_t result_bytes_max; /* of the answer in memory; 0: 64 MiB */
    struct hs_str query_id;    /* empty: none */
    bool every_host;           /* exec only: on each host of analytics.url, not on one of them */
    const char *settings;      /* extra "name=value&name=value", URL-encoded already; NULL: none */
};

struct hs_insert {
    const char *table;   /* with database: "haystat.searches" */
    struct hs_str token; /* insert_deduplication_token; empty: none */
    struct hs_str query_id;
    int64_t timeout_ms;
};

struct hs_analytics;

struct hs_analytics_ops {
    const char *name; /* "clickhouse" */

    int (*open)(const struct hs_conf *conf, const struct hs_clock *clock, struct hs_analytics **out,
                struct hs_err *err);

    /* Runs a SELECT and decodes the answer into arena. HS_EINVAL: the server refused the query
     * itself (syntax, unknown name; err->sys is ClickHouse's code). HS_ELIMIT: a row, byte, time or
     * memory limit of the query (158, 159, 160, 241, 307, 396). HS_EAGAIN: the server is away,
     * overloaded or starting: nothing was done. HS_ETIMEOUT: our deadline. HS_ECORRUPT: the answer
     * does not parse, or ended with an exception after it began with other codes.
     * Retries within the timeout only what is safe. @thread any @blocks */
    int (*query)(struct hs_analytics *analytics, const struct hs_query *query,
                 struct hs_arena *arena, struct hs_table *out, struct hs_err *err);

    /* As query, but appends the raw answer in `format` ("JSON", "JSONEachRow", …) to out. */
    int (*query_raw)(struct hs_analytics *analytics, const struct hs_query *query,
                     const char *format, struct hs_buf *out, struct hs_err *err);

    /* Runs a statement without a result (DDL, INSERT … SELECT, ALTER, KILL). Never retried unless
     * nothing reached the server. HS_ETIMEOUT and HS_EIO: the outcome is unknown. @blocks */
    int (*exec)(struct hs_analytics *analytics, const struct hs_query *query, struct hs_err *err);

    /* Inserts one block in Native format (async_insert=0, wait_end_of_query=1), one attempt. HS_OK:
     * the rows are in the table (or the token was known). HS_EINVAL: the server refused a row or
     * the block (err->sys is its code): the same block will always fail. HS_EAGAIN: nothing was
     * inserted. HS_EIO, HS_ETIMEOUT: unknown; send the same block under the same token. @blocks */
    int (*insert)(struct hs_analytics *analytics, const struct hs_insert *insert,
                  const struct hs_block *block, struct hs_err *err);

    /* GET /ping. HS_EAGAIN when it does not answer within timeout_ms. */
    int (*ping)(struct hs_analytics *analytics, int64_t timeout_ms, struct hs_err *err);

    void (*close)(struct hs_analytics *analytics); /* NULL is a no-op */
};

struct hs_analytics {
    const struct hs_analytics_ops *ops;
};

int hs_analytics_query(struct hs_analytics *analytics, const struct hs_query *query,
                       struct hs_arena *arena, struct hs_table *out, struct hs_err *err);
int hs_analytics_query_raw(struct hs_analytics *analytics, const struct hs_query *query,
                           const char *format, struct hs_buf *out, struct hs_err *err);
int hs_analytics_exec(struct hs_analytics *analytics, const struct hs_query *query,
                      struct hs_err *err);
int hs_analytics_insert(struct hs_analytics *analytics, const struct hs_insert *insert,
                        const struct hs_block *block, struct hs_err *err);
int hs_analytics_ping(struct hs_analytics *analytics, int64_t timeout_ms, struct hs_err *err);
void hs_analytics_close(struct hs_analytics *analytics);

/* Asks each server to end the queries whose id begins so (KILL QUERY … ASYNC, or SYNC: waits until
 * they have ended). None running is HS_OK. Needs the HS_ANALYTICS_RW user. Returns as exec.
 * @thread any @blocks */
int hs_analytics_kill(struct hs_analytics *analytics, struct hs_str prefix, bool sync,
                      int64_t timeout_ms, struct hs_err *err);

#endif
