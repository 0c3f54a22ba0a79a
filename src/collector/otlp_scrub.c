#include "collector/otlp_scrub.h"

#include "base/mem.h"
#include "collector/enrich.h"
#include "net/otlp.h"
#include "port/stream.h"

/* What a LEN field holds. */
enum act {
    ACT_UNKNOWN, /* not in the schema: left out when the redactor finds something */
    ACT_KEEP,    /* ids */
    ACT_TEXT,
    ACT_MESSAGE,
};

struct rule {
    unsigned char act;
    unsigned char type; /* MESSAGE: enum hs_otlp_type */
};

enum { NUMBERS = 17 }; /* the highest field number of interest is 16 */

#define TEXT                                                                                       \
    {                                                                                              \
        ACT_TEXT, 0                                                                                \
    }
#define KEEP                                                                                       \
    {                                                                                              \
        ACT_KEEP, 0                                                                                \
    }
#define MESSAGE(type)                                                                              \
    {                                                                                              \
        ACT_MESSAGE, HS_OTLP_TYPE_##type                                                           \
    }

static const struct rule rules[HS_OTLP_TYPE_N][NUMBERS] = {
    [HS_OTLP_TYPE_SPAN] = {[1] = KEEP,
                           [2] = KEEP,
                           [3] = TEXT,
                           [4] = KEEP,
                           [5] = TEXT,
                           [9] = MESSAGE(ATTR),
                           [11] = MESSAGE(EVENT),
                           [13] = MESSAGE(LINK),
                           [15] = MESSAGE(STATUS)},
    [HS_OTLP_TYPE_EVENT] = {[2] = TEXT, [3] = MESSAGE(ATTR)},
    [HS_OTLP_TYPE_LINK] = {[1] = KEEP, [2] = KEEP, [3] = TEXT, [4] = MESSAGE(ATTR)},
    [HS_OTLP_TYPE_STATUS] = {[2] = TEXT},
    [HS_OTLP_TYPE_LOG] = {[3] = TEXT,
                          [5] = MESSAGE(VALUE),
                          [6] = MESSAGE(ATTR),
                          [9] = KEEP,
                          [10] = KEEP,
                          [12] = TEXT},
    [HS_OTLP_TYPE_RESOURCE] = {[1] = MESSAGE(ATTR)},
    [HS_OTLP_TYPE_SCOPE] = {[1] = TEXT, [2] = TEXT, [3] = MESSAGE(ATTR)},
    [HS_OTLP_TYPE_ATTR] = {[1] = KEEP, [2] = MESSAGE(VALUE)},
    [HS_OTLP_TYPE_ENTRY] = {[1] = TEXT, [2] = MESSAGE(VALUE)},
    [HS_OTLP_TYPE_VALUE] = {[1] = TEXT, [5] = MESSAGE(ARRAY), [6] = MESSAGE(KVLIST), [7] = TEXT},
    [HS_OTLP_TYPE_ARRAY] = {[1] = MESSAGE(VALUE)},
    [HS_OTLP_TYPE_KVLIST] = {[1] = MESSAGE(ENTRY)},
};

enum { PERSON_KEY_MIN = 7, PERSON_KEY_MAX = 19 };

/* Attributes that name a person, a client or a session; docs/otlp.md lists them. */
#define KEY(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct hs_str person_keys[] = {
    KEY("user.id"),           KEY("user.name"),         KEY("user.full_name"),
    KEY("user.email"),        KEY("user.hash"),         KEY("enduser.id"),
    KEY("enduser.pseudo.id"), KEY("session.id"),        KEY("session.previous_id"),
    KEY("user_id"),           KEY("session_id"),        KEY("client_id"),
    KEY("client.id"),         KEY("ubi.user_id"),       KEY("ubi.session_id"),
    KEY("ubi.client_id"),     KEY("search.user.id"),    KEY("search.user_id"),
    KEY("search.session.id"), KEY("search.session_id"), KEY("search.client.id"),
    KEY("search.client_id"),
};

void hs_otlp_scrub_init(struct hs_otlp_scrub *scrub)
{
    memset(scrub, 0, sizeof(*scrub));
    hs_buf_init(&scrub->text, 2 * (size_t)HS_STREAM_VALUE_MAX);
}

void hs_otlp_scrub_fini(struct hs_otlp_scrub *scrub)
{
    hs_buf_fini(&scrub->text);
}

static bool is_person_key(struct hs_str key)
{
    size_t i;
    char last;

    if (key.n < PERSON_KEY_MIN || key.n > PERSON_KEY_MAX)
        return false;
    last = key.p[key.n - 1];
    if (last != 'd' && last != 'e' && last != 'l' && last != 'h')
        return false; /* neither "id" nor "name", "email" or "hash": most keys */
    for (i = 0; i < HS_ARRAY_LEN(person_keys); i++) {
        if (hs_str_eq(person_keys[i], key))
            return true;
    }
    return false;
}

