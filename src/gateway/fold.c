#include "gateway/fold.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "gateway/hist.h"
#include "gateway/params.h"

/* Sums under construction: of a point, a group or everything. */
struct sums {
    struct hs_cell cell;
    struct hs_hist latency, score, time_to_click;
    struct hs_code_count *codes; /* owned; with repeats until they are settled */
    size_t codes_n, codes_cap;
};

/* A row's place in the order: rows of a group stand together, by time. The group is known by the
 * hash of its keys, which is cheaper to sort by than the keys. */
struct place {
    uint64_t group;
    uint64_t t;
    size_t row;
};

struct fold {
    const struct hs_fold_in *in;
    struct hs_arena *arena;
    struct hs_cell_reader reader;
    const struct hs_column *keys[HS_GROUPS_MAX];
    const struct hs_column *t;
    struct place *order; /* of all rows */
    struct sums point, group, total;
    struct hs_fold_point *points; /* of all groups */
    size_t points_n;
    struct hs_fold_group *groups;
    size_t groups_n;
    struct hs_err *err;
};

static const double latency_levels[HS_LATENCY_QUANTILES] = {0.5, 0.9, 0.95, 0.99};
static const double score_levels[HS_SCORE_QUANTILES] = {0.05, 0.25, 0.5, 0.75, 0.95};

/* ---- sums */

static void sums_init(struct sums *sums)
{
    *sums = (struct sums){.codes = NULL};
    hs_hist_init(&sums->latency);
    hs_hist_init(&sums->score);
    hs_hist_init(&sums->time_to_click);
}

static void sums_fini(struct sums *sums)
{
    hs_hist_fini(&sums->latency);
    hs_hist_fini(&sums->score);
    hs_hist_fini(&sums->time_to_click);
    hs_free(sums->codes);
}

static void sums_reset(struct sums *sums)
{
    sums->cell = (struct hs_cell){.count = 0};
    sums->codes_n = 0;
    hs_hist_reset(&sums->latency);
    hs_hist_reset(&sums->score);
    hs_hist_reset(&sums->time_to_click);
}

static void add_code(struct sums *sums, struct hs_str code, uint64_t count)
{
    if (sums->codes_n == sums->codes_cap) {
        sums->codes_cap = HS_MAX(2 * sums->codes_cap, (size_t)64);
        sums->codes = hs_xrealloc(sums->codes, sums->codes_cap, sizeof(*sums->codes));
    }
    sums->codes[sums->codes_n++] = (struct hs_code_count){code, count};
}

static int by_code(const void *a, const void *b)
{
    const struct hs_code_count *x = a;
    const struct hs_code_count *y = b;

    return hs_str_cmp(x->code, y->code);
}

/* Each code once, in order. */
static void settle_codes(struct sums *sums)
{
    size_t n = 0;
    size_t i;

    if (sums->codes_n == 0)
        return;
    qsort(sums->codes, sums->codes_n, sizeof(*sums->codes), by_code);
    for (i = 1; i < sums->codes_n; i++) {
        if (hs_str_eq(sums->codes[n].code, sums->codes[i].code))
            sums->codes[n].count += sums->codes[i].count;
        else
            sums->codes[++n] = sums->codes[i];
    }
    sums->codes_n = n + 1;
}

static void add_cell(struct hs_cell *sum, const struct hs_cell *cell)
{
    size_t i;

    sum->count += cell->count;
    sum->weighted_count += cell->weighted_count;
    sum->errors += cell->errors;
    sum->timeouts += cell->timeouts;
    sum->partials += cell->partials;
    sum->cancelled += cell->cancelled;
    sum->latency_count += cell->latency_count;
    sum->latency_sum_ms += cell->latency_sum_ms;
    sum->latency_max_ms = HS_MAX(sum->latency_max_ms, cell->latency_max_ms);
    sum->searches += cell->searches;
    sum->zero_results += cell->zero_results;
    sum->scored += cell->scored;
    sum->score_sum += cell->score_sum;
    for (i = 0; i < HS_BEHAVIOUR_COUNTS; i++)
        sum->behaviour[i] += cell->behaviour[i];
    for (i = 0; i < HS_BEHAVIOUR_SUMS; i++)
        sum->behaviour_sums[i] += cell->behaviour_sums[i];
}

static void add_group_to_total(struct fold *fold)
{
    const struct sums *group = &fold->group;
    size_t i;

    add_cell(&fold->total.cell, &group->cell);
    hs_hist_add(&fold->total.latency, &group->latency);
    hs_hist_add(&fold->total.score, &group->score);
    hs_hist_add(&fold->total.time_to_click, &group->time_to_click);
    for (i = 0; i < group->codes_n; i++)
        add_code(&fold->total, group->codes[i].code, group->codes[i].count);
}

