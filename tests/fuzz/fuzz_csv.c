/* Any text is rows or an error with a line; fields are views into it, and the end is reached. */
#include <stdint.h>

#include "base/csv.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = hs_xalloc(size + 1);
    struct hs_csv_row row;
    struct hs_csv csv;
    struct hs_err err;
    size_t rows = 0;
    size_t i;

    memcpy(text, data, size);
    hs_csv_init(&csv, text, size);
    while (hs_csv_next(&csv, &row, &err) == HS_OK) {
        HS_ASSERT(row.n > 0);
        HS_ASSERT(row.n <= HS_CSV_FIELDS_MAX);
        HS_ASSERT(csv.line > 0);
        for (i = 0; i < row.n; i++) {
            HS_ASSERT(row.fields[i].p >= text);
            HS_ASSERT(row.fields[i].p + row.fields[i].n <= text + size);
        }
        HS_ASSERT(++rows <= size);
    }
    hs_free(text);
    return 0;
}
