/* What all ways in share: who asks, rate limit, appending, answering. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/metric.h"
#include "collector/collector_int.h"
#include "net/http_key.h"
#include "port/access.h"

static struct hs_metric accepted_events = {
    .name = "hs_ingest_accepted_total",
    .type = HS_METRIC_COUNTER,
    .help = "Events, spans and log records that were acknowledged, by way in.",
    .labels = {"source"},
};
static struct hs_metric refused_events = {
    .name = "hs_ingest_refused_total",
    .type = HS_METRIC_COUNTER,
    .help = "Requests (unauthorized, rate_limited, unavailable, malformed) and events (by code) "
            "that were refused.",
    .labels = {"source", "reason"},
};
static struct hs_metric adjusted_events = {
    .name = "hs_ingest_adjusted_total",
    .type = HS_METRIC_COUNTER,
    .help = "Events accepted with a change: time_future, time_late, consent_dropped, "
            "schema_violation, redacted_email, redacted_phone, redacted_card, redacted_pattern, "
            "redaction_failed.",
    .labels = {"source", "reason"},
};

static void count(struct hs_metric *metric, const char *source, const char *reason, uint64_t n)
{
    const char *const labels[] = {source, reason, NULL};

    if (n > 0)
        hs_metric_add(metric, labels, (double)n);
}

static struct hs_workplace *take_place(struct hs_collector *collector)
{
    struct hs_workplace *place;

    hs_mutex_lock(&collector->lock);
    place = collector->idle;
    if (place) {
        collector->idle = place->next;
        collector->idle_n--;
    }
    hs_mutex_unlock(&collector->lock);
    if (place)
        return place;
    place = hs_xalloc(sizeof(*place));
    place->otlp = hs_otlp_reader_new();
    hs_intake_init(&place->intake, &place->rules, INTAKE_BYTES_MAX);
    return place;
}

static void free_place(struct hs_workplace *place)
{
    hs_intake_fini(&place->intake);
    hs_otlp_reader_free(place->otlp);
    hs_free(place);
}

/* What the readers needed: the messages stand by themselves. A parsed body takes a dozen times its
 * size, so it stays neither while the stream writes nor in an idle workplace. */
static void release_reading(struct hs_workplace *place)
{
    hs_parser_reset(&place->intake.parser);
    hs_arena_reset(&place->intake.texts);
    hs_arena_reset(&place->intake.ids);
    hs_otlp_reader_release(place->otlp);
}

static size_t place_bytes(const struct hs_workplace *place)
{
    size_t bytes = place->intake.scratch.cap + place->intake.rebuilt.cap;
    int topic;

    for (topic = 0; topic < HS_TOPIC_N; topic++)
        bytes += place->intake.topics[topic].bytes.cap;
    return bytes;
}

static void give_place(struct hs_collector *collector, struct hs_workplace *place)
{
    bool keep = place_bytes(place) <= IDLE_BYTES_MAX;

    release_reading(place);
    hs_mutex_lock(&collector->lock);
    if (keep && collector->idle_n < IDLE_MAX) {
        place->next = collector->idle;
        collector->idle = place;
        collector->idle_n++;
        place = NULL;
    }
    hs_mutex_unlock(&collector->lock);
    if (place)
        free_place(place);
}

int hs_collector_new(const struct hs_collector_deps *deps, struct hs_collector **out,
                     struct hs_err *err)
{
    struct hs_collector *collector = hs_xalloc(sizeof(*collector));
    int rc;

    collector->deps = *deps;
    hs_mutex_init(&collector->lock, HS_RANK_SERVICE);
    rc = hs_redactor_new(deps->conf->redact, hs_str_c(deps->conf->redact_patterns),
                         &collector->redactor, err);
    if (rc != HS_OK) {
        hs_collector_free(collector);
        return rc;
    }
    *out = collector;
    return HS_OK;
}

void hs_collector_free(struct hs_collector *collector)
{
    if (!collector)
        return;
    while (collector->idle) {
        struct hs_workplace *place = collector->idle;

        collector->idle = place->next;
        free_place(place);
    }
    hs_redactor_free(collector->redactor);
    hs_mutex_fini(&collector->lock);
    hs_free(collector);
}

