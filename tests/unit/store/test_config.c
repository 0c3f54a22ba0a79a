#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/hash.h"
#include "store/engine.h"
#include "store/plan.h"
#include "store/report.h"

struct fixture {
    char dir[64];
    struct hs_conf conf;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct hs_err err;

    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/hs-store-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    hs_conf_init(&fixture->conf);
    assert_int_equal(hs_conf_set(&fixture->conf, HS_STR("data"), hs_str_c(fixture->dir), &err),
                     HS_OK);
    assert_int_equal(hs_conf_set(&fixture->conf, HS_STR("listen.store"), HS_STR("127.0.0.1:0"),
                                 &err),
                     HS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_fs_remove_tree(fixture->dir, NULL);
    hs_conf_fini(&fixture->conf);
    free(fixture);
    return 0;
}

static mode_t mode_of(const char *dir, const char *name)
{
    char path[HS_PATH_MAX];
    struct stat st;

    assert_int_equal(hs_fs_join(path, dir, name, NULL), HS_OK);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void secret__is_made_once_and_private(void **state)
{
    struct fixture *fixture = *state;
    char first[HS_STORE_SECRET_MAX];
    char again[HS_STORE_SECRET_MAX];
    char ro[HS_STORE_SECRET_MAX];

    assert_int_equal(hs_store_secret_read(fixture->dir, "rw", first, NULL), HS_ENOTFOUND);
    assert_int_equal(hs_store_secret_ensure(fixture->dir, NULL), HS_OK);
    assert_int_equal(hs_store_secret_read(fixture->dir, "rw", first, NULL), HS_OK);
    assert_int_equal(hs_store_secret_ensure(fixture->dir, NULL), HS_OK);
    assert_int_equal(hs_store_secret_read(fixture->dir, "rw", again, NULL), HS_OK);
    assert_int_equal(hs_store_secret_read(fixture->dir, "ro", ro, NULL), HS_OK);
    assert_int_equal(strlen(first), 64);
    assert_string_equal(first, again);
    assert_string_not_equal(first, ro);
    assert_int_equal(mode_of(fixture->dir, "secrets"), 0700);
    assert_int_equal(mode_of(fixture->dir, "secrets/store_rw.password"), 0600);
    assert_int_equal(mode_of(fixture->dir, "secrets/store_ro.password"), 0600);
}

static void secret__of_an_operator_is_taken_without_its_line_end(void **state)
{
    struct fixture *fixture = *state;
    char path[HS_PATH_MAX];
    char secret[HS_STORE_SECRET_MAX];

    assert_int_equal(hs_store_secret_ensure(fixture->dir, NULL), HS_OK);
    assert_int_equal(hs_fs_join(path, fixture->dir, "secrets/store_ro.password", NULL), HS_OK);
    assert_int_equal(hs_fs_write_atomic(path, HS_STR("my own\n"), 0600, NULL), HS_OK);
    assert_int_equal(hs_store_secret_read(fixture->dir, "ro", secret, NULL), HS_OK);
    assert_string_equal(secret, "my own");
    assert_int_equal(hs_fs_write_atomic(path, HS_STR(" \n"), 0600, NULL), HS_OK);
    assert_int_equal(hs_store_secret_read(fixture->dir, "ro", secret, NULL), HS_EINVAL);
}

static void plan__settles_what_the_options_leave_open(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_plan a;
    struct hs_store_plan b;

    assert_int_equal(hs_store_plan_make(&fixture->conf, &a, NULL), HS_OK);
    assert_int_equal(hs_store_plan_make(&fixture->conf, &b, NULL), HS_OK);
    assert_int_not_equal(a.http.port, 0);
    assert_false(a.has_native);
    assert_int_equal(a.memory_max, hs_store_memory_default());
    assert_true(a.memory_max <= 2048ULL << 20);
    assert_int_equal(strlen(a.start_id), 36);
    assert_string_not_equal(a.start_id, b.start_id);
    assert_string_not_equal(a.secret_stop, b.secret_stop);
    assert_string_equal(a.secret_rw, b.secret_rw);
}

static void plan__names_the_option_that_is_wrong(void **state)
{
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"listen.store_native", "127.0.0.2:0"},
        {"store.memory_max", "268435455"},
    };
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_store_plan plan;
        struct hs_err err;

        assert_int_equal(hs_conf_set(&fixture->conf, hs_str_c(cases[i].name),
                                     hs_str_c(cases[i].value), &err),
                         HS_OK);
        assert_int_equal(hs_store_plan_make(&fixture->conf, &plan, &err), HS_EINVAL);
        assert_non_null(strstr(err.text, cases[i].name));
        hs_conf_set(&fixture->conf, hs_str_c(cases[i].name), HS_STR(""), NULL);
    }
}

