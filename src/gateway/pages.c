/* What people open in a browser: the start page, /docs and their files, all out of the program.
 * They hold no data; what they show, they ask of the API with the visitor's key. */
#include "embed/assets.h"
#include "embed/openapi.h"
#include "gateway/gateway_int.h"

static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static const char *type_of(struct hs_str name)
{
    if (hs_str_ends_with(name, HS_STR(".js")))
        return "text/javascript; charset=utf-8";
    if (hs_str_ends_with(name, HS_STR(".css")))
        return "text/css; charset=utf-8";
    if (hs_str_ends_with(name, HS_STR(".svg")))
        return "image/svg+xml";
    return "text/html; charset=utf-8";
}

static const struct hs_embed_file *find_file(struct hs_str name)
{
    size_t i;

    for (i = 0; i < hs_embed_assets_count; i++) {
        if (hs_str_eq_c(name, hs_embed_assets[i].name))
            return &hs_embed_assets[i];
    }
    return NULL;
}

static void send_file(struct hs_http_req *req, struct hs_str name)
{
    const struct hs_embed_file *file = find_file(name);

    if (!file) {
        hs_http_reply_problem(req, 404, "not_found", "there is no file %.*s",
                              HS_STR_ARG(hs_str_utf8_cut(name, 64)));
        return;
    }
    hs_http_reply_header(req, "Content-Security-Policy", hs_str_c(page_policy));
    hs_http_reply_header(req, "X-Content-Type-Options", HS_STR("nosniff"));
    hs_http_reply_header(req, "Referrer-Policy", HS_STR("no-referrer"));
    hs_http_reply_header(req, "Cache-Control", HS_STR("no-cache"));
    hs_http_reply_etag(req);
    hs_http_reply(req, 200, type_of(name), hs_str_n(file->data, file->size));
}

void hs_gateway_start_page(struct hs_http_req *req, void *arg)
{
    (void)arg;
    send_file(req, HS_STR("start.html"));
}

void hs_gateway_docs_page(struct hs_http_req *req, void *arg)
{
    (void)arg;
    send_file(req, HS_STR("docs.html"));
}

void hs_gateway_asset(struct hs_http_req *req, void *arg)
{
    (void)arg;
    send_file(req, hs_http_req_path_param(req, "name"));
}

void hs_gateway_openapi(struct hs_http_req *req, void *arg)
{
    (void)arg;
    hs_http_reply_header(req, "X-Content-Type-Options", HS_STR("nosniff"));
    hs_http_reply_etag(req);
    hs_http_reply(req, 200, "application/yaml", hs_str_n(hs_embed_openapi, hs_embed_openapi_size));
}
