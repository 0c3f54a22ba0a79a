/*
 * CSV as RFC 4180 has it: fields between commas, a quoted one may hold commas, line breaks and
 * doubled quotes; lines end in LF or CR LF. Empty lines are skipped, a byte order mark too.
 */
#ifndef HS_BASE_CSV_H
#define HS_BASE_CSV_H

#include "base/str.h"

enum { HS_CSV_FIELDS_MAX = 64 };

struct hs_csv {
    char *p; /* what is left; quoted fields are unquoted in place */
    size_t n;
    size_t line;    /* of the row that hs_csv_next gave, from 1 */
    size_t line_at; /* of p */
};

struct hs_csv_row {
    struct hs_str fields[HS_CSV_FIELDS_MAX]; /* views into the text */
    size_t n;
};

/* text is the caller's, is written to, and outlives the rows. */
void hs_csv_init(struct hs_csv *csv, char *text, size_t n);
/* The next row. HS_ENOTFOUND: there is none. HS_EINVAL: a quote that does not end, or text after
 * one; HS_ELIMIT: more than HS_CSV_FIELDS_MAX fields; the text of both has the line. */
int hs_csv_next(struct hs_csv *csv, struct hs_csv_row *out, struct hs_err *err);
/* Where a row has a field of that name, in any case; row->n when it has none. */
size_t hs_csv_find(const struct hs_csv_row *row, struct hs_str name);

#endif
