/* Inside of haystat eval: what its two ways to look at runs share. */
#ifndef HS_CMD_EVAL_INT_H
#define HS_CMD_EVAL_INT_H

#include "analysis/measure.h"
#include "analysis/trec.h"
#include "base/buf.h"

struct hs_eval {
    struct hs_measures measures;
    struct hs_rank_options options;
    bool by_query, summary, complete, compare;
    const char *qrels_path;
    const char *run_paths[2]; /* the second of a comparison */
    struct hs_buf qrels_text, run_text;
    struct hs_qrels qrels;
    struct hs_run run; /* one at a time */
    struct hs_arena arena;
    double sums[HS_MEASURES_MAX];
    size_t queries_n; /* with judgments and results */
    struct hs_err err;
};

/* The rankings of a query that measures may want. */
struct hs_eval_rankings {
    const struct hs_ranking *by_order[HS_ORDER_N]; /* NULL: no measure wants it */
};

/* Reads a run in place of the one before. */
int hs_eval_read_run(struct hs_eval *eval, const char *path);
/* The rankings last until it returns. */
typedef void hs_eval_query_fn(struct hs_eval *eval, const struct hs_trec_query *judged,
                              const struct hs_eval_rankings *rankings, void *arg);
/* Calls it for each query of the run that is judged. */
int hs_eval_each_query(struct hs_eval *eval, hs_eval_query_fn *query, void *arg);
/* That of a measure: of its own level when it has one. */
struct hs_ranking hs_eval_ranking(const struct hs_eval_rankings *rankings,
                                  const struct hs_measure *measure);
/* Whether a measure is averaged over all judged queries, 0 for those without results. */
bool hs_eval_of_all(const struct hs_eval *eval, const struct hs_measure *measure);

/* Reads both runs and prints how they differ. Returns eval->err.rc on failure. */
int hs_eval_compare(struct hs_eval *eval);

#endif
