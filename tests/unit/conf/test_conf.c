#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/option.h"
#include "conf/suggest.h"

/* Writes `yaml` into a temporary file, loads it and removes it. */
static int load_yaml(const char *yaml, struct hs_conf *out, struct hs_err *err)
{
    char path[] = "/tmp/hs_test_conf_XXXXXX";
    struct hs_conf_source source = {.file = path};
    int fd = mkstemp(path);
    int rc;

    assert_true(fd >= 0);
    assert_int_equal(hs_fs_write_all(fd, yaml, strlen(yaml), err), HS_OK);
    close(fd);
    rc = hs_conf_load(&source, out, err);
    unlink(path);
    return rc;
}

static int load_set(const char *set, struct hs_conf *out, struct hs_err *err)
{
    const char *const sets[] = {set};
    struct hs_conf_source source = {.sets = sets, .sets_n = 1};

    return hs_conf_load(&source, out, err);
}

static void load__gives_defaults_of_the_design(void **state)
{
    struct hs_conf conf;

    (void)state;
    hs_conf_init(&conf);
    assert_string_equal(conf.listen_gateway, "127.0.0.1:8000");
    assert_string_equal(conf.listen_store_native, "");
    assert_int_equal(conf.roles, HS_ROLE_ALL);
    assert_int_equal(conf.dedup_window_ms, 600000);
    assert_int_equal(conf.dedup_entries_max, 4000000);
    assert_int_equal(conf.ingest_late_max_ms, 86400000);
    assert_int_equal(conf.retention_spans_days, 7);
    assert_int_equal(conf.disk_free_min_bytes, 2ULL << 30);
    assert_true(conf.rollup_cpu_share == 0.25);
    assert_true(conf.redact);
    hs_conf_fini(&conf);
    hs_conf_fini(&conf); /* twice is a no-op */
}

static void load__reads_nested_and_dotted_names(void **state)
{
    struct hs_conf conf;
    struct hs_err err;

    (void)state;
    assert_int_equal(load_yaml("# comment\n"
                               "listen:\n"
                               "  gateway: 0.0.0.0:9000\n"
                               "  store: \"\"\n"
                               "listen.otlp_http: '[::1]:0'\n"
                               "roles: [collector, engine]\n"
                               "stream: local\n"
                               "stream.segment_bytes: 2GiB\n"
                               "redact:\n"
                               "  enabled: no\n"
                               "  patterns:\n"
                               "    - a+\n"
                               "    - b,c\n"
                               "retention: {spans: 48h}\n",
                               &conf, &err),
                     HS_OK);
    assert_string_equal(conf.listen_gateway, "0.0.0.0:9000");
    assert_string_equal(conf.listen_store, "");
    assert_string_equal(conf.listen_otlp_http, "[::1]:0");
    assert_int_equal(conf.roles, HS_ROLE_COLLECTOR | HS_ROLE_ENGINE);
    assert_int_equal(conf.stream_segment_bytes, 2ULL << 30);
    assert_false(conf.redact);
    assert_string_equal(conf.redact_patterns, "a+\nb,c");
    assert_int_equal(conf.retention_spans_days, 2);
    hs_conf_fini(&conf);
}

static void load__accepts_an_empty_file(void **state)
{
    static const char *const texts[] = {"", "# nothing\n", "---\n"};
    struct hs_conf conf;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(texts); i++) {
        assert_int_equal(load_yaml(texts[i], &conf, NULL), HS_OK);
        hs_conf_fini(&conf);
    }
}

