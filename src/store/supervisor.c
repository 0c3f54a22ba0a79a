#include "store/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metric.h"
#include "base/rand.h"
#include "base/thread.h"
#include "store/child.h"
#include "store/probe.h"

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 30000,
    STEADY_MS = 60000,     /* ready for so long: the back-off starts over */
    START_MAX_MS = 120000, /* loading of parts included */
    PING_EVERY_MS = 2000,
    PING_WAIT_MS = 2000,
    PING_FAILURES_MAX = 5,
    PING_REFUSED_MAX = 2,
    KILL_WAIT_MS = 10000,
};

struct hs_store_supervisor {
    char *program; /* owned, as are the arguments */
    char *argv[HS_STORE_CHILD_ARGS_MAX];
    size_t argv_n;
    struct hs_thread thread;
    int wake_fd; /* eventfd: stop was asked for */

    struct hs_mutex lock;
    struct hs_cond changed;
    struct hs_store_state state; /* under lock */
    bool is_stopping;            /* under lock */
    int64_t stop_ms;             /* under lock: deadline given to stop */

    /* the thread's own */
    struct hs_store_child child;
    struct hs_store_address address; /* of the ready child */
    struct hs_rand rand;
    int64_t backoff_ms;
    int64_t phase_mono_ns;
    unsigned ping_failures;
    unsigned ping_refused;
    char child_error[HS_ERR_TEXT_MAX]; /* what this child said or did wrong; "" */
};

static struct hs_metric metric_starts = {
    .name = "hs_store_starts_total",
    .type = HS_METRIC_COUNTER,
    .help = "Starts of the embedded store's process.",
};
static struct hs_metric metric_ready = {
    .name = "hs_store_ready",
    .type = HS_METRIC_GAUGE,
    .help = "1 while the embedded store answers.",
};
static struct hs_metric metric_rss = {
    .name = "hs_store_resident_bytes",
    .type = HS_METRIC_GAUGE,
    .help = "Resident memory of the embedded store's process.",
};

static int64_t mono_ns(void)
{
    return hs_mono_ns(hs_clock_system());
}

const char *hs_store_phase_name(enum hs_store_phase phase)
{
    static const char *const names[] = {"down", "starting", "ready", "stopped"};

    HS_ASSERT((size_t)phase < HS_ARRAY_LEN(names));
    return names[phase];
}

/* --- the child's arguments ---------------------------------------------------------------- */

static void add_arg(struct hs_store_supervisor *supervisor, const char *arg)
{
    HS_ASSERT(supervisor->argv_n + 1 < HS_STORE_CHILD_ARGS_MAX);
    supervisor->argv[supervisor->argv_n++] = hs_xstrdup(arg);
}

static void add_set(struct hs_store_supervisor *supervisor, const char *name, const char *value)
{
    char set[HS_PATH_MAX + 64];

    snprintf(set, sizeof(set), "%s=%s", name, value);
    add_arg(supervisor, "--set");
    add_arg(supervisor, set);
}

/* Nothing secret: arguments are seen by every user of the machine. */
static void make_arguments(struct hs_store_supervisor *supervisor,
                           const struct hs_store_supervisor_params *params)
{
    const struct hs_conf *conf = params->conf;
    char memory[32];

    snprintf(memory, sizeof(memory), "%llu", (unsigned long long)conf->store_memory_max);
    supervisor->program = hs_xstrdup(params->program ? params->program : "/proc/self/exe");
    add_arg(supervisor, "haystat");
    add_arg(supervisor, "store");
    add_set(supervisor, "data", conf->data);
    add_set(supervisor, "listen.store", supervisor->state.ready.http);
    add_set(supervisor, "listen.store_native", supervisor->state.ready.native);
    add_set(supervisor, "store.library", conf->store_library);
    add_set(supervisor, "store.memory_max", memory);
    add_arg(supervisor, "--supervisor-fd");
    add_arg(supervisor, "3");
}

/* --- state -------------------------------------------------------------------------------- */

static void set_phase(struct hs_store_supervisor *supervisor, enum hs_store_phase phase)
{
    hs_mutex_lock(&supervisor->lock);
    supervisor->state.phase = phase;
    supervisor->state.since_ns = hs_wall_ns(hs_clock_system());
    supervisor->state.pid = supervisor->child.pid;
    if (phase != HS_STORE_READY)
        supervisor->state.rss_bytes = 0;
    hs_cond_broadcast(&supervisor->changed);
    hs_mutex_unlock(&supervisor->lock);
    supervisor->phase_mono_ns = mono_ns();
    hs_metric_set(&metric_ready, HS_LABELS_NONE, phase == HS_STORE_READY);
}

static void set_error(struct hs_store_supervisor *supervisor, const char *text)
{
    snprintf(supervisor->child_error, sizeof(supervisor->child_error), "%s", text);
}

