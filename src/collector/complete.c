#include "collector/complete.h"

#include <math.h>
#include <yyjson.h>

#include "base/hash.h"
#include "base/mem.h"
#include "collector/consent.h"

enum { LATENCY_MS_MAX = 86400000, POSITION_MAX = 1000000000 };

static bool has(const struct hs_event *event, enum hs_field field)
{
    return event->v[field].kind != HS_VALUE_NONE;
}

static void set_plain(struct hs_event *event, enum hs_field field, struct hs_str s)
{
    event->v[field] = (struct hs_value){.kind = HS_VALUE_STR, .plain = true, .str = s};
}

/* Readers check their own input; this holds for what is computed, as a span's duration is. */
static int check_latency(struct hs_intake *intake, const struct hs_event *event, struct hs_err *err)
{
    const struct hs_value *value = &event->v[HS_F_LATENCY_MS];
    double v = 0;

    if (value->kind == HS_VALUE_F64)
        v = value->f64;
    else if (value->kind == HS_VALUE_I64)
        v = (double)value->i64;
    if (isfinite(v) && v >= 0 && v <= LATENCY_MS_MAX)
        return HS_OK;
    intake->counts.latency_refused++;
    return hs_err_set(err, HS_EINVAL, HS_REFUSED_LATENCY,
                      "latency_ms is %.17g, must be a number from 0 to %d", v, LATENCY_MS_MAX);
}

static void adjust_time(struct hs_event *event, int64_t us, int64_t received_us, const char *why)
{
    hs_event_i64(event, HS_F_TIMESTAMP_SENT, us);
    hs_event_i64(event, HS_F_TIMESTAMP, received_us);
    set_plain(event, HS_F_TIME_ADJUSTED, hs_str_c(why));
}

static int set_times(struct hs_intake *intake, struct hs_event *event, struct hs_err *err)
{
    const struct hs_intake_rules *rules = intake->rules;
    int64_t received_us = rules->received_ns / HS_NS_PER_US;
    int64_t us = has(event, HS_F_TIMESTAMP) ? event->v[HS_F_TIMESTAMP].i64 : received_us;
    int64_t ahead_us = us - received_us;

    hs_event_i64(event, HS_F_TIMESTAMP, us);
    hs_event_i64(event, HS_F_RECEIVED_AT, received_us);
    if (rules->import)
        hs_event_bool(event, HS_F_IMPORT, true);
    if (ahead_us > rules->early_max_ns / HS_NS_PER_US) {
        adjust_time(event, us, received_us, "future");
        intake->counts.time_future++;
    } else if (rules->import && -ahead_us > rules->retention_ns / HS_NS_PER_US) {
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_TIME,
                          "timestamp is %lld s old, an import may go back %lld s",
                          (long long)(-ahead_us / 1000000),
                          (long long)(rules->retention_ns / HS_NS_PER_S));
    } else if (!rules->import && -ahead_us > rules->late_max_ns / HS_NS_PER_US) {
        adjust_time(event, us, received_us, "late");
        intake->counts.time_late++;
    }
    return HS_OK;
}

static void format_uuid(struct hs_hash128 hash, char out[HS_UUID_TEXT])
{
    static const unsigned char groups[] = {4, 2, 2, 2, 6};
    unsigned char b[16];
    size_t from = 0;
    size_t to = 0;
    size_t i;

    memcpy(b, &hash.hi, 8);
    memcpy(b + 8, &hash.lo, 8);
    b[6] = (unsigned char)(0x80 | (b[6] & 0x0F)); /* version 8: custom */
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
    for (i = 0; i < sizeof(groups); i++) {
        if (i > 0)
            out[to++] = '-';
        hs_hex_encode(b + from, groups[i], out + to);
        from += groups[i];
        to += 2U * groups[i];
    }
}

void hs_intake_derive_id(const struct hs_intake *intake, struct hs_str what, size_t index,
                         char out[36])
{
    uint64_t seed = hs_hash64_seed(intake->rules->tenant, index);

    format_uuid(hs_hash128_seed(what, seed), out);
}

static void set_ids(struct hs_intake *intake, struct hs_event *event, size_t index,
                    struct hs_made *made)
{
    const struct hs_intake_rules *rules = intake->rules;

    set_plain(event, HS_F_SOURCE, hs_str_c(hs_source_name(rules->source)));
    if (has(event, HS_F_EVENT_ID))
        return;
    if (rules->idempotency_key.n > 0)
        hs_intake_derive_id(intake, rules->idempotency_key, index, made->event_id);
    else
        hs_uuid7(rules->received_ns, made->event_id);
    set_plain(event, HS_F_EVENT_ID, hs_str_n(made->event_id, HS_UUID_TEXT));
}

static void lower_hex(struct hs_event *event, enum hs_field field, char *out, size_t cap)
{
    struct hs_str s = hs_event_get_str(event, field);
    bool upper = false;
    size_t i;

    if (s.n != cap)
        return;
    for (i = 0; i < s.n; i++)
        upper |= s.p[i] >= 'A' && s.p[i] <= 'F';
    if (!upper)
        return;
    for (i = 0; i < s.n; i++)
        out[i] = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] + ('a' - 'A')) : s.p[i];
    set_plain(event, field, hs_str_n(out, s.n));
}

static void set_defaults(struct hs_event *event)
{
    if (!has(event, HS_F_APPLICATION))
        event->v[HS_F_APPLICATION] = event->v[HS_F_SERVICE];
    if (!has(event, HS_F_SERVICE))
        event->v[HS_F_SERVICE] = event->v[HS_F_APPLICATION];
    if (event->v[HS_F_EVENT_TYPE].str.p[0] != 's')
        return;
    if (!has(event, HS_F_KIND))
        set_plain(event, HS_F_KIND, HS_STR("search"));
    if (!has(event, HS_F_STATUS))
        set_plain(event, HS_F_STATUS, has(event, HS_F_ERROR) ? HS_STR("error") : HS_STR("ok"));
}

