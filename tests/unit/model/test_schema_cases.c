/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <yyjson.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/event.h"

/* Returns whether the reader says of the line's event what the JSON Schemas say. */
static bool agrees(struct hs_str line, struct hs_event *event)
{
    yyjson_doc *doc = yyjson_read(line.p, line.n, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct hs_err err = {0};
    bool valid;
    int rc;

    assert_non_null(doc);
    valid = yyjson_get_bool(yyjson_obj_get(root, "valid"));
    rc = hs_event_read(yyjson_obj_get(root, "event"), event, &err);
    yyjson_doc_free(doc);
    if (valid == (rc == HS_OK))
        return true;
    print_error("%.*s: %s\n", (int)line.n, line.p, err.text);
    return false;
}

static void reader__agrees_with_the_schemas(void **state)
{
    struct hs_event *event = hs_xalloc(sizeof(*event));
    struct hs_buf file;
    struct hs_str rest;
    struct hs_str line;
    unsigned differ = 0;
    unsigned n = 0;

    (void)state;
    hs_buf_init(&file, 64 << 20);
    assert_int_equal(hs_fs_read(HS_TESTS_DIR "/data/schema/cases.ndjson", &file, NULL), HS_OK);
    rest = hs_buf_str(&file);
    while (hs_str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        n++;
        differ += !agrees(line, event);
    }
    assert_int_equal(differ, 0);
    assert_true(n > 1000);
    hs_buf_fini(&file);
    hs_free(event);
}

/* Every field that a client may send is in a schema of its type, and no schema names another. */
static void table__and_schemas_name_the_same_fields(void **state)
{
    static const struct {
        const char *path;
        unsigned flag;
    } schemas[] = {{"search-event.json", HS_FF_SEARCH},
                   {"result-event.json", HS_FF_RESULT},
                   {"error-event.json", HS_FF_FAILURE}};

    (void)state;
    for (size_t i = 0; i < HS_ARRAY_LEN(schemas); i++) {
        char path[HS_PATH_MAX];
        yyjson_doc *doc;
        yyjson_val *properties;
        size_t known = 0;

        snprintf(path, sizeof(path), "%s/../schema/%s", HS_TESTS_DIR, schemas[i].path);
        doc = yyjson_read_file(path, 0, NULL, NULL);
        assert_non_null(doc);
        properties = yyjson_obj_get(yyjson_doc_get_root(doc), "properties");
        for (unsigned f = 0; f < HS_FIELD_N; f++) {
            bool named = yyjson_obj_get(properties, hs_fields[f].name) != NULL;
            bool sent =
                (hs_fields[f].flags & schemas[i].flag) && !(hs_fields[f].flags & HS_FF_DERIVED);

            if (named != sent)
                print_error("%s: %s\n", schemas[i].path, hs_fields[f].name);
            assert_int_equal(named, sent);
            known += sent;
        }
        assert_int_equal(yyjson_obj_size(properties), known);
        yyjson_doc_free(doc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reader__agrees_with_the_schemas),
        cmocka_unit_test(table__and_schemas_name_the_same_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
