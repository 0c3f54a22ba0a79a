#include "sim/run.h"

#include "base/fs.h"
#include "base/mem.h"
#include "sim/truth.h"
#include "sim/write.h"

enum {
    SPAN_BATCH_BYTES = 512 << 10,
    BACKFILL_STEP_US = 10000000,
    DRAIN_POLL_MS = 20,
    PROGRESS_MS = 250,
    MINUTES_MAX = 400 * 1440,
    TRUTH_BYTES_MAX = 1 << 30,
};

#define DEMO_INCIDENT_EVERY_US (15LL * 60 * 1000000)
#define BACKFILL_INCIDENT_EVERY_US (36LL * 3600 * 1000000)

struct run {
    const struct hs_sim_run_conf *conf;
    struct hs_sim_gen *gen;
    struct hs_sim_writer *writer;
    struct hs_sim_truth *truth; /* NULL: not wanted */
    struct hs_sim_sender *sender;
    struct hs_sim_incident incidents[HS_SIM_INCIDENTS_MAX];
    size_t incidents_n;
    int64_t from_us, to_us; /* wall time */
    int64_t start_ns;       /* monotonic */
    int64_t shown_ns;       /* when progress was last told */
    struct hs_sim_batch *batches[HS_SIM_WAYS];
    struct hs_sim_report report;
};

static void flush(struct run *run, enum hs_sim_way way, int64_t intended_ns)
{
    struct hs_sim_batch *batch = run->batches[way];

    if (!batch)
        return;
    run->batches[way] = NULL;
    batch->way = way;
    batch->intended_ns = intended_ns;
    if (way == HS_SIM_EVENTS)
        hs_buf_add_char(&batch->body, ']');
    hs_sim_sender_put(run->sender, batch);
}

static struct hs_sim_batch *batch_of(struct run *run, enum hs_sim_way way)
{
    if (!run->batches[way])
        run->batches[way] = hs_sim_sender_take(run->sender);
    return run->batches[way];
}

static void add_event(struct run *run, const struct hs_sim_item *item)
{
    struct hs_sim_batch *batch = batch_of(run, HS_SIM_EVENTS);

    hs_buf_add_char(&batch->body, batch->items == 0 ? '[' : ',');
    batch->items++;
    if (item->is_search)
        hs_sim_write_search(run->writer, &item->search, &batch->body);
    else
        hs_sim_write_action(run->writer, &item->action, &batch->body);
}

static void add_trace(struct run *run, const struct hs_sim_search *search)
{
    struct hs_sim_batch *batch = batch_of(run, HS_SIM_SPANS);
    unsigned spans = hs_sim_write_trace(run->writer, search, &batch->body);

    batch->items += spans;
    run->report.spans += spans;
}

/* All that occurs before until_us. */
static void generate(struct run *run, int64_t until_us, int64_t intended_ns)
{
    struct hs_sim_item item;

    while (hs_sim_gen_next(run->gen, until_us, &item)) {
        if (run->truth)
            hs_sim_truth_add(run->truth, &item);
        if (item.is_search)
            run->report.searches++;
        else
            run->report.actions++;
        add_event(run, &item);
        if (item.is_search && item.search.traced)
            add_trace(run, &item.search);
        if (run->batches[HS_SIM_EVENTS]->items == HS_SIM_BATCH_EVENTS)
            flush(run, HS_SIM_EVENTS, intended_ns);
        if (run->batches[HS_SIM_SPANS] && run->batches[HS_SIM_SPANS]->body.n > SPAN_BATCH_BYTES)
            flush(run, HS_SIM_SPANS, intended_ns);
    }
}

static void tell(struct run *run, int64_t now_us)
{
    int64_t now_ns = hs_mono_ns(run->conf->clock);
    double whole = (double)(run->to_us - run->from_us);

    if (!run->conf->progress_fn || now_ns - run->shown_ns < PROGRESS_MS * HS_NS_PER_MS)
        return;
    run->shown_ns = now_ns;
    hs_sim_sender_stats(run->sender, &run->report.stats);
    run->conf->progress_fn(run->conf->arg, (double)(now_us - run->from_us) / whole,
                           &run->report.stats);
}