static void allow_origin(struct hs_http_req *req)
{
    struct hs_str origin = hs_http_req_header(req, "Origin");

    if (origin.n == 0)
        return;
    hs_http_reply_header(req, "Access-Control-Allow-Origin", origin);
    hs_http_reply_header(req, "Vary", HS_STR("Origin"));
}

/* Preflights carry no key, so the origin is checked with the request itself. */
void hs_ingest_preflight_handler(struct hs_http_req *req, void *arg)
{
    (void)arg;
    allow_origin(req);
    hs_http_reply_header(req, "Access-Control-Allow-Methods", HS_STR("POST"));
    hs_http_reply_header(req, "Access-Control-Allow-Headers",
                         HS_STR("Content-Type, Content-Encoding, Idempotency-Key"));
    hs_http_reply_header(req, "Access-Control-Max-Age", HS_STR("600"));
    hs_http_reply(req, 204, "text/plain", HS_STR(""));
}

static bool wants_import(const struct hs_http_req *req)
{
    struct hs_str value;

    return hs_http_req_query(req, "import", 0, &value) && !hs_str_eq_c(value, "0");
}

/* NULL: *out is who asks; else why not. */
static const struct hs_access_denial *identify(struct hs_collector *collector,
                                               struct hs_http_req *req, const struct hs_way_in *way,
                                               struct hs_identity *out)
{
    static const struct hs_access_denial malformed = {401, "invalid_key",
                                                      "the header Authorization holds no key"};
    struct hs_access_facts facts = {
        .on_loopback = hs_http_req_on_loopback(req),
        .keys_mode = hs_str_eq_c(HS_STR("keys"), collector->deps.conf->auth_mode),
        .cross_origin = hs_http_req_cross_origin(req),
        .origin = hs_http_req_header(req, "Origin"),
    };
    struct hs_http_key key;
    unsigned wanted = HS_SCOPE_INGEST | (way->from_browser ? HS_SCOPE_BROWSER : 0);

    if (wants_import(req))
        wanted = HS_SCOPE_IMPORT;
    if (hs_http_req_key(req, &key, NULL) != HS_OK)
        return &malformed;
    facts.key = key.text;
    facts.key_in_url = key.in_url;
    return hs_access_check(collector->deps.keys, &facts, wanted, out);
}

static void fill_rules(struct hs_ingest *ingest)
{
    const struct hs_conf *conf = ingest->collector->deps.conf;
    struct hs_intake_rules *rules = &ingest->place->rules;

    *rules = (struct hs_intake_rules){
        .tenant = hs_str_c(ingest->identity.tenant.id),
        .received_ns = hs_wall_ns(ingest->collector->deps.clock),
        .late_max_ns = (int64_t)conf->ingest_late_max_ms * HS_NS_PER_MS,
        .early_max_ns = (int64_t)conf->ingest_early_max_ms * HS_NS_PER_MS,
        .retention_ns = (int64_t)conf->retention_searches_days * HS_NS_PER_DAY,
        .import = wants_import(ingest->req),
        .source = ingest->way->source,
        .redactor = ingest->collector->redactor,
        .pseudonyms = conf->pseudonyms,
        .idempotency_key = hs_http_req_header(ingest->req, "Idempotency-Key"),
    };
    memcpy(rules->pseudonym_key, ingest->identity.tenant.pseudonym_key,
           sizeof(rules->pseudonym_key));
    hs_intake_reset(&ingest->place->intake, rules);
    hs_outcome_reset(&ingest->place->outcome);
}

static void add_retry_after(struct hs_http_req *req, int64_t wait_ms)
{
    char text[32];
    int n = snprintf(text, sizeof(text), "%lld", (long long)(wait_ms + 999) / 1000);

    hs_http_reply_header(req, "Retry-After",
                         hs_arena_copy(hs_http_req_arena(req), hs_str_n(text, (size_t)n)));
}

/* A client is an IPv4 address, or the /64 network of an IPv6 one: whoever has one address of it has
 * them all. */
