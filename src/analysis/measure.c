#include "analysis/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/suggest.h"

enum { ERR_GRADE_MAX = 4, CUTS_MAX = 12, CUTOFF_MAX = 1000000000 };

/* What follows the dot of trec_eval's names. */
enum params_kind { NO_PARAMS, CUTOFFS, SHARES, NUMBERS, GAINS };

typedef double value_fn(const struct hs_measure *measure, const struct hs_ranking *ranking);

struct hs_measure_row {
    const char *name;
    enum hs_measure_sum sum;
    enum params_kind params;
    value_fn *fn;
    const double *defaults; /* cutoffs, or numbers */
    size_t defaults_n;
    bool official, set; /* in trec_eval's sets of these names */
};

/* ---- values */

#define VALUE(fn, expression)                                                                      \
    static double fn(const struct hs_measure *m, const struct hs_ranking *r)                       \
    {                                                                                              \
        (void)m;                                                                                   \
        return expression;                                                                         \
    }

VALUE(num_ret, (double)r->ret)
VALUE(num_rel, (double)r->rel)
VALUE(num_rel_ret, (double)r->rel_ret)
VALUE(num_nonrel_judged_ret, (double)hs_rank_nonrel_judged(r))
VALUE(average_precision, hs_rank_average_precision(r, m->k))
VALUE(r_precision, hs_rank_r_precision(r, 1))
VALUE(r_precision_times, hs_rank_r_precision(r, m->params[0]))
VALUE(bpref, hs_rank_bpref(r))
VALUE(reciprocal, hs_rank_reciprocal(r, m->k))
VALUE(interpolated, hs_rank_interpolated(r, m->params[0]))
VALUE(eleven_points, hs_rank_eleven_points(r))
VALUE(precision, hs_rank_precision(r, m->k))
VALUE(relative_precision, hs_rank_relative_precision(r, m->k))
VALUE(recall, hs_rank_recall(r, m->k))
VALUE(success, hs_rank_success(r, m->k))
VALUE(inferred_ap, hs_rank_inferred_ap(r))
VALUE(utility, hs_rank_utility(r, m->params[0], m->params[1], m->params[2]))
VALUE(bin_g, hs_rank_bin_g(r))
VALUE(g, hs_rank_g(r, &m->gains))
VALUE(ndcg, hs_rank_ndcg(r, &m->gains, m->k))
VALUE(ndcg_rel, hs_rank_ndcg_rel(r, &m->gains))
VALUE(rndcg, hs_rank_rndcg(r, &m->gains))
VALUE(dcg, hs_rank_dcg(r, &m->gains, m->k))
VALUE(ideal_dcg, hs_rank_ideal_dcg(r, &m->gains, m->k))
VALUE(set_precision, hs_rank_set_precision(r))
VALUE(set_relative_precision, hs_rank_set_relative_precision(r))
VALUE(set_recall, hs_rank_set_recall(r))
VALUE(set_ap, hs_rank_set_ap(r))
VALUE(set_f, hs_rank_set_f(r, m->params[0]))
VALUE(rbp, hs_rank_rbp(r, m->params[0], m->k))
VALUE(judged, hs_rank_judged(r, m->k))

/* The Web track's gdeval, which ir_measures runs for these two, prints five decimals. */
static double as_gdeval(double value)
{
    char text[32];

    snprintf(text, sizeof(text), "%.5f", value);
    return strtod(text, NULL);
}

VALUE(expected_reciprocal_rank, as_gdeval(hs_rank_err(r, m->k, ERR_GRADE_MAX)))

static double ndcg_of_kind(const struct hs_measure *m, const struct hs_ranking *r)
{
    double value = hs_rank_ndcg(r, &m->gains, m->k);

    return m->gains.kind == HS_GAIN_EXPONENTIAL ? as_gdeval(value) : value;
}

/* ---- trec_eval's table, in the order in which it prints */

