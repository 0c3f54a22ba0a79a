/*
 * Content codings: gzip, deflate and zstd in both directions, with caps against bombs.
 *
 * A decoder takes a body in pieces of any size and appends what comes out to a buffer whose maximum
 * is the cap. Beside the cap it refuses an output that is more than HS_INFLATE_RATIO_MAX times its
 * input once it is larger than 1 MiB, and zstd windows above 8 MiB (the bound of RFC 9659).
 * "deflate" is the zlib format (RFC 1950); a raw deflate stream is accepted too, because some
 * clients send it. Several gzip members or zstd frames behind each other are one body.
 */
#ifndef HS_NET_COMPRESS_H
#define HS_NET_COMPRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum hs_coding {
    HS_CODING_IDENTITY,
    HS_CODING_GZIP,
    HS_CODING_DEFLATE,
    HS_CODING_ZSTD,
};

enum { HS_INFLATE_RATIO_MAX = 1000 };

/* The coding's word as in Content-Encoding: "identity", "gzip", "deflate", "zstd". @thread any */
const char *hs_coding_name(enum hs_coding coding);
/* Any case; "x-gzip" is gzip, the empty word is identity. HS_EUNSUP for other words, also for lists
 * of codings; the message names those that are supported. */
int hs_coding_parse(struct hs_str word, enum hs_coding *out, struct hs_err *err);
/* The best of zstd, gzip and identity that an Accept-Encoding value allows; identity for the null
 * view. Weights of 0 exclude, "*" stands for both. */
enum hs_coding hs_coding_accept(struct hs_str accept_encoding);

struct hs_inflate;

/* A decoder of one body. Not for HS_CODING_IDENTITY. Never NULL. */
struct hs_inflate *hs_inflate_new(enum hs_coding coding);
/* Ready for another body, its memory kept. */
void hs_inflate_reset(struct hs_inflate *decoder);
enum hs_coding hs_inflate_coding(const struct hs_inflate *decoder);
/*
 * Decodes the next piece and appends to out, whose maximum (less `keep` bytes that the caller wants
 * to have free behind the end) is the cap.
 * HS_ELIMIT: cap, ratio or window; HS_EINVAL: the data is not of that coding, or goes on behind its
 * end. After an error the decoder must be reset.
 */
int hs_inflate_feed(struct hs_inflate *decoder, struct hs_str in, size_t keep, struct hs_buf *out,
                    struct hs_err *err);
/* HS_EINVAL when the data stopped before its end. A body of no bytes is cut short too. */
int hs_inflate_end(const struct hs_inflate *decoder, struct hs_err *err);
void hs_inflate_free(struct hs_inflate *decoder); /* NULL is a no-op */

/* A whole body at once: reset, feed, end. */
int hs_inflate_all(enum hs_coding coding, struct hs_str in, struct hs_buf *out, struct hs_err *err);

/* Appends the compressed form of `in`. level 0 takes a fast default (gzip and deflate 4, zstd 3).
 * HS_ELIMIT: the worst case of the result (a little more than the input) does not fit out's
 * maximum; then out is as before. Identity copies. */
int hs_compress(enum hs_coding coding, int level, struct hs_str in, struct hs_buf *out,
                struct hs_err *err);

#endif