static void client_of(struct hs_str peer, char out[INET6_ADDRSTRLEN])
{
    struct in6_addr address;

    snprintf(out, INET6_ADDRSTRLEN, "%.*s", HS_STR_ARG(peer));
    if (inet_pton(AF_INET6, out, &address) != 1 || IN6_IS_ADDR_V4MAPPED(&address))
        return;
    memset(address.s6_addr + 8, 0, 8);
    inet_ntop(AF_INET6, &address, out, INET6_ADDRSTRLEN);
}

/* HS_OK, or HS_EAGAIN: too few. A cache that is away limits nobody. */
static int take_from(const struct hs_ingest *ingest, const char *client, size_t n, double rate,
                     int64_t *out_wait_ms)
{
    const struct hs_identity *identity = &ingest->identity;
    char key[HS_CACHE_KEY_MAX];
    struct hs_err err;
    int length;

    if (rate <= 0 || n == 0)
        return HS_OK;
    length = snprintf(key, sizeof(key), "%s/rate/%s%s%s", identity->tenant.id, identity->key_id,
                      client[0] != '\0' ? "/" : "", client);
    HS_ASSERT(length > 0 && length < (int)sizeof(key));
    if (hs_cache_take(ingest->collector->deps.cache, hs_str_n(key, (size_t)length), (double)n, rate,
                      HS_MAX(rate, 1.0), out_wait_ms, &err) == HS_EAGAIN)
        return HS_EAGAIN;
    return HS_OK;
}

/* A browser key is public: each client address has a bucket of its own. */
static int take_from_client(const struct hs_ingest *ingest, size_t n, int64_t *out_wait_ms)
{
    char client[INET6_ADDRSTRLEN];

    if (!(ingest->identity.scopes & HS_SCOPE_BROWSER))
        return HS_OK;
    client_of(hs_http_req_peer(ingest->req), client);
    return take_from(ingest, client, n, ingest->collector->deps.conf->ingest_browser_rate,
                     out_wait_ms);
}

static void answer_denied(struct hs_http_req *req, const struct hs_way_in *way,
                          const struct hs_access_denial *denial)
{
    count(&refused_events, way->name, "unauthorized", 1);
    if (denial->status == 401)
        hs_http_reply_header(req, "WWW-Authenticate", HS_STR("Bearer"));
    hs_http_reply_problem(req, denial->status, denial->code, "%s", denial->detail);
}

static bool is_simple_type(struct hs_str type)
{
    return hs_str_eq_c(type, "text/plain") ||
           hs_str_eq_c(type, "application/x-www-form-urlencoded") ||
           hs_str_eq_c(type, "multipart/form-data");
}

/* "application/json", "application/x-ndjson", "application/vnd.elasticsearch+x-ndjson", … */
static bool is_json_type(struct hs_str type)
{
    return type.n >= 4 && memmem(type.p, type.n, "json", 4) != NULL;
}

static bool answer_type(struct hs_ingest *ingest, const char *why)
{
    struct hs_str type = hs_http_req_content_type(ingest->req);

    count(&refused_events, ingest->way->name, "unsupported_media_type", 1);
    if (type.n == 0)
        hs_http_reply_problem(ingest->req, 415, "unsupported_media_type",
                              "Content-Type is missing; use \"Content-Type: application/json\"");
    else
        hs_http_reply_problem(
            ingest->req, 415, "unsupported_media_type",
            "Content-Type is \"%.*s\", %s; use \"Content-Type: application/json\"",
            (int)HS_MIN(type.n, (size_t)100), type.p, why);
    return true;
}

/* Media types that a page may send without a preflight are for browser keys only. */
static bool refuse_type(struct hs_ingest *ingest)
{
    struct hs_str type = hs_http_req_content_type(ingest->req);
    bool simple = type.n == 0 || is_simple_type(type);
    size_t n;

    hs_http_req_body(ingest->req, &n);
    if (simple && (ingest->identity.scopes & HS_SCOPE_BROWSER || (type.n == 0 && n == 0)))
        return false;
    if (simple)
        return answer_type(ingest, "which only browser keys may send");
    if (ingest->way->otlp || is_json_type(type))
        return false;
    return answer_type(ingest, "which is no JSON");
}

