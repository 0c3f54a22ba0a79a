/*
 * Keys and tenants over a real metadata backend.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/metadata_sqlite/metadata_sqlite.h"
#include "base/fs.h"
#include "base/killpoint.h"
#include "base/mem.h"
#include "base/thread.h"
#include "port/access.h"
#include "port/keys.h"

struct fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_clock_fake clock;
    struct hs_metadata *metadata;
    struct hs_keys *keys;
    char text[HS_KEY_TEXT_LEN + 1];
    char id[HS_KEY_ID_LEN + 1];
    struct hs_identity identity;
    struct hs_err err;
};

static void open_keys(struct fixture *f)
{
    hs_keys_close(f->keys);
    f->keys = NULL;
    assert_int_equal(hs_keys_open(f->metadata, &f->clock.base, &f->conf, &f->keys, &f->err), HS_OK);
}

static int setup(void **state)
{
    struct fixture *f = hs_xalloc(sizeof(*f));

    snprintf(f->dir, sizeof(f->dir), "/tmp/hs_keys_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    hs_conf_init(&f->conf);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("data"), hs_str_c(f->dir), NULL), HS_OK);
    assert_int_equal(hs_conf_set(&f->conf, HS_STR("ingest.rate"), HS_STR("500"), NULL), HS_OK);
    hs_clock_fake_init(&f->clock, 1700000000 * HS_NS_PER_S);
    assert_int_equal(hs_metadata_sqlite_ops.open(&f->conf, &f->metadata, &f->err), HS_OK);
    assert_int_equal(hs_tenants_create(f->metadata, &f->clock.base, HS_STR(HS_TENANT_DEFAULT), 0,
                                       &f->err),
                     HS_OK);
    open_keys(f);
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

static struct hs_key_spec spec_of(unsigned scopes)
{
    return (struct hs_key_spec){.tenant = HS_STR(HS_TENANT_DEFAULT),
                                .name = HS_STR("test"),
                                .scopes = scopes};
}

static int create(struct fixture *f, const struct hs_key_spec *spec)
{
    return hs_keys_create(f->metadata, &f->clock.base, spec, f->text, f->id, &f->err);
}

static int authenticate(struct fixture *f)
{
    return hs_keys_authenticate(f->keys, hs_str_c(f->text), &f->identity, &f->err);
}

/* Creates and loads. */
static void make(struct fixture *f, const struct hs_key_spec *spec)
{
    if (create(f, spec) || hs_keys_reload(f->keys, &f->err))
        fail_msg("%s", f->err.text);
}

static void create__makes_a_text_that_scanners_know(void **state)
{
    static const struct {
        unsigned scopes;
        char letter;
    } cases[] = {
        {HS_SCOPE_INGEST, 'i'},
        {HS_SCOPE_READ, 'r'},
        {HS_SCOPE_INGEST | HS_SCOPE_READ, 'i'},
        {HS_SCOPE_IMPORT | HS_SCOPE_INGEST, 'm'},
        {HS_SCOPE_EDIT | HS_SCOPE_READ, 'e'},
        {HS_SCOPE_ADMIN | HS_SCOPE_EDIT, 'a'},
    };
    struct fixture *f = *state;
    char former[HS_KEY_TEXT_LEN + 1] = "";
    size_t i, k;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_key_spec spec = spec_of(cases[i].scopes);

        assert_int_equal(create(f, &spec), HS_OK);
        assert_int_equal(strlen(f->text), HS_KEY_TEXT_LEN);
        assert_memory_equal(f->text, "hs_", 3);
        assert_int_equal(f->text[3], cases[i].letter);
        assert_int_equal(f->text[4], '_');
        for (k = 5; k < HS_KEY_TEXT_LEN; k++)
            assert_true((f->text[k] >= '0' && f->text[k] <= '9') ||
                        (f->text[k] >= 'A' && f->text[k] <= 'Z') ||
                        (f->text[k] >= 'a' && f->text[k] <= 'z'));
        assert_string_not_equal(f->text, former);
        memcpy(former, f->text, sizeof(former));
    }
}

