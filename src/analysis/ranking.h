/*
 * Measures of one ranked list against the judgments of its query. Pure.
 *
 * All of trec_eval 9's measures on qrels, as it defines them (Buckley, NIST), and what it lacks:
 * ERR, RBP, two more kinds of gain, the share of judged results. Each function names its source. A
 * measure that would divide by nothing is 0.
 */
#ifndef HS_ANALYSIS_RANKING_H
#define HS_ANALYSIS_RANKING_H

#include <stddef.h>
#include <stdint.h>

enum {
    HS_REL_NONPOOL = -1,  /* a result that nobody put into the judgments */
    HS_REL_UNJUDGED = -2, /* one that stands there with a grade below 0: in the pool, not judged */
};

/* How many documents of the query have a grade. */
struct hs_grade_count {
    int32_t grade; /* >= 0 */
    uint32_t n;    /* > 0 */
};

struct hs_ranking {
    const int32_t *rels;                 /* by rank: a grade >= 0 or one of the two above */
    size_t ret;                          /* results */
    const struct hs_grade_count *grades; /* of all judged documents, ascending */
    size_t grades_n;
    int32_t level;       /* relevant from this grade on, >= 1 */
    size_t rel_ret, rel; /* relevant results, relevant documents; hs_ranking_count */
};

/* Fills rel_ret and rel. */
void hs_ranking_count(struct hs_ranking *ranking);

/* The gain of a grade other than the grade itself. */
struct hs_gain {
    int32_t grade;
    double gain;
};

enum hs_gain_kind {
    HS_GAIN_LINEAR,      /* grade ÷ log2(rank + 1): trec_eval, ir_measures' log2 */
    HS_GAIN_EXPONENTIAL, /* (2^grade - 1) ÷ log2(rank + 1): Burges et al., ICML 2005 */
    HS_GAIN_JARVELIN, /* grade ÷ max(1, log2(rank)): Järvelin and Kekäläinen, TOIS 20 (2002) */
};

struct hs_gains {
    enum hs_gain_kind kind;
    const struct hs_gain *own; /* instead of the grade itself */
    size_t own_n;
};

/* Cutoffs k: results up to rank k; 0: all. */
double hs_rank_precision(const struct hs_ranking *ranking, size_t k); /* k > 0 */
double hs_rank_recall(const struct hs_ranking *ranking, size_t k);
double hs_rank_success(const struct hs_ranking *ranking, size_t k);
/* Precision ÷ the highest that is possible at k. */
double hs_rank_relative_precision(const struct hs_ranking *ranking, size_t k);
double hs_rank_average_precision(const struct hs_ranking *ranking, size_t k);
double hs_rank_reciprocal(const struct hs_ranking *ranking, size_t k);
/* Precision at `times` the number of relevant documents, rounded as trec_eval does. */
double hs_rank_r_precision(const struct hs_ranking *ranking, double times);
/* Buckley and Voorhees, SIGIR 2004. */
double hs_rank_bpref(const struct hs_ranking *ranking);
/* Yilmaz and Aslam, CIKM 2006. */
double hs_rank_inferred_ap(const struct hs_ranking *ranking);
/* The highest precision at or after a recall of `recall`, 0…1. */
double hs_rank_interpolated(const struct hs_ranking *ranking, double recall);
/* The mean of it at 0, 0.1 … 1. */
double hs_rank_eleven_points(const struct hs_ranking *ranking);

double hs_rank_dcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k);
double hs_rank_ideal_dcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k);
double hs_rank_ndcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k);
/* trec_eval's experimental ones: nDCG averaged at relevant documents; where the ideal gain changes;
 * gain discounted by what was missed before it; the last with gains of 0 and 1. */
double hs_rank_ndcg_rel(const struct hs_ranking *ranking, const struct hs_gains *gains);
double hs_rank_rndcg(const struct hs_ranking *ranking, const struct hs_gains *gains);
double hs_rank_g(const struct hs_ranking *ranking, const struct hs_gains *gains);
double hs_rank_bin_g(const struct hs_ranking *ranking);

/* Of the whole list, as a set. */
double hs_rank_set_precision(const struct hs_ranking *ranking);
double hs_rank_set_relative_precision(const struct hs_ranking *ranking);
double hs_rank_set_recall(const struct hs_ranking *ranking);
double hs_rank_set_ap(const struct hs_ranking *ranking);
/* (beta + 1) P R ÷ (beta P + R): trec_eval's, whose beta weighs recall without being squared. */
double hs_rank_set_f(const struct hs_ranking *ranking, double beta);
/* a · relevant results + b · other results + c · missed relevant documents. */
double hs_rank_utility(const struct hs_ranking *ranking, double a, double b, double c);
size_t hs_rank_nonrel_judged(const struct hs_ranking *ranking);

/* Expected reciprocal rank: Chapelle et al., CIKM 2009; grades up to grade_max, higher ones count
 * as that. */
double hs_rank_err(const struct hs_ranking *ranking, size_t k, int32_t grade_max);
/* Rank-biased precision with persistence p, binary: Moffat and Zobel, TOIS 27 (2008). */
double hs_rank_rbp(const struct hs_ranking *ranking, double p, size_t k);
/* Judged results ÷ results, up to rank k. */
double hs_rank_judged(const struct hs_ranking *ranking, size_t k);

#endif