/* The redacted form is in scrub->text when true. */
static bool redact(struct hs_otlp_scrub *scrub, struct hs_str text, struct hs_redact_counts *counts)
{
    hs_buf_reset(&scrub->text);
    return text.n > 0 && hs_redactor_apply(scrub->rules->redactor, text, &scrub->text, counts);
}

static bool is_dirty(struct hs_otlp_scrub *scrub, struct hs_str text)
{
    struct hs_redact_counts unused = {0};

    return redact(scrub, text, &unused);
}

static struct rule rule_of(enum hs_otlp_type type, uint32_t tag)
{
    uint32_t number = tag >> 3;

    return number < NUMBERS ? rules[type][number] : (struct rule){ACT_UNKNOWN, 0};
}

static bool is_level(unsigned type)
{
    return type == HS_OTLP_TYPE_ARRAY || type == HS_OTLP_TYPE_KVLIST;
}

static bool is_attr(struct rule rule)
{
    return rule.act == ACT_MESSAGE && rule.type == HS_OTLP_TYPE_ATTR;
}

static bool is_entry(struct rule rule)
{
    return rule.act == ACT_MESSAGE && rule.type == HS_OTLP_TYPE_ENTRY;
}

/* The commonest attribute by far: key, then value, lengths of one byte each. */
static bool read_plain(struct hs_str message, struct hs_str *out_key, struct hs_str *out_value)
{
    const unsigned char *p = (const unsigned char *)message.p;
    size_t key_n, value_n;

    if (message.n < 4 || p[0] != HS_PB_TAG(1, HS_PB_LEN) || p[1] >= 0x80)
        return false;
    key_n = p[1];
    if (message.n < key_n + 4 || p[key_n + 2] != HS_PB_TAG(2, HS_PB_LEN))
        return false;
    value_n = message.n - key_n - 4;
    if (p[key_n + 3] >= 0x80 || p[key_n + 3] != value_n)
        return false;
    *out_key = hs_str_n(p + 2, key_n);
    *out_value = hs_str_n(p + key_n + 4, value_n);
    return true;
}

/* A value that is one string with a length of one byte. */
static bool read_plain_text(struct hs_str value, struct hs_str *out_text)
{
    const unsigned char *p = (const unsigned char *)value.p;

    if (value.n < 2 || p[0] != HS_PB_TAG(1, HS_PB_LEN) || p[1] >= 0x80 || p[1] != value.n - 2)
        return false;
    *out_text = hs_str_n(p + 2, value.n - 2);
    return true;
}

static int check(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                 unsigned depth, struct hs_err *err);

/* An attribute that stands at top level: HS_OTLP_TYPE_ATTR. */
static int check_attr(struct hs_otlp_scrub *scrub, struct hs_str message, struct hs_err *err)
{
    struct hs_otlp_attr attr = {.key = HS_STR_NULL};
    struct hs_str value, text;
    bool plain = read_plain(message, &attr.key, &value);
    int rc;

    if (!plain && hs_otlp_attr_read(message, &attr) != HS_OK)
        return HS_EINVAL;
    if (plain && read_plain_text(value, &text))
        rc = is_dirty(scrub, text);
    else if (plain)
        rc = check(scrub, HS_OTLP_TYPE_VALUE, value, 0, err);
    else
        rc = check(scrub, HS_OTLP_TYPE_ATTR, message, 0, err);
    if (rc == 0 && scrub->rules->pseudonyms && is_person_key(attr.key))
        return 1;
    return rc;
}

/* An entry of a key-value list may name a person as well. */
static int check_entry(struct hs_otlp_scrub *scrub, struct hs_str message, unsigned depth,
                       struct hs_err *err)
{
    struct hs_otlp_attr attr;
    int rc = check(scrub, HS_OTLP_TYPE_ENTRY, message, depth, err);

    if (rc != 0 || hs_otlp_attr_read(message, &attr) != HS_OK)
        return rc;
    return scrub->rules->pseudonyms && is_person_key(attr.key);
}

static int check_field(struct hs_otlp_scrub *scrub, struct rule rule, struct hs_str bytes,
                       unsigned depth, struct hs_err *err)
{
    switch (rule.act) {
    case ACT_KEEP: return 0;
    case ACT_TEXT:
    case ACT_UNKNOWN: return is_dirty(scrub, bytes);
    default: break;
    }
    if (rule.type == HS_OTLP_TYPE_ATTR)
        return check_attr(scrub, bytes, err);
    if (is_level(rule.type) && ++depth > HS_OTLP_DEPTH_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "a value nests deeper than %d levels",
                          HS_OTLP_DEPTH_MAX);
    if (rule.type == HS_OTLP_TYPE_ENTRY)
        return check_entry(scrub, bytes, depth, err);
    return check(scrub, rule.type, bytes, depth, err);
}

