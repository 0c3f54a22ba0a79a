#include "collector/otlp_reader.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "collector/otlp_reader_int.h"
#include "net/otlp_fault.h"
#include "net/otlp_json.h"

enum {
    ARENA_MAX = 256 << 20,    /* rewritten bytes of one request */
    PROTOBUF_MAX = 128 << 20, /* a JSON body in protobuf form */
    KEPT_BYTES = 4 << 20,     /* a buffer larger than this is given back */
};

static const struct {
    const char *name, *text;
} rejects[] = {
    [HS_OTLP_REJECT_TRACE_ID] = {"trace_id", "trace id is not 16 bytes or all zero"},
    [HS_OTLP_REJECT_SPAN_ID] = {"span_id", "span id is not 8 bytes or all zero"},
    [HS_OTLP_REJECT_LIMIT] = {"limit", "too many attributes or levels"},
    [HS_OTLP_REJECT_SIZE] = {"size", "too large for one message"},
    [HS_OTLP_REJECT_TIME] = {"time",
                             "its time is more than a day ahead, or more than 3650 days ago"},
};

const char *hs_otlp_reject_name(enum hs_otlp_reject reason)
{
    return rejects[reason].name;
}

struct hs_otlp_reader *hs_otlp_reader_new(void)
{
    struct hs_otlp_reader *reader = hs_xalloc(sizeof(*reader));

    hs_otlp_groups_init(&reader->groups);
    hs_otlp_scrub_init(&reader->scrub);
    hs_otlp_searches_init(&reader->searches);
    hs_arena_init(&reader->arena, ARENA_MAX);
    hs_buf_init(&reader->rewritten, 4 * (size_t)HS_STREAM_VALUE_MAX);
    hs_buf_init(&reader->protobuf, PROTOBUF_MAX);
    return reader;
}

void hs_otlp_reader_free(struct hs_otlp_reader *reader)
{
    if (!reader)
        return;
    hs_otlp_groups_fini(&reader->groups);
    hs_otlp_scrub_fini(&reader->scrub);
    hs_otlp_searches_fini(&reader->searches);
    hs_arena_fini(&reader->arena);
    hs_buf_fini(&reader->rewritten);
    hs_buf_fini(&reader->protobuf);
    hs_free(reader);
}

static void reset_buf(struct hs_buf *buf)
{
    hs_buf_reset(buf);
    if (buf->cap > KEPT_BYTES)
        hs_buf_fini(buf);
}

void hs_otlp_reader_release(struct hs_otlp_reader *reader)
{
    hs_otlp_groups_reset(&reader->groups);
    hs_otlp_searches_reset(&reader->searches);
    if (reader->arena.used > 0)
        hs_arena_reset(&reader->arena);
    reset_buf(&reader->rewritten);
    reset_buf(&reader->protobuf);
}

int hs_otlp_reader_start(struct hs_otlp_reader *reader, struct hs_intake *intake,
                         enum hs_otlp_signal signal, enum hs_otlp_encoding encoding,
                         struct hs_str *body, struct hs_err *err)
{
    int rc;

    hs_otlp_reader_release(reader);
    reader->scrub.rules = intake->rules;
    reader->scrub.counts = &intake->counts.redacted;
    reader->scrub.drop_persons = false;
    reader->scrub.persons_dropped = 0;
    reader->section_n = reader->resource_n = 0;
    reader->items_seen = 0;
    reader->first_reason[0] = '\0';
    if (encoding == HS_OTLP_JSON) {
        rc = hs_otlp_json_read(signal, *body, &reader->protobuf, err);
        if (rc < 0)
            return rc;
        *body = hs_buf_str(&reader->protobuf);
    }
    hs_otlp_iter_init(&reader->iter, *body);
    return HS_OK;
}

int hs_otlp_reader_rewrite(struct hs_otlp_reader *reader, enum hs_otlp_type type,
                           struct hs_str *message, struct hs_err *err)
{
    struct hs_str copy;

    hs_buf_reset(&reader->rewritten);
    hs_otlp_scrub_write(&reader->scrub, type, *message, &reader->rewritten);
    if (hs_buf_ok(&reader->rewritten)) {
        copy = hs_arena_copy(&reader->arena, hs_buf_str(&reader->rewritten));
        if (copy.p) {
            *message = copy;
            return HS_OK;
        }
    }
    return hs_err_set(err, HS_ELIMIT, 0, "OTLP: no memory for %zu redacted bytes",
                      reader->rewritten.n);
}

