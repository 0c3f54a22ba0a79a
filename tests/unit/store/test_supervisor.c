/*
 * The supervisor over a child that is this very program: called with "store …" it plays the engine
 * in the way that the file <data>/play names, so that starts, failures and ends need no ClickHouse.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/supervisor.h"

enum { WAIT_MS = 20000, CHILD_SOCKET = 3 };

/* --- the child ---------------------------------------------------------------------------- */

static const char *value_of(int argc, char **argv, const char *name)
{
    size_t n = strlen(name);
    int i;

    for (i = 0; i < argc; i++)
        if (!strncmp(argv[i], name, n) && argv[i][n] == '=')
            return argv[i] + n + 1;
    return "";
}

static int listen_on(const char *text)
{
    struct hs_store_address address;
    struct sockaddr_in in = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    if (hs_store_address_parse("listen", hs_str_c(text), &address, NULL) != HS_OK)
        _exit(9);
    in.sin_port = htons(address.port);
    inet_pton(AF_INET, address.host, &in.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&in, sizeof(in)) != 0 || listen(fd, 8) != 0)
        _exit(8);
    return fd;
}

static void answer_one(int listener)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    char request[512];
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return;
    if (read(fd, request, sizeof(request)) > 0)
        (void)!write(fd, ok, sizeof(ok) - 1);
    close(fd);
}

/* Serves until the supervisor's end closes; "deaf" never listens, "stubborn" ignores SIGTERM. */
static void serve(const char *address, const char *part)
{
    int listener = strcmp(part, "deaf") ? listen_on(address) : -1;
    struct pollfd fds[] = {{.fd = CHILD_SOCKET, .events = POLLIN},
                           {.fd = listener, .events = POLLIN}};

    if (!strcmp(part, "stubborn"))
        signal(SIGTERM, SIG_IGN);
    dprintf(CHILD_SOCKET,
            "ready http=%s native=- start_id=%ld network=denied files=denied broken=survived\n",
            address, (long)getpid());
    for (;;) {
        if (poll(fds, 2, -1) < 0 || fds[0].revents)
            _exit(0);
        answer_one(listener);
    }
}

static int play(int argc, char **argv)
{
    const char *address = value_of(argc, argv, "listen.store");
    char path[HS_PATH_MAX];
    struct hs_buf buf;
    char part[32];

    signal(SIGALRM, SIG_DFL);
    alarm(60); /* never outlives the test by much */
    hs_fs_join(path, value_of(argc, argv, "data"), "play", NULL);
    hs_buf_init(&buf, 64);
    hs_fs_read(path, &buf, NULL);
    snprintf(part, sizeof(part), "%s", hs_buf_cstr(&buf));
    hs_buf_fini(&buf);
    if (!strcmp(part, "fail"))
        dprintf(CHILD_SOCKET, "failed -3 another store runs on this folder\n");
    else if (!strcmp(part, "nonsense"))
        dprintf(CHILD_SOCKET, "hello\n");
    else
        serve(address, part);
    return 1;
}

/* --- the tests ---------------------------------------------------------------------------- */

struct fixture {
    char dir[64];
    struct hs_conf conf;
    struct hs_store_supervisor *supervisor;
};

static void set_play(struct fixture *fixture, const char *text)
{
    char path[HS_PATH_MAX];

    hs_fs_join(path, fixture->dir, "play", NULL);
    assert_int_equal(hs_fs_write_atomic(path, hs_str_c(text), 0600, NULL), HS_OK);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    struct hs_store_supervisor_params params = {.conf = &fixture->conf};

    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/hs-super-XXXXXX");
    assert_non_null(mkdtemp(fixture->dir));
    hs_conf_init(&fixture->conf);
    hs_conf_set(&fixture->conf, HS_STR("data"), hs_str_c(fixture->dir), NULL);
    hs_conf_set(&fixture->conf, HS_STR("listen.store"), HS_STR("127.0.0.1:0"), NULL);
    assert_int_equal(hs_store_supervisor_open(&params, &fixture->supervisor, NULL), HS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    hs_store_supervisor_close(fixture->supervisor);
    hs_fs_remove_tree(fixture->dir, NULL);
    hs_conf_fini(&fixture->conf);
    free(fixture);
    return 0;
}

typedef bool condition_fn(const struct hs_store_state *now, const struct hs_store_state *before);

/* Bounded polling; the state in which the condition first held. */
static struct hs_store_state wait_for(struct fixture *fixture, condition_fn *condition,
                                      const struct hs_store_state *before)
{
    const struct hs_clock *clock = hs_clock_system();
    int64_t deadline_ns = hs_mono_ns(clock) + WAIT_MS * HS_NS_PER_MS;
    struct hs_store_state now;

    for (;;) {
        hs_store_supervisor_state(fixture->supervisor, &now);
        if (condition(&now, before))
            return now;
        assert_true(hs_mono_ns(clock) < deadline_ns);
        poll(NULL, 0, 5);
    }
}

static bool is_ready_again(const struct hs_store_state *now, const struct hs_store_state *before)
{
    return now->phase == HS_STORE_READY && now->starts > before->starts;
}

static bool is_down_with_error(const struct hs_store_state *now,
                               const struct hs_store_state *before)
{
    (void)before;
    return now->phase == HS_STORE_DOWN && now->error[0];
}

static bool has_started_thrice(const struct hs_store_state *now,
                               const struct hs_store_state *before)
{
    (void)before;
    return now->starts >= 3;
}

static struct hs_store_state start_ready(struct fixture *fixture)
{
    struct hs_store_state state;
    struct hs_err err;

    assert_int_equal(hs_store_supervisor_start(fixture->supervisor, &err), HS_OK);
    assert_int_equal(hs_store_supervisor_wait_ready(fixture->supervisor, WAIT_MS, &err), HS_OK);
    hs_store_supervisor_state(fixture->supervisor, &state);
    return state;
}

static void open__settles_address_and_passwords(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state now;
    char secret[HS_STORE_SECRET_MAX];

    hs_store_supervisor_state(fixture->supervisor, &now);
    assert_int_equal(now.phase, HS_STORE_STOPPED);
    assert_true(hs_str_starts_with(hs_str_c(now.ready.http), HS_STR("127.0.0.1:")));
    assert_string_not_equal(now.ready.http, "127.0.0.1:0");
    assert_int_equal(hs_store_secret_read(fixture->dir, "rw", secret, NULL), HS_OK);
}

static void open__names_the_option_that_is_wrong(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_supervisor_params params = {.conf = &fixture->conf};
    struct hs_store_supervisor *other = NULL;
    struct hs_err err;

    hs_free(fixture->conf.listen_store);
    fixture->conf.listen_store = hs_xstrdup("nowhere");
    assert_int_equal(hs_store_supervisor_open(&params, &other, &err), HS_EINVAL);
    assert_non_null(strstr(err.text, "listen.store"));
    assert_null(other);
}

static void child__that_dies_is_replaced_at_the_same_address(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state first = start_ready(fixture);
    struct hs_store_state second;

    assert_true(first.pid > 0);
    assert_true(first.rss_bytes > 0);
    kill(first.pid, SIGKILL);
    second = wait_for(fixture, is_ready_again, &first);
    assert_int_not_equal(second.pid, first.pid);
    assert_string_equal(second.ready.http, first.ready.http);
    assert_string_not_equal(second.ready.start_id, first.ready.start_id);
}

static void child__that_stops_listening_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state deaf;
    struct hs_store_state now;

    set_play(fixture, "deaf");
    deaf = start_ready(fixture);
    set_play(fixture, "");
    now = wait_for(fixture, is_ready_again, &deaf);
    assert_int_not_equal(now.pid, deaf.pid);
}

