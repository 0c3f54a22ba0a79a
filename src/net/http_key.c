#include "net/http_key.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/base64.h"

/* What follows the first colon of base64("name:secret"). */
static int decode_pair(struct hs_str text, struct hs_arena *arena, struct hs_str *out,
                       struct hs_err *err)
{
    struct hs_buf pair;
    struct hs_str decoded, copy;
    size_t colon;
    int rc = HS_OK;

    hs_buf_init(&pair, HS_HTTP_KEY_HEADER_MAX);
    if (hs_base64_decode(text, &pair) || !hs_buf_ok(&pair)) {
        rc = hs_err_set(err, HS_EINVAL, 0, "header Authorization is not base64");
        goto out;
    }
    decoded = hs_buf_str(&pair);
    colon = hs_str_index(decoded, ':');
    if (colon == decoded.n) {
        rc = hs_err_set(err, HS_EINVAL, 0, "header Authorization holds no name:secret");
        goto out;
    }
    copy = hs_arena_copy(arena, hs_str_n(decoded.p + colon + 1, decoded.n - colon - 1));
    if (!copy.p)
        rc = hs_err_set(err, HS_ELIMIT, 0, "header Authorization does not fit the request's arena");
    else
        *out = copy;
out:
    hs_buf_fini(&pair);
    return rc;
}

static int take_bearer(struct hs_str text, struct hs_arena *arena, struct hs_str *out,
                       struct hs_err *err)
{
    (void)arena;
    (void)err;
    *out = text;
    return HS_OK;
}

static int take_api_key(struct hs_str text, struct hs_arena *arena, struct hs_str *out,
                        struct hs_err *err)
{
    if (!hs_str_starts_with(text, HS_STR("hs_")))
        return decode_pair(text, arena, out, err);
    *out = text;
    return HS_OK;
}

struct scheme {
    const char *name;
    int (*take)(struct hs_str text, struct hs_arena *arena, struct hs_str *out, struct hs_err *err);
};

static const struct scheme schemes[] = {
    {"Bearer", take_bearer},
    {"ApiKey", take_api_key},
    {"Basic", decode_pair},
};

static int parse_authorization(struct hs_str header, struct hs_arena *arena, struct hs_str *out,
                               struct hs_err *err)
{
    size_t space = hs_str_index(header, ' ');
    struct hs_str name = hs_str_n(header.p, space);
    struct hs_str rest = hs_str_trim(hs_str_n(header.p + space, header.n - space));
    size_t i;

    if (header.n > HS_HTTP_KEY_HEADER_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "header Authorization is %zu bytes, limit %d",
                          header.n, HS_HTTP_KEY_HEADER_MAX);
    for (i = 0; i < HS_ARRAY_LEN(schemes); i++)
        if (hs_str_ieq(name, hs_str_c(schemes[i].name)))
            return schemes[i].take(rest, arena, out, err);
    return hs_err_set(err, HS_EINVAL, 0,
                      "header Authorization is none of Bearer, ApiKey and Basic");
}

int hs_http_key_parse(struct hs_str authorization, struct hs_str x_api_key, struct hs_str url_key,
                      struct hs_arena *arena, struct hs_http_key *out, struct hs_err *err)
{
    struct hs_http_key key = {.text = HS_STR_NULL};
    int rc = HS_OK;

    authorization = hs_str_trim(authorization);
    x_api_key = hs_str_trim(x_api_key);
    if (authorization.n > 0) {
        rc = parse_authorization(authorization, arena, &key.text, err);
    } else if (x_api_key.n > 0) {
        key.text = x_api_key;
    } else if (url_key.n > 0) {
        key.text = url_key;
        key.in_url = true;
    }
    if (rc == HS_OK)
        *out = key;
    return rc;
}

int hs_http_req_key(struct hs_http_req *req, struct hs_http_key *out, struct hs_err *err)
{
    struct hs_str url_key = HS_STR_NULL;

    hs_http_req_query(req, "key", 0, &url_key);
    return hs_http_key_parse(hs_http_req_header(req, "Authorization"),
                             hs_http_req_header(req, "X-API-Key"), url_key, hs_http_req_arena(req),
                             out, err);
}
