#include "analysis/trec.h"

#include <math.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"

enum { QRELS_FIELDS = 4, RUN_FIELDS = 6, NUMBER_MAX = 64, SHOWN_MAX = 64 };

/* ---- tables of hashes, open addressing */

struct slots {
    size_t *at; /* index + 1; 0: free */
    size_t mask;
};

static void slots_init(struct slots *slots, size_t n)
{
    size_t size = 16;

    while (size < 2 * n)
        size *= 2;
    slots->at = hs_xcalloc(size, sizeof(*slots->at));
    slots->mask = size - 1;
}

static void slots_fini(struct slots *slots)
{
    hs_free(slots->at);
}

/* ---- lines */

struct line {
    struct hs_str fields[RUN_FIELDS];
    size_t number;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a line into its fields; returns how many there are, those beyond max only counted. */
static size_t cut_fields(struct hs_str line, struct hs_str *out, size_t max)
{
    const char *p = line.p;
    const char *end = line.p + line.n;
    size_t n = 0;

    while (true) {
        const char *from;

        while (p < end && is_blank(*p))
            p++;
        if (p == end)
            return n;
        from = p;
        while (p < end && !is_blank(*p))
            p++;
        if (n < max)
            out[n] = hs_str_n(from, (size_t)(p - from));
        n++;
    }
}

/* The next line that is not blank; false at the end. */
static bool next_line(struct hs_str *text, struct line *line, size_t wanted, size_t *out_found)
{
    while (text->n > 0) {
        const char *end = memchr(text->p, '\n', text->n);
        size_t n = end ? (size_t)(end - text->p) : text->n;
        struct hs_str whole = hs_str_n(text->p, n);

        *text = hs_str_n(text->p + n + (end != NULL), text->n - n - (end != NULL));
        line->number++;
        *out_found = cut_fields(whole, line->fields, wanted);
        if (*out_found > 0)
            return true;
    }
    return false;
}

static int bad_field(const struct line *line, const char *what, struct hs_str value,
                     const char *rule, struct hs_err *err)
{
    return hs_err_set(err, HS_EINVAL, 0, "line %zu: %s is \"%.*s\", must be %s", line->number, what,
                      HS_STR_ARG(hs_str_utf8_cut(value, SHOWN_MAX)), rule);
}

static int read_grade(const struct line *line, int32_t *out, struct hs_err *err)
{
    struct hs_str text = line->fields[3];
    int64_t grade = 0;

    if (hs_str_to_i64(text, &grade) != HS_OK || grade < INT32_MIN || grade > INT32_MAX)
        return bad_field(line, "grade", text, "a whole number of 32 bits", err);
    *out = (int32_t)grade;
    return HS_OK;
}

static int read_score(const struct line *line, double *out, struct hs_err *err)
{
    struct hs_str text = line->fields[4];
    char number[NUMBER_MAX];
    char *end = number;

    if (text.n < sizeof(number)) {
        memcpy(number, text.p, text.n);
        number[text.n] = '\0';
        *out = strtod(number, &end);
    }
    if (end == number || *end != '\0' || !isfinite(*out))
        return bad_field(line, "score", text, "a finite number of at most 63 characters", err);
    return HS_OK;
}

/* ---- rows of all queries, in the order of lines */

struct row {
    struct hs_str doc;
    size_t query; /* index into names */
    union {
        int32_t grade;
        double score;
    };
};

struct rows {
    struct row *at; /* owned, as what follows */
    size_t n, cap;
    struct hs_str *names; /* of queries */
    size_t *counts;       /* rows of each */
    size_t names_n, names_cap;
    struct slots by_name;
};

static void rows_fini(struct rows *rows)
{
    hs_free(rows->at);
    hs_free(rows->names);
    hs_free(rows->counts);
    slots_fini(&rows->by_name);
}

static size_t find_slot(const struct rows *rows, struct hs_str name)
{
    size_t i = hs_hash64(name) & rows->by_name.mask;

    while (rows->by_name.at[i] && !hs_str_eq(rows->names[rows->by_name.at[i] - 1], name))
        i = (i + 1) & rows->by_name.mask;
    return i;
}

static void grow_names(struct rows *rows)
{
    size_t i;

    rows->names_cap = rows->names_cap * 2 + 64;
    rows->names = hs_xrealloc(rows->names, rows->names_cap, sizeof(*rows->names));
    rows->counts = hs_xrealloc(rows->counts, rows->names_cap, sizeof(*rows->counts));
    slots_fini(&rows->by_name);
    slots_init(&rows->by_name, rows->names_cap);
    for (i = 0; i < rows->names_n; i++)
        rows->by_name.at[find_slot(rows, rows->names[i])] = i + 1;
}

/* Rows of a query mostly follow one another. */
static size_t query_of(struct rows *rows, struct hs_str name)
{
    size_t slot;

    if (rows->n > 0 && hs_str_eq(rows->names[rows->at[rows->n - 1].query], name))
        return rows->at[rows->n - 1].query;
    if (rows->names_n == rows->names_cap)
        grow_names(rows);
    slot = find_slot(rows, name);
    if (rows->by_name.at[slot] == 0) {
        rows->names[rows->names_n] = name;
        rows->counts[rows->names_n] = 0;
        rows->by_name.at[slot] = ++rows->names_n;
    }
    return rows->by_name.at[slot] - 1;
}

static int add_row(struct rows *rows, const struct line *line, bool is_run, struct hs_err *err)
{
    struct row row = {.doc = line->fields[2]};
    int rc = is_run ? read_score(line, &row.score, err) : read_grade(line, &row.grade, err);

    if (rc != HS_OK)
        return rc;
    if (rows->n == HS_TREC_ROWS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "has more than %d lines", HS_TREC_ROWS_MAX);
    row.query = query_of(rows, line->fields[0]);
    rows->counts[row.query]++;
    if (rows->n == rows->cap) {
        rows->cap = rows->cap * 2 + 4096;
        rows->at = hs_xrealloc(rows->at, rows->cap, sizeof(*rows->at));
    }
    rows->at[rows->n++] = row;
    return HS_OK;
}

static int read_rows(struct hs_str text, bool is_run, struct rows *rows, struct line *line,
                     struct hs_err *err)
{
    size_t wanted = is_run ? RUN_FIELDS : QRELS_FIELDS;
    size_t found = 0;
    int rc = HS_OK;

