/*
 * Call wrappers of the metadata port: limits and forms are checked here, once for all backends.
 */
#include "port/metadata.h"

#include <string.h>

#include "base/mem.h"
#include "base/metric.h"

static const double seconds_bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                        0.05,   0.1,   0.25,   0.5,   1,    5};

static struct hs_metric calls_total = {
    .name = "hs_metadata_calls_total",
    .type = HS_METRIC_COUNTER,
    .help = "Calls of the metadata port by operation and result.",
    .labels = {"op", "result"},
};

static struct hs_metric call_seconds = {
    .name = "hs_metadata_call_seconds",
    .type = HS_METRIC_HISTOGRAM,
    .help = "Duration of calls of the metadata port.",
    .labels = {"op"},
    .buckets = seconds_bounds,
    .buckets_n = HS_ARRAY_LEN(seconds_bounds),
};

static int64_t start(void)
{
    return hs_mono_ns(hs_clock_system());
}

static int measured(const char *op, int64_t start_ns, int rc)
{
    double seconds = (double)(start() - start_ns) / HS_NS_PER_S;

    hs_metric_add(&calls_total, HS_LABELS(op, hs_rc_name(rc), ""), 1);
    hs_metric_observe(&call_seconds, HS_LABELS(op, "", ""), seconds);
    return rc;
}

static int check_space(const char *space, struct hs_err *err)
{
    size_t n = space ? strlen(space) : 0;
    size_t i;

    for (i = 0; i < n; i++)
        if (space[i] != '_' && (space[i] < 'a' || space[i] > 'z'))
            break;
    if (n == 0 || n > HS_METADATA_SPACE_MAX || i < n)
        return hs_err_set(err, HS_EINVAL, 0, "metadata space \"%.64s\" is not [a-z_]{1,%d}",
                          space ? space : "", HS_METADATA_SPACE_MAX);
    return HS_OK;
}

static int check_key(struct hs_str key, size_t min, struct hs_err *err)
{
    if (key.n < min)
        return hs_err_set(err, HS_EINVAL, 0, "metadata key is empty");
    if (key.n > HS_METADATA_KEY_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "metadata key is %zu bytes, limit %d", key.n,
                          HS_METADATA_KEY_MAX);
    if (key.n > 0 && memchr(key.p, '\0', key.n))
        return hs_err_set(err, HS_EINVAL, 0, "metadata key contains a NUL byte");
    return HS_OK;
}

static int check_op(const struct hs_metadata_op *op, struct hs_err *err)
{
    int rc = check_space(op->space, err);

    if (rc == HS_OK)
        rc = check_key(op->key, 1, err);
    if (rc == HS_OK && op->action == HS_METADATA_PUT && op->value.n > HS_METADATA_VALUE_MAX)
        rc = hs_err_set(err, HS_ELIMIT, 0, "metadata value is %zu bytes, limit %d", op->value.n,
                        HS_METADATA_VALUE_MAX);
    return rc;
}

int hs_metadata_get(struct hs_metadata *metadata, const char *space, struct hs_str key,
                    struct hs_arena *arena, struct hs_entry *out, struct hs_err *err)
{
    int64_t start_ns = start();
    int rc = check_space(space, err);

    HS_ASSERT(out != NULL);
    if (rc == HS_OK)
        rc = check_key(key, 1, err);
    if (rc == HS_OK)
        rc = metadata->ops->get(metadata, space, key, arena, out, err);
    return measured("get", start_ns, rc);
}

int hs_metadata_scan(struct hs_metadata *metadata, const char *space, struct hs_str prefix,
                     struct hs_str after, struct hs_arena *arena, struct hs_entry *out, size_t max,
                     size_t *out_n, struct hs_err *err)
{
    int64_t start_ns = start();
    int rc = check_space(space, err);

    HS_ASSERT(out_n != NULL);
    if (rc == HS_OK)
        rc = check_key(prefix, 0, err);
    if (rc == HS_OK)
        rc = check_key(after, 0, err);
    if (rc == HS_OK && max == 0)
        rc = hs_err_set(err, HS_EINVAL, 0, "metadata scan of at most 0 entries");
    if (rc == HS_OK)
        rc = metadata->ops->scan(metadata, space, prefix, after, arena, out, max, out_n, err);
    return measured("scan", start_ns, rc);
}

int hs_metadata_commit(struct hs_metadata *metadata, const struct hs_metadata_op *ops, size_t n,
                       uint64_t *out_version, size_t *out_failed, struct hs_err *err)
{
    int64_t start_ns = start();
    size_t i;
    int rc;

    if (n == 0)
        return hs_err_set(err, HS_EINVAL, 0, "metadata commit of no operations");
    if (n > HS_METADATA_OPS_MAX)
        return hs_err_set(err, HS_ELIMIT, 0, "metadata commit of %zu operations, limit %d", n,
                          HS_METADATA_OPS_MAX);
    for (i = 0; i < n; i++) {
        rc = check_op(&ops[i], err);
        if (rc) {
            hs_err_prefix(err, "operation %zu", i);
            return rc;
        }
    }
    rc = metadata->ops->commit(metadata, ops, n, out_version, out_failed, err);
    return measured("commit", start_ns, rc);
}

int hs_metadata_now(struct hs_metadata *metadata, int64_t *out_ns, struct hs_err *err)
{
    HS_ASSERT(out_ns != NULL);
    return metadata->ops->now(metadata, out_ns, err);
}

void hs_metadata_close(struct hs_metadata *metadata)
{
    if (metadata)
        metadata->ops->close(metadata);
}
