/*
 * An intake for tests, with a redactor and rules that may be changed: received at 1700000000 s,
 * 24 h back, 5 min ahead, imports 30 days back. Header only, so that each test links just what it
 * uses.
 */
#ifndef HS_TESTS_SUPPORT_INTAKE_KIT_H
#define HS_TESTS_SUPPORT_INTAKE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <yyjson.h>

#include "collector/native.h"

struct intake_kit {
    struct hs_intake_rules rules;
    struct hs_redactor *redactor;
    struct hs_intake intake;
    struct hs_outcome outcome;
    struct hs_err err;
    char *body;
    size_t body_n;
    struct hs_buf text; /* of intake_kit_value and _key */
};

#define INTAKE_TEST(fn) cmocka_unit_test_setup_teardown(fn, intake_kit_setup, intake_kit_teardown)

static inline int intake_kit_setup(void **state)
{
    struct intake_kit *kit = calloc(1, sizeof(*kit));

    assert_non_null(kit);
    assert_int_equal(hs_redactor_new(true, HS_STR_NULL, &kit->redactor, &kit->err), HS_OK);
    kit->rules = (struct hs_intake_rules){
        .tenant = HS_STR("default"),
        .received_ns = 1700000000LL * HS_NS_PER_S,
        .late_max_ns = HS_NS_PER_DAY,
        .early_max_ns = 300 * HS_NS_PER_S,
        .retention_ns = 30 * HS_NS_PER_DAY,
        .redactor = kit->redactor,
    };
    hs_intake_init(&kit->intake, &kit->rules, 64 << 20);
    hs_buf_init(&kit->text, 64 << 20);
    *state = kit;
    return 0;
}

static inline int intake_kit_teardown(void **state)
{
    struct intake_kit *kit = *state;

    hs_intake_fini(&kit->intake);
    hs_redactor_free(kit->redactor);
    hs_buf_fini(&kit->text);
    free(kit->body);
    free(kit);
    return 0;
}

static inline void intake_kit_reset(struct intake_kit *kit)
{
    hs_intake_reset(&kit->intake, &kit->rules);
}

/* A mutable copy of the text with the padding that bodies have; one at a time. */
static inline char *intake_kit_body_n(struct intake_kit *kit, const void *p, size_t n)
{
    free(kit->body);
    kit->body_n = n;
    kit->body = malloc(n + HS_BODY_PADDING);
    assert_non_null(kit->body);
    if (n > 0)
        memcpy(kit->body, p, n);
    memset(kit->body + n, 'x', HS_BODY_PADDING);
    return kit->body;
}

static inline char *intake_kit_body(struct intake_kit *kit, const char *text)
{
    return intake_kit_body_n(kit, text, strlen(text));
}

static inline const char *intake_kit_text(struct intake_kit *kit, struct hs_str s)
{
    hs_buf_reset(&kit->text);
    hs_buf_add_str(&kit->text, s);
    return hs_buf_cstr(&kit->text);
}

static inline struct hs_message intake_kit_message(struct intake_kit *kit, enum hs_topic topic,
                                                   size_t i)
{
    size_t n = kit->intake.topics[topic].n;
    struct hs_message *messages = calloc(n + 1, sizeof(*messages));
    struct hs_message message;

    assert_non_null(messages);
    assert_true(i < n);
    assert_int_equal(hs_intake_messages(&kit->intake, topic, messages), n);
    message = messages[i];
    free(messages);
    return message;
}

static inline const char *intake_kit_value(struct intake_kit *kit, enum hs_topic topic, size_t i)
{
    return intake_kit_text(kit, intake_kit_message(kit, topic, i).value);
}

static inline const char *intake_kit_key(struct intake_kit *kit, enum hs_topic topic, size_t i)
{
    return intake_kit_text(kit, intake_kit_message(kit, topic, i).key);
}

/* The topic's last message has `name` with this JSON value; NULL: does not have it. */
static inline void intake_kit_expect(struct intake_kit *kit, enum hs_topic topic, const char *name,
                                     const char *json)
{
    const char *value = intake_kit_value(kit, topic, kit->intake.topics[topic].n - 1);
    yyjson_doc *doc = yyjson_read(value, strlen(value), YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *val = yyjson_obj_get(yyjson_doc_get_root(doc), name);
    char *text = val ? yyjson_val_write(val, 0, NULL) : NULL;

    if (!doc)
        print_error("not JSON: %s\n", value);
    assert_non_null(doc);
    if (json && text) {
        assert_string_equal(text, json);
    } else if (json || text) {
        print_error("%s: expected %s in %s\n", name, json ? json : "nothing", value);
        assert_true(!json && !text);
    }
    free(text);
    yyjson_doc_free(doc);
}

#endif
