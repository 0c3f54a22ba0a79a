#include "net/http_client.h"

#include <curl/curl.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

enum {
    IDLE_CONNECTION_S = 8, /* below the keep-alive times usual in servers, 10 s and more */
    CONNECTIONS_OF_HANDLE = 4,
};

struct hs_http_client {
    struct hs_mutex mutex;
    struct hs_cond freed;
    CURL **idle; /* a stack: what was used last is warmest */
    size_t idle_n;
    size_t made;
    size_t made_max;
};

int hs_http_client_open(size_t connections_max, struct hs_http_client **out, struct hs_err *err)
{
    struct hs_http_client *client;

    HS_ASSERT(connections_max > 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted by libcurl, thread-safe */
        return hs_err_set(err, HS_EIO, 0, "libcurl does not start");
    client = hs_xalloc(sizeof(*client));
    client->idle = hs_try_calloc(connections_max, sizeof(CURL *));
    if (!client->idle) {
        hs_free(client);
        curl_global_cleanup();
        return hs_err_set(err, HS_ELIMIT, 0, "HTTP client: %zu connections do not fit",
                          connections_max);
    }
    client->made_max = connections_max;
    hs_mutex_init(&client->mutex, HS_RANK_HTTP);
    hs_cond_init(&client->freed);
    *out = client;
    return HS_OK;
}

void hs_http_client_close(struct hs_http_client *client)
{
    if (!client)
        return;
    HS_ASSERT(client->idle_n == client->made);
    while (client->idle_n > 0)
        curl_easy_cleanup(client->idle[--client->idle_n]);
    hs_cond_fini(&client->freed);
    hs_mutex_fini(&client->mutex);
    hs_free(client->idle);
    hs_free(client);
    curl_global_cleanup();
}

void hs_http_reply_init(struct hs_http_reply *reply)
{
    *reply = (struct hs_http_reply){0};
    hs_buf_init(&reply->head, HS_HTTP_CLIENT_HEADERS_MAX);
    hs_buf_init(&reply->body, SIZE_MAX / 2);
}

void hs_http_reply_fini(struct hs_http_reply *reply)
{
    if (!reply)
        return;
    hs_buf_fini(&reply->head);
    hs_buf_fini(&reply->body);
}

/* ---- slots */

static CURL *acquire(struct hs_http_client *client, int64_t deadline_ns)
{
    const struct hs_clock *clock = hs_clock_system();
    CURL *handle = NULL;
    bool make = false;

    hs_mutex_lock(&client->mutex);
    while (client->idle_n == 0 && client->made == client->made_max) {
        int64_t left_ms = (deadline_ns - hs_mono_ns(clock)) / HS_NS_PER_MS;

        if (left_ms <= 0)
            break;
        hs_cond_wait_ms(&client->freed, &client->mutex, left_ms);
    }
    if (client->idle_n > 0) {
        handle = client->idle[--client->idle_n];
    } else if (client->made < client->made_max) {
        client->made++;
        make = true;
    }
    hs_mutex_unlock(&client->mutex);
    if (make) {
        handle = curl_easy_init();
        HS_ASSERT(handle != NULL); /* small and of fixed size: out of memory */
    }
    return handle;
}

static void release(struct hs_http_client *client, CURL *handle)
{
    curl_easy_reset(handle); /* options go, connections stay */
    hs_mutex_lock(&client->mutex);
    client->idle[client->idle_n++] = handle;
    hs_cond_signal(&client->freed);
    hs_mutex_unlock(&client->mutex);
}

/* ---- one call */

static size_t on_head(char *p, size_t size, size_t n, void *arg)
{
    struct hs_http_reply *reply = arg;

    if (n * size > 5 && memcmp(p, "HTTP/", 5) == 0)
        hs_buf_reset(&reply->head); /* what came before was an interim answer */
    hs_buf_add(&reply->head, p, n * size);
    return hs_buf_ok(&reply->head) ? n * size : 0;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct hs_http_reply *reply = arg;

    if (n * size > reply->body.max - reply->body.n) /* the buffer may be larger from before */
        reply->body.failed = true;
    hs_buf_add(&reply->body, p, n * size);
    return hs_buf_ok(&reply->body) ? n * size : 0;
}

static bool is_plain(struct hs_str value)
{
    size_t i;

    for (i = 0; i < value.n; i++) {
        if (value.p[i] == '\r' || value.p[i] == '\n' || value.p[i] == '\0')
            return false;
    }
    return true;
}

static int add_field(struct curl_slist **list, const char *line, struct hs_err *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return hs_err_set(err, HS_ELIMIT, 0, "HTTP client: no memory for a header field");
    *list = longer;
    return HS_OK;
}

static int make_fields(const struct hs_http_call *call, struct curl_slist **out, struct hs_err *err)
{
    struct hs_buf line;
    size_t i;
    int rc;

    HS_ASSERT(call->fields_n <= HS_HTTP_CLIENT_SEND_HEADERS_MAX);
    hs_buf_init(&line, HS_HTTP_CLIENT_HEADERS_MAX);
    rc = add_field(out, "Expect:", err); /* no waiting for 100 Continue */
    for (i = 0; i < call->fields_n && rc == HS_OK; i++) {
        const struct hs_http_field *field = &call->fields[i];

        if (!is_plain(field->value)) {
            rc = hs_err_set(err, HS_EINVAL, 0, "header %s: a line break or NUL in its value",
                            field->name);
            break;
        }
        hs_buf_reset(&line);
        hs_buf_add_c(&line, field->name);
        /* libcurl takes "Name;" for an empty value and "Name:" for none at all. */
        hs_buf_add_c(&line, field->value.n > 0 ? ": " : ";");
        hs_buf_add_str(&line, field->value);
        rc = add_field(out, hs_buf_cstr(&line), err);
    }
    hs_buf_fini(&line);
    return rc;
}

/* Whether the URL's authority has a user part. */
static bool has_credentials(const char *url)
{
    const char *start = strstr(url, "://");

    if (!start)
        return false;
    start += 3;
    return memchr(start, '@', strcspn(start, "/?#")) != NULL;
}

static int check_url(const char *url, struct hs_err *err)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return hs_err_set(err, HS_EINVAL, 0, "not an http:// or https:// URL");
    if (has_credentials(url))
        return hs_err_set(err, HS_EINVAL, 0, "a URL must not hold a user or password");
    return HS_OK;
}

