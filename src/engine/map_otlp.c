#include "engine/map_otlp.h"

enum { HEX_BYTES_MAX = 16 };

static struct hs_str resource_text(struct hs_str resource, const char *key)
{
    struct hs_otlp_value value =
        hs_otlp_attr_find(resource, HS_OTLP_RESOURCE_ATTRIBUTES, hs_str_c(key));

    return value.kind == HS_OTLP_STR ? value.str : HS_STR_NULL;
}

void hs_map_resource_read(struct hs_map_resource *resource, const struct hs_otlp_iter *iter)
{
    struct hs_str message = iter->section.resource;

    if (resource->resource_n == iter->resource_n)
        return;
    resource->resource_n = iter->resource_n;
    resource->service = resource_text(message, "service.name");
    resource->version = resource_text(message, "service.version");
    resource->environment = resource_text(message, "deployment.environment.name");
    if (resource->environment.n == 0)
        resource->environment = resource_text(message, "deployment.environment");
}

void hs_map_otlp_attributes(struct hs_block *block, unsigned col, struct hs_str message,
                            enum hs_otlp_repeated number, struct hs_buf *text)
{
    struct hs_otlp_each each;
    struct hs_otlp_attr attr;

    hs_otlp_each_init(&each, message, number);
    while (hs_otlp_attr_next(&each, &attr) > 0) {
        if (attr.value.kind == HS_OTLP_STR) {
            hs_block_map_str(block, col, attr.key, attr.value.str);
            continue;
        }
        hs_buf_reset(text);
        hs_otlp_value_text(&attr.value, text);
        hs_block_map_str(block, col, attr.key, hs_buf_str(text));
    }
    hs_block_array_end(block, col);
}

void hs_map_hex(struct hs_block *block, unsigned col, struct hs_str bytes)
{
    char hex[2 * HEX_BYTES_MAX];

    if (bytes.n > HEX_BYTES_MAX)
        bytes.n = HEX_BYTES_MAX;
    hs_hex_encode(bytes.p, bytes.n, hex);
    hs_block_str(block, col, hs_str_n(hex, 2 * bytes.n));
}

struct hs_otlp_scope hs_map_scope(const struct hs_otlp_iter *iter)
{
    struct hs_otlp_scope scope;

    if (hs_otlp_scope_read(iter->section.scope, &scope, NULL) != HS_OK)
        return (struct hs_otlp_scope){.name = HS_STR_NULL};
    return scope;
}

int hs_map_grow(const struct hs_otlp_iter *iter, struct hs_str message, size_t *bytes,
                struct hs_err *err)
{
    *bytes += message.n + iter->section.resource.n + iter->section.scope.n;
    if (*bytes > HS_ROWS_MESSAGE_BYTES_MAX)
        return hs_err_set(err, HS_EINVAL, 0,
                          "message becomes more than %d bytes, its resource counted with each row",
                          HS_ROWS_MESSAGE_BYTES_MAX);
    return HS_OK;
}