/* Returns where the time stood at the end. */
static int64_t run_live(struct run *run)
{
    int64_t slot_us = HS_SIM_SLOT_MS * 1000;
    int64_t until_us = run->from_us;

    while (until_us < run->to_us) {
        int64_t intended_ns, wait_ns;

        until_us = HS_MIN(until_us + slot_us, run->to_us);
        intended_ns = run->start_ns + (until_us - run->from_us) * HS_NS_PER_US;
        wait_ns = intended_ns - hs_mono_ns(run->conf->clock);
        /* A call when the time is over as well, so that stopping is heard. */
        if (!run->conf->wait_fn(run->conf->arg, wait_ns > 0 ? (wait_ns + 999999) / 1000000 : 0))
            return until_us - slot_us;
        generate(run, until_us, intended_ns);
        flush(run, HS_SIM_EVENTS, intended_ns);
        flush(run, HS_SIM_SPANS, intended_ns);
        tell(run, until_us);
    }
    return until_us;
}

static int64_t run_backfill(struct run *run)
{
    int64_t until_us = run->from_us;

    while (until_us < run->to_us) {
        if (!run->conf->wait_fn(run->conf->arg, 0))
            break;
        until_us = HS_MIN(until_us + BACKFILL_STEP_US, run->to_us);
        generate(run, until_us, hs_mono_ns(run->conf->clock));
        tell(run, until_us);
    }
    flush(run, HS_SIM_EVENTS, hs_mono_ns(run->conf->clock));
    flush(run, HS_SIM_SPANS, hs_mono_ns(run->conf->clock));
    return until_us;
}

/* Until everything is answered or given up; a second wish to stop ends it. */
static void drain(struct run *run)
{
    bool waiting = true;

    do {
        hs_sim_sender_stats(run->sender, &run->report.stats);
        waiting = run->report.stats.waiting > 0;
    } while (waiting && run->conf->wait_fn(run->conf->arg, DRAIN_POLL_MS));
}

static void plan(struct run *run)
{
    const struct hs_sim_run_conf *conf = run->conf;

    if (conf->scenario != HS_SIM_NORMAL) {
        hs_sim_incident_of(conf->scenario, run->from_us, run->to_us, &run->incidents[0]);
        run->incidents_n = 1;
    } else if (conf->demo || conf->backfill_s > 0) {
        run->incidents_n =
            hs_sim_incidents_plan(conf->seed, run->from_us, run->to_us,
                                  conf->demo ? DEMO_INCIDENT_EVERY_US : BACKFILL_INCIDENT_EVERY_US,
                                  run->incidents);
    }
}

static void open_parts(struct run *run)
{
    const struct hs_sim_run_conf *conf = run->conf;
    struct hs_sim_gen_conf gen = {
        .seed = conf->seed,
        .run = hs_str_c(conf->run),
        .qps = conf->qps,
        .daily = conf->demo || conf->backfill_s > 0,
        .from_us = run->from_us,
        .results_max = conf->results_max,
        .trace_share = *conf->spans_url ? conf->trace_share : 0,
        .incidents = run->incidents,
        .incidents_n = run->incidents_n,
    };

    run->gen = hs_sim_gen_new(&gen);
    run->writer = hs_sim_writer_new(hs_sim_gen_run(run->gen));
    /* Searches that end in the first moments began before it. */
    if (*conf->truth_path)
        run->truth = hs_sim_truth_new(run->from_us - 10 * 60000000LL, MINUTES_MAX);
}

static void add_c(struct hs_json *json, const char *key, const char *value)
{
    hs_json_key(json, key);
    hs_json_add_c(json, value);
}

static void add_u64(struct hs_json *json, const char *key, uint64_t value)
{
    hs_json_key(json, key);
    hs_json_add_u64(json, value);
}

static void write_sent(const struct run *run, struct hs_json *json)
{
    const struct hs_sim_report *report = &run->report;
    const struct hs_sim_sent *events = &report->stats.sent[HS_SIM_EVENTS];
    const struct hs_sim_sent *spans = &report->stats.sent[HS_SIM_SPANS];

    hs_json_key(json, "sent");
    hs_json_obj_open(json);
    add_u64(json, "searches", report->searches);
    add_u64(json, "actions", report->actions);
    add_u64(json, "spans", report->spans);
    add_u64(json, "events_acknowledged", events->acknowledged);
    add_u64(json, "events_rejected", events->rejected);
    add_u64(json, "events_unanswered", events->unanswered);
    add_u64(json, "spans_acknowledged", spans->acknowledged);
    add_u64(json, "spans_rejected", spans->rejected);
    add_u64(json, "spans_unanswered", spans->unanswered);
    add_u64(json, "retries", report->stats.retries);
    hs_json_obj_close(json);
}

