/*
 * The configuration file: YAML through libyaml, flattened to dotted names.
 *
 *     listen:
 *       gateway: 127.0.0.1:8000     listen.gateway = 127.0.0.1:8000
 *     listen.store: ""              listen.store = (empty)
 *     roles: [collector, engine]    roles = collector,engine
 *
 * A list becomes its items joined by ',' (by line breaks for options that say so). One document;
 * nesting is bounded, so that anchors that refer to themselves end.
 */
#include <stdio.h>
#include <yaml.h>

#include "base/mem.h"
#include "conf/option.h"

enum { DEPTH_MAX = 8, NAME_MAX_BYTES = 128, LIST_MAX_BYTES = 64 << 10 };

struct walk {
    yaml_document_t doc;
    hs_yaml_each_fn *each;
    void *arg;
    struct hs_err *err;
    struct hs_buf name; /* dotted name of the node */
};

static unsigned node_line(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static struct hs_str scalar_text(const yaml_node_t *node)
{
    struct hs_str s = hs_str_n(node->data.scalar.value, node->data.scalar.length);
    bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (plain && (hs_str_eq_c(s, "~") || hs_str_eq_c(s, "null")))
        return HS_STR("");
    return s;
}

static int walk_list(struct walk *walk, const yaml_node_t *node)
{
    const struct hs_option *option = hs_option_find(hs_buf_str(&walk->name));
    char separator = option && option->flags & HS_OPTION_LINES ? '\n' : ',';
    const yaml_node_item_t *item;
    struct hs_buf text;
    int rc;

    hs_buf_init(&text, LIST_MAX_BYTES);
    for (item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        const yaml_node_t *child = yaml_document_get_node(&walk->doc, *item);

        if (!child || child->type != YAML_SCALAR_NODE) {
            rc = hs_err_set(walk->err, HS_EINVAL, 0, "line %u: %s: a list may hold texts only",
                            node_line(node), hs_buf_cstr(&walk->name));
            goto out;
        }
        if (item != node->data.sequence.items.start)
            hs_buf_add_char(&text, separator);
        hs_buf_add_str(&text, scalar_text(child));
    }
    if (!hs_buf_ok(&text)) {
        rc = hs_err_set(walk->err, HS_EINVAL, 0, "line %u: %s: the list passes %d bytes",
                        node_line(node), hs_buf_cstr(&walk->name), LIST_MAX_BYTES);
        goto out;
    }
    rc = walk->each(walk->arg, hs_buf_str(&walk->name), hs_buf_str(&text), node_line(node),
                    walk->err);
out:
    hs_buf_fini(&text);
    return rc;
}

static int walk_node(struct walk *walk, const yaml_node_t *node, unsigned depth);

static int walk_pair(struct walk *walk, const yaml_node_pair_t *pair, unsigned depth)
{
    const yaml_node_t *key = yaml_document_get_node(&walk->doc, pair->key);
    const yaml_node_t *value = yaml_document_get_node(&walk->doc, pair->value);
    size_t before = walk->name.n;
    int rc;

    HS_ASSERT(key != NULL);
    HS_ASSERT(value != NULL);
    if (key->type != YAML_SCALAR_NODE)
        return hs_err_set(walk->err, HS_EINVAL, 0, "line %u: a name must be a text",
                          node_line(key));
    if (before > 0)
        hs_buf_add_char(&walk->name, '.');
    hs_buf_add(&walk->name, key->data.scalar.value, key->data.scalar.length);
    if (!hs_buf_ok(&walk->name))
        return hs_err_set(walk->err, HS_EINVAL, 0, "line %u: a name passes %d bytes",
                          node_line(key), NAME_MAX_BYTES);
    rc = walk_node(walk, value, depth + 1);
    walk->name.n = before;
    return rc;
}

static int walk_map(struct walk *walk, const yaml_node_t *node, unsigned depth)
{
    const yaml_node_pair_t *pair;
    int rc = HS_OK;

    for (pair = node->data.mapping.pairs.start; rc == HS_OK && pair < node->data.mapping.pairs.top;
         pair++)
        rc = walk_pair(walk, pair, depth);
    return rc;
}

static int walk_node(struct walk *walk, const yaml_node_t *node, unsigned depth)
{
    if (depth > DEPTH_MAX)
        return hs_err_set(walk->err, HS_EINVAL, 0, "line %u: nested deeper than %d levels",
                          node_line(node), DEPTH_MAX);
    switch (node->type) {
    case YAML_MAPPING_NODE: return walk_map(walk, node, depth);
    case YAML_SEQUENCE_NODE: return walk_list(walk, node);
    case YAML_SCALAR_NODE:
        return walk->each(walk->arg, hs_buf_str(&walk->name), scalar_text(node), node_line(node),
                          walk->err);
    default:
        return hs_err_set(walk->err, HS_EINVAL, 0, "line %u: not YAML that this reads",
                          node_line(node));
    }
}

static int walk_root(struct walk *walk)
{
    const yaml_node_t *root = yaml_document_get_root_node(&walk->doc);

    if (!root)
        return HS_OK; /* an empty file sets nothing */
    if (root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)
        return HS_OK; /* comments only, after a "---" */
    if (root->type != YAML_MAPPING_NODE)
        return hs_err_set(walk->err, HS_EINVAL, 0, "line %u: the file must be a map of options",
                          node_line(root));
    return walk_map(walk, root, 0);
}

static int expect_end(yaml_parser_t *parser, struct hs_err *err)
{
    yaml_document_t doc;
    bool more;

    if (!yaml_parser_load(parser, &doc))
        return hs_err_set(err, HS_EINVAL, 0, "line %zu: not YAML: %s",
                          parser->problem_mark.line + 1, parser->problem);
    more = yaml_document_get_root_node(&doc) != NULL;
    yaml_document_delete(&doc);
    if (more)
        return hs_err_set(err, HS_EINVAL, 0, "the file may hold one document only");
    return HS_OK;
}

int hs_yaml_walk(struct hs_str text, hs_yaml_each_fn *each, void *arg, struct hs_err *err)
{
    struct walk walk = {.each = each, .arg = arg, .err = err};
    yaml_parser_t parser;
    int rc;

    if (!yaml_parser_initialize(&parser))
        return hs_err_set(err, HS_EIO, 0, "libyaml has no memory");
    hs_buf_init(&walk.name, NAME_MAX_BYTES);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
    if (!yaml_parser_load(&parser, &walk.doc)) {
        rc = hs_err_set(err, HS_EINVAL, 0, "line %zu: not YAML: %s", parser.problem_mark.line + 1,
                        parser.problem ? parser.problem : "unreadable");
        goto out;
    }
    rc = walk_root(&walk);
    yaml_document_delete(&walk.doc);
    if (rc == HS_OK)
        rc = expect_end(&parser, err);
out:
    hs_buf_fini(&walk.name);
    yaml_parser_delete(&parser);
    return rc;
}