static void create__stores_no_text(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST);
    char path[128];
    struct hs_buf file;

    make(f, &spec);
    hs_keys_close(f->keys);
    f->keys = NULL;
    hs_metadata_close(f->metadata); /* everything is in the main file after this */
    f->metadata = NULL;
    snprintf(path, sizeof(path), "%s/metadata.db", f->dir);
    hs_buf_init(&file, 64 << 20);
    assert_int_equal(hs_fs_read(path, &file, NULL), HS_OK);
    assert_true(hs_str_contains(hs_buf_str(&file), hs_str_c(f->id)));
    assert_false(hs_str_contains(hs_buf_str(&file), hs_str_n(f->text + 5, 20)));
    hs_buf_fini(&file);
}

static void authenticate__tells_who_it_is(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST | HS_SCOPE_READ);
    struct hs_tenant tenant;

    assert_int_equal(hs_tenants_create(f->metadata, &f->clock.base, HS_STR("shop-1"), 2, NULL),
                     HS_OK);
    spec.tenant = HS_STR("shop-1");
    spec.rate = 12.5;
    make(f, &spec);
    assert_int_equal(authenticate(f), HS_OK);
    assert_string_equal(f->identity.tenant.id, "shop-1");
    assert_int_equal(f->identity.tenant.retention_class, 2);
    assert_string_equal(f->identity.key_id, f->id);
    assert_int_equal(f->identity.scopes, HS_SCOPE_INGEST | HS_SCOPE_READ);
    assert_true(f->identity.rate == 12.5);
    assert_int_equal(hs_tenants_get(f->metadata, HS_STR("shop-1"), &tenant, NULL), HS_OK);
    assert_memory_equal(tenant.pseudonym_key, f->identity.tenant.pseudonym_key,
                        sizeof(tenant.pseudonym_key));
}

static void authenticate__uses_the_configured_rate_and_what_admin_implies(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_ADMIN);

    make(f, &spec);
    assert_int_equal(authenticate(f), HS_OK);
    assert_true(f->identity.rate == 500);
    assert_int_equal(f->identity.scopes, HS_SCOPE_ADMIN | HS_SCOPE_INGEST | HS_SCOPE_IMPORT |
                                             HS_SCOPE_READ | HS_SCOPE_EDIT);
}

static void authenticate__refuses_each_change_of_one_character(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST);
    size_t i;

    make(f, &spec);
    for (i = 0; i < HS_KEY_TEXT_LEN; i++) {
        char kept = f->text[i];

        f->text[i] = kept == 'x' ? 'y' : 'x';
        assert_int_equal(authenticate(f), HS_ENOTFOUND);
        assert_null(strstr(f->err.text, f->text + 10)); /* messages hold no key */
        f->text[i] = kept;
    }
    for (i = 0; i < HS_KEY_TEXT_LEN; i++)
        assert_int_equal(hs_keys_authenticate(f->keys, hs_str_n(f->text, i), &f->identity, NULL),
                         HS_ENOTFOUND);
    assert_int_equal(authenticate(f), HS_OK);
}

static void authenticate__holds_expiry_to_the_nanosecond(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST);

    spec.expires_ns = hs_wall_ns(&f->clock.base) + 1000;
    make(f, &spec);
    hs_clock_fake_advance(&f->clock, 999);
    assert_int_equal(authenticate(f), HS_OK);
    hs_clock_fake_advance(&f->clock, 1);
    assert_int_equal(authenticate(f), HS_ELIMIT);
}

static void revoke__ends_a_key(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST);

    make(f, &spec);
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, hs_str_c(f->id), NULL), HS_OK);
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, hs_str_c(f->id), NULL), HS_OK);
    assert_int_equal(hs_keys_reload(f->keys, NULL), HS_OK);
    assert_int_equal(authenticate(f), HS_ENOTFOUND);
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, HS_STR("0000"), &f->err),
                     HS_ENOTFOUND);
    assert_non_null(strstr(f->err.text, "0000"));
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, HS_STR(""), NULL), HS_ENOTFOUND);
}