static void publish_error(struct hs_store_supervisor *supervisor)
{
    hs_mutex_lock(&supervisor->lock);
    memcpy(supervisor->state.error, supervisor->child_error, sizeof(supervisor->state.error));
    hs_mutex_unlock(&supervisor->lock);
}

static enum hs_store_phase phase_of(struct hs_store_supervisor *supervisor)
{
    enum hs_store_phase phase;

    hs_mutex_lock(&supervisor->lock);
    phase = supervisor->state.phase;
    hs_mutex_unlock(&supervisor->lock);
    return phase;
}

static bool is_stopping(struct hs_store_supervisor *supervisor, int64_t *out_stop_ms)
{
    bool stopping;

    hs_mutex_lock(&supervisor->lock);
    stopping = supervisor->is_stopping;
    *out_stop_ms = supervisor->stop_ms;
    hs_mutex_unlock(&supervisor->lock);
    return stopping;
}

static int64_t phase_age_ms(const struct hs_store_supervisor *supervisor)
{
    return (mono_ns() - supervisor->phase_mono_ns) / HS_NS_PER_MS;
}

/* --- events of the child ------------------------------------------------------------------ */

static void measure(struct hs_store_supervisor *supervisor)
{
    uint64_t rss = hs_store_child_rss(&supervisor->child);

    hs_mutex_lock(&supervisor->lock);
    supervisor->state.rss_bytes = rss;
    hs_mutex_unlock(&supervisor->lock);
    hs_metric_set(&metric_rss, HS_LABELS_NONE, (double)rss);
}

static void on_ready(struct hs_store_supervisor *supervisor, const struct hs_store_ready *ready)
{
    struct hs_err err;

    if (hs_store_address_parse("the store's report", hs_str_c(ready->http), &supervisor->address,
                               &err) != HS_OK) {
        set_error(supervisor, err.text);
        hs_store_child_signal(&supervisor->child, SIGKILL); /* it reports nonsense */
        return;
    }
    hs_mutex_lock(&supervisor->lock);
    supervisor->state.ready = *ready;
    supervisor->state.error[0] = '\0';
    hs_mutex_unlock(&supervisor->lock);
    supervisor->ping_failures = 0;
    supervisor->ping_refused = 0;
    measure(supervisor);
    set_phase(supervisor, HS_STORE_READY);
    hs_log(HS_LOG_INFO, "store", "ready", HS_KV_S("http", ready->http),
           HS_KV_S("native", ready->native), HS_KV_S("start_id", ready->start_id),
           HS_KV_I("pid", supervisor->child.pid));
    if (!ready->files_denied)
        hs_log(HS_LOG_WARN, "store", "this kernel has no Landlock: SQL can read files of our user");
    if (!ready->survives_broken)
        hs_log(HS_LOG_WARN, "store", "this libchdb ends at a broken connection");
    if (!ready->network_denied)
        hs_log(HS_LOG_WARN, "store", "this kernel has no seccomp: SQL is held by grants alone");
}

static void on_report(struct hs_store_supervisor *supervisor)
{
    struct hs_store_ready ready;
    struct hs_err err = {0};
    struct hs_str line;
    int rc = hs_store_child_read(&supervisor->child, &line, &err);

    if (rc == HS_EAGAIN)
        return;
    if (rc == HS_OK)
        rc = hs_store_engine_parse_report(line, &ready, &err);
    if (rc == HS_OK)
        on_ready(supervisor, &ready);
    else
        set_error(supervisor, err.text);
}

/* Ends a child that is alive and does not serve. */
static void give_up_child(struct hs_store_supervisor *supervisor, const char *why)
{
    set_error(supervisor, why);
    hs_log(HS_LOG_ERROR, "store", "child does not serve, ending it", HS_KV_S("why", why),
           HS_KV_I("pid", supervisor->child.pid));
    hs_store_child_signal(&supervisor->child, SIGTERM);
    if (!hs_store_child_wait(&supervisor->child, KILL_WAIT_MS))
        hs_store_child_signal(&supervisor->child, SIGKILL);
}

static void ping(struct hs_store_supervisor *supervisor)
{
    struct hs_err err = {0};

    measure(supervisor);
    if (hs_store_probe_ping(&supervisor->address, PING_WAIT_MS, &err) == HS_OK) {
        supervisor->ping_failures = 0;
        supervisor->ping_refused = 0;
        return;
    }
    supervisor->ping_failures++;
    supervisor->ping_refused = err.sys == ECONNREFUSED ? supervisor->ping_refused + 1 : 0;
    if (supervisor->ping_failures >= PING_FAILURES_MAX ||
        supervisor->ping_refused >= PING_REFUSED_MAX)
        give_up_child(supervisor, err.text);
}

