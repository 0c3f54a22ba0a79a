#include "base/csv.h"

#include "base/mem.h"

void hs_csv_init(struct hs_csv *csv, char *text, size_t n)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (n >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        n -= 3;
    }
    *csv = (struct hs_csv){.p = text, .n = n, .line = 0, .line_at = 1};
}

static void advance(struct hs_csv *csv, size_t n)
{
    csv->p += n;
    csv->n -= n;
}

/* A line's end at p, in bytes: 0 when there is none. */
static size_t line_end(const struct hs_csv *csv)
{
    if (csv->n > 0 && csv->p[0] == '\n')
        return 1;
    return csv->n > 1 && csv->p[0] == '\r' && csv->p[1] == '\n' ? 2 : 0;
}

static void skip_empty_lines(struct hs_csv *csv)
{
    size_t n;

    while ((n = line_end(csv)) > 0) {
        advance(csv, n);
        csv->line_at++;
    }
}

static struct hs_str plain_field(struct hs_csv *csv)
{
    const char *start = csv->p;

    while (csv->n > 0 && csv->p[0] != ',' && line_end(csv) == 0)
        advance(csv, 1);
    return hs_str_n(start, (size_t)(csv->p - start));
}

/* p is after the opening quote, and then after the closing one. False: there is none. */
static bool quoted_field(struct hs_csv *csv, struct hs_str *out)
{
    char *start = csv->p;
    char *to = csv->p;

    for (; csv->n > 0; advance(csv, 1)) {
        if (csv->p[0] == '"') {
            advance(csv, 1);
            if (csv->n == 0 || csv->p[0] != '"') {
                *out = hs_str_n(start, (size_t)(to - start));
                return true;
            }
        }
        csv->line_at += csv->p[0] == '\n';
        *to++ = csv->p[0];
    }
    return false;
}

static int read_field(struct hs_csv *csv, struct hs_str *out, struct hs_err *err)
{
    if (csv->n == 0 || csv->p[0] != '"') {
        *out = plain_field(csv);
        return HS_OK;
    }
    advance(csv, 1);
    if (!quoted_field(csv, out))
        return hs_err_set(err, HS_EINVAL, 0, "line %zu: a quote does not end", csv->line);
    if (csv->n > 0 && csv->p[0] != ',' && line_end(csv) == 0)
        return hs_err_set(err, HS_EINVAL, 0, "line %zu: text after a closing quote", csv->line_at);
    return HS_OK;
}

int hs_csv_next(struct hs_csv *csv, struct hs_csv_row *out, struct hs_err *err)
{
    size_t end;

    skip_empty_lines(csv);
    if (csv->n == 0)
        return HS_ENOTFOUND;
    csv->line = csv->line_at;
    for (out->n = 0;; advance(csv, 1)) {
        if (out->n == HS_CSV_FIELDS_MAX)
            return hs_err_set(err, HS_ELIMIT, 0, "line %zu: more than %d fields", csv->line,
                              HS_CSV_FIELDS_MAX);
        if (read_field(csv, &out->fields[out->n], err) != HS_OK)
            return HS_EINVAL;
        out->n++;
        if (csv->n == 0 || csv->p[0] != ',')
            break;
    }
    end = line_end(csv);
    advance(csv, end);
    csv->line_at += end > 0;
    return HS_OK;
}

size_t hs_csv_find(const struct hs_csv_row *row, struct hs_str name)
{
    size_t i;

    for (i = 0; i < row->n; i++)
        if (hs_str_ieq(row->fields[i], name))
            return i;
    return row->n;
}
