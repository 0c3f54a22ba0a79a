#include "net/compress.h"

#include <limits.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/mem.h"

enum {
    RATIO_CHECK_BYTES = 1 << 20, /* below this output the ratio does not matter */
    GROW_MIN = 16 << 10,
    ZSTD_WINDOW_LOG = 23,
    GZIP_WINDOW = 15 + 16, /* zlib's way to ask for the gzip wrapper */
    GZIP_LEVEL = 4,
    ZSTD_LEVEL = 3,
};

static const struct {
    const char *word;
    enum hs_coding coding;
} codings[] = {
    {"", HS_CODING_IDENTITY},   {"identity", HS_CODING_IDENTITY}, {"gzip", HS_CODING_GZIP},
    {"x-gzip", HS_CODING_GZIP}, {"deflate", HS_CODING_DEFLATE},   {"zstd", HS_CODING_ZSTD},
};

struct hs_inflate {
    enum hs_coding coding;
    z_stream z;
    ZSTD_DCtx *zstd;
    bool started; /* a byte has come in */
    bool at_end;  /* the last member or frame is complete */
    bool raw;     /* deflate without the zlib wrapper */
    uint64_t in_bytes;
    uint64_t out_bytes;
};

const char *hs_coding_name(enum hs_coding coding)
{
    static const char *const names[] = {"identity", "gzip", "deflate", "zstd"};

    HS_ASSERT((size_t)coding < HS_ARRAY_LEN(names));
    return names[coding];
}

int hs_coding_parse(struct hs_str word, enum hs_coding *out, struct hs_err *err)
{
    struct hs_str trimmed = hs_str_trim(word);

    for (size_t i = 0; i < HS_ARRAY_LEN(codings); i++) {
        if (!hs_str_ieq(trimmed, hs_str_c(codings[i].word)))
            continue;
        *out = codings[i].coding;
        return HS_OK;
    }
    return hs_err_set(err, HS_EUNSUP, 0,
                      "Content-Encoding is \"%.*s\", supported are gzip, deflate, zstd, identity",
                      (int)HS_MIN(trimmed.n, (size_t)64), trimmed.p);
}

/* The weight of one element ("gzip;q=0.5") in thousandths; 1000 without a valid one. */
static unsigned parse_weight(struct hs_str params)
{
    struct hs_str param;
    double q;

    while (hs_str_split(&params, ';', &param)) {
        param = hs_str_trim(param);
        if (param.n < 3 || (param.p[0] != 'q' && param.p[0] != 'Q') || param.p[1] != '=')
            continue;
        if (hs_str_to_double(hs_str_n(param.p + 2, param.n - 2), &q) != HS_OK || q < 0 || q > 1)
            return 0;
        return (unsigned)(q * 1000);
    }
    return 1000;
}

enum hs_coding hs_coding_accept(struct hs_str accept_encoding)
{
    int weight[] = {[HS_CODING_IDENTITY] = -1,
                    [HS_CODING_GZIP] = -1,
                    [HS_CODING_DEFLATE] = -1,
                    [HS_CODING_ZSTD] = -1};
    int any = 0;
    struct hs_str rest = accept_encoding;
    struct hs_str element;
    enum hs_coding coding;

    if (!accept_encoding.p)
        return HS_CODING_IDENTITY;
    while (hs_str_split(&rest, ',', &element)) {
        struct hs_str word = HS_STR_NULL;
        struct hs_str params = element;

        hs_str_split(&params, ';', &word);
        word = hs_str_trim(word);
        if (hs_str_eq_c(word, "*"))
            any = (int)parse_weight(params);
        else if (word.n > 0 && hs_coding_parse(word, &coding, NULL) == HS_OK)
            weight[coding] = (int)parse_weight(params);
    }
    if (weight[HS_CODING_ZSTD] < 0)
        weight[HS_CODING_ZSTD] = any;
    if (weight[HS_CODING_GZIP] < 0)
        weight[HS_CODING_GZIP] = any;
    if (weight[HS_CODING_ZSTD] > 0 && weight[HS_CODING_ZSTD] >= weight[HS_CODING_GZIP])
        return HS_CODING_ZSTD;
    return weight[HS_CODING_GZIP] > 0 ? HS_CODING_GZIP : HS_CODING_IDENTITY;
}