/* One token before the body is looked at, so that what is malformed counts too. */
static bool refuse_client(struct hs_ingest *ingest)
{
    int64_t wait_ms = 0;

    if (take_from_client(ingest, 1, &wait_ms) == HS_OK) {
        ingest->tokens_taken = 1;
        return false;
    }
    add_retry_after(ingest->req, wait_ms);
    count(&refused_events, ingest->way->name, "rate_limited", 1);
    hs_http_reply_problem(ingest->req, 429, "rate_limited",
                          "this address passes the limit of %g events a second",
                          ingest->collector->deps.conf->ingest_browser_rate);
    return true;
}

struct hs_ingest *hs_ingest_begin(struct hs_collector *collector, struct hs_http_req *req,
                                  const struct hs_way_in *way)
{
    struct hs_ingest *ingest = hs_arena_alloc(hs_http_req_arena(req), sizeof(*ingest));
    const struct hs_access_denial *denial;

    HS_ASSERT(ingest);
    denial = identify(collector, req, way, &ingest->identity);
    if (denial) {
        answer_denied(req, way, denial);
        return NULL;
    }
    allow_origin(req);
    ingest->collector = collector;
    ingest->req = req;
    ingest->way = way;
    if (refuse_type(ingest) || refuse_client(ingest))
        return NULL;
    ingest->place = take_place(collector);
    hs_buf_init(&ingest->answer, INTAKE_BYTES_MAX);
    fill_rules(ingest);
    return ingest;
}

void hs_ingest_reject(struct hs_ingest *ingest, const char *reason, uint64_t n)
{
    if (n == 0)
        return;
    HS_ASSERT(ingest->rejects_n < REJECTS_MAX);
    ingest->rejects[ingest->rejects_n++] = (struct hs_ingest_reject){reason, n};
}

/* What must outlive the answer: once a request is answered, its arena and `ingest` may be gone. */
struct leftover {
    struct hs_collector *collector;
    struct hs_workplace *place;
    struct hs_buf answer;
};

static struct leftover leftover_of(const struct hs_ingest *ingest)
{
    return (struct leftover){ingest->collector, ingest->place, ingest->answer};
}

static void clean_up(struct leftover *leftover)
{
    hs_buf_fini(&leftover->answer);
    give_place(leftover->collector, leftover->place);
}

void hs_ingest_refuse(struct hs_ingest *ingest, int status, const char *code, const char *detail)
{
    struct leftover leftover = leftover_of(ingest);

    count(&refused_events, ingest->way->name, code, 1);
    hs_http_reply_problem(ingest->req, status, code, "%s", detail);
    clean_up(&leftover);
}

void hs_ingest_refuse_err(struct hs_ingest *ingest, const char *code, const struct hs_err *err)
{
    hs_ingest_refuse(ingest, err->rc == HS_ELIMIT ? 413 : 400, code, err->text);
}

static void count_outcome(const struct hs_ingest *ingest)
{
    const struct hs_intake_counts *counts = &ingest->place->intake.counts;
    const struct hs_outcome *outcome = &ingest->place->outcome;
    const char *source = ingest->way->name;
    size_t i;

    count(&accepted_events, source, NULL, ingest->events);
    count(&adjusted_events, source, "time_future", counts->time_future);
    count(&adjusted_events, source, "time_late", counts->time_late);
    count(&adjusted_events, source, "consent_dropped", counts->consent_dropped);
    count(&adjusted_events, source, "schema_violation", counts->schema_violations);
    count(&adjusted_events, source, "redacted_email", counts->redacted.email);
    count(&adjusted_events, source, "redacted_phone", counts->redacted.phone);
    count(&adjusted_events, source, "redacted_card", counts->redacted.card);
    count(&adjusted_events, source, "redacted_pattern", counts->redacted.pattern);
    count(&adjusted_events, source, "redaction_failed", counts->redacted.failed);
    for (i = 0; i < outcome->errors_n; i++)
        count(&refused_events, source, outcome->errors[i].code, 1);
    count(&refused_events, source, "not_described", outcome->rejected - outcome->errors_n);
    for (i = 0; i < ingest->rejects_n; i++)
        count(&refused_events, source, ingest->rejects[i].reason, ingest->rejects[i].n);
}

