/*
 * The queries that simulated users ask: a vocabulary made from syllables, and queries of one to
 * four of its words, by rank. Which one is asked follows Zipf's law: few queries of the head come
 * all the time, the many of the tail once in a while; a share of all searches is asked once only.
 *
 * Texts consist of small letters, some of them beyond ASCII, digits and single spaces, so that they
 * need no escaping in JSON. Equal seeds give equal texts.
 */
#ifndef HS_SIM_VOCAB_H
#define HS_SIM_VOCAB_H

#include "base/rand.h"
#include "base/str.h"
#include "sim/dist.h"

enum {
    HS_SIM_QUERIES = 50000,    /* ranks of the vocabulary */
    HS_SIM_HEAD_RANKS = 100,   /* head: ranks below this */
    HS_SIM_TORSO_RANKS = 5000, /* torso: below this; then the tail */
    HS_SIM_QUERY_MAX = 96,     /* bytes of a query */
};

#define HS_SIM_ZIPF_EXPONENT 1.0
#define HS_SIM_ONCE_SHARE 0.08 /* of the searches: asked once only */

struct hs_sim_vocab;

struct hs_sim_vocab *hs_sim_vocab_new(uint64_t seed);
void hs_sim_vocab_free(struct hs_sim_vocab *vocab); /* NULL is a no-op */

/* A rank below HS_SIM_QUERIES. */
uint32_t hs_sim_vocab_pick(const struct hs_sim_vocab *vocab, struct hs_rand *rand);
/* Lives as long as vocab. */
struct hs_str hs_sim_vocab_text(const struct hs_sim_vocab *vocab, uint32_t rank);

/* The text of a rank with `variant` applied: 0 as it is, else with a word or number behind it that
 * depends on the variant alone (a reformulation, or a query that is asked once). Returns its
 * length. */
size_t hs_sim_vocab_variant(const struct hs_sim_vocab *vocab, uint32_t rank, uint64_t variant,
                            char out[HS_SIM_QUERY_MAX]);

#endif