static int check(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                 unsigned depth, struct hs_err *err)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;
    unsigned attrs_n = 0;
    int dirty = 0, rc;

    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        struct rule rule = rule_of(type, field.tag);

        if ((field.tag & 7) != HS_PB_LEN)
            continue;
        if (is_attr(rule) && ++attrs_n > HS_OTLP_ATTRIBUTES_MAX)
            return hs_err_set(err, HS_ELIMIT, 0, "more than %d attributes", HS_OTLP_ATTRIBUTES_MAX);
        rc = check_field(scrub, rule, field.bytes, depth, err);
        if (rc < 0)
            return rc;
        dirty |= rc;
    }
    return rc < 0 ? rc : dirty;
}

static int explain(int rc, struct hs_err *err)
{
    if (rc == HS_EINVAL)
        hs_err_set(err, rc, 0, "OTLP: malformed protobuf inside");
    return rc;
}

int hs_otlp_scrub_check(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                        struct hs_err *err)
{
    return explain(check(scrub, type, message, 0, err), err);
}

int hs_otlp_scrub_field(struct hs_otlp_scrub *scrub, enum hs_otlp_type type,
                        const struct hs_pb_field *field, struct hs_err *err)
{
    struct rule rule = rule_of(type, field->tag);

    return explain(check_field(scrub, rule, field->bytes, 0, err), err);
}

static uint32_t number_of(const struct hs_pb_field *field)
{
    return field->tag >> 3;
}

static void write_text(struct hs_otlp_scrub *scrub, const struct hs_pb_field *field,
                       struct hs_buf *out)
{
    if (redact(scrub, field->bytes, scrub->counts))
        hs_pb_add_bytes(out, number_of(field), hs_buf_str(&scrub->text));
    else
        hs_buf_add_str(out, field->whole);
}

static void write_pseudonym(struct hs_otlp_scrub *scrub, const struct hs_otlp_attr *attr,
                            struct hs_buf *out)
{
    char pseudonym[HS_PSEUDONYM_TEXT];
    size_t mark;

    hs_buf_reset(&scrub->text);
    hs_otlp_value_text(&attr->value, &scrub->text);
    hs_pb_add_bytes(out, 1, attr->key);
    mark = hs_pb_open(out, 2);
    if (scrub->text.n > 0) {
        hs_pseudonym(scrub->rules->pseudonym_key, hs_buf_str(&scrub->text), pseudonym);
        hs_pb_add_bytes(out, 1, hs_str_n(pseudonym, sizeof(pseudonym)));
    }
    hs_pb_close(out, mark);
}

static bool write_person(struct hs_otlp_scrub *scrub, struct hs_str message, struct hs_buf *out)
{
    struct hs_otlp_attr attr;

    if (!scrub->rules->pseudonyms || hs_otlp_attr_read(message, &attr) != HS_OK ||
        !is_person_key(attr.key))
        return false;
    write_pseudonym(scrub, &attr, out);
    return true;
}

/* Whether the attribute is to be left out, because its person refused. */
static bool drop_person(struct hs_otlp_scrub *scrub, struct rule rule, struct hs_str message)
{
    struct hs_otlp_attr attr;

    if (!scrub->drop_persons || !(is_attr(rule) || is_entry(rule)) ||
        hs_otlp_attr_read(message, &attr) != HS_OK || !is_person_key(attr.key))
        return false;
    scrub->persons_dropped++;
    return true;
}

/* Recursion: check has bounded the depth. */
static void write_fields(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                         struct hs_buf *out)
{
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb_field field;

    while (hs_pb_next(&pb, &field) > 0) {
        struct rule rule = rule_of(type, field.tag);
        size_t mark;

        if ((field.tag & 7) != HS_PB_LEN || rule.act == ACT_KEEP) {
            hs_buf_add_str(out, field.whole);
        } else if (drop_person(scrub, rule, field.bytes)) {
            continue;
        } else if (rule.act == ACT_TEXT) {
            write_text(scrub, &field, out);
        } else if (rule.act == ACT_MESSAGE) {
            mark = hs_pb_open(out, number_of(&field));
            hs_otlp_scrub_write(scrub, rule.type, field.bytes, out);
            hs_pb_close(out, mark);
        } else if (!redact(scrub, field.bytes, scrub->counts)) {
            hs_buf_add_str(out, field.whole);
        }
    }
}

void hs_otlp_scrub_write(struct hs_otlp_scrub *scrub, enum hs_otlp_type type, struct hs_str message,
                         struct hs_buf *out)
{
    bool names = type == HS_OTLP_TYPE_ATTR || type == HS_OTLP_TYPE_ENTRY;

    if (!names || !write_person(scrub, message, out))
        write_fields(scrub, type, message, out);
}
