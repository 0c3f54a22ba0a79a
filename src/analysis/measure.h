/*
 * Measures by name: trec_eval's, with its sets and its way to give parameters, and those of
 * ir_measures. Pure.
 *
 *     map   P.5,10   ndcg.1=3,2=7   all_trec    trec_eval's: averaged over the queries that
 *                                                have both judgments and results
 *     nDCG@10   RBP(rel=2,p=0.8)   ERR@20        ir_measures': averaged over all judged queries
 */
#ifndef HS_ANALYSIS_MEASURE_H
#define HS_ANALYSIS_MEASURE_H

#include <stdbool.h>

#include "analysis/trec.h"

enum {
    HS_MEASURES_MAX = 1024, /* of one list */
    HS_MEASURE_NAME_MAX = 64,
    HS_MEASURE_PARAMS_MAX = 32, /* of one measure */
};

/* How the values of queries become one. */
enum hs_measure_sum {
    HS_MEASURE_MEAN,
    HS_MEASURE_TOTAL,     /* whole numbers, added up */
    HS_MEASURE_GEOMETRIC, /* exp of the mean of logs of max(value, 0.00001); not shown by query */
    HS_MEASURE_QUERIES,   /* the number of queries; not shown by query */
    HS_MEASURE_TAG,       /* the run's tag; not shown by query */
    HS_MEASURE_TEXT,      /* a text; only shown by query */
};

struct hs_measure_row;

struct hs_measure {
    const struct hs_measure_row *row;
    char name[HS_MEASURE_NAME_MAX]; /* as it is shown: "P_5", "nDCG@10" */
    bool of_ir_measures;
    size_t k;      /* cutoff; 0: none */
    int32_t level; /* relevant from this grade on; 0: as the command says */
    double params[4];
    struct hs_gain own[HS_MEASURE_PARAMS_MAX];
    struct hs_gains gains; /* own points into this measure once hs_measure_value looks at it */
};

struct hs_measures {
    struct hs_measure *at; /* owned; trec_eval's in its order, then the others as they came */
    size_t n;
};

/* Adds what a word asks for; a set or a measure with several cutoffs adds many. What is there
 * already is not added again. HS_EINVAL: no such measure (err suggests one), or a bad parameter.
 * HS_ELIMIT: more than HS_MEASURES_MAX. */
int hs_measures_add(struct hs_measures *measures, struct hs_str word, struct hs_err *err);
/* Puts them in order; after the last add. */
void hs_measures_sort(struct hs_measures *measures);
void hs_measures_fini(struct hs_measures *measures);

enum hs_measure_sum hs_measure_sum(const struct hs_measure *measure);
/* The order of the results that it looks at. */
enum hs_order hs_measure_order(const struct hs_measure *measure);
/* Not for QUERIES, TAG and TEXT. */
double hs_measure_value(const struct hs_measure *measure, const struct hs_ranking *ranking);
/* TEXT: one character a result; returns their number, at most max. */
size_t hs_measure_text(const struct hs_measure *measure, const struct hs_ranking *ranking,
                       char *out, size_t max);

#endif