static void config__is_private_and_holds_no_password(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_plan plan;
    struct hs_buf text;
    unsigned char hash[HS_SHA256_BYTES];
    char hex[2 * HS_SHA256_BYTES];

    assert_int_equal(hs_store_plan_make(&fixture->conf, &plan, NULL), HS_OK);
    assert_int_equal(hs_store_config_write(&plan, NULL), HS_OK);
    assert_int_equal(mode_of(plan.dir, "config.xml"), 0600);
    assert_int_equal(mode_of(plan.dir, "users.xml"), 0600);
    hs_buf_init(&text, 1 << 20);
    hs_store_config_server(&plan, &text);
    hs_store_config_users(&plan, &text);
    assert_true(hs_str_contains(hs_buf_str(&text), HS_STR("<max_query_size>16777216<")));
    assert_true(hs_buf_ok(&text));
    assert_false(hs_str_contains(hs_buf_str(&text), hs_str_c(plan.secret_rw)));
    assert_false(hs_str_contains(hs_buf_str(&text), hs_str_c(plan.secret_ro)));
    assert_false(hs_str_contains(hs_buf_str(&text), hs_str_c(plan.secret_stop)));
    hs_sha256(hs_str_c(plan.secret_rw), hash);
    hs_hex_encode(hash, sizeof(hash), hex);
    assert_true(hs_str_contains(hs_buf_str(&text), hs_str_n(hex, sizeof(hex))));
    assert_true(hs_str_contains(hs_buf_str(&text), HS_STR("<max_sessions_for_user>1<")));
    hs_buf_fini(&text);
    hs_store_config_forget_users(&plan);
    assert_int_equal(hs_store_config_write(&plan, NULL), HS_OK);
}

static void config__holds_browsers_off_on_loopback_only(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_plan plan;
    struct hs_buf text;

    assert_int_equal(hs_store_plan_make(&fixture->conf, &plan, NULL), HS_OK);
    hs_buf_init(&text, 1 << 20);
    hs_store_config_server(&plan, &text);
    assert_true(hs_str_contains(hs_buf_str(&text), HS_STR("<Origin>")));
    plan.http.is_loopback = false;
    hs_buf_reset(&text);
    hs_store_config_server(&plan, &text);
    assert_false(hs_str_contains(hs_buf_str(&text), HS_STR("<Origin>")));
    hs_buf_fini(&text);
}

static void config__escapes_the_folder(void **state)
{
    struct hs_store_plan plan = {.dir = "/a&b<c>", .http = {.host = "127.0.0.1"}};
    struct hs_buf text;

    (void)state;
    hs_buf_init(&text, 1 << 20);
    hs_store_config_server(&plan, &text);
    assert_true(hs_str_contains(hs_buf_str(&text), HS_STR("/a&amp;b&lt;c&gt;/users.xml")));
    hs_buf_fini(&text);
}

static void report__is_read_back(void **state)
{
    struct hs_store_plan plan = {.http = {.host = "127.0.0.1", .port = 8123, .is_loopback = true},
                                 .start_id = "0198-x"};
    struct hs_store_sandbox sandbox = {.network = true};
    struct hs_store_ready ready;
    struct hs_buf line;
    struct hs_err err;

    (void)state;
    hs_buf_init(&line, HS_STORE_REPORT_MAX);
    hs_store_report_ready(&line, &plan, &sandbox, true);
    assert_int_equal(hs_store_engine_parse_report(hs_buf_str(&line), &ready, &err), HS_OK);
    assert_string_equal(ready.http, "127.0.0.1:8123");
    assert_string_equal(ready.native, "");
    assert_string_equal(ready.start_id, "0198-x");
    assert_true(ready.network_denied && ready.survives_broken && !ready.files_denied);

    hs_buf_reset(&line);
    hs_store_report_failed(&line, HS_ECONFLICT, "locked\nby process 7");
    assert_int_equal(hs_store_engine_parse_report(hs_buf_str(&line), &ready, &err), HS_ECONFLICT);
    assert_string_equal(err.text, "locked by process 7");
    hs_buf_fini(&line);
}

static void report__of_another_form_is_corrupt(void **state)
{
    static const char *const cases[] = {"",           "ready",         "ready http=1",    "failed",
                                        "failed x y", "failed 0 fine", "failed -99 what", "hello"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_store_ready ready;

        assert_int_equal(hs_store_engine_parse_report(hs_str_c(cases[i]), &ready, NULL),
                         HS_ECORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(secret__is_made_once_and_private, setup, teardown),
        cmocka_unit_test_setup_teardown(secret__of_an_operator_is_taken_without_its_line_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(plan__settles_what_the_options_leave_open, setup, teardown),
        cmocka_unit_test_setup_teardown(plan__names_the_option_that_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(config__is_private_and_holds_no_password, setup, teardown),
        cmocka_unit_test_setup_teardown(config__holds_browsers_off_on_loopback_only, setup,
                                        teardown),
        cmocka_unit_test(config__escapes_the_folder),
        cmocka_unit_test(report__is_read_back),
        cmocka_unit_test(report__of_another_form_is_corrupt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
