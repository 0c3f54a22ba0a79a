/* How one search goes: queueing, shards, status, results, under the incidents of its time. */
#include <math.h>

#include "base/mem.h"
#include "sim/gen_int.h"

#define CACHE_SHARE 0.3       /* of the searches for head queries */
#define CACHE_SPEED 0.12      /* their latency is that share of the others' */
#define FAILED_SPEED 0.4      /* an error comes before the work is done */
#define ROLLOUT_SLOWDOWN 1.06 /* the new version's latency */
#define LACKING_SCORE 0.55    /* top score where documents lack */

enum { MIN_US = 200, QUEUE_MAX_US = 400000, HITS_MAX = 40000 };

static const struct hs_sim_incident *find_incident(const struct hs_sim_gen *gen,
                                                   const struct hs_sim_search *search)
{
    size_t i;

    for (i = 0; i < gen->conf.incidents_n; i++) {
        const struct hs_sim_incident *incident = &gen->conf.incidents[i];

        if (incident->service == search->service && search->end_us >= incident->from_us &&
            search->end_us < incident->to_us)
            return incident;
    }
    return NULL;
}

/* Lindley: who comes waits for what the one before left, less the time between them. */
static uint32_t wait_in_queue(struct queue *queue, int64_t now_us, double work_us)
{
    double gap = queue->arrived_us ? (double)(now_us - queue->arrived_us) : 1e9;
    double wait = queue->wait_us + queue->work_us / queue->servers - gap;

    queue->wait_us = fmin(fmax(wait, 0), QUEUE_MAX_US);
    queue->work_us = work_us;
    queue->arrived_us = now_us;
    return (uint32_t)queue->wait_us;
}

/* The retrieval takes as long as its slowest shard. */
static void run_shards(struct hs_sim_gen *gen, struct hs_sim_search *search,
                       const struct hs_sim_incident *incident)
{
    unsigned shards = hs_sim_service(search->service)->shards;
    uint32_t whole = search->phases.retrieve_us;
    uint64_t bits = hs_rand_u64(&gen->rand);
    unsigned slowest = (unsigned)(bits % shards);
    unsigned i;

    for (i = 0; i < shards; i++) {
        uint32_t part = 96 + (uint32_t)((bits >> (i * 7 + 8)) & 127); /* of 256 */

        search->shard_us[i] = i == slowest ? whole : (uint32_t)((uint64_t)whole * part / 256);
    }
    if (!incident || incident->kind != HS_SIM_SLOW_QUERIES)
        return;
    i = incident->shard;
    search->shard_us[i] = (uint32_t)((double)search->shard_us[i] * incident->size);
    for (i = 0; i < shards; i++)
        search->phases.retrieve_us = HS_MAX(search->phases.retrieve_us, search->shard_us[i]);
}

static void spend_time(struct hs_sim_gen *gen, struct hs_sim_search *search,
                       const struct hs_sim_incident *incident)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);
    double us = hs_sim_latency_draw(&service->latency, &gen->rand) * 1000;
    struct hs_sim_phases *phases = &search->phases;

    if (search->version == 1)
        us *= ROLLOUT_SLOWDOWN;
    if (search->cache_hit)
        us *= CACHE_SPEED;
    us = fmin(fmax(us, MIN_US), 4e9 / 16);
    phases->parse_us = (uint32_t)(us * 0.04);
    phases->retrieve_us = (uint32_t)(us * 0.6);
    phases->rank_us = (uint32_t)(us * 0.22);
    phases->fetch_us = (uint32_t)(us * 0.14);
    run_shards(gen, search, incident);
    us = (double)phases->parse_us + phases->retrieve_us + phases->rank_us + phases->fetch_us;
    phases->queue_us = wait_in_queue(&gen->queues[search->service], search->end_us, us);
    search->latency_us = (uint32_t)us + phases->queue_us;
}

/* Cuts all phases down to a shorter latency. */
static void shorten(struct hs_sim_search *search, uint32_t latency_us)
{
    double f = (double)latency_us / (double)search->latency_us;
    struct hs_sim_phases *phases = &search->phases;
    size_t i;

    phases->queue_us = (uint32_t)(phases->queue_us * f);
    phases->parse_us = (uint32_t)(phases->parse_us * f);
    phases->rank_us = (uint32_t)(phases->rank_us * f);
    phases->fetch_us = (uint32_t)(phases->fetch_us * f);
    phases->retrieve_us =
        latency_us - phases->queue_us - phases->parse_us - phases->rank_us - phases->fetch_us;
    for (i = 0; i < HS_SIM_SHARDS_MAX; i++)
        search->shard_us[i] = HS_MIN(search->shard_us[i], phases->retrieve_us);
    search->latency_us = latency_us;
}

