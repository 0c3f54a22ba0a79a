/*
 * haystat eval: measures of a run against judgments, as trec_eval prints them (docs/evaluation.md).
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/eval_int.h"

enum { TEXT_MAX = 1000, RANKING_ARENA_BYTES = 1 << 30 };

static const size_t file_bytes_max = (size_t)64 << 30;
static const double geometric_min = 0.00001;

static const struct hs_command command = {
    .name = "eval",
    .synopsis = "[-q] [-n] [-c] [-J] [-l GRADE] [-M N] [-m MEASURE]… QRELS RUN [RUN_B --compare]",
    .about =
        "Measures a run against judgments and prints what trec_eval 9 prints: QRELS has lines\n"
        "\"query iteration document grade\", RUN \"query iteration document rank score tag\".\n"
        "\n"
        "  -m MEASURE  a measure or a set of them; may be repeated; default official\n"
        "              trec_eval's: map, P.5,10, ndcg.1=3,2=7, …; official, set, all_trec\n"
        "              ir_measures': nDCG@10, ERR@20, RBP(rel=1,p=0.8), Judged@10, …\n"
        "  -q          each query too\n"
        "  -n          no summary\n"
        "  -c          averages over all judged queries, 0 for those without results\n"
        "  -l GRADE    relevant from this grade on; default 1\n"
        "  -M N        only the first N results of a query\n"
        "  -J          leaves out results that are not judged\n"
        "  --compare   how RUN_B differs from RUN, by measure: means, difference with its 95 %\n"
        "              intervals, p of three paired tests, q\n",
    .operands_min = 2,
    .operands_max = 3,
};

/* ---- the command line */

static int read_number(const char *flag, uint64_t max, uint64_t *out)
{
    if (hs_str_to_u64(hs_str_c(optarg), out) != HS_OK || *out == 0 || *out > max)
        return hs_args_usage_error(&command, "-%s is \"%s\", wants a number from 1 to %llu", flag,
                                   optarg, (unsigned long long)max);
    return -1;
}

/* Returns -1 to go on, else the exit code. */
static int take_flag(struct hs_eval *eval, int flag)
{
    uint64_t number = 0;
    int code = -1;

    switch (flag) {
    case 'm':
        if (hs_measures_add(&eval->measures, hs_str_c(optarg), &eval->err) != HS_OK)
            return hs_args_usage_error(&command, "%s", eval->err.text);
        break;
    case 'l':
        code = read_number("l", INT32_MAX, &number);
        eval->options.level = (int32_t)number;
        break;
    case 'M':
        code = read_number("M", SIZE_MAX, &number);
        eval->options.results_max = (size_t)number;
        break;
    case 'q': eval->by_query = true; break;
    case 'n': eval->summary = false; break;
    case 'c': eval->complete = true; break;
    case 'J': eval->options.judged_only = true; break;
    case 'C': eval->compare = true; break;
    case ':': return hs_args_usage_error(&command, "flag -%c wants a value", optopt);
    default: return hs_args_usage_error(&command, "there is no flag -%c", optopt);
    }
    return code;
}

static int check_operands(const struct hs_eval *eval, int operands)
{
    if (!eval->compare && operands != 2)
        return hs_args_usage_error(&command, "wants two files, QRELS and RUN, not %d", operands);
    if (eval->compare && operands != 3)
        return hs_args_usage_error(&command,
                                   "--compare wants three files, QRELS, RUN and RUN_B, not %d",
                                   operands);
    if (eval->compare && (eval->by_query || !eval->summary))
        return hs_args_usage_error(&command, "-q and -n do not go with --compare");
    return -1;
}

static int parse(struct hs_eval *eval, int argc, char **argv)
{
    static const struct option longs[] = {{"compare", no_argument, NULL, 'C'}, {.name = NULL}};
    struct hs_args args;
    int code = -1;
    int flag;
    int i;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0)
            return hs_args_parse(&command, argc, argv, &args);
    }
    opterr = 0;
    while (code < 0 && (flag = getopt_long(argc, argv, ":m:l:M:qncJ", longs, NULL)) != -1) {
        if (flag == '?' && optopt == 0)
            return hs_args_usage_error(&command, "there is no flag %s", argv[optind - 1]);
        code = take_flag(eval, flag);
    }
    if (code < 0)
        code = check_operands(eval, argc - optind);
    if (code >= 0)
        return code;
    eval->qrels_path = argv[optind];
    for (i = 0; i < 1 + eval->compare; i++)
        eval->run_paths[i] = argv[optind + 1 + i];
    if (eval->measures.n == 0)
        hs_measures_add(&eval->measures, HS_STR("official"), NULL);
    hs_measures_sort(&eval->measures);
    return -1;
}

