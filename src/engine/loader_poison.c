/*
 * Poison: rows that the store refuses. They are found by halving on a probe table, dead-lettered
 * and left out of the range; what concerns a whole block or table is never taken for poison.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/loader_int.h"

enum { POISON_ROWS_MIN = 100 /* so many rows of a block may be poison, or a tenth of it */ };

/* Codes that mean that a value of one row is refused, so that finding the row helps:
 * CANNOT_PARSE_TEXT, …_QUOTED_STRING, …_DATE, …_DATETIME, ARGUMENT_OUT_OF_BOUND,
 * CANNOT_PARSE_NUMBER, TOO_LARGE_STRING_SIZE, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
 * CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN, DECIMAL_OVERFLOW, VIOLATED_CONSTRAINT,
 * UNKNOWN_ELEMENT_OF_ENUM. Everything else (a column too many or of another type, a table that is
 * not there, too many partitions) concerns all rows alike: retried until somebody mends it. */
bool hs_refuses_a_row(int code)
{
    static const int codes[] = {6, 26, 38, 41, 69, 72, 131, 321, 349, 407, 469, 691};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(codes); i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

/* Tries rows [first, first + n) on the probe table, which checks like the real one and keeps
 * nothing. HS_OK: they would go in. */
static int probe(struct hs_loader *loader, const struct hs_block *block, size_t first, size_t n,
                 struct hs_err *err)
{
    char name[64];
    struct hs_insert insert = {.table = name, .timeout_ms = HS_INSERT_MS};
    struct hs_block some;
    int rc;

    snprintf(name, sizeof(name), "haystat.probe_%s", strchr(block->def->table, '.') + 1);
    rc = hs_block_init(&some, block->def, HS_ROWS_COLUMN_BYTES_MAX, err);
    if (rc == HS_OK)
        rc = hs_block_append(&some, block, first, n, err);
    if (rc == HS_OK)
        rc = hs_analytics_insert(loader->deps.analytics, &insert, &some, err);
    hs_block_fini(&some);
    if (rc == HS_EINVAL && !hs_refuses_a_row(err->sys))
        rc = HS_EAGAIN; /* it is the table or the block, no row is to blame */
    return rc;
}

/* Finds the first poison row at or after `from` by halving: *out_at is its index, block->rows when
 * there is none. HS_OK, or an error that is not about rows. */
static int find_poison(struct hs_loader *loader, const struct hs_block *block, size_t from,
                       size_t *out_at, struct hs_err *err)
{
    size_t lo = from;
    size_t n = block->rows - from;
    int rc = n > 0 ? probe(loader, block, lo, n, err) : HS_OK;

    *out_at = block->rows;
    if (rc != HS_EINVAL)
        return rc;
    while (n > 1) {
        rc = probe(loader, block, lo, n / 2, err);
        if (rc != HS_OK && rc != HS_EINVAL)
            return rc;
        if (rc == HS_OK) {
            lo += n / 2;
            n -= n / 2;
        } else {
            n /= 2;
        }
    }
    rc = probe(loader, block, lo, 1, err);
    if (rc == HS_EINVAL)
        *out_at = lo;
    return rc == HS_EINVAL ? HS_OK : rc;
}

/* Marks the poison rows of one table as skips. */
static int mark_poison(struct hs_loader *loader, struct hs_part *part, enum hs_raw_table table,
                       struct hs_intent *marked, struct hs_err *err)
{
    const struct hs_block *block = &part->rows.blocks[table];
    size_t limit = HS_MAX(block->rows / 10, (size_t)POISON_ROWS_MIN);
    size_t found = 0;
    size_t at = 0;
    int rc = HS_OK;

    while (rc == HS_OK) {
        const struct hs_row_id *id;

        rc = find_poison(loader, block, at, &at, err);
        if (rc != HS_OK || at == block->rows)
            break;
        id = &part->rows.ids[table][at++];
        if (!hs_intent_skips(&part->intent, id->offset, id->sub) &&
            !hs_intent_skips(marked, id->offset, id->sub))
            hs_intent_skip(marked, id->offset, id->sub, HS_SKIP_POISON);
        if (++found > limit)
            rc = hs_err_set(err, HS_EAGAIN, 0,
                            "%s refuses more than %zu of %zu rows: that is no matter of rows",
                            hs_raw_tables[table].table, limit, block->rows);
    }
    return rc;
}

/* Finds what the tables refuse; `marked` gets it as skips. */
static int find_all(struct hs_loader *loader, struct hs_part *part, const struct hs_err *why,
                    struct hs_intent *marked, struct hs_err *err)
{
    int rc = HS_OK;
    int table;

    for (table = 0; table < HS_TABLE_N && rc == HS_OK; table++) {
        if (part->rows.blocks[table].rows > 0)
            rc = mark_poison(loader, part, (enum hs_raw_table)table, marked, err);
    }
    if (rc == HS_OK && marked->skips_n == 0)
        rc =
            hs_err_set(err, HS_EAGAIN, 0, "the block is refused, but no single row: %s", why->text);
    return rc;
}

int hs_part_drop_poison(struct hs_loader *loader, struct hs_part *part, const struct hs_err *why,
                        struct hs_err *err)
{
    struct hs_intent marked;
    size_t i;
    int rc;

    hs_intent_init(&marked);
    rc = find_all(loader, part, why, &marked, err);
    for (i = 0; rc == HS_OK && i < marked.skips_n; i++)
        hs_intent_skip(&part->intent, marked.skips[i].offset, marked.skips[i].sub, HS_SKIP_POISON);
    if (rc == HS_OK) {
        part->intent.poison += marked.skips_n;
        rc = hs_part_replay(loader, part, &marked, why, err);
    }
    if (rc == HS_OK)
        rc = hs_part_commit_intent(loader, part, err);
    hs_intent_fini(&marked);
    return rc;
}
