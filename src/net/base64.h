/*
 * Base64 (RFC 4648). Writing uses the standard alphabet with padding; reading takes the standard
 * and the URL-safe alphabet, padding present or not. @thread any
 */
#ifndef HS_NET_BASE64_H
#define HS_NET_BASE64_H

#include "base/buf.h"
#include "base/str.h"

void hs_base64_encode(struct hs_str bytes, struct hs_buf *out);
/* Appends the decoded bytes. HS_EINVAL: a character that is none of base64's, or a length that no
 * bytes have; out keeps what was decoded until then. */
int hs_base64_decode(struct hs_str text, struct hs_buf *out);

#endif
