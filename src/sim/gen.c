#include "sim/gen.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sim/gen_int.h"

#define QUEUE_LOAD 0.6 /* of a service's capacity, at the asked rate */
#define CART_SHARE 0.12
#define PURCHASE_SHARE 0.3 /* of the carts */

enum { SERVERS_MIN = 8, CLICK_AFTER_US = 6000000, CART_AFTER_US = 25000000 };

static const char *const status_names[HS_SIM_STATUSES] = {
    [HS_SIM_OK] = "ok",           [HS_SIM_ERROR] = "error",         [HS_SIM_TIMEOUT] = "timeout",
    [HS_SIM_PARTIAL] = "partial", [HS_SIM_CANCELLED] = "cancelled",
};

const char *hs_sim_status_name(enum hs_sim_status status)
{
    HS_ASSERT(status < HS_SIM_STATUSES);
    return status_names[status];
}

uint32_t hs_sim_doc(uint64_t query_key, uint32_t place)
{
    return (uint32_t)(hs_sim_mix(query_key + 1000 + place) % 2000000);
}

static double rate_at(const struct hs_sim_gen *gen, double since_us)
{
    if (!gen->conf.daily)
        return gen->conf.qps;
    return gen->conf.qps * hs_sim_daily(gen->conf.from_us + (int64_t)since_us);
}

static void schedule_next(struct hs_sim_gen *gen)
{
    gen->next_us += hs_sim_exponential(&gen->rand, 1e6 / rate_at(gen, gen->next_us));
}

struct hs_sim_gen *hs_sim_gen_new(const struct hs_sim_gen_conf *conf)
{
    struct hs_sim_gen *gen = hs_xalloc(sizeof(*gen));
    double shares[HS_SIM_SERVICES];
    size_t i;

    HS_ASSERT(conf->qps > 0 && conf->results_max <= HS_SIM_RESULTS_MAX);
    gen->conf = *conf;
    gen->conf.run = HS_STR_NULL;
    gen->run = hs_hash64_seed(conf->run, hs_sim_mix(conf->seed));
    hs_rand_init(&gen->rand, conf->seed);
    gen->vocab = hs_sim_vocab_new(conf->seed);
    gen->sessions = hs_xcalloc(SESSIONS, sizeof(*gen->sessions));
    gen->actions = hs_xcalloc(HS_SIM_ACTIONS_MAX, sizeof(*gen->actions));
    for (i = 0; i < HS_SIM_SERVICES; i++) {
        const struct hs_sim_service *service = hs_sim_service(i);
        double busy = conf->qps * service->share * hs_sim_latency_mean(&service->latency) / 1000;

        shares[i] = service->share;
        gen->queues[i].servers = fmax(SERVERS_MIN, busy / QUEUE_LOAD);
    }
    hs_sim_alias_init(&gen->by_share, shares, HS_SIM_SERVICES);
    schedule_next(gen);
    return gen;
}

void hs_sim_gen_free(struct hs_sim_gen *gen)
{
    if (!gen)
        return;
    hs_sim_alias_fini(&gen->by_share);
    hs_sim_vocab_free(gen->vocab);
    hs_free(gen->sessions);
    hs_free(gen->actions);
    hs_free(gen);
}

uint64_t hs_sim_gen_run(const struct hs_sim_gen *gen)
{
    return gen->run;
}

static void swap_actions(struct hs_sim_action *a, struct hs_sim_action *b)
{
    struct hs_sim_action old = *a;

    *a = *b;
    *b = old;
}

static void push_action(struct hs_sim_gen *gen, const struct hs_sim_action *action)
{
    size_t i = gen->actions_n;

    if (i == HS_SIM_ACTIONS_MAX)
        return;
    gen->actions[gen->actions_n++] = *action;
    for (; i > 0 && gen->actions[i].at_us < gen->actions[(i - 1) / 2].at_us; i = (i - 1) / 2)
        swap_actions(&gen->actions[i], &gen->actions[(i - 1) / 2]);
}

static void pop_action(struct hs_sim_gen *gen, struct hs_sim_action *out)
{
    struct hs_sim_action *heap = gen->actions;
    size_t i = 0, least;

    *out = heap[0];
    heap[0] = heap[--gen->actions_n];
    for (;;) {
        least = 2 * i + 1;
        if (least >= gen->actions_n)
            return;
        if (least + 1 < gen->actions_n && heap[least + 1].at_us < heap[least].at_us)
            least++;
        if (heap[i].at_us <= heap[least].at_us)
            return;
        swap_actions(&heap[i], &heap[least]);
        i = least;
    }
}

static int64_t later(struct hs_sim_gen *gen, int64_t from_us, double mean_us)
{
    return from_us + 500000 + (int64_t)hs_sim_exponential(&gen->rand, mean_us);
}

/* What comes of a search: perhaps a click, of it perhaps a cart, of that perhaps a purchase. A
 * place is clicked in inverse proportion to its number. */
static void plan_actions(struct hs_sim_gen *gen, const struct hs_sim_search *search)
{
    const struct hs_sim_service *service = hs_sim_service(search->service);
    struct hs_sim_action action;
    uint32_t place;

    if (search->listed == 0 || hs_rand_double(&gen->rand) >= service->click_share)
        return;
    place = (uint32_t)(pow(search->listed + 1, hs_rand_double(&gen->rand)) - 1);
    place = HS_MIN(place, search->listed - 1);
    action = (struct hs_sim_action){
        .at_us = later(gen, search->end_us, CLICK_AFTER_US),
        .seq = search->seq,
        .session = search->session,
        .doc = hs_sim_doc(search->query_key,
                          place + (uint32_t)(search->page - 1) * service->page_size),
        .position = (uint16_t)(place + 1 + (uint32_t)(search->page - 1) * service->page_size),
        .service = search->service,
        .version = search->version,
        .device = search->device,
        .kind = HS_SIM_CLICK,
    };
    push_action(gen, &action);
    if (hs_rand_double(&gen->rand) >= CART_SHARE)
        return;
    action.kind = HS_SIM_ADD_TO_CART;
    action.at_us = later(gen, action.at_us, CART_AFTER_US);
    push_action(gen, &action);
    if (hs_rand_double(&gen->rand) >= PURCHASE_SHARE)
        return;
    action.kind = HS_SIM_PURCHASE;
    action.at_us = later(gen, action.at_us, CART_AFTER_US);
    action.value_cents = 500 + (uint32_t)hs_rand_below(&gen->rand, 20000);
    push_action(gen, &action);
}

bool hs_sim_gen_next(struct hs_sim_gen *gen, int64_t until_us, struct hs_sim_item *out)
{
    int64_t search_us = gen->conf.from_us + (int64_t)gen->next_us;

    if (gen->actions_n > 0 && gen->actions[0].at_us <= search_us) {
        if (gen->actions[0].at_us >= until_us)
            return false;
        out->is_search = false;
        pop_action(gen, &out->action);
        return true;
    }
    if (search_us >= until_us)
        return false;
    out->is_search = true;
    out->search = (struct hs_sim_search){.seq = ++gen->seq, .end_us = search_us};
    hs_sim_search_run(gen, &out->search);
    plan_actions(gen, &out->search);
    schedule_next(gen);
    return true;
}
