/*
 * OTLP messages of random shape, from the descriptors of the generated decoder: every field of the
 * schema, in any order, unknown fields between them. For tests that have the oracle.
 */
#ifndef HS_TESTS_SUPPORT_OTLP_RANDOM_H
#define HS_TESTS_SUPPORT_OTLP_RANDOM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <protobuf-c/protobuf-c.h>

#include "base/rand.h"
#include "net/pb.h"

enum { DEPTH_MAX = 12 };

static void add_random_message(struct hs_rand *rand, const ProtobufCMessageDescriptor *type,
                               int depth, struct hs_buf *out);

static void add_random_text(struct hs_rand *rand, struct hs_buf *out)
{
    size_t n = hs_rand_below(rand, 10) == 0 ? 200 : hs_rand_below(rand, 12);

    while (n-- > 0)
        hs_buf_add_char(out, (char)('a' + (char)hs_rand_below(rand, 26)));
}

static uint64_t random_number(struct hs_rand *rand)
{
    return hs_rand_u64(rand) >> hs_rand_below(rand, 64);
}

static void add_random_field(struct hs_rand *rand, const ProtobufCFieldDescriptor *field, int depth,
                             struct hs_buf *out)
{
    size_t mark;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        mark = hs_pb_open(out, field->id);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            add_random_message(rand, field->descriptor, depth + 1, out);
        else
            add_random_text(rand, out);
        hs_pb_close(out, mark);
        break;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: hs_pb_add_fixed64(out, field->id, random_number(rand)); break;
    case PROTOBUF_C_TYPE_FIXED32:
        hs_pb_add_fixed32(out, field->id, (uint32_t)random_number(rand));
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_INT32:
        hs_pb_add_uint(out, field->id, random_number(rand) & INT32_MAX);
        break;
    case PROTOBUF_C_TYPE_BOOL: hs_pb_add_uint(out, field->id, hs_rand_below(rand, 2)); break;
    case PROTOBUF_C_TYPE_INT64: hs_pb_add_uint(out, field->id, random_number(rand)); break;
    default: fail_msg("the schema has a field of type %d", field->type);
    }
}

static void add_unknown_field(struct hs_rand *rand, struct hs_buf *out)
{
    uint32_t number = 2000 + (uint32_t)hs_rand_below(rand, 100000);

    if (hs_rand_below(rand, 2))
        hs_pb_add_uint(out, number, random_number(rand));
    else
        hs_pb_add_bytes(out, number, HS_STR("\xff\x00unknown"));
}

static bool is_container(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE;
}

/* Fields start at a random one, so that their order varies; a field of a oneof comes alone. */
static void add_random_message(struct hs_rand *rand, const ProtobufCMessageDescriptor *type,
                               int depth, struct hs_buf *out)
{
    unsigned start = (unsigned)hs_rand_below(rand, type->n_fields), i, times;

    for (i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[(start + i) % type->n_fields];

        if (depth > DEPTH_MAX && is_container(field))
            continue;
        if (hs_rand_below(rand, 20) == 0)
            add_unknown_field(rand, out);
        times = field->label == PROTOBUF_C_LABEL_REPEATED
                    ? (unsigned)hs_rand_below(rand, depth < 4 ? 5 : 3)
                    : hs_rand_below(rand, 4) > 0;
        while (times-- > 0)
            add_random_field(rand, field, depth, out);
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            return;
    }
}

#endif