/* The last append has its answer. @thread any */
static void settle(struct hs_ingest *ingest)
{
    if (!hs_flag_is_set(&ingest->failed)) {
        struct leftover leftover = leftover_of(ingest);

        count_outcome(ingest);
        ingest->reply(ingest);
        clean_up(&leftover);
        return;
    }
    hs_http_reply_header(ingest->req, "Retry-After", HS_STR("1"));
    hs_ingest_refuse(ingest, 503, "unavailable", ingest->err.text);
}

static void append_done(void *arg, int rc, const struct hs_err *err)
{
    struct hs_ingest *ingest = arg;

    if (rc != HS_OK && !hs_flag_set(&ingest->failed)) {
        if (err)
            ingest->err = *err;
        else
            hs_err_set(&ingest->err, rc, 0, "the stream did not take the events");
    }
    if (hs_counter_dec(&ingest->pending) == 0)
        settle(ingest);
}

static void append_topic(struct hs_ingest *ingest, enum hs_topic topic)
{
    const struct hs_intake *intake = &ingest->place->intake;
    struct hs_batch batch = {.tenant = intake->rules->tenant,
                             .schema_version = 1,
                             .n = intake->topics[topic].n};
    struct hs_message *messages;
    struct hs_err err;
    int rc;

    if (batch.n == 0)
        return;
    messages = hs_xcalloc(batch.n, sizeof(*messages));
    hs_intake_messages(intake, topic, messages);
    batch.messages = messages;
    hs_counter_inc(&ingest->pending);
    rc = hs_stream_append(ingest->collector->deps.stream, topic, &batch, append_done, ingest, &err);
    hs_free(messages);
    if (rc != HS_OK)
        append_done(ingest, rc, &err);
}

static void refuse_rate(struct hs_ingest *ingest, int64_t wait_ms, const char *whose, double rate)
{
    char text[HS_ERR_TEXT_MAX];

    add_retry_after(ingest->req, wait_ms);
    snprintf(text, sizeof(text), "%zu events pass %s limit of %g events a second", ingest->events,
             whose, rate);
    hs_ingest_refuse(ingest, 429, "rate_limited", text);
}

/* False: too many events a second, and the request was answered. */
static bool take_tokens(struct hs_ingest *ingest)
{
    double rate = ingest->identity.rate;
    size_t more = ingest->events - HS_MIN(ingest->tokens_taken, ingest->events);
    int64_t wait_ms = 0;

    if (take_from_client(ingest, more, &wait_ms) != HS_OK) {
        refuse_rate(ingest, wait_ms, "this address's",
                    ingest->collector->deps.conf->ingest_browser_rate);
        return false;
    }
    if (ingest->place->rules.import ||
        take_from(ingest, "", ingest->events, rate, &wait_ms) == HS_OK)
        return true;
    refuse_rate(ingest, wait_ms, "this key's", rate);
    return false;
}

void hs_ingest_commit(struct hs_ingest *ingest)
{
    int topic;

    if (!take_tokens(ingest))
        return;
    release_reading(ingest->place);
    hs_counter_set(&ingest->pending, 1);
    for (topic = 0; topic < HS_TOPIC_N; topic++)
        append_topic(ingest, (enum hs_topic)topic);
    if (hs_counter_dec(&ingest->pending) == 0)
        settle(ingest);
}

void hs_collector_status(void *collector, struct hs_json *json)
{
    (void)collector;
    hs_json_obj_open(json);
    hs_json_key(json, "accepted");
    hs_metric_json(&accepted_events, json);
    hs_json_key(json, "refused");
    hs_metric_json(&refused_events, json);
    hs_json_key(json, "adjusted");
    hs_metric_json(&adjusted_events, json);
    hs_json_obj_close(json);
}
