/*
 * The presented key: any three texts give a key or an error, and a key is no longer than what was
 * given.
 */
#include <stdint.h>

#include "base/mem.h"
#include "net/http_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hs_str rest = hs_str_n(data, size);
    struct hs_str authorization = HS_STR_NULL, x_api_key = HS_STR_NULL, url_key = HS_STR_NULL;
    struct hs_http_key key;
    struct hs_arena arena;

    hs_str_split(&rest, '\n', &authorization);
    hs_str_split(&rest, '\n', &x_api_key);
    hs_str_split(&rest, '\n', &url_key);
    hs_arena_init(&arena, 1 << 16);
    if (hs_http_key_parse(authorization, x_api_key, url_key, &arena, &key, NULL) == HS_OK) {
        HS_ASSERT(key.text.n <= size);
        HS_ASSERT(!key.in_url || key.text.n == url_key.n);
    }
    hs_arena_fini(&arena);
    return 0;
}