static void thread__notices_keys_of_another_process(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_INGEST);
    int64_t give_up_ns = hs_mono_ns(hs_clock_system()) + 20 * HS_NS_PER_S;

    f->conf.auth_reload_ms = 10;
    open_keys(f);
    assert_int_equal(create(f, &spec), HS_OK);
    while (authenticate(f) != HS_OK)
        assert_true(hs_mono_ns(hs_clock_system()) < give_up_ns);
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, hs_str_c(f->id), NULL), HS_OK);
    while (authenticate(f) == HS_OK)
        assert_true(hs_mono_ns(hs_clock_system()) < give_up_ns);
}

static void create__refuses_bad_specifications(void **state)
{
    static char long_name[HS_KEY_NAME_MAX + 2];
    struct fixture *f = *state;
    struct hs_key_spec good = spec_of(HS_SCOPE_INGEST);
    struct hs_key_spec spec;

    memset(long_name, 'n', HS_KEY_NAME_MAX + 1);
    spec = good;
    spec.name = hs_str_n(long_name, HS_KEY_NAME_MAX);
    assert_int_equal(create(f, &spec), HS_OK);
    spec.name = hs_str_n(long_name, HS_KEY_NAME_MAX + 1);
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec.name = HS_STR("");
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec.name = HS_STR("a\nscopes=admin");
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec = good;
    spec.scopes = 0;
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec = good;
    spec.tenant = HS_STR("nobody");
    assert_int_equal(create(f, &spec), HS_ENOTFOUND);
    spec = good;
    spec.rate = -1;
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec = good;
    spec.expires_ns = hs_wall_ns(&f->clock.base);
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec = good;
    spec.origins = HS_STR("https://a.example");
    assert_int_equal(create(f, &spec), HS_EINVAL);
    spec.scopes = HS_SCOPE_BROWSER | HS_SCOPE_READ;
    assert_int_equal(create(f, &spec), HS_EINVAL);
    assert_non_null(strstr(f->err.text, "alone"));
}

static void create__checks_origins_of_browser_keys(void **state)
{
    static const struct {
        const char *origins;
        int rc;
    } cases[] = {
        {"https://a.example", HS_OK},
        {"http://localhost:3000 https://a.example:8443", HS_OK},
        {"", HS_EINVAL},
        {"*", HS_EINVAL},
        {"https://*.example", HS_EINVAL},
        {"https://", HS_EINVAL},
        {"https://a.example/", HS_EINVAL},
        {"https://a.example/path", HS_EINVAL},
        {"https://user@a.example", HS_EINVAL},
        {"a.example", HS_EINVAL},
        {"https://a.example,https://b.example", HS_EINVAL},
        {"https://a.example  https://b.example", HS_EINVAL},
    };
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_BROWSER);
    size_t i;

    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        spec.origins = hs_str_c(cases[i].origins);
        if (create(f, &spec) != cases[i].rc)
            fail_msg("origins \"%s\"", cases[i].origins);
    }
    spec.origins = HS_STR("https://a.example http://b.example");
    make(f, &spec);
    assert_int_equal(f->text[3], 'b');
    assert_int_equal(authenticate(f), HS_OK);
    assert_true(hs_identity_allows_origin(&f->identity, HS_STR("http://b.example")));
    assert_false(hs_identity_allows_origin(&f->identity, HS_STR("https://b.example")));
    assert_false(hs_identity_allows_origin(&f->identity, HS_STR("")));
}

static void scopes__parse_and_format(void **state)
{
    struct fixture *f = *state;
    struct hs_buf out;
    unsigned scopes = 0;

    assert_int_equal(hs_scopes_parse(HS_STR("read, ingest"), &scopes, NULL), HS_OK);
    assert_int_equal(scopes, HS_SCOPE_READ | HS_SCOPE_INGEST);
    hs_buf_init(&out, 100);
    hs_scopes_format(scopes, &out);
    assert_string_equal(hs_buf_cstr(&out), "ingest,read");
    hs_buf_fini(&out);
    assert_int_equal(hs_scopes_parse(HS_STR("read,write"), &scopes, &f->err), HS_EINVAL);
    assert_non_null(strstr(f->err.text, "\"write\""));
    assert_int_equal(hs_scopes_parse(HS_STR(""), &scopes, NULL), HS_EINVAL);
}

