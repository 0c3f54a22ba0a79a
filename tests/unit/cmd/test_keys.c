#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/registry.h"
#include "port/keys.h"

struct fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_metadata *metadata;
    struct hs_keys *keys;
};

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_cmd_keys_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    hs_conf_init(&f->conf);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(f->dir), NULL), HS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    hs_keys_close(f->keys);
    hs_metadata_close(f->metadata);
    hs_conf_fini(&f->conf);
    hs_fs_remove_tree(f->dir, NULL);
    hs_free(f);
    return 0;
}

/* Runs "keys" with the words of `line` on the fixture's data folder. Output is cmocka's noise. */
static int run(struct fixture *f, const char *line)
{
    char copy[256];
    char command[] = "keys", data[] = "--data";
    char *argv[24] = {command, data, f->dir};
    char *rest = copy;
    int argc = 3;

    snprintf(copy, sizeof(copy), "%s", line);
    while ((argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    return hs_cmd_keys(argc, argv);
}

static void open_keys(struct fixture *f)
{
    assert_int_equal(hs_registry_open_metadata(&f->conf, &f->metadata, NULL), HS_OK);
    assert_int_equal(hs_keys_open(f->metadata, hs_clock_system(), &f->conf, &f->keys, NULL), HS_OK);
}

struct found {
    size_t live, revoked;
    char id[HS_KEY_ID_LEN + 1]; /* of tenant acme */
};

static void look(void *arg, const struct hs_key_info *info)
{
    struct found *found = arg;

    if (info->revoked_ns)
        found->revoked++;
    else
        found->live++;
    if (hs_str_eq_c(info->tenant, "acme"))
        memcpy(found->id, info->id.p, info->id.n);
}

static void keys__are_made_and_revoked_beside_a_running_reader(void **state)
{
    struct fixture *f = *state;
    struct hs_keys_stat stat;
    struct found found = {0};
    char line[64];

    assert_int_equal(run(f, "list"), HS_EXIT_DONE); /* the first start: the admin key */
    open_keys(f);
    assert_int_equal(run(f, "tenant acme --retention-class 3"), HS_EXIT_DONE);
    assert_int_equal(run(f, "create --tenant acme --scopes ingest,read --rate 5 --expires 12h"),
                     HS_EXIT_DONE);
    assert_int_equal(run(f, "create --scopes browser --origins https://a.example"), HS_EXIT_DONE);
    assert_int_equal(hs_keys_reload(f->keys, NULL), HS_OK);
    hs_keys_stat(f->keys, &stat);
    assert_int_equal(stat.keys_n, 3);
    assert_int_equal(stat.tenants_n, 2);
    assert_int_equal(hs_keys_list(f->metadata, look, &found, NULL), HS_OK);
    snprintf(line, sizeof(line), "revoke %s", found.id);
    assert_int_equal(run(f, line), HS_EXIT_DONE);
    memset(&found, 0, sizeof(found));
    assert_int_equal(hs_keys_list(f->metadata, look, &found, NULL), HS_OK);
    assert_int_equal(found.live, 2);
    assert_int_equal(found.revoked, 1);
}

static void keys__tells_usage_errors_from_failures(void **state)
{
    static const struct {
        const char *line;
        int exit_code;
    } cases[] = {
        {"creat", HS_EXIT_USAGE},
        {"revoke", HS_EXIT_USAGE},
        {"list extra", HS_EXIT_USAGE},
        {"create --scopes write", HS_EXIT_USAGE},
        {"create --scopes browser,read", HS_EXIT_USAGE},
        {"create --rate many", HS_EXIT_USAGE},
        {"create --expires 0d", HS_EXIT_USAGE},
        {"create --expires 5", HS_EXIT_USAGE},
        {"create --tenant nobody", HS_EXIT_FAILED},
        {"revoke 0123456789abcdef", HS_EXIT_FAILED},
        {"tenant BAD", HS_EXIT_USAGE},
        {"tenant default", HS_EXIT_FAILED},
        {"tenant t --retention-class 4", HS_EXIT_USAGE},
    };
    struct fixture *f = *state;
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        if (run(f, cases[i].line) != cases[i].exit_code)
            fail_msg("keys %s: expected exit code %d", cases[i].line, cases[i].exit_code);
}

static void registry__names_a_backend_that_is_not_in_the_build(void **state)
{
    struct fixture *f = *state;
    struct hs_cache *cache = NULL;
    struct hs_err err;

    hs_free(f->conf.metadata);
    f->conf.metadata = hs_xstrdup("oracle");
    assert_int_equal(hs_registry_open_metadata(&f->conf, &f->metadata, &err), HS_EUNSUP);
    assert_non_null(strstr(err.text, "\"oracle\""));
    assert_int_equal(hs_registry_open_cache(&f->conf, hs_clock_system(), &cache, &err), HS_OK);
    hs_cache_close(cache);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keys__are_made_and_revoked_beside_a_running_reader),
        CASE(keys__tells_usage_errors_from_failures),
        CASE(registry__names_a_backend_that_is_not_in_the_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
