/*
 * Preloaded into `haystat serve` by the fault tests (tests/e2e/fault_helper.py):
 *
 *     FAULT_CLOCK     a file of 8 bytes, mapped: nanoseconds by which the wall clock is off
 *     FAULT_SYNC_LOG  a file that gets a line for each syncfs that worked: when it began, in
 *                     nanoseconds of the true wall clock
 *
 * The embedded store, a child, keeps the true clock, as a store on another machine would.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset_ns;
static int sync_log = -1;

static int64_t true_wall_ns(void)
{
    struct timespec ts;

    syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t wall_ns(void)
{
    return true_wall_ns() + (offset_ns ? *offset_ns : 0);
}

/* Whether this is `haystat serve` and not its child. */
static int is_serve(void)
{
    char words[4096] = "";
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, words, sizeof(words) - 1);
    const char *second = words + strlen(words) + 1;

    if (fd >= 0)
        close(fd);
    return n > second - words && strcmp(second, "serve") == 0;
}

__attribute__((constructor)) static void start(void)
{
    const char *clock_path = getenv("FAULT_CLOCK");
    const char *log_path = getenv("FAULT_SYNC_LOG");
    void *map;
    int fd;

    if (!is_serve())
        return;
    if (log_path)
        sync_log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    fd = clock_path ? open(clock_path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    map = mmap(NULL, sizeof(*offset_ns), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        offset_ns = map;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    int64_t ns;

    if (!offset_ns || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return (int)syscall(SYS_clock_gettime, id, ts);
    ns = wall_ns();
    ts->tv_sec = ns / 1000000000;
    ts->tv_nsec = ns % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    int64_t ns = wall_ns();

    (void)zone;
    tv->tv_sec = ns / 1000000000;
    tv->tv_usec = ns % 1000000000 / 1000;
    return 0;
}

time_t time(time_t *out)
{
    time_t seconds = wall_ns() / 1000000000;

    if (out)
        *out = seconds;
    return seconds;
}

int syncfs(int fd)
{
    int64_t began_ns = true_wall_ns();
    int rc = (int)syscall(SYS_syncfs, fd);

    if (rc == 0 && sync_log >= 0)
        dprintf(sync_log, "%lld\n", (long long)began_ns);
    return rc;
}
