#include "analysis/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

static const double infap_epsilon = 0.00001;

static bool is_rel(const struct hs_ranking *ranking, size_t i)
{
    return ranking->rels[i] >= ranking->level;
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

/* Results that a cutoff leaves. */
static size_t cut(const struct hs_ranking *ranking, size_t k)
{
    return k == 0 ? ranking->ret : HS_MIN(k, ranking->ret);
}

static size_t rel_within(const struct hs_ranking *ranking, size_t k)
{
    size_t n = cut(ranking, k);
    size_t rel = 0;
    size_t i;

    for (i = 0; i < n; i++)
        rel += is_rel(ranking, i);
    return rel;
}

void hs_ranking_count(struct hs_ranking *ranking)
{
    size_t i;

    HS_ASSERT(ranking->level >= 1);
    ranking->rel = 0;
    for (i = 0; i < ranking->grades_n; i++) {
        if (ranking->grades[i].grade >= ranking->level)
            ranking->rel += ranking->grades[i].n;
    }
    ranking->rel_ret = rel_within(ranking, 0);
}

/* ---- precision and recall */

double hs_rank_precision(const struct hs_ranking *ranking, size_t k)
{
    HS_ASSERT(k > 0);
    return (double)rel_within(ranking, k) / (double)k;
}

double hs_rank_recall(const struct hs_ranking *ranking, size_t k)
{
    return ratio((double)rel_within(ranking, k), (double)ranking->rel);
}

double hs_rank_success(const struct hs_ranking *ranking, size_t k)
{
    return rel_within(ranking, k) > 0;
}

double hs_rank_relative_precision(const struct hs_ranking *ranking, size_t k)
{
    return ratio((double)rel_within(ranking, k), (double)HS_MIN(k, ranking->rel));
}

double hs_rank_average_precision(const struct hs_ranking *ranking, size_t k)
{
    size_t n = cut(ranking, k);
    size_t rel = 0;
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (is_rel(ranking, i))
            sum += (double)++rel / (double)(i + 1);
    }
    return ratio(sum, (double)ranking->rel);
}

double hs_rank_reciprocal(const struct hs_ranking *ranking, size_t k)
{
    size_t n = cut(ranking, k);
    size_t i;

    for (i = 0; i < n; i++) {
        if (is_rel(ranking, i))
            return 1 / (double)(i + 1);
    }
    return 0;
}

double hs_rank_r_precision(const struct hs_ranking *ranking, double times)
{
    size_t k = (size_t)(times * (double)ranking->rel + 0.9);

    return ranking->rel == 0 || k == 0 ? 0 : hs_rank_precision(ranking, k);
}

static size_t judged_nonrel(const struct hs_ranking *ranking)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < ranking->grades_n; i++) {
        if (ranking->grades[i].grade < ranking->level)
            n += ranking->grades[i].n;
    }
    return n;
}

double hs_rank_bpref(const struct hs_ranking *ranking)
{
    double bound = (double)HS_MIN(judged_nonrel(ranking), ranking->rel);
    size_t nonrel = 0;
    double sum = 0;
    size_t i;

    for (i = 0; i < ranking->ret; i++) {
        if (ranking->rels[i] < 0)
            continue;
        if (!is_rel(ranking, i))
            nonrel++;
        else
            sum += nonrel > 0 ? 1 - (double)HS_MIN(nonrel, ranking->rel) / bound : 1;
    }
    return ratio(sum, (double)ranking->rel);
}

/* Precision at a relevant result at place i, inferred from those judged before it. */
static double inferred(size_t i, size_t rel, size_t nonrel, size_t unjudged)
{
    double before = (double)i;
    double seen = (double)(rel + nonrel + unjudged);

    if (i == 0)
        return 1;
    return 1 / (before + 1) +
           before / (before + 1) * (seen / before) *
               (((double)rel + infap_epsilon) / ((double)(rel + nonrel) + 2 * infap_epsilon));
}

double hs_rank_inferred_ap(const struct hs_ranking *ranking)
{
    size_t rel = 0;
    size_t nonrel = 0;
    size_t unjudged = 0;
    double sum = 0;
    size_t i;

    for (i = 0; i < ranking->ret; i++) {
        if (is_rel(ranking, i))
            sum += inferred(i, rel++, nonrel, unjudged);
        else if (ranking->rels[i] == HS_REL_UNJUDGED)
            unjudged++;
        else if (ranking->rels[i] >= 0)
            nonrel++;
    }
    return ratio(sum, (double)ranking->rel);
}

double hs_rank_interpolated(const struct hs_ranking *ranking, double recall)
{
    size_t wanted = (size_t)(recall * (double)ranking->rel + 0.9);
    size_t rel = ranking->rel_ret;
    double best = 0;
    size_t i;

    if (wanted > ranking->rel_ret)
        return 0;
    /* From the end: every prefix that holds the wanted number of relevant results. */
    for (i = ranking->ret; i > 0 && rel > 0 && rel >= wanted; i--) {
        best = fmax(best, (double)rel / (double)i);
        rel -= is_rel(ranking, i - 1);
    }
    return best;
}

