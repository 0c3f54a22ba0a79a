#include "store/watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "store/engine.h"
#include "store/probe.h"
#include "store/report.h"

/* Running queries and the statement that keeps ClickHouse alive, which sleeps at most 1 s at a time
 * (engine.c). Queries that went on would hold up the end by 5 s. */
#define KILL_STATEMENT "KILL QUERY WHERE 1 ASYNC"

enum {
    BOOT_POLL_MS = 20,   /* between two looks whether the listener is there */
    BOOT_PROBE_MS = 500, /* somebody else's listener may sit on the port and not answer */
    PROBE_WAIT_MS = 2000,
    STOP_RETRY_MS = 500,
};

enum event { EVENT_NONE, EVENT_STOP, EVENT_RETURNED };

/* Waits at most wait_ms (-1: for ever) for a reason to act. */
static enum event wait_event(const struct hs_store_watchdog *watchdog, int wait_ms)
{
    struct pollfd fds[] = {
        {.fd = watchdog->wake_fd, .events = POLLIN},
        {.fd = watchdog->signal_fd, .events = POLLIN},
        {.fd = watchdog->supervisor_fd, .events = POLLIN},
    };
    char byte;

    if (poll(fds, 3, wait_ms) <= 0)
        return EVENT_NONE;
    if (fds[0].revents)
        return EVENT_RETURNED;
    if (fds[1].revents)
        return EVENT_STOP;
    if (fds[2].revents && recv(watchdog->supervisor_fd, &byte, 1, MSG_DONTWAIT) == 0)
        return EVENT_STOP;
    return fds[2].revents & (POLLHUP | POLLERR) ? EVENT_STOP : EVENT_NONE;
}

static void report_ready(const struct hs_store_watchdog *watchdog)
{
    struct hs_buf line;

    hs_store_config_forget_users(watchdog->plan);
    hs_buf_init(&line, HS_STORE_REPORT_MAX);
    hs_store_report_ready(&line, watchdog->plan, watchdog->sandbox, watchdog->is_guarded);
    /* When nobody reads it, the end of the supervisor's socket says so too. */
    if (watchdog->report_fd >= 0)
        (void)hs_fs_write_all(watchdog->report_fd, line.p, line.n, NULL);
    hs_buf_fini(&line);
}

static bool is_up(const struct hs_store_watchdog *watchdog)
{
    return hs_store_probe_query(&watchdog->plan->http, HS_STORE_USER_STOP,
                                watchdog->plan->secret_stop, "SELECT 1", BOOT_PROBE_MS,
                                NULL) == HS_OK;
}

/* The listeners open in turn, HTTP last, and only our own server knows this start's password. */
static enum event wait_ready(const struct hs_store_watchdog *watchdog)
{
    enum event event = EVENT_NONE;

    while (event == EVENT_NONE) {
        if (is_up(watchdog)) {
            report_ready(watchdog);
            return EVENT_NONE;
        }
        event = wait_event(watchdog, BOOT_POLL_MS);
    }
    return event;
}

/* Asks until ClickHouse returns; ends the process when it does not. */
static void stop_engine(const struct hs_store_watchdog *watchdog)
{
    const struct hs_clock *clock = hs_clock_system();
    int64_t deadline_ns = hs_mono_ns(clock) + HS_STORE_STOP_MS * HS_NS_PER_MS;

    while (hs_mono_ns(clock) < deadline_ns) {
        struct pollfd returned = {.fd = watchdog->wake_fd, .events = POLLIN};

        (void)hs_store_probe_query(&watchdog->plan->http, HS_STORE_USER_STOP,
                                   watchdog->plan->secret_stop, KILL_STATEMENT, PROBE_WAIT_MS,
                                   NULL);
        if (poll(&returned, 1, STOP_RETRY_MS) > 0)
            return;
    }
    _exit(1);
}

bool hs_store_watchdog_run(const struct hs_store_watchdog *watchdog)
{
    enum event event = wait_ready(watchdog);

    while (event == EVENT_NONE)
        event = wait_event(watchdog, -1);
    if (event == EVENT_STOP)
        stop_engine(watchdog);
    return event == EVENT_STOP;
}

void hs_store_watchdog_wake(const struct hs_store_watchdog *watchdog)
{
    uint64_t one = 1;
    ssize_t n = write(watchdog->wake_fd, &one, sizeof(one));

    HS_ASSERT(n == sizeof(one));
}

int hs_store_watchdog_open(struct hs_store_watchdog *watchdog, struct hs_err *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    watchdog->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    watchdog->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (watchdog->wake_fd < 0 || watchdog->signal_fd < 0)
        return hs_err_sys(err, "watchdog's descriptors");
    return HS_OK;
}

void hs_store_watchdog_close(struct hs_store_watchdog *watchdog)
{
    if (watchdog->wake_fd >= 0)
        close(watchdog->wake_fd);
    if (watchdog->signal_fd >= 0)
        close(watchdog->signal_fd);
    watchdog->wake_fd = -1;
    watchdog->signal_fd = -1;
}