/* ---- files */

static void warn_repeats(const char *path, size_t n, const char *what)
{
    if (n > 0)
        fprintf(stderr,
                "haystat eval: %s: %zu %s of a document that the query has already; the "
                "last one counts\n",
                path, n, what);
}

static int read_qrels(struct hs_eval *eval)
{
    int rc = hs_fs_read(eval->qrels_path, &eval->qrels_text, &eval->err);

    if (rc != HS_OK)
        return rc;
    rc = hs_qrels_read(hs_buf_str(&eval->qrels_text), &eval->qrels, &eval->err);
    if (rc != HS_OK)
        return hs_err_prefix(&eval->err, "%s", eval->qrels_path);
    warn_repeats(eval->qrels_path, eval->qrels.repeats, "judgments");
    return HS_OK;
}

int hs_eval_read_run(struct hs_eval *eval, const char *path)
{
    int rc;

    hs_run_fini(&eval->run);
    eval->run = (struct hs_run){.queries = NULL};
    hs_buf_reset(&eval->run_text);
    rc = hs_fs_read(path, &eval->run_text, &eval->err);
    if (rc != HS_OK)
        return rc;
    rc = hs_run_read(hs_buf_str(&eval->run_text), &eval->run, &eval->err);
    if (rc != HS_OK)
        return hs_err_prefix(&eval->err, "%s", path);
    warn_repeats(path, eval->run.repeats, "results");
    return HS_OK;
}

/* ---- one query */

static void print_value(const struct hs_measure *measure, struct hs_str query, double value)
{
    if (hs_measure_sum(measure) == HS_MEASURE_TOTAL)
        printf("%-22s\t%.*s\t%.0f\n", measure->name, HS_STR_ARG(query), value);
    else
        printf("%-22s\t%.*s\t%6.4f\n", measure->name, HS_STR_ARG(query), value);
}

static void print_text(const struct hs_measure *measure, struct hs_str query,
                       const struct hs_ranking *ranking)
{
    char text[TEXT_MAX];
    size_t n = hs_measure_text(measure, ranking, text, sizeof(text));

    printf("%-22s\t%.*s\t'%.*s'\n", measure->name, HS_STR_ARG(query), (int)n, text);
}

struct hs_ranking hs_eval_ranking(const struct hs_eval_rankings *rankings,
                                  const struct hs_measure *measure)
{
    struct hs_ranking ranking = *rankings->by_order[hs_measure_order(measure)];

    if (measure->level > 0 && measure->level != ranking.level) {
        ranking.level = measure->level;
        hs_ranking_count(&ranking);
    }
    return ranking;
}

static void measure_query(struct hs_eval *eval, size_t i, struct hs_str query,
                          const struct hs_eval_rankings *rankings)
{
    const struct hs_measure *measure = &eval->measures.at[i];
    struct hs_ranking ranking = hs_eval_ranking(rankings, measure);
    double value;

    switch (hs_measure_sum(measure)) {
    case HS_MEASURE_TEXT:
        if (eval->by_query)
            print_text(measure, query, &ranking);
        return;
    case HS_MEASURE_QUERIES:
    case HS_MEASURE_TAG: return;
    case HS_MEASURE_GEOMETRIC:
        eval->sums[i] += log(fmax(hs_measure_value(measure, &ranking), geometric_min));
        return;
    case HS_MEASURE_MEAN:
    case HS_MEASURE_TOTAL:
        value = hs_measure_value(measure, &ranking);
        eval->sums[i] += value;
        if (eval->by_query)
            print_value(measure, query, value);
    }
}

/* Ranks one query's results, in eval->arena until the next call. */
static int rank(struct hs_eval *eval, const struct hs_trec_query *judged,
                const struct hs_trec_query *found, struct hs_eval_rankings *out)
{
    struct hs_rank_options options = eval->options;
    size_t i;

    hs_arena_reset(&eval->arena);
    *out = (struct hs_eval_rankings){.by_order = {NULL}};
    for (i = 0; i < eval->measures.n; i++) {
        options.order = hs_measure_order(&eval->measures.at[i]);
        if (out->by_order[options.order])
            continue;
        out->by_order[options.order] =
            hs_trec_rank(&eval->qrels, judged, &eval->run, found, &options, &eval->arena);
        if (!out->by_order[options.order])
            return hs_err_set(&eval->err, HS_ELIMIT, 0, "query \"%.*s\" does not fit into %d bytes",
                              HS_STR_ARG(hs_str_utf8_cut(found->id, 64)), RANKING_ARENA_BYTES);
    }
    return HS_OK;
}

