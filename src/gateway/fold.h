/*
 * Cells as the store sent them, folded into points, groups and the total of an answer.
 *
 * The rows of metrics_sql.h come in any order, several of them to a point. Groups and points are in
 * the order of their keys and times; those without executions are left out. Everything lies in the
 * arena, keys are views into the table's. Pure.
 */
#ifndef HS_GATEWAY_FOLD_H
#define HS_GATEWAY_FOLD_H

#include "base/arena.h"
#include "gateway/cells.h"

struct hs_fold_point {
    int64_t t_s;
    struct hs_cell cell;
};

struct hs_fold_group {
    size_t row; /* of the table: one that has the group's keys */
    struct hs_cell cell;
    const struct hs_fold_point *points; /* NULL without series */
    size_t points_n;
};

struct hs_fold {
    struct hs_cell total;
    const struct hs_fold_group *groups;
    size_t groups_n;
};

struct hs_fold_in {
    const struct hs_table *table;
    size_t keys_n;   /* columns k0… */
    bool series;     /* points are wanted */
    size_t rows_max; /* groups and points */
};

/* The column of the i-th key; NULL when there is none. */
const struct hs_column *hs_fold_key(const struct hs_table *table, size_t i);

/* HS_ECORRUPT: a column is missing or of another kind, or a state is none. HS_ELIMIT: there are
 * more than rows_max groups and points, or the arena is full. */
int hs_fold(const struct hs_fold_in *in, struct hs_arena *arena, struct hs_fold *out,
            struct hs_err *err);

#endif