    *rows = (struct rows){.at = NULL};
    while (rc == HS_OK && next_line(&text, line, wanted, &found)) {
        if (found != wanted)
            rc = hs_err_set(err, HS_EINVAL, 0, "line %zu: has %zu fields, must have %zu: %s",
                            line->number, found, wanted,
                            is_run ? "query iteration document rank score tag"
                                   : "query iteration document grade");
        else
            rc = add_row(rows, line, is_run, err);
    }
    return rc;
}

/* ---- queries in order, and their rows together, each document once */

struct named {
    struct hs_str name;
    size_t query;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a;
    const struct named *y = b;

    return hs_str_cmp(x->name, y->name);
}

/* Sorts the queries and groups the rows: order gets the rows' indexes, query by query. */
static struct hs_trec_query *group(const struct rows *rows, size_t *order)
{
    struct hs_trec_query *queries = hs_xcalloc(rows->names_n + 1, sizeof(*queries));
    struct named *named = hs_xcalloc(rows->names_n + 1, sizeof(*named));
    size_t *next = hs_xcalloc(rows->names_n + 1, sizeof(*next));
    size_t first = 0;
    size_t i;

    for (i = 0; i < rows->names_n; i++)
        named[i] = (struct named){rows->names[i], i};
    qsort(named, rows->names_n, sizeof(*named), by_name);
    for (i = 0; i < rows->names_n; i++) {
        queries[i] = (struct hs_trec_query){named[i].name, first, rows->counts[named[i].query]};
        next[named[i].query] = first;
        first += queries[i].n;
    }
    for (i = 0; i < rows->n; i++)
        order[next[rows->at[i].query]++] = i;
    hs_free(next);
    hs_free(named);
    return queries;
}

/* Leaves of each document its last row, in the place of its first; returns how many are left. */
static size_t keep_last(const struct rows *rows, size_t *order, size_t n)
{
    struct slots slots;
    size_t kept = 0;
    size_t i;

    slots_init(&slots, n);
    for (i = 0; i < n; i++) {
        struct hs_str doc = rows->at[order[i]].doc;
        size_t slot = hs_hash64(doc) & slots.mask;

        while (slots.at[slot] && !hs_str_eq(rows->at[order[slots.at[slot] - 1]].doc, doc))
            slot = (slot + 1) & slots.mask;
        if (slots.at[slot]) {
            order[slots.at[slot] - 1] = order[i];
        } else {
            order[kept] = order[i];
            slots.at[slot] = ++kept;
        }
    }
    slots_fini(&slots);
    return kept;
}

static int by_score(double x, double y)
{
    return (x < y) - (x > y);
}

static int by_trec_eval(const void *a, const void *b)
{
    const struct hs_result *x = a;
    const struct hs_result *y = b;
    int order = by_score((float)x->score, (float)y->score);

    return order ? order : hs_str_cmp(y->doc, x->doc);
}

static int by_gdeval(const void *a, const void *b)
{
    const struct hs_result *x = a;
    const struct hs_result *y = b;
    int order = by_score(x->score, y->score);

    return order ? order : hs_str_cmp(y->doc, x->doc);
}

static int by_judged(const void *a, const void *b)
{
    const struct hs_result *x = a;
    const struct hs_result *y = b;
    int order = by_score(x->score, y->score);

    return order ? order : hs_str_cmp(x->doc, y->doc);
}

static int by_cwl(const void *a, const void *b)
{
    const struct hs_result *x = a;
    const struct hs_result *y = b;
    int order = by_score(x->score, y->score);

    return order ? order : (x->place > y->place) - (x->place < y->place);
}

typedef int compare_fn(const void *a, const void *b);

static compare_fn *const orders[HS_ORDER_N] = {
    [HS_ORDER_TREC_EVAL] = by_trec_eval,
    [HS_ORDER_GDEVAL] = by_gdeval,
    [HS_ORDER_JUDGED] = by_judged,
    [HS_ORDER_CWL] = by_cwl,
};

/* Most runs are in order as they come. */
static void sort_results(struct hs_result *results, size_t n)
{
    size_t i = 1;

    while (i < n && by_trec_eval(&results[i - 1], &results[i]) < 0)
        i++;
    if (i < n)
        qsort(results, n, sizeof(*results), by_trec_eval);
}

int hs_qrels_read(struct hs_str text, struct hs_qrels *out, struct hs_err *err)
{
    struct line line = {.number = 0};
    struct rows rows;
    size_t *order;
    size_t i;
    size_t k;
    int rc = read_rows(text, false, &rows, &line, err);

    if (rc != HS_OK) {
        rows_fini(&rows);
        return rc;
    }
    order = hs_xcalloc(rows.n + 1, sizeof(*order));
    *out = (struct hs_qrels){.queries = group(&rows, order),
                             .queries_n = rows.names_n,
                             .judgments = hs_xcalloc(rows.n + 1, sizeof(*out->judgments))};
    for (i = 0; i < out->queries_n; i++) {
        struct hs_trec_query *query = &out->queries[i];
        size_t n = keep_last(&rows, order + query->first, query->n);

        out->repeats += query->n - n;
        query->n = n;
        for (k = query->first; k < query->first + n; k++)
            out->judgments[k] =
                (struct hs_judgment){rows.at[order[k]].doc, rows.at[order[k]].grade};
    }
    hs_free(order);
    rows_fini(&rows);
    return HS_OK;
}

int hs_run_read(struct hs_str text, struct hs_run *out, struct hs_err *err)
{
    struct line line = {.number = 0};
    struct rows rows;
    size_t *order;
    size_t i;
    size_t k;
    int rc = read_rows(text, true, &rows, &line, err);

    if (rc != HS_OK) {
        rows_fini(&rows);
        return rc;
    }
    order = hs_xcalloc(rows.n + 1, sizeof(*order));
    *out = (struct hs_run){.queries = group(&rows, order),
                           .queries_n = rows.names_n,
                           .results = hs_xcalloc(rows.n + 1, sizeof(*out->results)),
                           .tag = line.fields[5]};
    for (i = 0; i < out->queries_n; i++) {
        struct hs_trec_query *query = &out->queries[i];
        size_t n = keep_last(&rows, order + query->first, query->n);

        out->repeats += query->n - n;
        query->n = n;
        for (k = query->first; k < query->first + n; k++)
            out->results[k] = (struct hs_result){rows.at[order[k]].doc, rows.at[order[k]].score,
                                                 (uint32_t)(k - query->first)};
        sort_results(out->results + query->first, n);
    }
    hs_free(order);
    rows_fini(&rows);
    return HS_OK;
}

void hs_qrels_fini(struct hs_qrels *qrels)
{
    hs_free(qrels->queries);
    hs_free(qrels->judgments);
}

void hs_run_fini(struct hs_run *run)
{
    hs_free(run->queries);
    hs_free(run->results);
}

static int find_query(const void *key, const void *element)
{
    const struct hs_str *id = key;
    const struct hs_trec_query *query = element;

    return hs_str_cmp(*id, query->id);
}

const struct hs_trec_query *hs_qrels_find(const struct hs_qrels *qrels, struct hs_str id)
{
    return bsearch(&id, qrels->queries, qrels->queries_n, sizeof(*qrels->queries), find_query);
}

/* ---- ranking */

/* Judgments of one query by document. */
static void index_judgments(struct slots *slots, const struct hs_judgment *judgments, size_t n)
{
    size_t i;

    slots_init(slots, n);
    for (i = 0; i < n; i++) {
        size_t slot = hs_hash64(judgments[i].doc) & slots->mask;

        while (slots->at[slot])
            slot = (slot + 1) & slots->mask;
        slots->at[slot] = i + 1;
    }
}

static int32_t rel_of(const struct slots *slots, const struct hs_judgment *judgments,
                      struct hs_str doc)
{
    size_t slot = hs_hash64(doc) & slots->mask;

