/* Events in JSON. Written piece by piece rather than with base/json_out: all texts are known to
 * need no escaping, and this is most of the simulator's work. */
#include "base/mem.h"
#include "sim/write_int.h"

enum { ABOUT_MAX = 512 };

const char *const hs_sim_regions[REGIONS] = {"eu-west", "eu-central", "us-east"};

static const char *const devices[] = {"mobile", "desktop", "tablet"};
static const char *const locales[] = {"en-GB", "de-DE", "fr-FR", "en-US", "es-ES"};
static const char *const countries[] = {"GB", "DE", "FR", "US", "ES"};
static const char *const filters[] = {
    NULL,
    "[{\"field\":\"in_stock\",\"op\":\"=\",\"value\":true}]",
    "[{\"field\":\"brand\",\"op\":\"in\",\"value\":[\"acme\",\"globex\"]}]",
    "[{\"field\":\"price\",\"op\":\"<=\",\"value\":50}]",
    "[{\"field\":\"color\",\"op\":\"=\",\"value\":\"red\"}]",
};
static const char *const errors[] = {
    "{\"code\":\"upstream_unavailable\",\"type\":\"UpstreamError\",\"message\":\"ranker answered "
    "503\",\"stage\":\"rank\"}",
    "{\"code\":\"index_read\",\"type\":\"IndexError\",\"message\":\"segment cannot be "
    "read\",\"stage\":\"retrieve\"}",
    "{\"code\":\"query_parse\",\"type\":\"ParseError\",\"message\":\"unbalanced "
    "quotes\",\"stage\":\"parse\"}",
    "{\"code\":\"circuit_open\",\"type\":\"UpstreamError\",\"message\":\"fetch is not "
    "asked\",\"stage\":\"fetch\"}",
};
static const char timed_out[] =
    "{\"code\":\"deadline\",\"type\":\"Timeout\",\"message\":\"shards did not answer in "
    "time\",\"stage\":\"retrieve\"}";

#define ADD(literal) HS_BUF_ADD_LIT(out, literal)

static void make_about(struct hs_sim_writer *writer, unsigned i, unsigned version, bool next)
{
    const struct hs_sim_service *service = hs_sim_service(i);
    struct hs_buf *out = &writer->about[i][version][next];

    hs_buf_init(out, ABOUT_MAX);
    hs_buf_addf(out,
                "\"service\":\"%s\",\"environment\":\"production\",\"kind\":\"%s\","
                "\"version\":\"%s\",\"index\":\"%s\",\"index_version\":\"%s\",\"ranker\":\"%s\"",
                service->name, service->kind, service->versions[version], service->index,
                next ? service->index_version_next : service->index_version, service->ranker);
    HS_ASSERT(hs_buf_ok(out));
}

static void add_hex(struct hs_buf *out, uint64_t v, unsigned digits)
{
    char *at = hs_buf_reserve(out, digits);
    unsigned i;

    if (!at)
        return;
    for (i = digits; i > 0; i--, v >>= 4)
        at[i - 1] = "0123456789abcdef"[v & 15];
    out->n += digits;
}

struct hs_sim_writer *hs_sim_writer_new(uint64_t run)
{
    struct hs_sim_writer *writer = hs_xalloc(sizeof(*writer));
    struct hs_buf hex;
    unsigned i, version;

    writer->run = run;
    hs_buf_init(&hex, RUN_DIGITS);
    add_hex(&hex, run, RUN_DIGITS);
    memcpy(writer->run_hex, hex.p, RUN_DIGITS);
    hs_buf_fini(&hex);
    for (i = 0; i < HS_SIM_SERVICES; i++) {
        for (version = 0; version < HS_SIM_VERSIONS; version++) {
            make_about(writer, i, version, false);
            make_about(writer, i, version, true);
        }
    }
    hs_sim_resources_init(writer);
    return writer;
}

void hs_sim_writer_free(struct hs_sim_writer *writer)
{
    struct hs_buf *bufs;
    size_t i;

    if (!writer)
        return;
    bufs = &writer->about[0][0][0];
    for (i = 0; i < (size_t)HS_SIM_SERVICES * HS_SIM_VERSIONS * 2; i++)
        hs_buf_fini(&bufs[i]);
    bufs = &writer->resource[0][0];
    for (i = 0; i < (size_t)HS_SIM_SERVICES * HS_SIM_VERSIONS; i++)
        hs_buf_fini(&bufs[i]);
    for (i = 0; i < HELPERS; i++)
        hs_buf_fini(&writer->helper[i]);
    hs_free(writer);
}