double hs_rank_eleven_points(const struct hs_ranking *ranking)
{
    double sum = 0;
    int i;

    for (i = 0; i <= 10; i++)
        sum += hs_rank_interpolated(ranking, i / 10.0);
    return sum / 11;
}

/* ---- gains */

static double gain_of(const struct hs_gains *gains, int32_t grade)
{
    size_t i;

    for (i = 0; i < gains->own_n; i++) {
        if (gains->own[i].grade == grade)
            return gains->own[i].gain;
    }
    if (grade < 0)
        return 0;
    return gains->kind == HS_GAIN_EXPONENTIAL ? exp2(grade) - 1 : grade;
}

static double discount(const struct hs_gains *gains, size_t i)
{
    if (gains->kind == HS_GAIN_JARVELIN)
        return fmax(1, log2((double)(i + 1)));
    return log2((double)(i + 2));
}

/* The gains of all judged documents, highest first: what the best ranking would bring. */
struct ideal {
    struct level {
        double gain;
        size_t n;
    } * levels; /* owned */
    size_t levels_n;
    size_t level, taken; /* how far one has come */
};

static int by_gain(const void *a, const void *b)
{
    const struct level *x = a;
    const struct level *y = b;

    return (x->gain < y->gain) - (x->gain > y->gain);
}

static void ideal_init(struct ideal *ideal, const struct hs_ranking *ranking,
                       const struct hs_gains *gains)
{
    size_t i;

    *ideal = (struct ideal){.levels = hs_xcalloc(ranking->grades_n + 1, sizeof(struct level))};
    for (i = 0; i < ranking->grades_n; i++) {
        double gain = gain_of(gains, ranking->grades[i].grade);

        if (gain > 0)
            ideal->levels[ideal->levels_n++] = (struct level){gain, ranking->grades[i].n};
    }
    qsort(ideal->levels, ideal->levels_n, sizeof(*ideal->levels), by_gain);
}

static void ideal_fini(struct ideal *ideal)
{
    hs_free(ideal->levels);
}

/* The gain at the next rank; 0 when there are no more. */
static double ideal_next(struct ideal *ideal)
{
    if (ideal->level < ideal->levels_n && ideal->taken == ideal->levels[ideal->level].n) {
        ideal->level++;
        ideal->taken = 0;
    }
    if (ideal->level == ideal->levels_n)
        return 0;
    ideal->taken++;
    return ideal->levels[ideal->level].gain;
}

double hs_rank_dcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k)
{
    size_t n = cut(ranking, k);
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        double gain = gain_of(gains, ranking->rels[i]);

        if (gain != 0)
            sum += gain / discount(gains, i);
    }
    return sum;
}

double hs_rank_ideal_dcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k)
{
    struct ideal ideal;
    double sum = 0;
    double gain;
    size_t i;

    ideal_init(&ideal, ranking, gains);
    for (i = 0; (k == 0 || i < k) && (gain = ideal_next(&ideal)) > 0; i++)
        sum += gain / discount(gains, i);
    ideal_fini(&ideal);
    return sum;
}

double hs_rank_ndcg(const struct hs_ranking *ranking, const struct hs_gains *gains, size_t k)
{
    return ratio(hs_rank_dcg(ranking, gains, k), hs_rank_ideal_dcg(ranking, gains, k));
}

/* Actual and ideal gains side by side, rank by rank. */
struct walk {
    const struct hs_ranking *ranking;
    const struct hs_gains *gains;
    struct ideal ideal;
    size_t i; /* the rank is i + 1 */
    double gain, ideal_gain;
    double dcg, ideal_dcg;
};

static void walk_init(struct walk *walk, const struct hs_ranking *ranking,
                      const struct hs_gains *gains)
{
    *walk = (struct walk){.ranking = ranking, .gains = gains};
    ideal_init(&walk->ideal, ranking, gains);
}

/* Looks at the next rank, without adding it up. */
static void walk_look(struct walk *walk)
{
    bool retrieved = walk->i < walk->ranking->ret;

    walk->gain = retrieved ? gain_of(walk->gains, walk->ranking->rels[walk->i]) : 0;
    walk->ideal_gain = ideal_next(&walk->ideal);
}

static void walk_add(struct walk *walk)
{
    double by = discount(walk->gains, walk->i);

    walk->dcg += walk->gain / by;
    walk->ideal_dcg += walk->ideal_gain / by;
    walk->i++;
}

double hs_rank_ndcg_rel(const struct hs_ranking *ranking, const struct hs_gains *gains)
{
    struct walk walk;
    double sum = 0;
    size_t rel = 0;
    size_t rel_ret = 0;

    walk_init(&walk, ranking, gains);
    do {
        walk_look(&walk);
        walk_add(&walk);
        rel += walk.ideal_gain > 0;
        if (walk.gain > 0 && walk.ideal_dcg > 0) {
            sum += walk.dcg / walk.ideal_dcg;
            rel_ret++;
        }
    } while (walk.i < ranking->ret || walk.ideal_gain > 0);
    /* The rest of the relevant ones are found at the end, which is where it stands then. */
    if (rel > rel_ret)
        sum += (double)(rel - rel_ret) * ratio(walk.dcg, walk.ideal_dcg);
    ideal_fini(&walk.ideal);
    return ratio(sum, (double)rel);
}

