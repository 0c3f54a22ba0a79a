/*
 * What is wrong with a protobuf body that does not parse, in words for its sender. Only for refused
 * requests: it walks the body once more.
 */
#ifndef HS_NET_OTLP_FAULT_H
#define HS_NET_OTLP_FAULT_H

#include "base/err.h"
#include "base/str.h"
#include "net/otlp_reply.h"

/* HS_EINVAL: err names the message ("resourceSpans[0].scopeSpans[0].spans[3]"), the byte, the field
 * and the rule that it breaks. HS_OK: nothing was found down to HS_OTLP_FAULT_DEPTH_MAX messages
 * inside each other, and err is untouched. @thread any */
enum { HS_OTLP_FAULT_DEPTH_MAX = 64 };
int hs_otlp_fault_find(enum hs_otlp_signal signal, struct hs_str body, struct hs_err *err);

#endif
