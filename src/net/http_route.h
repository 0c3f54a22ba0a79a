/*
 * Request targets and route patterns: pure functions over bytes, used by the HTTP server and fuzzed
 * alone. A target is "/path?query", "http://host/path?query" (absolute form) or "*".
 *
 * The path is percent-decoded segment by segment, so that an encoded slash stays inside its
 * segment. Refused are: NUL and other control bytes, bytes that are not UTF-8, broken percent
 * escapes, and segments that are "." or ".." once decoded, also as part of a segment that holds an
 * encoded slash or backslash.
 */
#ifndef HS_NET_HTTP_ROUTE_H
#define HS_NET_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum {
    HS_TARGET_BYTES_MAX = 16384,
    HS_TARGET_SEGMENTS_MAX = 32,
    HS_TARGET_PARAMS_MAX = 256,
    HS_PATTERN_PARAMS_MAX = 8,
};

struct hs_http_param {
    struct hs_str name;
    struct hs_str value;
};

/* All views point into the arena that hs_http_target_parse was given. */
struct hs_http_target {
    struct hs_str authority; /* of the absolute form; the null view otherwise */
    struct hs_str path;      /* decoded; "*" for the asterisk form */
    struct hs_str segments[HS_TARGET_SEGMENTS_MAX]; /* decoded; "/a//b/" has "a", "", "b", "" */
    size_t offsets[HS_TARGET_SEGMENTS_MAX];         /* where each begins in path */
    size_t segments_n;
    bool slash_inside;            /* a segment holds an encoded slash or backslash */
    struct hs_http_param *params; /* the query's, in order */
    size_t params_n;
};

/* HS_EINVAL: not a target as above; HS_ELIMIT: too long, too many segments or parameters, or the
 * arena is full. @thread any */
int hs_http_target_parse(struct hs_str raw, struct hs_arena *arena, struct hs_http_target *out,
                         struct hs_err *err);

/* A pattern's parts: "/api/{x}/{rest...}". Borrows the text. */
enum hs_part_kind { HS_PART_LITERAL, HS_PART_ONE, HS_PART_REST };

struct hs_http_pattern {
    struct {
        enum hs_part_kind kind;
        struct hs_str text; /* the literal or the parameter's name */
    } parts[HS_TARGET_SEGMENTS_MAX];
    size_t parts_n;
};

/* HS_EINVAL: does not begin with '/', a rest part that is not last, a parameter without a name, or
 * too many parts. */
int hs_http_pattern_parse(const char *text, struct hs_http_pattern *out, struct hs_err *err);
/* Order in which patterns are tried: at the first part that differs, a literal goes before a
 * parameter and a parameter before a rest. 0: they match alike. */
int hs_http_pattern_cmp(const struct hs_http_pattern *a, const struct hs_http_pattern *b);
/* Fills values[i] for part i of a match (rest: the undivided remainder of the path, "" when there
 * is none). A rest never matches a target with slash_inside. */
bool hs_http_pattern_match(const struct hs_http_pattern *pattern,
                           const struct hs_http_target *target,
                           struct hs_str values[HS_TARGET_SEGMENTS_MAX]);

#endif