/* Scrubs a resource or scope. HS_ELIMIT of the check goes to section_rc. */
static int scrub_head(struct hs_otlp_reader *reader, enum hs_otlp_type type, struct hs_str *message,
                      struct hs_err *err)
{
    int rc = hs_otlp_scrub_check(&reader->scrub, type, *message, err);

    if (rc == HS_ELIMIT) {
        reader->section_rc = rc;
        return HS_OK;
    }
    return rc == 1 ? hs_otlp_reader_rewrite(reader, type, message, err) : rc;
}

int hs_otlp_reader_enter(struct hs_otlp_reader *reader, struct hs_err *err)
{
    const struct hs_otlp_section *sent = &reader->iter.section;
    int rc = HS_OK;

    if (reader->section_n == reader->iter.section_n)
        return HS_OK;
    if (reader->resource_n != reader->iter.resource_n) {
        reader->section_rc = HS_OK;
        reader->section.resource = sent->resource;
        rc = scrub_head(reader, HS_OTLP_TYPE_RESOURCE, &reader->section.resource, err);
        if (rc < 0)
            return rc;
        reader->resource_n = reader->iter.resource_n;
        reader->resource_rc = reader->section_rc;
    }
    reader->section_rc = reader->resource_rc;
    reader->section.scope = sent->scope;
    rc = scrub_head(reader, HS_OTLP_TYPE_SCOPE, &reader->section.scope, err);
    if (rc < 0)
        return rc;
    reader->section.resource_schema = sent->resource_schema;
    reader->section.scope_schema = sent->scope_schema;
    reader->section_n = reader->iter.section_n;
    reader->section_added = false;
    return HS_OK;
}

int hs_otlp_reader_add(struct hs_otlp_reader *reader, struct hs_str key,
                       const struct hs_otlp_item *item, bool *out_added, struct hs_err *err)
{
    struct hs_err why = {0};
    int rc;

    *out_added = false;
    if (!reader->section_added) {
        rc = hs_otlp_groups_section(&reader->groups, &reader->section, reader->resource_n, err);
        if (rc < 0)
            return rc;
        reader->section_added = true;
    }
    rc = hs_otlp_groups_add(&reader->groups, key, item, &why);
    if (rc == HS_EINVAL) {
        hs_otlp_reader_reject(reader, HS_OTLP_REJECT_SIZE, &why);
        return HS_OK;
    }
    if (rc < 0)
        return hs_err_set(err, rc, 0, "%s", why.text);
    reader->out->accepted++;
    *out_added = true;
    return HS_OK;
}

bool hs_otlp_reader_time_ok(const struct hs_otlp_reader *reader, uint64_t ns)
{
    int64_t received_ns = reader->scrub.rules->received_ns;

    return ns == 0 || (ns <= INT64_MAX && (int64_t)ns - received_ns <= HS_NS_PER_DAY &&
                       received_ns - (int64_t)ns <= HS_OTLP_AGE_MAX_DAYS * HS_NS_PER_DAY);
}

void hs_otlp_reader_reject(struct hs_otlp_reader *reader, enum hs_otlp_reject reason,
                           const struct hs_err *why)
{
    if (reader->out->rejected++ == 0) {
        reader->first_rejected = reader->items_seen - 1;
        snprintf(reader->first_reason, sizeof(reader->first_reason), "%.*s", 100,
                 why ? why->text : rejects[reason].text);
    }
    reader->out->rejected_by[reason]++;
}

void hs_otlp_reader_finish(struct hs_otlp_reader *reader, const char *what)
{
    struct hs_otlp_outcome *out = reader->out;
    size_t n, i;

    if (out->rejected == 0)
        return;
    n = (size_t)snprintf(out->message, sizeof(out->message),
                         "%" PRIu64 " of %" PRIu64 " %s rejected, the first at index %" PRIu64
                         ": %s (",
                         out->rejected, reader->items_seen, what, reader->first_rejected,
                         reader->first_reason);
    for (i = 0; i < HS_OTLP_REJECT_N && n < sizeof(out->message); i++) {
        if (out->rejected_by[i] == 0)
            continue;
        n += (size_t)snprintf(out->message + n, sizeof(out->message) - n, "%s%s: %" PRIu64,
                              out->message[n - 1] == '(' ? "" : ", ", rejects[i].name,
                              out->rejected_by[i]);
    }
    if (n < sizeof(out->message))
        snprintf(out->message + n, sizeof(out->message) - n, ")");
}

int hs_otlp_reader_explain(int rc, enum hs_otlp_signal signal, enum hs_otlp_encoding encoding,
                           struct hs_str body, struct hs_err *err)
{
    if (rc == HS_EINVAL && encoding == HS_OTLP_PROTOBUF)
        hs_otlp_fault_find(signal, body, err);
    return rc;
}
