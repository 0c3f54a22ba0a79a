#include "backend/analytics_clickhouse/clickhouse.h"

#include <stdio.h>

#include "backend/analytics_clickhouse/request.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/native.h"

enum { RESULT_BYTES_DEFAULT = 64 << 20, INSERT_BYTES_MAX = 1 << 30, FORMAT_NAME_MAX = 64 };

struct clickhouse {
    struct hs_analytics base; /* first */
    struct ch_hosts hosts;
    char *user;
    char *password;
    char *user_ro;
    char *password_ro;
};

static struct clickhouse *from_base(struct hs_analytics *analytics)
{
    return HS_CONTAINER_OF(analytics, struct clickhouse, base);
}

static void clickhouse_close(struct hs_analytics *analytics)
{
    struct clickhouse *ch = from_base(analytics);

    if (!analytics)
        return;
    ch_hosts_fini(&ch->hosts);
    hs_free(ch->user);
    hs_free(ch->password);
    hs_free(ch->user_ro);
    hs_free(ch->password_ro);
    hs_free(ch);
}

static int clickhouse_open(const struct hs_conf *conf, const struct hs_clock *clock,
                           struct hs_analytics **out, struct hs_err *err)
{
    struct clickhouse *ch = hs_xalloc(sizeof(*ch));
    int rc;

    ch->base.ops = &hs_analytics_clickhouse_ops;
    ch->user = hs_xstrdup(conf->analytics_user);
    ch->password = hs_xstrdup(conf->analytics_password);
    ch->user_ro = hs_xstrdup(conf->analytics_user_ro);
    ch->password_ro = hs_xstrdup(conf->analytics_password_ro);
    rc = ch_hosts_init(&ch->hosts, conf->analytics_url,
                       (size_t)HS_MAX(conf->analytics_connections_max, 1U), clock, err);
    if (rc != HS_OK) {
        clickhouse_close(&ch->base);
        return rc;
    }
    *out = &ch->base;
    return HS_OK;
}

/* ---- requests over hosts */

static void begin(struct clickhouse *ch, struct ch_request *request, enum ch_op op,
                  enum hs_analytics_user user, int64_t timeout_ms)
{
    bool ro = user == HS_ANALYTICS_RO;

    HS_ASSERT(timeout_ms > 0);
    ch_request_init(request, op);
    request->user = ro ? ch->user_ro : ch->user;
    request->password = ro ? ch->password_ro : ch->password;
    request->deadline_ns = hs_mono_ns(ch->hosts.clock) + (timeout_ms + CH_GRACE_MS) * HS_NS_PER_MS;
    request->response_max = CH_EXCEPTION_BYTES_MAX;
}

/* Tries each host at most once, beginning with `first`, those that rest left out, until one did
 * something. When all rest: HS_EAGAIN at once. @blocks */
static int send_anywhere(struct clickhouse *ch, struct ch_request *request, size_t first,
                         struct hs_http_reply *reply, struct hs_err *err)
{
    int64_t rest_ms = INT64_MAX;
    bool tried = false;
    bool next = true;
    int rc = HS_EAGAIN;
    size_t k;

    for (k = 0; k < ch->hosts.n && next; k++) {
        size_t i = (first + k) % ch->hosts.n;
        int64_t host_rest_ms = ch_host_rest_ms(&ch->hosts, i);

        if (host_rest_ms > 0) {
            rest_ms = HS_MIN(rest_ms, host_rest_ms);
            continue;
        }
        tried = true;
        rc = ch_request_send(request, &ch->hosts, i, reply, &next, err);
    }
    if (tried)
        return rc;
    return hs_err_set(err, HS_EAGAIN, 0,
                      "ClickHouse: all %zu hosts failed lately; the next try is in %lld ms",
                      ch->hosts.n, (long long)rest_ms);
}

/* Every host, back-off or not; the first failure is returned after all were asked. */
static int send_everywhere(struct clickhouse *ch, struct ch_request *request,
                           struct hs_http_reply *reply, struct hs_err *err)
{
    struct hs_err later;
    bool next;
    int rc = HS_OK;
    size_t i;

    for (i = 0; i < ch->hosts.n; i++) {
        int host_rc =
            ch_request_send(request, &ch->hosts, i, reply, &next, rc == HS_OK ? err : &later);

        if (rc == HS_OK)
            rc = host_rc;
    }
    return rc;
}

/* ---- queries */

