/* What the files of the generator share: sessions, and how one search goes. */
#ifndef HS_SIM_GEN_INT_H
#define HS_SIM_GEN_INT_H

#include "sim/gen.h"

enum { SESSIONS = 2048, REGIONS = 3, DEVICES = 3, LOCALES = 5, FILTERS = 5, ERRORS = 4 };

struct session {
    uint64_t id; /* 0: unused */
    uint64_t variant;
    uint32_t rank;
    uint32_t hits_left; /* results behind the last page seen */
    uint16_t page;
    uint8_t service, version, region, device, locale, filter;
    bool found_nothing, user_known;
};

/* The queue in front of a service. */
struct queue {
    double wait_us;     /* of the last arrival */
    double work_us;     /* that it brought */
    double servers;     /* how many searches are worked on at once */
    int64_t arrived_us; /* when it came */
};

struct hs_sim_gen {
    struct hs_sim_gen_conf conf;
    struct hs_rand rand;
    struct hs_sim_vocab *vocab;
    struct hs_sim_alias by_share;
    struct session *sessions;
    struct queue queues[HS_SIM_SERVICES];
    struct hs_sim_action *actions; /* a heap, the earliest first */
    size_t actions_n;
    double next_us; /* when the next search arrives, since from_us */
    uint64_t run, seq;
    char text[HS_SIM_QUERY_MAX];
};

/* gen_session.c: picks who asks and what; sets session, service, query and the like. */
void hs_sim_session_step(struct hs_sim_gen *gen, struct hs_sim_search *search,
                         struct session **out);
/* gen_search.c: how it goes: times, status, results. */
void hs_sim_search_run(struct hs_sim_gen *gen, struct hs_sim_search *search);

#endif
