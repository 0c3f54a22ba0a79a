#include "net/otlp_export.h"

#include <math.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "net/otlp_export_int.h"
#include "net/pb.h"
#include "net/traceparent.h"

enum {
    BATCH_WAIT_MS = 1000, /* a span waits so long for company */
    CALL_MS = 1500,
    STOP_MS = 2000,
    TRIES_MAX = 3,
    ANSWER_MAX = 64 << 10,
    URL_MAX = 2048,
};

static const char agent[] = "haystat-otlp-export/1";

static struct hs_metric spans_sent = {
    .name = "hs_telemetry_spans_sent_total",
    .type = HS_METRIC_COUNTER,
    .help = "Spans of our own requests that the receiver of telemetry.otlp accepted.",
};
static struct hs_metric spans_dropped = {
    .name = "hs_telemetry_spans_dropped_total",
    .type = HS_METRIC_COUNTER,
    .help = "Spans of our own requests that were not sent: rate (telemetry.spans_max), queue_full, "
            "unsent (the receiver is away), rejected (by the receiver).",
    .labels = {"reason"},
};

struct hs_otlp_export {
    const struct hs_clock *clock;
    struct hs_http_client *client;
    char *url; /* with /v1/traces */
    char *authorization;
    struct otlp_resource resource;
    struct hs_thread thread;
    bool failing; /* thread: the last batch was not sent; logged once */

    struct hs_mutex lock; /* all below */
    struct hs_cond wake;
    bool stop;
    int64_t stop_ns; /* mono: when the last try ends */
    double rate;
    double tokens;
    int64_t tokens_ns;
    struct hs_rand rand;
    struct otlp_row queue[HS_OTLP_EXPORT_QUEUE_MAX]; /* a ring */
    size_t first;
    size_t n;
};

static void drop(const char *reason, size_t n)
{
    if (n > 0)
        hs_metric_add(&spans_dropped, HS_LABELS(reason), (double)n);
}

static int check_url(const char *url, struct hs_err *err)
{
    struct hs_str s = hs_str_c(url);

    if (!hs_str_starts_with(s, HS_STR("http://")) && !hs_str_starts_with(s, HS_STR("https://")))
        return hs_err_set(err, HS_EINVAL, 0,
                          "telemetry.otlp is \"%.100s\", it must begin with http:// or https://",
                          url);
    if (s.n > URL_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "telemetry.otlp is %zu bytes, limit %d", s.n, URL_MAX);
    if (hs_str_index(s, '@') < s.n || hs_str_index(s, '?') < s.n || hs_str_index(s, '#') < s.n)
        return hs_err_set(err, HS_EINVAL, 0,
                          "telemetry.otlp is a base URL without credentials, query and fragment; a "
                          "key goes into telemetry.otlp_key");
    return HS_OK;
}

static char *join(const char *left, const char *right)
{
    size_t n = strlen(left) + strlen(right) + 1;
    char *text = hs_xalloc(n);

    snprintf(text, n, "%s%s", left, right);
    return text;
}

static char *traces_url(const char *base)
{
    char *copy = hs_xstrdup(base);
    size_t n = strlen(copy);
    char *url;

    while (n > 0 && copy[n - 1] == '/')
        copy[--n] = '\0';
    url = join(copy, "/v1/traces");
    hs_free(copy);
    return url;
}

/* Takes the oldest rows; waits for company until stop. Returns their number; 0 ends the thread. */
static size_t take_rows(struct hs_otlp_export *exporter, struct otlp_row *rows)
{
    size_t n;
    size_t i;

    hs_mutex_lock(&exporter->lock);
    while (exporter->n == 0 && !exporter->stop)
        hs_cond_wait_ms(&exporter->wake, &exporter->lock, -1);
    if (exporter->n < HS_OTLP_EXPORT_BATCH_MAX && !exporter->stop)
        hs_cond_wait_ms(&exporter->wake, &exporter->lock, BATCH_WAIT_MS);
    n = HS_MIN(exporter->n, (size_t)HS_OTLP_EXPORT_BATCH_MAX);
    for (i = 0; i < n; i++)
        rows[i] = exporter->queue[(exporter->first + i) % HS_OTLP_EXPORT_QUEUE_MAX];
    exporter->first = (exporter->first + n) % HS_OTLP_EXPORT_QUEUE_MAX;
    exporter->n -= n;
    hs_mutex_unlock(&exporter->lock);
    return n;
}

/* Milliseconds that a call may take; 0 when the time of stop is over. */
static int64_t call_ms(struct hs_otlp_export *exporter)
{
    int64_t left_ms = CALL_MS;

    hs_mutex_lock(&exporter->lock);
    if (exporter->stop)
        left_ms = (exporter->stop_ns - hs_mono_ns(exporter->clock)) / HS_NS_PER_MS;
    hs_mutex_unlock(&exporter->lock);
    return HS_MAX(HS_MIN(left_ms, (int64_t)CALL_MS), 0);
}