static void hide_person(struct hs_intake *intake, struct hs_event *event, struct hs_made *made)
{
    static const enum hs_field fields[] = {HS_F_SESSION_ID, HS_F_CLIENT_ID, HS_F_USER_ID};
    bool drop =
        has(event, HS_F_CONSENT) && hs_consent_is_refusal(hs_event_get_str(event, HS_F_CONSENT));
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(fields); i++) {
        if (!has(event, fields[i]))
            continue;
        if (drop) {
            event->v[fields[i]] = (struct hs_value){.kind = HS_VALUE_NONE};
            intake->counts.consent_dropped++;
        } else if (intake->rules->pseudonyms) {
            hs_pseudonym(intake->rules->pseudonym_key, hs_event_get_str(event, fields[i]),
                         made->pseudonyms[i]);
            set_plain(event, fields[i], hs_str_n(made->pseudonyms[i], HS_PSEUDONYM_TEXT));
        }
    }
}

/* Of the redacted query, so that what is hidden there stays hidden. */
static int normalize_query(struct hs_intake *intake, struct hs_event *event, struct hs_made *made,
                           struct hs_err *err)
{
    static const char digits[] = "0123456789abcdef";
    struct hs_buf *out = &intake->scratch;
    uint64_t fingerprint;
    int rc;
    int i;

    hs_buf_reset(out);
    rc = hs_query_normalize(hs_event_get_str(event, HS_F_QUERY), out, err);
    if (rc != HS_OK)
        return rc;
    hs_event_str(event, HS_F_QUERY_NORM, hs_buf_str(out));
    fingerprint = hs_query_fingerprint(hs_buf_str(out));
    for (i = 15; i >= 0; i--) {
        made->fingerprint[i] = digits[fingerprint & 15];
        fingerprint >>= 4;
    }
    set_plain(event, HS_F_FINGERPRINT, hs_str_n(made->fingerprint, sizeof(made->fingerprint)));
    return HS_OK;
}

static int64_t first_position(const struct hs_event *event)
{
    const struct hs_value *page = &event->v[HS_F_PAGE];
    const struct hs_value *size = &event->v[HS_F_PAGE_SIZE];

    if (page->kind != HS_VALUE_I64 || size->kind != HS_VALUE_I64)
        return 1;
    return HS_MIN((page->i64 - 1) * size->i64, (int64_t)POSITION_MAX) + 1;
}

/* One result with its position, given or implied. */
static void add_result(yyjson_val *result, int64_t implied, struct hs_buf *out)
{
    yyjson_val *given = yyjson_obj_get(result, "position");
    yyjson_obj_iter iter = yyjson_obj_iter_with(result);
    yyjson_val *key;

    HS_BUF_ADD_LIT(out, "{\"position\":");
    if (given && !yyjson_is_null(given))
        hs_event_write_json(given, out);
    else
        hs_buf_add_i64(out, implied);
    while ((key = yyjson_obj_iter_next(&iter)) != NULL) {
        if (yyjson_equals_str(key, "position"))
            continue;
        hs_buf_add_char(out, ',');
        hs_event_write_json(key, out);
        hs_buf_add_char(out, ':');
        hs_event_write_json(yyjson_obj_iter_get_val(key), out);
    }
    hs_buf_add_char(out, '}');
}

static int fill_positions(struct hs_intake *intake, struct hs_event *event, struct hs_err *err)
{
    struct hs_buf *out = &intake->rebuilt;
    yyjson_arr_iter iter = yyjson_arr_iter_with(event->v[HS_F_RESULTS].json);
    int64_t position = first_position(event);
    yyjson_val *result;

    hs_buf_reset(out);
    hs_buf_add_char(out, '[');
    while ((result = yyjson_arr_iter_next(&iter)) != NULL) {
        if (iter.idx > 1)
            hs_buf_add_char(out, ',');
        add_result(result, position++, out);
    }
    hs_buf_add_char(out, ']');
    if (!hs_buf_ok(out))
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_LENGTH, "results has more than %zu bytes",
                          out->max);
    hs_event_raw(event, HS_F_RESULTS, hs_buf_str(out));
    return HS_OK;
}

int hs_complete_event(struct hs_intake *intake, struct hs_event *event, size_t index,
                      struct hs_made *made, struct hs_err *err)
{
    int rc;

    HS_ASSERT(event->v[HS_F_EVENT_TYPE].kind == HS_VALUE_STR);
    HS_ASSERT(event->v[HS_F_EVENT_TYPE].str.n > 0);
    rc = check_latency(intake, event, err);
    if (rc == HS_OK)
        rc = set_times(intake, event, err);
    if (rc != HS_OK)
        return rc;
    set_ids(intake, event, index, made);
    lower_hex(event, HS_F_TRACE_ID, made->trace_id, sizeof(made->trace_id));
    lower_hex(event, HS_F_SPAN_ID, made->span_id, sizeof(made->span_id));
    set_defaults(event);
    hide_person(intake, event, made);
    if (hs_user_agent_is_bot(hs_event_get_str(event, HS_F_USER_AGENT)))
        hs_event_bool(event, HS_F_BOT, true);
    rc = hs_scrub_event(intake, event, err);
    if (rc == HS_OK && event->positions_missing && has(event, HS_F_RESULTS))
        rc = fill_positions(intake, event, err);
    if (rc == HS_OK && has(event, HS_F_QUERY) && event->v[HS_F_EVENT_TYPE].str.p[0] == 's')
        rc = normalize_query(intake, event, made, err);
    return rc;
}