static const double cutoffs[] = {5, 10, 15, 20, 30, 100, 200, 500, 1000};
static const double successes[] = {1, 5, 10};
static const double recalls[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
static const double multiples[] = {0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0};
static const double utilities[] = {1, -1, 0, 0};
static const double one[] = {1};
static const double ten[] = {10};

#define DEFAULTS(list) list, HS_ARRAY_LEN(list)

static const struct hs_measure_row rows[] = {
    {"runid", HS_MEASURE_TAG, NO_PARAMS, NULL, NULL, 0, true, true},
    {"num_q", HS_MEASURE_QUERIES, NO_PARAMS, NULL, NULL, 0, true, true},
    {"num_ret", HS_MEASURE_TOTAL, NO_PARAMS, num_ret, NULL, 0, true, true},
    {"num_rel", HS_MEASURE_TOTAL, NO_PARAMS, num_rel, NULL, 0, true, true},
    {"num_rel_ret", HS_MEASURE_TOTAL, NO_PARAMS, num_rel_ret, NULL, 0, true, true},
    {"map", HS_MEASURE_MEAN, NO_PARAMS, average_precision, NULL, 0, true, false},
    {"gm_map", HS_MEASURE_GEOMETRIC, NO_PARAMS, average_precision, NULL, 0, true, false},
    {"Rprec", HS_MEASURE_MEAN, NO_PARAMS, r_precision, NULL, 0, true, false},
    {"bpref", HS_MEASURE_MEAN, NO_PARAMS, bpref, NULL, 0, true, false},
    {"recip_rank", HS_MEASURE_MEAN, NO_PARAMS, reciprocal, NULL, 0, true, false},
    {"iprec_at_recall", HS_MEASURE_MEAN, SHARES, interpolated, DEFAULTS(recalls), true, false},
    {"P", HS_MEASURE_MEAN, CUTOFFS, precision, DEFAULTS(cutoffs), true, false},
    {"relstring", HS_MEASURE_TEXT, NUMBERS, NULL, DEFAULTS(ten), false, false},
    {"recall", HS_MEASURE_MEAN, CUTOFFS, recall, DEFAULTS(cutoffs), false, false},
    {"infAP", HS_MEASURE_MEAN, NO_PARAMS, inferred_ap, NULL, 0, false, false},
    {"gm_bpref", HS_MEASURE_GEOMETRIC, NO_PARAMS, bpref, NULL, 0, false, false},
    {"Rprec_mult", HS_MEASURE_MEAN, SHARES, r_precision_times, DEFAULTS(multiples), false, false},
    {"utility", HS_MEASURE_MEAN, NUMBERS, utility, DEFAULTS(utilities), false, true},
    {"11pt_avg", HS_MEASURE_MEAN, NO_PARAMS, eleven_points, NULL, 0, false, false},
    {"binG", HS_MEASURE_MEAN, NO_PARAMS, bin_g, NULL, 0, false, false},
    {"G", HS_MEASURE_MEAN, GAINS, g, NULL, 0, false, false},
    {"ndcg", HS_MEASURE_MEAN, GAINS, ndcg, NULL, 0, false, false},
    {"ndcg_rel", HS_MEASURE_MEAN, GAINS, ndcg_rel, NULL, 0, false, false},
    {"Rndcg", HS_MEASURE_MEAN, GAINS, rndcg, NULL, 0, false, false},
    {"ndcg_cut", HS_MEASURE_MEAN, CUTOFFS, ndcg, DEFAULTS(cutoffs), false, false},
    {"map_cut", HS_MEASURE_MEAN, CUTOFFS, average_precision, DEFAULTS(cutoffs), false, false},
    {"relative_P", HS_MEASURE_MEAN, CUTOFFS, relative_precision, DEFAULTS(cutoffs), false, false},
    {"success", HS_MEASURE_MEAN, CUTOFFS, success, DEFAULTS(successes), false, false},
    {"set_P", HS_MEASURE_MEAN, NO_PARAMS, set_precision, NULL, 0, false, true},
    {"set_relative_P", HS_MEASURE_MEAN, NO_PARAMS, set_relative_precision, NULL, 0, false, true},
    {"set_recall", HS_MEASURE_MEAN, NO_PARAMS, set_recall, NULL, 0, false, true},
    {"set_map", HS_MEASURE_MEAN, NO_PARAMS, set_ap, NULL, 0, false, true},
    {"set_F", HS_MEASURE_MEAN, NUMBERS, set_f, DEFAULTS(one), false, true},
    {"num_nonrel_judged_ret", HS_MEASURE_TOTAL, NO_PARAMS, num_nonrel_judged_ret, NULL, 0, false,
     false},
};

/* ---- ir_measures' table */

enum ir_needs { CUTOFF_MAY, CUTOFF_MUST, CUTOFF_NEVER, RECALL_MUST };

struct ir_row {
    struct hs_measure_row row;
    enum ir_needs needs;
    const char *params; /* names of those it takes, with blanks around */
    double param;       /* the default of beta and p */
};

static const struct ir_row ir_rows[] = {
    {{.name = "P", .fn = precision}, CUTOFF_MUST, " rel ", 0},
    {{.name = "R", .fn = recall}, CUTOFF_MUST, " rel ", 0},
    {{.name = "AP", .fn = average_precision}, CUTOFF_MAY, " rel ", 0},
    {{.name = "RR", .fn = reciprocal}, CUTOFF_MAY, " rel ", 0},
    {{.name = "Rprec", .fn = r_precision}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "nDCG", .fn = ndcg_of_kind}, CUTOFF_MAY, " dcg ", 0},
    {{.name = "DCG", .fn = dcg}, CUTOFF_MAY, " dcg ", 0},
    {{.name = "IdealDCG", .fn = ideal_dcg}, CUTOFF_MAY, " dcg ", 0},
    {{.name = "Bpref", .fn = bpref}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "infAP", .fn = inferred_ap}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "Success", .fn = success}, CUTOFF_MUST, " rel ", 0},
    {{.name = "Judged", .fn = judged}, CUTOFF_MAY, " ", 0},
    {{.name = "ERR", .fn = expected_reciprocal_rank}, CUTOFF_MUST, " ", 0},
    {{.name = "RBP", .fn = rbp}, CUTOFF_MAY, " rel p ", 0.8},
    {{.name = "IPrec", .fn = interpolated}, RECALL_MUST, " rel ", 0},
    {{.name = "SetP", .fn = set_precision}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "SetR", .fn = set_recall}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "SetF", .fn = set_f}, CUTOFF_NEVER, " rel beta ", 1},
    {{.name = "SetAP", .fn = set_ap}, CUTOFF_NEVER, " rel ", 0},
    {{.name = "NumRet", .sum = HS_MEASURE_TOTAL, .fn = num_ret}, CUTOFF_NEVER, " ", 0},
    {{.name = "NumRel", .sum = HS_MEASURE_TOTAL, .fn = num_rel}, CUTOFF_NEVER, " rel ", 0},
};