struct hs_inflate *hs_inflate_new(enum hs_coding coding)
{
    struct hs_inflate *decoder = hs_xalloc(sizeof(*decoder));
    int rc;

    HS_ASSERT(coding != HS_CODING_IDENTITY);
    decoder->coding = coding;
    if (coding == HS_CODING_ZSTD) {
        decoder->zstd = ZSTD_createDCtx();
        HS_ASSERT(decoder->zstd != NULL);
        ZSTD_DCtx_setParameter(decoder->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
        return decoder;
    }
    rc = inflateInit2(&decoder->z, coding == HS_CODING_GZIP ? GZIP_WINDOW : MAX_WBITS);
    HS_ASSERT(rc == Z_OK);
    return decoder;
}

static void reset_zlib(struct hs_inflate *decoder, int window)
{
    int rc = inflateReset2(&decoder->z, window);

    HS_ASSERT(rc == Z_OK);
}

void hs_inflate_reset(struct hs_inflate *decoder)
{
    decoder->started = false;
    decoder->at_end = false;
    decoder->raw = false;
    decoder->in_bytes = 0;
    decoder->out_bytes = 0;
    if (decoder->zstd)
        ZSTD_DCtx_reset(decoder->zstd, ZSTD_reset_session_only);
    else
        reset_zlib(decoder, decoder->coding == HS_CODING_GZIP ? GZIP_WINDOW : MAX_WBITS);
}

enum hs_coding hs_inflate_coding(const struct hs_inflate *decoder)
{
    return decoder->coding;
}

void hs_inflate_free(struct hs_inflate *decoder)
{
    if (!decoder)
        return;
    if (decoder->zstd)
        ZSTD_freeDCtx(decoder->zstd);
    else
        inflateEnd(&decoder->z);
    hs_free(decoder);
}

/* Room to write into, never beyond the cap; 0 when the cap is reached. */
static size_t make_room(struct hs_buf *out, size_t in_left, size_t keep)
{
    size_t cap = out->max > keep ? out->max - keep : 0;
    size_t left = cap > out->n ? cap - out->n : 0;
    size_t have = out->cap > out->n ? HS_MIN(out->cap - out->n, left) : 0;
    size_t want = HS_MIN(left, HS_MAX(in_left * 4, (size_t)GROW_MIN));

    if (have >= HS_MIN((size_t)GROW_MIN, left))
        return have;
    if (!hs_buf_reserve(out, want))
        return 0;
    return want;
}

static int fail_cap(const struct hs_buf *out, size_t keep, struct hs_err *err)
{
    return hs_err_set(err, HS_ELIMIT, 0, "decompressed body is larger than its limit of %zu bytes",
                      out->max > keep ? out->max - keep : 0);
}

static int fail_data(const struct hs_inflate *decoder, struct hs_err *err)
{
    return hs_err_set(err, HS_EINVAL, 0, "body is not valid %s data after %llu bytes",
                      hs_coding_name(decoder->coding), (unsigned long long)decoder->in_bytes);
}

/* One call of zlib. Advances *in and out; sets at_end at the end of a member. */
static int step_zlib(struct hs_inflate *decoder, struct hs_str *in, size_t room, struct hs_buf *out,
                     struct hs_err *err)
{
    z_stream *z = &decoder->z;
    size_t in_n = HS_MIN(in->n, (size_t)UINT_MAX);
    size_t out_n = HS_MIN(room, (size_t)UINT_MAX);
    size_t took;
    int rc;