    while (slots->at[slot] && !hs_str_eq(judgments[slots->at[slot] - 1].doc, doc))
        slot = (slot + 1) & slots->mask;
    if (slots->at[slot] == 0)
        return HS_REL_NONPOOL;
    return judgments[slots->at[slot] - 1].grade < 0 ? HS_REL_UNJUDGED
                                                    : judgments[slots->at[slot] - 1].grade;
}

static int by_grade(const void *a, const void *b)
{
    const int32_t *x = a;
    const int32_t *y = b;

    return (*x > *y) - (*x < *y);
}

/* Counts the judged documents by grade, ascending. */
static void count_grades(struct hs_ranking *ranking, const struct hs_judgment *judgments, size_t n,
                         struct hs_grade_count *out)
{
    int32_t *grades = hs_xcalloc(n + 1, sizeof(*grades));
    size_t kept = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (judgments[i].grade >= 0)
            grades[kept++] = judgments[i].grade;
    }
    qsort(grades, kept, sizeof(*grades), by_grade);
    for (i = 0; i < kept; i++) {
        if (i == 0 || grades[i] != grades[i - 1])
            out[ranking->grades_n++].grade = grades[i];
        out[ranking->grades_n - 1].n++;
    }
    ranking->grades = out;
    hs_free(grades);
}

