#include "port/record.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

bool hs_record_value_ok(struct hs_str value)
{
    size_t i;

    for (i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            return false;
    return hs_str_utf8_valid(value);
}

void hs_record_add(struct hs_buf *buf, const char *name, struct hs_str value)
{
    HS_ASSERT(hs_record_value_ok(value));
    hs_buf_add_c(buf, name);
    hs_buf_add_char(buf, '=');
    hs_buf_add_str(buf, value);
    hs_buf_add_char(buf, '\n');
}

void hs_record_add_u64(struct hs_buf *buf, const char *name, uint64_t value)
{
    hs_buf_addf(buf, "%s=%llu\n", name, (unsigned long long)value);
}

void hs_record_add_double(struct hs_buf *buf, const char *name, double value)
{
    hs_buf_addf(buf, "%s=%.17g\n", name, value);
}

void hs_record_add_hex(struct hs_buf *buf, const char *name, const void *bytes, size_t n)
{
    hs_buf_add_c(buf, name);
    hs_buf_add_char(buf, '=');
    hs_buf_add_hex(buf, bytes, n);
    hs_buf_add_char(buf, '\n');
}

struct hs_str hs_record_get(struct hs_str record, const char *name)
{
    struct hs_str line;

    while (hs_str_split(&record, '\n', &line)) {
        size_t equals = hs_str_index(line, '=');

        if (equals < line.n && hs_str_eq_c(hs_str_n(line.p, equals), name))
            return hs_str_n(line.p + equals + 1, line.n - equals - 1);
    }
    return HS_STR_NULL;
}

int hs_record_get_u64(struct hs_str record, const char *name, uint64_t *out)
{
    return hs_str_to_u64(hs_record_get(record, name), out);
}

int hs_record_get_double(struct hs_str record, const char *name, double *out)
{
    return hs_str_to_double(hs_record_get(record, name), out);
}

int hs_record_get_hex(struct hs_str record, const char *name, void *out, size_t n)
{
    return hs_hex_decode(hs_record_get(record, name), out, n);
}
