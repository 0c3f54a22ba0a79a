/* Inside of the exporter of our own spans: a recorded request, and its form in protobuf. */
#ifndef HS_NET_OTLP_EXPORT_INT_H
#define HS_NET_OTLP_EXPORT_INT_H

#include "base/buf.h"
#include "net/http_server.h"
#include "net/otlp_export.h"

enum {
    OTLP_ROUTE_MAX = 96, /* longer patterns are cut */
    OTLP_LISTENER_MAX = 16,
    OTLP_EXPORT_BYTES_MAX = 4 << 20, /* of a batch; a span takes less than 600 bytes */
};

struct otlp_row {
    unsigned char trace_id[16];
    unsigned char span_id[8];
    unsigned char parent_id[8];
    bool has_parent;
    enum hs_http_method method;
    int status;
    uint64_t body_bytes;
    int64_t start_ns, end_ns; /* wall clock */
    char route[OTLP_ROUTE_MAX];
    char listener[OTLP_LISTENER_MAX];
};

struct otlp_resource {
    char *version;
    char *instance;
};

/* Appends an ExportTraceServiceRequest. @thread any */
void otlp_write_rows(const struct otlp_resource *resource, const struct otlp_row *rows, size_t n,
                     struct hs_buf *out);
/* partial_success.rejected_spans of an ExportTraceServiceResponse; 0 when it cannot be read. */
size_t otlp_rejected_spans(struct hs_str answer);

#endif
