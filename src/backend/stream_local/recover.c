/*
 * Opening what is stored.
 *
 * The last segment may end in a commit that was cut by a crash: it is read with all bodies, and cut
 * at its first record that is not whole, unless a later record proves (by its commit position) that
 * this place was synced: then it is damage, stays as it is, and a reader that comes to it is told.
 * Earlier segments were synced whole; their index files are trusted, else their heads are walked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/stream_local/local_int.h"
#include "backend/stream_local/window_int.h"
#include "base/mem.h"

enum { SEGMENT_NAME_DIGITS = 20, INDEX_FILE_MAX = 64 << 20 };

struct bases {
    uint64_t *items;
    size_t n, cap;
};

static int compare_bases(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int list_bases(struct hs_local *log, struct bases *out, struct hs_err *err)
{
    DIR *dir = opendir(log->dir);
    const struct dirent *entry;

    if (!dir)
        return hs_err_sys(err, "open folder %s", log->dir);
    while ((entry = readdir(dir)) != NULL) {
        struct hs_str name = hs_str_c(entry->d_name);
        uint64_t base;

        if (name.n != SEGMENT_NAME_DIGITS + 4 || !hs_str_ends_with(name, HS_STR(".log")))
            continue;
        name.n = SEGMENT_NAME_DIGITS;
        if (hs_str_to_u64(name, &base) != HS_OK)
            continue;
        if (out->n == out->cap) {
            out->cap = out->cap > 0 ? out->cap * 2 : 64;
            out->items = hs_xrealloc(out->items, out->cap, sizeof(*out->items));
        }
        out->items[out->n++] = base;
    }
    closedir(dir);
    if (out->n > 1)
        qsort(out->items, out->n, sizeof(*out->items), compare_bases);
    return HS_OK;
}

static int file_size(const struct hs_local *log, uint64_t base, uint64_t *out, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct stat st;

    hs_local_path(log, base, ".log", path);
    if (stat(path, &st) != 0)
        return hs_err_sys(err, "stat %s", path);
    *out = (uint64_t)st.st_size;
    return HS_OK;
}

/* Whether a bad record at `pos` ends the log: no record behind it belongs to a commit that began
 * behind it. */
static int is_torn(struct hs_window *window, uint64_t pos, bool *out, struct hs_err *err)
{
    uint64_t at;
    int rc = hs_window_resync(window, pos + 1, window->limit, window->base + pos + 1, &at, err);

    *out = rc == HS_ENOTFOUND;
    return rc == HS_ENOTFOUND ? HS_OK : rc;
}

/* Goes past damage: to the next valid record, or to the limit. */
static int skip_damage(struct hs_window *window, uint64_t *pos, struct hs_err *err)
{
    int rc = hs_window_resync(window, *pos + 1, window->limit, 0, pos, err);

    if (rc != HS_ENOTFOUND)
        return rc;
    *pos = window->limit;
    return HS_OK;
}

/* Takes one record at *pos into the index and goes behind it. With `tail`, its body is checked too,
 * and *out_end is set when the log ends before it. */
static int scan_record(struct hs_window *window, struct hs_index *index, bool tail, uint64_t *pos,
                       bool *out_end, struct hs_err *err)
{
    struct hs_segment_record record;
    const char *body;
    int head_rc = hs_window_record(window, *pos, &record, err);
    int rc = head_rc;

    if (rc == HS_OK && tail)
        rc = hs_window_body(window, *pos, &record, &body, err);
    if (rc == HS_ECORRUPT && tail) {
        rc = is_torn(window, *pos, out_end, err);
        if (rc != HS_OK || *out_end)
            return rc;
    }
    if (rc != HS_OK && rc != HS_ECORRUPT)
        return rc;
    if (head_rc != HS_OK)
        return skip_damage(window, pos, err);
    hs_index_add(index, &record, *pos);
    *pos += hs_segment_record_bytes(&record);
    return HS_OK;
}

/* Walks the records behind the head into the index. With `tail`, *out_size is where the torn tail
 * begins; without, it is the limit. */