double hs_rank_rndcg(const struct hs_ranking *ranking, const struct hs_gains *gains)
{
    double before = 0;
    size_t changes = 0;
    size_t ideal_n = 0;
    struct walk walk;
    double sum = 0;

    if (ranking->rel == 0)
        return 0;
    walk_init(&walk, ranking, gains);
    do {
        walk_look(&walk);
        ideal_n += walk.ideal_gain > 0;
        if (walk.i > 0 && walk.ideal_gain != before && walk.ideal_dcg > 0) {
            sum += walk.dcg / walk.ideal_dcg;
            changes++;
        }
        before = walk.ideal_gain;
        walk_add(&walk);
    } while (walk.i < ranking->ret || walk.ideal_gain > 0);
    /* Results beyond the ideal ones are a last level, but not the very first of them alone. */
    if (ranking->ret > ideal_n + 1 && walk.ideal_dcg > 0) {
        sum += walk.dcg / walk.ideal_dcg;
        changes++;
    }
    ideal_fini(&walk.ideal);
    return ratio(sum, (double)changes);
}

double hs_rank_g(const struct hs_ranking *ranking, const struct hs_gains *gains)
{
    struct walk walk;
    double gained = 0;
    double possible = 0;
    double ideal = 0;
    double sum = 0;

    walk_init(&walk, ranking, gains);
    do {
        walk_look(&walk);
        gained += walk.gain;
        ideal += walk.ideal_gain;
        possible += fmax(walk.ideal_gain, 1);
        if (walk.gain != 0)
            sum += walk.gain / log2(2 + possible - gained);
        walk_add(&walk);
    } while (walk.i < ranking->ret || walk.ideal_gain > 0);
    ideal_fini(&walk.ideal);
    return ratio(sum, ideal);
}

double hs_rank_bin_g(const struct hs_ranking *ranking)
{
    size_t rel = 0;
    double sum = 0;
    size_t i;

    for (i = 0; i < ranking->ret; i++) {
        if (is_rel(ranking, i))
            sum += 1 / log2((double)(3 + i - ++rel));
    }
    return ratio(sum, (double)ranking->rel);
}

/* ---- sets */

double hs_rank_set_precision(const struct hs_ranking *ranking)
{
    return ratio((double)ranking->rel_ret, (double)ranking->ret);
}

double hs_rank_set_relative_precision(const struct hs_ranking *ranking)
{
    return ratio((double)ranking->rel_ret, (double)HS_MIN(ranking->rel, ranking->ret));
}

double hs_rank_set_recall(const struct hs_ranking *ranking)
{
    return ratio((double)ranking->rel_ret, (double)ranking->rel);
}

double hs_rank_set_ap(const struct hs_ranking *ranking)
{
    return hs_rank_set_precision(ranking) * hs_rank_set_recall(ranking);
}

double hs_rank_set_f(const struct hs_ranking *ranking, double beta)
{
    double precision = hs_rank_set_precision(ranking);
    double recall = hs_rank_set_recall(ranking);

    return ratio((beta + 1) * precision * recall, beta * precision + recall);
}

double hs_rank_utility(const struct hs_ranking *ranking, double a, double b, double c)
{
    return a * (double)ranking->rel_ret + b * (double)(ranking->ret - ranking->rel_ret) +
           c * (double)(ranking->rel - ranking->rel_ret);
}

size_t hs_rank_nonrel_judged(const struct hs_ranking *ranking)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < ranking->ret; i++)
        n += ranking->rels[i] >= 0 && !is_rel(ranking, i);
    return n;
}

/* ---- what trec_eval lacks */

double hs_rank_err(const struct hs_ranking *ranking, size_t k, int32_t grade_max)
{
    size_t n = cut(ranking, k);
    double reached = 1;
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        int32_t grade = HS_MIN(HS_MAX(ranking->rels[i], 0), grade_max);
        double satisfied = (exp2(grade) - 1) / exp2(grade_max);

        sum += reached * satisfied / (double)(i + 1);
        reached *= 1 - satisfied;
    }
    return sum;
}

double hs_rank_rbp(const struct hs_ranking *ranking, double p, size_t k)
{
    size_t n = cut(ranking, k);
    double reached = 1 - p;
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++, reached *= p)
        sum += is_rel(ranking, i) ? reached : 0;
    return sum;
}

double hs_rank_judged(const struct hs_ranking *ranking, size_t k)
{
    size_t n = cut(ranking, k);
    size_t judged = 0;
    size_t i;

    for (i = 0; i < n; i++)
        judged += ranking->rels[i] != HS_REL_NONPOOL;
    return ratio((double)judged, (double)n);
}
