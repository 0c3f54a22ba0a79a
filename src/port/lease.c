/*
 * A lease is one entry of the space "leases", key = its name, value a record:
 *
 *     owner=…  epoch=…  until_ns=…  ttl_ns=…
 *
 * It is never deleted, so that its epoch only grows; a released one has no owner. An epoch is one
 * unbroken time of one owner: a renewal in time keeps it, anything else raises it.
 *
 * A lease also counts as over when its end lies further ahead than its own time to live: then the
 * database's clock was set back, and a dead owner must not hold it until that clock has caught up.
 * A live owner that loses it this way is caught by its check operation, as any former owner is.
 */
#include "port/lease.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "port/record.h"

#define LEASE_SPACE "leases"

enum { RECORD_MAX = 512 };

struct stored {
    bool exists;
    char owner[HS_LEASE_OWNER_MAX];
    uint64_t epoch;
    uint64_t until_ns;
    uint64_t ttl_ns;
    uint64_t version;
};

static int copy_text(const char *what, struct hs_str text, char *out, size_t size,
                     struct hs_err *err)
{
    if (text.n == 0 || text.n >= size || !hs_record_value_ok(text))
        return hs_err_set(err, HS_EINVAL, 0,
                          "lease %s of %zu bytes: wants 1 to %zu bytes of printable text", what,
                          text.n, size - 1);
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return HS_OK;
}

int hs_lease_init(struct hs_lease *lease, struct hs_str name, struct hs_str owner,
                  struct hs_err *err)
{
    int rc;

    memset(lease, 0, sizeof(*lease));
    rc = copy_text("name", name, lease->name, sizeof(lease->name), err);
    return rc ? rc : copy_text("owner", owner, lease->owner, sizeof(lease->owner), err);
}

static int parse(const char *name, struct hs_entry entry, struct stored *out, struct hs_err *err)
{
    struct hs_str owner = hs_record_get(entry.value, "owner");

    if (!owner.p || owner.n >= sizeof(out->owner) ||
        hs_record_get_u64(entry.value, "epoch", &out->epoch) ||
        hs_record_get_u64(entry.value, "until_ns", &out->until_ns) ||
        hs_record_get_u64(entry.value, "ttl_ns", &out->ttl_ns))
        return hs_err_set(err, HS_ECORRUPT, 0, "lease %s: the stored record does not parse", name);
    memcpy(out->owner, owner.p, owner.n);
    out->version = entry.version;
    out->exists = true;
    return HS_OK;
}

static int read_stored(struct hs_metadata *metadata, const char *name, struct stored *out,
                       struct hs_err *err)
{
    struct hs_arena arena;
    struct hs_entry entry;
    int rc;

    memset(out, 0, sizeof(*out));
    hs_arena_init(&arena, HS_METADATA_VALUE_MAX + (1 << 16));
    rc = hs_metadata_get(metadata, LEASE_SPACE, hs_str_c(name), &arena, &entry, err);
    if (rc == HS_OK)
        rc = parse(name, entry, out, err);
    else if (rc == HS_ENOTFOUND)
        rc = HS_OK;
    hs_arena_fini(&arena);
    return rc;
}

/* Writes `next` over what was read as `before`; HS_ECONFLICT: somebody was faster. */
static int write_stored(struct hs_metadata *metadata, const char *name, const struct stored *before,
                        struct stored *next, struct hs_err *err)
{
    struct hs_metadata_op op = {
        .action = HS_METADATA_PUT,
        .expect = before->exists ? HS_EXPECT_VERSION : HS_EXPECT_ABSENT,
        .space = LEASE_SPACE,
        .key = hs_str_c(name),
        .version = before->version,
    };
    struct hs_buf record;
    int rc;

    hs_buf_init(&record, RECORD_MAX);
    hs_record_add(&record, "owner", hs_str_c(next->owner));
    hs_record_add_u64(&record, "epoch", next->epoch);
    hs_record_add_u64(&record, "until_ns", next->until_ns);
    hs_record_add_u64(&record, "ttl_ns", next->ttl_ns);
    HS_ASSERT(hs_buf_ok(&record));
    op.value = hs_buf_str(&record);
    rc = hs_metadata_commit(metadata, &op, 1, &next->version, NULL, err);
    hs_buf_fini(&record);
    return rc;
}

