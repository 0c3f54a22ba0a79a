#include "collector/parser.h"

#include <string.h>
#include <yyjson.h>

#include "base/mem.h"
#include "model/event.h"

enum { POOL_BYTES_MIN = 64 << 10, PADDING = YYJSON_PADDING_SIZE };
_Static_assert((int)PADDING <= (int)HS_BODY_PADDING, "the body's padding is enough");

void hs_parser_init(struct hs_parser *parser)
{
    *parser = (struct hs_parser){0};
}

void hs_parser_fini(struct hs_parser *parser)
{
    if (!parser)
        return;
    hs_free(parser->pool);
    hs_parser_init(parser);
}

void hs_parser_reset(struct hs_parser *parser)
{
    if (parser->cap > HS_PARSER_KEEP_MAX)
        hs_parser_fini(parser);
}

/* The bound of yyjson is some 12 bytes for each of the text; pages that it does not reach are never
 * touched. */
static bool reserve_pool(struct hs_parser *parser, size_t n, yyjson_read_flag flags)
{
    size_t need = yyjson_read_max_memory_usage(n, flags);

    if (need == 0)
        return false;
    if (need <= parser->cap)
        return true;
    hs_free(parser->pool);
    parser->cap = HS_MAX(need, (size_t)POOL_BYTES_MIN);
    parser->pool = hs_try_alloc(parser->cap);
    if (!parser->pool)
        parser->cap = 0;
    return parser->pool != NULL;
}

static yyjson_doc *read_doc(struct hs_parser *parser, char *p, size_t n, yyjson_read_flag flags,
                            yyjson_read_err *out_err)
{
    yyjson_alc alc;

    *out_err = (yyjson_read_err){.code = YYJSON_READ_ERROR_MEMORY_ALLOCATION};
    if (!reserve_pool(parser, n, flags) || !yyjson_alc_pool_init(&alc, parser->pool, parser->cap))
        return NULL;
    return yyjson_read_opts(p, n, flags, &alc, out_err);
}

int hs_parser_read(struct hs_parser *parser, char *body, size_t n, struct yyjson_val **out,
                   struct hs_err *err)
{
    char behind[PADDING];
    yyjson_read_err why;
    yyjson_doc *doc;

    memcpy(behind, body + n, PADDING);
    memset(body + n, 0, PADDING);
    doc = read_doc(parser, body, n, YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW, &why);
    memcpy(body + n, behind, PADDING);
    if (doc) {
        *out = yyjson_doc_get_root(doc);
        return HS_OK;
    }
    if (n == 0)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON, "not JSON: the body is empty");
    if (why.code == YYJSON_READ_ERROR_EMPTY_CONTENT)
        return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON,
                          "not JSON: there are only %zu bytes of white space", n);
    if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return hs_err_set(err, HS_ELIMIT, 0, "JSON of %zu bytes does not fit into memory", n);
    return hs_err_set(err, HS_EINVAL, HS_REFUSED_JSON, "not JSON at byte %zu of %zu: %s", why.pos,
                      n, why.msg ? why.msg : "unreadable");
}

bool hs_parser_is_json(struct hs_parser *parser, const char *p, size_t n)
{
    yyjson_read_err why;

    /* Without INSITU yyjson copies the text and does not write to it. */
    return read_doc(parser, (char *)(uintptr_t)p, n, YYJSON_READ_NUMBER_AS_RAW, &why) != NULL;
}

bool hs_ndjson_next(struct hs_str *rest, struct hs_str *out_line)
{
    struct hs_str line;

    while (hs_str_split(rest, '\n', &line)) {
        line = hs_str_trim(line);
        if (line.n > 0) {
            *out_line = line;
            return true;
        }
    }
    return false;
}
