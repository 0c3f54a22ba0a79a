/*
 * OTLP/JSON: the JSON form of OTLP messages, made into their protobuf form, so that everything
 * behind it knows one form only.
 *
 * Rules: names in lowerCamelCase, others are ignored; null counts as absent; trace and span ids are
 * hex in either case, other bytes base64; enums are integers; 64-bit integers are strings or
 * numbers; doubles are numbers or "NaN", "Infinity", "-Infinity".
 */
#ifndef HS_NET_OTLP_JSON_H
#define HS_NET_OTLP_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "net/otlp_reply.h"

enum {
    HS_OTLP_JSON_DEPTH_MAX = 64,      /* objects inside objects, counted in messages */
    HS_OTLP_JSON_BODY_MAX = 32 << 20, /* bytes; parsed, each two of them may take 16 */
};

/* Appends the protobuf form of a whole request. HS_EINVAL: no JSON, or a value of the wrong type;
 * err names its path ("resourceSpans[0].scopeSpans[0].spans[3].kind"), the value's type and what it
 * must be. HS_ELIMIT: longer than HS_OTLP_JSON_BODY_MAX, deeper than HS_OTLP_JSON_DEPTH_MAX,
 * or `out` is full; out's content is then of no use. @thread any */
int hs_otlp_json_read(enum hs_otlp_signal signal, struct hs_str body, struct hs_buf *out,
                      struct hs_err *err);

#endif
