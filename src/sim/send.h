/*
 * Sending: some threads, each with a connection, take batches from a queue and post them until they
 * are answered.
 *
 * A batch that gets no answer, 429 or a 5xx is sent again under the same event ids, with back-off
 * (what Retry-After says, else doubling), until give_up_ms have passed. Whatever was not
 * acknowledged is counted: nothing is dropped in silence. Latency is measured from the time at
 * which a batch was meant to be sent to the last byte of its answer, repeats included.
 */
#ifndef HS_SIM_SEND_H
#define HS_SIM_SEND_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "sim/histogram.h"

enum { HS_SIM_CONNECTIONS_MAX = 64, HS_SIM_STATUS_MAX = 600 };

enum hs_sim_way { HS_SIM_EVENTS, HS_SIM_SPANS, HS_SIM_WAYS };

struct hs_sim_batch {
    struct hs_buf body;
    enum hs_sim_way way;
    uint32_t items;      /* events or spans */
    int64_t intended_ns; /* monotonic: when it is meant to be sent */
    struct hs_sim_batch *next;
};

struct hs_sim_sender_conf {
    const char *url[HS_SIM_WAYS]; /* complete; "" for a way that is not used; borrowed */
    const char *key;              /* API key; NULL: none; borrowed */
    unsigned connections;         /* 1 … HS_SIM_CONNECTIONS_MAX */
    int64_t give_up_ms;
    const struct hs_clock *clock;
};

struct hs_sim_sent {
    uint64_t acknowledged, rejected, unanswered; /* events or spans */
};

struct hs_sim_send_stats {
    struct hs_sim_sent sent[HS_SIM_WAYS];
    uint64_t requests, retries;
    uint64_t statuses[HS_SIM_STATUS_MAX]; /* answers by status; 0: no answer came */
    uint64_t waiting;                     /* batches that are not answered yet */
    struct hs_sim_histogram latency_ns;   /* of batches of events */
    char last_error[HS_ERR_TEXT_MAX];     /* of what was not acknowledged at once; "" for none */
};

struct hs_sim_sender;

/* HS_EINVAL, HS_EIO. */
int hs_sim_sender_start(const struct hs_sim_sender_conf *conf, struct hs_sim_sender **out,
                        struct hs_err *err);
/* Gives up what waits, joins the threads. NULL is a no-op. @blocks */
void hs_sim_sender_stop(struct hs_sim_sender *sender);

/* An empty batch; waits while too many are under way. It goes back through put. @blocks */
struct hs_sim_batch *hs_sim_sender_take(struct hs_sim_sender *sender);
/* Queues the batch; one without items is only given back. @thread any */
void hs_sim_sender_put(struct hs_sim_sender *sender, struct hs_sim_batch *batch);

/* A copy of the figures so far. @thread any */
void hs_sim_sender_stats(struct hs_sim_sender *sender, struct hs_sim_send_stats *out);

/* Reads an answer to a batch: how many of n items were rejected. HS_ECORRUPT: it cannot be read. */
int hs_sim_answer_read(enum hs_sim_way way, struct hs_str body, uint64_t n, uint64_t *out_rejected);

#endif
