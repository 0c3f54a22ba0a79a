/*
 * TREC's two text files, and what a run ranks.
 *
 *     qrels   query iteration document grade            blank-separated, one judgment a line
 *     run     query iteration document rank score tag   one result a line
 *
 * As trec_eval reads them: the iteration and the rank are not looked at, results are ordered by
 * score. A document that stands twice for a query counts once, with what came last; trec_eval
 * refuses such a file. Queries are in the order of their bytes. Lines may end in CR LF; blank ones
 * are skipped.
 *
 * What is read are views into the text. Pure.
 */
#ifndef HS_ANALYSIS_TREC_H
#define HS_ANALYSIS_TREC_H

#include <stdbool.h>

#include "analysis/ranking.h"
#include "base/arena.h"

enum { HS_TREC_ROWS_MAX = 200000000 /* of one file */ };

struct hs_judgment {
    struct hs_str doc;
    int32_t grade; /* below 0: in the pool, not judged */
};

struct hs_result {
    struct hs_str doc;
    double score;
    uint32_t place; /* among those of its query, as they were read */
};

/* Rows of one query: [first, first + n). */
struct hs_trec_query {
    struct hs_str id;
    size_t first, n;
};

struct hs_qrels {
    struct hs_trec_query *queries; /* owned, as what follows */
    size_t queries_n;
    struct hs_judgment *judgments; /* of a query in any order */
    size_t repeats;                /* judgments that a later one replaced */
};

struct hs_run {
    struct hs_trec_query *queries;
    size_t queries_n;
    struct hs_result *results; /* of a query in HS_ORDER_TREC_EVAL */
    size_t repeats;
    struct hs_str tag; /* of the last line */
};

/* HS_EINVAL: a line is none; the text names its number, the value and the rule. HS_ELIMIT: more
 * than HS_TREC_ROWS_MAX lines. The caller ends with fini after HS_OK. */
int hs_qrels_read(struct hs_str text, struct hs_qrels *out, struct hs_err *err);
void hs_qrels_fini(struct hs_qrels *qrels);
int hs_run_read(struct hs_str text, struct hs_run *out, struct hs_err *err);
void hs_run_fini(struct hs_run *run);

/* NULL: there is none of that id. */
const struct hs_trec_query *hs_qrels_find(const struct hs_qrels *qrels, struct hs_str id);

/* How results are ordered; all by score, descending. */
enum hs_order {
    HS_ORDER_TREC_EVAL, /* scores as 32-bit floats; equal ones by document, descending */
    HS_ORDER_GDEVAL,    /* equal scores by document, descending */
    HS_ORDER_JUDGED,    /* equal scores by document, ascending: ir_measures' Judged */
    HS_ORDER_CWL,       /* equal scores as they were read: cwl_eval, which is ir_measures' RBP */
    HS_ORDER_N,
};

struct hs_rank_options {
    int32_t level;      /* relevant from this grade on, >= 1 */
    size_t results_max; /* of a query; 0: all */
    bool judged_only;   /* others are left out */
    enum hs_order order;
};

/* The ranking of one query's results, in the arena; NULL when it is full. */
struct hs_ranking *hs_trec_rank(const struct hs_qrels *qrels, const struct hs_trec_query *judged,
                                const struct hs_run *run, const struct hs_trec_query *found,
                                const struct hs_rank_options *options, struct hs_arena *arena);

#endif
