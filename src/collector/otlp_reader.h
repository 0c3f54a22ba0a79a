/*
 * What the readers of OTLP traces and logs share: working memory that is kept from request to
 * request, the outcome of a request, and the reasons for which a single span or log record is
 * refused while the rest is taken in.
 *
 * One reader serves one thread at a time. Both readers of a request leave messages in the intake;
 * when they return an error the request is refused as a whole, and the caller resets the intake.
 */
#ifndef HS_COLLECTOR_OTLP_READER_H
#define HS_COLLECTOR_OTLP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "collector/intake.h"
#include "net/otlp_reply.h"

struct hs_otlp_reader;

struct hs_otlp_reader *hs_otlp_reader_new(void);
void hs_otlp_reader_free(struct hs_otlp_reader *reader); /* NULL is a no-op */
/* Forgets the last request and gives back what a large one made grow. */
void hs_otlp_reader_release(struct hs_otlp_reader *reader);

enum hs_otlp_reject {
    HS_OTLP_REJECT_TRACE_ID, /* not 16 bytes, or all zero */
    HS_OTLP_REJECT_SPAN_ID,  /* not 8 bytes, or all zero */
    HS_OTLP_REJECT_LIMIT,    /* too many attributes or levels */
    HS_OTLP_REJECT_SIZE,     /* larger than a message of the stream */
    HS_OTLP_REJECT_TIME,     /* a day ahead, or HS_OTLP_AGE_MAX_DAYS ago */
    HS_OTLP_REJECT_N,
};

enum { HS_OTLP_AGE_MAX_DAYS = 3650 }; /* the longest retention that there can be */

/* "trace_id", "span_id", "limit", "size", "time": for metrics. @thread any */
const char *hs_otlp_reject_name(enum hs_otlp_reject reason);

enum { HS_OTLP_MESSAGE_MAX = 512 };

struct hs_otlp_outcome {
    uint64_t accepted; /* spans or log records */
    uint64_t rejected;
    uint64_t rejected_by[HS_OTLP_REJECT_N];
    uint64_t searches;         /* search events made of spans */
    uint64_t searches_nested;  /* of those: with a parent_query_id, hence no executions */
    uint64_t searches_refused; /* spans of searches that made no valid event; the span is kept */
    char message[HS_OTLP_MESSAGE_MAX]; /* for partial_success; "" when there is nothing to say */
};

/* Reads the body of ExportTraceServiceRequest: adds messages to HS_TOPIC_SPANS and, for spans of
 * search operations, events through hs_intake_event. HS_EINVAL: the body does not parse; err says
 * where. HS_ELIMIT: the request holds too much, or intake's bytes_max. */
int hs_otlp_traces_read(struct hs_otlp_reader *reader, struct hs_intake *intake, struct hs_str body,
                        enum hs_otlp_encoding encoding, struct hs_otlp_outcome *out,
                        struct hs_err *err);

/* The same for ExportLogsServiceRequest and HS_TOPIC_LOGS. */
int hs_otlp_logs_read(struct hs_otlp_reader *reader, struct hs_intake *intake, struct hs_str body,
                      enum hs_otlp_encoding encoding, struct hs_otlp_outcome *out,
                      struct hs_err *err);

#endif
