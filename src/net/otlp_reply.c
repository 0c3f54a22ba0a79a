#include "net/otlp_reply.h"

#include "base/json_out.h"
#include "base/mem.h"
#include "net/pb.h"

static const char *const types[] = {
    [HS_OTLP_PROTOBUF] = "application/x-protobuf",
    [HS_OTLP_JSON] = "application/json",
};

int hs_otlp_encoding_parse(struct hs_str content_type, enum hs_otlp_encoding *out,
                           struct hs_err *err)
{
    struct hs_str type = hs_str_n(content_type.p, hs_str_index(content_type, ';'));
    size_t i;

    type = hs_str_trim(type);
    for (i = 0; i < HS_ARRAY_LEN(types); i++) {
        if (!hs_str_ieq(type, hs_str_c(types[i])))
            continue;
        *out = (enum hs_otlp_encoding)i;
        return HS_OK;
    }
    return hs_err_set(err, HS_EUNSUP, 0,
                      "Content-Type is '%.*s', OTLP takes application/x-protobuf and "
                      "application/json",
                      HS_STR_ARG(hs_str_utf8_cut(content_type, 100)));
}

const char *hs_otlp_encoding_type(enum hs_otlp_encoding encoding)
{
    return types[encoding];
}

static void reply_protobuf(uint64_t rejected, struct hs_str message, struct hs_buf *out)
{
    size_t mark = hs_pb_open(out, 1);

    if (rejected > 0)
        hs_pb_add_uint(out, 1, rejected);
    if (message.n > 0)
        hs_pb_add_bytes(out, 2, message);
    hs_pb_close(out, mark);
}

/* Proto3 JSON writes 64-bit numbers as strings. */
static void reply_json(const char *rejected_key, uint64_t rejected, struct hs_str message,
                       struct hs_buf *out)
{
    hs_buf_addf(out, "{\"partialSuccess\":{\"%s\":\"%llu\",\"errorMessage\":", rejected_key,
                (unsigned long long)rejected);
    hs_json_str(out, message);
    HS_BUF_ADD_LIT(out, "}}");
}

void hs_otlp_reply(enum hs_otlp_signal signal, enum hs_otlp_encoding encoding, uint64_t rejected,
                   struct hs_str message, struct hs_buf *out)
{
    bool partial = rejected > 0 || message.n > 0;

    if (encoding == HS_OTLP_PROTOBUF) {
        if (partial)
            reply_protobuf(rejected, message, out);
        return;
    }
    if (!partial) {
        HS_BUF_ADD_LIT(out, "{}");
        return;
    }
    reply_json(signal == HS_OTLP_TRACES ? "rejectedSpans" : "rejectedLogRecords", rejected, message,
               out);
}

int hs_otlp_grpc_code(int http_status)
{
    static const struct {
        int http, grpc;
    } rows[] = {{400, 3}, {401, 16}, {403, 7},  {404, 5},  {413, 8},
                {422, 8}, {429, 8},  {501, 12}, {503, 14}, {504, 4}};
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(rows); i++) {
        if (rows[i].http == http_status)
            return rows[i].grpc;
    }
    return http_status >= 400 && http_status < 500 ? 3 : 13;
}

void hs_otlp_reply_status(enum hs_otlp_encoding encoding, int http_status, struct hs_str message,
                          struct hs_buf *out)
{
    int code = hs_otlp_grpc_code(http_status);

    if (encoding == HS_OTLP_PROTOBUF) {
        hs_pb_add_uint(out, 1, (uint64_t)code);
        hs_pb_add_bytes(out, 2, message);
        return;
    }
    hs_buf_addf(out, "{\"code\":%d,\"message\":", code);
    hs_json_str(out, message);
    hs_buf_add_char(out, '}');
}