/* ---- lists */

static int add(struct hs_measures *measures, const struct hs_measure *measure, struct hs_err *err)
{
    size_t i;

    for (i = 0; i < measures->n; i++) {
        if (measures->at[i].row == measure->row && strcmp(measures->at[i].name, measure->name) == 0)
            return HS_OK;
    }
    if (measures->n == HS_MEASURES_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "more than %d measures", HS_MEASURES_MAX);
    if (measures->n % 64 == 0)
        measures->at = hs_xrealloc(measures->at, measures->n + 64, sizeof(*measures->at));
    measures->at[measures->n++] = *measure;
    return HS_OK;
}

static int bad_param(const struct hs_measure_row *row, struct hs_str value, const char *rule,
                     struct hs_err *err)
{
    return hs_err_set(err, HS_EINVAL, 0, "measure %s: \"%.*s\" must be %s", row->name,
                      HS_STR_ARG(hs_str_utf8_cut(value, 40)), rule);
}

static int read_number(const struct hs_measure_row *row, struct hs_str text, double *out,
                       struct hs_err *err)
{
    char number[32];
    char *end = number;

    if (text.n > 0 && text.n < sizeof(number)) {
        memcpy(number, text.p, text.n);
        number[text.n] = '\0';
        *out = strtod(number, &end);
    }
    if (end == number || *end != '\0' || !isfinite(*out))
        return bad_param(row, text, "a finite number", err);
    return HS_OK;
}

