/*
 * The cost of rows on their way into a table: filling a block of 70 columns (30 of them strings, 4
 * arrays, 2 maps), encoding it, and copying it out again in groups.
 *
 * usage: bench_block [SECONDS]     prints JSON: ns per row of each, bytes per row
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "model/block.h"

enum { COLUMNS = 70, STRINGS = 30, ARRAYS = 4, MAPS = 2, ROWS = 20000, BLOCK_BYTES = 64 << 20 };

struct bench {
    struct hs_column_def columns[COLUMNS];
    char names[COLUMNS][16];
    struct hs_table_def def;
    struct hs_block block;
    struct hs_block copy;
    struct hs_buf wire;
};

static void define(struct bench *bench)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        struct hs_column_def *column = &bench->columns[i];

        snprintf(bench->names[i], sizeof(bench->names[i]), "column_%u", i);
        *column = (struct hs_column_def){.name = bench->names[i]};
        if (i < STRINGS) {
            column->ch_type = "String";
            column->type = HS_BLOCK_STRING;
        } else if (i < STRINGS + ARRAYS) {
            column->ch_type = "Array(UInt32)";
            column->type = HS_BLOCK_U32;
            column->shape = HS_SHAPE_ARRAY;
        } else if (i < STRINGS + ARRAYS + MAPS) {
            column->ch_type = "Map(String, String)";
            column->type = HS_BLOCK_STRING;
            column->shape = HS_SHAPE_MAP;
        } else {
            column->ch_type = "UInt64";
            column->type = HS_BLOCK_U64;
        }
    }
    bench->def = (struct hs_table_def){"bench", bench->columns, COLUMNS};
}

static void fill_row(struct bench *bench, uint64_t row)
{
    struct hs_block *block = &bench->block;
    unsigned i = 0;

    for (; i < STRINGS; i++)
        hs_block_str(block, i, hs_str_n("a value of middling length", i % 27));
    for (; i < STRINGS + ARRAYS; i++) {
        for (uint64_t k = 0; k < 5; k++)
            hs_block_array_u64(block, i, row + k);
        hs_block_array_end(block, i);
    }
    for (; i < STRINGS + ARRAYS + MAPS; i++) {
        for (unsigned k = 0; k < 3; k++)
            hs_block_map_str(block, i, HS_STR("attribute.name"), HS_STR("its value"));
        hs_block_array_end(block, i);
    }
    for (; i < COLUMNS; i++)
        hs_block_u64(block, i, row);
    HS_ASSERT(hs_block_row_end(block, NULL) == HS_OK);
}

static double cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 3;
    struct bench *bench = hs_xalloc(sizeof(*bench));
    double fill = 0;
    double encode = 0;
    double append = 0;
    uint64_t rows = 0;

    define(bench);
    HS_ASSERT(hs_block_init(&bench->block, &bench->def, BLOCK_BYTES, NULL) == HS_OK);
    HS_ASSERT(hs_block_init(&bench->copy, &bench->def, BLOCK_BYTES, NULL) == HS_OK);
    hs_buf_init(&bench->wire, (size_t)COLUMNS * BLOCK_BYTES);
    while (fill + encode + append < seconds * 1e9) {
        double start = cpu_ns();

        hs_block_reset(&bench->block);
        for (uint64_t i = 0; i < ROWS; i++)
            fill_row(bench, i);
        fill += cpu_ns() - start;
        start = cpu_ns();
        hs_buf_reset(&bench->wire);
        HS_ASSERT(hs_block_encode(&bench->block, &bench->wire, NULL) == HS_OK);
        encode += cpu_ns() - start;
        start = cpu_ns();
        hs_block_reset(&bench->copy);
        for (size_t i = 0; i < ROWS; i += 100)
            HS_ASSERT(hs_block_append(&bench->copy, &bench->block, i, 100, NULL) == HS_OK);
        append += cpu_ns() - start;
        rows += ROWS;
    }
    printf("{\"fill_ns\": %.0f, \"encode_ns\": %.0f, \"append_ns\": %.0f, \"row_bytes\": %zu}\n",
           fill / (double)rows, encode / (double)rows, append / (double)rows, bench->wire.n / ROWS);
    hs_buf_fini(&bench->wire);
    hs_block_fini(&bench->copy);
    hs_block_fini(&bench->block);
    hs_free(bench);
    return 0;
}
