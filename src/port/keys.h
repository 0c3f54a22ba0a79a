/*
 * API keys over metadata, and who a request is.
 *
 * A key is shown once, when it is made:
 *
 *     hs_i_<43 random characters of 0-9A-Za-z><6 check characters>      54 bytes
 *        └ i ingest, b browser, m import, r read, e edit, a admin (its strongest scope)
 *
 * so that secret scanners find it with hs_[ibmrea]_[0-9A-Za-z]{49}. Stored is its SHA-256 only. A
 * slow password hash would add nothing: it makes guesses dear where people choose secrets, but here
 * each secret has 256 random bits, which nobody enumerates at any speed; and each request would pay
 * for it.
 *
 * `struct hs_keys` is a snapshot of all keys and tenants in memory. As it is complete, an unknown
 * key costs one look-up and never reaches the database. A thread reloads it when metadata says that
 * something changed, so that a key made or revoked by another process counts within auth.reload;
 * while metadata is away, the last snapshot stays.
 */
#ifndef HS_PORT_KEYS_H
#define HS_PORT_KEYS_H

#include "port/metadata.h"
#include "port/tenants.h"

enum hs_scope {
    HS_SCOPE_INGEST = 1 << 0,
    HS_SCOPE_BROWSER = 1 << 1, /* public and write-only; stands alone */
    HS_SCOPE_IMPORT = 1 << 2,  /* telemetry of any time within retention */
    HS_SCOPE_READ = 1 << 3,
    HS_SCOPE_EDIT = 1 << 4,
    HS_SCOPE_ADMIN = 1 << 5, /* implies all but browser */
};

enum {
    HS_KEY_ID_LEN = 16,
    HS_KEY_TEXT_LEN = 54,
    HS_KEY_NAME_MAX = 100,
    HS_KEY_ORIGINS_MAX = 1000, /* bytes of all origins of a key */
    HS_KEYS_MAX = 100000,      /* with revoked ones */
};

/* "ingest,read" to a set. HS_EINVAL names the word. */
int hs_scopes_parse(struct hs_str text, unsigned *out, struct hs_err *err);
/* Appends the set as "ingest,read". */
void hs_scopes_format(unsigned scopes, struct hs_buf *out);

struct hs_key_spec {
    struct hs_str tenant;
    struct hs_str name; /* for people; 1 to HS_KEY_NAME_MAX bytes without control characters */
    unsigned scopes;    /* set of enum hs_scope */
    struct hs_str
        origins;        /* browser keys: "https://a.example https://b.example:8443", else empty */
    int64_t expires_ns; /* wall clock; 0: never */
    double rate;        /* events a second; 0: the configured ingest.rate */
};

struct hs_key_info {
    struct hs_str id;
    struct hs_str tenant, name, origins;
    unsigned scopes;
    double rate;
    int64_t created_ns, expires_ns, revoked_ns; /* 0: never */
};

/* Makes a key and gives its text. HS_EINVAL: the specification, HS_ENOTFOUND: the tenant,
 * HS_ELIMIT: HS_KEYS_MAX exist. The caller shows the text once and forgets it. @blocks */
int hs_keys_create(struct hs_metadata *metadata, const struct hs_clock *clock,
                   const struct hs_key_spec *spec, char out_text[HS_KEY_TEXT_LEN + 1],
                   char out_id[HS_KEY_ID_LEN + 1], struct hs_err *err);
/* The record stays, for the list. HS_ENOTFOUND; revoking twice is HS_OK. @blocks */
int hs_keys_revoke(struct hs_metadata *metadata, const struct hs_clock *clock, struct hs_str id,
                   struct hs_err *err);
/* Calls fn for each key in the order of ids; views are borrowed until it returns. @blocks */
typedef void hs_keys_list_fn(void *arg, const struct hs_key_info *info);
int hs_keys_list(struct hs_metadata *metadata, hs_keys_list_fn *fn, void *arg, struct hs_err *err);

/* First start: makes tenant `default`, and an admin key whose text goes to
 * <data>/secrets/admin.key (0600). Later starts do nothing, also when that file was removed. Safe
 * when several processes start at once and when one is killed half-way. *out_made says whether this
 * call made the key. @blocks */
int hs_keys_bootstrap(struct hs_metadata *metadata, const struct hs_clock *clock,
                      const struct hs_conf *conf, bool *out_made, struct hs_err *err);

/* Who a request is. */
struct hs_identity {
    struct hs_tenant tenant;
    char key_id[HS_KEY_ID_LEN + 1]; /* "" without a key */
    unsigned scopes;                /* with what admin implies */
    double rate;                    /* events a second; 0: no limit */
    char origins[HS_KEY_ORIGINS_MAX + 1];
};

/* Whether a page of this origin may use the (browser) key. */
bool hs_identity_allows_origin(const struct hs_identity *identity, struct hs_str origin);

struct hs_keys;

/* Loads, and starts the thread that reloads. Borrows metadata and clock until close. HS_EIO,
 * HS_ELIMIT. @blocks */
int hs_keys_open(struct hs_metadata *metadata, const struct hs_clock *clock,
                 const struct hs_conf *conf, struct hs_keys **out, struct hs_err *err);
void hs_keys_close(struct hs_keys *keys); /* NULL is a no-op */

/* Loads now, for the process that has just made or revoked a key. @thread any @blocks */
int hs_keys_reload(struct hs_keys *keys, struct hs_err *err);

/* Who presents this key. HS_ENOTFOUND: unknown or revoked. HS_ELIMIT: expired. Takes less than 1 us
 * and never waits for the database. @thread any */
int hs_keys_authenticate(struct hs_keys *keys, struct hs_str text, struct hs_identity *out,
                         struct hs_err *err);
/* A tenant as of the snapshot. HS_ENOTFOUND. @thread any */
int hs_keys_tenant(struct hs_keys *keys, struct hs_str id, struct hs_tenant *out,
                   struct hs_err *err);

struct hs_keys_stat {
    size_t keys_n; /* usable ones */
    size_t tenants_n;
    size_t skipped_n;       /* records that do not parse or whose tenant is missing: not usable */
    uint64_t failures_n;    /* reloads that failed since the last good one */
    int64_t checked_ago_ms; /* since metadata was last asked with success */
};
void hs_keys_stat(struct hs_keys *keys, struct hs_keys_stat *out); /* @thread any */

#endif