static int read_cutoff(const struct hs_measure_row *row, struct hs_str text, size_t *out,
                       struct hs_err *err)
{
    uint64_t k = 0;

    if (hs_str_to_u64(text, &k) != HS_OK || k == 0 || k > CUTOFF_MAX)
        return bad_param(row, text, "a rank from 1 to 1000000000", err);
    *out = (size_t)k;
    return HS_OK;
}

static int read_level(const struct hs_measure_row *row, struct hs_str text, int32_t *out,
                      struct hs_err *err)
{
    uint64_t level = 0;

    if (hs_str_to_u64(text, &level) != HS_OK || level == 0 || level > INT32_MAX)
        return bad_param(row, text, "a grade of at least 1", err);
    *out = (int32_t)level;
    return HS_OK;
}

/* ---- trec_eval's words */

/* "1=3.5,2=9": the pairs' gains. */
static int read_gain(const struct hs_measure_row *row, struct hs_str pair,
                     struct hs_measure *measure, struct hs_err *err)
{
    struct hs_gain *gain = &measure->own[measure->gains.own_n];
    size_t equals = hs_str_index(pair, '=');
    int64_t grade = 0;

    if (measure->gains.own_n == HS_MEASURE_PARAMS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "measure %s: more than %d gains", row->name,
                          HS_MEASURE_PARAMS_MAX);
    if (equals >= pair.n || hs_str_to_i64(hs_str_n(pair.p, equals), &grade) != HS_OK || grade < 0 ||
        grade > INT32_MAX)
        return bad_param(row, pair, "grade=gain", err);
    gain->grade = (int32_t)grade;
    measure->gains.own_n++;
    return read_number(row, hs_str_n(pair.p + equals + 1, pair.n - equals - 1), &gain->gain, err);
}

/* One measure for all numbers, or for all gains. */
static int add_one(struct hs_measures *measures, const struct hs_measure_row *row,
                   struct hs_str params, struct hs_err *err)
{
    struct hs_measure measure = {.row = row};
    struct hs_str rest = params;
    struct hs_str part;
    size_t n = 0;
    size_t i;
    int rc = HS_OK;

    for (i = 0; i < row->defaults_n; i++)
        measure.params[i] = row->defaults[i];
    if (params.n > 0)
        snprintf(measure.name, sizeof(measure.name), "%s_%.*s", row->name, HS_STR_ARG(params));
    else
        snprintf(measure.name, sizeof(measure.name), "%s", row->name);
    while (rc == HS_OK && params.n > 0 && hs_str_split(&rest, ',', &part)) {
        if (row->params == GAINS)
            rc = read_gain(row, part, &measure, err);
        else if (n == row->defaults_n)
            rc = bad_param(row, params, "fewer numbers", err);
        else
            rc = read_number(row, part, &measure.params[n++], err);
    }
    return rc == HS_OK ? add(measures, &measure, err) : rc;
}

static int add_cut(struct hs_measures *measures, const struct hs_measure_row *row, double value,
                   struct hs_err *err)
{
    struct hs_measure measure = {.row = row, .params = {value}};

    if (row->params == CUTOFFS) {
        measure.k = (size_t)value;
        snprintf(measure.name, sizeof(measure.name), "%s_%zu", row->name, measure.k);
    } else {
        snprintf(measure.name, sizeof(measure.name), "%s_%3.2f", row->name, value);
    }
    return add(measures, &measure, err);
}

