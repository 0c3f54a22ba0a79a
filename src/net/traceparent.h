/*
 * The header traceparent of W3C Trace Context, by which a caller hands on its trace:
 *
 *     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *     version  trace id, not all zero     parent span id   flags; bit 0: sampled
 *
 * A higher version may have more behind the flags, after another '-'.
 */
#ifndef HS_NET_TRACEPARENT_H
#define HS_NET_TRACEPARENT_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct hs_traceparent {
    unsigned char trace_id[16];
    unsigned char span_id[8];
    bool sampled;
};

/* HS_EINVAL: not of this form; *out is untouched. @thread any */
int hs_traceparent_parse(struct hs_str s, struct hs_traceparent *out);

#endif