    if (decoder->at_end) { /* another member; only gzip has them */
        if (decoder->coding != HS_CODING_GZIP)
            return fail_data(decoder, err);
        reset_zlib(decoder, GZIP_WINDOW);
        decoder->at_end = false;
    }
    z->next_in = (unsigned char *)in->p; /* zlib does not write to it */
    z->avail_in = (uInt)in_n;
    z->next_out = (unsigned char *)out->p + out->n;
    z->avail_out = (uInt)out_n;
    rc = inflate(z, Z_NO_FLUSH);
    if (rc == Z_DATA_ERROR && decoder->coding == HS_CODING_DEFLATE && decoder->in_bytes == 0 &&
        !decoder->raw && z->total_out == 0) {
        decoder->raw = true;
        reset_zlib(decoder, -MAX_WBITS);
        return HS_OK;
    }
    took = in_n - z->avail_in;
    decoder->in_bytes += took;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return fail_data(decoder, err);
    decoder->at_end = rc == Z_STREAM_END;
    decoder->out_bytes += out_n - z->avail_out;
    out->n += out_n - z->avail_out;
    *in = hs_str_n(in->p + took, in->n - took);
    return HS_OK;
}

static int step_zstd(struct hs_inflate *decoder, struct hs_str *in, size_t room, struct hs_buf *out,
                     struct hs_err *err)
{
    ZSTD_inBuffer zin = {in->p, in->n, 0};
    ZSTD_outBuffer zout = {out->p + out->n, room, 0};
    size_t rc = ZSTD_decompressStream(decoder->zstd, &zout, &zin);

    if (ZSTD_isError(rc) && ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge)
        return hs_err_set(err, HS_ELIMIT, 0, "zstd window is larger than its limit of %u bytes",
                          1U << ZSTD_WINDOW_LOG);
    if (ZSTD_isError(rc))
        return fail_data(decoder, err);
    decoder->in_bytes += zin.pos;
    decoder->out_bytes += zout.pos;
    decoder->at_end = rc == 0;
    out->n += zout.pos;
    *in = hs_str_n(in->p + zin.pos, in->n - zin.pos);
    return HS_OK;
}

/* Whether the decoder may still hold output for input that it took: the last call filled all its
 * room. */
static int feed_step(struct hs_inflate *decoder, struct hs_str *in, size_t keep, struct hs_buf *out,
                     bool *out_full, struct hs_err *err)
{
    size_t room = make_room(out, in->n, keep);
    size_t before = out->n;
    char probe;
    struct hs_buf over = {.p = &probe, .cap = 1, .max = 1};
    int rc;

    if (room == 0) { /* at the cap: only the end of the data may follow */
        rc = decoder->zstd ? step_zstd(decoder, in, 1, &over, err)
                           : step_zlib(decoder, in, 1, &over, err);
        *out_full = false;
        return rc != HS_OK || over.n == 0 ? rc : fail_cap(out, keep, err);
    }
    rc = decoder->zstd ? step_zstd(decoder, in, room, out, err)
                       : step_zlib(decoder, in, room, out, err);
    *out_full = out->n - before == room;
    return rc;
}

int hs_inflate_feed(struct hs_inflate *decoder, struct hs_str in, size_t keep, struct hs_buf *out,
                    struct hs_err *err)
{
    bool full = false;
    int rc = HS_OK;