static int by_number(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

/* One measure for each cutoff, ascending. */
static int add_cuts(struct hs_measures *measures, const struct hs_measure_row *row,
                    struct hs_str params, struct hs_err *err)
{
    double values[HS_MEASURE_PARAMS_MAX];
    struct hs_str rest = params;
    struct hs_str part;
    size_t k = 0;
    size_t n = 0;
    size_t i;
    int rc = HS_OK;

    while (rc == HS_OK && params.n > 0 && hs_str_split(&rest, ',', &part)) {
        if (n == HS_MEASURE_PARAMS_MAX)
            return hs_err_set(err, HS_ELIMIT, 0, "measure %s: more than %d cutoffs", row->name,
                              HS_MEASURE_PARAMS_MAX);
        if (row->params == CUTOFFS) {
            rc = read_cutoff(row, part, &k, err);
            values[n++] = (double)k;
        } else {
            rc = read_number(row, part, &values[n++], err);
            if (rc == HS_OK && values[n - 1] < 0)
                rc = bad_param(row, part, "at least 0", err);
        }
    }
    for (; params.n == 0 && n < row->defaults_n; n++)
        values[n] = row->defaults[n];
    qsort(values, n, sizeof(*values), by_number);
    for (i = 0; i < n && rc == HS_OK; i++)
        rc = add_cut(measures, row, values[i], err);
    return rc;
}

static int add_row(struct hs_measures *measures, const struct hs_measure_row *row,
                   struct hs_str params, struct hs_err *err)
{
    if (row->params == NO_PARAMS && params.n > 0)
        return bad_param(row, params, "absent: it takes no parameters", err);
    if (row->params == CUTOFFS || row->params == SHARES)
        return add_cuts(measures, row, params, err);
    return add_one(measures, row, params, err);
}

static int add_set(struct hs_measures *measures, struct hs_str word, bool *out_found,
                   struct hs_err *err)
{
    bool all = hs_str_eq_c(word, "all_trec");
    bool official = hs_str_eq_c(word, "official");
    bool set = hs_str_eq_c(word, "set");
    size_t i;
    int rc = HS_OK;

    *out_found = all || official || set;
    for (i = 0; i < HS_ARRAY_LEN(rows) && rc == HS_OK && *out_found; i++) {
        if (all || (official && rows[i].official) || (set && rows[i].set))
            rc = add_row(measures, &rows[i], HS_STR(""), err);
    }
    return rc;
}

/* ---- ir_measures' words: NAME, NAME@k, NAME(key=value,…)@k */

struct ir_word {
    struct hs_str name, params, cutoff;
};

static bool cut_ir_word(struct hs_str word, struct ir_word *out)
{
    size_t at = hs_str_index(word, '@');
    size_t open = hs_str_index(word, '(');

    *out = (struct ir_word){.name = word};
    if (at < word.n) {
        out->cutoff = hs_str_n(word.p + at + 1, word.n - at - 1);
        out->name.n = at;
        if (out->cutoff.n == 0)
            return false;
    }
    if (open >= out->name.n)
        return true;
    if (out->name.p[out->name.n - 1] != ')')
        return false;
    out->params = hs_str_n(word.p + open + 1, out->name.n - open - 2);
    out->name.n = open;
    return true;
}

static int read_dcg(const struct hs_measure_row *row, struct hs_str value, enum hs_gain_kind *out,
                    struct hs_err *err)
{
    static const char *const names[] = {[HS_GAIN_LINEAR] = "log2",
                                        [HS_GAIN_EXPONENTIAL] = "exp-log2",
                                        [HS_GAIN_JARVELIN] = "jarvelin-log2"};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(names); i++) {
        size_t n = strlen(names[i]);

        if (hs_str_eq_c(value, names[i]) ||
            (value.n == n + 2 && (value.p[0] == '\'' || value.p[0] == '"') &&
             value.p[n + 1] == value.p[0] && memcmp(value.p + 1, names[i], n) == 0)) {
            *out = (enum hs_gain_kind)i;
            return HS_OK;
        }
    }
    return bad_param(row, value, "'log2', 'exp-log2' or 'jarvelin-log2'", err);
}

