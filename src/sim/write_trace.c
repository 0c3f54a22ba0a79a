/*
 * One search's trace:
 *
 *     edge            |-------------------------------|
 *       service        |-----------------------------|      the search operation
 *         parse           |-|
 *         shard 0…n         |-------|  |----|  …            at the same time
 *         ranker                       |------|
 *         fetch                               |----|
 */
#include "base/mem.h"
#include "net/pb.h"
#include "sim/write_int.h"

enum { RESOURCE_MAX = 512, KIND_INTERNAL = 1, KIND_SERVER = 2, STATUS_ERROR = 2 };

/* Places of spans in a trace, for their ids. */
enum { AT_SERVICE, AT_EDGE, AT_PARSE, AT_RANKER, AT_FETCH, AT_SHARD };

static const struct {
    const char *name, *version;
} helpers[HELPERS] = {
    [HELPER_EDGE] = {"edge", "7.3.1"},
    [HELPER_SHARD] = {"search-shard", "9.12.0"},
    [HELPER_RANKER] = {"ranker", "2.2.0"},
    [HELPER_FETCH] = {"fetch", "1.4.5"},
};

static void add_attr(struct hs_buf *out, uint32_t number, const char *key, struct hs_str value)
{
    size_t attr = hs_pb_open(out, number);
    size_t any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_bytes(out, 1, value);
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

static void add_attr_int(struct hs_buf *out, const char *key, uint64_t value)
{
    size_t attr = hs_pb_open(out, 9);
    size_t any;

    hs_pb_add_bytes(out, 1, hs_str_c(key));
    any = hs_pb_open(out, 2);
    hs_pb_add_uint(out, 3, value);
    hs_pb_close(out, any);
    hs_pb_close(out, attr);
}

static void make_resource(struct hs_buf *out, const char *name, const char *version)
{
    hs_buf_init(out, RESOURCE_MAX);
    add_attr(out, 1, "service.name", hs_str_c(name));
    add_attr(out, 1, "service.version", hs_str_c(version));
    add_attr(out, 1, "deployment.environment.name", HS_STR("production"));
    HS_ASSERT(hs_buf_ok(out));
}

void hs_sim_resources_init(struct hs_sim_writer *writer)
{
    unsigned i, version;

    for (i = 0; i < HELPERS; i++)
        make_resource(&writer->helper[i], helpers[i].name, helpers[i].version);
    for (i = 0; i < HS_SIM_SERVICES; i++)
        for (version = 0; version < HS_SIM_VERSIONS; version++)
            make_resource(&writer->resource[i][version], hs_sim_service(i)->name,
                          hs_sim_service(i)->versions[version]);
}

/* What is being written. */
struct trace {
    const struct hs_sim_writer *writer;
    const struct hs_sim_search *search;
    struct hs_buf *out;
    size_t resource_mark, scope_mark, span_mark;
    unsigned spans;
};

static void open_resource(struct trace *trace, const struct hs_buf *resource)
{
    size_t scope;

    trace->resource_mark = hs_pb_open(trace->out, 1);
    hs_pb_add_bytes(trace->out, 1, hs_buf_str(resource));
    trace->scope_mark = hs_pb_open(trace->out, 2);
    scope = hs_pb_open(trace->out, 1);
    hs_pb_add_bytes(trace->out, 1, HS_STR("haystat.simulate"));
    hs_pb_close(trace->out, scope);
}

static void close_resource(struct trace *trace)
{
    hs_pb_close(trace->out, trace->scope_mark);
    hs_pb_close(trace->out, trace->resource_mark);
}

struct span {
    unsigned place;
    int parent; /* a place; -1: none */
    const char *name;
    unsigned kind;
    int64_t from_us;
    uint32_t us;
};

static void open_span(struct trace *trace, const struct span *span)
{
    struct hs_buf *out = trace->out;
    unsigned char id[16];

    trace->spans++;
    trace->span_mark = hs_pb_open(out, 2);
    hs_sim_trace_id(trace->writer, trace->search->seq, id);
    hs_pb_add_bytes(out, 1, hs_str_n(id, 16));
    hs_sim_span_id(trace->writer, trace->search->seq, span->place, id);
    hs_pb_add_bytes(out, 2, hs_str_n(id, 8));
    if (span->parent >= 0) {
        hs_sim_span_id(trace->writer, trace->search->seq, (unsigned)span->parent, id);
        hs_pb_add_bytes(out, 4, hs_str_n(id, 8));
    }
    hs_pb_add_bytes(out, 5, hs_str_c(span->name));
    hs_pb_add_uint(out, 6, span->kind);
    hs_pb_add_fixed64(out, 7, (uint64_t)span->from_us * 1000);
    hs_pb_add_fixed64(out, 8, ((uint64_t)span->from_us + span->us) * 1000);
}

static void close_span(struct trace *trace)
{
    hs_pb_close(trace->out, trace->span_mark);
}

static bool failed(const struct hs_sim_search *search)
{
    return search->status == HS_SIM_ERROR || search->status == HS_SIM_TIMEOUT;
}

static void add_failure(struct trace *trace)
{
    size_t status;

    if (!failed(trace->search))
        return;
    add_attr(trace->out, 9, "error.type",
             trace->search->status == HS_SIM_TIMEOUT ? HS_STR("timeout") : HS_STR("search_failed"));
    status = hs_pb_open(trace->out, 15);
    hs_pb_add_uint(trace->out, 3, STATUS_ERROR);
    hs_pb_close(trace->out, status);
}

static void add_edge(struct trace *trace)
{
    const struct hs_sim_search *search = trace->search;
    const struct span span = {
        .place = AT_EDGE,
        .parent = -1,
        .name = "GET /search",
        .kind = KIND_SERVER,
        .from_us = search->ts_us - HS_SIM_EDGE_US / 2,
        .us = search->latency_us + HS_SIM_EDGE_US,
    };
    uint64_t status = search->status == HS_SIM_ERROR     ? 503
                      : search->status == HS_SIM_TIMEOUT ? 504
                                                         : 200;

    open_resource(trace, &trace->writer->helper[HELPER_EDGE]);
    open_span(trace, &span);
    add_attr(trace->out, 9, "http.request.method", HS_STR("GET"));
    add_attr(trace->out, 9, "http.route", HS_STR("/search"));
    add_attr_int(trace->out, "http.response.status_code", status);
    add_failure(trace);
    close_span(trace);
    close_resource(trace);
}

static void add_query_attrs(struct trace *trace)
{
    const struct hs_sim_search *search = trace->search;
    const struct hs_sim_service *service = hs_sim_service(search->service);
    struct hs_buf *out = trace->out;
    struct hs_buf id;

    hs_buf_init(&id, 64);
    hs_buf_addf(&id, "q-%.*s-%010llx", RUN_DIGITS, trace->writer->run_hex,
                (unsigned long long)search->seq);
    add_attr(out, 9, "search.query.id", hs_buf_str(&id));
    hs_buf_fini(&id);
    add_attr(out, 9, "search.query.text", search->query);
    add_attr(out, 9, "search.kind", hs_str_c(service->kind));
    add_attr(out, 9, "search.index.name", hs_str_c(service->index));
    add_attr(out, 9, "search.index.version",
             hs_str_c(search->index_next ? service->index_version_next : service->index_version));
    add_attr(out, 9, "search.ranker.version", hs_str_c(service->ranker));
    add_attr(out, 9, "search.status",
             hs_str_c(hs_sim_status_name((enum hs_sim_status)search->status)));
    add_attr_int(out, "search.page", search->page);
    add_attr_int(out, "search.shards.total", service->shards);
    if (hs_sim_answered(search)) {
        add_attr_int(out, "search.hits.total", search->total_hits);
        add_attr_int(out, "search.hits.returned", search->returned);
    }
}

static void add_service(struct trace *trace)
{
    const struct hs_sim_search *search = trace->search;
    const struct span own = {AT_SERVICE,  AT_EDGE,       "search",
                             KIND_SERVER, search->ts_us, search->latency_us};
    const struct span parse = {AT_PARSE,
                               AT_SERVICE,
                               "parse",
                               KIND_INTERNAL,
                               search->ts_us + search->phases.queue_us,
                               search->phases.parse_us};

    open_resource(trace, &trace->writer->resource[search->service][search->version]);
    open_span(trace, &own);
    add_query_attrs(trace);
    add_failure(trace);
    close_span(trace);
    open_span(trace, &parse);
    add_attr(trace->out, 9, "search.phase", HS_STR("parse"));
    close_span(trace);
    close_resource(trace);
}

static void add_shards(struct trace *trace, int64_t from_us)
{
    const struct hs_sim_search *search = trace->search;
    const struct hs_sim_service *service = hs_sim_service(search->service);
    unsigned i;

    open_resource(trace, &trace->writer->helper[HELPER_SHARD]);
    for (i = 0; i < service->shards; i++) {
        const struct span span = {AT_SHARD + i, AT_SERVICE, "query_shard",
                                  KIND_SERVER,  from_us,    search->shard_us[i]};

        open_span(trace, &span);
        add_attr(trace->out, 9, "search.phase", HS_STR("retrieve"));
        add_attr(trace->out, 9, "search.index.name", hs_str_c(service->index));
        add_attr_int(trace->out, "search.shard", i);
        close_span(trace);
    }
    close_resource(trace);
}

static void add_helper(struct trace *trace, enum helper helper, const struct span *span)
{
    open_resource(trace, &trace->writer->helper[helper]);
    open_span(trace, span);
    add_attr(trace->out, 9, "search.phase", hs_str_c(span->name));
    close_span(trace);
    close_resource(trace);
}

unsigned hs_sim_write_trace(const struct hs_sim_writer *writer, const struct hs_sim_search *search,
                            struct hs_buf *out)
{
    const struct hs_sim_phases *phases = &search->phases;
    int64_t shards_us = search->ts_us + phases->queue_us + phases->parse_us;
    int64_t rank_us = shards_us + phases->retrieve_us;
    const struct span rank = {AT_RANKER, AT_SERVICE, "rank", KIND_SERVER, rank_us, phases->rank_us};
    const struct span fetch = {
        AT_FETCH, AT_SERVICE, "fetch", KIND_SERVER, rank_us + phases->rank_us, phases->fetch_us};
    struct trace trace = {.writer = writer, .search = search, .out = out};

    add_edge(&trace);
    add_service(&trace);
    add_shards(&trace, shards_us);
    add_helper(&trace, HELPER_RANKER, &rank);
    add_helper(&trace, HELPER_FETCH, &fetch);
    return trace.spans;
}
