#include "backend/stream_local/window_int.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

enum {
    WINDOW_BLOCK = 256 << 10,  /* bytes of one pread when less is asked for */
    WINDOW_KEEP_MAX = 4 << 20, /* a larger buffer is given back once it was used */
    RECORD_HEAD_MAX = HS_SEGMENT_RECORD_BYTES + HS_STREAM_TENANT_MAX,
};

void hs_window_init(struct hs_window *window, uint32_t seed)
{
    *window = (struct hs_window){.fd = -1, .seed = seed};
    hs_buf_init(&window->buf, (size_t)HS_SEGMENT_RAW_MAX + RECORD_HEAD_MAX + WINDOW_BLOCK);
}

void hs_window_fini(struct hs_window *window)
{
    if (window)
        hs_buf_fini(&window->buf);
}

void hs_window_set(struct hs_window *window, int fd, uint64_t base, uint64_t limit)
{
    if (window->fd < 0 || window->base != base || window->buf.cap > WINDOW_KEEP_MAX)
        hs_buf_reset(&window->buf);
    if (window->buf.cap > WINDOW_KEEP_MAX) {
        size_t max = window->buf.max;

        hs_buf_fini(&window->buf);
        hs_buf_init(&window->buf, max);
    }
    window->fd = fd;
    window->base = base;
    window->limit = limit;
}

static int read_at(struct hs_window *window, uint64_t pos, size_t want, struct hs_err *err)
{
    char *to;

    hs_buf_reset(&window->buf);
    to = hs_buf_reserve(&window->buf, want);
    if (!to)
        return hs_err_set(err, HS_ELIMIT, 0, "segment %020llu: no memory for %zu bytes",
                          (unsigned long long)window->base, want);
    window->at = pos;
    while (window->buf.n < want) {
        ssize_t got = pread(window->fd, to + window->buf.n, want - window->buf.n,
                            (off_t)(pos + window->buf.n));

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hs_err_sys(err, "segment %020llu: pread of %zu bytes at %llu",
                              (unsigned long long)window->base, want, (unsigned long long)pos);
        if (got == 0)
            break; /* shorter than the limit says: the caller sees cut bytes */
        window->buf.n += (size_t)got;
    }
    return HS_OK;
}

/* A view of [pos, pos + need), shorter where the limit or the file ends. */
static int window_view(struct hs_window *window, uint64_t pos, size_t need, struct hs_str *out,
                       struct hs_err *err)
{
    uint64_t left = pos < window->limit ? window->limit - pos : 0;
    uint64_t end = window->at + window->buf.n;
    int rc;

    need = HS_MIN(need, left);
    if (need == 0) {
        *out = HS_STR("");
        return HS_OK;
    }
    if (pos < window->at || pos + need > end) {
        rc = read_at(window, pos, HS_MIN(HS_MAX(need, (size_t)WINDOW_BLOCK), left), err);
        if (rc != HS_OK)
            return rc;
        end = window->at + window->buf.n;
    }
    *out = hs_str_n(window->buf.p + (pos - window->at), HS_MIN(need, end - pos));
    return HS_OK;
}

static int corrupt(const struct hs_window *window, uint64_t pos, const char *what,
                   struct hs_err *err)
{
    return hs_err_set(err, HS_ECORRUPT, 0, "segment %020llu.log, byte %llu: %s",
                      (unsigned long long)window->base, (unsigned long long)pos, what);
}

int hs_window_record(struct hs_window *window, uint64_t pos, struct hs_segment_record *out,
                     struct hs_err *err)
{
    struct hs_str view;
    int rc;

    rc = window_view(window, pos, RECORD_HEAD_MAX, &view, err);
    if (rc != HS_OK)
        return rc;
    rc = hs_segment_parse_record(view.p, view.n, window->seed, window->base + pos, out);
    if (rc != HS_OK)
        return corrupt(window, pos, "no valid record", err);
    if (pos + hs_segment_record_bytes(out) > window->limit)
        return corrupt(window, pos, "the record is cut", err);
    return HS_OK;
}

int hs_window_body(struct hs_window *window, uint64_t pos, const struct hs_segment_record *record,
                   const char **out, struct hs_err *err)
{
    uint64_t at = pos + HS_SEGMENT_RECORD_BYTES + record->tenant.n;
    struct hs_str view;
    int rc;

    rc = window_view(window, at, record->body_n, &view, err);
    if (rc != HS_OK)
        return rc;
    if (view.n < record->body_n)
        return corrupt(window, pos, "the record's body is cut", err);
    if (hs_crc32c(0, view.p, view.n) != record->body_crc)
        return corrupt(window, pos, "the record's body does not match its CRC32C", err);
    *out = view.p;
    return HS_OK;
}

int hs_window_resync(struct hs_window *window, uint64_t pos, uint64_t until, uint64_t commit_min,
                     uint64_t *out_pos, struct hs_err *err)
{
    struct hs_segment_record record;
    struct hs_str view;

    while (pos < until) {
        int rc = window_view(window, pos, WINDOW_BLOCK, &view, err);
        size_t at;

        if (rc != HS_OK)
            return rc;
        if (view.n < HS_SEGMENT_RECORD_BYTES)
            break;
        at = hs_segment_find_magic(view.p, view.n);
        if (at == view.n) {
            pos += view.n - 3; /* the magic's first bytes may end the view */
            continue;
        }
        pos += at;
        if (pos >= until)
            break;
        rc = hs_window_record(window, pos, &record, NULL);
        if (rc == HS_OK && record.commit_pos >= commit_min) {
            *out_pos = pos;
            return HS_OK;
        }
        if (rc != HS_OK && rc != HS_ECORRUPT)
            return hs_err_set(err, rc, 0, "segment %020llu.log, byte %llu: unreadable",
                              (unsigned long long)window->base, (unsigned long long)pos);
        pos++;
    }
    return HS_ENOTFOUND;
}