static void write_truth(const struct run *run, struct hs_buf *out)
{
    struct hs_json json;
    size_t i;

    hs_json_init(&json, out);
    hs_json_obj_open(&json);
    add_c(&json, "run", run->conf->run);
    add_u64(&json, "seed", run->conf->seed);
    add_c(&json, "scenario", hs_sim_scenario_name(run->conf->scenario));
    hs_json_key(&json, "qps");
    hs_json_add_double(&json, run->conf->qps);
    hs_json_key(&json, "start");
    hs_json_add_time(&json, run->from_us * HS_NS_PER_US);
    hs_json_key(&json, "end");
    hs_json_add_time(&json, run->to_us * HS_NS_PER_US);
    hs_json_key(&json, "complete");
    hs_json_add_bool(&json, run->report.complete);
    write_sent(run, &json);
    hs_json_key(&json, "causes");
    hs_json_arr_open(&json);
    for (i = 0; i < run->incidents_n; i++)
        if (run->incidents[i].from_us < run->to_us)
            hs_sim_incident_write(&run->incidents[i], &json);
    hs_json_arr_close(&json);
    hs_sim_truth_write(run->truth, &json);
    hs_json_obj_close(&json);
    hs_buf_add_char(out, '\n');
}

static int keep_truth(const struct run *run, struct hs_err *err)
{
    struct hs_buf text;
    int rc;

    if (!run->truth)
        return HS_OK;
    hs_buf_init(&text, TRUTH_BYTES_MAX);
    write_truth(run, &text);
    rc = hs_buf_ok(&text)
             ? hs_fs_write_atomic(run->conf->truth_path, hs_buf_str(&text), 0644, err)
             : hs_err_set(err, HS_ELIMIT, 0, "the truth takes more than %d bytes", TRUTH_BYTES_MAX);
    hs_buf_fini(&text);
    return rc;
}

static bool is_complete(const struct hs_sim_report *report)
{
    size_t i;

    for (i = 0; i < HS_SIM_WAYS; i++)
        if (report->stats.sent[i].rejected > 0 || report->stats.sent[i].unanswered > 0)
            return false;
    return report->stats.waiting == 0;
}

static void run_sending(struct run *run)
{
    run->start_ns = hs_mono_ns(run->conf->clock);
    run->to_us = run->conf->backfill_s > 0 ? run_backfill(run) : run_live(run);
    run->report.elapsed_ns = hs_mono_ns(run->conf->clock) - run->start_ns;
    drain(run);
    run->report.drained_ns = hs_mono_ns(run->conf->clock) - run->start_ns;
    run->report.complete = is_complete(&run->report);
}

int hs_sim_run(const struct hs_sim_run_conf *conf, struct hs_sim_report *out, struct hs_err *err)
{
    const struct hs_sim_sender_conf sender = {
        .url = {conf->events_url, conf->spans_url},
        .key = conf->key,
        .connections = conf->connections,
        .give_up_ms = conf->give_up_ms,
        .clock = conf->clock,
    };
    struct run *run = hs_xalloc(sizeof(*run));
    int64_t now_us = hs_wall_ns(conf->clock) / HS_NS_PER_US;
    int rc;

    run->conf = conf;
    run->from_us = now_us - conf->backfill_s * 1000000;
    run->to_us = conf->backfill_s > 0 ? now_us : now_us + conf->duration_s * 1000000;
    plan(run);
    open_parts(run);
    rc = hs_sim_sender_start(&sender, &run->sender, err);
    if (rc == HS_OK) {
        run_sending(run);
        rc = keep_truth(run, err);
    }
    if (rc == HS_OK)
        *out = run->report;
    hs_sim_sender_stop(run->sender);
    hs_sim_truth_free(run->truth);
    hs_sim_writer_free(run->writer);
    hs_sim_gen_free(run->gen);
    hs_free(run);
    return rc;
}
