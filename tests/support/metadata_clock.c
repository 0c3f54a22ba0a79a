#include "support/metadata_clock.h"

#include <string.h>

static struct metadata_clock *self(struct hs_metadata *metadata)
{
    return (struct metadata_clock *)metadata;
}

static int clock_get(struct hs_metadata *metadata, const char *space, struct hs_str key,
                     struct hs_arena *arena, struct hs_entry *out, struct hs_err *err)
{
    return hs_metadata_get(self(metadata)->inner, space, key, arena, out, err);
}

static int clock_commit(struct hs_metadata *metadata, const struct hs_metadata_op *ops, size_t n,
                        uint64_t *out_version, size_t *out_failed, struct hs_err *err)
{
    struct metadata_clock *clock = self(metadata);
    int fail_rc = clock->fail_rc;
    int rc = HS_OK;

    clock->fail_rc = HS_OK;
    if (fail_rc == HS_OK || clock->after)
        rc = hs_metadata_commit(clock->inner, ops, n, out_version, out_failed, err);
    if (fail_rc == HS_OK)
        return rc;
    return hs_err_set(err, fail_rc, 0, "the test wants this commit to fail");
}

static int clock_now(struct hs_metadata *metadata, int64_t *out_ns, struct hs_err *err)
{
    (void)err;
    *out_ns = self(metadata)->now_ns;
    return HS_OK;
}

static void clock_close(struct hs_metadata *metadata)
{
    (void)metadata; /* inner is borrowed */
}

static const struct hs_metadata_ops clock_ops = {
    .name = "test clock",
    .get = clock_get,
    .commit = clock_commit,
    .now = clock_now,
    .close = clock_close,
};

void metadata_clock_init(struct metadata_clock *clock, struct hs_metadata *inner, int64_t now_ns)
{
    memset(clock, 0, sizeof(*clock));
    clock->base.ops = &clock_ops;
    clock->inner = inner;
    clock->now_ns = now_ns;
}
