/*
 * Bounded reading of binary forms that base/buf.h writes. A read past the end, or a varint that
 * does not fit, sets `failed`, returns 0 or the null view, and so do all later reads: check
 * once at the end with hs_reader_ok(). Lengths are checked against what is left, so hostile
 * bytes are safe.
 */
#ifndef HS_BASE_READER_H
#define HS_BASE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct hs_reader {
    const unsigned char *p;
    const unsigned char *end;
    bool failed;
};

static inline struct hs_reader hs_reader_of(struct hs_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;

    return (struct hs_reader){.p = p, .end = p + s.n};
}

/* Nothing failed. */
static inline bool hs_reader_ok(const struct hs_reader *reader)
{
    return !reader->failed;
}

static inline bool hs_reader_at_end(const struct hs_reader *reader)
{
    return reader->p == reader->end;
}

static inline struct hs_str hs_reader_bytes(struct hs_reader *reader, uint64_t n)
{
    struct hs_str s;

    if (reader->failed || n > (uint64_t)(reader->end - reader->p)) {
        reader->failed = true;
        return HS_STR_NULL;
    }
    s = hs_str_n(reader->p, (size_t)n);
    reader->p += n;
    return s;
}

static inline uint64_t hs_reader_varint(struct hs_reader *reader)
{
    uint64_t v = 0;
    unsigned shift;

    for (shift = 0; shift < 64; shift += 7) {
        uint64_t byte;

        if (reader->failed || reader->p == reader->end)
            break;
        byte = *reader->p++;
        if (shift == 63 && byte > 1)
            break;
        v |= (byte & 0x7F) << shift;
        if (byte < 0x80)
            return v;
    }
    reader->failed = true;
    return 0;
}

/* varint length, then the bytes */
static inline struct hs_str hs_reader_str(struct hs_reader *reader)
{
    return hs_reader_bytes(reader, hs_reader_varint(reader));
}

#endif