static int read_ir_param(const struct ir_row *ir, struct hs_str pair, struct hs_measure *measure,
                         struct hs_err *err)
{
    size_t equals = hs_str_index(pair, '=');
    struct hs_str key = hs_str_n(pair.p, HS_MIN(equals, pair.n));
    struct hs_str value =
        equals < pair.n ? hs_str_n(pair.p + equals + 1, pair.n - equals - 1) : HS_STR("");
    char known[32];

    snprintf(known, sizeof(known), " %.*s ", HS_STR_ARG(hs_str_utf8_cut(key, 16)));
    if (key.n == 0 || !hs_str_contains(hs_str_c(ir->params), hs_str_c(known)))
        return hs_err_set(err, HS_EINVAL, 0, "measure %s takes no parameter \"%.*s\", but%s",
                          ir->row.name, HS_STR_ARG(hs_str_utf8_cut(key, 40)),
                          strlen(ir->params) > 1 ? ir->params : " none");
    if (hs_str_eq_c(key, "rel"))
        return read_level(&ir->row, value, &measure->level, err);
    if (hs_str_eq_c(key, "dcg"))
        return read_dcg(&ir->row, value, &measure->gains.kind, err);
    return read_number(&ir->row, value, &measure->params[0], err);
}

static int read_ir_cutoff(const struct ir_row *ir, struct hs_str cutoff, struct hs_measure *measure,
                          struct hs_err *err)
{
    if (cutoff.n == 0 && (ir->needs == CUTOFF_MUST || ir->needs == RECALL_MUST))
        return hs_err_set(err, HS_EINVAL, 0, "measure %s needs a cutoff: %s@%s", ir->row.name,
                          ir->row.name, ir->needs == CUTOFF_MUST ? "10" : "0.1");
    if (cutoff.n == 0)
        return HS_OK;
    if (ir->needs == CUTOFF_NEVER)
        return bad_param(&ir->row, cutoff, "absent: it takes no cutoff", err);
    if (ir->needs == RECALL_MUST)
        return read_number(&ir->row, cutoff, &measure->params[0], err);
    return read_cutoff(&ir->row, cutoff, &measure->k, err);
}

static int add_ir(struct hs_measures *measures, const struct ir_row *ir, const struct ir_word *word,
                  struct hs_str whole, struct hs_err *err)
{
    struct hs_measure measure = {.row = &ir->row,
                                 .of_ir_measures = true,
                                 .level = 1,
                                 .params = {ir->param}};
    struct hs_str rest = word->params;
    struct hs_str pair;
    int rc = HS_OK;

    if (whole.n >= sizeof(measure.name))
        return hs_err_set(err, HS_ELIMIT, 0, "measure \"%.*s…\" is longer than %zu characters",
                          HS_STR_ARG(hs_str_utf8_cut(whole, 40)), sizeof(measure.name) - 1);
    snprintf(measure.name, sizeof(measure.name), "%.*s", HS_STR_ARG(whole));
    while (rc == HS_OK && word->params.n > 0 && hs_str_split(&rest, ',', &pair))
        rc = read_ir_param(ir, hs_str_trim(pair), &measure, err);
    if (rc == HS_OK)
        rc = read_ir_cutoff(ir, word->cutoff, &measure, err);
    if (rc == HS_OK && ir->row.fn == rbp && (measure.params[0] <= 0 || measure.params[0] >= 1))
        rc = bad_param(&ir->row, whole, "with 0 < p < 1", err);
    return rc == HS_OK ? add(measures, &measure, err) : rc;
}

/* ---- both */

static int unknown(struct hs_str word, struct hs_err *err)
{
    struct hs_suggest suggest;
    size_t i;

    hs_suggest_init(&suggest, word);
    for (i = 0; i < HS_ARRAY_LEN(rows); i++)
        hs_suggest_offer(&suggest, rows[i].name);
    for (i = 0; i < HS_ARRAY_LEN(ir_rows); i++)
        hs_suggest_offer(&suggest, ir_rows[i].row.name);
    return hs_err_set(err, HS_EINVAL, 0, "there is no measure \"%.*s\"%s%s%s",
                      HS_STR_ARG(hs_str_utf8_cut(word, 40)), suggest.best ? "; did you mean " : "",
                      suggest.best ? suggest.best : "", suggest.best ? "?" : "");
}

