/*
 * haystat store: ClickHouse's own server out of libchdb, alone or as the child of `haystat serve`.
 *
 * Alone it prints one line, "ready http=…", on standard output once it serves (store/engine.h).
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "store/engine.h"

enum { SUPERVISOR_FD_MAX = 1023 };

#ifdef HS_COVERAGE
void __gcov_dump(void); /* libgcov's, which has no header for C */
#endif

static int parse_fd(const struct hs_command *command, const char *text, int *out_fd)
{
    uint64_t fd = 0;

    *out_fd = -1;
    if (!text)
        return -1;
    if (hs_str_to_u64(hs_str_c(text), &fd) != HS_OK || fd > SUPERVISOR_FD_MAX ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0)
        return hs_args_usage_error(command, "--supervisor-fd %s is not an open descriptor", text);
    *out_fd = (int)fd;
    return -1;
}

/* The engine sends what ClickHouse prints to a file; our own words need copies of the streams. */
static int run(const struct hs_conf *conf, int supervisor_fd)
{
    struct hs_store_engine_params params = {
        .conf = conf,
        .report_fd = supervisor_fd,
        .supervisor_fd = supervisor_fd,
    };
    int error_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    struct hs_err err = {0};

    if (supervisor_fd < 0)
        params.report_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    if (hs_store_engine_run(&params, &err) == HS_OK)
        return HS_EXIT_DONE;
    if (supervisor_fd < 0 && error_fd >= 0)
        dprintf(error_fd, "haystat store: %s\n", err.text);
    return HS_EXIT_FAILED;
}

int hs_cmd_store(int argc, char **argv)
{
    const char *fd_text = NULL;
    const struct hs_flag flags[] = {
        {"supervisor-fd", "N", "descriptor of a socket to report to, whose end means stop",
         &fd_text},
        {NULL, NULL, NULL, NULL},
    };
    const struct hs_command command = {
        .name = "store",
        .synopsis = "",
        .about = "Runs the embedded store: ClickHouse's HTTP interface and, when\n"
                 "listen.store_native is set, its native protocol, with the users haystat_rw and\n"
                 "haystat_ro, whose passwords lie in <data>/secrets. `haystat serve` starts it by\n"
                 "itself. Ends on SIGTERM. Files are in <data>/store.",
        .flags = flags,
    };
    struct hs_args args;
    int supervisor_fd;
    int rc = hs_args_parse_conf(&command, argc, argv, &args);

    if (rc >= 0)
        return rc;
    rc = parse_fd(&command, fd_text, &supervisor_fd);
    if (rc < 0)
        rc = run(&args.conf, supervisor_fd);
#ifdef HS_COVERAGE
    __gcov_dump();
#endif
    /* ClickHouse leaves threads behind, which the process must not wait for or tear down. */
    _exit(rc);
}
