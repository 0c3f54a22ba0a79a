/*
 * The addresses of the store's listeners: "127.0.0.1:8123", "[::1]:0", "localhost:8123".
 *
 * ClickHouse takes a port, not a socket, so a free port is found by binding it once and closing it.
 * Between the two somebody else may take it; then the engine's own bind fails, the start fails, and
 * the next start picks another.
 */
#ifndef HS_STORE_ADDRESS_H
#define HS_STORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { HS_STORE_ADDRESS_MAX = 64 };

struct hs_store_address {
    char host[HS_STORE_ADDRESS_MAX]; /* numeric, without brackets */
    uint16_t port;                   /* 0: any free one */
    bool is_ipv6;
    bool is_loopback;
};

/* Reads "host:port"; `option` is named in errors. "localhost" means 127.0.0.1, other names are
 * refused: HS_EINVAL. @thread any */
int hs_store_address_parse(const char *option, struct hs_str text, struct hs_store_address *out,
                           struct hs_err *err);

/* Replaces port 0 by one that is free; another port is left as it is. HS_EIO when the address
 * cannot be bound. @thread any */
int hs_store_address_settle(struct hs_store_address *address, struct hs_err *err);

/* "127.0.0.1:8123" or "[::1]:8123". */
void hs_store_address_format(const struct hs_store_address *address,
                             char out[HS_STORE_ADDRESS_MAX]);

/* Where a client on this machine connects to: the address itself, loopback for a wildcard. */
struct hs_store_address hs_store_address_local(const struct hs_store_address *address);

#endif
