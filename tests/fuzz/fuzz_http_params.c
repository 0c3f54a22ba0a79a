/* Request targets, patterns and codings: input is a target, then after a NUL an Accept-Encoding
 * value. What is decoded must keep the promises of net/http_route.h. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "net/compress.h"
#include "net/http_route.h"

enum { ARENA_BYTES = 1 << 20 };

static void check_target(const struct hs_http_target *target)
{
    static const char *const patterns[] = {"/", "/a/{x}", "/{x}/b", "/a/{rest...}", "/{rest...}"};
    struct hs_str values[HS_TARGET_SEGMENTS_MAX];
    struct hs_http_pattern pattern;

    for (size_t i = 0; i < target->segments_n; i++) {
        struct hs_str s = target->segments[i];

        HS_ASSERT(hs_str_utf8_valid(s));
        HS_ASSERT(!hs_str_eq_c(s, ".") && !hs_str_eq_c(s, ".."));
        HS_ASSERT(memchr(s.p, 0, s.n) == NULL);
        HS_ASSERT(target->offsets[i] + s.n <= target->path.n);
    }
    for (size_t i = 0; i < target->params_n; i++) {
        HS_ASSERT(hs_str_utf8_valid(target->params[i].name));
        HS_ASSERT(hs_str_utf8_valid(target->params[i].value));
    }
    for (size_t i = 0; i < HS_ARRAY_LEN(patterns); i++) {
        HS_ASSERT(hs_http_pattern_parse(patterns[i], &pattern, NULL) == HS_OK);
        if (!hs_http_pattern_match(&pattern, target, values))
            continue;
        for (size_t k = 0; k < pattern.parts_n; k++) {
            HS_ASSERT(values[k].n <= target->path.n);
            HS_ASSERT(pattern.parts[k].kind != HS_PART_REST ||
                      !hs_str_contains(values[k], HS_STR("/../")));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_str input = hs_str_n(data, size);
    size_t cut = hs_str_index(input, '\0');
    struct hs_http_target target;
    struct hs_arena arena;
    struct hs_err err;
    enum hs_coding coding;

    hs_arena_init(&arena, ARENA_BYTES);
    if (hs_http_target_parse(hs_str_n(input.p, cut), &arena, &target, &err) == HS_OK)
        check_target(&target);
    hs_arena_fini(&arena);
    if (cut == size)
        return 0;
    input = hs_str_n(input.p + cut + 1, size - cut - 1);
    coding = hs_coding_accept(input);
    HS_ASSERT(coding != HS_CODING_DEFLATE);
    hs_coding_parse(input, &coding, &err);
    return 0;
}
