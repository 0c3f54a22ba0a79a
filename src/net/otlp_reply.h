/*
 * Answers to OTLP requests: Export…ServiceResponse with partial_success, and google.rpc.Status for
 * errors, each in the encoding of the request.
 */
#ifndef HS_NET_OTLP_REPLY_H
#define HS_NET_OTLP_REPLY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum hs_otlp_encoding { HS_OTLP_PROTOBUF, HS_OTLP_JSON };
enum hs_otlp_signal { HS_OTLP_TRACES, HS_OTLP_LOGS };

/* From a Content-Type with or without parameters: application/x-protobuf, application/json.
 * HS_EUNSUP for any other (answer 415), err names it. @thread any */
int hs_otlp_encoding_parse(struct hs_str content_type, enum hs_otlp_encoding *out,
                           struct hs_err *err);
/* The Content-Type of the answer. @thread any */
const char *hs_otlp_encoding_type(enum hs_otlp_encoding encoding);

/* Appends the answer to a request that was taken in. rejected 0 and an empty message is full
 * success; rejected 0 with a message is a warning. @thread any */
void hs_otlp_reply(enum hs_otlp_signal signal, enum hs_otlp_encoding encoding, uint64_t rejected,
                   struct hs_str message, struct hs_buf *out);

/* Appends a google.rpc.Status whose code fits the HTTP status. @thread any */
void hs_otlp_reply_status(enum hs_otlp_encoding encoding, int http_status, struct hs_str message,
                          struct hs_buf *out);

/* The gRPC code that an HTTP status stands for: 400 and 415 → INVALID_ARGUMENT (3), 401 →
 * UNAUTHENTICATED (16), 403 → PERMISSION_DENIED (7), 404 → NOT_FOUND (5), 413, 422 and 429 →
 * RESOURCE_EXHAUSTED (8), 501 → UNIMPLEMENTED (12), 503 → UNAVAILABLE (14), 504 → DEADLINE_EXCEEDED
 * (4), other 4xx → INVALID_ARGUMENT, anything else → INTERNAL (13). @thread any */
int hs_otlp_grpc_code(int http_status);

#endif
