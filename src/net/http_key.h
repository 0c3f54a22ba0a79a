/*
 * The API key that a request presents. Whoever gets it hands it to hs_access_check and nowhere
 * else: neither the key nor a URL that holds one is ever logged or put into an answer.
 *
 *     Authorization: Bearer KEY
 *     Authorization: ApiKey KEY             or base64("anything:KEY"), as Elasticsearch's clients
 *     Authorization: Basic base64("anything:KEY")
 *     X-API-Key: KEY
 *     ?key=KEY                              for browser keys only, which hs_access_check holds to
 *
 * The first of these that is there counts.
 */
#ifndef HS_NET_HTTP_KEY_H
#define HS_NET_HTTP_KEY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "net/http_server.h"

enum { HS_HTTP_KEY_HEADER_MAX = 1024 };

struct hs_http_key {
    struct hs_str text; /* borrowed from the request or its arena; empty: none is presented */
    bool in_url;
};

/* HS_EINVAL: the header Authorization is none of the above (answer 401). @thread any */
int hs_http_req_key(struct hs_http_req *req, struct hs_http_key *out, struct hs_err *err);

/* The same from the three texts, of which each may be empty. */
int hs_http_key_parse(struct hs_str authorization, struct hs_str x_api_key, struct hs_str url_key,
                      struct hs_arena *arena, struct hs_http_key *out, struct hs_err *err);

#endif
