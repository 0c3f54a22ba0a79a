#include "store/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union any_address {
    struct sockaddr sa;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void classify_v6(const struct in6_addr *ip, struct hs_store_address *out)
{
    out->is_ipv6 = true;
    out->is_loopback = IN6_IS_ADDR_LOOPBACK(ip);
}

static int parse_host(struct hs_str host, struct hs_store_address *out)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (hs_str_eq_c(host, "localhost"))
        host = HS_STR("127.0.0.1");
    if (host.n == 0 || host.n >= sizeof(out->host))
        return HS_EINVAL;
    memcpy(out->host, host.p, host.n);
    out->host[host.n] = '\0';
    if (inet_pton(AF_INET, out->host, &v4) == 1) {
        out->is_loopback = (ntohl(v4.s_addr) >> 24) == 127;
        return HS_OK;
    }
    if (inet_pton(AF_INET6, out->host, &v6) != 1)
        return HS_EINVAL;
    classify_v6(&v6, out);
    return HS_OK;
}

int hs_store_address_parse(const char *option, struct hs_str text, struct hs_store_address *out,
                           struct hs_err *err)
{
    struct hs_store_address address = {0};
    struct hs_str host = text;
    uint64_t port = 0;
    size_t colon = text.n;

    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    if (colon == 0 || hs_str_to_u64(hs_str_n(text.p + colon, text.n - colon), &port) != HS_OK ||
        port > UINT16_MAX)
        return hs_err_set(err, HS_EINVAL, 0, "%s is \"%.*s\", want address:port, port 0-65535",
                          option, HS_STR_ARG(text));
    host.n = colon - 1;
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = hs_str_n(host.p + 1, host.n - 2);
    if (parse_host(host, &address) != HS_OK)
        return hs_err_set(err, HS_EINVAL, 0,
                          "%s is \"%.*s\", want a numeric address or localhost before the port",
                          option, HS_STR_ARG(text));
    address.port = (uint16_t)port;
    *out = address;
    return HS_OK;
}

static socklen_t to_sockaddr(const struct hs_store_address *address, union any_address *out)
{
    memset(out, 0, sizeof(*out));
    if (address->is_ipv6) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(address->port);
        inet_pton(AF_INET6, address->host, &out->v6.sin6_addr);
        return sizeof(out->v6);
    }
    out->v4.sin_family = AF_INET;
    out->v4.sin_port = htons(address->port);
    inet_pton(AF_INET, address->host, &out->v4.sin_addr);
    return sizeof(out->v4);
}

int hs_store_address_settle(struct hs_store_address *address, struct hs_err *err)
{
    union any_address any;
    socklen_t n = to_sockaddr(address, &any);
    int rc = HS_OK;
    int fd;

    if (address->port != 0)
        return HS_OK;
    fd = socket(any.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return hs_err_sys(err, "socket for %s", address->host);
    if (bind(fd, &any.sa, n) != 0 || getsockname(fd, &any.sa, &n) != 0)
        rc = hs_err_sys(err, "bind %s port 0", address->host);
    else
        address->port = ntohs(address->is_ipv6 ? any.v6.sin6_port : any.v4.sin_port);
    close(fd);
    return rc;
}

void hs_store_address_format(const struct hs_store_address *address, char out[HS_STORE_ADDRESS_MAX])
{
    snprintf(out, HS_STORE_ADDRESS_MAX, address->is_ipv6 ? "[%.50s]:%u" : "%.50s:%u", address->host,
             (unsigned)address->port);
}

struct hs_store_address hs_store_address_local(const struct hs_store_address *address)
{
    struct hs_store_address local = *address;

    if (!strcmp(address->host, "0.0.0.0"))
        snprintf(local.host, sizeof(local.host), "127.0.0.1");
    if (!strcmp(address->host, "::"))
        snprintf(local.host, sizeof(local.host), "::1");
    return local;
}