/* Waits between two tries; false when stop was asked, after which there is no next one. */
static bool pause_before(struct hs_otlp_export *exporter, int try_no)
{
    bool stop;

    hs_mutex_lock(&exporter->lock);
    if (!exporter->stop)
        hs_cond_wait_ms(&exporter->wake, &exporter->lock, BATCH_WAIT_MS * try_no);
    stop = exporter->stop;
    hs_mutex_unlock(&exporter->lock);
    return !stop;
}

static int post(struct hs_otlp_export *exporter, struct hs_str body, struct hs_http_reply *reply,
                struct hs_err *err)
{
    const struct hs_http_field fields[] = {
        {"Content-Type", HS_STR("application/x-protobuf")},
        {"User-Agent", hs_str_c(agent)},
        {"Authorization", hs_str_c(exporter->authorization)},
    };
    struct hs_http_call call = {
        .method = "POST",
        .url = exporter->url,
        .fields = fields,
        .fields_n = HS_ARRAY_LEN(fields) - (exporter->authorization[0] == '\0' ? 1 : 0),
        .body = body,
        .connect_ms = call_ms(exporter),
        .total_ms = call_ms(exporter),
        .response_max = ANSWER_MAX,
    };
    int rc;

    if (call.connect_ms == 0 || call.total_ms == 0)
        return hs_err_set(err, HS_ETIMEOUT, 0, "stopping");
    rc = hs_http_client_call(exporter->client, &call, reply, err);
    if (rc == HS_OK && reply->status != 200)
        rc = hs_err_set(err, reply->status == 429 || reply->status >= 500 ? HS_EAGAIN : HS_EINVAL,
                        0, "the receiver answers %d", reply->status);
    return rc;
}

static void note_failure(struct hs_otlp_export *exporter, const struct hs_err *err)
{
    if (!exporter->failing)
        hs_log_err(HS_LOG_WARN, "telemetry", "own spans are not sent, dropped and counted", err);
    exporter->failing = true;
}

static void send_batch(struct hs_otlp_export *exporter, struct hs_str body, size_t n)
{
    struct hs_http_reply reply;
    struct hs_err err;
    size_t rejected = 0;
    int try_no = 0;
    int rc;

    hs_http_reply_init(&reply);
    do {
        rc = post(exporter, body, &reply, &err);
        try_no++;
    } while (rc != HS_OK && rc != HS_EINVAL && try_no < TRIES_MAX &&
             pause_before(exporter, try_no));
    if (rc == HS_OK) {
        rejected = HS_MIN(otlp_rejected_spans(hs_buf_str(&reply.body)), n);
        drop("rejected", rejected);
        hs_metric_add(&spans_sent, HS_LABELS_NONE, (double)(n - rejected));
        exporter->failing = false;
    } else {
        drop(rc == HS_EINVAL ? "rejected" : "unsent", n);
        note_failure(exporter, &err);
    }
    hs_http_reply_fini(&reply);
}

static void export_main(void *arg)
{
    struct hs_otlp_export *exporter = arg;
    struct otlp_row *rows = hs_xcalloc(HS_OTLP_EXPORT_BATCH_MAX, sizeof(*rows));
    struct hs_buf body;
    size_t n;

    hs_buf_init(&body, OTLP_EXPORT_BYTES_MAX);
    while ((n = take_rows(exporter, rows)) > 0) {
        hs_buf_reset(&body);
        otlp_write_rows(&exporter->resource, rows, n, &body);
        HS_ASSERT(hs_buf_ok(&body));
        send_batch(exporter, hs_buf_str(&body), n);
    }
    hs_buf_fini(&body);
    hs_free(rows);
}

static void free_exporter(struct hs_otlp_export *exporter)
{
    hs_http_client_close(exporter->client);
    hs_free(exporter->resource.version);
    hs_free(exporter->resource.instance);
    hs_free(exporter->url);
    hs_free(exporter->authorization);
    hs_cond_fini(&exporter->wake);
    hs_mutex_fini(&exporter->lock);
    hs_free(exporter);
}

int hs_otlp_export_start(const struct hs_otlp_export_params *params, struct hs_otlp_export **out,
                         struct hs_err *err)
{
    struct hs_otlp_export *exporter;
    uint64_t seed;
    int rc = check_url(params->url, err);