static void set_method(CURL *handle, const struct hs_http_call *call)
{
    bool with_body = strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0;

    if (strcmp(call->method, "HEAD") == 0) {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
        return;
    }
    if (with_body) {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body.p ? call->body.p : "");
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_options(CURL *handle, const struct hs_http_call *call, struct curl_slist *fields,
                        struct hs_http_reply *reply, char *text)
{
    curl_easy_setopt(handle, CURLOPT_URL, call->url);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, (long)CONNECTIONS_OF_HANDLE);
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
    curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, call->once ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, reply);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, reply);
    set_method(handle, call);
}

/* The outcome in our words. */
static int outcome(CURLcode code, const char *text, const struct hs_http_reply *reply,
                   const struct hs_http_call *call, struct hs_err *err)
{
    const char *detail = text[0] ? text : curl_easy_strerror(code);

    switch (code) {
    case CURLE_OK: return HS_OK;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: return hs_err_set(err, HS_EINVAL, 0, "HTTP call: %s", detail);
    case CURLE_WRITE_ERROR:
        if (!hs_buf_ok(&reply->body))
            return hs_err_set(err, HS_ELIMIT, 0, "HTTP answer: more than %zu bytes, the limit",
                              call->response_max);
        return hs_err_set(err, HS_ELIMIT, 0, "HTTP answer: more than %d bytes of header fields",
                          HS_HTTP_CLIENT_HEADERS_MAX);
    default: break;
    }
    if (!reply->sent)
        return hs_err_set(err, HS_EAGAIN, 0, "HTTP call: %s; nothing was sent", detail);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return hs_err_set(err, HS_ETIMEOUT, 0, "HTTP call: no answer within %lld ms",
                          (long long)call->total_ms);
    return hs_err_set(err, HS_EIO, 0, "HTTP call: %s", detail);
}

static void perform(CURL *handle, const struct hs_http_call *call, int64_t left_ms,
                    struct hs_http_reply *reply, CURLcode *out_code)
{
    long status = 0;
    long request_bytes = 0;
    double ready_s = 0;

    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)HS_MIN(call->connect_ms, left_ms));
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)left_ms);
    *out_code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME, &ready_s);
    reply->status = (int)status;
    reply->sent = request_bytes > 0 || ready_s > 0 || status > 0;
}

int hs_http_client_call(struct hs_http_client *client, const struct hs_http_call *call,
                        struct hs_http_reply *reply, struct hs_err *err)
{
    int64_t start_ns = hs_mono_ns(hs_clock_system());
    int64_t deadline_ns = start_ns + call->total_ms * HS_NS_PER_MS;
    char text[CURL_ERROR_SIZE] = "";
    struct curl_slist *fields = NULL;
    CURL *handle = NULL;
    CURLcode code = CURLE_OK;
    int rc;

    HS_ASSERT(call->connect_ms > 0);
    HS_ASSERT(call->total_ms > 0);
    hs_buf_reset(&reply->head);
    hs_buf_reset(&reply->body);
    reply->body.max = call->response_max;
    reply->status = 0;
    reply->sent = false;
    reply->no_slot = false;
    rc = check_url(call->url, err);
    if (rc == HS_OK)
        rc = make_fields(call, &fields, err);
    if (rc != HS_OK)
        goto out;
    handle = acquire(client, deadline_ns);
    if (!handle) {
        reply->no_slot = true;
        rc = hs_err_set(err, HS_EAGAIN, 0, "HTTP call: all %zu connections busy for %lld ms",
                        client->made_max, (long long)call->total_ms);
        goto out;
    }
    set_options(handle, call, fields, reply, text);
    perform(handle, call, HS_MAX((deadline_ns - hs_mono_ns(hs_clock_system())) / HS_NS_PER_MS, 1),
            reply, &code);
    rc = outcome(code, text, reply, call, err);
    release(client, handle);
out:
    curl_slist_free_all(fields);
    return rc;
}

struct hs_str hs_http_answer_header(const struct hs_http_reply *reply, const char *name)
{
    struct hs_str rest = hs_buf_str(&reply->head);
    struct hs_str found = HS_STR_NULL;
    struct hs_str line;

    while (hs_str_split(&rest, '\n', &line)) {
        size_t colon = hs_str_index(line, ':');

        if (colon < line.n && hs_str_ieq(hs_str_n(line.p, colon), hs_str_c(name)))
            found = hs_str_trim(hs_str_n(line.p + colon + 1, line.n - colon - 1));
    }
    return found;
}

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void hs_http_url_encode(struct hs_buf *out, struct hs_str s)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t i;

    for (i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escaped[3] = {'%', digits[c >> 4], digits[c & 15]};

        if (is_unreserved(c))
            hs_buf_add_char(out, (char)c);
        else
            hs_buf_add(out, escaped, sizeof(escaped));
    }
}