static bool is_over(const struct stored *stored, uint64_t now_ns)
{
    return stored->owner[0] == '\0' || stored->until_ns <= now_ns ||
           stored->until_ns - now_ns > stored->ttl_ns;
}

static int take(struct hs_metadata *metadata, struct hs_lease *lease, uint64_t ttl_ns,
                struct hs_err *err)
{
    struct stored before, next;
    int64_t now_ns = 0;
    bool mine, over;
    int rc = read_stored(metadata, lease->name, &before, err);

    if (rc == HS_OK)
        rc = hs_metadata_now(metadata, &now_ns, err);
    if (rc)
        return rc;
    mine = before.exists && strcmp(before.owner, lease->owner) == 0;
    over = !before.exists || is_over(&before, (uint64_t)now_ns);
    if (!mine && !over)
        return hs_err_set(err, HS_ECONFLICT, 0, "lease %s is held by %s for another %" PRIu64 " ms",
                          lease->name, before.owner,
                          (before.until_ns - (uint64_t)now_ns) / (uint64_t)HS_NS_PER_MS);
    next = before;
    memcpy(next.owner, lease->owner, sizeof(next.owner));
    next.ttl_ns = ttl_ns;
    next.until_ns = (uint64_t)now_ns + ttl_ns;
    if (over || !lease->held || lease->version != before.version)
        next.epoch = before.epoch + 1;
    rc = write_stored(metadata, lease->name, &before, &next, err);
    if (rc)
        return rc;
    lease->epoch = next.epoch;
    lease->version = next.version;
    lease->until_ns = (int64_t)next.until_ns;
    lease->held = true;
    return HS_OK;
}

int hs_lease_acquire(struct hs_metadata *metadata, struct hs_lease *lease, int64_t ttl_ms,
                     struct hs_err *err)
{
    int rc;

    HS_ASSERT(lease->name[0] != '\0');
    if (ttl_ms <= 0 || ttl_ms > HS_NS_PER_DAY / HS_NS_PER_MS)
        return hs_err_set(err, HS_EINVAL, 0,
                          "lease %s: time to live is %" PRId64 " ms, wants 1 ms to 1 day",
                          lease->name, ttl_ms);
    rc = take(metadata, lease, (uint64_t)ttl_ms * HS_NS_PER_MS, err);
    if (rc)
        lease->held = false;
    return rc;
}

int hs_lease_release(struct hs_metadata *metadata, struct hs_lease *lease, struct hs_err *err)
{
    struct stored before, next;
    int rc;

    if (!lease->held)
        return HS_OK;
    lease->held = false;
    rc = read_stored(metadata, lease->name, &before, err);
    if (rc)
        return rc;
    if (!before.exists || before.version != lease->version)
        return HS_OK; /* taken over before */
    next = before;
    next.owner[0] = '\0';
    rc = write_stored(metadata, lease->name, &before, &next, err);
    return rc == HS_ECONFLICT ? HS_OK : rc;
}

int hs_lease_break(struct hs_metadata *metadata, const struct hs_lease *lease, struct hs_err *err)
{
    struct stored before;
    struct stored next;
    int rc = read_stored(metadata, lease->name, &before, err);

    if (rc || !before.exists || before.owner[0] == '\0')
        return rc;
    next = before;
    next.owner[0] = '\0';
    return write_stored(metadata, lease->name, &before, &next, err);
}

struct hs_metadata_op hs_lease_check_op(const struct hs_lease *lease)
{
    return (struct hs_metadata_op){
        .action = HS_METADATA_CHECK,
        .expect = HS_EXPECT_VERSION,
        .space = LEASE_SPACE,
        .key = hs_str_c(lease->name),
        .version = lease->held ? lease->version : 0, /* no entry has version 0 */
    };
}
