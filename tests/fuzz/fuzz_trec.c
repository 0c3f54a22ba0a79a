/*
 * Both of TREC's files: any text is read or refused with a line number; what is read ranks, and
 * every measure of it is a finite number.
 *
 * The input's first byte cuts the rest: that many bytes, in 64ths, are the judgments.
 */
#include <math.h>
#include <stdint.h>

#include "analysis/measure.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_BYTES = 64 << 20 };

static void measure(const struct hs_qrels *qrels, const struct hs_run *run, size_t query,
                    const struct hs_measures *measures)
{
    const struct hs_trec_query *found = &run->queries[query];
    const struct hs_trec_query *judged = hs_qrels_find(qrels, found->id);
    struct hs_arena arena;
    size_t i;

    if (!judged)
        return;
    hs_arena_init(&arena, ARENA_BYTES);
    for (i = 0; i < measures->n; i++) {
        const struct hs_measure *one = &measures->at[i];
        const struct hs_rank_options options = {.level = 1, .order = hs_measure_order(one)};
        const struct hs_ranking *ranking =
            hs_trec_rank(qrels, judged, run, found, &options, &arena);
        enum hs_measure_sum sum = hs_measure_sum(one);

        HS_ASSERT(ranking != NULL);
        HS_ASSERT(ranking->ret <= found->n);
        if (sum == HS_MEASURE_MEAN || sum == HS_MEASURE_TOTAL)
            HS_ASSERT(!isnan(hs_measure_value(one, ranking)));
    }
    hs_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const words[] = {"all_trec",
                                        "nDCG@10",
                                        "ERR@10",
                                        "RBP",
                                        "Judged@5",
                                        "nDCG(dcg='exp-log2')",
                                        "nDCG(dcg='jarvelin-log2')@3"};
    struct hs_measures measures = {.n = 0};
    struct hs_qrels qrels;
    struct hs_run run;
    struct hs_err err;
    size_t cut;
    size_t i;

    if (size == 0)
        return 0;
    cut = (size - 1) * (data[0] & 63) / 64;
    if (hs_qrels_read(hs_str_n(data + 1, cut), &qrels, &err) != HS_OK)
        return 0;
    if (hs_run_read(hs_str_n(data + 1 + cut, size - 1 - cut), &run, &err) == HS_OK) {
        for (i = 0; i < HS_ARRAY_LEN(words); i++)
            HS_ASSERT(hs_measures_add(&measures, hs_str_c(words[i]), &err) == HS_OK);
        hs_measures_sort(&measures);
        for (i = 0; i < run.queries_n; i++)
            measure(&qrels, &run, i, &measures);
        hs_measures_fini(&measures);
        hs_run_fini(&run);
    }
    hs_qrels_fini(&qrels);
    return 0;
}
