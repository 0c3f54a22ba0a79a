#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "net/http_server_int.h"

int http_refuse(struct hs_http_req *req, int status, const char *code, const char *reason,
                const char *fmt, ...)
{
    va_list ap;

    req->refused_status = status;
    req->refused_code = code;
    va_start(ap, fmt);
    vsnprintf(req->refused_detail, sizeof(req->refused_detail), fmt, ap);
    va_end(ap);
    http_count_refused(req->listener, reason);
    return HS_EINVAL;
}

static size_t count_headers(const struct hs_http_req *req, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < req->headers_n; i++)
        n += hs_str_ieq(req->headers[i].name, hs_str_c(name));
    return n;
}

static bool is_token(struct hs_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return s.n > 0;
}

static bool is_field_value(struct hs_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static int check_fields(struct hs_http_req *req)
{
    if (req->folded)
        return http_refuse(req, 400, "folded_header", "header",
                           "a header field is folded over several lines or has more than 64 "
                           "spaces in front of its value");
    for (size_t i = 0; i < req->headers_n; i++) {
        struct hs_str name = req->headers[i].name;

        if (!is_token(name))
            return http_refuse(req, 400, "invalid_header", "header",
                               "header field %zu has a name that is not a token", i + 1);
        if (!is_field_value(req->headers[i].value))
            return http_refuse(req, 400, "invalid_header", "header",
                               "header field %zu has a control byte in its value", i + 1);
    }
    return HS_OK;
}

/* Content-Length and Transfer-Encoding must leave no doubt where the body ends: what is in front
 * of this server may read a doubtful request differently. */
int http_check_framing(struct hs_http_req *req)
{
    size_t lengths = count_headers(req, "Content-Length");
    size_t codings = count_headers(req, "Transfer-Encoding");
    struct hs_str coding = hs_str_trim(hs_http_req_header(req, "Transfer-Encoding"));
    struct hs_str length = hs_str_trim(hs_http_req_header(req, "Content-Length"));
    size_t hosts = count_headers(req, "Host");

    if (check_fields(req) != HS_OK)
        return HS_EINVAL;
    if (hosts > 1) /* somebody before us may have read it as two requests */
        return http_refuse(req, 400, "duplicate_host", "host",
                           "request has %zu Host fields, limit 1", hosts);
    if (lengths > 1)
        return http_refuse(req, 400, "duplicate_content_length", "content_length",
                           "request has %zu Content-Length fields, limit 1", lengths);
    if (lengths > 0 && codings > 0)
        return http_refuse(req, 400, "ambiguous_length", "transfer_encoding",
                           "request has both Content-Length and Transfer-Encoding");
    if (codings > 1)
        return http_refuse(req, 400, "ambiguous_length", "transfer_encoding",
                           "request has %zu Transfer-Encoding fields, limit 1", codings);
    if (codings == 1 && !hs_str_ieq(coding, HS_STR("chunked")))
        return http_refuse(req, 501, "unsupported_transfer_encoding", "transfer_encoding",
                           "Transfer-Encoding is not supported, only \"chunked\" is");
    if (lengths == 1 && hs_str_to_u64(length, &req->length) != HS_OK)
        return http_refuse(req, 400, "invalid_content_length", "content_length",
                           "Content-Length is not a whole number below 2^64");
    req->chunked = codings == 1;
    req->has_length = lengths == 1;
    return HS_OK;
}

/* Splits "host:port" and "[v6]:port". False when it is neither. */
static bool split_host(struct hs_str s, struct hs_str *host, struct hs_str *port)
{
    size_t end;
    uint64_t number;

    if (s.n > 0 && s.p[0] == '[') {
        end = hs_str_index(s, ']');
        if (end == s.n)
            return false;
        *host = hs_str_n(s.p, end + 1);
        end++;
    } else {
        end = hs_str_index(s, ':');
        *host = hs_str_n(s.p, end);
    }
    *port = HS_STR("");
    if (end == s.n)
        return host->n > 0;
    if (s.p[end] != ':')
        return false;
    *port = hs_str_n(s.p + end + 1, s.n - end - 1);
    return host->n > 0 &&
           (port->n == 0 || (hs_str_to_u64(*port, &number) == HS_OK && number < 65536));
}

static bool host_is_loopback(struct hs_str host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr v6;
    struct in_addr v4;

    if (hs_str_ieq(host, HS_STR("localhost")) || hs_str_ieq(host, HS_STR("localhost.")))
        return true;
    if (host.n >= sizeof(text))
        return false;
    if (host.n > 2 && host.p[0] == '[') {
        snprintf(text, sizeof(text), "%.*s", (int)host.n - 2, host.p + 1);
        return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    }
    snprintf(text, sizeof(text), "%.*s", HS_STR_ARG(host));
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static struct hs_str request_host(const struct hs_http_req *req)
{
    if (req->target.authority.p)
        return req->target.authority;
    return hs_str_trim(hs_http_req_header(req, "Host"));
}

int http_check_target(struct hs_http_req *req)
{
    size_t hosts = count_headers(req, "Host");
    struct hs_str name;
    struct hs_str port;
    struct hs_err err;
    int rc;

    rc = hs_http_target_parse(req->raw_target, &req->arena, &req->target, &err);
    if (rc == HS_ELIMIT)
        return http_refuse(req, 414, "uri_too_long", "path", "%s", err.text);
    if (rc != HS_OK)
        return http_refuse(req, 400, "invalid_path", "path", "%s", err.text);
    if (hosts == 0 && !req->target.authority.p)
        return HS_OK; /* HTTP/1.0: no browser sends that; 1.1 was refused before */
    if (!split_host(request_host(req), &name, &port))
        return http_refuse(req, 400, "invalid_host", "host",
                           "Host is not \"name\" or \"name:port\"");
    if (req->listener->loopback && !host_is_loopback(name))
        return http_refuse(req, 403, "host_not_allowed", "host",
                           "Host \"%.*s\" is not a loopback name; this address answers to "
                           "localhost, 127.0.0.0/8 and [::1]",
                           (int)HS_MIN(name.n, (size_t)100), name.p);
    return HS_OK;
}

/* Whether an Origin ("http://host:port") names the host that the request was sent to. */
static bool origin_is_host(struct hs_str origin, struct hs_str host)
{
    bool https = hs_str_starts_with(origin, HS_STR("https://"));
    struct hs_str default_port = https ? HS_STR("443") : HS_STR("80");
    struct hs_str names[2];
    struct hs_str ports[2];

    if (!https && !hs_str_starts_with(origin, HS_STR("http://")))
        return false;
    origin = hs_str_n(origin.p + (https ? 8 : 7), origin.n - (https ? 8 : 7));
    if (!split_host(origin, &names[0], &ports[0]) || !split_host(host, &names[1], &ports[1]))
        return false;
    for (size_t i = 0; i < 2; i++)
        ports[i] = ports[i].n > 0 ? ports[i] : default_port;
    return hs_str_ieq(names[0], names[1]) && hs_str_eq(ports[0], ports[1]);
}

/* A link that somebody clicked: shows a page at the top level and tells the other page nothing. */
static bool is_navigation(const struct hs_http_req *req)
{
    return (req->method == HS_GET || req->method == HS_HEAD) &&
           hs_str_eq_c(hs_http_req_header(req, "Sec-Fetch-Mode"), "navigate") &&
           hs_str_eq_c(hs_http_req_header(req, "Sec-Fetch-Dest"), "document");
}

/* Pages cannot forge Sec-Fetch-Site, so it is believed; where a proxy changed the Host it is the
 * only thing that is right. On loopback Origin must agree as well. */
int http_check_origin(struct hs_http_req *req)
{
    struct hs_str origin = hs_http_req_header(req, "Origin");
    struct hs_str site = hs_http_req_header(req, "Sec-Fetch-Site");
    bool same_site = hs_str_eq_c(site, "same-origin") || hs_str_eq_c(site, "none");
    bool foreign = origin.p && !origin_is_host(origin, request_host(req));

    if (site.p && (!same_site || !req->listener->loopback))
        foreign = !same_site;
    req->cross_origin = foreign;
    return HS_OK;
}

static bool is_write(enum hs_http_method method)
{
    return method == HS_POST || method == HS_PUT || method == HS_DELETE ||
           method == HS_METHOD_OTHER;
}

/* A media type that a page may send to another origin without asking first. */
static bool is_simple_type(const struct hs_http_req *req)
{
    static const char *const simple[] = {"text/plain", "application/x-www-form-urlencoded",
                                         "multipart/form-data"};

    for (size_t i = 0; i < HS_ARRAY_LEN(simple); i++) {
        if (hs_str_eq_c(req->content_type, simple[i]))
            return true;
    }
    return req->content_type.n == 0;
}

static int refuse_type(struct hs_http_req *req)
{
    static const char rule[] =
        "send the body with its own media type, for example \"Content-Type: application/json\"";

    if (req->content_type.n == 0)
        return http_refuse(req, 415, "unsupported_media_type", "content_type",
                           "Content-Type is missing; %s", rule);
    return http_refuse(req, 415, "unsupported_media_type", "content_type",
                       "Content-Type is \"%.*s\"; %s",
                       (int)HS_MIN(req->content_type.n, (size_t)100), req->content_type.p, rule);
}

/* The rules that a route may lift. */
int http_check_route(struct hs_http_req *req)
{
    unsigned flags = req->route ? req->route->row.flags : 0;
    bool has_body = req->chunked || req->length > 0;

    if (req->cross_origin && !(flags & HS_ROUTE_CORS) && !is_navigation(req))
        return http_refuse(req, 403, "origin_not_allowed", "origin",
                           "the request comes from a page of another origin");
    if (req->route && is_write(req->method) && !(flags & HS_ROUTE_SIMPLE_TYPE) &&
        is_simple_type(req) && (has_body || req->has_content_type))
        return refuse_type(req);
    return HS_OK;
}

/* The limits and the coding of the body. */
int http_check_body(struct hs_http_req *req)
{
    const struct hs_http_server *server = req->server;
    const struct hs_route *row = req->route ? &req->route->row : NULL;
    struct hs_str coding = hs_http_req_header(req, "Content-Encoding");
    struct hs_err err;

    req->body_max = server->body_max;
    req->inflated_max = server->inflated_max;
    if (row && row->flags & HS_ROUTE_NO_BODY_LIMIT)
        req->inflated_max *= 4;
    if (row && row->body_max > 0) {
        req->body_max = HS_MIN(req->body_max, row->body_max);
        req->inflated_max = HS_MIN(req->inflated_max, row->body_max);
    }
    if (count_headers(req, "Content-Encoding") > 1 ||
        hs_coding_parse(coding, &req->coding, &err) != HS_OK)
        return http_refuse(req, 415, "unsupported_content_encoding", "content_encoding", "%s",
                           count_headers(req, "Content-Encoding") > 1
                               ? "request has more than one Content-Encoding field"
                               : err.text);
    if (req->length > req->body_max)
        return http_refuse(req, 413, "body_too_large", "body_max", "body is %llu bytes, limit %llu",
                           (unsigned long long)req->length, (unsigned long long)req->body_max);
    return HS_OK;
}
