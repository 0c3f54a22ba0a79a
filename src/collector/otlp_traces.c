/*
 * ExportTraceServiceRequest → search.spans, and search.events for searches. One pass over the bytes
 * of each span finds its ids, what must be redacted and whether it may be a search; then the spans
 * are written trace by trace, copied as they came unless something had to change.
 */
#include "collector/consent.h"
#include "collector/otlp_reader_int.h"

/* What the pass over one span finds. */
struct found {
    struct hs_otlp_span span;
    unsigned families;
    bool dirty;
    bool too_much;
    bool refused; /* search.consent says no */
};

static bool is_refusal(struct hs_str key_value)
{
    struct hs_otlp_attr attr;

    if (hs_otlp_attr_read(key_value, &attr) != HS_OK || !hs_str_eq_c(attr.key, "search.consent"))
        return false;
    if (attr.value.kind == HS_OTLP_BOOL)
        return !attr.value.boolean;
    return attr.value.kind == HS_OTLP_STR && hs_consent_is_refusal(attr.value.str);
}

/* What one attribute says about the span's family and consent. */
static void note_attribute(struct found *found, struct hs_str key_value)
{
    unsigned family = hs_otlp_search_family(key_value);

    found->families |= family;
    if (family == HS_OTLP_FAMILY_SEARCH && is_refusal(key_value))
        found->refused = true;
}

/* HS_OK, also when a limit is passed (found->too_much); HS_EINVAL: malformed. */
static int scan_span(struct hs_otlp_reader *reader, struct hs_str message, struct found *found,
                     struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    int rc;

    memset(found, 0, sizeof(*found));
    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        rc = hs_otlp_span_field(&found->span, &field);
        if (rc < 0)
            break;
        if ((field.tag & 7) != HS_PB_LEN)
            continue;
        if (field.tag == HS_PB_TAG(HS_OTLP_SPAN_ATTRIBUTES, HS_PB_LEN))
            note_attribute(found, field.bytes);
        rc = hs_otlp_scrub_field(&reader->scrub, HS_OTLP_TYPE_SPAN, &field, err);
        if (rc == HS_ELIMIT)
            found->too_much = true;
        else if (rc < 0)
            return rc;
        else
            found->dirty |= rc > 0;
    }
    if (rc < 0)
        return hs_err_set(err, HS_EINVAL, 0,
                          "OTLP: malformed protobuf at byte %zu of %zu of a span",
                          (size_t)((const char *)pb.p - message.p), message.n);
    if (found->span.attributes_n > HS_OTLP_ATTRIBUTES_MAX) {
        hs_err_set(err, HS_ELIMIT, 0, "more than %d attributes", HS_OTLP_ATTRIBUTES_MAX);
        found->too_much = true;
    }
    return HS_OK;
}

/* Whether the span can be kept; else it is counted as rejected. */
static bool accept(struct hs_otlp_reader *reader, const struct found *found,
                   const struct hs_err *why)
{
    if (!hs_otlp_id_valid(found->span.trace_id, HS_OTLP_TRACE_ID))
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_TRACE_ID, NULL);
    else if (!hs_otlp_id_valid(found->span.span_id, HS_OTLP_SPAN_ID))
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_SPAN_ID, NULL);
    else if (!hs_otlp_reader_time_ok(reader, found->span.start_ns))
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_TIME, NULL);
    else if (found->too_much)
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_LIMIT, why);
    else if (reader->section_rc != HS_OK)
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_LIMIT, NULL);
    else
        return true;
    return false;
}

static uint64_t id_bits(struct hs_str id)
{
    uint64_t bits = 0;

    if (id.n == sizeof(bits))
        memcpy(&bits, id.p, sizeof(bits));
    return bits;
}

static int add_span(struct hs_otlp_reader *reader, struct hs_str sent, const struct found *found,
                    struct hs_err *err)
{
    struct hs_otlp_item item = {
        .bytes = sent,
        .trace_id = found->span.trace_id.p,
        .span_id = id_bits(found->span.span_id),
        .parent_id = id_bits(found->span.parent_span_id),
    };
    bool added = false;
    int rc = HS_OK;

    reader->scrub.drop_persons = found->refused;
    if (found->dirty || found->refused)
        rc = hs_otlp_reader_rewrite(reader, HS_OTLP_TYPE_SPAN, &item.bytes, err);
    reader->scrub.drop_persons = false;
    if (rc == HS_OK)
        rc = hs_otlp_reader_add(reader, found->span.trace_id, &item, &added, err);
    if (rc < 0 || !added || found->families == 0)
        return rc;
    return hs_otlp_searches_add(&reader->searches,
                                &(struct hs_otlp_search){
                                    .span = sent,
                                    .resource = reader->iter.section.resource,
                                    .item = (uint32_t)reader->groups.items_n - 1,
                                },
                                err);
}

static int read_spans(struct hs_otlp_reader *reader, struct hs_err *err)
{
    struct hs_err why;
    struct found found;
    struct hs_str message;
    int rc;

    while ((rc = hs_otlp_iter_next(&reader->iter, &message, err)) > 0) {
        reader->items_seen++;
        rc = hs_otlp_reader_enter(reader, err);
        if (rc < 0)
            return rc;
        rc = scan_span(reader, message, &found, &why);
        if (rc < 0)
            return hs_err_set(err, rc, 0, "%s", why.text);
        if (!accept(reader, &found, &why))
            continue;
        rc = add_span(reader, message, &found, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int hs_otlp_traces_read(struct hs_otlp_reader *reader, struct hs_intake *intake, struct hs_str body,
                        enum hs_otlp_encoding encoding, struct hs_otlp_outcome *out,
                        struct hs_err *err)
{
    int rc = hs_otlp_reader_start(reader, intake, HS_OTLP_TRACES, encoding, &body, err);

    if (rc < 0)
        return rc;
    *out = (struct hs_otlp_outcome){0};
    reader->out = out;
    rc = read_spans(reader, err);
    intake->counts.consent_dropped += reader->scrub.persons_dropped;
    if (rc == HS_OK)
        rc = hs_otlp_searches_write(&reader->searches, &reader->groups, &reader->arena, intake, out,
                                    err);
    if (rc == HS_OK)
        rc = hs_otlp_groups_write(&reader->groups, intake, HS_TOPIC_SPANS, true, err);
    if (rc == HS_OK)
        hs_otlp_reader_finish(reader, "spans");
    return hs_otlp_reader_explain(rc, HS_OTLP_TRACES, encoding, body, err);
}