static const struct hs_measure_row *find_row(struct hs_str name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (hs_str_eq_c(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

static const struct ir_row *find_ir_row(struct hs_str name)
{
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(ir_rows); i++) {
        if (hs_str_eq_c(name, ir_rows[i].row.name))
            return &ir_rows[i];
    }
    return NULL;
}

/* A name that both know is trec_eval's, unless a cutoff or a parenthesis says otherwise. */
int hs_measures_add(struct hs_measures *measures, struct hs_str word, struct hs_err *err)
{
    size_t dot = hs_str_index(word, '.');
    struct hs_str name = hs_str_n(word.p, HS_MIN(dot, word.n));
    struct hs_str params = dot < word.n ? hs_str_n(word.p + dot + 1, word.n - dot - 1) : HS_STR("");
    const struct hs_measure_row *row = find_row(name);
    const struct ir_row *ir;
    struct ir_word cut_word;
    bool found = false;
    int rc = add_set(measures, word, &found, err);

    if (rc != HS_OK || found)
        return rc;
    if (row && (dot == word.n - 1 || params.n + name.n + 2 > HS_MEASURE_NAME_MAX))
        return bad_param(row, word, "followed by parameters, within 63 characters", err);
    if (row)
        return add_row(measures, row, params, err);
    ir = cut_ir_word(word, &cut_word) ? find_ir_row(cut_word.name) : NULL;
    return ir ? add_ir(measures, ir, &cut_word, word, err) : unknown(word, err);
}

/* trec_eval's by their place in its table, others after them; equal ones as they came. */
static int by_place(const void *a, const void *b)
{
    const struct hs_measure *x = a;
    const struct hs_measure *y = b;

    if (x->of_ir_measures || y->of_ir_measures)
        return x->of_ir_measures - y->of_ir_measures;
    return (x->row > y->row) - (x->row < y->row);
}

void hs_measures_sort(struct hs_measures *measures)
{
    size_t i;
    size_t k;

    for (i = 1; i < measures->n; i++) { /* stable; there are few */
        struct hs_measure moved = measures->at[i];

        for (k = i; k > 0 && by_place(&measures->at[k - 1], &moved) > 0; k--)
            measures->at[k] = measures->at[k - 1];
        measures->at[k] = moved;
    }
    for (i = 0; i < measures->n; i++)
        measures->at[i].gains.own = measures->at[i].own;
}

void hs_measures_fini(struct hs_measures *measures)
{
    hs_free(measures->at);
}

enum hs_measure_sum hs_measure_sum(const struct hs_measure *measure)
{
    return measure->row->sum;
}

enum hs_order hs_measure_order(const struct hs_measure *measure)
{
    value_fn *fn = measure->row->fn;

    if (fn == judged)
        return HS_ORDER_JUDGED;
    if (fn == rbp)
        return HS_ORDER_CWL;
    if (fn == expected_reciprocal_rank ||
        (fn == ndcg_of_kind && measure->gains.kind == HS_GAIN_EXPONENTIAL))
        return HS_ORDER_GDEVAL;
    return HS_ORDER_TREC_EVAL;
}

double hs_measure_value(const struct hs_measure *measure, const struct hs_ranking *ranking)
{
    HS_ASSERT(measure->row->fn != NULL);
    return measure->row->fn(measure, ranking);
}

size_t hs_measure_text(const struct hs_measure *measure, const struct hs_ranking *ranking,
                       char *out, size_t max)
{
    size_t wanted = measure->params[0] > 0 ? (size_t)fmin(measure->params[0], (double)max) : 0;
    size_t n = HS_MIN(wanted, ranking->ret);
    size_t i;

    for (i = 0; i < n; i++) {
        int32_t rel = ranking->rels[i];

        out[i] = rel == HS_REL_NONPOOL    ? '-'
                 : rel == HS_REL_UNJUDGED ? '.'
                 : rel > 9                ? '>'
                                          : (char)('0' + rel);
    }
    return n;
}