static int scan(struct hs_window *window, struct hs_index *index, bool tail, uint64_t *out_size,
                struct hs_err *err)
{
    uint64_t pos = HS_SEGMENT_HEAD_BYTES;
    bool end = false;

    while (pos < window->limit && !end) {
        int rc = scan_record(window, index, tail, &pos, &end, err);

        if (rc != HS_OK)
            return rc;
    }
    *out_size = HS_MIN(pos, window->limit);
    return HS_OK;
}

static bool load_index(struct hs_local *log, uint64_t base, uint64_t size, struct hs_index *out)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    int rc;

    hs_local_path(log, base, ".idx", path);
    hs_buf_init(&buf, INDEX_FILE_MAX);
    rc = hs_fs_read(path, &buf, NULL);
    if (rc == HS_OK)
        rc = hs_index_parse(hs_buf_str(&buf), base, size, out);
    hs_buf_fini(&buf);
    return rc == HS_OK;
}

/* The offsets at the segment's start: from its head, or, when that is damaged, from the end of the
 * segment before. */
static int read_first(struct hs_local *log, int fd, uint64_t base,
                      uint64_t out_first[HS_SEGMENT_TOPICS], bool *out_valid, struct hs_err *err)
{
    char bytes[HS_SEGMENT_HEAD_BYTES];
    struct hs_segment_head head;
    ssize_t got = pread(fd, bytes, sizeof(bytes), 0);

    if (got < 0)
        return hs_err_sys(err, "segment %020llu.log: read", (unsigned long long)base);
    *out_valid = hs_segment_parse_head(bytes, (size_t)got, &head) == HS_OK;
    if (!*out_valid) {
        memcpy(out_first, log->end, sizeof(log->end));
        return HS_OK;
    }
    if (head.base != base || memcmp(head.stream_id, log->id, HS_UUID_TEXT) != 0)
        return hs_err_set(err, HS_ECORRUPT, 0,
                          "segment %020llu.log was written as %020llu of stream %.36s, not %.36s",
                          (unsigned long long)base, (unsigned long long)head.base, head.stream_id,
                          log->id);
    memcpy(out_first, head.first, sizeof(head.first));
    return HS_OK;
}

static int scan_file(struct hs_local *log, struct hs_segment *segment, int fd, uint64_t limit,
                     bool tail, struct hs_err *err)
{
    uint64_t first[HS_SEGMENT_TOPICS];
    struct hs_window window;
    bool head_valid = false;
    int rc;

    rc = read_first(log, fd, segment->base, first, &head_valid, err);
    if (rc != HS_OK)
        return rc;
    hs_index_init(&segment->index, first);
    hs_window_init(&window, log->seed);
    hs_window_set(&window, fd, segment->base, limit);
    rc = scan(&window, &segment->index, tail, &segment->size, err);
    hs_window_fini(&window);
    if (rc == HS_OK && tail && !head_valid && segment->size <= HS_SEGMENT_HEAD_BYTES)
        rc = hs_err_set(err, HS_ECORRUPT, 0,
                        "segment %020llu.log: %llu bytes and no valid head or record; move it out "
                        "of %s to go on without it",
                        (unsigned long long)segment->base, (unsigned long long)limit, log->dir);
    return rc;
}

/* Reads one segment into the list and log->end. */
static int load_segment(struct hs_local *log, uint64_t base, uint64_t limit, bool tail,
                        struct hs_err *err)
{
    static const uint64_t zero[HS_SEGMENT_TOPICS];
    struct hs_segment *segment = hs_segment_new(base, zero);
    char path[HS_PATH_MAX];
    int fd = -1;
    int rc = HS_OK;

