#include "port/access.h"

#include <string.h>

#include "base/mem.h"

#define KEYLESS_SCOPES (HS_SCOPE_INGEST | HS_SCOPE_IMPORT | HS_SCOPE_READ)

static const struct hs_access_denial key_wanted = {
    401, "key_required", "this request needs an API key (Authorization: Bearer, or X-API-Key)"};
static const struct hs_access_denial keyless_scope = {
    401, "key_required",
    "without a key only telemetry and reading are allowed here; this needs an API key"};
static const struct hs_access_denial key_unknown = {401, "key_unknown",
                                                    "the API key is unknown or was revoked"};
static const struct hs_access_denial key_expired = {401, "key_expired", "the API key has expired"};
static const struct hs_access_denial key_in_url = {
    403, "key_in_url", "only browser keys may stand in a URL; send the key in a header"};
static const struct hs_access_denial foreign_page = {403, "cross_origin",
                                                     "pages of another origin need a browser key"};
static const struct hs_access_denial foreign_origin = {
    403, "origin_not_allowed", "the browser key does not allow this origin"};
static const struct hs_access_denial scope_missing = {
    403, "scope_missing", "the API key lacks the scope that this request needs"};
static const struct hs_access_denial tenant_missing = {
    401, "key_required", "the default tenant does not exist; this request needs an API key"};

static const struct hs_access_denial *decide_keyless(const struct hs_access_facts *facts,
                                                     unsigned wanted)
{
    if (!facts->on_loopback || facts->keys_mode)
        return &key_wanted;
    if (facts->cross_origin)
        return &foreign_page;
    return wanted & KEYLESS_SCOPES ? NULL : &keyless_scope;
}

static const struct hs_access_denial *decide_known(const struct hs_access_facts *facts,
                                                   const struct hs_identity *identity,
                                                   unsigned wanted)
{
    bool browser = identity->scopes & HS_SCOPE_BROWSER;

    if (facts->key_in_url && !browser)
        return &key_in_url;
    if (facts->cross_origin && !browser)
        return &foreign_page;
    if (facts->cross_origin && !hs_identity_allows_origin(identity, facts->origin))
        return &foreign_origin;
    return wanted & identity->scopes ? NULL : &scope_missing;
}

const struct hs_access_denial *hs_access_decide(const struct hs_access_facts *facts,
                                                enum hs_key_state state,
                                                const struct hs_identity *identity, unsigned wanted)
{
    HS_ASSERT(wanted != 0);
    switch (state) {
    case HS_KEY_NONE: return decide_keyless(facts, wanted);
    case HS_KEY_KNOWN: return decide_known(facts, identity, wanted);
    case HS_KEY_EXPIRED: return &key_expired;
    default: return &key_unknown;
    }
}

static enum hs_key_state look_up(struct hs_keys *keys, struct hs_str key, struct hs_identity *out)
{
    if (key.n == 0)
        return HS_KEY_NONE;
    switch (hs_keys_authenticate(keys, key, out, NULL)) {
    case HS_OK: return HS_KEY_KNOWN;
    case HS_ELIMIT: return HS_KEY_EXPIRED;
    default: return HS_KEY_UNKNOWN;
    }
}

const struct hs_access_denial *hs_access_check(struct hs_keys *keys,
                                               const struct hs_access_facts *facts, unsigned wanted,
                                               struct hs_identity *out)
{
    enum hs_key_state state = look_up(keys, facts->key, out);
    const struct hs_access_denial *denial = hs_access_decide(facts, state, out, wanted);

    if (denial || state == HS_KEY_KNOWN)
        return denial;
    out->key_id[0] = '\0';
    out->origins[0] = '\0';
    out->scopes = KEYLESS_SCOPES;
    out->rate = 0;
    if (hs_keys_tenant(keys, HS_STR(HS_TENANT_DEFAULT), &out->tenant, NULL))
        return &tenant_missing;
    return NULL;
}