static void on_timeout(struct hs_store_supervisor *supervisor)
{
    if (phase_of(supervisor) == HS_STORE_READY)
        ping(supervisor);
    else if (phase_age_ms(supervisor) > START_MAX_MS)
        give_up_child(supervisor, "not ready within 120 s");
}

/* --- the thread --------------------------------------------------------------------------- */

/* Until the child has ended or the supervisor is told to stop. */
static void attend(struct hs_store_supervisor *supervisor)
{
    struct hs_store_child *child = &supervisor->child;
    int64_t stop_ms;

    while (!is_stopping(supervisor, &stop_ms)) {
        struct pollfd fds[] = {
            {.fd = child->pid_fd, .events = POLLIN},
            {.fd = child->report_fd, .events = POLLIN},
            {.fd = supervisor->wake_fd, .events = POLLIN},
        };
        int n = poll(fds, 3, PING_EVERY_MS);

        if (n > 0 && fds[1].revents)
            on_report(supervisor);
        if (n > 0 && fds[0].revents)
            return;
        if (n == 0)
            on_timeout(supervisor);
    }
    hs_store_child_signal(child, SIGTERM);
    if (!hs_store_child_wait(child, stop_ms)) {
        hs_log(HS_LOG_WARN, "store", "child did not stop in time, killing it",
               HS_KV_I("deadline_ms", stop_ms));
        hs_store_child_signal(child, SIGKILL);
    }
}

static void reap(struct hs_store_supervisor *supervisor)
{
    bool was_ready = phase_of(supervisor) == HS_STORE_READY;
    int64_t stop_ms;
    char how[64];
    char text[HS_ERR_TEXT_MAX];

    (void)hs_store_child_wait(&supervisor->child, -1);
    on_report(supervisor); /* its last words, when the exit was seen first */
    hs_store_child_reap(&supervisor->child, how, sizeof(how));
    if (was_ready && phase_age_ms(supervisor) >= STEADY_MS)
        supervisor->backoff_ms = BACKOFF_FIRST_MS;
    if (!is_stopping(supervisor, &stop_ms)) {
        snprintf(text, sizeof(text), "%.440s (%s)",
                 supervisor->child_error[0] ? supervisor->child_error : "the store ended", how);
        set_error(supervisor, text);
        publish_error(supervisor);
        hs_log(HS_LOG_ERROR, "store", "child ended, starting another", HS_KV_S("why", text),
               HS_KV_I("wait_ms", supervisor->backoff_ms));
    }
    set_phase(supervisor, HS_STORE_DOWN);
}

static void run_once(struct hs_store_supervisor *supervisor)
{
    struct hs_err err;

    set_error(supervisor, "");
    if (hs_store_child_start(&supervisor->child, supervisor->program, supervisor->argv, &err) !=
        HS_OK) {
        set_error(supervisor, err.text);
        publish_error(supervisor);
        hs_log_err(HS_LOG_ERROR, "store", "child does not start, will retry", &err);
        return;
    }
    hs_metric_add(&metric_starts, HS_LABELS_NONE, 1);
    hs_mutex_lock(&supervisor->lock);
    supervisor->state.starts++;
    hs_mutex_unlock(&supervisor->lock);
    set_phase(supervisor, HS_STORE_STARTING);
    attend(supervisor);
    reap(supervisor);
}

/* Waits out the back-off with ± 25 % and doubles it. */
static void back_off(struct hs_store_supervisor *supervisor)
{
    struct pollfd wake = {.fd = supervisor->wake_fd, .events = POLLIN};
    double factor = 0.75 + 0.5 * hs_rand_double(&supervisor->rand);

    (void)poll(&wake, 1, (int)((double)supervisor->backoff_ms * factor));
    supervisor->backoff_ms = HS_MIN(2 * supervisor->backoff_ms, BACKOFF_MAX_MS);
}

static void supervisor_main(void *arg)
{
    struct hs_store_supervisor *supervisor = arg;
    int64_t stop_ms;

    while (!is_stopping(supervisor, &stop_ms)) {
        run_once(supervisor);
        if (!is_stopping(supervisor, &stop_ms))
            back_off(supervisor);
    }
    set_phase(supervisor, HS_STORE_STOPPED);
}

/* --- life cycle --------------------------------------------------------------------------- */

/* Port 0 becomes a free port here, once, so that the address stays the same over restarts. */
static int settle(const char *option, const char *text, char out[HS_STORE_ADDRESS_MAX],
                  struct hs_err *err)
{
    struct hs_store_address address;
    int rc = hs_store_address_parse(option, hs_str_c(text), &address, err);

    if (rc == HS_OK)
        rc = hs_store_address_settle(&address, err);
    if (rc == HS_OK)
        hs_store_address_format(&address, out);
    return rc;
}

static int settle_addresses(const struct hs_conf *conf, struct hs_store_ready *out,
                            struct hs_err *err)
{
    int rc = settle("listen.store", conf->listen_store, out->http, err);