    segment->size = limit;
    segment->index_saved = !tail && load_index(log, base, limit, &segment->index);
    if (!segment->index_saved) {
        hs_local_path(log, base, ".log", path);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        rc = fd < 0 ? hs_err_sys(err, "open %s", path)
                    : scan_file(log, segment, fd, limit, tail, err);
    }
    if (fd >= 0)
        close(fd);
    if (rc != HS_OK) {
        hs_segment_free(segment);
        return rc;
    }
    for (int i = 0; i < HS_SEGMENT_TOPICS; i++)
        log->end[i] = segment->index.topics[i].end;
    hs_local_add_segment(log, segment);
    return HS_OK;
}

/* Opens the last segment for writing, without its torn tail, and syncs what a killed process may
 * have written without sync, before anybody can read it. */
static int open_active(struct hs_local *log, struct hs_err *err)
{
    struct hs_segment *active = log->segments[log->segments_n - 1];
    char path[HS_PATH_MAX];

    active->index_saved = true;
    log->active = active;
    hs_local_path(log, active->base, ".log", path);
    log->active_fd = open(path, O_RDWR | O_CLOEXEC);
    if (log->active_fd < 0)
        return hs_err_sys(err, "open %s", path);
    if (log->io->ftruncate_fn(log->io->arg, log->active_fd, (off_t)active->size) != 0)
        return hs_err_sys(err, "truncate %s", path);
    if (log->io->fdatasync_fn(log->io->arg, log->active_fd) != 0)
        return hs_err_sys(err, "fdatasync of %s", path);
    return HS_OK;
}