/* The results in the order that is asked for. */
static const struct hs_result *ordered(const struct hs_result *results, size_t n,
                                       const struct hs_rank_options *options,
                                       struct hs_arena *arena)
{
    struct hs_result *copy;

    if (options->order == HS_ORDER_TREC_EVAL)
        return results;
    copy = hs_arena_calloc(arena, n + 1, sizeof(*copy));
    if (!copy)
        return NULL;
    memcpy(copy, results, n * sizeof(*copy));
    qsort(copy, n, sizeof(*copy), orders[options->order]);
    return copy;
}

struct hs_ranking *hs_trec_rank(const struct hs_qrels *qrels, const struct hs_trec_query *judged,
                                const struct hs_run *run, const struct hs_trec_query *found,
                                const struct hs_rank_options *options, struct hs_arena *arena)
{
    const struct hs_judgment *judgments = qrels->judgments + judged->first;
    size_t n = options->results_max ? HS_MIN(found->n, options->results_max) : found->n;
    const struct hs_result *results =
        ordered(run->results + found->first, found->n, options, arena);
    struct hs_grade_count *grades = hs_arena_calloc(arena, judged->n + 1, sizeof(*grades));
    struct hs_ranking *ranking = hs_arena_calloc(arena, 1, sizeof(*ranking));
    int32_t *rels = hs_arena_calloc(arena, n + 1, sizeof(*rels));
    struct slots slots;
    size_t i;

    if (!results || !grades || !ranking || !rels)
        return NULL;
    index_judgments(&slots, judgments, judged->n);
    for (i = 0; i < n; i++) {
        int32_t rel = rel_of(&slots, judgments, results[i].doc);

        if (rel >= 0 || !options->judged_only)
            rels[ranking->ret++] = rel;
    }
    slots_fini(&slots);
    ranking->rels = rels;
    ranking->level = options->level;
    count_grades(ranking, judgments, judged->n, grades);
    hs_ranking_count(ranking);
    return ranking;
}
