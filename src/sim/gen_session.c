/* Sessions: users who ask, look at the next page, ask in other words, ask something else. */
#include "base/mem.h"
#include "sim/gen_int.h"

#define CONTINUE_SHARE 0.55
#define NEXT_PAGE_SHARE 0.2
#define REFORMULATE_SHARE 0.3
#define REFORMULATE_NOTHING_SHARE 0.8 /* after a search without results */
#define FILTER_SHARE 0.25
#define USER_SHARE 0.35

enum { REFORMULATIONS = 40, PREFIX_MIN = 2 };

static void ask_something(struct hs_sim_gen *gen, struct session *session)
{
    session->rank = hs_sim_vocab_pick(gen->vocab, &gen->rand);
    session->variant = 0;
    if (hs_rand_double(&gen->rand) < HS_SIM_ONCE_SHARE)
        session->variant = hs_rand_u64(&gen->rand) | 1U << 31;
    session->page = 1;
    session->filter = 0;
    if (hs_rand_double(&gen->rand) < FILTER_SHARE)
        session->filter = (uint8_t)(1 + hs_rand_below(&gen->rand, FILTERS - 1));
}

static void begin(struct hs_sim_gen *gen, struct session *session)
{
    const struct hs_sim_service *service;
    uint64_t bits = hs_rand_u64(&gen->rand);

    session->id = hs_rand_u64(&gen->rand) | 1;
    session->service = (uint8_t)hs_sim_alias_pick(&gen->by_share, &gen->rand);
    service = hs_sim_service(session->service);
    session->version = hs_rand_double(&gen->rand) < service->canary_share;
    session->region = (uint8_t)(bits % REGIONS);
    session->device = (uint8_t)((bits >> 16) % DEVICES);
    session->locale = (uint8_t)((bits >> 32) % LOCALES);
    session->user_known = hs_rand_double(&gen->rand) < USER_SHARE;
    ask_something(gen, session);
}

static void go_on(struct hs_sim_gen *gen, struct session *session)
{
    double reformulate = session->found_nothing ? REFORMULATE_NOTHING_SHARE : REFORMULATE_SHARE;
    double u = hs_rand_double(&gen->rand);

    if (session->hits_left > 0 && u < NEXT_PAGE_SHARE) {
        session->page++;
        return;
    }
    if (u < NEXT_PAGE_SHARE + reformulate * (1 - NEXT_PAGE_SHARE)) {
        session->variant = 1 + hs_rand_below(&gen->rand, REFORMULATIONS);
        session->page = 1;
        return;
    }
    ask_something(gen, session);
}

/* What has been typed so far, in place of the whole text. */
static size_t cut_prefix(struct hs_sim_gen *gen, size_t n)
{
    if (n <= PREFIX_MIN)
        return n;
    n = PREFIX_MIN + (size_t)hs_rand_below(&gen->rand, n - PREFIX_MIN + 1);
    return hs_str_utf8_cut(hs_str_n(gen->text, n + 1), n).n;
}

void hs_sim_session_step(struct hs_sim_gen *gen, struct hs_sim_search *search, struct session **out)
{
    struct session *session = &gen->sessions[hs_rand_below(&gen->rand, SESSIONS)];
    size_t n;

    if (session->id != 0 && hs_rand_double(&gen->rand) < CONTINUE_SHARE)
        go_on(gen, session);
    else
        begin(gen, session);
    search->session = session->id;
    search->service = session->service;
    search->version = session->version;
    search->region = session->region;
    search->device = session->device;
    search->locale = session->locale;
    search->filter = session->filter;
    search->user_known = session->user_known;
    search->page = session->page;
    search->query_key = hs_sim_mix(session->rank + 1U) ^ hs_sim_mix(session->variant);
    gen->text[HS_SIM_QUERY_MAX - 1] = '\0';
    n = hs_sim_vocab_variant(gen->vocab, session->rank, session->variant, gen->text);
    if (strcmp(hs_sim_service(session->service)->kind, "autosuggest") == 0) {
        n = cut_prefix(gen, n);
        search->page = session->page = 1;
    }
    search->query = hs_str_n(gen->text, n);
    *out = session;
}
