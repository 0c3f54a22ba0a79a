/*
 * Metadata: the small, exact truth (keys, positions, intents, dirty minutes, leases, the counted
 * source of each application), in SQLite or PostgreSQL.
 *
 * It is a table of versioned entries: (space, key) → value, version. Everything that must change
 * together goes into one commit, whose operations may each state the version that they expect.
 * Versions come from one counter of the database that grows with every commit, so an entry that was
 * deleted and made again never shows a former version. After commit returns HS_OK the change
 * survives a power loss.
 */
#ifndef HS_PORT_METADATA_H
#define HS_PORT_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "conf/conf.h"

enum {
    HS_METADATA_SPACE_MAX = 32,      /* bytes of a space's name, [a-z_]+ */
    HS_METADATA_KEY_MAX = 512,       /* bytes, any but NUL */
    HS_METADATA_VALUE_MAX = 4 << 20, /* bytes, any */
    HS_METADATA_OPS_MAX = 500000,    /* operations of one commit */
};

struct hs_metadata;

struct hs_entry {
    struct hs_str key;   /* in the caller's arena */
    struct hs_str value; /* in the caller's arena */
    uint64_t version;    /* > 0 */
};

enum hs_metadata_expect {
    HS_EXPECT_ANY,     /* write whatever stands there */
    HS_EXPECT_ABSENT,  /* the entry must not exist */
    HS_EXPECT_VERSION, /* it must exist at op->version */
};

enum hs_metadata_action {
    HS_METADATA_PUT,
    HS_METADATA_DELETE, /* of an absent entry under EXPECT_ANY: nothing happens */
    HS_METADATA_CHECK,  /* only checks the expectation */
};

struct hs_metadata_op {
    enum hs_metadata_action action;
    enum hs_metadata_expect expect;
    const char *space;
    struct hs_str key;
    struct hs_str value; /* PUT only */
    uint64_t version;    /* EXPECT_VERSION only */
};

struct hs_metadata_ops {
    const char *name; /* "sqlite", "postgres" */

    /* Opens, creates or migrates. HS_EINVAL, HS_ECONFLICT (newer schema than this program), HS_EIO.
     * @blocks */
    int (*open)(const struct hs_conf *conf, struct hs_metadata **out, struct hs_err *err);

    /* One entry. HS_ENOTFOUND. Memory from arena; HS_ELIMIT when it is full. @thread any @blocks */
    int (*get)(struct hs_metadata *metadata, const char *space, struct hs_str key,
               struct hs_arena *arena, struct hs_entry *out, struct hs_err *err);

    /* Entries of the space whose key starts with `prefix` and is greater than `after` (empty: from
     * the first), in memcmp order of keys, at most max. *out_n < max: that was all.
     * @thread any @blocks */
    int (*scan)(struct hs_metadata *metadata, const char *space, struct hs_str prefix,
                struct hs_str after, struct hs_arena *arena, struct hs_entry *out, size_t max,
                size_t *out_n, struct hs_err *err);

    /* All operations or none. HS_ECONFLICT: an expectation did not hold; *out_failed (may be NULL)
     * is its index. *out_version (may be NULL) is the version that all entries put here now have.
     * HS_ETIMEOUT, HS_EIO: the outcome is unknown; read before going on. @thread any @blocks */
    int (*commit)(struct hs_metadata *metadata, const struct hs_metadata_op *ops, size_t n,
                  uint64_t *out_version, size_t *out_failed, struct hs_err *err);

    /* The database's own wall clock in ns, for leases. @thread any @blocks */
    int (*now)(struct hs_metadata *metadata, int64_t *out_ns, struct hs_err *err);

    void (*close)(struct hs_metadata *metadata); /* NULL is a no-op */
};

struct hs_metadata {
    const struct hs_metadata_ops *ops;
};

int hs_metadata_get(struct hs_metadata *metadata, const char *space, struct hs_str key,
                    struct hs_arena *arena, struct hs_entry *out, struct hs_err *err);
int hs_metadata_scan(struct hs_metadata *metadata, const char *space, struct hs_str prefix,
                     struct hs_str after, struct hs_arena *arena, struct hs_entry *out, size_t max,
                     size_t *out_n, struct hs_err *err);
int hs_metadata_commit(struct hs_metadata *metadata, const struct hs_metadata_op *ops, size_t n,
                       uint64_t *out_version, size_t *out_failed, struct hs_err *err);
int hs_metadata_now(struct hs_metadata *metadata, int64_t *out_ns, struct hs_err *err);
void hs_metadata_close(struct hs_metadata *metadata);

#endif
