#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "gateway/cursor.h"
#include "gateway/params.h"
#include "net/base64.h"

static int decode(const char *plain, struct hs_cursor *out)
{
    struct hs_buf text;
    int rc;

    hs_buf_init(&text, 1024);
    hs_base64_encode(hs_str_c(plain), &text);
    rc = hs_cursor_decode(hs_buf_str(&text), out, NULL);
    hs_buf_fini(&text);
    return rc;
}

static void cursor__comes_back_as_it_was(void **state)
{
    const struct hs_cursor cursors[] = {
        {.from_s = 0, .to_s = 60, .value = "1", .id = 1, .shape = 0},
        {.from_s = 1795428000,
         .to_s = 9214646399,
         .value = "1.7976931348623157e+308",
         .id = UINT64_MAX,
         .shape = UINT64_MAX},
        {.from_s = 60, .to_s = 120, .value = "0.10000000000000001", .id = 7, .shape = 9},
    };
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(cursors); i++) {
        struct hs_cursor back;
        struct hs_buf text;

        hs_buf_init(&text, HS_CURSOR_BYTES_MAX); /* what a request may hold */
        hs_cursor_encode(&cursors[i], &text);
        assert_true(hs_buf_ok(&text));
        assert_int_equal(hs_cursor_decode(hs_buf_str(&text), &back, NULL), HS_OK);
        assert_int_equal(back.from_s, cursors[i].from_s);
        assert_int_equal(back.to_s, cursors[i].to_s);
        assert_string_equal(back.value, cursors[i].value);
        assert_true(back.id == cursors[i].id);
        assert_true(back.shape == cursors[i].shape);
        hs_buf_fini(&text);
    }
}

static void decode__refuses_what_was_not_encoded(void **state)
{
    static const char *const plain[] = {
        "",
        "1",
        "1|0|60|1|1",           /* a part is missing */
        "1|0|60|1|1|2|",        /* one too many */
        "2|0|60|1|1|2",         /* of another version */
        "1|60|60|1|1|2",        /* an empty range */
        "1|-60|60|1|1|2",       /* before 1970 */
        "1|0|9214646400|1|1|2", /* past the last nanosecond */
        "1|0|60||1|2",          /* no value */
        "1|0|60|1 OR 1=1|1|2",  /* no number */
        "1|0|60|nan|1|2",
        "1|0|60|0x10|1|2",
        "1|0|60|1|-1|2",
        "1|0|60|1|18446744073709551616|2", /* past 64 bits */
        "1|0|60|1|1|x",
        "1|0|60|0000000000000000000000000000000000000001|1|2",
    };
    struct hs_cursor cursor;
    struct hs_err err;
    size_t i;

    (void)state;
    for (i = 0; i < HS_ARRAY_LEN(plain); i++) {
        if (decode(plain[i], &cursor) != HS_EINVAL)
            fail_msg("\"%s\" is taken", plain[i]);
    }
    assert_int_equal(decode("1|0|60|1|1|2", &cursor), HS_OK);
    assert_int_equal(hs_cursor_decode(HS_STR("not base64!"), &cursor, &err), HS_EINVAL);
    assert_string_equal(err.text, "must be the next_cursor of an answer");
}

static void decode__leaves_the_result_alone_on_failure(void **state)
{
    struct hs_cursor cursor = {.id = 42};

    (void)state;
    assert_int_equal(decode("1|0|60|1|1|x", &cursor), HS_EINVAL);
    assert_int_equal(cursor.id, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor__comes_back_as_it_was),
        cmocka_unit_test(decode__refuses_what_was_not_encoded),
        cmocka_unit_test(decode__leaves_the_result_alone_on_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