static void count_key(void *arg, const struct hs_key_info *info)
{
    size_t *counts = arg;

    counts[info->revoked_ns != 0]++;
    assert_true(hs_str_eq_c(info->name, "test"));
}

static void list__gives_all_keys_in_pages_and_authenticate_finds_each(void **state)
{
    enum { N = 300 }; /* more than a page */
    static char texts[N][HS_KEY_TEXT_LEN + 1];
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_READ);
    struct hs_keys_stat stat;
    size_t counts[2] = {0, 0};
    size_t i;

    for (i = 0; i < N; i++) {
        assert_int_equal(create(f, &spec), HS_OK);
        memcpy(texts[i], f->text, sizeof(texts[i]));
    }
    assert_int_equal(hs_keys_revoke(f->metadata, &f->clock.base, hs_str_c(f->id), NULL), HS_OK);
    assert_int_equal(hs_keys_list(f->metadata, count_key, counts, &f->err), HS_OK);
    assert_int_equal(counts[0], N - 1);
    assert_int_equal(counts[1], 1);
    assert_int_equal(hs_keys_reload(f->keys, NULL), HS_OK);
    hs_keys_stat(f->keys, &stat);
    assert_int_equal(stat.keys_n, N - 1);
    assert_int_equal(stat.tenants_n, 1);
    for (i = 0; i + 1 < N; i++)
        assert_int_equal(hs_keys_authenticate(f->keys, hs_str_c(texts[i]), &f->identity, NULL),
                         HS_OK);
}

static void create__stops_at_the_limit(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_READ);
    struct hs_metadata_op op = {.space = "keys_meta", .key = HS_STR("made")};

    op.value = HS_STR("keys=99998\n");
    assert_int_equal(hs_metadata_commit(f->metadata, &op, 1, NULL, NULL, NULL), HS_OK);
    assert_int_equal(create(f, &spec), HS_OK); /* n - 1 becomes */
    assert_int_equal(create(f, &spec), HS_OK); /* n */
    assert_int_equal(create(f, &spec), HS_ELIMIT);
    assert_non_null(strstr(f->err.text, "limit 100000"));
}

static void load__skips_and_counts_what_does_not_parse(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_READ);
    struct hs_metadata_op ops[2] = {
        {.space = "keys", .key = HS_STR("0123456789abcdef"), .value = HS_STR("hash=00\n")},
        {.space = "tenants", .key = HS_STR("broken"), .value = HS_STR("x")},
    };
    struct hs_keys_stat stat;
    struct hs_tenant tenant;

    assert_int_equal(hs_metadata_commit(f->metadata, ops, 2, NULL, NULL, NULL), HS_OK);
    make(f, &spec);
    assert_int_equal(authenticate(f), HS_OK);
    hs_keys_stat(f->keys, &stat);
    assert_int_equal(stat.skipped_n, 2);
    assert_int_equal(stat.keys_n, 1);
    assert_int_equal(hs_tenants_get(f->metadata, HS_STR("broken"), &tenant, NULL), HS_ECORRUPT);
}

static void tenants__hold_their_rules(void **state)
{
    static char id[HS_TENANT_ID_MAX + 2];
    struct fixture *f = *state;
    const struct hs_clock *clock = &f->clock.base;
    struct hs_tenant a, b;

    memset(id, 'a', sizeof(id) - 1);
    assert_int_equal(hs_tenants_create(f->metadata, clock, hs_str_n(id, HS_TENANT_ID_MAX), 0, NULL),
                     HS_OK);
    assert_int_equal(hs_tenants_create(f->metadata, clock, hs_str_n(id, HS_TENANT_ID_MAX + 1), 0,
                                       NULL),
                     HS_EINVAL);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR("A"), 0, NULL), HS_EINVAL);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR(""), 0, NULL), HS_EINVAL);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR("-a"), 0, NULL), HS_EINVAL);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR("t"), 3, NULL), HS_OK);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR("u"), 4, NULL), HS_EINVAL);
    assert_int_equal(hs_tenants_create(f->metadata, clock, HS_STR("t"), 0, &f->err), HS_ECONFLICT);
    assert_int_equal(hs_tenants_get(f->metadata, HS_STR("t"), &a, NULL), HS_OK);
    assert_int_equal(hs_tenants_get(f->metadata, HS_STR(HS_TENANT_DEFAULT), &b, NULL), HS_OK);
    assert_memory_not_equal(a.pseudonym_key, b.pseudonym_key, sizeof(a.pseudonym_key));
    assert_int_equal(hs_tenants_get(f->metadata, HS_STR("v"), &a, NULL), HS_ENOTFOUND);
    assert_int_equal(hs_keys_tenant(f->keys, HS_STR("v"), &a, NULL), HS_ENOTFOUND);
    assert_int_equal(hs_keys_tenant(f->keys, HS_STR(HS_TENANT_DEFAULT), &a, NULL), HS_OK);
}

