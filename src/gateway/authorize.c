#include "gateway/authorize.h"

#include "net/http_key.h"
#include "port/access.h"

bool hs_authorize(struct hs_http_req *req, struct hs_keys *keys, const struct hs_conf *conf,
                  unsigned wanted, struct hs_identity *out)
{
    static const struct hs_access_denial malformed = {401, "invalid_key",
                                                      "the header Authorization holds no key"};
    struct hs_access_facts facts = {
        .on_loopback = hs_http_req_on_loopback(req),
        .keys_mode = hs_str_eq_c(HS_STR("keys"), conf->auth_mode),
        .cross_origin = hs_http_req_cross_origin(req),
        .origin = hs_http_req_header(req, "Origin"),
    };
    const struct hs_access_denial *denial = &malformed;
    struct hs_http_key key;

    if (hs_http_req_key(req, &key, NULL) == HS_OK) {
        facts.key = key.text;
        facts.key_in_url = key.in_url;
        denial = hs_access_check(keys, &facts, wanted, out);
    }
    if (!denial)
        return true;
    if (denial->status == 401)
        hs_http_reply_header(req, "WWW-Authenticate", HS_STR("Bearer"));
    hs_http_reply_problem(req, denial->status, denial->code, "%s", denial->detail);
    return false;
}
