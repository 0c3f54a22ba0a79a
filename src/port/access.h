/*
 * May this request do that? The rules of design §1 and §3 in one place, for collector and gateway:
 *
 * - A key is taken as presented: unknown or expired is 401; a scope that it lacks is 403.
 * - In auth.mode "loopback" a request without a key on a loopback listener is tenant `default` with
 *   scopes ingest, import and read and no rate limit. Anywhere else a key is wanted.
 * - Only browser keys may stand in a URL, which logs and histories keep, and only they may be used
 *   by pages of another origin, and then only of their own origins.
 */
#ifndef HS_PORT_ACCESS_H
#define HS_PORT_ACCESS_H

#include "port/keys.h"

struct hs_access_facts {
    bool on_loopback;     /* the listener is on loopback */
    bool keys_mode;       /* auth.mode is "keys" */
    bool cross_origin;    /* sent by a page of another origin */
    bool key_in_url;      /* the key came as ?key= */
    struct hs_str key;    /* as presented; empty: none */
    struct hs_str origin; /* header Origin; empty: none */
};

/* Why not: for hs_http_reply_problem. Texts are literals. */
struct hs_access_denial {
    int status;       /* 401 or 403; 401 wants a WWW-Authenticate header */
    const char *code; /* short word from a closed set */
    const char *detail;
};

/* What hs_access_decide is told about the key. */
enum hs_key_state { HS_KEY_NONE, HS_KEY_KNOWN, HS_KEY_UNKNOWN, HS_KEY_EXPIRED };

/* The decision alone; pure. `wanted` is a set of enum hs_scope of which one suffices. Returns NULL
 * when the request may pass, as identity's owner (KNOWN) or as the default tenant (NONE). */
const struct hs_access_denial *hs_access_decide(const struct hs_access_facts *facts,
                                                enum hs_key_state state,
                                                const struct hs_identity *identity,
                                                unsigned wanted);

/* Looks the key up and decides. NULL: *out is who it is; else *out is undefined. Never waits for
 * the database. @thread any */
const struct hs_access_denial *hs_access_check(struct hs_keys *keys,
                                               const struct hs_access_facts *facts, unsigned wanted,
                                               struct hs_identity *out);

#endif
