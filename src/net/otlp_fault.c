#include "net/otlp_fault.h"

#include <stdio.h>

#include "base/mem.h"
#include "net/otlp_schema.h"
#include "net/pb.h"

enum { NUMBERS = 17 }; /* the highest field number of the schema is 16 */

struct search {
    struct hs_str body;
    struct hs_err *err;
};

static const struct hs_otlp_member *find(const struct hs_otlp_member *members, uint32_t number)
{
    for (; members->name; members++) {
        if (members->number == number)
            return members;
    }
    return NULL;
}

/* What is wrong with the payload of the field at pb, behind its tag. */
static void describe_payload(struct hs_pb pb, unsigned wire, const char *field, char *out,
                             size_t max)
{
    size_t left = (size_t)(pb.end - pb.p);
    uint64_t n = 0;

    switch (wire) {
    case HS_PB_VARINT:
        snprintf(out, max, "the varint of %s is cut off or longer than 10 bytes", field);
        break;
    case HS_PB_LEN:
        if (!hs_pb_varint(&pb, &n))
            snprintf(out, max, "the length of %s is cut off or longer than 10 bytes", field);
        else
            snprintf(out, max, "%s has %llu bytes, but only %zu are left", field,
                     (unsigned long long)n, (size_t)(pb.end - pb.p));
        break;
    case HS_PB_I64:
    case HS_PB_I32:
        snprintf(out, max, "%s must have %d bytes, but only %zu are left", field,
                 wire == HS_PB_I64 ? 8 : 4, left);
        break;
    default:
        snprintf(out, max, "%s has the wire type %u, must be 0, 1, 2 or 5", field, wire);
        break;
    }
}

/* What is wrong with the field at pb. */
static void describe(struct hs_pb pb, const struct hs_otlp_member *members, char *out, size_t max)
{
    const struct hs_otlp_member *member;
    char field[80];
    uint64_t tag = 0;

    if (!hs_pb_varint(&pb, &tag)) {
        snprintf(out, max, "the tag of a field is cut off or longer than 10 bytes");
        return;
    }
    if (tag < 8 || tag > UINT32_MAX) {
        snprintf(out, max, "a field has the number %llu, must be from 1 to 536870911",
                 (unsigned long long)tag >> 3);
        return;
    }
    member = find(members, (uint32_t)tag >> 3);
    if (member)
        snprintf(field, sizeof(field), "field %u (%s)", (unsigned)tag >> 3, member->name);
    else
        snprintf(field, sizeof(field), "field %u", (unsigned)tag >> 3);
    describe_payload(pb, (unsigned)tag & 7, field, out, max);
}

static int report(const struct search *search, const struct hs_otlp_step *step,
                  const struct hs_otlp_member *members, struct hs_pb at)
{
    const char *hint = "";
    char path[200];
    char what[160];

    hs_otlp_step_path(step, path, sizeof(path));
    describe(at, members, what, sizeof(what));
    if (search->body.p[0] == '{')
        hint = " (the body looks like JSON: its Content-Type is application/json)";
    return hs_err_set(search->err, HS_EINVAL, 0,
                      "OTLP: malformed protobuf at byte %zu of %zu, in %s: %s%s",
                      (size_t)((const char *)at.p - search->body.p), search->body.n, path, what,
                      hint);
}

/* Recursion: bounded by the step's depth. */
static int walk(const struct search *search, const struct hs_otlp_member *members,
                struct hs_str message, const struct hs_otlp_step *step)
{
    struct hs_otlp_step inner = {.up = step, .depth = step->depth + 1};
    size_t counts[NUMBERS] = {0};
    struct hs_pb pb = hs_pb_of(message);
    struct hs_pb at = pb;
    struct hs_pb_field field;
    int rc;

    while ((rc = hs_pb_next(&pb, &field)) > 0) {
        const struct hs_otlp_member *member = find(members, field.tag >> 3);

        at = pb;
        if (!member || !member->message || (field.tag & 7) != HS_PB_LEN ||
            inner.depth > HS_OTLP_FAULT_DEPTH_MAX)
            continue;
        inner.name = member->name;
        inner.indexed = member->repeated;
        inner.index = counts[member->number]++;
        rc = walk(search, member->message, field.bytes, &inner);
        if (rc < 0)
            return rc;
    }
    return rc < 0 ? report(search, step, members, at) : HS_OK;
}

int hs_otlp_fault_find(enum hs_otlp_signal signal, struct hs_str body, struct hs_err *err)
{
    const struct search search = {.body = body, .err = err};
    const struct hs_otlp_step root = {.name = NULL};

    return walk(&search, hs_otlp_members(signal), body, &root);
}
