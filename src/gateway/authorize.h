/* Who may read: the key of a request held against a scope. */
#ifndef HS_GATEWAY_AUTHORIZE_H
#define HS_GATEWAY_AUTHORIZE_H

#include "conf/conf.h"
#include "net/http_server.h"
#include "port/keys.h"

/* True: *out is who asks. False: the request was answered with 401 or 403. `wanted` is a set of
 * enum hs_scope of which one suffices. @thread any */
bool hs_authorize(struct hs_http_req *req, struct hs_keys *keys, const struct hs_conf *conf,
                  unsigned wanted, struct hs_identity *out);

#endif