    if (rc == HS_OK && conf->listen_store_native[0])
        rc = settle("listen.store_native", conf->listen_store_native, out->native, err);
    if (rc == HS_OK && strlen(conf->data) >= HS_PATH_MAX - 64)
        rc = hs_err_set(err, HS_ELIMIT, 0, "data is a path of %zu bytes, limit %d",
                        strlen(conf->data), HS_PATH_MAX - 65);
    return rc;
}

int hs_store_supervisor_open(const struct hs_store_supervisor_params *params,
                             struct hs_store_supervisor **out, struct hs_err *err)
{
    struct hs_store_supervisor *supervisor;
    struct hs_store_ready addresses = {0};
    int rc = settle_addresses(params->conf, &addresses, err);

    if (rc == HS_OK)
        rc = hs_store_secret_ensure(params->conf->data, err);
    if (rc != HS_OK)
        return rc;
    supervisor = hs_xalloc(sizeof(*supervisor));
    hs_mutex_init(&supervisor->lock, HS_RANK_SERVICE);
    hs_cond_init(&supervisor->changed);
    hs_store_child_init(&supervisor->child);
    hs_rand_init(&supervisor->rand, (uint64_t)mono_ns() ^ (uint64_t)getpid());
    supervisor->backoff_ms = BACKOFF_FIRST_MS;
    supervisor->state.phase = HS_STORE_STOPPED;
    supervisor->state.ready = addresses;
    make_arguments(supervisor, params);
    supervisor->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (supervisor->wake_fd < 0) {
        rc = hs_err_sys(err, "eventfd of the store's supervisor");
        hs_store_supervisor_close(supervisor);
        return rc;
    }
    *out = supervisor;
    return HS_OK;
}

int hs_store_supervisor_start(struct hs_store_supervisor *supervisor, struct hs_err *err)
{
    HS_ASSERT(!supervisor->thread.started);
    set_phase(supervisor, HS_STORE_DOWN);
    return hs_thread_start(&supervisor->thread, "store-super", supervisor_main, supervisor, err);
}

int hs_store_supervisor_wait_ready(struct hs_store_supervisor *supervisor, int64_t wait_ms,
                                   struct hs_err *err)
{
    int64_t deadline_ns = mono_ns() + wait_ms * HS_NS_PER_MS;
    int64_t left_ms = wait_ms;
    int rc = HS_OK;

    hs_mutex_lock(&supervisor->lock);
    while (supervisor->state.phase != HS_STORE_READY && rc == HS_OK) {
        if (wait_ms >= 0)
            left_ms = (deadline_ns - mono_ns()) / HS_NS_PER_MS;
        if (supervisor->state.phase == HS_STORE_STOPPED)
            rc = hs_err_set(err, HS_EIO, 0, "the store was stopped");
        else if (wait_ms >= 0 && left_ms <= 0)
            rc = hs_err_set(err, HS_ETIMEOUT, 0, "the store is not ready after %lld ms: %.400s",
                            (long long)wait_ms,
                            supervisor->state.error[0] ? supervisor->state.error : "starting");
        else
            (void)hs_cond_wait_ms(&supervisor->changed, &supervisor->lock, left_ms);
    }
    hs_mutex_unlock(&supervisor->lock);
    return rc;
}

void hs_store_supervisor_state(struct hs_store_supervisor *supervisor, struct hs_store_state *out)
{
    hs_mutex_lock(&supervisor->lock);
    *out = supervisor->state;
    hs_mutex_unlock(&supervisor->lock);
}

void hs_store_supervisor_stop(struct hs_store_supervisor *supervisor, int64_t deadline_ms)
{
    uint64_t one = 1;

    hs_mutex_lock(&supervisor->lock);
    if (!supervisor->is_stopping)
        supervisor->stop_ms = deadline_ms;
    supervisor->is_stopping = true;
    hs_mutex_unlock(&supervisor->lock);
    if (supervisor->wake_fd >= 0 && write(supervisor->wake_fd, &one, sizeof(one)) < 0)
        HS_ASSERT(errno == EAGAIN); /* it is readable already */
    hs_thread_join(&supervisor->thread);
}

void hs_store_supervisor_close(struct hs_store_supervisor *supervisor)
{
    size_t i;

    if (!supervisor)
        return;
    hs_store_supervisor_stop(supervisor, HS_STORE_STOP_MS + 1000);
    for (i = 0; i < supervisor->argv_n; i++)
        hs_free(supervisor->argv[i]);
    hs_free(supervisor->program);
    if (supervisor->wake_fd >= 0)
        close(supervisor->wake_fd);
    hs_cond_fini(&supervisor->changed);
    hs_mutex_fini(&supervisor->lock);
    hs_free(supervisor);
}