static void load__names_what_is_wrong_in_a_file(void **state)
{
    static const struct {
        const char *yaml;
        const char *text; /* part of the message */
    } cases[] = {
        {"listen:\n  gatway: 127.0.0.1:1\n", "did you mean listen.gateway?"},
        {"listen:\n  gatway: 127.0.0.1:1\n", "line 2"},
        {"nonsense_of_no_kind: 1\n", "there is no option \"nonsense_of_no_kind\""},
        {"data: a\ndata: b\n", "line 2: option data stands on line 1 already"},
        {"http: {threads: 65}\n", "option http.threads is 65, out of range 1 … 64"},
        {"data: [a, [b]]\n", "a list may hold texts only"},
        {"- data\n", "must be a map"},
        {"data\n", "must be a map"},
        {"a: &x {b: *x}\n", "nested deeper"},
        {"data: \"x\n", "not YAML"},
        {"? [a]\n: b\n", "a name must be a text"},
        {"data: a\n---\ndata: b\n", "one document"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_conf conf;
        struct hs_err err = {0};

        assert_int_equal(load_yaml(cases[i].yaml, &conf, &err), HS_EINVAL);
        if (!strstr(err.text, cases[i].text))
            fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].text);
    }
}

static void load__survives_every_truncation_of_a_file(void **state)
{
    static const char yaml[] = "listen: {gateway: \"127.0.0.1:1\", store: ''}\nroles: [engine]\n"
                               "redact:\n  patterns:\n  - a\nhttp.deadline: 5s\n";
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(yaml); n++) {
        char cut[sizeof(yaml)];
        struct hs_conf conf;

        memcpy(cut, yaml, n);
        cut[n] = '\0';
        if (load_yaml(cut, &conf, NULL) == HS_OK)
            hs_conf_fini(&conf);
    }
}

static void load__reports_a_missing_file(void **state)
{
    struct hs_conf_source source = {.file = "/nonexistent/haystat.yaml"};
    struct hs_conf conf;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_conf_load(&source, &conf, &err), HS_ENOTFOUND);
    assert_non_null(strstr(err.text, "/nonexistent/haystat.yaml"));
}

static const char *fake_getenv(const char *name)
{
    if (strcmp(name, "HAYSTAT_LISTEN_GATEWAY") == 0)
        return "127.0.0.1:7777";
    if (strcmp(name, "HAYSTAT_HTTP_DEADLINE") == 0)
        return "7s";
    return NULL;
}

static void load__lets_later_sources_win(void **state)
{
    const char *const sets[] = {"http.deadline=8s", "http.deadline=9s"};
    struct hs_conf_source source = {.getenv_fn = fake_getenv, .sets = sets, .sets_n = 2};
    struct hs_conf conf;
    struct hs_buf out;

    (void)state;
    assert_int_equal(hs_conf_load(&source, &conf, NULL), HS_OK);
    assert_string_equal(conf.listen_gateway, "127.0.0.1:7777");
    assert_int_equal(conf.http_deadline_ms, 9000);
    hs_buf_init(&out, 1 << 20);
    hs_conf_print(&conf, &out);
    assert_non_null(strstr(hs_buf_cstr(&out), "127.0.0.1:7777   # HAYSTAT_LISTEN_GATEWAY\n"));
    assert_non_null(strstr(hs_buf_cstr(&out), "9s   # --set\n"));
    assert_non_null(strstr(hs_buf_cstr(&out), "haystat-data   # default\n"));
    hs_buf_fini(&out);
    hs_conf_fini(&conf);
}

static const char *bad_getenv(const char *name)
{
    return strcmp(name, "HAYSTAT_HTTP_THREADS") == 0 ? "many" : NULL;
}

static void load__names_the_variable_of_a_bad_value(void **state)
{
    struct hs_conf_source source = {.getenv_fn = bad_getenv};
    struct hs_conf conf;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_conf_load(&source, &conf, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "HAYSTAT_HTTP_THREADS: option http.threads is \"many\""));
}

