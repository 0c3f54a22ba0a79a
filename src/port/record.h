/*
 * Small records as text, one "name=value" a line: the form of metadata values that this folder
 * owns. Values hold no control characters. Unknown names are skipped by readers, so that a newer
 * program may add some.
 */
#ifndef HS_PORT_RECORD_H
#define HS_PORT_RECORD_H

#include "base/buf.h"
#include "base/str.h"

void hs_record_add(struct hs_buf *buf, const char *name, struct hs_str value);
void hs_record_add_u64(struct hs_buf *buf, const char *name, uint64_t value);
void hs_record_add_double(struct hs_buf *buf, const char *name, double value);
void hs_record_add_hex(struct hs_buf *buf, const char *name, const void *bytes, size_t n);

/* The value of the first line of that name; the null view when there is none. */
struct hs_str hs_record_get(struct hs_str record, const char *name);
/* HS_EINVAL: absent or no such number; *out is untouched. */
int hs_record_get_u64(struct hs_str record, const char *name, uint64_t *out);
int hs_record_get_double(struct hs_str record, const char *name, double *out);
int hs_record_get_hex(struct hs_str record, const char *name, void *out, size_t n);

/* Whether the text may be a value: UTF-8 without control characters. */
bool hs_record_value_ok(struct hs_str value);

#endif
