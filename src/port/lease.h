/*
 * Leases over metadata: who may do a single job now. A lease has an owner, an end (in the
 * database's time) and an epoch that grows at each change of owner. Every step of the job that
 * writes metadata adds hs_lease_check_op() to its commit, so that a former owner's write fails.
 */
#ifndef HS_PORT_LEASE_H
#define HS_PORT_LEASE_H

#include "port/metadata.h"

enum { HS_LEASE_NAME_MAX = 128, HS_LEASE_OWNER_MAX = 64 };

struct hs_lease {
    char name[HS_LEASE_NAME_MAX];
    char owner[HS_LEASE_OWNER_MAX]; /* unique for each start of a process */
    uint64_t epoch;                 /* valid while held */
    uint64_t version;               /* of the metadata entry, private */
    int64_t until_ns;               /* database time */
    bool held;
};

/* HS_EINVAL when a text is empty or too long. */
int hs_lease_init(struct hs_lease *lease, struct hs_str name, struct hs_str owner,
                  struct hs_err *err);

/* Takes or renews the lease for ttl_ms. HS_OK: held (epoch is larger than before when it was lost
 * or taken over). HS_ECONFLICT: somebody else holds it. HS_EIO, HS_ETIMEOUT: not known, treat as
 * not held. @blocks */
int hs_lease_acquire(struct hs_metadata *metadata, struct hs_lease *lease, int64_t ttl_ms,
                     struct hs_err *err);

/* Gives it back; not being held is HS_OK. @blocks */
int hs_lease_release(struct hs_metadata *metadata, struct hs_lease *lease, struct hs_err *err);

/* Ends the lease of whoever holds it; its epoch stays, so the next owner's is larger. For the one
 * process that holds the data folder's lock: every other owner recorded there is dead. @blocks */
int hs_lease_break(struct hs_metadata *metadata, const struct hs_lease *lease, struct hs_err *err);

/* An operation that makes a commit fail with HS_ECONFLICT unless the lease entry still has this
 * lease's epoch and owner version. A renewal moves the version: take it after the last acquire. The
 * op borrows from the lease. */
struct hs_metadata_op hs_lease_check_op(const struct hs_lease *lease);

#endif