    if (rc != HS_OK)
        return rc;
    exporter = hs_xalloc(sizeof(*exporter));
    exporter->clock = params->clock;
    exporter->url = traces_url(params->url);
    exporter->authorization = join(params->key[0] == '\0' ? "" : "Bearer ", params->key);
    exporter->resource.version = hs_xstrdup(params->version);
    exporter->resource.instance = hs_xstrdup(params->instance);
    exporter->rate = params->spans_max;
    exporter->tokens = params->spans_max;
    exporter->tokens_ns = hs_mono_ns(params->clock);
    hs_rand_secret(&seed, sizeof(seed));
    hs_rand_init(&exporter->rand, seed);
    hs_mutex_init(&exporter->lock, HS_RANK_QUEUE);
    hs_cond_init(&exporter->wake);
    rc = hs_http_client_open(1, &exporter->client, err);
    if (rc == HS_OK)
        rc = hs_thread_start(&exporter->thread, "otlp-export", export_main, exporter, err);
    if (rc != HS_OK) {
        free_exporter(exporter);
        return rc;
    }
    *out = exporter;
    return HS_OK;
}

void hs_otlp_export_stop(struct hs_otlp_export *exporter)
{
    if (!exporter)
        return;
    hs_mutex_lock(&exporter->lock);
    exporter->stop = true;
    exporter->stop_ns = hs_mono_ns(exporter->clock) + STOP_MS * HS_NS_PER_MS;
    hs_cond_broadcast(&exporter->wake);
    hs_mutex_unlock(&exporter->lock);
    hs_thread_join(&exporter->thread);
    free_exporter(exporter);
}

static bool take_token_locked(struct hs_otlp_export *exporter, int64_t now_ns)
{
    double gained = (double)(now_ns - exporter->tokens_ns) / (double)HS_NS_PER_S * exporter->rate;

    if (exporter->rate <= 0)
        return true;
    exporter->tokens = fmin(exporter->tokens + fmax(gained, 0), fmax(exporter->rate, 1.0));
    exporter->tokens_ns = now_ns;
    if (exporter->tokens < 1.0)
        return false;
    exporter->tokens -= 1.0;
    return true;
}

static void fill_id(struct hs_rand *rand, unsigned char *out, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t bits = hs_rand_u64(rand) | 1; /* never all zero */

        memcpy(out + i, &bits, sizeof(bits));
    }
}

static void fill_row(struct hs_otlp_export *exporter, const struct hs_http_done *done,
                     struct otlp_row *row)
{
    struct hs_traceparent parent;

    *row = (struct otlp_row){
        .method = done->method,
        .status = done->status,
        .body_bytes = done->body_bytes,
        .end_ns = hs_wall_ns(exporter->clock),
    };
    row->start_ns = row->end_ns - (done->end_ns - done->start_ns);
    snprintf(row->route, sizeof(row->route), "%s", done->route);
    snprintf(row->listener, sizeof(row->listener), "%s", done->listener);
    if (hs_traceparent_parse(done->traceparent, &parent) != HS_OK)
        return;
    row->has_parent = true;
    memcpy(row->trace_id, parent.trace_id, sizeof(row->trace_id));
    memcpy(row->parent_id, parent.span_id, sizeof(row->parent_id));
}

static const char *enqueue(struct hs_otlp_export *exporter, struct otlp_row *row, int64_t now_ns)
{
    const char *reason = NULL;

    hs_mutex_lock(&exporter->lock);
    if (!take_token_locked(exporter, now_ns)) {
        reason = "rate";
    } else if (exporter->n == HS_OTLP_EXPORT_QUEUE_MAX) {
        reason = "queue_full";
    } else {
        fill_id(&exporter->rand, row->span_id, sizeof(row->span_id));
        if (!row->has_parent)
            fill_id(&exporter->rand, row->trace_id, sizeof(row->trace_id));
        exporter->queue[(exporter->first + exporter->n) % HS_OTLP_EXPORT_QUEUE_MAX] = *row;
        exporter->n++;
        if (exporter->n == 1 || exporter->n == HS_OTLP_EXPORT_BATCH_MAX)
            hs_cond_signal(&exporter->wake);
    }
    hs_mutex_unlock(&exporter->lock);
    return reason;
}

void hs_otlp_export_request(void *arg, const struct hs_http_done *done)
{
    struct hs_otlp_export *exporter = arg;
    struct hs_traceparent parent;
    struct otlp_row row;
    const char *dropped;

    if (hs_str_starts_with(done->user_agent, HS_STR("haystat-otlp-export/")))
        return;
    if (hs_traceparent_parse(done->traceparent, &parent) == HS_OK && !parent.sampled)
        return;
    fill_row(exporter, done, &row);
    dropped = enqueue(exporter, &row, done->end_ns);
    if (dropped)
        drop(dropped, 1);
}
