/* The HTTP server under a client that others wrote: libcurl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/compress.h"
#include "support/http_fixture.h"

struct exchange {
    struct hs_str upload; /* what is left of it */
    struct hs_buf reply;
    long status;
    long connects; /* connections that it took */
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
    hs_buf_add(arg, p, size * n);
    return size * n;
}

static size_t give(char *p, size_t size, size_t n, void *arg)
{
    struct exchange *exchange = arg;
    size_t part = HS_MIN(size * n, exchange->upload.n);

    if (part > 0)
        memcpy(p, exchange->upload.p, part);
    exchange->upload = hs_str_n(exchange->upload.p + part, exchange->upload.n - part);
    return part;
}

/* Runs what is set on curl; `extra` are header lines, NULL-ended. */
static void run(CURL *curl, const struct http_fixture *fixture, const char *path,
                const char *const *extra, struct exchange *exchange)
{
    struct curl_slist *headers = NULL;
    char url[256];

    snprintf(url, sizeof(url), "http://%s%s", fixture->address, path);
    for (size_t i = 0; extra && extra[i]; i++)
        headers = curl_slist_append(headers, extra[i]);
    hs_buf_init(&exchange->reply, 1 << 20);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange->reply);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, exchange);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &exchange->status);
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &exchange->connects);
    curl_slist_free_all(headers);
}

static void curl__reuses_its_connection(void **state)
{
    CURL *curl = curl_easy_init();

    for (int i = 0; i < 10; i++) {
        struct exchange exchange = {0};

        run(curl, *state, "/hello", NULL, &exchange);
        assert_int_equal(exchange.status, 200);
        assert_int_equal(exchange.connects, i == 0);
        hs_buf_fini(&exchange.reply);
    }
    curl_easy_cleanup(curl);
}

static void curl__uploads_with_continue_and_in_chunks(void **state)
{
    static char text[60000];
    static const char *const plain[] = {"Content-Type: application/octet-stream",
                                        "Expect: 100-continue", NULL};
    static const char *const chunked[] = {"Content-Type: application/octet-stream",
                                          "Transfer-Encoding: chunked", "Expect:", NULL};

    memset(text, 'u', sizeof(text));
    for (int i = 0; i < 2; i++) {
        CURL *curl = curl_easy_init();
        struct exchange exchange = {.upload = {text, sizeof(text)}};

        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        if (i == 0)
            curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)sizeof(text));
        run(curl, *state, "/echo", i == 0 ? plain : chunked, &exchange);
        assert_int_equal(exchange.status, 200);
        assert_int_equal(exchange.reply.n, sizeof(text));
        assert_memory_equal(exchange.reply.p, text, sizeof(text));
        hs_buf_fini(&exchange.reply);
        curl_easy_cleanup(curl);
    }
}

static void curl__reads_compressed_replies(void **state)
{
    CURL *curl = curl_easy_init();
    struct exchange plain = {0};
    struct exchange packed = {0};

    run(curl, *state, "/big", NULL, &plain);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, ""); /* all that it knows */
    run(curl, *state, "/big", NULL, &packed);
    assert_int_equal(packed.status, 200);
    assert_true(hs_str_eq(hs_buf_str(&plain.reply), hs_buf_str(&packed.reply)));
    hs_buf_fini(&plain.reply);
    hs_buf_fini(&packed.reply);
    curl_easy_cleanup(curl);
}

static void curl__gets_the_reply_to_a_body_that_is_refused_unread(void **state)
{
    static char text[1 << 20];
    static const char *const headers[] = {"Content-Type: application/octet-stream",
                                          "Expect:", NULL};

    for (int i = 0; i < 20; i++) {
        CURL *curl = curl_easy_init();
        struct exchange exchange = {.upload = {text, sizeof(text)}};

        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)sizeof(text));
        run(curl, *state, "/echo", headers, &exchange);
        assert_int_equal(exchange.status, 413);
        hs_buf_fini(&exchange.reply);
        curl_easy_cleanup(curl);
    }
}

static int setup(void **state)
{
    struct http_fixture *fixture = http_fixture_new();

    curl_global_init(CURL_GLOBAL_DEFAULT);
    http_fixture_start(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    http_fixture_free(*state);
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curl__reuses_its_connection),
        cmocka_unit_test(curl__uploads_with_continue_and_in_chunks),
        cmocka_unit_test(curl__reads_compressed_replies),
        cmocka_unit_test(curl__gets_the_reply_to_a_body_that_is_refused_unread),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