static enum hs_sim_status draw_status(struct hs_sim_gen *gen, const struct hs_sim_search *search,
                                      const struct hs_sim_incident *incident)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);
    double u = hs_rand_double(&gen->rand);
    double errors = service->error_share;

    if (incident && incident->kind == HS_SIM_ERROR_SPIKE && incident->version == search->version)
        errors += incident->size;
    if (u < errors)
        return HS_SIM_ERROR;
    u -= errors;
    if (u < service->cancelled_share)
        return HS_SIM_CANCELLED;
    u -= service->cancelled_share;
    if ((double)search->latency_us > service->timeout_ms * 1000)
        return HS_SIM_TIMEOUT;
    return u < service->partial_share ? HS_SIM_PARTIAL : HS_SIM_OK;
}

static void settle_status(struct hs_sim_gen *gen, struct hs_sim_search *search,
                          const struct hs_sim_incident *incident)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);

    search->status = (uint8_t)draw_status(gen, search, incident);
    if (search->status == HS_SIM_TIMEOUT)
        shorten(search, (uint32_t)(service->timeout_ms * 1000));
    if (search->status == HS_SIM_ERROR || search->status == HS_SIM_CANCELLED)
        shorten(search, HS_MAX((uint32_t)(search->latency_us * FAILED_SPEED), MIN_US));
    if (search->status == HS_SIM_ERROR) {
        bool caused = incident && incident->kind == HS_SIM_ERROR_SPIKE;

        search->error = caused ? 0 : (uint8_t)(1 + hs_rand_below(&gen->rand, ERRORS - 1));
    }
    search->shards_failed = search->status == HS_SIM_PARTIAL;
}

/* Tail queries find nothing more often; whether one does is the query's own property. */
static bool finds_nothing(const struct hs_sim_search *search, double rank_share)
{
    return hs_sim_mix_unit(search->query_key ^ search->service) <
           rank_share * hs_sim_service(search->service)->zero_factor;
}

static void find_results(struct hs_sim_gen *gen, struct hs_sim_search *search,
                         const struct session *session, const struct hs_sim_incident *incident)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);
    double zero = session->rank < HS_SIM_HEAD_RANKS    ? 0.002
                  : session->rank < HS_SIM_TORSO_RANKS ? 0.02
                                                       : 0.07;
    double unit = hs_sim_mix_unit(search->query_key + 1);
    uint32_t seen = (uint32_t)(search->page - 1) * service->page_size;

    if (session->variant > UINT32_MAX)
        zero = 0.14; /* asked once only */
    search->top_score = 6 + 14 * hs_sim_mix_unit(search->query_key + 2);
    search->total_hits = (uint32_t)exp(unit * log(HITS_MAX));
    if (finds_nothing(search, zero))
        search->total_hits = 0;
    if (incident && incident->kind == HS_SIM_ANOMALY_SPIKE) {
        search->index_next = true;
        search->top_score *= LACKING_SCORE;
        if (hs_rand_double(&gen->rand) < incident->size)
            search->total_hits = 0;
    }
    search->returned =
        search->total_hits > seen ? HS_MIN(search->total_hits - seen, service->page_size) : 0;
    search->listed = HS_MIN(search->returned, gen->conf.results_max);
}

bool hs_sim_answered(const struct hs_sim_search *search)
{
    return search->status == HS_SIM_OK || search->status == HS_SIM_PARTIAL;
}

void hs_sim_search_run(struct hs_sim_gen *gen, struct hs_sim_search *search)
{
    const struct hs_sim_incident *incident;
    struct session *session;

    hs_sim_session_step(gen, search, &session);
    incident = find_incident(gen, search);
    search->traced = hs_rand_double(&gen->rand) < gen->conf.trace_share;
    search->cache_hit =
        session->rank < HS_SIM_HEAD_RANKS && hs_rand_double(&gen->rand) < CACHE_SHARE;
    spend_time(gen, search, incident);
    settle_status(gen, search, incident);
    search->ts_us = search->end_us - search->latency_us;
    session->hits_left = 0;
    session->found_nothing = false;
    find_results(gen, search, session, incident);
    if (!hs_sim_answered(search)) {
        search->total_hits = search->returned = search->listed = 0;
        return;
    }
    session->found_nothing = search->total_hits == 0;
    session->hits_left = search->total_hits -
                         HS_MIN(search->total_hits, (uint32_t)search->page *
                                                        hs_sim_service(search->service)->page_size);
}
