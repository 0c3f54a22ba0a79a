/*
 * Simulated items as they are sent: events in JSON (docs/events.md), traces in OTLP protobuf
 * (docs/otlp.md) with the same trace ids.
 *
 *     event_id  <run>-<number>            16 and 10 hexadecimal digits
 *               <run>-<number>-c|a|p      its click, cart, purchase
 *     query_id  q-<run>-<number>
 *     trace_id  <run><mixed number>       32 digits
 *
 * A trace has one span that is a search operation, the service's own: it becomes an event of source
 * "span" for an application whose counted source is native, so it is stored and not counted. The
 * spans of shards, ranker and fetch carry search.phase and make no events.
 */
#ifndef HS_SIM_WRITE_H
#define HS_SIM_WRITE_H

#include "base/buf.h"
#include "sim/gen.h"

enum {
    HS_SIM_EVENT_BYTES_MAX = 8192, /* of one event, with HS_SIM_RESULTS_MAX results */
    HS_SIM_TRACE_BYTES_MAX = 16384,
};

struct hs_sim_writer;

struct hs_sim_writer *hs_sim_writer_new(uint64_t run);
void hs_sim_writer_free(struct hs_sim_writer *writer); /* NULL is a no-op */

/* Append one JSON object. */
void hs_sim_write_search(const struct hs_sim_writer *writer, const struct hs_sim_search *search,
                         struct hs_buf *out);
void hs_sim_write_action(const struct hs_sim_writer *writer, const struct hs_sim_action *action,
                         struct hs_buf *out);
/* Appends the ResourceSpans of one search's trace; several calls make one TracesData. Returns the
 * number of spans. */
unsigned hs_sim_write_trace(const struct hs_sim_writer *writer, const struct hs_sim_search *search,
                            struct hs_buf *out);

#endif
