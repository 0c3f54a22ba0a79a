/* Hostile bytes as a Native answer: any outcome but a crash, and a table that can be walked. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "model/native.h"

enum { ARENA_BYTES = 16 << 20 };

/* Reads every byte that the table claims to hold, so that the sanitizer sees what is not there. */
static uint64_t walk(const struct hs_column *column)
{
    uint64_t sum = column->name.n;
    uint64_t last = 0;

    for (size_t i = 0; i < column->rows; i++) {
        sum += column->nulls ? column->nulls[i] : 0;
        switch (column->kind) {
        case HS_COL_STR:
            for (size_t k = 0; k < column->str[i].n; k++)
                sum += (unsigned char)column->str[i].p[k];
            break;
        case HS_COL_ARRAY:
        case HS_COL_MAP:
            HS_ASSERT(column->offsets[i] >= last);
            last = column->offsets[i];
            break;
        case HS_COL_TUPLE: break;
        default: sum += column->u64[i]; break;
        }
    }
    for (size_t i = 0; i < column->children_n; i++) {
        if (column->kind == HS_COL_TUPLE)
            HS_ASSERT(column->children[i].rows == column->rows);
        else
            HS_ASSERT(column->children[i].rows == last);
        sum += walk(&column->children[i]);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hs_native_limits limits = {100, 1000000, 8};
    uint64_t sum = 0;
    struct hs_arena arena;
    struct hs_table table;
    struct hs_err err;

    hs_arena_init(&arena, ARENA_BYTES);
    if (hs_native_decode(hs_str_n(data, size), &limits, &arena, &table, &err) == HS_OK) {
        for (size_t i = 0; i < table.columns_n; i++) {
            HS_ASSERT(table.columns[i].rows == table.rows);
            sum += walk(&table.columns[i]);
        }
    }
    __asm__ volatile("" ::"r"(sum)); /* the walk must not be optimised away */
    hs_arena_fini(&arena);
    return 0;
}
