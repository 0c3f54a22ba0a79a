/*
 * OTLP's messages as tables: what the JSON reader makes protobuf of, and what names the place of a
 * fault in protobuf.
 */
#ifndef HS_NET_OTLP_SCHEMA_H
#define HS_NET_OTLP_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "net/otlp_reply.h"

enum hs_otlp_form {
    HS_OTLP_FORM_STRING,
    HS_OTLP_FORM_HEX,   /* bytes written as hex */
    HS_OTLP_FORM_BYTES, /* bytes written as base64 */
    HS_OTLP_FORM_BOOL,
    HS_OTLP_FORM_ENUM,   /* 32-bit integer, a number only */
    HS_OTLP_FORM_INT,    /* varint of 64 bits */
    HS_OTLP_FORM_UINT32, /* varint */
    HS_OTLP_FORM_FIXED32,
    HS_OTLP_FORM_FIXED64,
    HS_OTLP_FORM_DOUBLE,
    HS_OTLP_FORM_MESSAGE,
};

struct hs_otlp_member {
    const char *name;
    unsigned char number; /* of the protobuf field */
    unsigned char form;
    bool repeated;
    const struct hs_otlp_member *message; /* MESSAGE: its members, ended by a NULL name */
};

/* One step of the way to a value, for messages: a member, and an index when it is in an array. */
struct hs_otlp_step {
    const struct hs_otlp_step *up; /* NULL: the request itself, which has no name */
    const char *name;
    size_t index;
    bool indexed;
    unsigned depth;
};

/* Writes "resourceSpans[0].scopeSpans[0].spans[3]" with a NUL, cut to max bytes; "the body" for the
 * request itself. @thread any */
void hs_otlp_step_path(const struct hs_otlp_step *step, char *out, size_t max);

/* The members of ExportTraceServiceRequest or ExportLogsServiceRequest. @thread any */
const struct hs_otlp_member *hs_otlp_members(enum hs_otlp_signal signal);

#endif
