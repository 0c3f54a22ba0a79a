/*
 * The bytes of a segment: pure functions over memory, no I/O. All integers are little-endian.
 *
 * A segment file is a head of 256 bytes and then records, back to back:
 *
 *     head     0  8  magic "HSSEG001"
 *              8  4  CRC32C of bytes 12..255
 *             12  4  zero
 *             16  8  base: log position of the file's first byte (also the file's name)
 *             24 36  stream id (UUID text)
 *             60  4  zero
 *             64 8×24 for each topic the offset that its first message here gets
 *
 *     record   0  4  magic "HSR1"
 *              4  4  CRC32C of bytes 8..63 and the tenant, begun from the CRC32C of the stream id
 *              8  4  body bytes as stored
 *             12  4  CRC32C of the body as stored
 *             16  8  offset of the first message in its topic
 *             24  8  wall clock of the append, ns since 1970
 *             32  8  log position at which the commit that wrote this record began
 *             40  8  log position of this record
 *             48  4  messages in the body
 *             52  4  body bytes before compression
 *             56  4  schema version of the messages
 *             60  1  topic
 *             61  1  codec: 0 none, 1 LZ4 block, 2 Zstandard frame
 *             62  2  tenant bytes
 *             64     tenant, body
 *
 *     body     for each message: varint key bytes, key, varint value bytes, value
 *
 * A log position is a file's base plus the place in that file. Its presence in each record keeps
 * bytes of a message that look like a record from being taken for one. The commit position tells a
 * torn tail from rot: commits follow each other, each synced before the next is written, so a
 * record whose commit began behind place P proves that P was on disk.
 */
#ifndef HS_BACKEND_STREAM_LOCAL_SEGMENT_H
#define HS_BACKEND_STREAM_LOCAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "base/str.h"
#include "port/stream.h"

enum {
    HS_SEGMENT_HEAD_BYTES = 256,
    HS_SEGMENT_TOPICS = 24,       /* topics that the format has room for; HS_TOPIC_N are in use */
    HS_SEGMENT_RECORD_BYTES = 64, /* a record's head without its tenant */
    /* Bytes of a body before compression: the largest batch and its length prefixes. */
    HS_SEGMENT_RAW_MAX = HS_STREAM_BATCH_BYTES_MAX + 8 * HS_STREAM_BATCH_MAX,
};

enum hs_segment_codec {
    HS_SEGMENT_NONE,
    HS_SEGMENT_LZ4,
    HS_SEGMENT_ZSTD,
};

struct hs_segment_head {
    uint64_t base;
    char stream_id[HS_UUID_TEXT];
    uint64_t first[HS_SEGMENT_TOPICS];
};

struct hs_segment_record {
    uint32_t body_n;
    uint32_t body_crc;
    uint64_t offset;
    int64_t appended_ns;
    uint64_t commit_pos;
    uint64_t pos;
    uint32_t count;
    uint32_t raw_n;
    uint32_t schema_version;
    uint8_t topic;
    uint8_t codec;
    struct hs_str tenant; /* a view into the parsed bytes */
};

/* Where the header CRCs of a stream's records begin. @thread any */
uint32_t hs_segment_seed(const char stream_id[HS_UUID_TEXT]);

void hs_segment_put_head(const struct hs_segment_head *head, char out[HS_SEGMENT_HEAD_BYTES]);
/* HS_ECORRUPT: too short, wrong magic or wrong CRC. */
int hs_segment_parse_head(const char *p, size_t n, struct hs_segment_head *out);

/* Writes the record's head to out; the tenant already stands behind it, at out + 64. */
void hs_segment_put_record(const struct hs_segment_record *record, uint32_t seed, char *out);
/* Parses the head and tenant of the record that stands at log position `pos`. n may be less than
 * the whole record. HS_ECORRUPT: anything but such a record with fields within the limits. */
int hs_segment_parse_record(const char *p, size_t n, uint32_t seed, uint64_t pos,
                            struct hs_segment_record *out);
/* Bytes of the whole record. */
uint64_t hs_segment_record_bytes(const struct hs_segment_record *record);
/* The first place in p[0..n) where a record's magic begins, n when there is none. A magic cut by
 * the end counts as none. */
size_t hs_segment_find_magic(const char *p, size_t n);

/* Bytes of the messages as a body. */
uint64_t hs_segment_body_bytes(const struct hs_message *messages, size_t n);
/* Writes the body, hs_segment_body_bytes() long, to out. */
void hs_segment_put_body(const struct hs_message *messages, size_t n, char *out);

/* Decompresses a stored body of record->body_n bytes, whose CRC was checked, into out, which has
 * room for record->raw_n bytes. HS_ECORRUPT when it does not give exactly that many. */
int hs_segment_decode(const struct hs_segment_record *record, const char *body, char *out);
/* Whether a body holds exactly `count` messages and nothing behind: HS_OK or HS_ECORRUPT. */
int hs_segment_check_body(struct hs_str body, uint32_t count);
/* Takes the next message off *rest, a body that hs_segment_check_body() accepted. */
struct hs_message hs_segment_next_message(struct hs_str *rest);

#endif