static int add_states(struct fold *fold, struct sums *sums, size_t row)
{
    const struct hs_cell_reader *reader = &fold->reader;
    int rc = HS_OK;

    if (reader->latency_state)
        rc = hs_hist_add_state(&sums->latency, reader->latency_state->str[row], fold->err);
    if (rc == HS_OK && reader->score_state)
        rc = hs_hist_add_state(&sums->score, reader->score_state->str[row], fold->err);
    if (rc == HS_OK && reader->time_to_click_state)
        rc = hs_hist_add_state(&sums->time_to_click, reader->time_to_click_state->str[row],
                               fold->err);
    return rc;
}

/* Adds a row to its point, when there are points, and to its group; codes to the group alone. */
static int add_row(struct fold *fold, size_t row)
{
    const struct hs_column *codes = fold->reader.error_codes;
    struct hs_cell cell;
    int rc = HS_OK;
    size_t i;

    hs_cell_read(&fold->reader, row, &cell);
    add_cell(&fold->point.cell, &cell);
    add_cell(&fold->group.cell, &cell);
    if (fold->in->series)
        rc = add_states(fold, &fold->point, row);
    if (rc == HS_OK)
        rc = add_states(fold, &fold->group, row);
    if (rc != HS_OK || !codes)
        return rc;
    for (i = row > 0 ? codes->offsets[row - 1] : 0; i < codes->offsets[row]; i++)
        add_code(&fold->group, codes->children[0].str[i], codes->children[1].u64[i]);
    return HS_OK;
}

/* The n quantiles in the arena; NULL: there are none. *full: the arena is. */
static const double *quantiles(struct fold *fold, const struct hs_hist *hist, const double *levels,
                               size_t n, bool *full)
{
    double *out;

    if (hist->total == 0)
        return NULL;
    out = hs_arena_calloc(fold->arena, n, sizeof(*out));
    if (!out)
        *full = true;
    else
        hs_hist_quantiles(hist, levels, n, out);
    return out;
}

/* The cell that the sums are, with its quantiles and codes in the arena. */
static int finish(struct fold *fold, struct sums *sums, struct hs_cell *out)
{
    bool full = false;
    struct hs_code_count *codes;
    size_t i;

    *out = sums->cell;
    out->latency = quantiles(fold, &sums->latency, latency_levels, HS_LATENCY_QUANTILES, &full);
    out->score = quantiles(fold, &sums->score, score_levels, HS_SCORE_QUANTILES, &full);
    out->time_to_click =
        quantiles(fold, &sums->time_to_click, latency_levels, HS_LATENCY_QUANTILES, &full);
    settle_codes(sums);
    if (sums->codes_n > 0) {
        codes = hs_arena_calloc(fold->arena, sums->codes_n, sizeof(*codes));
        full |= !codes;
        for (i = 0; codes && i < sums->codes_n; i++)
            codes[i] = sums->codes[i];
        out->codes = codes;
        out->codes_n = codes ? sums->codes_n : 0;
    }
    if (full)
        return hs_err_set(fold->err, HS_ELIMIT, 0, "the answer does not fit into %zu bytes",
                          fold->arena->limit);
    return HS_OK;
}

/* ---- order */

static uint64_t group_of(const struct fold *fold, size_t row)
{
    uint64_t hash = 0;
    size_t i;

    for (i = 0; i < fold->in->keys_n; i++)
        hash = hash * 0x9E3779B97F4A7C15ULL + hs_hash64(fold->keys[i]->str[row]);
    return hash;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->t > y->t) - (x->t < y->t);
}

static int by_keys(const void *a, const void *b, void *arg)
{
    const struct fold *fold = arg;
    const struct hs_fold_group *x = a;
    const struct hs_fold_group *y = b;
    int order = 0;
    size_t i;

    for (i = 0; i < fold->in->keys_n && order == 0; i++)
        order = hs_str_cmp(fold->keys[i]->str[x->row], fold->keys[i]->str[y->row]);
    return order;
}

const struct hs_column *hs_fold_key(const struct hs_table *table, size_t i)
{
    static const char *const names[HS_GROUPS_MAX] = {"k0", "k1", "k2", "k3"};

    HS_ASSERT(i < HS_GROUPS_MAX);
    return hs_table_column(table, names[i]);
}

static int find_columns(struct fold *fold)
{
    const struct hs_table *table = fold->in->table;
    int rc = hs_cell_reader_init(&fold->reader, table, fold->err);
    size_t i;

    fold->t = hs_table_column(table, "t");
    if (rc == HS_OK && (!fold->t || fold->t->kind != HS_COL_U64))
        rc = hs_err_set(fold->err, HS_ECORRUPT, 0, "the store's answer has no column t");
    for (i = 0; i < fold->in->keys_n && rc == HS_OK; i++) {
        fold->keys[i] = hs_fold_key(table, i);
        if (!fold->keys[i] || fold->keys[i]->kind != HS_COL_STR)
            rc = hs_err_set(fold->err, HS_ECORRUPT, 0, "the store's answer has no column k%zu", i);
    }
    return rc;
}