static void child__that_fails_gives_its_reason(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state now;
    struct hs_err err;

    set_play(fixture, "fail");
    assert_int_equal(hs_store_supervisor_start(fixture->supervisor, &err), HS_OK);
    now = wait_for(fixture, is_down_with_error, NULL);
    assert_non_null(strstr(now.error, "another store runs on this folder"));
    assert_int_equal(hs_store_supervisor_wait_ready(fixture->supervisor, 50, &err), HS_ETIMEOUT);
    assert_non_null(strstr(err.text, "another store runs on this folder"));
    wait_for(fixture, has_started_thrice, NULL);
    set_play(fixture, "");
    assert_int_equal(hs_store_supervisor_wait_ready(fixture->supervisor, WAIT_MS, &err), HS_OK);
}

static void child__that_reports_nonsense_is_down(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state now;

    set_play(fixture, "nonsense");
    assert_int_equal(hs_store_supervisor_start(fixture->supervisor, NULL), HS_OK);
    now = wait_for(fixture, is_down_with_error, NULL);
    assert_non_null(strstr(now.error, "hello"));
}

static void child__that_cannot_be_started_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_supervisor_params params = {.conf = &fixture->conf, .program = "/nonexistent"};
    struct hs_store_state now;

    hs_store_supervisor_close(fixture->supervisor);
    fixture->supervisor = NULL;
    assert_int_equal(hs_store_supervisor_open(&params, &fixture->supervisor, NULL), HS_OK);
    assert_int_equal(hs_store_supervisor_start(fixture->supervisor, NULL), HS_OK);
    now = wait_for(fixture, is_down_with_error, NULL);
    assert_non_null(strstr(now.error, "/nonexistent"));
    assert_int_equal(now.starts, 0);
}

static void stop__ends_the_child(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state before = start_ready(fixture);
    struct hs_store_state after;

    hs_store_supervisor_stop(fixture->supervisor, 5000);
    hs_store_supervisor_state(fixture->supervisor, &after);
    assert_int_equal(after.phase, HS_STORE_STOPPED);
    assert_int_equal(after.pid, 0);
    assert_int_equal(kill(before.pid, 0), -1);
    hs_store_supervisor_stop(fixture->supervisor, 5000);
    assert_int_equal(hs_store_supervisor_wait_ready(fixture->supervisor, -1, NULL), HS_EIO);
}

static void stop__kills_a_child_that_does_not_end(void **state)
{
    struct fixture *fixture = *state;
    struct hs_store_state before;

    set_play(fixture, "stubborn");
    before = start_ready(fixture);
    hs_store_supervisor_stop(fixture->supervisor, 100);
    assert_int_equal(kill(before.pid, 0), -1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(open__settles_address_and_passwords, setup, teardown),
        cmocka_unit_test_setup_teardown(open__names_the_option_that_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(child__that_dies_is_replaced_at_the_same_address, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(child__that_stops_listening_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(child__that_fails_gives_its_reason, setup, teardown),
        cmocka_unit_test_setup_teardown(child__that_reports_nonsense_is_down, setup, teardown),
        cmocka_unit_test_setup_teardown(child__that_cannot_be_started_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(stop__ends_the_child, setup, teardown),
        cmocka_unit_test_setup_teardown(stop__kills_a_child_that_does_not_end, setup, teardown),
    };

    if (argc > 1 && !strcmp(argv[1], "store"))
        return play(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