void hs_sim_trace_id(const struct hs_sim_writer *writer, uint64_t seq, unsigned char out[16])
{
    uint64_t low = hs_sim_mix(writer->run ^ seq);
    int i;

    for (i = 0; i < 8; i++) {
        out[i] = (unsigned char)(writer->run >> (56 - 8 * i));
        out[8 + i] = (unsigned char)(low >> (56 - 8 * i));
    }
}

void hs_sim_span_id(const struct hs_sim_writer *writer, uint64_t seq, unsigned place,
                    unsigned char out[8])
{
    uint64_t id = hs_sim_mix(hs_sim_mix(writer->run + place) ^ seq) | 1;

    memcpy(out, &id, sizeof(id));
}

static void add_id(const struct hs_sim_writer *writer, uint64_t seq, struct hs_buf *out)
{
    hs_buf_add(out, writer->run_hex, RUN_DIGITS);
    hs_buf_add_char(out, '-');
    add_hex(out, seq, SEQ_DIGITS);
}

/* v / 1000 with three decimals. */
static void add_thousandths(struct hs_buf *out, uint64_t v)
{
    char *at;

    hs_buf_add_u64(out, v / 1000);
    v %= 1000;
    at = hs_buf_reserve(out, 4);
    if (!at)
        return;
    at[0] = '.';
    at[1] = (char)('0' + v / 100);
    at[2] = (char)('0' + v / 10 % 10);
    at[3] = (char)('0' + v % 10);
    out->n += 4;
}

static void add_text(struct hs_buf *out, const char *key, const char *value)
{
    hs_buf_add_c(out, key);
    hs_buf_add_c(out, value);
    hs_buf_add_char(out, '"');
}

static void add_who(const struct hs_sim_writer *writer, const struct hs_sim_search *search,
                    struct hs_buf *out)
{
    ADD("{\"event_type\":\"search\",\"event_id\":\"");
    add_id(writer, search->seq, out);
    ADD("\",\"timestamp\":");
    hs_buf_add_i64(out, search->ts_us);
    ADD(",\"query_id\":\"q-");
    add_id(writer, search->seq, out);
    if (search->traced) {
        unsigned char id[16];

        ADD("\",\"trace_id\":\"");
        hs_sim_trace_id(writer, search->seq, id);
        hs_buf_add_hex(out, id, 16);
        ADD("\",\"span_id\":\"");
        hs_sim_span_id(writer, search->seq, 0, id);
        hs_buf_add_hex(out, id, 8);
    }
    ADD("\",\"session_id\":\"s-");
    add_hex(out, search->session, 16);
    if (search->user_known) {
        ADD("\",\"user_id\":\"u-");
        add_hex(out, hs_sim_mix(search->session) & 0xffffff, 6);
    }
    ADD("\",");
    hs_buf_add_str(out, hs_buf_str(
                            &writer->about[search->service][search->version][search->index_next]));
    add_text(out, ",\"region\":\"", hs_sim_regions[search->region]);
    add_text(out, ",\"locale\":\"", locales[search->locale]);
    add_text(out, ",\"country\":\"", countries[search->locale]);
    add_text(out, ",\"device\":\"", devices[search->device]);
}

static void add_times(const struct hs_sim_search *search, struct hs_buf *out)
{
    const struct hs_sim_phases *phases = &search->phases;

    ADD(",\"latency_ms\":");
    add_thousandths(out, search->latency_us);
    ADD(",\"took_ms\":");
    add_thousandths(out, search->latency_us - phases->queue_us);
    ADD(",\"phases\":{\"parse\":");
    add_thousandths(out, phases->parse_us);
    ADD(",\"retrieve\":");
    add_thousandths(out, phases->retrieve_us);
    ADD(",\"rank\":");
    add_thousandths(out, phases->rank_us);
    ADD(",\"fetch\":");
    add_thousandths(out, phases->fetch_us);
    add_text(out, "},\"status\":\"", hs_sim_status_name((enum hs_sim_status)search->status));
}

static void add_results(const struct hs_sim_search *search, struct hs_buf *out)
{
    uint32_t seen = (uint32_t)(search->page - 1) * hs_sim_service(search->service)->page_size;
    uint32_t i;

    ADD(",\"total_hits\":");
    hs_buf_add_u64(out, search->total_hits);
    ADD(",\"returned\":");
    hs_buf_add_u64(out, search->returned);
    ADD(",\"results\":[");
    for (i = 0; i < search->listed; i++) {
        if (i > 0)
            hs_buf_add_char(out, ',');
        ADD("{\"id\":\"d");
        hs_buf_add_u64(out, hs_sim_doc(search->query_key, seen + i));
        ADD("\",\"position\":");
        hs_buf_add_u64(out, seen + i + 1);
        ADD(",\"score\":");
        add_thousandths(out, (uint64_t)(search->top_score * 1000 / (1 + 0.07 * (seen + i))));
        hs_buf_add_char(out, '}');
    }
    hs_buf_add_char(out, ']');
}

