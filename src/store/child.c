#include "store/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

enum { CHILD_FD = 3, STATM_MAX = 256 };

void hs_store_child_init(struct hs_store_child *child)
{
    memset(child, 0, sizeof(*child));
    child->pid_fd = -1;
    child->report_fd = -1;
}

/* Signals as a fresh process expects them, whatever this thread blocks. */
static int spawn(const char *program, char *const argv[], int socket_fd, pid_t *out_pid)
{
    static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", zone[] = "TZ=UTC";
    char *const environment[] = {path, zone, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    int sys;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, socket_fd, CHILD_FD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    /* A group of its own: Ctrl-C on the terminal goes to the supervisor, which ends the child. */
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    sys = posix_spawn(out_pid, program, &actions, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return sys;
}

int hs_store_child_start(struct hs_store_child *child, const char *program, char *const argv[],
                         struct hs_err *err)
{
    int pair[2];
    int sys;

    HS_ASSERT(child->pid == 0);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return hs_err_sys(err, "socket pair for the store");
    sys = spawn(program, argv, pair[1], &child->pid);
    close(pair[1]);
    if (sys != 0) {
        close(pair[0]);
        child->pid = 0;
        errno = sys;
        return hs_err_sys(err, "start %s", program);
    }
    child->report_fd = pair[0];
    child->line_n = 0;
    child->pid_fd = pidfd_open(child->pid, 0);
    if (child->pid_fd < 0) {
        int rc = hs_err_sys(err, "pidfd of the store");

        hs_store_child_signal(child, SIGKILL);
        hs_store_child_reap(child, NULL, 0);
        return rc;
    }
    return HS_OK;
}

/* Takes the first line out of the buffer. */
static bool take_line(struct hs_store_child *child, struct hs_str *out_line)
{
    const char *end = memchr(child->line, '\n', child->line_n);

    if (!end)
        return false;
    *out_line = hs_str_n(child->line, (size_t)(end - child->line));
    child->line_n = 0; /* the engine writes one line and then waits or ends */
    return true;
}

int hs_store_child_read(struct hs_store_child *child, struct hs_str *out_line, struct hs_err *err)
{
    ssize_t n;

    if (child->report_fd < 0)
        return hs_err_set(err, HS_EAGAIN, 0, "the store says nothing more");
    if (child->line_n == sizeof(child->line))
        return hs_err_set(err, HS_ECORRUPT, 0, "the store's report passes %d bytes",
                          HS_STORE_REPORT_MAX);
    n = recv(child->report_fd, child->line + child->line_n, sizeof(child->line) - child->line_n,
             MSG_DONTWAIT);
    if (n == 0) {
        close(child->report_fd);
        child->report_fd = -1;
    }
    if (n > 0)
        child->line_n += (size_t)n;
    if (n > 0 && take_line(child, out_line))
        return HS_OK;
    return hs_err_set(err, HS_EAGAIN, 0, "the store has said nothing yet");
}

void hs_store_child_signal(const struct hs_store_child *child, int signal)
{
    if (child->pid > 0)
        kill(child->pid, signal);
}

bool hs_store_child_wait(const struct hs_store_child *child, int64_t wait_ms)
{
    struct pollfd pfd = {.fd = child->pid_fd, .events = POLLIN};
    int n;

    if (child->pid <= 0)
        return true;
    do
        n = poll(&pfd, 1, wait_ms < 0 ? -1 : (int)HS_MIN(wait_ms, INT32_MAX));
    while (n < 0 && errno == EINTR);
    return n > 0;
}

void hs_store_child_reap(struct hs_store_child *child, char *out_text, size_t text_max)
{
    int status = 0;
    pid_t pid;

    do
        pid = waitpid(child->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    if (pid < 0)
        snprintf(out_text, text_max, "its exit status is not known");
    else if (WIFSIGNALED(status))
        snprintf(out_text, text_max, "signal %d", WTERMSIG(status));
    else
        snprintf(out_text, text_max, "exit status %d", WEXITSTATUS(status));
    if (child->report_fd >= 0)
        close(child->report_fd);
    if (child->pid_fd >= 0)
        close(child->pid_fd);
    hs_store_child_init(child);
}

uint64_t hs_store_child_rss(const struct hs_store_child *child)
{
    char path[64];
    struct hs_buf buf;
    unsigned long long pages = 0;

    if (child->pid <= 0)
        return 0;
    snprintf(path, sizeof(path), "/proc/%ld/statm", (long)child->pid);
    hs_buf_init(&buf, STATM_MAX);
    if (hs_fs_read(path, &buf, NULL) == HS_OK)
        (void)sscanf(hs_buf_cstr(&buf), "%*u %llu", &pages);
    hs_buf_fini(&buf);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
