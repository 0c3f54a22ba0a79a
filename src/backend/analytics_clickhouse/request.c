#include "backend/analytics_clickhouse/request.h"

#include <stdio.h>

#include "base/mem.h"

void ch_request_init(struct ch_request *request, enum ch_op op)
{
    *request = (struct ch_request){.op = op};
    hs_buf_init(&request->params, CH_URL_MAX);
}

void ch_request_fini(struct ch_request *request)
{
    hs_buf_fini(&request->params);
}

/* ---- parameters */

static void add_name(struct ch_request *request, const char *prefix, const char *name)
{
    if (request->params.n > 0)
        hs_buf_add_char(&request->params, '&');
    hs_buf_add_c(&request->params, prefix);
    hs_buf_add_c(&request->params, name);
    hs_buf_add_char(&request->params, '=');
}

void ch_request_param(struct ch_request *request, const char *name, struct hs_str value)
{
    add_name(request, "", name);
    hs_http_url_encode(&request->params, value);
}

void ch_request_param_u64(struct ch_request *request, const char *name, uint64_t value)
{
    add_name(request, "", name);
    hs_buf_add_u64(&request->params, value);
}

static bool is_name(const char *name)
{
    size_t i;

    for (i = 0; name[i]; i++) {
        bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                      name[i] == '_';
        bool digit = name[i] >= '0' && name[i] <= '9';

        if (!letter && !(digit && i > 0))
            return false;
    }
    return i > 0;
}

/* The letter behind the backslash in TSV, 0 when the byte stands for itself. */
static char tsv_escape(char c)
{
    switch (c) {
    case '\0': return '0';
    case '\b': return 'b';
    case '\t': return 't';
    case '\n': return 'n';
    case '\f': return 'f';
    case '\r': return 'r';
    case '\\': return '\\';
    default: return 0;
    }
}

int ch_request_query_param(struct ch_request *request, const struct hs_param *param,
                           struct hs_err *err)
{
    size_t start = 0;
    size_t i;

    if (!is_name(param->name))
        return hs_err_set(err, HS_EINVAL, 0, "query parameter '%s': not a name", param->name);
    add_name(request, "param_", param->name);
    for (i = 0; i < param->value.n; i++) {
        char escaped[2] = {'\\', tsv_escape(param->value.p[i])};

        if (!escaped[1])
            continue;
        hs_http_url_encode(&request->params, hs_str_n(param->value.p + start, i - start));
        hs_http_url_encode(&request->params, hs_str_n(escaped, sizeof(escaped)));
        start = i + 1;
    }
    hs_http_url_encode(&request->params, hs_str_n(param->value.p + start, param->value.n - start));
    return HS_OK;
}

/* Whether the caller's own settings name this one: theirs counts. */
static bool has_setting(const struct hs_query *query, const char *name)
{
    struct hs_str rest = hs_str_c(query->settings);
    struct hs_str part;

    while (hs_str_split(&rest, '&', &part)) {
        if (hs_str_eq_c(hs_str_n(part.p, hs_str_index(part, '=')), name))
            return true;
    }
    return false;
}

/*
 * Settings that a readonly user must be allowed to change (docs/analytics.md): max_execution_time,
 * max_rows_to_read, read_overflow_mode, cancel_http_readonly_queries_on_client_close.
 */
int ch_request_query(struct ch_request *request, const struct hs_query *query, struct hs_err *err)
{
    char seconds[32];
    size_t i;
    int rc = HS_OK;

    HS_ASSERT(query->timeout_ms > 0);
    snprintf(seconds, sizeof(seconds), "%lld.%03lld", (long long)(query->timeout_ms / 1000),
             (long long)(query->timeout_ms % 1000));
    ch_request_param(request, "max_execution_time", hs_str_c(seconds));
    if (!has_setting(query, "wait_end_of_query"))
        ch_request_param_u64(request, "wait_end_of_query", 1);
    if (request->op == CH_QUERY)
        ch_request_param_u64(request, "cancel_http_readonly_queries_on_client_close", 1);
    if (query->query_id.n > 0)
        ch_request_param(request, "query_id", query->query_id);
    if (query->rows_read_max > 0) {
        ch_request_param_u64(request, "max_rows_to_read", query->rows_read_max);
        ch_request_param(request, "read_overflow_mode", HS_STR("throw"));
    }
    for (i = 0; i < query->params_n && rc == HS_OK; i++)
        rc = ch_request_query_param(request, &query->params[i], err);
    if (rc == HS_OK && query->settings && query->settings[0]) {
        hs_buf_add_char(&request->params, '&');
        hs_buf_add_c(&request->params, query->settings);
    }
    if (rc == HS_OK && !hs_buf_ok(&request->params))
        return hs_err_set(err, HS_ELIMIT, 0, "query: parameters are longer than %d bytes",
                          CH_URL_MAX);
    return rc;
}

/* ---- outcome */

static int header_code(const struct hs_http_reply *reply)
{
    struct hs_str value = hs_http_answer_header(reply, "X-ClickHouse-Exception-Code");
    uint64_t code;

    if (hs_str_to_u64(value, &code) != HS_OK || code > 1000000)
        return 0;
    return (int)code;
}