/* Each shard's time stands in searches that are worth a look, and in one of sixteen others. */
static bool tells_shards(const struct hs_sim_search *search)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);

    return search->shards_failed > 0 || search->status == HS_SIM_TIMEOUT || search->seq % 16 == 0 ||
           search->latency_us > service->latency.median * 4000;
}

static void add_shards(const struct hs_sim_search *search, struct hs_buf *out)
{
    unsigned shards = hs_sim_service(search->service)->shards;
    unsigned i;

    ADD(",\"shards\":{\"total\":");
    hs_buf_add_u64(out, shards);
    ADD(",\"failed\":");
    hs_buf_add_u64(out, search->shards_failed);
    if (tells_shards(search)) {
        ADD(",\"detail\":[");
        for (i = 0; i < shards; i++) {
            if (i > 0)
                hs_buf_add_char(out, ',');
            ADD("{\"shard\":\"");
            hs_buf_add_u64(out, i);
            ADD("\",\"node\":\"node-");
            hs_buf_add_u64(out, i % 4);
            ADD("\",\"ms\":");
            add_thousandths(out, search->shard_us[i]);
            hs_buf_add_char(out, '}');
        }
        hs_buf_add_char(out, ']');
    }
    hs_buf_add_char(out, '}');
}

void hs_sim_write_search(const struct hs_sim_writer *writer, const struct hs_sim_search *search,
                         struct hs_buf *out)
{
    add_who(writer, search, out);
    ADD(",\"query\":\"");
    hs_buf_add_str(out, search->query);
    hs_buf_add_char(out, '"');
    if (search->filter) {
        ADD(",\"filters\":");
        hs_buf_add_c(out, filters[search->filter]);
    }
    ADD(",\"page\":");
    hs_buf_add_u64(out, search->page);
    ADD(",\"page_size\":");
    hs_buf_add_u64(out, hs_sim_service(search->service)->page_size);
    add_times(search, out);
    if (hs_sim_answered(search))
        add_results(search, out);
    if (search->status == HS_SIM_ERROR) {
        ADD(",\"error\":");
        hs_buf_add_c(out, errors[search->error]);
    }
    if (search->status == HS_SIM_TIMEOUT) {
        ADD(",\"error\":");
        hs_buf_add_c(out, timed_out);
    }
    add_shards(search, out);
    if (search->cache_hit)
        ADD(",\"cache_hit\":true");
    hs_buf_add_char(out, '}');
}

static const char *const actions[] = {
    [HS_SIM_CLICK] = "click", [HS_SIM_ADD_TO_CART] = "add_to_cart", [HS_SIM_PURCHASE] = "purchase"};

void hs_sim_write_action(const struct hs_sim_writer *writer, const struct hs_sim_action *action,
                         struct hs_buf *out)
{
    ADD("{\"event_type\":\"result\",\"event_id\":\"");
    add_id(writer, action->seq, out);
    hs_buf_add_char(out, '-');
    hs_buf_add_char(out, actions[action->kind][0]);
    ADD("\",\"timestamp\":");
    hs_buf_add_i64(out, action->at_us);
    ADD(",\"query_id\":\"q-");
    add_id(writer, action->seq, out);
    add_text(out, "\",\"action\":\"", actions[action->kind]);
    ADD(",\"session_id\":\"s-");
    add_hex(out, action->session, 16);
    ADD("\",");
    hs_buf_add_str(out, hs_buf_str(&writer->about[action->service][action->version][0]));
    add_text(out, ",\"device\":\"", devices[action->device]);
    ADD(",\"objects\":[{\"id\":\"d");
    hs_buf_add_u64(out, action->doc);
    ADD("\",\"position\":");
    hs_buf_add_u64(out, action->position);
    ADD("}]");
    if (action->kind == HS_SIM_PURCHASE) {
        ADD(",\"value\":");
        add_thousandths(out, (uint64_t)action->value_cents * 10);
        ADD(",\"currency\":\"EUR\",\"quantity\":1");
    }
    hs_buf_add_char(out, '}');
}
