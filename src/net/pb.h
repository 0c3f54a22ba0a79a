/*
 * The protobuf wire format, for bytes from anybody: a reader that never looks past the end, a
 * writer into struct hs_buf, and a writer from back to front, which knows each length when it needs
 * it.
 *
 *     message = field*
 *     field   = tag payload            tag = varint(number << 3 | wire type)
 *     payload = varint | 8 bytes | varint(n) n bytes | 4 bytes
 *
 * Groups (wire types 3 and 4) are refused. All calls: @thread any.
 */
#ifndef HS_NET_PB_H
#define HS_NET_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum hs_pb_wire { HS_PB_VARINT = 0, HS_PB_I64 = 1, HS_PB_LEN = 2, HS_PB_I32 = 5 };

/* A field number and its wire type as one number, for switch. */
#define HS_PB_TAG(number, wire) (((uint32_t)(number) << 3) | (uint32_t)(wire))

enum { HS_PB_VARINT_MAX = 10 };

/* What of a message is still to be read. */
struct hs_pb {
    const unsigned char *p, *end; /* borrowed */
};

struct hs_pb_field {
    uint32_t tag;        /* HS_PB_TAG */
    uint64_t value;      /* VARINT, I64, I32 */
    struct hs_str bytes; /* LEN */
    struct hs_str whole; /* the field with its tag, for copying */
};

static inline struct hs_pb hs_pb_of(struct hs_str message)
{
    const unsigned char *p = (const unsigned char *)(message.p ? message.p : "");

    return (struct hs_pb){p, p + message.n};
}

/* Two bytes and more; false when it is cut off or longer than ten bytes. */
bool hs_pb_varint_slow(struct hs_pb *pb, uint64_t *out);

static inline bool hs_pb_varint(struct hs_pb *pb, uint64_t *out)
{
    if (__builtin_expect(pb->p < pb->end && *pb->p < 0x80, 1)) {
        *out = *pb->p++;
        return true;
    }
    return hs_pb_varint_slow(pb, out);
}

static inline bool hs_pb_fixed(struct hs_pb *pb, size_t n, uint64_t *out)
{
    uint64_t value = 0;

    if ((size_t)(pb->end - pb->p) < n)
        return false;
    memcpy(&value, pb->p, n); /* the format is little-endian, as are our machines */
    pb->p += n;
    *out = value;
    return true;
}

static inline bool hs_pb_payload(struct hs_pb *pb, struct hs_pb_field *field)
{
    switch (field->tag & 7) {
    case HS_PB_LEN:
        if (!hs_pb_varint(pb, &field->value) || field->value > (uint64_t)(pb->end - pb->p))
            return false;
        field->bytes = hs_str_n(pb->p, (size_t)field->value);
        pb->p += field->value;
        return true;
    case HS_PB_VARINT: return hs_pb_varint(pb, &field->value);
    case HS_PB_I64: return hs_pb_fixed(pb, 8, &field->value);
    case HS_PB_I32: return hs_pb_fixed(pb, 4, &field->value);
    default: return false;
    }
}

/* Reads one field. 1: *field is filled; 0: the message is at its end; HS_EINVAL: cut off, a length
 * past the end, a group, or field number 0; pb->p then stands near the fault. */
static inline int hs_pb_next(struct hs_pb *pb, struct hs_pb_field *field)
{
    const unsigned char *at = pb->p;
    uint64_t tag;

    if (at == pb->end)
        return 0;
    if (!hs_pb_varint(pb, &tag) || tag < 8 || tag > UINT32_MAX)
        return HS_EINVAL;
    field->tag = (uint32_t)tag;
    if (!hs_pb_payload(pb, field))
        return HS_EINVAL;
    field->whole = hs_str_n(at, (size_t)(pb->p - at));
    return 1;
}

static inline double hs_pb_double(uint64_t bits)
{
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Bytes that the varint of v takes. */
static inline size_t hs_pb_varint_size(uint64_t v)
{
    return (size_t)(63 - __builtin_clzll(v | 1)) / 7 + 1;
}

/* Appending. A buffer that is full says so through hs_buf_ok. */
void hs_pb_add_uint(struct hs_buf *buf, uint32_t number, uint64_t v);
void hs_pb_add_fixed32(struct hs_buf *buf, uint32_t number, uint32_t v);
void hs_pb_add_fixed64(struct hs_buf *buf, uint32_t number, uint64_t v);
void hs_pb_add_double(struct hs_buf *buf, uint32_t number, double v);
void hs_pb_add_bytes(struct hs_buf *buf, uint32_t number, struct hs_str bytes);

/* A message inside a message: open returns a mark, close puts the length in front of all that was
 * appended since. Pairs nest. */
size_t hs_pb_open(struct hs_buf *buf, uint32_t number);
void hs_pb_close(struct hs_buf *buf, size_t mark);

/* Writing from back to front into memory of known size. The caller reserves enough; what does not
 * fit is a bug and asserted. */
struct hs_pb_back {
    char *base; /* lowest address that may be written */
    char *p;    /* everything from here to the end is written */
};

void hs_pb_back_raw(struct hs_pb_back *back, struct hs_str bytes);
/* Tag and length of a LEN field whose n bytes of payload were written just before. */
void hs_pb_back_head(struct hs_pb_back *back, uint32_t number, size_t n);
/* A whole LEN field; nothing when it is empty. */
void hs_pb_back_bytes(struct hs_pb_back *back, uint32_t number, struct hs_str bytes);

#endif