    decoder->started = decoder->started || in.n > 0;
    while (rc == HS_OK && (in.n > 0 || (full && !decoder->at_end))) {
        size_t in_before = in.n;
        size_t out_before = out->n;
        bool raw_before = decoder->raw;

        rc = feed_step(decoder, &in, keep, out, &full, err);
        if (rc == HS_OK && decoder->out_bytes > RATIO_CHECK_BYTES &&
            decoder->out_bytes / HS_INFLATE_RATIO_MAX > decoder->in_bytes)
            return hs_err_set(err, HS_ELIMIT, 0,
                              "body grows from %llu to more than %llu bytes, limit is %d times",
                              (unsigned long long)decoder->in_bytes,
                              (unsigned long long)decoder->out_bytes, HS_INFLATE_RATIO_MAX);
        if (rc == HS_OK && in.n == in_before && out->n == out_before &&
            raw_before == decoder->raw && !decoder->at_end)
            return in.n > 0 ? fail_data(decoder, err) : HS_OK;
    }
    return rc;
}

int hs_inflate_end(const struct hs_inflate *decoder, struct hs_err *err)
{
    if (decoder->at_end)
        return HS_OK;
    return hs_err_set(err, HS_EINVAL, 0, "%s body is cut short after %llu bytes",
                      hs_coding_name(decoder->coding), (unsigned long long)decoder->in_bytes);
}

int hs_inflate_all(enum hs_coding coding, struct hs_str in, struct hs_buf *out, struct hs_err *err)
{
    struct hs_inflate *decoder = hs_inflate_new(coding);
    int rc = hs_inflate_feed(decoder, in, 0, out, err);

    if (rc == HS_OK)
        rc = hs_inflate_end(decoder, err);
    hs_inflate_free(decoder);
    return rc;
}

static int fail_room(struct hs_buf *out, size_t want, struct hs_err *err)
{
    out->failed = false; /* nothing was appended, so the buffer may go on */
    return hs_err_set(err, HS_ELIMIT, 0, "%zu bytes to write at most, room for %zu", want,
                      out->max - out->n);
}

static int compress_zlib(int window, int level, struct hs_str in, struct hs_buf *out,
                         struct hs_err *err)
{
    z_stream z = {0};
    size_t bound;
    int rc;

    if (in.n > UINT_MAX / 2)
        return hs_err_set(err, HS_ELIMIT, 0, "%zu bytes to compress, limit %u", in.n, UINT_MAX / 2);
    rc =
        deflateInit2(&z, level > 0 ? level : GZIP_LEVEL, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
    if (rc != Z_OK)
        return hs_err_set(err, HS_EIO, 0, "deflateInit2: %d", rc);
    bound = deflateBound(&z, in.n);
    z.next_out = (unsigned char *)hs_buf_reserve(out, bound);
    if (z.next_out) {
        z.avail_out = (uInt)bound;
        z.next_in = (unsigned char *)in.p;
        z.avail_in = (uInt)in.n;
        rc = deflate(&z, Z_FINISH);
        HS_ASSERT(rc == Z_STREAM_END);
        out->n += bound - z.avail_out;
    }
    deflateEnd(&z);
    return out->failed ? fail_room(out, bound, err) : HS_OK;
}

static int compress_zstd(int level, struct hs_str in, struct hs_buf *out, struct hs_err *err)
{
    size_t bound = ZSTD_compressBound(in.n);
    char *at = hs_buf_reserve(out, bound);
    size_t n;

    if (!at)
        return fail_room(out, bound, err);
    n = ZSTD_compress(at, bound, in.p, in.n, level > 0 ? level : ZSTD_LEVEL);
    if (ZSTD_isError(n))
        return hs_err_set(err, HS_EIO, 0, "zstd: %s", ZSTD_getErrorName(n));
    out->n += n;
    return HS_OK;
}

int hs_compress(enum hs_coding coding, int level, struct hs_str in, struct hs_buf *out,
                struct hs_err *err)
{
    switch (coding) {
    case HS_CODING_GZIP: return compress_zlib(GZIP_WINDOW, level, in, out, err);
    case HS_CODING_DEFLATE: return compress_zlib(MAX_WBITS, level, in, out, err);
    case HS_CODING_ZSTD: return compress_zstd(level, in, out, err);
    default: hs_buf_add_str(out, in); return hs_buf_ok(out) ? HS_OK : fail_room(out, in.n, err);
    }
}