static bool id_is_valid(struct hs_str id)
{
    for (size_t i = 0; i < id.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = id.p[i];

        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return id.n == HS_UUID_TEXT;
}

/* HS_ENOTFOUND when the stream has no id yet. */
static int read_id(struct hs_local *log, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    int rc;

    rc = hs_fs_join(path, log->dir, "id", err);
    if (rc != HS_OK)
        return rc;
    hs_buf_init(&buf, 64);
    rc = hs_fs_read(path, &buf, err);
    if (rc == HS_OK || rc == HS_ELIMIT) {
        struct hs_str id = hs_str_trim(hs_buf_str(&buf));

        rc = id_is_valid(id) ? HS_OK
                             : hs_err_set(err, HS_ECORRUPT, 0, "%s does not hold a UUID", path);
        if (rc == HS_OK)
            memcpy(log->id, id.p, HS_UUID_TEXT);
    }
    hs_buf_fini(&buf);
    return rc;
}

/* The first segment is made before the id is written: an id without segments is a loss, a first
 * segment without records and id is a creation that was cut. */
static int create_stream(struct hs_local *log, const struct bases *bases, struct hs_err *err)
{
    static const uint64_t zero[HS_SEGMENT_TOPICS];
    char path[HS_PATH_MAX];
    char text[HS_UUID_TEXT + 1];
    uint64_t size = 0;
    int rc = HS_OK;

    if (bases->n > 0)
        rc = file_size(log, bases->items[0], &size, err);
    if (rc != HS_OK)
        return rc;
    if (bases->n > 1 || size > HS_SEGMENT_HEAD_BYTES)
        return hs_err_set(err, HS_ECORRUPT, 0, "%s has segments and no file \"id\"", log->dir);
    hs_local_path(log, 0, ".log", path);
    if (bases->n > 0 && unlink(path) != 0)
        return hs_err_sys(err, "remove %s", path);
    hs_uuid7(hs_wall_ns(log->clock), log->id);
    log->seed = hs_segment_seed(log->id);
    rc = hs_local_create_file(log, 0, zero, &log->active_fd, err);
    if (rc != HS_OK)
        return rc;
    hs_local_add_segment(log, hs_segment_new(0, zero));
    log->active = log->segments[0];
    log->active->index_saved = true;
    memcpy(text, log->id, HS_UUID_TEXT);
    text[HS_UUID_TEXT] = '\n';
    rc = hs_fs_join(path, log->dir, "id", err);
    return rc != HS_OK ? rc : hs_fs_write_atomic(path, hs_str_n(text, sizeof(text)), 0600, err);
}

/* Forgets a last segment whose creation was cut: no record can be in it. */
static int drop_unborn(struct hs_local *log, struct bases *bases, struct hs_err *err)
{
    uint64_t first[HS_SEGMENT_TOPICS];
    uint64_t base = bases->items[bases->n - 1];
    char path[HS_PATH_MAX];
    uint64_t size;
    bool valid;
    int fd;
    int rc;

    rc = file_size(log, base, &size, err);
    if (rc != HS_OK || size > HS_SEGMENT_HEAD_BYTES || bases->n == 1)
        return rc;
    hs_local_path(log, base, ".log", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hs_err_sys(err, "open %s", path);
    rc = read_first(log, fd, base, first, &valid, err);
    close(fd);
    if (rc != HS_OK || valid)
        return rc;
    if (unlink(path) != 0)
        return hs_err_sys(err, "remove %s", path);
    bases->n--;
    return HS_OK;
}

static int load_all(struct hs_local *log, const struct bases *bases, struct hs_err *err)
{
    for (size_t i = 0; i < bases->n; i++) {
        uint64_t base = bases->items[i];
        bool last = i + 1 == bases->n;
        uint64_t size;
        int rc = file_size(log, base, &size, err);

        if (rc != HS_OK)
            return rc;
        /* What lies past the next segment's base was never acknowledged. */
        if (!last)
            size = HS_MIN(size, bases->items[i + 1] - base);
        rc = load_segment(log, base, size, last, err);
        if (rc != HS_OK)
            return rc;
    }
    return open_active(log, err);
}

static int read_groups(struct hs_local *log, struct hs_err *err)
{
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    int rc;

    rc = hs_fs_join(path, log->dir, "groups", err);
    if (rc != HS_OK)
        return rc;
    hs_buf_init(&buf, 1 << 20);
    rc = hs_fs_read(path, &buf, err);
    if (rc == HS_OK) {
        rc = hs_groups_parse(hs_buf_str(&buf), &log->groups, err);
        if (rc != HS_OK)
            hs_err_prefix(err, "%s", path);
    } else if (rc == HS_ENOTFOUND) {
        rc = HS_OK;
    }
    hs_buf_fini(&buf);
    return rc;
}

int hs_local_recover(struct hs_local *log, struct hs_err *err)
{
    struct bases bases = {0};
    int rc;

    rc = list_bases(log, &bases, err);
    if (rc != HS_OK)
        goto out;
    rc = read_id(log, err);
    if (rc == HS_ENOTFOUND)
        rc = create_stream(log, &bases, err);
    else if (rc == HS_OK && bases.n == 0)
        rc = hs_err_set(err, HS_ECORRUPT, 0,
                        "%s has an \"id\" and no segment; remove \"id\" to begin a new stream",
                        log->dir);
    else if (rc == HS_OK) {
        log->seed = hs_segment_seed(log->id);
        rc = drop_unborn(log, &bases, err);
        if (rc == HS_OK)
            rc = load_all(log, &bases, err);
    }
    if (rc == HS_OK)
        rc = read_groups(log, err);
out:
    hs_free(bases.items);
    return rc;
}

int hs_local_verify(struct hs_local *log, uint64_t base, uint64_t size, struct hs_err *err)
{
    uint64_t pos = HS_SEGMENT_HEAD_BYTES;
    struct hs_segment_record record;
    struct hs_window window;
    char path[HS_PATH_MAX];
    const char *body;
    int rc = HS_OK;
    int fd;

    hs_local_path(log, base, ".log", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hs_err_sys(err, "open %s", path);
    /* Clean pages of the file are dropped, so that the device itself is read. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    hs_window_init(&window, log->seed);
    hs_window_set(&window, fd, base, size);
    while (rc == HS_OK && pos < size) {
        rc = hs_window_record(&window, pos, &record, err);
        if (rc == HS_OK)
            rc = hs_window_body(&window, pos, &record, &body, err);
        if (rc == HS_OK)
            pos += hs_segment_record_bytes(&record);
    }
    hs_window_fini(&window);
    close(fd);
    return rc;
}
