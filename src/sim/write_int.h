/* What both forms of writing share: ready-made pieces and ids. */
#ifndef HS_SIM_WRITE_INT_H
#define HS_SIM_WRITE_INT_H

#include "sim/write.h"

enum { RUN_DIGITS = 16, SEQ_DIGITS = 10, REGIONS = 3 };

/* The services that every trace passes beside the one that is searched. */
enum helper { HELPER_EDGE, HELPER_SHARD, HELPER_RANKER, HELPER_FETCH, HELPERS };

struct hs_sim_writer {
    uint64_t run;
    char run_hex[RUN_DIGITS];
    /* By service, version, whether the new index version answers: what events say of them. */
    struct hs_buf about[HS_SIM_SERVICES][HS_SIM_VERSIONS][2];
    /* Messages Resource. */
    struct hs_buf resource[HS_SIM_SERVICES][HS_SIM_VERSIONS];
    struct hs_buf helper[HELPERS];
};

extern const char *const hs_sim_regions[REGIONS];

void hs_sim_trace_id(const struct hs_sim_writer *writer, uint64_t seq, unsigned char out[16]);
/* place: of the span in its trace; 0 is the service's own. */
void hs_sim_span_id(const struct hs_sim_writer *writer, uint64_t seq, unsigned place,
                    unsigned char out[8]);
void hs_sim_resources_init(struct hs_sim_writer *writer);

#endif