static int sort_rows(struct fold *fold)
{
    size_t rows = fold->in->table->rows;
    size_t i;

    fold->order = hs_arena_calloc(fold->arena, rows, sizeof(*fold->order));
    fold->points =
        hs_arena_calloc(fold->arena, HS_MIN(rows, fold->in->rows_max), sizeof(*fold->points));
    fold->groups =
        hs_arena_calloc(fold->arena, HS_MIN(rows, fold->in->rows_max), sizeof(*fold->groups));
    if (!fold->order || !fold->points || !fold->groups)
        return hs_err_set(fold->err, HS_ELIMIT, 0, "%zu rows do not fit into %zu bytes", rows,
                          fold->arena->limit);
    for (i = 0; i < rows; i++)
        fold->order[i] = (struct place){group_of(fold, i), fold->t->u64[i], i};
    qsort(fold->order, rows, sizeof(*fold->order), by_place);
    return HS_OK;
}

/* ---- points, groups, total */

static int too_many(const struct fold *fold)
{
    return hs_err_set(fold->err, HS_ELIMIT, 0,
                      "group_by and step give more than %zu groups and points; take a longer step, "
                      "fewer keys or series=0",
                      fold->in->rows_max);
}

static bool has_room(const struct fold *fold)
{
    return fold->points_n + fold->groups_n < fold->in->rows_max;
}

/* An intent's executions may be in a group of their own, under another version, say. */
static bool is_empty(const struct hs_cell *cell)
{
    return cell->count == 0 && cell->behaviour[HS_B_INTENTS] == 0;
}

/* The rows of one point, from the i-th of the order on; *io moves behind them. */
static int fold_point(struct fold *fold, size_t *io)
{
    const struct place *first = &fold->order[*io];
    struct hs_fold_point *point;
    int rc = HS_OK;

    sums_reset(&fold->point);
    while (rc == HS_OK && *io < fold->in->table->rows && by_place(&fold->order[*io], first) == 0)
        rc = add_row(fold, fold->order[(*io)++].row);
    if (rc != HS_OK || is_empty(&fold->point.cell) || !fold->in->series)
        return rc;
    if (!has_room(fold))
        return too_many(fold);
    point = &fold->points[fold->points_n++];
    point->t_s = (int64_t)first->t;
    return finish(fold, &fold->point, &point->cell);
}

static int fold_group(struct fold *fold, size_t *io)
{
    const struct place *first = &fold->order[*io];
    struct hs_fold_point *points = fold->points + fold->points_n;
    size_t before = fold->points_n;
    struct hs_fold_group *group;
    int rc = HS_OK;

    sums_reset(&fold->group);
    while (rc == HS_OK && *io < fold->in->table->rows && fold->order[*io].group == first->group)
        rc = fold_point(fold, io);
    if (rc != HS_OK || is_empty(&fold->group.cell))
        return rc;
    if (!has_room(fold))
        return too_many(fold);
    group = &fold->groups[fold->groups_n++];
    *group = (struct hs_fold_group){.row = first->row,
                                    .points = points,
                                    .points_n = fold->points_n - before};
    rc = finish(fold, &fold->group, &group->cell);
    if (rc == HS_OK)
        add_group_to_total(fold);
    return rc;
}

static int fold_rows(struct fold *fold, struct hs_fold *out)
{
    size_t i = 0;
    int rc = HS_OK;

    while (rc == HS_OK && i < fold->in->table->rows)
        rc = fold_group(fold, &i);
    if (rc == HS_OK)
        rc = finish(fold, &fold->total, &out->total);
    if (rc == HS_OK)
        qsort_r(fold->groups, fold->groups_n, sizeof(*fold->groups), by_keys, fold);
    out->groups = fold->groups;
    out->groups_n = fold->groups_n;
    return rc;
}

int hs_fold(const struct hs_fold_in *in, struct hs_arena *arena, struct hs_fold *out,
            struct hs_err *err)
{
    struct fold fold = {.in = in, .arena = arena, .err = err};
    struct hs_fold result = {.groups_n = 0};
    int rc;

    HS_ASSERT(in->keys_n <= HS_GROUPS_MAX);
    if (in->table->rows == 0) { /* an answer without rows has no columns either */
        *out = result;
        return HS_OK;
    }
    rc = find_columns(&fold);
    if (rc == HS_OK)
        rc = sort_rows(&fold);
    if (rc != HS_OK)
        return rc;
    sums_init(&fold.point);
    sums_init(&fold.group);
    sums_init(&fold.total);
    rc = fold_rows(&fold, &result);
    sums_fini(&fold.total);
    sums_fini(&fold.group);
    sums_fini(&fold.point);
    if (rc == HS_OK)
        *out = result;
    return rc;
}
