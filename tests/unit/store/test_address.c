#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/address.h"

static void parse__reads_addresses(void **state)
{
    static const struct {
        const char *text, *host, *again;
        unsigned port;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1:8123", "127.0.0.1", "127.0.0.1:8123", 8123, true},
        {"localhost:1", "127.0.0.1", "127.0.0.1:1", 1, true},
        {"127.9.9.9:65535", "127.9.9.9", "127.9.9.9:65535", 65535, true},
        {"[::1]:0", "::1", "[::1]:0", 0, true},
        {"0.0.0.0:8123", "0.0.0.0", "0.0.0.0:8123", 8123, false},
        {"[::]:8123", "::", "[::]:8123", 8123, false},
        {"10.1.2.3:9", "10.1.2.3", "10.1.2.3:9", 9, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_store_address address;
        char text[HS_STORE_ADDRESS_MAX];

        assert_int_equal(hs_store_address_parse("o", hs_str_c(cases[i].text), &address, NULL),
                         HS_OK);
        hs_store_address_format(&address, text);
        assert_string_equal(address.host, cases[i].host);
        assert_string_equal(text, cases[i].again);
        assert_int_equal(address.port, cases[i].port);
        assert_int_equal(address.is_loopback, cases[i].is_loopback);
    }
}

static void parse__refuses_what_is_no_address(void **state)
{
    static const char *const cases[] = {
        "",
        ":",
        "127.0.0.1",
        "127.0.0.1:",
        ":8123",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:x",
        "example.org:8123",
        "127.0.0.256:1",
        "[::1:1",
        ("1234567890123456789012345678"
         "901234567890123456789012345678901234567890:1"),
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hs_store_address address = {.port = 7};
        struct hs_err err;

        assert_int_equal(hs_store_address_parse("listen.x", hs_str_c(cases[i]), &address, &err),
                         HS_EINVAL);
        assert_non_null(strstr(err.text, "listen.x"));
        assert_int_equal(address.port, 7);
    }
}

static void settle__picks_a_port_that_can_be_bound(void **state)
{
    struct hs_store_address address;
    struct sockaddr_in in = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(hs_store_address_parse("o", HS_STR("127.0.0.1:0"), &address, NULL), HS_OK);
    assert_int_equal(hs_store_address_settle(&address, NULL), HS_OK);
    assert_int_not_equal(address.port, 0);
    in.sin_port = htons(address.port);
    inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    close(fd);
}

static void settle__keeps_a_port_that_was_given(void **state)
{
    struct hs_store_address address;

    (void)state;
    assert_int_equal(hs_store_address_parse("o", HS_STR("127.0.0.1:8123"), &address, NULL), HS_OK);
    assert_int_equal(hs_store_address_settle(&address, NULL), HS_OK);
    assert_int_equal(address.port, 8123);
}

static void settle__fails_for_an_address_of_another_machine(void **state)
{
    struct hs_store_address address;
    struct hs_err err;

    (void)state;
    assert_int_equal(hs_store_address_parse("o", HS_STR("192.0.2.1:0"), &address, NULL), HS_OK);
    assert_int_equal(hs_store_address_settle(&address, &err), HS_EIO);
    assert_non_null(strstr(err.text, "192.0.2.1"));
}

static void local__is_loopback_for_a_wildcard(void **state)
{
    struct hs_store_address address;

    (void)state;
    assert_int_equal(hs_store_address_parse("o", HS_STR("0.0.0.0:1"), &address, NULL), HS_OK);
    assert_string_equal(hs_store_address_local(&address).host, "127.0.0.1");
    assert_int_equal(hs_store_address_parse("o", HS_STR("[::]:1"), &address, NULL), HS_OK);
    assert_string_equal(hs_store_address_local(&address).host, "::1");
    assert_int_equal(hs_store_address_parse("o", HS_STR("10.0.0.1:1"), &address, NULL), HS_OK);
    assert_string_equal(hs_store_address_local(&address).host, "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__reads_addresses),
        cmocka_unit_test(parse__refuses_what_is_no_address),
        cmocka_unit_test(settle__picks_a_port_that_can_be_bound),
        cmocka_unit_test(settle__keeps_a_port_that_was_given),
        cmocka_unit_test(settle__fails_for_an_address_of_another_machine),
        cmocka_unit_test(local__is_loopback_for_a_wildcard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