static void set__parses_values_by_type(void **state)
{
    static const struct {
        const char *set;
        size_t offset;
        uint64_t value;
    } cases[] = {
        {"http.deadline=400ms", offsetof(struct hs_conf, http_deadline_ms), 400},
        {"http.deadline=1m30s", offsetof(struct hs_conf, http_deadline_ms), 90000},
        {"http.deadline=1.5s", offsetof(struct hs_conf, http_deadline_ms), 1500},
        {"http.deadline=1h", offsetof(struct hs_conf, http_deadline_ms), 3600000},
        {"ingest.late_max=30d", offsetof(struct hs_conf, ingest_late_max_ms), 2592000000},
        {"ingest.early_max=0", offsetof(struct hs_conf, ingest_early_max_ms), 0},
        {"http.body_max=64MiB", offsetof(struct hs_conf, http_body_max), 64 << 20},
        {"http.body_max=1GiB", offsetof(struct hs_conf, http_body_max), 1 << 30},
        {"http.body_max=4096", offsetof(struct hs_conf, http_body_max), 4096},
        {"http.body_max=1.5 KiB", offsetof(struct hs_conf, http_body_max), 1536},
        {"http.body_max=2MB", offsetof(struct hs_conf, http_body_max), 2000000},
        {"retention.searches=90", offsetof(struct hs_conf, retention_searches_days), 90},
        {"retention.searches=90d", offsetof(struct hs_conf, retention_searches_days), 90},
        {"roles=gateway, debug", offsetof(struct hs_conf, roles), 12},
        {"roles=all", offsetof(struct hs_conf, roles), 15},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_conf conf;
        struct hs_err err = {0};

        if (load_set(cases[i].set, &conf, &err))
            fail_msg("%s: %s", cases[i].set, err.text);
        assert_int_equal(*(uint64_t *)((char *)&conf + cases[i].offset), cases[i].value);
        hs_conf_fini(&conf);
    }
}

static void set__refuses_bad_values_with_the_reason(void **state)
{
    static const struct {
        const char *set;
        const char *text;
    } cases[] = {
        {"http.deadline", "--set takes name=value"},
        {"=5", "there is no option \"\""},
        {"htp.deadline=5s", "did you mean http.deadline?"},
        {"http.deadline=5", "a duration such as"},
        {"http.deadline=", "a duration such as"},
        {"http.deadline=s", "a duration such as"},
        {"http.deadline=5x", "a duration such as"},
        {"http.deadline=-5s", "a duration such as"},
        {"http.deadline=99ms", "out of range 100ms … 1h"},
        {"http.deadline=1h1ms", "out of range"},
        {"http.deadline=100.5ms", "a duration such as"},
        {"http.threads=0", "option http.threads is 0, out of range 1 … 64"},
        {"http.threads=65", "out of range"},
        {"http.threads=2.5", "a whole number"},
        {"http.threads=99999999999999999999", "a whole number"},
        {"http.body_max=1023", "out of range 1KiB … 1GiB"},
        {"http.body_max=64Mib", "bytes such as"},
        {"disk.free_min=nan", "a number"},
        {"disk.free_min=0.91", "out of range 0 … 0.9"},
        {"retention.spans=36h", "whole days"},
        {"redact.enabled=maybe", "true or false"},
        {"auth.mode=none", "one of: loopback, keys"},
        {"roles=", "a list out of"},
        {"roles=collector,,engine", "a list out of"},
        {"roles=colector", "a list out of"},
        {"listen.gateway=8000", "host:port"},
        {"listen.gateway=:8000", "host:port"},
        {"listen.gateway=127.0.0.1:65536", "host:port"},
        {"listen.gateway=::1:8000", "host:port"},
        {"listen.gateway=[]:1", "host:port"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_conf conf;
        struct hs_err err = {0};

        assert_int_equal(load_set(cases[i].set, &conf, &err), HS_EINVAL);
        if (!strstr(err.text, cases[i].text))
            fail_msg("%s: \"%s\" lacks \"%s\"", cases[i].set, err.text, cases[i].text);
    }
}

static void set__leaves_the_former_value_on_failure(void **state)
{
    struct hs_conf conf;

    (void)state;
    hs_conf_init(&conf);
    assert_int_equal(hs_conf_set(&conf, HS_STR("auth.mode"), HS_STR("x"), NULL), HS_EINVAL);
    assert_string_equal(conf.auth_mode, "loopback");
    hs_conf_fini(&conf);
}

static void print__hides_secrets(void **state)
{
    struct hs_conf conf;
    struct hs_buf out;

    (void)state;
    assert_int_equal(load_set("analytics.password=swordfish", &conf, NULL), HS_OK);
    hs_buf_init(&out, 1 << 20);
    hs_conf_print(&conf, &out);
    assert_null(strstr(hs_buf_cstr(&out), "swordfish"));
    assert_non_null(strstr(hs_buf_cstr(&out), "***   # --set"));
    hs_buf_fini(&out);
    hs_conf_fini(&conf);
}

static void print__shows_values_that_load_again_equal(void **state)
{
    struct hs_conf conf;
    size_t i;

    (void)state;
    hs_conf_init(&conf);
    for (i = 0; i < hs_options_n; i++) {
        struct hs_buf first, second;

        hs_buf_init(&first, 4096);
        hs_buf_init(&second, 4096);
        hs_option_format(&hs_options[i], &conf, &first);
        assert_int_equal(hs_option_parse(&hs_options[i], hs_buf_str(&first), &conf, NULL), HS_OK);
        hs_option_format(&hs_options[i], &conf, &second);
        assert_string_equal(hs_buf_cstr(&first), hs_buf_cstr(&second));
        hs_buf_fini(&first);
        hs_buf_fini(&second);
    }
    hs_conf_fini(&conf);
}

static void table__has_a_row_for_each_name_once(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < hs_options_n; i++) {
        assert_ptr_equal(hs_option_find(hs_str_c(hs_options[i].name)), &hs_options[i]);
        assert_true(strlen(hs_options[i].help) > 10);
    }
}