/* ---- all queries */

int hs_eval_each_query(struct hs_eval *eval, hs_eval_query_fn *query, void *arg)
{
    struct hs_eval_rankings rankings;
    size_t q;

    for (q = 0; q < eval->run.queries_n; q++) {
        const struct hs_trec_query *found = &eval->run.queries[q];
        const struct hs_trec_query *judged = hs_qrels_find(&eval->qrels, found->id);

        if (!judged)
            continue;
        if (rank(eval, judged, found, &rankings) != HS_OK)
            return eval->err.rc;
        query(eval, judged, &rankings, arg);
    }
    return HS_OK;
}

static void add_query(struct hs_eval *eval, const struct hs_trec_query *judged,
                      const struct hs_eval_rankings *rankings, void *arg)
{
    size_t i;

    (void)arg;
    for (i = 0; i < eval->measures.n; i++)
        measure_query(eval, i, judged->id, rankings);
    eval->queries_n++;
}

static int measure_all(struct hs_eval *eval)
{
    if (hs_eval_each_query(eval, add_query, NULL) != HS_OK)
        return eval->err.rc;
    if (eval->queries_n == 0)
        return hs_err_set(&eval->err, HS_EINVAL, 0,
                          "no query has both judgments in %s and results in %s", eval->qrels_path,
                          eval->run_paths[0]);
    return HS_OK;
}

bool hs_eval_of_all(const struct hs_eval *eval, const struct hs_measure *measure)
{
    return eval->complete || measure->of_ir_measures;
}

static void print_sum(const struct hs_eval *eval, size_t i)
{
    const struct hs_measure *measure = &eval->measures.at[i];
    size_t averaged = hs_eval_of_all(eval, measure) ? eval->qrels.queries_n : eval->queries_n;
    double mean = eval->sums[i] / (double)averaged;

    switch (hs_measure_sum(measure)) {
    case HS_MEASURE_TAG:
        printf("%-22s\tall\t%.*s\n", measure->name, HS_STR_ARG(eval->run.tag));
        break;
    case HS_MEASURE_QUERIES: printf("%-22s\tall\t%zu\n", measure->name, averaged); break;
    case HS_MEASURE_GEOMETRIC: print_value(measure, HS_STR("all"), exp(mean)); break;
    case HS_MEASURE_TOTAL: print_value(measure, HS_STR("all"), eval->sums[i]); break;
    case HS_MEASURE_MEAN: print_value(measure, HS_STR("all"), mean); break;
    case HS_MEASURE_TEXT: break;
    }
}

static int print_one_run(struct hs_eval *eval)
{
    size_t i;

    if (hs_eval_read_run(eval, eval->run_paths[0]) != HS_OK || measure_all(eval) != HS_OK)
        return eval->err.rc;
    for (i = 0; i < eval->measures.n && eval->summary; i++)
        print_sum(eval, i);
    return HS_OK;
}

static int run_eval(struct hs_eval *eval)
{
    int rc = read_qrels(eval);

    if (rc == HS_OK)
        rc = eval->compare ? hs_eval_compare(eval) : print_one_run(eval);
    if (rc == HS_OK && fflush(stdout) != 0)
        rc = hs_err_sys(&eval->err, "write standard output");
    return rc == HS_OK ? HS_EXIT_DONE : hs_args_failed(&command, &eval->err);
}

int hs_cmd_eval(int argc, char **argv)
{
    struct hs_eval *eval = hs_xalloc(sizeof(*eval));
    int code;

    eval->options.level = 1;
    eval->summary = true;
    code = parse(eval, argc, argv);
    if (code < 0) {
        hs_buf_init(&eval->qrels_text, file_bytes_max);
        hs_buf_init(&eval->run_text, file_bytes_max);
        hs_arena_init(&eval->arena, RANKING_ARENA_BYTES);
        code = run_eval(eval);
        hs_arena_fini(&eval->arena);
        hs_run_fini(&eval->run);
        hs_qrels_fini(&eval->qrels);
        hs_buf_fini(&eval->run_text);
        hs_buf_fini(&eval->qrels_text);
    }
    hs_measures_fini(&eval->measures);
    hs_free(eval);
    return code;
}
