#include "net/pb.h"

#include "base/mem.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fixed fields are copied as they are");

bool hs_pb_varint_slow(struct hs_pb *pb, uint64_t *out)
{
    const unsigned char *p = pb->p;
    uint64_t value = 0;
    unsigned shift;

    for (shift = 0; shift < 7 * HS_PB_VARINT_MAX; shift += 7) {
        if (p == pb->end)
            return false;
        value |= (uint64_t)(*p & 0x7F) << shift; /* the tenth byte's upper bits fall off */
        if (*p++ < 0x80) {
            pb->p = p;
            *out = value;
            return true;
        }
    }
    return false;
}

static void add_tag(struct hs_buf *buf, uint32_t number, enum hs_pb_wire wire)
{
    hs_buf_add_varint(buf, HS_PB_TAG(number, wire));
}

void hs_pb_add_uint(struct hs_buf *buf, uint32_t number, uint64_t v)
{
    add_tag(buf, number, HS_PB_VARINT);
    hs_buf_add_varint(buf, v);
}

void hs_pb_add_fixed32(struct hs_buf *buf, uint32_t number, uint32_t v)
{
    add_tag(buf, number, HS_PB_I32);
    hs_buf_add_le32(buf, v);
}

void hs_pb_add_fixed64(struct hs_buf *buf, uint32_t number, uint64_t v)
{
    add_tag(buf, number, HS_PB_I64);
    hs_buf_add_le64(buf, v);
}

void hs_pb_add_double(struct hs_buf *buf, uint32_t number, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    hs_pb_add_fixed64(buf, number, bits);
}

void hs_pb_add_bytes(struct hs_buf *buf, uint32_t number, struct hs_str bytes)
{
    add_tag(buf, number, HS_PB_LEN);
    hs_buf_add_varint(buf, bytes.n);
    hs_buf_add_str(buf, bytes);
}

size_t hs_pb_open(struct hs_buf *buf, uint32_t number)
{
    add_tag(buf, number, HS_PB_LEN);
    return buf->n;
}

/* Puts the varint at p, returns the address behind it. */
static char *put_varint(char *p, uint64_t v)
{
    while (v >= 0x80) {
        *p++ = (char)(v | 0x80);
        v >>= 7;
    }
    *p++ = (char)v;
    return p;
}

void hs_pb_close(struct hs_buf *buf, size_t mark)
{
    size_t n = buf->n - mark;
    size_t size = hs_pb_varint_size(n);
    char *at;

    if (!hs_buf_reserve(buf, size))
        return;
    at = buf->p + mark;
    memmove(at + size, at, n);
    put_varint(at, n);
    buf->n += size;
}

static char *back_take(struct hs_pb_back *back, size_t n)
{
    HS_ASSERT(n <= (size_t)(back->p - back->base));
    back->p -= n;
    return back->p;
}

void hs_pb_back_raw(struct hs_pb_back *back, struct hs_str bytes)
{
    char *at = back_take(back, bytes.n);

    if (bytes.n > 0)
        memcpy(at, bytes.p, bytes.n);
}

void hs_pb_back_head(struct hs_pb_back *back, uint32_t number, size_t n)
{
    uint32_t tag = HS_PB_TAG(number, HS_PB_LEN);
    char *at = back_take(back, hs_pb_varint_size(tag) + hs_pb_varint_size(n));

    put_varint(put_varint(at, tag), n);
}

void hs_pb_back_bytes(struct hs_pb_back *back, uint32_t number, struct hs_str bytes)
{
    if (bytes.n == 0)
        return;
    hs_pb_back_raw(back, bytes);
    hs_pb_back_head(back, number, bytes.n);
}
