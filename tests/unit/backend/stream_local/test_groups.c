#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backend/stream_local/groups_int.h"
#include "base/mem.h"

static const uint64_t start[HS_TOPIC_N] = {100, 200, 300, 400, 500, 600, 700};

static void add__starts_new_topics_only(void **state)
{
    struct hs_groups groups = {0};
    struct hs_group *group;

    (void)state;
    assert_int_equal(hs_groups_add(&groups, HS_STR("g"), 1, start, NULL), HS_OK);
    group = hs_groups_find(&groups, HS_STR("g"));
    assert_non_null(group);
    group->released[0] = 150;
    assert_int_equal(hs_groups_add(&groups, HS_STR("g"), 3, start, NULL), HS_OK);
    assert_int_equal(groups.n, 1);
    assert_int_equal(group->topics, 3);
    assert_int_equal(group->released[0], 150);
    assert_int_equal(group->released[1], 200);
    assert_null(hs_groups_find(&groups, HS_STR("gg")));
}

static void add__refuses_group_65(void **state)
{
    struct hs_groups groups = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < HS_GROUPS_MAX; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        assert_int_equal(hs_groups_add(&groups, hs_str_c(name), 1, start, NULL), HS_OK);
    }
    assert_int_equal(hs_groups_add(&groups, HS_STR("more"), 1, start, NULL), HS_ELIMIT);
    assert_int_equal(hs_groups_add(&groups, HS_STR("g0"), 2, start, NULL), HS_OK);
}

static void released__asks_each_group_that_pins_the_topic(void **state)
{
    struct hs_groups groups = {0};

    (void)state;
    hs_groups_add(&groups, HS_STR("a"), HS_TOPIC_BIT(0), start, NULL);
    hs_groups_add(&groups, HS_STR("b"), HS_TOPIC_BIT(0) | HS_TOPIC_BIT(1), start, NULL);
    hs_groups_find(&groups, HS_STR("a"))->released[0] = 120;
    assert_true(hs_groups_released(&groups, 0, 100));
    assert_false(hs_groups_released(&groups, 0, 101));
    assert_false(hs_groups_released(&groups, 1, 201));
    assert_true(hs_groups_released(&groups, 2, UINT64_MAX));
}

static void parse__gives_what_was_put(void **state)
{
    struct hs_groups groups = {0};
    struct hs_groups back;
    struct hs_buf buf;

    (void)state;
    hs_groups_add(&groups, HS_STR("loader"), 0x7F, start, NULL);
    hs_groups_add(&groups, HS_STR("x.y_z-1"), 2, start, NULL);
    hs_buf_init(&buf, 4096);
    hs_groups_put(&groups, &buf);
    assert_int_equal(hs_groups_parse(hs_buf_str(&buf), &back, NULL), HS_OK);
    assert_false(back.dirty || back.grown);
    assert_int_equal(back.n, 2);
    assert_memory_equal(back.items, groups.items, 2 * sizeof(back.items[0]));
    hs_buf_fini(&buf);
}

static void parse__refuses_what_it_did_not_write(void **state)
{
    static const char *const bad[] = {
        "",
        "haystat-stream-groups 2\n",
        "haystat-stream-groups 1\nloader search.events\n",
        "haystat-stream-groups 1\nloader search.events -1\n",
        "haystat-stream-groups 1\nloader search.unknown 1\n",
        "haystat-stream-groups 1\nLOADER search.events 1\n",
        "haystat-stream-groups 1\nloader  search.events 1\n",
        "haystat-stream-groups 1\nloader search.events 1 \n",
    };
    struct hs_groups groups;
    struct hs_err err;

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(bad); i++)
        assert_int_equal(hs_groups_parse(hs_str_c(bad[i]), &groups, &err), HS_ECORRUPT);
    assert_non_null(strstr(err.text, "line 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add__starts_new_topics_only),
        cmocka_unit_test(add__refuses_group_65),
        cmocka_unit_test(released__asks_each_group_that_pins_the_topic),
        cmocka_unit_test(parse__gives_what_was_put),
        cmocka_unit_test(parse__refuses_what_it_did_not_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
