#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "port/access.h"

enum where { LOOP = 1 << 0, KEYS_MODE = 1 << 1, CROSS = 1 << 2, IN_URL = 1 << 3 };

#define ADMIN_SCOPES                                                                               \
    (HS_SCOPE_ADMIN | HS_SCOPE_INGEST | HS_SCOPE_IMPORT | HS_SCOPE_READ | HS_SCOPE_EDIT)

static const struct {
    unsigned where;
    enum hs_key_state state;
    unsigned scopes; /* of the key */
    const char *origin;
    unsigned wanted;
    int status; /* 0: may pass */
    const char *code;
} cases[] = {
    /* without a key */
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_INGEST, 0, NULL},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_IMPORT, 0, NULL},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_READ, 0, NULL},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_INGEST | HS_SCOPE_BROWSER, 0, NULL},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_BROWSER, 401, "key_required"},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_EDIT, 401, "key_required"},
    {LOOP, HS_KEY_NONE, 0, "", HS_SCOPE_ADMIN, 401, "key_required"},
    {LOOP | CROSS, HS_KEY_NONE, 0, "http://evil.example", HS_SCOPE_INGEST, 403, "cross_origin"},
    {LOOP | KEYS_MODE, HS_KEY_NONE, 0, "", HS_SCOPE_READ, 401, "key_required"},
    {0, HS_KEY_NONE, 0, "", HS_SCOPE_READ, 401, "key_required"},
    {0, HS_KEY_NONE, 0, "", HS_SCOPE_INGEST, 401, "key_required"},
    {KEYS_MODE, HS_KEY_NONE, 0, "", HS_SCOPE_INGEST, 401, "key_required"},
    /* a wrong key is refused where none is needed */
    {LOOP, HS_KEY_UNKNOWN, 0, "", HS_SCOPE_READ, 401, "key_unknown"},
    {0, HS_KEY_UNKNOWN, 0, "", HS_SCOPE_READ, 401, "key_unknown"},
    {LOOP, HS_KEY_EXPIRED, 0, "", HS_SCOPE_READ, 401, "key_expired"},
    {0, HS_KEY_EXPIRED, 0, "", HS_SCOPE_READ, 401, "key_expired"},
    /* scopes */
    {0, HS_KEY_KNOWN, HS_SCOPE_READ, "", HS_SCOPE_READ, 0, NULL},
    {0, HS_KEY_KNOWN, HS_SCOPE_READ, "", HS_SCOPE_INGEST, 403, "scope_missing"},
    {0, HS_KEY_KNOWN, HS_SCOPE_INGEST, "", HS_SCOPE_READ, 403, "scope_missing"},
    {0, HS_KEY_KNOWN, HS_SCOPE_INGEST, "", HS_SCOPE_IMPORT, 403, "scope_missing"},
    {0, HS_KEY_KNOWN, HS_SCOPE_INGEST, "", HS_SCOPE_INGEST | HS_SCOPE_IMPORT, 0, NULL},
    {0, HS_KEY_KNOWN, ADMIN_SCOPES, "", HS_SCOPE_EDIT, 0, NULL},
    {0, HS_KEY_KNOWN, ADMIN_SCOPES, "", HS_SCOPE_BROWSER, 403, "scope_missing"},
    {LOOP, HS_KEY_KNOWN, HS_SCOPE_READ, "", HS_SCOPE_INGEST, 403, "scope_missing"},
    {LOOP | KEYS_MODE, HS_KEY_KNOWN, HS_SCOPE_READ, "", HS_SCOPE_READ, 0, NULL},
    /* keys in URLs and other origins */
    {IN_URL, HS_KEY_KNOWN, HS_SCOPE_READ, "", HS_SCOPE_READ, 403, "key_in_url"},
    {IN_URL, HS_KEY_KNOWN, ADMIN_SCOPES, "", HS_SCOPE_READ, 403, "key_in_url"},
    {CROSS, HS_KEY_KNOWN, ADMIN_SCOPES, "https://a.example", HS_SCOPE_READ, 403, "cross_origin"},
    {IN_URL, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "", HS_SCOPE_INGEST | HS_SCOPE_BROWSER, 0, NULL},
    {0, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "", HS_SCOPE_INGEST | HS_SCOPE_BROWSER, 0, NULL},
    {IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "https://a.example", HS_SCOPE_BROWSER, 0,
     NULL},
    {IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "HTTPS://B.example:8443", HS_SCOPE_BROWSER, 0,
     NULL},
    {IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "https://b.example", HS_SCOPE_BROWSER, 403,
     "origin_not_allowed"},
    {IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "https://a.example.evil", HS_SCOPE_BROWSER,
     403, "origin_not_allowed"},
    {IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "", HS_SCOPE_BROWSER, 403,
     "origin_not_allowed"},
    {LOOP | IN_URL | CROSS, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "https://a.example", HS_SCOPE_BROWSER,
     0, NULL},
    {IN_URL, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "", HS_SCOPE_READ, 403, "scope_missing"},
    {IN_URL, HS_KEY_KNOWN, HS_SCOPE_BROWSER, "", HS_SCOPE_INGEST, 403, "scope_missing"},
};

static void decide__follows_the_table(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_access_facts facts = {
            .on_loopback = cases[i].where & LOOP,
            .keys_mode = cases[i].where & KEYS_MODE,
            .cross_origin = cases[i].where & CROSS,
            .key_in_url = cases[i].where & IN_URL,
            .origin = hs_str_c(cases[i].origin),
        };
        struct hs_identity identity = {.scopes = cases[i].scopes,
                                       .origins = "https://a.example https://b.example:8443"};
        const struct hs_access_denial *denial =
            hs_access_decide(&facts, cases[i].state, &identity, cases[i].wanted);

        if ((denial ? denial->status : 0) != cases[i].status)
            fail_msg("case %zu: status %d, expected %d", i, denial ? denial->status : 0,
                     cases[i].status);
        if (denial)
            assert_string_equal(denial->code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decide__follows_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
