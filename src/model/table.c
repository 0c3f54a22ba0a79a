#include "model/table.h"

const struct hs_column *hs_table_column(const struct hs_table *table, const char *name)
{
    size_t i;

    for (i = 0; i < table->columns_n; i++) {
        if (hs_str_eq_c(table->columns[i].name, name))
            return &table->columns[i];
    }
    return NULL;
}
