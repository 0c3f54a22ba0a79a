/* The child process of the supervisor: start it, listen to it, end it. One thread at a time. */
#ifndef HS_STORE_CHILD_H
#define HS_STORE_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "store/engine.h"

enum { HS_STORE_CHILD_ARGS_MAX = 24 };

struct hs_store_child {
    pid_t pid;     /* 0: none */
    int pid_fd;    /* readable when the process has ended; -1 */
    int report_fd; /* our end of the socket; -1 when the child has closed its own */
    char line[HS_STORE_REPORT_MAX];
    size_t line_n;
};

void hs_store_child_init(struct hs_store_child *child);
/* Runs `program` with argv and a bare environment; its descriptor 3 is the socket. HS_EIO.
 * @blocks */
int hs_store_child_start(struct hs_store_child *child, const char *program, char *const argv[],
                         struct hs_err *err);
/* Reads what is there. HS_OK: *out_line is a whole line, borrowed until the next call; HS_EAGAIN:
 * none yet, or the child has closed its end. HS_ECORRUPT: longer than HS_STORE_REPORT_MAX. */
int hs_store_child_read(struct hs_store_child *child, struct hs_str *out_line, struct hs_err *err);
/* Sends a signal; a child that has ended is no error. */
void hs_store_child_signal(const struct hs_store_child *child, int signal);
/* Waits at most wait_ms (-1: for ever) for its end; true when it has ended. @blocks */
bool hs_store_child_wait(const struct hs_store_child *child, int64_t wait_ms);
/* After its end: closes everything and describes the exit ("exit status 1", "signal 9"). @blocks */
void hs_store_child_reap(struct hs_store_child *child, char *out_text, size_t text_max);
/* Resident bytes, 0 when unknown. */
uint64_t hs_store_child_rss(const struct hs_store_child *child);

#endif