static void manual__is_what_docs_hold(void **state)
{
    struct hs_buf made, kept;

    (void)state;
    hs_buf_init(&made, 1 << 20);
    hs_buf_init(&kept, 1 << 20);
    hs_conf_print_manual(&made);
    assert_int_equal(hs_fs_read(HS_TESTS_DIR "/../docs/configuration.md", &kept, NULL), HS_OK);
    if (!hs_str_eq(hs_buf_str(&made), hs_buf_str(&kept)))
        fail_msg("docs/configuration.md is stale: run haystat config --manual > it");
    hs_buf_fini(&made);
    hs_buf_fini(&kept);
}

static void path__joins_the_data_folder(void **state)
{
    struct hs_conf conf;
    char path[HS_PATH_MAX];

    (void)state;
    assert_int_equal(load_set("data=/x/y", &conf, NULL), HS_OK);
    assert_int_equal(hs_conf_path(&conf, "metadata.db", path, NULL), HS_OK);
    assert_string_equal(path, "/x/y/metadata.db");
    hs_conf_fini(&conf);
}

static void suggest__counts_edits(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},         {"abc", "abc", 0},     {"abc", "", 3},           {"abc", "abd", 1},
        {"abcd", "acbd", 1}, {"serve", "sevre", 1}, {"kitten", "sitting", 3},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++)
        assert_int_equal(hs_suggest_distance(hs_str_c(cases[i].a), hs_str_c(cases[i].b), 10),
                         cases[i].distance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load__gives_defaults_of_the_design),
        cmocka_unit_test(load__reads_nested_and_dotted_names),
        cmocka_unit_test(load__accepts_an_empty_file),
        cmocka_unit_test(load__names_what_is_wrong_in_a_file),
        cmocka_unit_test(load__survives_every_truncation_of_a_file),
        cmocka_unit_test(load__reports_a_missing_file),
        cmocka_unit_test(load__lets_later_sources_win),
        cmocka_unit_test(load__names_the_variable_of_a_bad_value),
        cmocka_unit_test(set__parses_values_by_type),
        cmocka_unit_test(set__refuses_bad_values_with_the_reason),
        cmocka_unit_test(set__leaves_the_former_value_on_failure),
        cmocka_unit_test(print__hides_secrets),
        cmocka_unit_test(print__shows_values_that_load_again_equal),
        cmocka_unit_test(table__has_a_row_for_each_name_once),
        cmocka_unit_test(manual__is_what_docs_hold),
        cmocka_unit_test(path__joins_the_data_folder),
        cmocka_unit_test(suggest__counts_edits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