static void read_admin_key(struct fixture *f)
{
    char path[128];
    struct stat st;
    struct hs_buf file;

    snprintf(path, sizeof(path), "%s/secrets/admin.key", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    hs_buf_init(&file, 1024);
    assert_int_equal(hs_fs_read(path, &file, NULL), HS_OK);
    assert_int_equal(file.n, HS_KEY_TEXT_LEN + 1);
    memcpy(f->text, file.p, HS_KEY_TEXT_LEN);
    hs_buf_fini(&file);
}

static void bootstrap__makes_one_admin_key_once(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct stat st;
    bool made = false;

    assert_int_equal(hs_keys_bootstrap(f->metadata, &f->clock.base, &f->conf, &made, &f->err),
                     HS_OK);
    assert_true(made);
    read_admin_key(f);
    assert_int_equal(hs_keys_reload(f->keys, NULL), HS_OK);
    assert_int_equal(authenticate(f), HS_OK);
    assert_true(f->identity.scopes & HS_SCOPE_ADMIN);
    snprintf(path, sizeof(path), "%s/secrets/admin.key", f->dir);
    unlink(path);
    assert_int_equal(hs_keys_bootstrap(f->metadata, &f->clock.base, &f->conf, &made, &f->err),
                     HS_OK);
    assert_false(made);
    assert_int_not_equal(stat(path, &st), 0);
    snprintf(path, sizeof(path), "%s/secrets", f->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void bootstrap__ends_with_the_key_of_the_file_after_kill_9(void **state)
{
    static const char *const points[] = {"metadata_before_commit:2", "metadata_after_commit:2",
                                         "keys_bootstrap_file:1"};
    struct fixture *f = *state;
    bool made;
    size_t i;

#ifndef HS_KILLPOINTS
    skip();
#endif
    hs_keys_close(f->keys);
    f->keys = NULL;
    hs_metadata_close(f->metadata);
    f->metadata = NULL;
    for (i = 0; i < HS_ARRAY_LEN(points); i++) {
        int status = 0;
        pid_t child;

        hs_fs_remove_tree(f->dir, NULL);
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct hs_metadata *metadata = NULL;

            hs_killpoint_configure(points[i]);
            if (hs_metadata_sqlite_ops.open(&f->conf, &metadata, NULL) == HS_OK)
                hs_keys_bootstrap(metadata, &f->clock.base, &f->conf, &made, NULL);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(hs_metadata_sqlite_ops.open(&f->conf, &f->metadata, NULL), HS_OK);
        assert_int_equal(hs_keys_bootstrap(f->metadata, &f->clock.base, &f->conf, &made, &f->err),
                         HS_OK);
        read_admin_key(f);
        open_keys(f);
        assert_int_equal(authenticate(f), HS_OK);
        hs_keys_close(f->keys);
        f->keys = NULL;
        hs_metadata_close(f->metadata);
        f->metadata = NULL;
    }
}

static void bootstrap__agrees_between_processes(void **state)
{
    struct fixture *f = *state;
    struct hs_keys_stat stat;
    pid_t children[4];
    size_t i;

    hs_keys_close(f->keys);
    f->keys = NULL;
    hs_metadata_close(f->metadata);
    f->metadata = NULL;
    hs_fs_remove_tree(f->dir, NULL);
    for (i = 0; i < HS_ARRAY_LEN(children); i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            struct hs_metadata *metadata = NULL;
            bool made;

            if (hs_metadata_sqlite_ops.open(&f->conf, &metadata, NULL) ||
                hs_keys_bootstrap(metadata, &f->clock.base, &f->conf, &made, NULL))
                _exit(1);
            hs_metadata_close(metadata);
            _exit(0);
        }
    }
    for (i = 0; i < HS_ARRAY_LEN(children); i++) {
        int status = 1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(hs_metadata_sqlite_ops.open(&f->conf, &f->metadata, NULL), HS_OK);
    open_keys(f);
    read_admin_key(f);
    assert_int_equal(authenticate(f), HS_OK);
    hs_keys_stat(f->keys, &stat);
    assert_int_equal(stat.keys_n, 1);
}

static void check__looks_keys_up(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_READ);
    struct hs_access_facts facts = {.on_loopback = true};

    make(f, &spec);
    assert_null(hs_access_check(f->keys, &facts, HS_SCOPE_INGEST, &f->identity));
    assert_string_equal(f->identity.tenant.id, HS_TENANT_DEFAULT);
    assert_string_equal(f->identity.key_id, "");
    assert_true(f->identity.rate == 0);
    facts.key = hs_str_c(f->text);
    assert_null(hs_access_check(f->keys, &facts, HS_SCOPE_READ, &f->identity));
    assert_string_equal(f->identity.key_id, f->id);
    assert_int_equal(hs_access_check(f->keys, &facts, HS_SCOPE_INGEST, &f->identity)->status, 403);
    facts.key = HS_STR("hs_i_nonsense");
    assert_int_equal(hs_access_check(f->keys, &facts, HS_SCOPE_READ, &f->identity)->status, 401);
}

enum { READERS = 3, READS = 20000 };

static int64_t thread_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * HS_NS_PER_S + t.tv_nsec;
}

static void authenticate_often(void *arg)
{
    struct fixture *f = arg;
    struct hs_identity identity;
    int i;

    for (i = 0; i < READS; i++) {
        int rc = hs_keys_authenticate(f->keys, hs_str_c(f->text), &identity, NULL);

        HS_ASSERT(rc == HS_OK);
    }
}

static void authenticate__is_safe_beside_reloads_and_fast(void **state)
{
    struct fixture *f = *state;
    struct hs_key_spec spec = spec_of(HS_SCOPE_READ);
    struct hs_thread threads[READERS] = {0};
    int64_t started_ns;
    size_t i;

    make(f, &spec);
    started_ns = thread_cpu_ns();
    authenticate_often(f);
    print_message("authenticating one key takes %.0f ns of CPU\n",
                  (double)(thread_cpu_ns() - started_ns) / READS);
    for (i = 0; i < READERS; i++)
        assert_int_equal(hs_thread_start(&threads[i], "auth", authenticate_often, f, NULL), HS_OK);
    for (i = 0; i < 50; i++)
        assert_int_equal(hs_keys_reload(f->keys, NULL), HS_OK);
    for (i = 0; i < READERS; i++)
        hs_thread_join(&threads[i]);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(create__makes_a_text_that_scanners_know),
        CASE(create__stores_no_text),
        CASE(authenticate__tells_who_it_is),
        CASE(authenticate__uses_the_configured_rate_and_what_admin_implies),
        CASE(authenticate__refuses_each_change_of_one_character),
        CASE(authenticate__holds_expiry_to_the_nanosecond),
        CASE(revoke__ends_a_key),
        CASE(thread__notices_keys_of_another_process),
        CASE(create__refuses_bad_specifications),
        CASE(create__checks_origins_of_browser_keys),
        CASE(scopes__parse_and_format),
        CASE(list__gives_all_keys_in_pages_and_authenticate_finds_each),
        CASE(create__stops_at_the_limit),
        CASE(load__skips_and_counts_what_does_not_parse),
        CASE(tenants__hold_their_rules),
        CASE(bootstrap__makes_one_admin_key_once),
        CASE(bootstrap__ends_with_the_key_of_the_file_after_kill_9),
        CASE(bootstrap__agrees_between_processes),
        CASE(check__looks_keys_up),
        CASE(authenticate__is_safe_beside_reloads_and_fast),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