/* The exception as an error. The text is cut before the place that prints the host's version. */
static int exception_rc(const struct ch_request *request, const struct hs_http_reply *reply,
                        const struct ch_exception *exception, struct hs_err *err)
{
    enum ch_class class = ch_classify(exception->code, reply->status, exception->text);
    int rc = ch_class_rc(class, request->op);

    /* Data came and then an error that is no limit of the query: the answer is torn. */
    if (request->op == CH_QUERY && reply->status == 200 && rc != HS_ELIMIT)
        rc = HS_ECORRUPT;
    return hs_err_set(err, rc, exception->code, "ClickHouse: %.*s",
                      (int)HS_MIN(exception->text.n, (size_t)400), exception->text.p);
}

/* An answer other than 200 without ClickHouse's exception header: a proxy, or another server. */
static int foreign_status_rc(const struct ch_request *request, int status, struct hs_err *err)
{
    int rc = HS_EIO;

    if (status == 429 || status == 503 || status == 401 || status == 403 || status == 407)
        rc = HS_EAGAIN; /* refused before anything ran */
    else if (status == 504)
        rc = request->op == CH_QUERY ? HS_EAGAIN : HS_ETIMEOUT;
    return hs_err_set(err, rc, status, "HTTP status %d without ClickHouse's exception", status);
}

static int transport_rc(const struct ch_request *request, int rc, struct hs_err *err)
{
    /* A SELECT that broke off has done nothing, so it may be asked again. */
    if (rc == HS_EIO && request->op == CH_QUERY) {
        if (err)
            err->rc = HS_EAGAIN;
        return HS_EAGAIN;
    }
    return rc;
}

/* Judges what came. On success cuts nothing; an exception behind the data is an error. */
static int judge(const struct ch_request *request, struct hs_http_reply *reply, int rc,
                 struct hs_err *err)
{
    struct ch_exception exception = {0, hs_buf_str(&reply->body)};
    struct hs_str tag = hs_http_answer_header(reply, "X-ClickHouse-Exception-Tag");
    size_t data_n;

    if (rc != HS_OK && rc != HS_EIO)
        return transport_rc(request, rc, err);
    if (reply->status == 200) {
        if (ch_find_exception(hs_buf_str(&reply->body), tag, rc != HS_OK, &exception, &data_n))
            return exception_rc(request, reply, &exception, err);
        return rc == HS_OK ? HS_OK : transport_rc(request, rc, err);
    }
    exception.code = header_code(reply);
    if (exception.code == 0)
        exception.code = ch_exception_code(exception.text);
    if (exception.code != 0)
        return exception_rc(request, reply, &exception, err);
    return rc == HS_OK ? foreign_status_rc(request, reply->status, err)
                       : transport_rc(request, rc, err);
}

/* A host that answers is well, whatever it says; a time-out says nothing: queries are slow. */
static void keep_score(struct ch_hosts *hosts, size_t i, const struct hs_http_reply *reply,
                       int transport, int rc)
{
    bool answered = transport == HS_OK || (transport == HS_EIO && rc != HS_EIO && rc != HS_EAGAIN);
    bool away = reply->status == 429 || reply->status == 502 || reply->status == 503;

    if (answered && !away)
        ch_host_worked(hosts, i);
    else if (away || transport == HS_EIO || (transport == HS_EAGAIN && !reply->no_slot))
        ch_host_failed(hosts, i);
}

static int send_once(struct ch_request *request, struct ch_host *host, int64_t left_ms,
                     struct hs_http_reply *reply, struct hs_err *err)
{
    const struct hs_http_field fields[] = {
        {"X-ClickHouse-User", hs_str_c(request->user)},
        {"X-ClickHouse-Key", hs_str_c(request->password)},
        {"Content-Type", HS_STR("application/octet-stream")},
    };
    struct hs_buf url;
    struct hs_http_call call = {
        .method = "POST",
        .fields = fields,
        .fields_n = HS_ARRAY_LEN(fields),
        .body = request->body,
        .connect_ms = CH_CONNECT_MS,
        .total_ms = left_ms,
        .response_max = HS_MAX(request->response_max, (size_t)CH_EXCEPTION_BYTES_MAX),
        .once = request->op != CH_QUERY,
    };
    int rc;

    hs_buf_init(&url, 2 * CH_URL_MAX);
    hs_buf_add_c(&url, host->url);
    HS_BUF_ADD_LIT(&url, "/?");
    hs_buf_add_str(&url, hs_buf_str(&request->params));
    call.url = hs_buf_cstr(&url);
    rc = hs_http_client_call(host->http, &call, reply, err);
    hs_buf_fini(&url);
    return rc;
}

int ch_request_send(struct ch_request *request, struct ch_hosts *hosts, size_t i,
                    struct hs_http_reply *reply, bool *out_next, struct hs_err *err)
{
    int64_t left_ms = (request->deadline_ns - hs_mono_ns(hosts->clock)) / HS_NS_PER_MS;
    int transport;
    int rc;

    *out_next = false;
    if (left_ms <= 0)
        return hs_err_set(err, HS_ETIMEOUT, 0, "ClickHouse: no time left to ask");
    transport = send_once(request, &hosts->items[i], left_ms, reply, err);
    rc = judge(request, reply, transport, err);
    if (rc == HS_OK && reply->body.n > request->response_max)
        rc = hs_err_set(err, HS_ELIMIT, 0, "ClickHouse: an answer of more than %zu bytes",
                        request->response_max);
    keep_score(hosts, i, reply, transport, rc);
    *out_next = rc == HS_EAGAIN;
    if (rc != HS_OK && transport == HS_OK && err && err->sys == 0)
        err->sys = reply->status;
    return rc;
}
