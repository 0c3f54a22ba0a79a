/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include "collector/bulk.h"
#include "support/intake_kit.h"

#define QUERY "{\"application\":\"shop\",\"query_id\":\"q1\",\"user_query\":\"toner\"}\n"
#define EVENT "{\"action_name\":\"click\",\"timestamp\":\"2023-11-14T22:13:22Z\"}\n"

static int read_bulk(struct intake_kit *kit, const char *index, const char *text,
                     struct hs_bulk *bulk)
{
    char *body = intake_kit_body(kit, text);

    kit->rules.source = HS_SOURCE_UBI;
    return hs_bulk_read(&kit->intake, hs_str_c(index), body, kit->body_n, bulk, &kit->err);
}

/* The answer to a body that can be read. Free with yyjson_doc_free. */
static yyjson_doc *answer(struct intake_kit *kit, const char *index, const char *text)
{
    struct hs_bulk bulk;
    struct hs_buf out;
    yyjson_doc *doc;

    hs_bulk_init(&bulk);
    hs_buf_init(&out, 1 << 20);
    assert_int_equal(read_bulk(kit, index, text, &bulk), HS_OK);
    hs_bulk_write_answer(&bulk, 7, &out);
    doc = yyjson_read(out.p, out.n, 0);
    assert_non_null(doc);
    hs_bulk_fini(&bulk);
    hs_buf_fini(&out);
    return doc;
}

static yyjson_val *at(yyjson_doc *doc, const char *pointer)
{
    return yyjson_doc_ptr_get(doc, pointer);
}

static void index_and_create__are_answered_item_by_item(void **state)
{
    struct intake_kit *kit = *state;
    yyjson_doc *doc = answer(kit, "",
                             "{\"index\":{\"_index\":\"ubi_queries\",\"_id\":\"d1\"}}\n" QUERY
                             "{\"create\":{\"_index\":\"ubi_events\"}}\n" EVENT);

    assert_int_equal(yyjson_get_int(at(doc, "/took")), 7);
    assert_true(yyjson_is_false(at(doc, "/errors")));
    assert_int_equal(yyjson_arr_size(at(doc, "/items")), 2);
    assert_true(yyjson_equals_str(at(doc, "/items/0/index/_index"), "ubi_queries"));
    assert_true(yyjson_equals_str(at(doc, "/items/0/index/_id"), "d1"));
    assert_true(yyjson_equals_str(at(doc, "/items/0/index/result"), "created"));
    assert_int_equal(yyjson_get_int(at(doc, "/items/0/index/status")), 201);
    assert_int_equal(yyjson_get_len(at(doc, "/items/1/create/_id")), 36);
    assert_int_equal(yyjson_get_int(at(doc, "/items/1/create/status")), 201);
    yyjson_doc_free(doc);
    intake_kit_expect(kit, HS_TOPIC_EVENTS, "event_id", "\"d1\"");
    assert_int_equal(kit->intake.topics[HS_TOPIC_RESULTS].n, 1);
}

static void default_index__comes_from_the_path(void **state)
{
    struct intake_kit *kit = *state;
    yyjson_doc *doc = answer(kit, "ubi_events", "{\"index\":{}}\n" EVENT);

    assert_true(yyjson_equals_str(at(doc, "/items/0/index/_index"), "ubi_events"));
    yyjson_doc_free(doc);
}

static void rejected_items__say_why_and_the_others_stand(void **state)
{
    struct intake_kit *kit = *state;
    yyjson_doc *doc = answer(kit, "",
                             "{\"index\":{\"_index\":\"ubi_queries\",\"_id\":\"d1\"}}\n"
                             "{\"query_id\":\"x\"}\n"
                             "{\"index\":{\"_index\":\"products\"}}\n{\"a\":1}\n"
                             "{\"delete\":{\"_index\":\"ubi_queries\",\"_id\":\"d1\"}}\n"
                             "{\"update\":{\"_index\":\"ubi_queries\",\"_id\":\"d1\"}}\n{}\n"
                             "{\"index\":{\"_index\":\"ubi_queries\"}}\n{broken\n"
                             "{\"index\":{\"_index\":\"ubi_queries\"}}\n" QUERY);

    assert_true(yyjson_is_true(at(doc, "/errors")));
    assert_int_equal(yyjson_arr_size(at(doc, "/items")), 6);
    assert_int_equal(yyjson_get_int(at(doc, "/items/0/index/status")), 400);
    assert_true(yyjson_equals_str(at(doc, "/items/0/index/error/reason"),
                                  "user_query is missing: a query needs it"));
    assert_int_equal(yyjson_get_int(at(doc, "/items/1/index/status")), 404);
    assert_true(
        yyjson_equals_str(at(doc, "/items/1/index/error/type"), "index_not_found_exception"));
    assert_int_equal(yyjson_get_int(at(doc, "/items/2/delete/status")), 400);
    assert_int_equal(yyjson_get_int(at(doc, "/items/3/update/status")), 400);
    assert_int_equal(yyjson_get_int(at(doc, "/items/4/index/status")), 400);
    assert_int_equal(yyjson_get_int(at(doc, "/items/5/index/status")), 201);
    yyjson_doc_free(doc);
    assert_int_equal(kit->intake.topics[HS_TOPIC_EVENTS].n, 1);
}

