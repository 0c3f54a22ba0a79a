#include "port/incidents.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

static const int64_t newest_first_s = 999999999999;

size_t hs_incident_key(struct hs_str tenant, int64_t start_s, struct hs_str id,
                       char out[HS_INCIDENT_KEY_MAX])
{
    int n = snprintf(out, HS_INCIDENT_KEY_MAX, "%.*s/%012" PRId64 "/%.*s", HS_STR_ARG(tenant),
                     newest_first_s - start_s, HS_STR_ARG(id));

    HS_ASSERT(n > 0 && n < HS_INCIDENT_KEY_MAX);
    return (size_t)n;
}

size_t hs_incident_id_key(struct hs_str tenant, struct hs_str id, struct hs_str rest,
                          char out[HS_INCIDENT_KEY_MAX])
{
    int n = snprintf(out, HS_INCIDENT_KEY_MAX, "%.*s/%.*s%s%.*s", HS_STR_ARG(tenant),
                     HS_STR_ARG(id), rest.n > 0 ? "/" : "", HS_STR_ARG(rest));

    HS_ASSERT(n > 0 && n < HS_INCIDENT_KEY_MAX);
    return (size_t)n;
}

bool hs_incident_todo_parse(struct hs_str key, struct hs_str *out_tenant, struct hs_str *out_id,
                            struct hs_str *out_action)
{
    return hs_str_split(&key, '/', out_tenant) && hs_str_split(&key, '/', out_id) &&
           hs_str_split(&key, '/', out_action) && hs_incident_id_ok(*out_id);
}

bool hs_incident_id_ok(struct hs_str id)
{
    unsigned char bytes[HS_INCIDENT_ID_LEN / 2];

    return id.n == HS_INCIDENT_ID_LEN && hs_hex_decode(id, bytes, sizeof(bytes)) == HS_OK;
}
