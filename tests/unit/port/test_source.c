/* The condition on counted sources, over a metadata that makes up its entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "port/source.h"

/* Applications of the tenant "t": `seen` is the same for all. */
struct fake {
    struct hs_metadata base;
    size_t applications_n;
    int name_bytes;
    const char *value;
};

static void name_of(const struct fake *fake, size_t i, char out[HS_METADATA_KEY_MAX])
{
    snprintf(out, HS_METADATA_KEY_MAX, "t/%0*zu", fake->name_bytes, i);
}

static int scan(struct hs_metadata *metadata, const char *space, struct hs_str prefix,
                struct hs_str after, struct hs_arena *arena, struct hs_entry *out, size_t max,
                size_t *out_n, struct hs_err *err)
{
    const struct fake *fake = (const struct fake *)metadata;
    uint64_t from = 0;
    size_t n;

    (void)err;
    assert_string_equal(space, HS_SPACE_SOURCES);
    assert_true(hs_str_eq_c(prefix, "t/"));
    if (after.n > 0) {
        assert_int_equal(hs_str_to_u64(hs_str_n(after.p + 2, after.n - 2), &from), HS_OK);
        from++;
    }
    for (n = 0; n < max && from + n < fake->applications_n; n++) {
        char key[HS_METADATA_KEY_MAX];

        name_of(fake, (size_t)from + n, key);
        out[n].key = hs_arena_copy(arena, hs_str_c(key));
        out[n].value = hs_str_c(fake->value);
        assert_non_null(out[n].key.p);
    }
    *out_n = n;
    return HS_OK;
}

static const struct hs_metadata_ops ops = {.name = "fake", .scan = scan};

static struct fake fake_of(size_t applications_n, int name_bytes, const char *value)
{
    return (struct fake){{&ops}, applications_n, name_bytes, value};
}

static void condition__names_applications_with_two_sources(void **state)
{
    struct fake one = fake_of(2, 1, "{\"seen\":[\"ubi\"],\"counted\":\"ubi\",\"set\":false}");
    struct fake two =
        fake_of(2, 1, "{\"seen\":[\"native\",\"ubi\"],\"counted\":\"native\",\"set\":false}");
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 1 << 20);
    assert_int_equal(hs_source_condition(&one.base, HS_STR("t"), &out, NULL), HS_OK);
    assert_string_equal(hs_buf_cstr(&out), "1");
    hs_buf_reset(&out);
    assert_int_equal(hs_source_condition(&two.base, HS_STR("t"), &out, NULL), HS_OK);
    assert_string_equal(hs_buf_cstr(&out), "source = transform(application::String, ['0','1'], "
                                           "['native','native'], source::String)");
    hs_buf_fini(&out);
}

/* Whoever may send telemetry makes up names of applications: that must not break the statements. */
static void condition__of_too_many_applications_stays_within_its_limit(void **state)
{
    struct fake fake = fake_of(HS_SOURCE_APPLICATIONS_MAX + 5000, 250,
                               "{\"seen\":[\"native\",\"ubi\"],\"counted\":\"native\"}");
    struct hs_buf out;

    (void)state;
    hs_buf_init(&out, 8 << 20);
    assert_int_equal(hs_source_condition(&fake.base, HS_STR("t"), &out, NULL), HS_OK);
    assert_true(out.n > HS_SOURCE_CONDITION_MAX / 10 * 9);
    assert_true(out.n < HS_SOURCE_CONDITION_MAX + 1000);
    assert_true(hs_str_ends_with(hs_buf_str(&out), HS_STR("'native'], source::String)")));
    hs_buf_fini(&out);
}

/* Actions count from the source that searches count from when that sends any, else the best. */
static void lists__of_actions_and_of_tracked_applications(void **state)
{
    static const char two[] =
        "{\"seen\":[\"native\",\"ubi\"],\"counted\":\"ubi\",\"actions\":[\"native\",\"ubi\"]}";
    struct fake both = fake_of(1, 1, two);
    struct fake other = fake_of(1, 1,
                                "{\"seen\":[\"native\"],\"counted\":\"native\","
                                "\"actions\":[\"ubi\",\"span\"]}");
    struct fake one = fake_of(1, 1, "{\"seen\":[],\"counted\":\"\",\"actions\":[\"ubi\"]}");
    struct fake none = fake_of(1, 1, "{\"seen\":[\"native\"],\"counted\":\"native\"}");
    const struct {
        struct fake *fake;
        enum hs_source_kind kind;
        const char *names, *counted;
    } cases[] = {
        {&both, HS_SOURCE_OF_ACTIONS, "'0'", "'ubi'"},
        {&other, HS_SOURCE_OF_ACTIONS, "'0'", "'ubi'"},
        {&one, HS_SOURCE_OF_ACTIONS, "", ""},
        {&one, HS_SOURCE_OF_SEARCHES, "", ""},
        {&one, HS_SOURCE_TRACKED, "'0'", "'ubi'"},
        {&none, HS_SOURCE_OF_ACTIONS, "", ""},
        {&none, HS_SOURCE_TRACKED, "", ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cases); i++) {
        struct hs_source_lists lists;

        assert_int_equal(hs_source_lists_read(&cases[i].fake->base, HS_STR("t"), cases[i].kind,
                                              &lists, NULL),
                         HS_OK);
        assert_string_equal(hs_buf_cstr(&lists.names), cases[i].names);
        assert_string_equal(hs_buf_cstr(&lists.counted), cases[i].counted);
        hs_source_lists_fini(&lists);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(condition__names_applications_with_two_sources),
        cmocka_unit_test(lists__of_actions_and_of_tracked_applications),
        cmocka_unit_test(condition__of_too_many_applications_stays_within_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