static void malformed_body__is_refused_and_names_the_line(void **state)
{
    static const struct {
        const char *body;
        const char *text;
    } cases[] = {
        {"", "request body is required"},
        {" \n\n", "request body is required"},
        {"[]\n",
         "Malformed action/metadata line [1], it is an array, expected an object with one action"},
        {"{\"index\":{},\"create\":{}}\n",
         "Malformed action/metadata line [1], expected an object with one action"},
        {"{\"put\":{}}\n{}\n", "Malformed action/metadata line [1], the action is \"put\", "
                               "expected one of [index, create, update, delete]"},
        {"{\"index\":{\"_index\":\"ubi_events\"}}\n" EVENT "{\"index\":7}\n",
         "Malformed action/metadata line [3], index is a number, expected an object"},
        {"{\"index\":{\"_index\":[\"ubi_events\"]}}\n" EVENT,
         "Malformed action/metadata line [1], _index is an array, must be a string"},
        {"{\"index\":{\"_id\":true}}\n" EVENT,
         "Malformed action/metadata line [1], _id is a boolean, must be a string"},
        {"{\"index\":{\"_index\":\"ubi_events\"}}\n",
         "Malformed action/metadata line [2], the document of the last action is missing"},
    };
    struct intake_kit *kit = *state;
    struct hs_bulk bulk;

    hs_bulk_init(&bulk);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_bulk(kit, "", cases[i].body, &bulk), HS_EINVAL);
        assert_string_equal(kit->err.text, cases[i].text);
    }
    assert_int_equal(read_bulk(kit, "", "{\"index\":\n", &bulk), HS_EINVAL);
    hs_bulk_fini(&bulk);
}

/* Clients pass on what their users give them: 7 is the id "7". */
static void numeric_id__counts_as_its_text(void **state)
{
    struct intake_kit *kit = *state;
    yyjson_doc *doc = answer(kit, "ubi_queries",
                             "{\"index\":{\"_id\":70}}\n" QUERY
                             "{\"index\":{\"_id\":null,\"_index\":null}}\n" QUERY
                             "{\"index\":{\"_id\":1,\"_index\":5}}\n" QUERY);

    assert_true(yyjson_equals_str(at(doc, "/items/0/index/_id"), "70"));
    assert_int_equal(yyjson_get_int(at(doc, "/items/0/index/status")), 201);
    assert_int_equal(yyjson_get_int(at(doc, "/items/1/index/status")), 201);
    assert_true(yyjson_equals_str(at(doc, "/items/2/index/error/reason"),
                                  "no such index [5]: only ubi_queries and ubi_events take "
                                  "documents"));
    yyjson_doc_free(doc);
    doc = answer(kit, "", "{\"index\":{}}\n" QUERY);
    assert_true(yyjson_equals_str(at(doc, "/items/0/index/error/reason"),
                                  "_index is missing, must be ubi_queries or ubi_events, here or "
                                  "in the path"));
    yyjson_doc_free(doc);
}

static void long_id__is_rejected(void **state)
{
    struct intake_kit *kit = *state;
    char text[700];
    yyjson_doc *doc;

    for (int n = 256; n <= 257; n++) {
        snprintf(text, sizeof(text), "{\"index\":{\"_index\":\"ubi_events\",\"_id\":\"%0*d\"}}\n%s",
                 n, 1, EVENT);
        doc = answer(kit, "", text);
        assert_int_equal(yyjson_get_int(at(doc, "/items/0/index/status")), n == 256 ? 201 : 400);
        yyjson_doc_free(doc);
    }
}

static void long_names__come_back_cut(void **state)
{
    struct intake_kit *kit = *state;
    char text[4000];
    yyjson_doc *doc;

    snprintf(text, sizeof(text), "{\"index\":{\"_index\":\"%01000d\",\"_id\":\"%01000d\"}}\n%s", 1,
             1, EVENT);
    doc = answer(kit, "", text);
    assert_int_equal(yyjson_get_int(at(doc, "/items/0/index/status")), 404);
    assert_int_equal(yyjson_get_len(at(doc, "/items/0/index/_index")), 255);
    assert_int_equal(yyjson_get_len(at(doc, "/items/0/index/_id")), 512);
    yyjson_doc_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTAKE_TEST(index_and_create__are_answered_item_by_item),
        INTAKE_TEST(default_index__comes_from_the_path),
        INTAKE_TEST(rejected_items__say_why_and_the_others_stand),
        INTAKE_TEST(malformed_body__is_refused_and_names_the_line),
        INTAKE_TEST(numeric_id__counts_as_its_text),
        INTAKE_TEST(long_id__is_rejected),
        INTAKE_TEST(long_names__come_back_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