static int check_format(const char *format, struct hs_err *err)
{
    size_t n = strspn(format, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    if (n == 0 || n > FORMAT_NAME_MAX || format[n] != '\0')
        return hs_err_set(err, HS_EINVAL, 0, "'%.64s' is not the name of a format", format);
    return HS_OK;
}

/* Runs the query in the given format (NULL: none) and leaves the answer in reply. */
static int run(struct clickhouse *ch, enum ch_op op, const struct hs_query *query,
               const char *format, struct hs_http_reply *reply, struct hs_err *err)
{
    struct ch_request request;
    struct hs_buf text;
    int rc;

    begin(ch, &request, op, query->user, query->timeout_ms);
    hs_buf_init(&text, SIZE_MAX / 2);
    hs_buf_add_c(&text, query->sql);
    if (format) { /* on a line of its own: the text may end with a comment */
        HS_BUF_ADD_LIT(&text, "\nFORMAT ");
        hs_buf_add_c(&text, format);
    }
    request.body = hs_buf_str(&text);
    if (op == CH_QUERY)
        request.response_max =
            query->result_bytes_max ? (size_t)query->result_bytes_max : RESULT_BYTES_DEFAULT;
    rc = ch_request_query(&request, query, err);
    if (rc == HS_OK && !hs_buf_ok(&text))
        rc = hs_err_set(err, HS_ELIMIT, 0, "query: no memory for its text");
    if (rc == HS_OK)
        rc = query->every_host && op == CH_EXEC ? send_everywhere(ch, &request, reply, err)
                                                : send_anywhere(ch, &request, 0, reply, err);
    hs_buf_fini(&text);
    ch_request_fini(&request);
    return rc;
}

/* "…"read_rows":"123"…" out of the summary header; 0 when it is not there. */
static uint64_t summary_number(const struct hs_http_reply *reply, const char *key)
{
    struct hs_str summary = hs_http_answer_header(reply, "X-ClickHouse-Summary");
    const char *at = summary.n > 0 ? memmem(summary.p, summary.n, key, strlen(key)) : NULL;
    struct hs_str rest;
    uint64_t v;

    if (!at)
        return 0;
    at += strlen(key);
    rest = hs_str_n(at, summary.n - (size_t)(at - summary.p));
    return hs_str_to_u64(hs_str_n(rest.p, hs_str_index(rest, '"')), &v) == HS_OK ? v : 0;
}

static int decode(struct hs_http_reply *reply, struct hs_arena *arena, struct hs_table *out,
                  struct hs_err *err)
{
    struct hs_table table;
    int rc = HS_OK;

    /* Strings of the table are views into the body, so the arena takes it over. */
    if (reply->body.p) {
        rc = hs_arena_defer(arena, hs_free, reply->body.p);
        if (rc != HS_OK)
            return hs_err_set(err, rc, 0, "ClickHouse: the arena of %zu bytes is full",
                              arena->limit);
    }
    rc = hs_native_decode(hs_buf_str(&reply->body), &hs_native_limits_default, arena, &table, err);
    reply->body.p = NULL;
    reply->body.n = 0;
    reply->body.cap = 0;
    if (rc != HS_OK)
        return rc;
    table.rows_read = summary_number(reply, "\"read_rows\":\"");
    table.bytes_read = summary_number(reply, "\"read_bytes\":\"");
    *out = table;
    return HS_OK;
}

static int clickhouse_query(struct hs_analytics *analytics, const struct hs_query *query,
                            struct hs_arena *arena, struct hs_table *out, struct hs_err *err)
{
    struct hs_http_reply reply;
    int rc;

    hs_http_reply_init(&reply);
    rc = run(from_base(analytics), CH_QUERY, query, "Native", &reply, err);
    if (rc == HS_OK)
        rc = decode(&reply, arena, out, err);
    hs_http_reply_fini(&reply);
    return rc;
}

static int clickhouse_query_raw(struct hs_analytics *analytics, const struct hs_query *query,
                                const char *format, struct hs_buf *out, struct hs_err *err)
{
    struct hs_http_reply reply;
    int rc = check_format(format, err);

    if (rc != HS_OK)
        return rc;
    hs_http_reply_init(&reply);
    rc = run(from_base(analytics), CH_QUERY, query, format, &reply, err);
    if (rc == HS_OK) {
        hs_buf_add_str(out, hs_buf_str(&reply.body));
        if (!hs_buf_ok(out))
            rc = hs_err_set(err, HS_ELIMIT, 0, "ClickHouse: an answer of %zu bytes, room for %zu",
                            reply.body.n, out->max - out->n);
    }
    hs_http_reply_fini(&reply);
    return rc;
}

static int clickhouse_exec(struct hs_analytics *analytics, const struct hs_query *query,
                           struct hs_err *err)
{
    struct hs_http_reply reply;
    int rc;

    hs_http_reply_init(&reply);
    rc = run(from_base(analytics), CH_EXEC, query, NULL, &reply, err);
    hs_http_reply_fini(&reply);
    return rc;
}

/* ---- inserts */

/* Backquoted; a backquote or backslash in a name gets a backslash. */
static void add_identifier(struct hs_buf *out, struct hs_str name)
{
    size_t i;

    hs_buf_add_char(out, '`');
    for (i = 0; i < name.n; i++) {
        if (name.p[i] == '`' || name.p[i] == '\\')
            hs_buf_add_char(out, '\\');
        hs_buf_add_char(out, name.p[i]);
    }
    hs_buf_add_char(out, '`');
}

/* INSERT INTO `db`.`table` (`a`, `b`) FORMAT Native. The names make a column that the table lacks
 * an error, and one that the block lacks a default. */
static void add_insert_sql(struct hs_buf *out, const char *table, const struct hs_table_def *def)
{
    struct hs_str rest = hs_str_c(table);
    struct hs_str part;
    unsigned i;

    HS_BUF_ADD_LIT(out, "INSERT INTO ");
    for (i = 0; hs_str_split(&rest, '.', &part); i++) {
        if (i > 0)
            hs_buf_add_char(out, '.');
        add_identifier(out, part);
    }
    for (i = 0; i < def->columns_n; i++) {
        hs_buf_add_c(out, i == 0 ? " (" : ", ");
        add_identifier(out, hs_str_c(def->columns[i].name));
    }
    HS_BUF_ADD_LIT(out, ") FORMAT Native");
}

static void add_insert_params(struct ch_request *request, const struct hs_insert *insert,
                              const struct hs_table_def *def)
{
    char seconds[32];
    struct hs_buf sql;

    hs_buf_init(&sql, CH_URL_MAX);
    add_insert_sql(&sql, insert->table, def);
    ch_request_param(request, "query", hs_buf_str(&sql));
    hs_buf_fini(&sql);
    snprintf(seconds, sizeof(seconds), "%lld.%03lld", (long long)(insert->timeout_ms / 1000),
             (long long)(insert->timeout_ms % 1000));
    ch_request_param(request, "max_execution_time", hs_str_c(seconds));
    ch_request_param_u64(request, "async_insert", 0);
    ch_request_param_u64(request, "wait_end_of_query", 1);
    if (insert->token.n > 0)
        ch_request_param(request, "insert_deduplication_token", insert->token);
    if (insert->query_id.n > 0)
        ch_request_param(request, "query_id", insert->query_id);
}

/* A token's inserts begin with one host, so that a retry meets its own trace there. */
static size_t insert_host(const struct clickhouse *ch, const struct hs_insert *insert)
{
    return insert->token.n > 0 ? (size_t)(hs_hash64(insert->token) % ch->hosts.n) : 0;
}

static int clickhouse_insert(struct hs_analytics *analytics, const struct hs_insert *insert,
                             const struct hs_block *block, struct hs_err *err)
{
    struct clickhouse *ch = from_base(analytics);
    struct ch_request request;
    struct hs_http_reply reply;
    struct hs_buf body;
    int rc;

    if (block->rows == 0)
        return HS_OK;
    begin(ch, &request, CH_INSERT, HS_ANALYTICS_RW, insert->timeout_ms);
    hs_http_reply_init(&reply);
    hs_buf_init(&body, INSERT_BYTES_MAX);
    add_insert_params(&request, insert, block->def);
    rc = hs_block_encode(block, &body, err);
    request.body = hs_buf_str(&body);
    if (rc == HS_OK && !hs_buf_ok(&request.params))
        rc = hs_err_set(err, HS_ELIMIT, 0, "%s: names of columns are longer than %d bytes",
                        insert->table, CH_URL_MAX);
    if (rc == HS_OK)
        rc = send_anywhere(ch, &request, insert_host(ch, insert), &reply, err);
    hs_buf_fini(&body);
    hs_http_reply_fini(&reply);
    ch_request_fini(&request);
    return rc;
}

/* ---- health */

/* Asks all hosts, resting ones too: one that answers is used again at once. */
static int clickhouse_ping(struct hs_analytics *analytics, int64_t timeout_ms, struct hs_err *err)
{
    struct clickhouse *ch = from_base(analytics);
    bool alive = false;
    size_t i;

    for (i = 0; i < ch->hosts.n; i++) {
        char url[4096];
        struct hs_http_reply reply;
        struct hs_http_call call = {.method = "GET",
                                    .url = url,
                                    .connect_ms = timeout_ms,
                                    .total_ms = timeout_ms,
                                    .response_max = 4096};

        if (snprintf(url, sizeof(url), "%s/ping", ch->hosts.items[i].url) >= (int)sizeof(url))
            return hs_err_set(err, HS_EINVAL, 0, "analytics.url: longer than %zu bytes",
                              sizeof(url));
        hs_http_reply_init(&reply);
        if (hs_http_client_call(ch->hosts.items[i].http, &call, &reply, err) == HS_OK &&
            reply.status == 200) {
            ch_host_worked(&ch->hosts, i);
            alive = true;
        } else if (reply.status == 0 && !reply.no_slot) {
            ch_host_failed(&ch->hosts, i);
        }
        hs_http_reply_fini(&reply);
    }
    if (alive)
        return HS_OK;
    return hs_err_set(err, HS_EAGAIN, 0, "ClickHouse: none of %zu hosts answers within %lld ms",
                      ch->hosts.n, (long long)timeout_ms);
}

const struct hs_analytics_ops hs_analytics_clickhouse_ops = {
    .name = "clickhouse",
    .open = clickhouse_open,
    .query = clickhouse_query,
    .query_raw = clickhouse_query_raw,
    .exec = clickhouse_exec,
    .insert = clickhouse_insert,
    .ping = clickhouse_ping,
    .close = clickhouse_close,
};
